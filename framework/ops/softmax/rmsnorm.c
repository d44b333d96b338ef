/* Root-mean-square normalisation of rows of D elements (Zhang and Sennrich 2019):
 *
 *     z_i = x_i r,     r = 1 / sqrt(mean of x² + eps),     y_i = z_i gain_i
 *
 * With h_i = gain_i dL/dy_i, and dr/dx_j = -r^3 x_j / D:
 *
 *     dL/dx_j    = r (h_j - z_j mean of (h z))
 *     dL/dgain_i = sum over rows of z_i dL/dy_i
 *
 * A row of zeros with eps = 0 counts as r = 0. r of each row is saved. */
#ifndef REAL

#include "norm.h"

#include <math.h>

#include <heed/ops.h>

enum { X, GAIN };

static heed_status shape(heed_call *call) {
    if (heed_shape_norm(call, (const char *[]){"gain"}))
        return HEED_INVALID;
    if (call->needs_grad && __builtin_mul_overflow((size_t)heed_norm_rows(call), sizeof(double), &call->saved_bytes))
        return heed_fail(call, "%s has too many rows", HEED_SHAPE_STR(call->in[X]->shape));
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

/* sum x_i y_i in 16 chains, element i in chain i modulo 16, and the chains by halves. */
static double TYPED(dot)(const REAL *restrict x, const REAL *restrict y, int64_t n) {
    enum { LANES = 16 };
    double part[LANES] = {0};
    int64_t whole = n - n % LANES;
    for (int64_t i = 0; i < whole; i += LANES)
        for (int j = 0; j < LANES; j++)
            part[j] += (double)x[i + j] * (double)y[i + j];
    for (int64_t i = whole; i < n; i++)
        part[i - whole] += (double)x[i] * (double)y[i];
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            part[i] += part[i + half];
    return part[0];
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
        const double spread = TYPED(dot)(x, x, n) / (double)n + attr->eps, r = spread == 0 ? 0 : 1 / sqrt(spread);
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

static void TYPED(dx_rows)(void *context, int64_t begin, int64_t end) {
    const heed_call *call = context;
    const int64_t n = heed_norm_width(call);
    const REAL *restrict gain = gain_of(call);
    const double *saved = call->saved;
    for (int64_t row = begin; row < end; row++) {
        const REAL *restrict x = (const REAL *)call->in[X]->data + row * n;
        const REAL *restrict dy = (const REAL *)call->dy[0]->data + row * n;
        REAL *restrict dx = (REAL *)call->dx[X]->data + row * n;
        const double r = saved[row];
        for (int64_t i = 0; i < n; i++)
            dx[i] = gain ? gain[i] * dy[i] : dy[i];
        const double mean = TYPED(dot)(dx, x, n) * r / (double)n;
        for (int64_t i = 0; i < n; i++)
            dx[i] = (REAL)(r * ((double)dx[i] - (double)x[i] * r * mean));
    }
}

/* The gradient of gain in columns begin .. end - 1: down the rows, a strip of columns at a time. */
static void TYPED(gain_strips)(void *context, int64_t begin, int64_t end) {
    const heed_call *call = context;
    const int64_t n = heed_norm_width(call), rows = heed_norm_rows(call);
    const double *saved = call->saved;
    for (int64_t first = begin; first < end; first += HEED_NORM_STRIP) {
        const int64_t width = end - first < HEED_NORM_STRIP ? end - first : HEED_NORM_STRIP;
        double sum[HEED_NORM_STRIP] = {0};
        for (int64_t row = 0; row < rows; row++) {
            const REAL *restrict x = (const REAL *)call->in[X]->data + row * n + first;
            const REAL *restrict dy = (const REAL *)call->dy[0]->data + row * n + first;
            for (int64_t i = 0; i < width; i++)
                sum[i] += (double)dy[i] * ((double)x[i] * saved[row]);
        }
        for (int64_t i = 0; i < width; i++)
            ((REAL *)call->dx[GAIN]->data)[first + i] = (REAL)sum[i];
    }
}

static void TYPED(backward)(heed_call *call) {
    if (call->dx[X])
        heed_parallel(call, heed_norm_rows(call), heed_norm_grain(call), TYPED(dx_rows), call);
    if (call->dx[GAIN])
        heed_parallel(call, heed_norm_width(call), HEED_NORM_STRIP, TYPED(gain_strips), call);
}

#endif
