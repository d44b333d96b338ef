/* The divergence of Kullback and Leibler, of a target distribution t from log-probabilities x, per item of the batch:
 *
 *     L = sum_i t_i (log t_i - x_i) / N,     N = size of the first axis ("batchmean"), and a term is 0 where t_i = 0
 *
 *     dL/dx_i = -t_i / N,     dL/dt_i = (log t_i + 1 - x_i) / N */
#include <heed/op.h>
#include <heed/ops.h>

static double batch_size(const heed_call *call);

#define OP_NAME "kl_div"
#define OP_STRUCT heed_op_kl_div
#define TERM(x, t) TYPED(heed_select)((t) == 0, 0, (t) * (TYPED(heed_log)(t) - (x)))
#define GRADIENT_X(x, t) (-(t))
#define GRADIENT_TARGET(x, t) (TYPED(heed_log)(t) + 1 - (x))
#define DIVISOR batch_size
#define DRAW {.x = {.low = -4, .high = 0}, .target = {.low = 0.1, .high = 1}}
#include "pairwise.h"

static double batch_size(const heed_call *call) {
    heed_shape shape = call->in[PAIR_X]->shape;
    return shape.rank ? (double)shape.n[0] : 1;
}

heed_tensor heed_kl_div(heed_tape *t, heed_tensor log_probs, heed_tensor target) {
    return heed_apply(t, &heed_op_kl_div, (heed_tensor[]){log_probs, target}, 2, NULL);
}
