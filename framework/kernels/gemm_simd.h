/* gemm_simd.h: the vectors of the matrix product, per instruction set.
 *
 * For f32 and f64: the vector type, loads and stores anywhere in an array, a fused multiply-add by name (so that
 * -ffp-contract=off leaves it alone), and the shuffle from which transposes are made. Then the shape of the register
 * tile that this instruction set has registers for.
 */
#ifndef HEED_KERNELS_GEMM_SIMD_H
#define HEED_KERNELS_GEMM_SIMD_H

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX2__) && defined(__FMA__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

#include <stdint.h>
#if VECTOR_BYTES > 16
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/* Before a loop of few and constant rounds over an array of vectors: unrolled early enough, the array lives in
 * registers. */
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

typedef float vector_f32 __attribute__((vector_size(VECTOR_BYTES)));
typedef double vector_f64 __attribute__((vector_size(VECTOR_BYTES)));

/* The same, anywhere in an array of numbers. */
typedef vector_f32 unaligned_f32 __attribute__((aligned(sizeof(float)), may_alias));
typedef vector_f64 unaligned_f64 __attribute__((aligned(sizeof(double)), may_alias));

static inline vector_f32 load_f32(const float *from) {
    return *(const unaligned_f32 *)from;
}

static inline vector_f64 load_f64(const double *from) {
    return *(const unaligned_f64 *)from;
}

static inline void store_f32(float *to, vector_f32 v) {
    *(unaligned_f32 *)to = v;
}

static inline void store_f64(double *to, vector_f64 v) {
    *(unaligned_f64 *)to = v;
}

/* An operand as packing sees it; gemm_pack.h tells what the numbers mean. */
typedef struct gemm_strip {
    const void *source;
    int64_t across, along;
    int64_t count, k;
} gemm_strip;

/* A tile of the product is TILE_ROWS x TILE_VECTORS vectors and is summed in registers, which must also hold one row of
 * b and one number of a: 14 * 2 + 3 of the 32 of AVX-512 and NEON, 6 * 2 + 3 of 16 elsewhere. Tiles of WIDE_ROWS or fewer may be
 * WIDE_VECTORS wide, since few rows alone are too few independent sums to keep the units busy. */
#define TILE_VECTORS 2
#define WIDE_VECTORS 4
#define WIDE_ROWS 2
#if VECTOR_BYTES == 64 || defined(__aarch64__)
#define TILE_ROWS 14
#else
#define TILE_ROWS 6
#endif

/* splat: x in every lane.
 *
 * load_lanes, store_lanes: the first `count` lanes (none if it is negative, all if there are fewer), and no byte beside
 * them; the others are loaded as zero.
 *
 * fma: a * b + c, rounded once.
 *
 * interleave: (x0 x1 x2 ...), (y0 y1 y2 ...) become (x0 y0 x1 y1 ...), which is as long as both: its first half in
 * *x, its second in *y. */

#if VECTOR_BYTES == 64

static inline vector_f32 splat_f32(float x) {
    return (vector_f32)_mm512_set1_ps(x);
}

static inline vector_f64 splat_f64(double x) {
    return (vector_f64)_mm512_set1_pd(x);
}

static inline vector_f32 fma_f32(vector_f32 a, vector_f32 b, vector_f32 c) {
    return (vector_f32)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}

static inline vector_f64 fma_f64(vector_f64 a, vector_f64 b, vector_f64 c) {
    return (vector_f64)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
}

static inline __mmask16 first_lanes_f32(int64_t count) {
    return (__mmask16)(count <= 0 ? 0 : count < 16 ? (1u << count) - 1 : -1u);
}

static inline vector_f32 load_lanes_f32(const float *from, int64_t count) {
    return (vector_f32)_mm512_maskz_loadu_ps(first_lanes_f32(count), from);
}

static inline void store_lanes_f32(float *to, int64_t count, vector_f32 v) {
    _mm512_mask_storeu_ps(to, first_lanes_f32(count), (__m512)v);
}

static inline __mmask8 first_lanes_f64(int64_t count) {
    return (__mmask8)(count <= 0 ? 0 : count < 8 ? (1u << count) - 1 : -1u);
}

static inline vector_f64 load_lanes_f64(const double *from, int64_t count) {
    return (vector_f64)_mm512_maskz_loadu_pd(first_lanes_f64(count), from);
}

static inline void store_lanes_f64(double *to, int64_t count, vector_f64 v) {
    _mm512_mask_storeu_pd(to, first_lanes_f64(count), (__m512d)v);
}

static inline void interleave_f32(vector_f32 *x, vector_f32 *y) {
    const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const __m512i high = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    __m512 a = (__m512)*x, b = (__m512)*y;
    *x = (vector_f32)_mm512_permutex2var_ps(a, low, b);
    *y = (vector_f32)_mm512_permutex2var_ps(a, high, b);
}

static inline void interleave_f64(vector_f64 *x, vector_f64 *y) {
    const __m512i low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
    const __m512i high = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
    __m512d a = (__m512d)*x, b = (__m512d)*y;
    *x = (vector_f64)_mm512_permutex2var_pd(a, low, b);
    *y = (vector_f64)_mm512_permutex2var_pd(a, high, b);
}

#elif VECTOR_BYTES == 32

static inline vector_f32 splat_f32(float x) {
    return (vector_f32)_mm256_set1_ps(x);
}

static inline vector_f64 splat_f64(double x) {
    return (vector_f64)_mm256_set1_pd(x);
}

static inline vector_f32 fma_f32(vector_f32 a, vector_f32 b, vector_f32 c) {
    return (vector_f32)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}

static inline vector_f64 fma_f64(vector_f64 a, vector_f64 b, vector_f64 c) {
    return (vector_f64)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}

static inline __m256i first_lanes_f32(int64_t count) {
    int lanes = (int)(count < 0 ? 0 : count < 8 ? count : 8);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline vector_f32 load_lanes_f32(const float *from, int64_t count) {
    return (vector_f32)_mm256_maskload_ps(from, first_lanes_f32(count));
}

static inline void store_lanes_f32(float *to, int64_t count, vector_f32 v) {
    _mm256_maskstore_ps(to, first_lanes_f32(count), (__m256)v);
}

static inline __m256i first_lanes_f64(int64_t count) {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3));
}

static inline vector_f64 load_lanes_f64(const double *from, int64_t count) {
    return (vector_f64)_mm256_maskload_pd(from, first_lanes_f64(count));
}

static inline void store_lanes_f64(double *to, int64_t count, vector_f64 v) {
    _mm256_maskstore_pd(to, first_lanes_f64(count), (__m256d)v);
}

/* AVX2 interleaves within halves of 128 bits; the permutes put the halves in order. */
static inline void interleave_f32(vector_f32 *x, vector_f32 *y) {
    __m256 low = _mm256_unpacklo_ps((__m256)*x, (__m256)*y);
    __m256 high = _mm256_unpackhi_ps((__m256)*x, (__m256)*y);
    *x = (vector_f32)_mm256_permute2f128_ps(low, high, 0x20);
    *y = (vector_f32)_mm256_permute2f128_ps(low, high, 0x31);
}

static inline void interleave_f64(vector_f64 *x, vector_f64 *y) {
    __m256d low = _mm256_unpacklo_pd((__m256d)*x, (__m256d)*y);
    __m256d high = _mm256_unpackhi_pd((__m256d)*x, (__m256d)*y);
    *x = (vector_f64)_mm256_permute2f128_pd(low, high, 0x20);
    *y = (vector_f64)_mm256_permute2f128_pd(low, high, 0x31);
}

#else

static inline vector_f32 splat_f32(float x) {
    return (vector_f32){x, x, x, x};
}

static inline vector_f64 splat_f64(double x) {
    return (vector_f64){x, x};
}

#if defined(__aarch64__)

static inline vector_f32 fma_f32(vector_f32 a, vector_f32 b, vector_f32 c) {
    return (vector_f32)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}

static inline vector_f64 fma_f64(vector_f64 a, vector_f64 b, vector_f64 c) {
    return (vector_f64)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
}

#else

/* No fused operation can be counted on here: the product is rounded, then the sum, for every element alike. */
static inline vector_f32 fma_f32(vector_f32 a, vector_f32 b, vector_f32 c) {
    return a * b + c;
}

static inline vector_f64 fma_f64(vector_f64 a, vector_f64 b, vector_f64 c) {
    return a * b + c;
}

#endif

static inline vector_f32 load_lanes_f32(const float *from, int64_t count) {
    if (count >= 4)
        return *(const unaligned_f32 *)from;
    vector_f32 v = {0};
    for (int lane = 0; lane < (int)count; lane++)
        v[lane] = from[lane];
    return v;
}

static inline void store_lanes_f32(float *to, int64_t count, vector_f32 v) {
    if (count >= 4)
        *(unaligned_f32 *)to = v;
    else
        for (int lane = 0; lane < (int)count; lane++)
            to[lane] = v[lane];
}

static inline vector_f64 load_lanes_f64(const double *from, int64_t count) {
    if (count >= 2)
        return *(const unaligned_f64 *)from;
    vector_f64 v = {0};
    for (int lane = 0; lane < (int)count; lane++)
        v[lane] = from[lane];
    return v;
}

static inline void store_lanes_f64(double *to, int64_t count, vector_f64 v) {
    if (count >= 2)
        *(unaligned_f64 *)to = v;
    else
        for (int lane = 0; lane < (int)count; lane++)
            to[lane] = v[lane];
}

static inline void interleave_f32(vector_f32 *x, vector_f32 *y) {
    vector_f32 a = *x, b = *y;
    *x = (vector_f32){a[0], b[0], a[1], b[1]};
    *y = (vector_f32){a[2], b[2], a[3], b[3]};
}

static inline void interleave_f64(vector_f64 *x, vector_f64 *y) {
    vector_f64 a = *x, b = *y;
    *x = (vector_f64){a[0], b[0]};
    *y = (vector_f64){a[1], b[1]};
}

#endif

#endif
