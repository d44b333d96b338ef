/* y = |x|, so dy/dx = sign x; 0 at the kink, the middle of its subgradients. */
#include <heed/ops.h>

#define OP_NAME "abs"
#define OP_STRUCT heed_op_abs
#define FORWARD(x) TYPED(heed_fabs)(x)
#define GRADIENT(dy, x, y) ((x) > 0 ? (dy) : (x) < 0 ? -(dy) : 0)
#define SAVE_IN HEED_SAVE(0)
#define SAVE_OUT 0
#define DRAW {.low = -2, .high = 2, .avoid = 0, .avoid_by = 0.1}
#include "unary.h"

heed_tensor heed_abs(heed_tape *t, heed_tensor x) {
    return heed_apply(t, &heed_op_abs, &x, 1, NULL);
}
