/* y = sqrt x, so dy/dx = 1 / (2 y). */
#include <heed/ops.h>

#define OP_NAME "sqrt"
#define OP_STRUCT heed_op_sqrt
#define FORWARD(x) TYPED(heed_sqrt)(x)
#define GRADIENT(dy, x, y) ((dy) / (2 * (y)))
#define SAVE_IN 0
#define SAVE_OUT HEED_SAVE(0)
#define DRAW {.low = 0.3, .high = 4}
#include "unary.h"

heed_tensor heed_sqrt(heed_tape *t, heed_tensor x) {
    return heed_apply(t, &heed_op_sqrt, &x, 1, NULL);
}
