/* The logarithm of softmax along one axis: y_i = (x_i - m) - log s with m = max x, s = sum_j e^(x_j - m). It is finite
 * where softmax itself underflows to zero.
 *
 *     dy_i/dx_j = δ_ij - e^y_j
 *     dL/dx_j   = g_j - e^y_j sum_i g_i,     g = dL/dy */
#ifndef REAL
#include <heed/ops.h>

#define OP_NAME "log_softmax"
#define OP_STRUCT heed_op_log_softmax
#define OP_FILE "log_softmax.c"
#include "along_op.h"

heed_tensor heed_log_softmax(heed_tape *t, heed_tensor x, int axis) {
    return heed_apply(t, &heed_op_log_softmax, &x, 1, &(heed_axis_attr){axis});
}

#else

static void TYPED(values)(int64_t n, const void *const *in, void *out) {
    const REAL *restrict x = in[0];
    REAL *restrict y = out;
    const REAL max = TYPED(heed_row_max)(x, n);
    TYPED(heed_row_exp)(y, x, n, max, 1);
    const REAL log_sum = (REAL)log(TYPED(heed_row_sum)(y, n));
    for (int64_t i = 0; i < n; i++)
        y[i] = (x[i] - max) - log_sum;
}

static void TYPED(gradients)(int64_t n, const void *const *in, void *out) {
    const REAL *restrict y = in[0], *restrict dy = in[1];
    REAL *restrict dx = out;
    const REAL sum = (REAL)TYPED(heed_row_sum)(dy, n);
    TYPED(heed_row_exp)(dx, y, n, 0, sum);
    for (int64_t i = 0; i < n; i++)
        dx[i] = dy[i] - dx[i];
}

#endif
