/* The divergence of Kullback and Leibler, of a target distribution t from log-probabilities x, per item of the batch:
 *
 *     L = sum_i t_i (log t_i - x_i) / N,     N = size of the first axis ("batchmean"), and a term is 0 where t_i = 0
 *
 *     dL/dx_i = -t_i / N,     dL/dt_i = (log t_i + 1 - x_i) / N */
#ifndef REAL

#include <heed/ops.h>

#include "../../kernels/rows.h"
#include "../../kernels/vmath.h"
#include "pairwise.h"

static double divisor(const heed_call *call) {
    heed_shape shape = call->in[PAIR_X]->shape;
    return shape.rank ? (double)shape.n[0] : 1;
}

static bool samples(int index, heed_sample *sample) {
    return heed_pair_sample(index, (heed_sample_input){.low = -4, .high = 0},
                            (heed_sample_input){.low = 0.1, .high = 1}, sample);
}

#include <heed/real_f32.h>
#include "kl_div.c"
#include <heed/real_f64.h>
#include "kl_div.c"
#include <heed/real_end.h>

const heed_op heed_op_kl_div = {
    .size = sizeof(heed_op),
    .name = "kl_div",
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .shape = heed_shape_pair,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_in = HEED_SAVE(PAIR_X) | HEED_SAVE(PAIR_TARGET),
    .samples = samples,
};

heed_tensor heed_kl_div(heed_tape *t, heed_tensor log_probs, heed_tensor target) {
    return heed_apply(t, &heed_op_kl_div, (heed_tensor[]){log_probs, target}, 2, NULL);
}

#else

static inline REAL TYPED(term)(REAL x, REAL target, REAL delta) {
    (void)delta;
    const REAL term = target * (TYPED(heed_log)(target) - x);
    return target == 0 ? 0 : term;
}

static inline REAL TYPED(d_x)(REAL x, REAL target, REAL delta) {
    (void)x, (void)delta;
    return -target;
}

static inline REAL TYPED(d_target)(REAL x, REAL target, REAL delta) {
    (void)delta;
    return TYPED(heed_log)(target) + 1 - x;
}

#include "pairwise_typed.h"

#endif
