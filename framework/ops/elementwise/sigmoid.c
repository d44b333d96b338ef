/* y = 1 / (1 + e^-x), so dy/dx = e^-x / (1 + e^-x)² = y (1 - y). */
#include <heed/ops.h>

#define OP_NAME "sigmoid"
#define OP_STRUCT heed_op_sigmoid
#define FORWARD(x) TYPED(heed_sigmoid)(x)
#define GRADIENT(dy, x, y) ((dy) * (y) * (1 - (y)))
#define SAVE_IN 0
#define SAVE_OUT HEED_SAVE(0)
#define DRAW {.low = -4, .high = 4}
#include "unary.h"

heed_tensor heed_sigmoid(heed_tape *t, heed_tensor x) {
    return heed_apply(t, &heed_op_sigmoid, &x, 1, NULL);
}
