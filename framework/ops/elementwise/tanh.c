/* y = tanh x, so dy/dx = 1 - tanh² x = 1 - y². */
#include <heed/ops.h>

#define OP_NAME "tanh"
#define OP_STRUCT heed_op_tanh
#define FORWARD(x) TYPED(heed_tanh)(x)
#define GRADIENT(dy, x, y) ((dy) * (1 - (y) * (y)))
#define SAVE_IN 0
#define SAVE_OUT HEED_SAVE(0)
#define DRAW {.low = -2, .high = 2}
#include "unary.h"

heed_tensor heed_tanh(heed_tape *t, heed_tensor x) {
    return heed_apply(t, &heed_op_tanh, &x, 1, NULL);
}
