/* y = max(x, 0), so dy/dx = 1 where y > 0, else 0. A NaN is passed on, both ways. */
#include <heed/ops.h>

#define OP_NAME "relu"
#define OP_STRUCT heed_op_relu
#define FORWARD(x) ((x) <= 0 ? 0 : (x))
#define GRADIENT(dy, x, y) ((y) <= 0 ? 0 : (dy))
#define SAVE_IN 0
#define SAVE_OUT HEED_SAVE(0)
#define DRAW {.low = -2, .high = 2, .avoid = 0, .avoid_by = 0.1}
#include "unary.h"

heed_tensor heed_relu(heed_tape *t, heed_tensor x) {
    return heed_apply(t, &heed_op_relu, &x, 1, NULL);
}
