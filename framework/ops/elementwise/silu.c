/* y = x s, s = sigmoid x, so dy/dx = s + x s (1 - s). */
#include <heed/ops.h>

#define OP_NAME "silu"
#define OP_STRUCT heed_op_silu
#define FORWARD(x) TYPED(heed_silu)(x)
#define GRADIENT(dy, x, y) ((dy) * TYPED(heed_silu_dx)(x))
#define SAVE_IN HEED_SAVE(0)
#define SAVE_OUT 0
#define DRAW {.low = -4, .high = 4}
#include "unary.h"

heed_tensor heed_silu(heed_tape *t, heed_tensor x) {
    return heed_apply(t, &heed_op_silu, &x, 1, NULL);
}
