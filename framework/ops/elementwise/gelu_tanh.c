/* y = x/2 (1 + tanh u), u = sqrt(2/pi) (x + 0.044715 x³). With (1 + tanh u)/2 = sigmoid 2u = s and v = 2u:
 * y = x s(v), so dy/dx = s + x s (1 - s) v', v' = 2 sqrt(2/pi) (1 + 3 * 0.044715 x²). */
#include <heed/ops.h>

#define OP_NAME "gelu_tanh"
#define OP_STRUCT heed_op_gelu_tanh
#define FORWARD(x) TYPED(heed_gelu_tanh)(x)
#define GRADIENT(dy, x, y) ((dy) * TYPED(heed_gelu_tanh_dx)(x))
#define SAVE_IN HEED_SAVE(0)
#define SAVE_OUT 0
#define DRAW {.low = -3, .high = 3}
#include "unary.h"

heed_tensor heed_gelu_tanh(heed_tape *t, heed_tensor x) {
    return heed_apply(t, &heed_op_gelu_tanh, &x, 1, NULL);
}
