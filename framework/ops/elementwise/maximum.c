/* y = max(a, b): the gradient goes to the larger; at a tie half to each, so that max(x, x) has that of x.
 * A NaN is passed on, and its gradient to both. */
#include <heed/ops.h>

#define OP_NAME "maximum"
#define OP_STRUCT heed_op_maximum
#define FORWARD(a, b) ((a) > (b) ? (a) : (a) != (a) ? (a) : (b))
#define GRADIENT_A(dy, a, b, y) ((a) < (b) ? 0 : (a) == (b) ? (REAL)0.5 * (dy) : (dy))
#define GRADIENT_B(dy, a, b, y) ((b) < (a) ? 0 : (b) == (a) ? (REAL)0.5 * (dy) : (dy))
#define SAVE_IN HEED_SAVE(0) | HEED_SAVE(1)
#define SAVE_OUT 0
#define DRAW_A .low = -1, .high = 1, .avoid = 0, .avoid_by = 0.4
#define DRAW_B .low = -0.3, .high = 0.3
#include "binary.h"

heed_tensor heed_maximum(heed_tape *t, heed_tensor a, heed_tensor b) {
    return heed_apply(t, &heed_op_maximum, (heed_tensor[]){a, b}, 2, NULL);
}
