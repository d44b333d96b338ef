/* y = a + b, so dy/da = dy/db = 1. */
#include <heed/ops.h>

#define OP_NAME "add"
#define OP_STRUCT heed_op_add
#define FORWARD(a, b) ((a) + (b))
#define PASSES_DY
#define DRAW_A .low = -2, .high = 2
#define DRAW_B .low = -2, .high = 2
#define TAKES_INTEGERS
#include "binary.h"

heed_tensor heed_add(heed_tape *t, heed_tensor a, heed_tensor b) {
    return heed_apply(t, &heed_op_add, (heed_tensor[]){a, b}, 2, NULL);
}
