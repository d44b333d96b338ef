/* y = a - b, so dy/da = 1, dy/db = -1. */
#include <heed/ops.h>

#define OP_NAME "sub"
#define OP_STRUCT heed_op_sub
#define FORWARD(a, b) ((a) - (b))
#define GRADIENT_A(dy, a, b, y) (dy)
#define GRADIENT_B(dy, a, b, y) (-(dy))
#define SAVE_IN 0
#define SAVE_OUT 0
#define DRAW_A .low = -2, .high = 2
#define DRAW_B .low = -2, .high = 2
#define TAKES_INTEGERS
#include "binary.h"

heed_tensor heed_sub(heed_tape *t, heed_tensor a, heed_tensor b) {
    return heed_apply(t, &heed_op_sub, (heed_tensor[]){a, b}, 2, NULL);
}
