/*
 * What the f32 functions of vmath.h are made of: bits and selects that vectorise, e^x as 2^n (1 + w) with its range
 * reduction, and log(x) as n ln 2 + log(1 + f). Polynomials are minimax fits, their error given beside them.
 */
#ifndef HEED_VMATH_PARTS_H
#define HEED_VMATH_PARTS_H

#include <math.h>
#include <stdint.h>

/* ---- words ------------------------------------------------------------------------------------------------------- */

typedef union heed_word_f32 {
    float value;
    uint32_t bits;
} heed_word_f32;

static inline uint32_t heed_bits_f32(float x) {
    return (heed_word_f32){.value = x}.bits;
}

static inline float heed_from_bits_f32(uint32_t bits) {
    return (heed_word_f32){.bits = bits}.value;
}

/* a b + c, rounded once where the machine has the instruction and twice elsewhere; nothing here relies on which. */
static inline float heed_fma_f32(float a, float b, float c) {
#if defined(__FMA__) || defined(__aarch64__)
    return __builtin_fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

static inline float heed_fabs_f32(float x) {
    return heed_from_bits_f32(heed_bits_f32(x) & 0x7fffffffu);
}

/*
 * condition ? yes : no, by masks: a conditional operator is a branch to gcc, into which it moves the arithmetic of
 * either side, and arithmetic that may trap is then not turned back into vector code.
 */
static inline float heed_select_f32(int condition, float yes, float no) {
    uint32_t mask = 0u - (uint32_t)condition;
    return heed_from_bits_f32((heed_bits_f32(yes) & mask) | (heed_bits_f32(no) & ~mask));
}

/* |x|, at most limit; NaN stays NaN. Beyond its limit each function is constant or linear to the last bit. */
static inline float heed_magnitude_f32(float x, float limit) {
    float z = heed_fabs_f32(x);
    return heed_select_f32(z > limit, limit, z);
}

/* y, which is no negative, with the sign of x. */
static inline float heed_with_sign_f32(float y, float x) {
    return heed_from_bits_f32(heed_bits_f32(y) | (heed_bits_f32(x) & 0x80000000u));
}

/*
 * max(x, 0), where zero is -0 for x < 0 so that subtracting a vanishing tail keeps the sign. By the sign bit, because
 * clang 14 takes a comparison's 0 and a selected -0 for the same and makes a max instruction of them.
 */
static inline float heed_ramp_f32(float x) {
    uint32_t negative = 0u - (heed_bits_f32(x) >> 31);
    return heed_from_bits_f32(heed_bits_f32(x) & ~(negative & 0x7fffffffu));
}

/* The whole number nearest to x, |x| < 2^22: adding 1.5 * 2^23 leaves no room for a fraction. */
static inline float heed_nearest_f32(float x) {
    return (x + 0x1.8p23f) - 0x1.8p23f;
}

/* 2^n for whole n in -126..127: the low bits of 1.5 * 2^23 + 127 + n are the exponent's. */
static inline float heed_pow2_f32(float n) {
    return heed_from_bits_f32(heed_bits_f32(n + (0x1.8p23f + 127.0f)) << 23);
}

/* The n that leaves |x - n ln 2| < 0.3475. */
static inline float heed_exp_power_f32(float x) {
    return heed_nearest_f32(x * 0x1.715476p0f);
}

/* ln 2 in two parts, the first of 16 bits, so that for |n| < 256 its product with n is exact. */
#define HEED_LN2_HIGH 0x1.62e4p-1f
#define HEED_LN2_LOW 0x1.7f7d1cp-20f

/* x - n ln 2, for the n above: the first difference is exact too. */
static inline float heed_exp_reduce_f32(float x, float n) {
    return heed_fma_f32(n, -HEED_LN2_LOW, heed_fma_f32(n, -HEED_LN2_HIGH, x));
}

/* e^r - 1 for |r| < 0.3475, relative error 2^-26. */
static inline float heed_expm1_reduced_f32(float r) {
    float q = 0x1.6bebcep-10f;
    q = heed_fma_f32(q, r, 0x1.1228e6p-7f);
    q = heed_fma_f32(q, r, 0x1.55569cp-5f);
    q = heed_fma_f32(q, r, 0x1.5554aep-3f);
    q = heed_fma_f32(q, r, 0x1.fffffep-2f);
    return heed_fma_f32(r * r, q, r);
}

/* n, the whole number nearest to -k x / ln 2, and 2^(n + bias): the low bits of one sum hold both. */
typedef struct heed_halvings_f32 {
    float n;
    float scale;
} heed_halvings_f32;

static inline heed_halvings_f32 heed_halvings_of_f32(float x, float k, float bias) {
    const float shift = 0x1.8p23f + 127.0f + bias;
    float sum = heed_fma_f32(x, -0x1.715476p0f * k, shift);
    return (heed_halvings_f32){sum - shift, heed_from_bits_f32(heed_bits_f32(sum) << 23)};
}

/* tanh(k r / 2) for |k r| < 0.3467 and k a power of 2, relative error 2^-24.1. */
static inline float heed_tanh_reduced_f32(float r, float k) {
    float t = r * r;
    float q = heed_fma_f32(0x1.0c80d8p-8f * (k * k * k * k * k), t, -0x1.554fecp-5f * (k * k * k));
    return r * heed_fma_f32(q, t, 0.5f * k);
}

/* log(1 + f) for f in [-1/3, 1/3], relative error 2^-27. */
static inline float heed_log1p_reduced_f32(float f) {
    float q = -0x1.fe11cp-4f;
    q = heed_fma_f32(q, f, 0x1.203a5ep-3f);
    q = heed_fma_f32(q, f, -0x1.f6e73p-4f);
    q = heed_fma_f32(q, f, 0x1.1e790ap-3f);
    q = heed_fma_f32(q, f, -0x1.557d5ep-3f);
    q = heed_fma_f32(q, f, 0x1.99d5d8p-3f);
    q = heed_fma_f32(q, f, -0x1.ffff96p-3f);
    q = heed_fma_f32(q, f, 0x1.5554fap-2f);
    q = heed_fma_f32(q, f, -0.5f);
    return heed_fma_f32(f * f, q, f);
}

/* n ln 2 + log(1 + f), the small parts first. */
static inline float heed_log_join_f32(float n, float f) {
    return heed_fma_f32(n, HEED_LN2_HIGH, heed_fma_f32(n, HEED_LN2_LOW, heed_log1p_reduced_f32(f)));
}

/* The exponent bits n << 23 of x = 2^n m with m in [2/3, 4/3), so that log(m) is small wherever log(x) is. */
static inline uint32_t heed_log_exponent_f32(float x) {
    return (heed_bits_f32(x) - 0x3f2aaaabu) & 0xff800000u;
}

/* The values no formula gives: log(0) = -inf, log of a negative is NaN, +inf and NaN are passed on. */
static inline float heed_log_edges_f32(float x, float y) {
    y = heed_select_f32(x < INFINITY, y, x);
    y = heed_select_f32(x == 0.0f, -INFINITY, y);
    return heed_select_f32(x < 0.0f, NAN, y);
}

#endif
