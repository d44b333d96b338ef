/* y = -x, so dy/dx = -1. */
#include <heed/ops.h>

#define OP_NAME "neg"
#define OP_STRUCT heed_op_neg
#define FORWARD(x) (-(x))
#define GRADIENT(dy, x, y) (-(dy))
#define SAVE_IN 0
#define SAVE_OUT 0
#define DRAW {.low = -2, .high = 2}
#include "unary.h"

heed_tensor heed_neg(heed_tape *t, heed_tensor x) {
    return heed_apply(t, &heed_op_neg, &x, 1, NULL);
}
