/* y = log x, so dy/dx = 1 / x. */
#include <heed/ops.h>

#define OP_NAME "log"
#define OP_STRUCT heed_op_log
#define FORWARD(x) TYPED(heed_log)(x)
#define GRADIENT(dy, x, y) ((dy) / (x))
#define SAVE_IN HEED_SAVE(0)
#define SAVE_OUT 0
#define DRAW {.low = 0.3, .high = 4}
#include "unary.h"

heed_tensor heed_log(heed_tape *t, heed_tensor x) {
    return heed_apply(t, &heed_op_log, &x, 1, NULL);
}
