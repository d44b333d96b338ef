/* Softmax along one axis: y_i = e^(x_i - m) / s with m = max x, s = sum_j e^(x_j - m). Subtracting m changes nothing
 * but keeps every exponential at most 1.
 *
 *     dy_i/dx_j = y_i (δ_ij - y_j)
 *     dL/dx_j   = sum_i g_i y_i (δ_ij - y_j) = y_j (g_j - sum_i g_i y_i),     g = dL/dy
 *
 * A row of all -inf is (-inf) - (-inf): NaN. */
#ifndef REAL
#include <heed/ops.h>

#define OP_NAME "softmax"
#define OP_STRUCT heed_op_softmax
#define OP_FILE "softmax.c"
#include "along_op.h"

heed_tensor heed_softmax(heed_tape *t, heed_tensor x, int axis) {
    return heed_apply(t, &heed_op_softmax, &x, 1, &(heed_axis_attr){axis});
}

#else

static void TYPED(values)(int64_t n, const void *const *in, void *out) {
    const REAL *restrict x = in[0];
    REAL *restrict y = out;
    const REAL max = TYPED(heed_row_max)(x, n);
    TYPED(heed_row_exp)(y, x, n, max, 1);
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

#endif
