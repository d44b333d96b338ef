/* y = factor x, so dy/dx = factor. */
#include <heed/ops.h>

#define OP_NAME "scale"
#define OP_STRUCT heed_op_scale
#define FORWARD(x) (factor * (x))
#define GRADIENT(dy, x, y) (factor * (dy))
#define SAVE_IN 0
#define SAVE_OUT 0
#define FIRST factor
#define DRAW {.low = -2, .high = 2, .first = 0.125}, {.low = -2, .high = 2, .first = -3}
#include "unary.h"

heed_tensor heed_scale(heed_tape *t, heed_tensor x, double factor) {
    return heed_apply(t, &heed_op_scale, &x, 1, &(heed_numbers){.first = factor});
}
