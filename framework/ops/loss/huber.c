/* Huber's loss (1964), quadratic near 0 and linear beyond delta: with e = x - t,
 *
 *     L = sum_i h(e_i) / N,     h(e) = e²/2 where |e| <= delta, else delta (|e| - delta/2)
 *     h'(e) = e clamped to -delta .. delta,     dL/dx_i = h'(e_i) / N = -dL/dt_i */
#ifndef REAL

#include <string.h>

#include <heed/ops.h>

#include "../../kernels/rows.h"
#include "../../kernels/vmath.h"
#include "pairwise.h"

static double divisor(const heed_call *call) {
    return (double)heed_array_count(call->in[PAIR_X]);
}

static heed_status shape(heed_call *call) {
    const heed_pair_attr *attr = call->attr;
    if (!(attr->delta > 0))
        return heed_fail(call, "delta is %g, must be above 0", attr->delta);
    return heed_shape_pair(call);
}

static bool samples(int index, heed_sample *sample) {
    if (!heed_pair_sample(index, (heed_sample_input){.low = -2, .high = 2}, (heed_sample_input){.low = -2, .high = 2},
                          sample))
        return false;
    memcpy(sample->attr.bytes,
           &(heed_pair_attr){.delta = index % 3 == 0   ? 1
                                      : index % 3 == 1 ? 0.25
                                                       : 10},
           sizeof(heed_pair_attr));
    return true;
}

#include <heed/real_f32.h>
#include "huber.c"
#include <heed/real_f64.h>
#include "huber.c"
#include <heed/real_end.h>

const heed_op heed_op_huber = {
    .size = sizeof(heed_op),
    .name = "huber",
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .attr_size = sizeof(heed_pair_attr),
    .shape = shape,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_in = HEED_SAVE(PAIR_X) | HEED_SAVE(PAIR_TARGET),
    .samples = samples,
};

heed_tensor heed_huber(heed_tape *t, heed_tensor x, heed_tensor target, double delta) {
    return heed_apply(t, &heed_op_huber, (heed_tensor[]){x, target}, 2, &(heed_pair_attr){delta});
}

#else

static inline REAL TYPED(slope)(REAL e, REAL delta) {
    e = e > delta ? delta : e;
    return e < -delta ? -delta : e;
}

static inline REAL TYPED(term)(REAL x, REAL target, REAL delta) {
    const REAL e = TYPED(heed_fabs)(x - target);
    return e > delta ? delta * (e - delta / 2) : e * e / 2;
}

static inline REAL TYPED(d_x)(REAL x, REAL target, REAL delta) {
    return TYPED(slope)(x - target, delta);
}

static inline REAL TYPED(d_target)(REAL x, REAL target, REAL delta) {
    return TYPED(slope)(target - x, delta);
}

#include "pairwise_typed.h"

#endif
