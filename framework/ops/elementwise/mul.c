/* y = a b, so dy/da = b, dy/db = a. */
#include <heed/ops.h>

#define OP_NAME "mul"
#define OP_STRUCT heed_op_mul
#define FORWARD(a, b) ((a) * (b))
#define GRADIENT_A(dy, a, b, y) ((dy) * (b))
#define GRADIENT_B(dy, a, b, y) ((dy) * (a))
#define SAVE_IN HEED_SAVE(0) | HEED_SAVE(1)
#define SAVE_OUT 0
#define DRAW_A .low = -2, .high = 2
#define DRAW_B .low = -2, .high = 2
#define TAKES_INTEGERS
#include "binary.h"

heed_tensor heed_mul(heed_tape *t, heed_tensor a, heed_tensor b) {
    return heed_apply(t, &heed_op_mul, (heed_tensor[]){a, b}, 2, NULL);
}
