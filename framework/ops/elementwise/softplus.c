/* y = log(1 + e^x), so dy/dx = e^x / (1 + e^x) = sigmoid x. */
#include <heed/ops.h>

#define OP_NAME "softplus"
#define OP_STRUCT heed_op_softplus
#define FORWARD(x) TYPED(heed_softplus)(x)
#define GRADIENT(dy, x, y) ((dy) * TYPED(heed_sigmoid)(x))
#define SAVE_IN HEED_SAVE(0)
#define SAVE_OUT 0
#define DRAW {.low = -4, .high = 4}
#include "unary.h"

heed_tensor heed_softplus(heed_tape *t, heed_tensor x) {
    return heed_apply(t, &heed_op_softplus, &x, 1, NULL);
}
