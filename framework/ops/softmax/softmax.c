/* Softmax along one axis: y_i = e^(x_i - m) / s with m = max x, s = sum_j e^(x_j - m). Subtracting m changes nothing
 * but keeps every exponential at most 1.
 *
 *     dy_i/dx_j = y_i (δ_ij - y_j)
 *     dL/dx_j   = sum_i g_i y_i (δ_ij - y_j) = y_j (g_j - sum_i g_i y_i),     g = dL/dy
 *
 * A row of all -inf is (-inf) - (-inf): NaN. */
#ifndef REAL

#include "along.h"

#include <heed/ops.h>

#include "../../kernels/rows.h"
#include "../../kernels/vmath.h"

#include <heed/real_f32.h>
#include "softmax.c"
#include <heed/real_f64.h>
#include "softmax.c"
#include <heed/real_end.h>

const heed_op heed_op_softmax = {
    .size = sizeof(heed_op),
    .name = "softmax",
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

heed_tensor heed_softmax(heed_tape *t, heed_tensor x, int axis) {
    return heed_apply(t, &heed_op_softmax, &x, 1, &(heed_axis_attr){axis});
}

#else

static void TYPED(values)(int64_t n, const void *const *in, void *out) {
    const REAL *restrict x = in[0];
    REAL *restrict y = out;
    const REAL max = TYPED(heed_row_max)(x, n);
    for (int64_t i = 0; i < n; i++)
        y[i] = TYPED(heed_exp)(x[i] - max);
    const REAL sum = (REAL)TYPED(heed_row_sum)(y, n);
    for (int64_t i = 0; i < n; i++)
        y[i] /= sum;
}

static void TYPED(gradients)(int64_t n, const void *const *in, void *out) {
    const REAL *restrict y = in[0], *restrict dy = in[1];
    REAL *restrict dx = out;
    const REAL mean = (REAL)TYPED(heed_row_dot)(y, dy, n);
    for (int64_t i = 0; i < n; i++)
        dx[i] = y[i] * (dy[i] - mean);
}

static void TYPED(forward)(heed_call *call) {
    heed_along_attr(call, 1, call->in, call->out[0], TYPED(values));
}

static void TYPED(backward)(heed_call *call) {
    if (call->dx[0])
        heed_along_attr(call, 2, (const heed_array *[]){call->out[0], call->dy[0]}, call->dx[0], TYPED(gradients));
}

#endif
