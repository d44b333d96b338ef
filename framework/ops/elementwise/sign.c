/* y = -1, 0 or 1 by the sign of x. Flat wherever it has a derivative, so backward stops here. NaN counts as 0. */
#include <heed/ops.h>

#define OP_NAME "sign"
#define OP_STRUCT heed_op_sign
#define FORWARD(x) ((x) > 0 ? (REAL)1 : (x) < 0 ? (REAL)-1 : (REAL)0)
#define DRAW {.low = -2, .high = 2, .avoid = 0, .avoid_by = 0.1}
#include "unary.h"

heed_tensor heed_sign(heed_tape *t, heed_tensor x) {
    return heed_apply(t, &heed_op_sign, &x, 1, NULL);
}
