/* Binary cross-entropy of logits x against targets t in [0, 1]: with p = sigmoid(x),
 *
 *     L = -sum_i (t_i log p_i + (1 - t_i) log(1 - p_i)) / N = sum_i (max(x_i, 0) - x_i t_i + log(1 + e^-|x_i|)) / N
 *
 * where the right-hand form neither overflows nor cancels.
 *
 *     dL/dx_i = (p_i - t_i) / N,     dL/dt_i = -x_i / N */
#ifndef REAL

#include <heed/ops.h>

#include "../../kernels/rows.h"
#include "../../kernels/vmath.h"
#include "pairwise.h"

static double divisor(const heed_call *call) {
    return (double)heed_array_count(call->in[PAIR_X]);
}

static bool samples(int index, heed_sample *sample) {
    return heed_pair_sample(index, (heed_sample_input){.low = -4, .high = 4, .avoid = 0, .avoid_by = 0.01},
                            (heed_sample_input){.low = 0, .high = 1}, sample);
}

#include <heed/real_f32.h>
#include "bce_with_logits.c"
#include <heed/real_f64.h>
#include "bce_with_logits.c"
#include <heed/real_end.h>

const heed_op heed_op_bce_with_logits = {
    .size = sizeof(heed_op),
    .name = "bce_with_logits",
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .shape = heed_shape_pair,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_in = HEED_SAVE(PAIR_X) | HEED_SAVE(PAIR_TARGET),
    .samples = samples,
};

heed_tensor heed_bce_with_logits(heed_tape *t, heed_tensor x, heed_tensor target) {
    return heed_apply(t, &heed_op_bce_with_logits, (heed_tensor[]){x, target}, 2, NULL);
}

#else

static inline REAL TYPED(term)(REAL x, REAL target, REAL delta) {
    (void)delta;
    const REAL ramp = x < 0 ? 0 : x; /* NaN passes */
    return (ramp - x * target) + TYPED(heed_log1p)(TYPED(heed_exp)(-TYPED(heed_fabs)(x)));
}

static inline REAL TYPED(d_x)(REAL x, REAL target, REAL delta) {
    (void)delta;
    return TYPED(heed_sigmoid)(x) - target;
}

static inline REAL TYPED(d_target)(REAL x, REAL target, REAL delta) {
    (void)target, (void)delta;
    return -x;
}

#include "pairwise_typed.h"

#endif
