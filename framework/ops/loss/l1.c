/* Mean absolute error: L = sum_i |x_i - t_i| / N, N = number of elements.
 *
 *     dL/dx_i = sign(x_i - t_i) / N = -dL/dt_i,     sign(0) = 0, and a NaN passes */
#include <heed/ops.h>

#define SIGN(e) ((e) > 0 ? 1 : (e) < 0 ? -1 : (e))

#define OP_NAME "l1"
#define OP_STRUCT heed_op_l1
#define TERM(x, t) TYPED(heed_fabs)((x) - (t))
#define GRADIENT_X(x, t) SIGN((x) - (t))
#define GRADIENT_TARGET(x, t) SIGN((t) - (x))
#define DIVISOR heed_pair_elements
/* The target lies above every x, or below: away from the kink at x = t, and both signs occur. */
#define DRAW {.x = {.low = -3, .high = -1}, .target = {.low = -0.5, .high = 2}}, \
             {.x = {.low = -0.5, .high = 2}, .target = {.low = -3, .high = -1}}
#include "pairwise.h"

heed_tensor heed_l1(heed_tape *t, heed_tensor x, heed_tensor target) {
    return heed_apply(t, &heed_op_l1, (heed_tensor[]){x, target}, 2, NULL);
}
