/*
 * The elementary functions of vmath.h in double. They serve the gradient check, where accuracy counts and speed does
 * not: they are libm's, composed so that nothing overflows on the way and an infinite argument gives the limit.
 */
#ifndef HEED_VMATH_F64_H
#define HEED_VMATH_F64_H

#include <math.h>

/* The tanh form of gelu is x sigmoid(K0 x + K1 x^3): K0 = 2 sqrt(2/pi), K1 = 0.044715 K0. */
#define HEED_GELU_K0 1.5957691216057307118
#define HEED_GELU_K1 0.071354816272600248776

static inline double heed_fma_f64(double a, double b, double c) {
#if defined(__FMA__) || defined(__aarch64__)
    return __builtin_fma(a, b, c);
#else
    return a * b + c;
#endif
}

static inline double heed_fabs_f64(double x) {
    return fabs(x);
}
/* Both sides are computed first, as in f32. */
static inline double heed_select_f64(int condition, double yes, double no) {
    return condition ? yes : no;
}
static inline double heed_sqrt_f64(double x) {
    return sqrt(x);
}
static inline double heed_rsqrt_f64(double x) {
    return 1.0 / sqrt(x);
}
static inline double heed_exp_f64(double x) {
    return exp(x);
}
/* e^-|x| */
static inline double heed_exp_decay_f64(double x) {
    return exp(-fabs(x));
}
static inline double heed_expm1_f64(double x) {
    return expm1(x);
}
static inline double heed_log_f64(double x) {
    return log(x);
}
static inline double heed_log1p_f64(double x) {
    return log1p(x);
}
static inline double heed_tanh_f64(double x) {
    return tanh(x);
}
static inline double heed_erf_f64(double x) {
    return erf(x);
}
static inline double heed_sin_f64(double x) {
    return sin(x);
}
static inline double heed_cos_f64(double x) {
    return cos(x);
}
static inline double heed_pow_f64(double x, double y) {
    return pow(x, y);
}

/* x in [-limit, limit], beyond which every function that uses this is constant; NaN stays NaN. */
static inline double heed_clamp_f64(double x, double limit) {
    double y = x > limit ? limit : x;
    return y < -limit ? -limit : y;
}

/* 1 / (1 + e^-x) */
static inline double heed_sigmoid_f64(double x) {
    double e = exp(-fabs(x));
    return x < 0.0 ? e / (1.0 + e) : 1.0 / (1.0 + e);
}

/* log(1 + e^x) */
static inline double heed_softplus_f64(double x) {
    return (x < 0.0 ? 0.0 : x) + log1p(exp(-fabs(x)));
}

/* log(sigmoid(x)) = -softplus(-x) */
static inline double heed_logsigmoid_f64(double x) {
    return -heed_softplus_f64(-x);
}

/* x sigmoid(x) */
static inline double heed_silu_f64(double x) {
    return (x < -800.0 ? -800.0 : x) * heed_sigmoid_f64(x);
}

/* s + x s (1 - s), s = sigmoid(x) */
static inline double heed_silu_dx_f64(double x) {
    double c = heed_clamp_f64(x, 800.0);
    double s = heed_sigmoid_f64(c);
    return s * (1.0 + c * heed_sigmoid_f64(-c));
}

/* x Phi(x), Phi(x) = erfc(-x / sqrt 2) / 2 */
static inline double heed_gelu_erf_f64(double x) {
    return (x < -40.0 ? -40.0 : x) * (0.5 * erfc(x * -0x1.6a09e667f3bcdp-1));
}

/* Phi(x) + x phi(x), phi(x) = e^(-x^2/2) / sqrt(2 pi) */
static inline double heed_gelu_erf_dx_f64(double x) {
    double c = heed_clamp_f64(x, 40.0);
    return 0.5 * erfc(c * -0x1.6a09e667f3bcdp-1) + c * exp(-0.5 * c * c) * 0x1.9884533d43651p-2;
}

/* x sigmoid(v), v = K0 x + K1 x^3 */
static inline double heed_gelu_tanh_f64(double x) {
    double c = x < -40.0 ? -40.0 : x;
    return c * heed_sigmoid_f64(c * (HEED_GELU_K0 + HEED_GELU_K1 * (c * c)));
}

/* s + x v' s (1 - s), s = sigmoid(v) */
static inline double heed_gelu_tanh_dx_f64(double x) {
    double c = heed_clamp_f64(x, 40.0);
    double v = c * (HEED_GELU_K0 + HEED_GELU_K1 * (c * c));
    double slope = c * (HEED_GELU_K0 + 3.0 * HEED_GELU_K1 * (c * c));
    double s = heed_sigmoid_f64(v);
    return s * (1.0 + slope * heed_sigmoid_f64(-v));
}

#endif
