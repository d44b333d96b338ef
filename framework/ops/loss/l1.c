/* Mean absolute error: L = sum_i |x_i - t_i| / N.
 *
 *     dL/dx_i = sign(x_i - t_i) / N = -dL/dt_i,     sign(0) = 0 */
#ifndef REAL

#include <heed/ops.h>

#include "../../kernels/rows.h"
#include "../../kernels/vmath.h"
#include "pairwise.h"

static double divisor(const heed_call *call) {
    return (double)heed_array_count(call->in[PAIR_X]);
}

/* The target lies below every x, or above: away from the kink at x = t, and both signs occur. */
static bool samples(int index, heed_sample *sample) {
    heed_sample_input low = {.low = -3, .high = -1}, high = {.low = -0.5, .high = 2};
    return index % 2 ? heed_pair_sample(index, high, low, sample) : heed_pair_sample(index, low, high, sample);
}

#include <heed/real_f32.h>
#include "l1.c"
#include <heed/real_f64.h>
#include "l1.c"
#include <heed/real_end.h>

const heed_op heed_op_l1 = {
    .size = sizeof(heed_op),
    .name = "l1",
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .shape = heed_shape_pair,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_in = HEED_SAVE(PAIR_X) | HEED_SAVE(PAIR_TARGET),
    .samples = samples,
};

heed_tensor heed_l1(heed_tape *t, heed_tensor x, heed_tensor target) {
    return heed_apply(t, &heed_op_l1, (heed_tensor[]){x, target}, 2, NULL);
}

#else

/* NaN passes. */
static inline REAL TYPED(sign)(REAL e) {
    return e > 0 ? 1 : e < 0 ? -1 : e;
}

static inline REAL TYPED(term)(REAL x, REAL target, REAL delta) {
    (void)delta;
    return TYPED(heed_fabs)(x - target);
}

static inline REAL TYPED(d_x)(REAL x, REAL target, REAL delta) {
    (void)delta;
    return TYPED(sign)(x - target);
}

static inline REAL TYPED(d_target)(REAL x, REAL target, REAL delta) {
    (void)delta;
    return TYPED(sign)(target - x);
}

#include "pairwise_typed.h"

#endif
