/*
 * Elementary functions for vector loops.
 *
 * A plain loop over any of the f32 functions below is turned into vector code by gcc and clang (AVX-512, AVX2, SSE2):
 * they are inline, without branches or calls, and choose by selects only. Vector body and scalar tail execute the same
 * operations, so an element's bits do not depend on its place. sin, cos, pow are libm's and stay scalar; sqrt is a
 * vector only under -fno-math-errno. The same names in f64 are in vmath_f64.h, included here, so that a type-generic
 * file writes TYPED(heed_exp)(x).
 *
 * Promised over all 2^32 inputs, with and without FMA (tests/exhaustive.c), in units in the last place of the exact
 * result (below 2^-126, where floats are evenly spaced, the unit is 2^-149): exp, log 2; tanh, erf, sigmoid 4; gelu,
 * silu and their derivatives 8, also beside the derivatives' zeros; the rest as in tests/vmath_table.h. A result too
 * small for a float is a zero of the right sign, NaN gives NaN, an infinite argument gives the limit (so silu and gelu
 * of -inf are -0).
 *
 * Polynomials are minimax fits, their error given beside them. An exponential is computed as 2^n (1 + w), and where it
 * decays, 2^n is multiplied in last: then a subnormal result is rounded once, and keeps its full precision until that
 * moment. Quotients of exponentials need fewer terms: there it is a quotient of 1 - h and 1 + h, h an odd polynomial.
 */
#ifndef HEED_VMATH_H
#define HEED_VMATH_H

#include "vmath_f64.h"
#include "vmath_parts.h"

/* ---- exponential and logarithm ----------------------------------------------------------------------------------- */

/* Scaled in two steps, because 2^-150 and 2^128 are no floats. */
static inline float heed_exp_f32(float x) {
    x = heed_select_f32(x > 89.0f, 89.0f, x);
    x = heed_select_f32(x < -104.0f, -104.0f, x);
    float n = heed_exp_power_f32(x);
    float half = heed_nearest_f32(0.5f * n);
    float y = 1.0f + heed_expm1_reduced_f32(heed_exp_reduce_f32(x, n));
    return y * heed_pow2_f32(half) * heed_pow2_f32(n - half);
}

/* e^x - 1 = 2 (w 2^(n-1) + (2^(n-1) - 1/2)); the factor 2 is kept back because 2^128 is no float. */
static inline float heed_expm1_f32(float x) {
    float c = heed_select_f32(x > 89.0f, 89.0f, x);
    c = heed_select_f32(c < -20.0f, -20.0f, c);
    float n = heed_exp_power_f32(c);
    float w = heed_expm1_reduced_f32(heed_exp_reduce_f32(c, n));
    float half_scale = heed_pow2_f32(n - 1.0f);
    float y = 2.0f * heed_fma_f32(w, half_scale, half_scale - 0.5f);
    return heed_select_f32(heed_fabs_f32(x) < 0x1p-60f, x, y);
}

static inline float heed_log_f32(float x) {
    int subnormal = x < 0x1p-126f;
    float normal = x * heed_select_f32(subnormal, 0x1p23f, 1.0f);
    uint32_t exponent = heed_log_exponent_f32(normal);
    float f = heed_from_bits_f32(heed_bits_f32(normal) - exponent) - 1.0f;
    float n = (float)(int32_t)exponent * 0x1p-23f - heed_select_f32(subnormal, 23.0f, 0.0f);
    return heed_log_edges_f32(x, heed_log_join_f32(n, f));
}

/* 1 + x = 2^n (1 + f) with f = 2^-n x + (2^-n - 1), where only the sum is rounded. 4 * 2^-n stays a float for all n. */
static inline float heed_log1p_f32(float x) {
    float u = 1.0f + x;
    uint32_t exponent = heed_log_exponent_f32(u);
    float scale = heed_from_bits_f32(0x40800000u - exponent);
    float f = 0.25f * (x * scale) + (0.25f * scale - 1.0f);
    float y = heed_log_join_f32((float)(int32_t)exponent * 0x1p-23f, f);
    y = heed_select_f32(heed_fabs_f32(x) < 0x1p-60f, x, y);
    return heed_log_edges_f32(u, y);
}

/* ---- tanh and sigmoid: e^-x = 2^n (1 - h) / (1 + h), h the tanh of half the remainder of x ----------------------- */

/*
 * tanh z = (1 - e^-2z) / (1 + e^-2z), multiplied out. Where n is 0 that is h itself, which keeps its digits near 0. The
 * numerator is never the greater, rounded or not.
 */
static inline float heed_tanh_f32(float x) {
    float z = heed_magnitude_f32(x, 10.0f);
    heed_halvings_f32 p = heed_halvings_of_f32(z, 2.0f, 0.0f);
    float h = heed_tanh_reduced_f32(heed_fma_f32(p.n, 0x1.62e43p-2f, z), 2.0f);
    float less = 1.0f - p.scale, more = 1.0f + p.scale;
    return heed_with_sign_f32(heed_fma_f32(h, more, less) / heed_fma_f32(h, less, more), x);
}

/* 1 / (1 + e^-x), both parts 2^-30 of that, because e^104 is no float. Only the division may round to a subnormal. */
static inline float heed_sigmoid_f32(float x) {
    float z = heed_select_f32(x > 66.0f, 66.0f, x);
    z = heed_select_f32(z < -104.0f, -104.0f, z);
    heed_halvings_f32 p = heed_halvings_of_f32(z, 1.0f, -30.0f);
    float r = heed_fma_f32(p.n, HEED_LN2_LOW, heed_fma_f32(p.n, HEED_LN2_HIGH, z));
    float h = heed_tanh_reduced_f32(r, 1.0f);
    float part = heed_fma_f32(h, 0x1p-30f, 0x1p-30f);
    return part / heed_fma_f32(p.scale, 1.0f - h, part);
}

/* ---- functions of one decaying exponential, z = |x| -------------------------------------------------------------- */

/* e^-z = y scale 2^-64, kept apart until a result is complete. */
typedef struct heed_decay_f32 {
    float y;
    float scale;
} heed_decay_f32;

/* The last step of every decaying result; the only one that may round to a subnormal. */
static inline float heed_decayed_f32(float y, float scale) {
    return y * scale * 0x1p-64f;
}

static inline heed_decay_f32 heed_decay_of_f32(float z) {
    float n = heed_exp_power_f32(-z);
    return (heed_decay_f32){1.0f + heed_expm1_reduced_f32(heed_exp_reduce_f32(-z, n)), heed_pow2_f32(n + 64.0f)};
}

/* e^-|x| */
static inline float heed_exp_decay_f32(float x) {
    heed_decay_f32 d = heed_decay_of_f32(heed_magnitude_f32(x, 104.0f));
    return heed_decayed_f32(d.y, d.scale);
}

/* log(1 + e^-|x|): the argument is in [1, 2], so the reduction to [2/3, 4/3] halves or does nothing. */
static inline float heed_log1p_exp_decay_f32(float x) {
    float e = heed_exp_decay_f32(x);
    int halve = e > 1.0f / 3.0f;
    return heed_log_join_f32(heed_select_f32(halve, 1.0f, 0.0f), heed_select_f32(halve, 0.5f * (e - 1.0f), e));
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|) */
static inline float heed_softplus_f32(float x) {
    return heed_select_f32(x < 0.0f, 0.0f, x) + heed_log1p_exp_decay_f32(x);
}

/* log(sigmoid(x)) = -softplus(-x) */
static inline float heed_logsigmoid_f32(float x) {
    return -heed_softplus_f32(-x);
}

/*
 * Below 0.9, x times a polynomial in x^2 (relative error 2^-26). Above, 1 - e^-p(z), p(z) = -log(erfc z) (2^-25 of the
 * result).
 */
static inline float heed_erf_f32(float x) {
    float t = x * x;
    float near = -0x1.3ba9cep-11f;
    near = heed_fma_f32(near, t, 0x1.479c9ep-8f);
    near = heed_fma_f32(near, t, -0x1.b69b96p-6f);
    near = heed_fma_f32(near, t, 0x1.ce1b86p-4f);
    near = heed_fma_f32(near, t, -0x1.8126ecp-2f);
    near = heed_fma_f32(near, t, 0x1.06eba6p-3f);
    near = heed_fma_f32(near, x, x);

    float z = heed_magnitude_f32(x, 4.0f);
    float p = 0x1.4aabep-10f;
    p = heed_fma_f32(p, z, -0x1.007422p-6f);
    p = heed_fma_f32(p, z, 0x1.760f14p-4f);
    p = heed_fma_f32(p, z, 0x1.4d0844p-1f);
    p = heed_fma_f32(p, z, 0x1.1ed264p0f);
    p = heed_fma_f32(p, z, 0x1.ddb2bcp-10f);
    heed_decay_f32 d = heed_decay_of_f32(p);
    float far = 1.0f - heed_decayed_f32(d.y, d.scale);
    return heed_select_f32(z < 0.9f, near, heed_with_sign_f32(far, x));
}

/*
 * x sigmoid(v(x)) for odd v: left of 0 the tail -z e^-v / (1 + e^-v), right of 0 the same tail taken from x; v here at
 * z = |x|, and -v = n ln 2 + r.
 */
static inline float heed_gate_f32(float x, float z, float n, float r) {
    float y = 1.0f + heed_expm1_reduced_f32(r);
    float scale = heed_pow2_f32(n + 64.0f);
    float e = heed_decayed_f32(y, scale);
    return heed_ramp_f32(x) - heed_decayed_f32(z * y / (1.0f + e), scale);
}

/* x sigmoid(x) */
static inline float heed_silu_f32(float x) {
    float z = heed_magnitude_f32(x, 112.0f);
    float n = heed_exp_power_f32(-z);
    return heed_gate_f32(x, z, n, heed_exp_reduce_f32(-z, n));
}

/* The derivatives of silu and both gelus satisfy g(x) = 1 - g(-x). */
static inline float heed_mirror_f32(float x, float at_minus_z) {
    return heed_select_f32(x < 0.0f, at_minus_z, 1.0f - at_minus_z);
}

/*
 * The derivative of x sigmoid(v(x)) at -z is e^-v (1 + e^-v - u) / (1 + e^-v)^2 with u = z v'(z). The middle factor
 * has a zero, at some z0, where plainly computed it cancels. There e^-v0 = u0 - 1 = a, so the factor is
 * a (e^(v0 - v) - 1) + (u0 - u), two terms of one sign, which are right to the last bits beside z0 if the differences
 * are. Takes v0 - v as n ln 2 + r, and u0 - u.
 */
static inline float heed_gate_slope_f32(float x, float a, float n, float r, float u0_minus_u) {
    float w = heed_expm1_reduced_f32(r);
    float scale = heed_pow2_f32(n + 64.0f);
    float power = scale * 0x1p-64f;
    float factor = heed_fma_f32(a, heed_fma_f32(w, power, power - 1.0f), u0_minus_u);
    float y = a * (1.0f + w);
    float q = 1.0f + y * power;
    return heed_mirror_f32(x, heed_decayed_f32(y * factor / (q * q), scale));
}

/* Here v = u = z. The reduction starts from -z, which is exact where z0 - z would be rounded. */
static inline float heed_silu_dx_f32(float x) {
    const float z0 = 0x1.474974p0f, z0_rest = -0x1.bdf6fap-27f, a = 0x1.1d25dp-2f;
    float z = heed_magnitude_f32(x, 112.0f);
    float n = heed_exp_power_f32(z0 - z);
    float r = heed_fma_f32(n, -HEED_LN2_LOW, heed_fma_f32(n, -HEED_LN2_HIGH, -z) + z0) + z0_rest;
    return heed_gate_slope_f32(x, a, n, r, (z0 - z) + z0_rest);
}

/* ---- gelu, erf form: x Phi(x), Phi the normal distribution function ---------------------------------------------- */

/* e^(-z^2/2), z <= 15. z^2 = h^2 + (z - h)(z + h) with h the upper 12 bits of z, so that h^2 is exact. */
static inline heed_decay_f32 heed_gauss_f32(float z) {
    float h = heed_from_bits_f32(heed_bits_f32(z) & 0xfffff000u);
    float square = -0.5f * (h * h);
    float n = heed_exp_power_f32(square);
    float r = heed_fma_f32(-0.5f * (z - h), z + h, heed_exp_reduce_f32(square, n));
    return (heed_decay_f32){1.0f + heed_expm1_reduced_f32(r), heed_pow2_f32(n + 64.0f)};
}

/* The tail z Phi(-z) = z e^(-z^2/2) p(q) / (z + 4), q = (z - 4) / (z + 4); p has relative error 2^-25 on [0, 15]. */
static inline float heed_gelu_erf_f32(float x) {
    float z = heed_magnitude_f32(x, 15.0f);
    heed_decay_f32 d = heed_gauss_f32(z);
    float u = 1.0f / (z + 4.0f);
    float q = (z - 4.0f) * u;
    float p = -0x1.196f32p-13f;
    p = heed_fma_f32(p, q, 0x1.6e47e2p-13f);
    p = heed_fma_f32(p, q, 0x1.9b2626p-10f);
    p = heed_fma_f32(p, q, -0x1.cc171p-9f);
    p = heed_fma_f32(p, q, -0x1.ed17d8p-8f);
    p = heed_fma_f32(p, q, 0x1.eed34cp-5f);
    p = heed_fma_f32(p, q, -0x1.7e002p-3f);
    p = heed_fma_f32(p, q, 0x1.8c6d9cp-2f);
    p = heed_fma_f32(p, q, -0x1.373e38p-1f);
    p = heed_fma_f32(p, q, 0x1.82b4bcp-1f);
    return heed_ramp_f32(x) - heed_decayed_f32(p * u * d.y * z, d.scale);
}

/*
 * Phi(x) + x phi(x) at -z is e^(-z^2/2) (z - z0) p(q), q = (z - 4) / (z + 4): its zero was divided out before p was
 * fitted, so p has one sign, and relative error 2^-25.7 on [0, 15].
 */
static inline float heed_gelu_erf_dx_f32(float x) {
    const float z0 = 0x1.80ead2p-1f, z0_rest = -0x1.a03fd4p-27f;
    float z = heed_magnitude_f32(x, 15.0f);
    heed_decay_f32 d = heed_gauss_f32(z);
    float q = (z - 4.0f) / (z + 4.0f);
    float p = -0x1.0829b6p-16f;
    p = heed_fma_f32(p, q, -0x1.862754p-13f);
    p = heed_fma_f32(p, q, 0x1.73074ap-13f);
    p = heed_fma_f32(p, q, 0x1.d610e6p-10f);
    p = heed_fma_f32(p, q, -0x1.37a028p-7f);
    p = heed_fma_f32(p, q, 0x1.cc1984p-6f);
    p = heed_fma_f32(p, q, -0x1.ef4f1ap-5f);
    p = heed_fma_f32(p, q, 0x1.a7630ep-4f);
    p = heed_fma_f32(p, q, -0x1.d94de8p-2f);
    float from_zero = (z - z0) - z0_rest;
    return heed_mirror_f32(x, heed_decayed_f32(p * from_zero * d.y, d.scale));
}

/* ---- gelu, tanh form: x sigmoid(v(x)), v = k0 x + k1 x^3 --------------------------------------------------------- */

/* v rounded, near enough to choose n by. */
static inline float heed_gelu_v_f32(float z) {
    return z * heed_fma_f32((float)HEED_GELU_K1, z * z, (float)HEED_GELU_K0);
}

/* v reaches 100 where the tail ends, so its last float bit would move e^-v by many units: it is reduced in double. */
static inline float heed_reduce_wide_f32(double v, float n) {
    return (float)(v - (double)n * 0x1.62e42fefa39efp-1);
}

static inline float heed_gelu_tanh_f32(float x) {
    float z = heed_magnitude_f32(x, 11.0f);
    double wide = (double)z;
    double minus_v = -wide * (HEED_GELU_K0 + HEED_GELU_K1 * (wide * wide));
    float n = heed_exp_power_f32(-heed_gelu_v_f32(z));
    return heed_gate_f32(x, z, n, heed_reduce_wide_f32(minus_v, n));
}

/* u = k0 z + 3 k1 z^3; v0 - v and u0 - u have the factor z0 - z, which divides z0^3 - z^3 to `sum`. */
static inline float heed_gelu_tanh_dx_f32(float x) {
    const double z0 = 0x1.81429f9e97e4dp-1;
    const float v0 = 0x1.3b2cf8p0f, a = 0x1.2af64ep-2f;
    float z = heed_magnitude_f32(x, 11.0f);
    double wide = (double)z;
    double sum = wide * wide + z0 * (wide + z0);
    double v0_minus_v = (z0 - wide) * (HEED_GELU_K0 + HEED_GELU_K1 * sum);
    double u0_minus_u = (z0 - wide) * (HEED_GELU_K0 + 3.0 * HEED_GELU_K1 * sum);
    float n = heed_exp_power_f32(v0 - heed_gelu_v_f32(z));
    return heed_gate_slope_f32(x, a, n, heed_reduce_wide_f32(v0_minus_v, n), (float)u0_minus_u);
}

/* ---- left to the machine and to libm ----------------------------------------------------------------------------- */

static inline float heed_sqrt_f32(float x) {
    return sqrtf(x);
}
static inline float heed_rsqrt_f32(float x) {
    return 1.0f / sqrtf(x);
}
static inline float heed_sin_f32(float x) {
    return sinf(x);
}
static inline float heed_cos_f32(float x) {
    return cosf(x);
}
static inline float heed_pow_f32(float x, float y) {
    return powf(x, y);
}

#endif
