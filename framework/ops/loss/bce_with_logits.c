/* Binary cross-entropy of logits x against targets t in [0, 1]: with p = sigmoid(x) and N = number of elements,
 *
 *     L = -sum_i (t_i log p_i + (1 - t_i) log(1 - p_i)) / N = sum_i (max(x_i, 0) - x_i t_i + log(1 + e^-|x_i|)) / N
 *
 * where the right-hand form neither overflows nor cancels.
 *
 *     dL/dx_i = (p_i - t_i) / N,     dL/dt_i = -x_i / N */
#include <heed/ops.h>

#define RAMP(x) ((x) < 0 ? 0 : (x)) /* NaN passes */

#define OP_NAME "bce_with_logits"
#define OP_STRUCT heed_op_bce_with_logits
#define TERM(x, t) ((RAMP(x) - (x) * (t)) + TYPED(heed_log1p)(TYPED(heed_exp)(-TYPED(heed_fabs)(x))))
#define GRADIENT_X(x, t) (TYPED(heed_sigmoid)(x) - (t))
#define GRADIENT_TARGET(x, t) (-(x))
#define DIVISOR heed_pair_elements
#define DRAW {.x = {.low = -4, .high = 4, .avoid = 0, .avoid_by = 0.01}, .target = {.low = 0, .high = 1}}
#include "pairwise.h"

heed_tensor heed_bce_with_logits(heed_tape *t, heed_tensor x, heed_tensor target) {
    return heed_apply(t, &heed_op_bce_with_logits, (heed_tensor[]){x, target}, 2, NULL);
}
