/* Layer normalisation of rows of D elements (Ba, Kiros, Hinton 2016):
 *
 *     z_i = (x_i - mean) r,     r = 1 / sqrt(var + eps),     y_i = z_i gain_i + shift_i
 *
 * With h_i = gain_i dL/dy_i, the gradient of L with respect to z_i, and
 * dmean/dx_j = 1/D, dr/dx_j = -r^3 (x_j - mean) / D:
 *
 *     dL/dx_j     = r (h_j - mean of h - z_j mean of (h z))
 *     dL/dgain_i  = sum over rows of z_i dL/dy_i
 *     dL/dshift_i = sum over rows of dL/dy_i
 *
 * The mean is taken from the differences to the row's first element, in double, and the variance in a second pass: so
 * rows far from zero lose nothing, and a constant row has z = 0 exactly. Where var + eps is 0, r counts as 0. Mean and
 * r of each row are saved. */
#ifndef REAL

#include "norm.h"

#include <math.h>

#include <heed/ops.h>

enum { X, GAIN, SHIFT };

typedef struct row_stats {
    double mean, r;
} row_stats;

static heed_status shape(heed_call *call) {
    if (heed_shape_norm(call, (const char *[]){"gain", "shift"}))
        return HEED_INVALID;
    if (call->needs_grad && __builtin_mul_overflow((size_t)heed_norm_rows(call), sizeof(row_stats), &call->saved_bytes))
        return heed_fail(call, "%s has too many rows", HEED_SHAPE_STR(call->in[X]->shape));
    return HEED_OK;
}

static const void *data_of(const heed_array *array) {
    return array ? array->data : NULL;
}

static bool samples(int index, heed_sample *sample) {
    return heed_norm_sample(index, 2, sample);
}

#include <heed/real_f32.h>
#include "layernorm.c"
#include <heed/real_f64.h>
#include "layernorm.c"
#include <heed/real_end.h>

const heed_op heed_op_layernorm = {
    .size = sizeof(heed_op),
    .name = "layernorm",
    .min_in = 3,
    .max_in = 3,
    .n_out = 1,
    .optional = HEED_SAVE(GAIN) | HEED_SAVE(SHIFT),
    .attr_size = sizeof(heed_norm_attr),
    .shape = shape,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_in = HEED_SAVE(X) | HEED_SAVE(GAIN),
    .samples = samples,
};

heed_tensor heed_layernorm(heed_tape *t, heed_tensor x, heed_tensor gain, heed_tensor shift, double eps) {
    return heed_apply(t, &heed_op_layernorm, (heed_tensor[]){x, gain, shift}, 3, &(heed_norm_attr){eps});
}

#else

/* Sums run in LANES chains, element i in chain i modulo LANES, and the chains by halves. */
enum { TYPED(LANES) = 16 };

static double TYPED(fold)(double *part) {
    for (int half = TYPED(LANES) / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            part[i] += part[i + half];
    return part[0];
}

static double TYPED(sum_of_differences)(const REAL *restrict x, int64_t n, double from) {
    double part[TYPED(LANES)] = {0};
    int64_t whole = n - n % TYPED(LANES);
    for (int64_t i = 0; i < whole; i += TYPED(LANES))
        for (int j = 0; j < TYPED(LANES); j++)
            part[j] += (double)x[i + j] - from;
    for (int64_t i = whole; i < n; i++)
        part[i - whole] += (double)x[i] - from;
    return TYPED(fold)(part);
}

static double TYPED(sum_of_squares)(const REAL *restrict x, int64_t n, double mean) {
    double part[TYPED(LANES)] = {0};
    int64_t whole = n - n % TYPED(LANES);
    for (int64_t i = 0; i < whole; i += TYPED(LANES))
        for (int j = 0; j < TYPED(LANES); j++) {
            double d = (double)x[i + j] - mean;
            part[j] += d * d;
        }
    for (int64_t i = whole; i < n; i++)
        part[i - whole] += ((double)x[i] - mean) * ((double)x[i] - mean);
    return TYPED(fold)(part);
}

static row_stats TYPED(stats_of)(const REAL *x, int64_t n, double eps) {
    double first = (double)x[0];
    row_stats s = {.mean = first + TYPED(sum_of_differences)(x, n, first) / (double)n};
    double spread = TYPED(sum_of_squares)(x, n, s.mean) / (double)n + eps;
    s.r = spread == 0 ? 0 : 1 / sqrt(spread);
    return s;
}

static void TYPED(forward_rows)(void *context, int64_t begin, int64_t end) {
    const heed_call *call = context;
    const heed_norm_attr *attr = call->attr;
    const int64_t n = heed_norm_width(call);
    const REAL *restrict gain = data_of(call->in[GAIN]), *restrict shift = data_of(call->in[SHIFT]);
    row_stats *saved = call->saved;
    for (int64_t row = begin; row < end; row++) {
        const REAL *restrict x = (const REAL *)call->in[X]->data + row * n;
        REAL *restrict y = (REAL *)call->out[0]->data + row * n;
        const row_stats s = TYPED(stats_of)(x, n, attr->eps);
        for (int64_t i = 0; i < n; i++)
            y[i] = (REAL)(((double)x[i] - s.mean) * s.r);
        for (int64_t i = 0; i < n && gain; i++)
            y[i] *= gain[i];
        for (int64_t i = 0; i < n && shift; i++)
            y[i] += shift[i];
        if (call->needs_grad)
            saved[row] = s;
    }
}

static void TYPED(forward)(heed_call *call) {
    heed_parallel(call, heed_norm_rows(call), heed_norm_grain(call), TYPED(forward_rows), call);
}

/* ---- gradients ---- */

/* The means of h and of h z over the row. h is left in dx. */
static void TYPED(means)(const REAL *restrict x, const REAL *restrict dy, const REAL *restrict gain, REAL *restrict h,
                         int64_t n, row_stats s, double *mean_h, double *mean_hz) {
    double part_h[TYPED(LANES)] = {0}, part_hz[TYPED(LANES)] = {0};
    for (int64_t i = 0; i < n; i++)
        h[i] = gain ? gain[i] * dy[i] : dy[i];
    int64_t whole = n - n % TYPED(LANES);
    for (int64_t i = 0; i < whole; i += TYPED(LANES))
        for (int j = 0; j < TYPED(LANES); j++) {
            part_h[j] += (double)h[i + j];
            part_hz[j] += (double)h[i + j] * (((double)x[i + j] - s.mean) * s.r);
        }
    for (int64_t i = whole; i < n; i++) {
        part_h[i - whole] += (double)h[i];
        part_hz[i - whole] += (double)h[i] * (((double)x[i] - s.mean) * s.r);
    }
    *mean_h = TYPED(fold)(part_h) / (double)n;
    *mean_hz = TYPED(fold)(part_hz) / (double)n;
}

static void TYPED(dx_rows)(void *context, int64_t begin, int64_t end) {
    const heed_call *call = context;
    const int64_t n = heed_norm_width(call);
    const row_stats *saved = call->saved;
    for (int64_t row = begin; row < end; row++) {
        const REAL *restrict x = (const REAL *)call->in[X]->data + row * n;
        const REAL *restrict dy = (const REAL *)call->dy[0]->data + row * n;
        REAL *restrict dx = (REAL *)call->dx[X]->data + row * n;
        const row_stats s = saved[row];
        double mean_h, mean_hz;
        TYPED(means)(x, dy, data_of(call->in[GAIN]), dx, n, s, &mean_h, &mean_hz);
        for (int64_t i = 0; i < n; i++)
            dx[i] = (REAL)(s.r * (((double)dx[i] - mean_h) - ((double)x[i] - s.mean) * s.r * mean_hz));
    }
}

/* The gradients of gain and shift in columns begin .. end - 1: down the rows, a strip of columns at a time. */
static void TYPED(vector_strips)(void *context, int64_t begin, int64_t end) {
    const heed_call *call = context;
    const int64_t n = heed_norm_width(call), rows = heed_norm_rows(call);
    const row_stats *saved = call->saved;
    for (int64_t first = begin; first < end; first += HEED_NORM_STRIP) {
        const int64_t width = end - first < HEED_NORM_STRIP ? end - first : HEED_NORM_STRIP;
        double for_gain[HEED_NORM_STRIP] = {0}, for_shift[HEED_NORM_STRIP] = {0};
        for (int64_t row = 0; row < rows; row++) {
            const REAL *restrict x = (const REAL *)call->in[X]->data + row * n + first;
            const REAL *restrict dy = (const REAL *)call->dy[0]->data + row * n + first;
            const row_stats s = saved[row];
            for (int64_t i = 0; i < width; i++) {
                for_gain[i] += (double)dy[i] * (((double)x[i] - s.mean) * s.r);
                for_shift[i] += (double)dy[i];
            }
        }
        for (int64_t i = 0; i < width && call->dx[GAIN]; i++)
            ((REAL *)call->dx[GAIN]->data)[first + i] = (REAL)for_gain[i];
        for (int64_t i = 0; i < width && call->dx[SHIFT]; i++)
            ((REAL *)call->dx[SHIFT]->data)[first + i] = (REAL)for_shift[i];
    }
}

static void TYPED(backward)(heed_call *call) {
    if (call->dx[X])
        heed_parallel(call, heed_norm_rows(call), heed_norm_grain(call), TYPED(dx_rows), call);
    if (call->dx[GAIN] || call->dx[SHIFT])
        heed_parallel(call, heed_norm_width(call), HEED_NORM_STRIP, TYPED(vector_strips), call);
}

#endif
