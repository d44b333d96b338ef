/* y = x + value, so dy/dx = 1. */
#include <heed/ops.h>

#define OP_NAME "add_scalar"
#define OP_STRUCT heed_op_add_scalar
#define FORWARD(x) ((x) + value)
#define PASSES_DY
#define FIRST value
#define DRAW {.low = -2, .high = 2, .first = 0.75}, {.low = -2, .high = 2, .first = -3}
#include "unary.h"

heed_tensor heed_add_scalar(heed_tape *t, heed_tensor x, double value) {
    return heed_apply(t, &heed_op_add_scalar, &x, 1, &(heed_numbers){.first = value});
}
