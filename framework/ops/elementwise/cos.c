/* y = cos x, so dy/dx = -sin x. */
#include <heed/ops.h>

#define OP_NAME "cos"
#define OP_STRUCT heed_op_cos
#define FORWARD(x) TYPED(heed_cos)(x)
#define GRADIENT(dy, x, y) (-(dy) * TYPED(heed_sin)(x))
#define SAVE_IN HEED_SAVE(0)
#define SAVE_OUT 0
#define DRAW {.low = -4, .high = 4}
#define GRAIN HEED_SPAN_GRAIN_SLOW
#include "unary.h"

heed_tensor heed_cos(heed_tape *t, heed_tensor x) {
    return heed_apply(t, &heed_op_cos, &x, 1, NULL);
}
