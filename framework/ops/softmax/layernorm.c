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
 * The mean is taken from the differences to the row's first element, and the variance in a second pass, in double;
 * forward subtracts the mean in two parts, of which the second is what the first's rounding left over. So rows far from
 * zero lose nothing, and a constant row has z = 0 exactly. Where var + eps is 0, r counts as 0. Mean and r of each row
 * are saved.
 *
 * Backward reads x and dy from memory once: a row's parts of the gradients of gain and shift are summed beside making its dx. */
#ifndef REAL

#include <math.h>

#include <heed/ops.h>

#include "../elementwise/span.h"
#include "norm.h"

enum { X, GAIN, SHIFT };

/* Sums are in double, but where nothing is lost by it, four elements of a chain are added up first. */
enum { LANES = HEED_NORM_LANES };

typedef struct row_stats {
    double mean, r;
} row_stats;

static heed_status shape(heed_call *call) {
    if (heed_shape_norm(call, (const char *[]){"gain", "shift"}))
        return HEED_INVALID;
    if (call->needs_grad && __builtin_mul_overflow((size_t)heed_norm_rows(call), sizeof(row_stats), &call->saved_bytes))
        return heed_fail(call, "%s has too many rows", HEED_SHAPE_STR(call->in[X]->shape));
    call->backward_workspace_bytes = heed_norm_backward_workspace(call);
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
    .flags = HEED_ACCUMULATES,
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

/* z = ((x - high) - low) r */
typedef struct TYPED(scaling) {
    REAL high, low, r;
} TYPED(scaling);

static inline REAL TYPED(scaled)(REAL x, TYPED(scaling) s) {
    return ((x - s.high) - s.low) * s.r;
}

static TYPED(scaling) TYPED(scaling_of)(double mean, double r) {
    const REAL high = (REAL)mean;
    return (TYPED(scaling)){.high = high, .low = (REAL)(mean - (double)high), .r = (REAL)r};
}

/* sum_i (x_i - from) */
static double TYPED(sum_of_differences)(const REAL *restrict x, int64_t n, REAL from) {
    double chain[LANES] = {0};
    const int64_t whole = n - n % (4 * LANES);
    for (int64_t i = 0; i < whole; i += 4 * LANES)
        for (int j = 0; j < LANES; j++) {
            const REAL *at = x + i + j;
            chain[j] += (double)(((at[0] - from) + (at[LANES] - from)) +
                                 ((at[2 * LANES] - from) + (at[3 * LANES] - from)));
        }
    for (int64_t i = whole; i < n; i++)
        chain[i % LANES] += (double)x[i] - (double)from;
    return heed_norm_fold(chain);
}

/* sum_i (x_i - mean)² */
static double TYPED(sum_of_squares)(const REAL *restrict x, int64_t n, double mean) {
    double chain[LANES] = {0};
    const int64_t whole = n - n % LANES;
    for (int64_t i = 0; i < whole; i += LANES)
        for (int j = 0; j < LANES; j++) {
            const double d = (double)x[i + j] - mean;
            chain[j] += d * d;
        }
    for (int64_t i = whole; i < n; i++) {
        const double d = (double)x[i] - mean;
        chain[i - whole] += d * d;
    }
    return heed_norm_fold(chain);
}

static row_stats TYPED(stats_of)(const REAL *x, int64_t n, double eps) {
    row_stats s = {.mean = (double)x[0] + TYPED(sum_of_differences)(x, n, x[0]) / (double)n};
    const double spread = TYPED(sum_of_squares)(x, n, s.mean) / (double)n + eps;
    s.r = spread == 0 ? 0 : 1 / sqrt(spread);
    return s;
}

HEED_SPECIALISED void TYPED(write_row)(const REAL *restrict x, int64_t n, TYPED(scaling) s, const REAL *restrict gain,
                                       const REAL *restrict shift, REAL *restrict y) {
    for (int64_t i = 0; i < n; i++) {
        REAL z = TYPED(scaled)(x[i], s);
        z = gain ? z * gain[i] : z;
        y[i] = shift ? z + shift[i] : z;
    }
}

static void TYPED(forward_rows)(void *context, int64_t begin, int64_t end) {
    const heed_call *call = context;
    const heed_norm_attr *attr = call->attr;
    const int64_t n = heed_norm_width(call);
    const REAL *gain = data_of(call->in[GAIN]), *shift = data_of(call->in[SHIFT]);
    row_stats *saved = call->saved;
    for (int64_t row = begin; row < end; row++) {
        const REAL *x = (const REAL *)call->in[X]->data + row * n;
        REAL *y = (REAL *)call->out[0]->data + row * n;
        const row_stats stats = TYPED(stats_of)(x, n, attr->eps);
        const TYPED(scaling) s = TYPED(scaling_of)(stats.mean, stats.r);
        if (gain && shift)
            TYPED(write_row)(x, n, s, gain, shift, y);
        else if (gain)
            TYPED(write_row)(x, n, s, gain, NULL, y);
        else
            TYPED(write_row)(x, n, s, NULL, shift, y);
        if (call->needs_grad)
            saved[row] = stats;
    }
}

static void TYPED(forward)(heed_call *call) {
    heed_parallel(call, heed_norm_rows(call), heed_norm_grain(call), TYPED(forward_rows), call);
}

/* ---- gradients ---- */

/* h and z in double: of what they are in dx, little may be left when the means are taken off, almost nothing in a row of
 * two. */
static inline double TYPED(h_of)(const REAL *dy, const REAL *gain, int64_t i) {
    return gain ? (double)gain[i] * (double)dy[i] : (double)dy[i];
}

static inline double TYPED(z_of)(const REAL *x, row_stats s, int64_t i) {
    return ((double)x[i] - s.mean) * s.r;
}

/* The means of h and of h z. */
HEED_SPECIALISED void TYPED(means)(const REAL *x, const REAL *dy, const REAL *gain, int64_t n, row_stats s,
                                   double *mean_h, double *mean_hz) {
    double chain_h[LANES] = {0}, chain_hz[LANES] = {0};
    const int64_t whole = n - n % LANES;
    for (int64_t i = 0; i < whole; i += LANES)
        for (int j = 0; j < LANES; j++) {
            const double h = TYPED(h_of)(dy, gain, i + j);
            chain_h[j] += h;
            chain_hz[j] += h * TYPED(z_of)(x, s, i + j);
        }
    for (int64_t i = whole; i < n; i++) {
        const double h = TYPED(h_of)(dy, gain, i);
        chain_h[i - whole] += h;
        chain_hz[i - whole] += h * TYPED(z_of)(x, s, i);
    }
    *mean_h = heed_norm_fold(chain_h) / (double)n;
    *mean_hz = heed_norm_fold(chain_hz) / (double)n;
}

HEED_SPECIALISED void TYPED(dx_of_row)(const REAL *restrict x, const REAL *restrict dy, const REAL *restrict gain,
                                       int64_t n, row_stats s, const bool accumulate, REAL *restrict dx) {
    double mean_h, mean_hz;
    TYPED(means)(x, dy, gain, n, s, &mean_h, &mean_hz);
    for (int64_t i = 0; i < n; i++) {
        const REAL d = (REAL)(s.r * ((TYPED(h_of)(dy, gain, i) - mean_h) - TYPED(z_of)(x, s, i) * mean_hz));
        dx[i] = accumulate ? dx[i] + d : d;
    }
}

static void TYPED(one_dx)(const heed_call *call, const REAL *x, const REAL *dy, row_stats s, REAL *dx) {
    const int64_t n = heed_norm_width(call);
    const REAL *gain = data_of(call->in[GAIN]);
    if (gain && call->accumulate[X])
        TYPED(dx_of_row)(x, dy, gain, n, s, true, dx);
    else if (gain)
        TYPED(dx_of_row)(x, dy, gain, n, s, false, dx);
    else
        TYPED(dx_of_row)(x, dy, NULL, n, s, call->accumulate[X], dx);
}

/* A row's parts of the gradients of gain and shift, where they are wanted. */
static void TYPED(add_to_vectors)(const REAL *restrict x, const REAL *restrict dy, int64_t n, row_stats s,
                                  double *restrict for_gain, double *restrict for_shift) {
    for (int64_t i = 0; i < n && for_gain; i++)
        for_gain[i] += TYPED(z_of)(x, s, i) * (double)dy[i];
    for (int64_t i = 0; i < n && for_shift; i++)
        for_shift[i] += (double)dy[i];
}

static void TYPED(row_backward)(const heed_call *call, int64_t row, double *sums) {
    const int64_t n = heed_norm_width(call);
    const row_stats *saved = call->saved;
    const REAL *x = (const REAL *)call->in[X]->data + row * n, *dy = (const REAL *)call->dy[0]->data + row * n;
    if (call->dx[X])
        TYPED(one_dx)(call, x, dy, saved[row], (REAL *)call->dx[X]->data + row * n);
    if (sums)
        TYPED(add_to_vectors)(x, dy, n, saved[row], call->dx[GAIN] ? sums : NULL, call->dx[SHIFT] ? sums + n : NULL);
}

static void TYPED(backward)(heed_call *call) {
    heed_norm_backward(call, TYPED(row_backward));
}

#endif
