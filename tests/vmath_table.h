/*
 * Every one-argument f32 function of kernels/vmath.h with its exact value and its promised bound: what `make
 * exhaustive` runs over all 2^32 inputs, and the Criterion suite over every 65,537th.
 */
#ifndef HEED_TESTS_VMATH_TABLE_H
#define HEED_TESTS_VMATH_TABLE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "../framework/kernels/vmath.h"

/* ---- the functions, as the plain loops they are written for ------------------------------------------------------ */

static void exp_loop(float *y, const float *x, int n) {
    for (int i = 0; i < n; i++)
        y[i] = heed_exp_f32(x[i]);
}
static void expm1_loop(float *y, const float *x, int n) {
    for (int i = 0; i < n; i++)
        y[i] = heed_expm1_f32(x[i]);
}
static void log_loop(float *y, const float *x, int n) {
    for (int i = 0; i < n; i++)
        y[i] = heed_log_f32(x[i]);
}
static void log1p_loop(float *y, const float *x, int n) {
    for (int i = 0; i < n; i++)
        y[i] = heed_log1p_f32(x[i]);
}
static void tanh_loop(float *y, const float *x, int n) {
    for (int i = 0; i < n; i++)
        y[i] = heed_tanh_f32(x[i]);
}
static void erf_loop(float *y, const float *x, int n) {
    for (int i = 0; i < n; i++)
        y[i] = heed_erf_f32(x[i]);
}
static void sigmoid_loop(float *y, const float *x, int n) {
    for (int i = 0; i < n; i++)
        y[i] = heed_sigmoid_f32(x[i]);
}
static void logsigmoid_loop(float *y, const float *x, int n) {
    for (int i = 0; i < n; i++)
        y[i] = heed_logsigmoid_f32(x[i]);
}
static void softplus_loop(float *y, const float *x, int n) {
    for (int i = 0; i < n; i++)
        y[i] = heed_softplus_f32(x[i]);
}
static void silu_loop(float *y, const float *x, int n) {
    for (int i = 0; i < n; i++)
        y[i] = heed_silu_f32(x[i]);
}
static void silu_dx_loop(float *y, const float *x, int n) {
    for (int i = 0; i < n; i++)
        y[i] = heed_silu_dx_f32(x[i]);
}
static void gelu_erf_loop(float *y, const float *x, int n) {
    for (int i = 0; i < n; i++)
        y[i] = heed_gelu_erf_f32(x[i]);
}
static void gelu_erf_dx_loop(float *y, const float *x, int n) {
    for (int i = 0; i < n; i++)
        y[i] = heed_gelu_erf_dx_f32(x[i]);
}
static void gelu_tanh_loop(float *y, const float *x, int n) {
    for (int i = 0; i < n; i++)
        y[i] = heed_gelu_tanh_f32(x[i]);
}
static void gelu_tanh_dx_loop(float *y, const float *x, int n) {
    for (int i = 0; i < n; i++)
        y[i] = heed_gelu_tanh_dx_f32(x[i]);
}
static void sqrt_loop(float *y, const float *x, int n) {
    for (int i = 0; i < n; i++)
        y[i] = heed_sqrt_f32(x[i]);
}
static void rsqrt_loop(float *y, const float *x, int n) {
    for (int i = 0; i < n; i++)
        y[i] = heed_rsqrt_f32(x[i]);
}
static void sin_loop(float *y, const float *x, int n) {
    for (int i = 0; i < n; i++)
        y[i] = heed_sin_f32(x[i]);
}
static void cos_loop(float *y, const float *x, int n) {
    for (int i = 0; i < n; i++)
        y[i] = heed_cos_f32(x[i]);
}
static void fabs_loop(float *y, const float *x, int n) {
    for (int i = 0; i < n; i++)
        y[i] = heed_fabs_f32(x[i]);
}

/* ---- exact values, to far more digits than a float has; the limit at infinity ------------------------------------ */

static double exact_rsqrt(double x) {
    return 1.0 / sqrt(x);
}
static double exact_sigmoid(double x) {
    return 1.0 / (1.0 + exp(-x));
}
static double exact_softplus(double x) {
    return x > 0.0 ? x + log1p(exp(-x)) : log1p(exp(x));
}
static double exact_logsigmoid(double x) {
    return -exact_softplus(-x);
}
static double exact_silu(double x) {
    return x == -INFINITY ? -0.0 : x / (1.0 + exp(-x));
}
static double exact_gelu_erf(double x) {
    return x == -INFINITY ? -0.0 : 0.5 * x * erfc(x * -0x1.6a09e667f3bcdp-1);
}

/* K0 = 2 sqrt(2 / pi), K1 = 0.044715 K0 */
static const long double K0 = 1.595769121605730711759784L, K1 = 0.07135481627260024877633875L;

static double exact_gelu_tanh(double x) {
    double v = x * ((double)K0 + (double)K1 * (x * x));
    return x == -INFINITY ? -0.0 : x / (1.0 + exp(-v));
}

/*
 * The derivatives have a zero left of 0, beside which their terms cancel: there they are taken in long double, where
 * g(-z) is (1 + e^-v - u) e^-v / (1 + e^-v)^2 with u = z v'(z), or Phi(-z) - z phi(z). Elsewhere double has digits
 * enough. g(z) = 1 - g(-z).
 */
static double slope_of_gate(double v, double u) {
    double e = exp(-v);
    return e * (1.0 + e - u) / ((1.0 + e) * (1.0 + e));
}

static long double slope_of_gate_near_zero(long double v, long double u) {
    long double e = expl(-v);
    return e * (1.0L + e - u) / ((1.0L + e) * (1.0L + e));
}

static double exact_silu_dx(double x) {
    double z = fmin(fabs(x), 800.0);
    double g = fabs(z - 1.278) < 0.1 ? (double)slope_of_gate_near_zero(z, z) : slope_of_gate(z, z);
    return isnan(x) ? x : x < 0.0 ? g : 1.0 - g;
}

static double exact_gelu_tanh_dx(double x) {
    double z = fmin(fabs(x), 20.0), zz = z * z;
    double g = slope_of_gate(z * ((double)K0 + (double)K1 * zz), z * ((double)K0 + 3.0 * (double)K1 * zz));
    if (fabs(z - 0.752) < 0.1)
        g = (double)slope_of_gate_near_zero(z * (K0 + K1 * zz), z * (K0 + 3.0L * K1 * zz));
    return isnan(x) ? x : x < 0.0 ? g : 1.0 - g;
}

static double exact_gelu_erf_dx(double x) {
    double z = fmin(fabs(x), 30.0);
    double g = 0.5 * erfc(z * 0x1.6a09e667f3bcdp-1) - z * exp(-0.5 * z * z) * 0x1.9884533d43651p-2;
    if (fabs(z - 0.752) < 0.1) {
        long double w = z;
        g = (double)(0.5L * erfcl(w * 0.70710678118654752440L) - w * expl(-0.5L * w * w) * 0.39894228040143267794L);
    }
    return isnan(x) ? x : x < 0.0 ? g : 1.0 - g;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    void (*loop)(float *y, const float *x, int n);
    double (*exact)(double x);
    double bound; /* units in the last place */
} vmath_row;

static const vmath_row vmath_rows[] = {
    {"exp", exp_loop, exp, 2},
    {"expm1", expm1_loop, expm1, 2},
    {"log", log_loop, log, 2},
    {"log1p", log1p_loop, log1p, 2},
    {"tanh", tanh_loop, tanh, 4},
    {"erf", erf_loop, erf, 4},
    {"sigmoid", sigmoid_loop, exact_sigmoid, 4},
    {"logsigmoid", logsigmoid_loop, exact_logsigmoid, 4},
    {"softplus", softplus_loop, exact_softplus, 4},
    {"silu", silu_loop, exact_silu, 8},
    {"silu_dx", silu_dx_loop, exact_silu_dx, 8},
    {"gelu_erf", gelu_erf_loop, exact_gelu_erf, 8},
    {"gelu_erf_dx", gelu_erf_dx_loop, exact_gelu_erf_dx, 8},
    {"gelu_tanh", gelu_tanh_loop, exact_gelu_tanh, 8},
    {"gelu_tanh_dx", gelu_tanh_dx_loop, exact_gelu_tanh_dx, 8},
    {"sqrt", sqrt_loop, sqrt, 0.5},
    {"rsqrt", rsqrt_loop, exact_rsqrt, 1.5},
    {"sin", sin_loop, sin, 1},
    {"cos", cos_loop, cos, 1},
    {"fabs", fabs_loop, fabs, 0},
};

enum { VMATH_ROWS = sizeof vmath_rows / sizeof vmath_rows[0] };

/* ---- measuring --------------------------------------------------------------------------------------------------- */

static inline float float_of_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t bits_of_float(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* The spacing of floats at x: 2^-149 below 2^-126, and above 2^127 as if exponents went on. */
static inline double spacing_at(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7ff) - 1023;
    bits = (uint64_t)((exponent < -126 ? -126 : exponent) - 23 + 1023) << 52;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/*
 * |got - exact| in units of the last place of a float at `exact`. +-inf counts as +-2^128, to which IEEE 754 rounds
 * it; a NaN against a number or a wrong sign, of a zero too, is infinitely wrong.
 */
static inline double ulp_error(float got, double exact) {
    if (isnan(exact) || isnan(got))
        return isnan(exact) && isnan(got) ? 0.0 : INFINITY;
    if (!signbit(got) != !signbit(exact))
        return INFINITY;
    double g = fmin(fabs((double)got), 0x1p128);
    double e = fmin(fabs(exact), 0x1p128);
    return fabs(g - e) / spacing_at(fmin(e, 0x1.fffffep127));
}

typedef struct {
    double ulp;
    uint32_t bits; /* the input, as a bit pattern */
} vmath_worst;

/*
 * The worst of n bit patterns first, first + stride, ..., computed in blocks as a user's loop would; ties take the
 * first.
 */
static inline vmath_worst vmath_measure(const vmath_row *row, uint64_t first, uint64_t stride, uint64_t n) {
    enum { BLOCK = 1024 };
    float x[BLOCK], y[BLOCK];
    vmath_worst worst = {-1.0, 0};
    for (uint64_t done = 0; done < n;) {
        int count = n - done < BLOCK ? (int)(n - done) : BLOCK;
        for (int i = 0; i < count; i++)
            x[i] = float_of_bits((uint32_t)(first + (done + (uint64_t)i) * stride));
        row->loop(y, x, count);
        for (int i = 0; i < count; i++) {
            double ulp = ulp_error(y[i], row->exact((double)x[i]));
            if (!(ulp <= worst.ulp))
                worst = (vmath_worst){ulp, (uint32_t)(first + (done + (uint64_t)i) * stride)};
        }
        done += (uint64_t)count;
    }
    return worst;
}

#endif
