/* Root-mean-square normalisation of rows of D elements (Zhang and Sennrich 2019):
 *
 *     z_i = x_i r,     r = 1 / sqrt(mean of x² + eps),     y_i = z_i gain_i
 *
 * With h_i = gain_i dL/dy_i, and dr/dx_j = -r^3 x_j / D:
 *
 *     dL/dx_j    = r (h_j - z_j mean of (h z))
 *     dL/dgain_i = sum over rows of z_i dL/dy_i
 *
 * A row of zeros with eps = 0 counts as r = 0. r of each row is saved. Backward reads x and dy from memory once: a row's part of
 * the gradient of gain is summed beside making its dx. */
#ifndef REAL

#include <math.h>

#include <heed/ops.h>

#include "../elementwise/span.h"
#include "norm.h"

enum { X, GAIN };
enum { LANES = HEED_NORM_LANES };

static heed_status shape(heed_call *call) {
    if (heed_shape_norm(call, (const char *[]){"gain"}))
        return HEED_INVALID;
    if (call->needs_grad && __builtin_mul_overflow((size_t)heed_norm_rows(call), sizeof(double), &call->saved_bytes))
        return heed_fail(call, "%s has too many rows", HEED_SHAPE_STR(call->in[X]->shape));
    call->backward_workspace_bytes = heed_norm_backward_workspace(call);
    return HEED_OK;
}

static const void *gain_of(const heed_call *call) {
    return call->in[GAIN] ? call->in[GAIN]->data : NULL;
}

static bool samples(int index, heed_sample *sample) {
    return heed_norm_sample(index, 1, sample);
}

#include <heed/real_f32.h>
#include "rmsnorm.c"
#include <heed/real_f64.h>
#include "rmsnorm.c"
#include <heed/real_end.h>

const heed_op heed_op_rmsnorm = {
    .size = sizeof(heed_op),
    .name = "rmsnorm",
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .optional = HEED_SAVE(GAIN),
    .flags = HEED_ACCUMULATES,
    .attr_size = sizeof(heed_norm_attr),
    .shape = shape,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_in = HEED_SAVE(X) | HEED_SAVE(GAIN),
    .samples = samples,
};

heed_tensor heed_rmsnorm(heed_tape *t, heed_tensor x, heed_tensor gain, double eps) {
    return heed_apply(t, &heed_op_rmsnorm, (heed_tensor[]){x, gain}, 2, &(heed_norm_attr){eps});
}

#else

/* sum x_i² */
static double TYPED(sum_of_squares)(const REAL *restrict x, int64_t n) {
    double chain[LANES] = {0};
    const int64_t whole = n - n % LANES;
    for (int64_t i = 0; i < whole; i += LANES)
        for (int j = 0; j < LANES; j++)
            chain[j] += (double)x[i + j] * (double)x[i + j];
    for (int64_t i = whole; i < n; i++)
        chain[i - whole] += (double)x[i] * (double)x[i];
    return heed_norm_fold(chain);
}

static void TYPED(forward_rows)(void *context, int64_t begin, int64_t end) {
    const heed_call *call = context;
    const heed_norm_attr *attr = call->attr;
    const int64_t n = heed_norm_width(call);
    const REAL *restrict gain = gain_of(call);
    double *saved = call->saved;
    for (int64_t row = begin; row < end; row++) {
        const REAL *restrict x = (const REAL *)call->in[X]->data + row * n;
        REAL *restrict y = (REAL *)call->out[0]->data + row * n;
        const double spread = TYPED(sum_of_squares)(x, n) / (double)n + attr->eps, r = spread == 0 ? 0 : 1 / sqrt(spread);
        for (int64_t i = 0; i < n; i++)
            y[i] = (REAL)((double)x[i] * r);
        for (int64_t i = 0; i < n && gain; i++)
            y[i] *= gain[i];
        if (call->needs_grad)
            saved[row] = r;
    }
}

static void TYPED(forward)(heed_call *call) {
    heed_parallel(call, heed_norm_rows(call), heed_norm_grain(call), TYPED(forward_rows), call);
}

/* ---- gradients ---- */

/* In double, for little may be left of them in dx. */
static inline double TYPED(h_of)(const REAL *dy, const REAL *gain, int64_t i) {
    return gain ? (double)gain[i] * (double)dy[i] : (double)dy[i];
}

/* sum h_i x_i */
HEED_SPECIALISED double TYPED(sum_of_hx)(const REAL *x, const REAL *dy, const REAL *gain, int64_t n) {
    double chain[LANES] = {0};
    const int64_t whole = n - n % LANES;
    for (int64_t i = 0; i < whole; i += LANES)
        for (int j = 0; j < LANES; j++)
            chain[j] += TYPED(h_of)(dy, gain, i + j) * (double)x[i + j];
    for (int64_t i = whole; i < n; i++)
        chain[i - whole] += TYPED(h_of)(dy, gain, i) * (double)x[i];
    return heed_norm_fold(chain);
}

HEED_SPECIALISED void TYPED(dx_of_row)(const REAL *restrict x, const REAL *restrict dy, const REAL *restrict gain,
                                       int64_t n, double r, const bool accumulate, REAL *restrict dx) {
    const double mean_hz = TYPED(sum_of_hx)(x, dy, gain, n) * r / (double)n;
    for (int64_t i = 0; i < n; i++) {
        const REAL d = (REAL)(r * (TYPED(h_of)(dy, gain, i) - (double)x[i] * r * mean_hz));
        dx[i] = accumulate ? dx[i] + d : d;
    }
}

static void TYPED(row_backward)(const heed_call *call, int64_t row, double *sums) {
    const int64_t n = heed_norm_width(call);
    const double r = ((const double *)call->saved)[row];
    const REAL *restrict x = (const REAL *)call->in[X]->data + row * n;
    const REAL *restrict dy = (const REAL *)call->dy[0]->data + row * n, *gain = gain_of(call);
    REAL *dx = call->dx[X] ? (REAL *)call->dx[X]->data + row * n : NULL;
    if (dx && gain && call->accumulate[X])
        TYPED(dx_of_row)(x, dy, gain, n, r, true, dx);
    else if (dx && gain)
        TYPED(dx_of_row)(x, dy, gain, n, r, false, dx);
    else if (dx)
        TYPED(dx_of_row)(x, dy, NULL, n, r, call->accumulate[X], dx);
    for (int64_t i = 0; i < n && sums; i++)
        sums[i] += (double)x[i] * r * (double)dy[i];
}

static void TYPED(backward)(heed_call *call) {
    heed_norm_backward(call, TYPED(row_backward));
}

#endif
