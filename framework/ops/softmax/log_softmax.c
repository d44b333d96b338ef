/* The logarithm of softmax along one axis: y_i = (x_i - m) - log s with m = max x, s = sum_j e^(x_j - m). It is finite
 * where softmax itself underflows to zero.
 *
 *     dy_i/dx_j = δ_ij - e^y_j
 *     dL/dx_j   = g_j - e^y_j sum_i g_i,     g = dL/dy */
#ifndef REAL

#include "along.h"

#include <heed/ops.h>

#include "../../kernels/rows.h"
#include "../../kernels/vmath.h"

#include <heed/real_f32.h>
#include "log_softmax.c"
#include <heed/real_f64.h>
#include "log_softmax.c"
#include <heed/real_end.h>

const heed_op heed_op_log_softmax = {
    .size = sizeof(heed_op),
    .name = "log_softmax",
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .flags = HEED_STRIDED,
    .attr_size = sizeof(heed_axis_attr),
    .shape = heed_shape_along,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_out = HEED_SAVE(0),
    .samples = heed_sample_along,
};

heed_tensor heed_log_softmax(heed_tape *t, heed_tensor x, int axis) {
    return heed_apply(t, &heed_op_log_softmax, &x, 1, &(heed_axis_attr){axis});
}

#else

static void TYPED(values)(int64_t n, const void *const *in, void *out) {
    const REAL *restrict x = in[0];
    REAL *restrict y = out;
    const REAL max = TYPED(heed_row_max)(x, n);
    for (int64_t i = 0; i < n; i++)
        y[i] = TYPED(heed_exp)(x[i] - max);
    const REAL log_sum = (REAL)log(TYPED(heed_row_sum)(y, n));
    for (int64_t i = 0; i < n; i++)
        y[i] = (x[i] - max) - log_sum;
}

static void TYPED(gradients)(int64_t n, const void *const *in, void *out) {
    const REAL *restrict y = in[0], *restrict dy = in[1];
    REAL *restrict dx = out;
    const REAL sum = (REAL)TYPED(heed_row_sum)(dy, n);
    for (int64_t i = 0; i < n; i++)
        dx[i] = dy[i] - TYPED(heed_exp)(y[i]) * sum;
}

static void TYPED(forward)(heed_call *call) {
    heed_along_attr(call, 1, call->in, call->out[0], TYPED(values));
}

static void TYPED(backward)(heed_call *call) {
    if (call->dx[0])
        heed_along_attr(call, 2, (const heed_array *[]){call->out[0], call->dy[0]}, call->dx[0], TYPED(gradients));
}

#endif
