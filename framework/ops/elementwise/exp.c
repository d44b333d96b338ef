/* y = e^x, so dy/dx = y. */
#include <heed/ops.h>

#define OP_NAME "exp"
#define OP_STRUCT heed_op_exp
#define FORWARD(x) TYPED(heed_exp)(x)
#define GRADIENT(dy, x, y) ((dy) * (y))
#define SAVE_IN 0
#define SAVE_OUT HEED_SAVE(0)
#define DRAW {.low = -2, .high = 2}
#include "unary.h"

heed_tensor heed_exp(heed_tape *t, heed_tensor x) {
    return heed_apply(t, &heed_op_exp, &x, 1, NULL);
}
