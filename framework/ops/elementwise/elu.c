/* y = x where x > 0, else alpha (e^x - 1), so dy/dx = 1 or alpha e^x. Clevert, Unterthiner, Hochreiter 2016.
 * Written as a sum of both cases, one of which is 0, so that loops have no branches; e^-|x| is e^x where it counts. */
#include <heed/ops.h>

#define OP_NAME "elu"
#define OP_STRUCT heed_op_elu
#define FORWARD(x) (((x) > 0 ? (x) : 0) + ((x) > 0 ? 0 : alpha) * TYPED(heed_expm1)(-TYPED(heed_fabs)(x)))
#define GRADIENT(dy, x, y) ((dy) * (((x) > 0 ? 1 : 0) + ((x) > 0 ? 0 : alpha) * TYPED(heed_exp)(-TYPED(heed_fabs)(x))))
#define SAVE_IN HEED_SAVE(0)
#define SAVE_OUT 0
#define FIRST alpha
#define DRAW {.low = -2, .high = 2, .avoid = 0, .avoid_by = 0.1, .first = 1}, \
             {.low = -2, .high = 2, .avoid = 0, .avoid_by = 0.1, .first = 0.3}
#include "unary.h"

heed_tensor heed_elu(heed_tape *t, heed_tensor x, double alpha) {
    return heed_apply(t, &heed_op_elu, &x, 1, &(heed_numbers){.first = alpha});
}
