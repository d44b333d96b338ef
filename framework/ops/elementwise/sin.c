/* y = sin x, so dy/dx = cos x. */
#include <heed/ops.h>

#define OP_NAME "sin"
#define OP_STRUCT heed_op_sin
#define FORWARD(x) TYPED(heed_sin)(x)
#define GRADIENT(dy, x, y) ((dy) * TYPED(heed_cos)(x))
#define SAVE_IN HEED_SAVE(0)
#define SAVE_OUT 0
#define DRAW {.low = -4, .high = 4}
#define GRAIN HEED_SPAN_GRAIN_SLOW
#include "unary.h"

heed_tensor heed_sin(heed_tape *t, heed_tensor x) {
    return heed_apply(t, &heed_op_sin, &x, 1, NULL);
}
