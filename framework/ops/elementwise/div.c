/* y = a / b, so dy/da = 1 / b, dy/db = -a / b² = -y / b. */
#include <heed/ops.h>

#define OP_NAME "div"
#define OP_STRUCT heed_op_div
#define FORWARD(a, b) ((a) / (b))
#define GRADIENT_A(dy, a, b, y) ((dy) / (b))
#define GRADIENT_B(dy, a, b, y) (-(dy) * ((y) / (b)))
#define SAVE_IN HEED_SAVE(1)
#define SAVE_OUT HEED_SAVE(0)
#define DRAW_A .low = -2, .high = 2
#define DRAW_B .low = -2, .high = 2, .avoid = 0, .avoid_by = 0.4
#include "binary.h"

heed_tensor heed_div(heed_tape *t, heed_tensor a, heed_tensor b) {
    return heed_apply(t, &heed_op_div, (heed_tensor[]){a, b}, 2, NULL);
}
