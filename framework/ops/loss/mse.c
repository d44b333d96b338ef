/* Mean squared error: L = sum_i (x_i - t_i)² / N.
 *
 *     dL/dx_i = 2 (x_i - t_i) / N = -dL/dt_i */
#ifndef REAL

#include <heed/ops.h>

#include "../../kernels/rows.h"
#include "../../kernels/vmath.h"
#include "pairwise.h"

static double divisor(const heed_call *call) {
    return (double)heed_array_count(call->in[PAIR_X]);
}

static bool samples(int index, heed_sample *sample) {
    return heed_pair_sample(index, (heed_sample_input){.low = -2, .high = 2}, (heed_sample_input){.low = -2, .high = 2},
                            sample);
}

#include <heed/real_f32.h>
#include "mse.c"
#include <heed/real_f64.h>
#include "mse.c"
#include <heed/real_end.h>

const heed_op heed_op_mse = {
    .size = sizeof(heed_op),
    .name = "mse",
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .shape = heed_shape_pair,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_in = HEED_SAVE(PAIR_X) | HEED_SAVE(PAIR_TARGET),
    .samples = samples,
};

heed_tensor heed_mse(heed_tape *t, heed_tensor x, heed_tensor target) {
    return heed_apply(t, &heed_op_mse, (heed_tensor[]){x, target}, 2, NULL);
}

#else

static inline REAL TYPED(term)(REAL x, REAL target, REAL delta) {
    (void)delta;
    return (x - target) * (x - target);
}

static inline REAL TYPED(d_x)(REAL x, REAL target, REAL delta) {
    (void)delta;
    return 2 * (x - target);
}

static inline REAL TYPED(d_target)(REAL x, REAL target, REAL delta) {
    (void)delta;
    return 2 * (target - x);
}

#include "pairwise_typed.h"

#endif
