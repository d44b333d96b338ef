/* gemm_simd.h: the vectors of the matrix product, per instruction set.
 *
 * For f32 and f64: the vector type, loads and stores anywhere in an array, a fused multiply-add by name (so that
 * -ffp-contract=off leaves it alone), and squares of vectors transposed. Then the shape of the register tile that this
 * instruction set has registers for.
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
 * WIDE_VECTORS wide, since few rows alone are too few independent sums to keep the units busy; one row WIDEST_VECTORS, since
 * then b is read once, and best in long stretches. */
#define TILE_VECTORS 2
#define WIDE_VECTORS 4
#define WIDE_ROWS 2
#if VECTOR_BYTES == 64 || defined(__aarch64__)
#define TILE_ROWS 14
#define WIDEST_VECTORS 16
#else
#define TILE_ROWS 6
#define WIDEST_VECTORS 8
#endif

/* splat: x in every lane.
 *
 * load_lanes, store_lanes: the first `count` lanes (none if it is negative, all if there are fewer), and no byte beside
 * them; the others are loaded as zero.
 *
 * fma: a * b + c, rounded once.
 *
 * low, high: of each 16 bytes of x and of y the first elements, or the last, in turns: (x0 y0 x1 y1) and (x2 y2 x3 y3) of
 * f32, (x0 y0) and (x1 y1) of f64.
 *
 * transpose_blocks: of as many vectors, `step` apart, as a vector has blocks of 16 bytes: block j of the i-th becomes block i
 * of the j-th. */

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

static inline vector_f32 low_f32(vector_f32 x, vector_f32 y) {
    return (vector_f32)_mm512_unpacklo_ps((__m512)x, (__m512)y);
}

static inline vector_f32 high_f32(vector_f32 x, vector_f32 y) {
    return (vector_f32)_mm512_unpackhi_ps((__m512)x, (__m512)y);
}

static inline vector_f64 low_f64(vector_f64 x, vector_f64 y) {
    return (vector_f64)_mm512_unpacklo_pd((__m512d)x, (__m512d)y);
}

static inline vector_f64 high_f64(vector_f64 x, vector_f64 y) {
    return (vector_f64)_mm512_unpackhi_pd((__m512d)x, (__m512d)y);
}

/* The even blocks of x, then those of y; the odd ones likewise. */
static inline vector_f64 even_blocks(vector_f64 x, vector_f64 y) {
    return (vector_f64)_mm512_shuffle_f64x2((__m512d)x, (__m512d)y, 0x88);
}

static inline vector_f64 odd_blocks(vector_f64 x, vector_f64 y) {
    return (vector_f64)_mm512_shuffle_f64x2((__m512d)x, (__m512d)y, 0xdd);
}

static inline void transpose_blocks_f64(vector_f64 *v, int step) {
    const vector_f64 even = even_blocks(v[0], v[step]), odd = odd_blocks(v[0], v[step]);
    const vector_f64 even_2 = even_blocks(v[2 * step], v[3 * step]), odd_2 = odd_blocks(v[2 * step], v[3 * step]);
    v[0] = even_blocks(even, even_2);
    v[step] = even_blocks(odd, odd_2);
    v[2 * step] = odd_blocks(even, even_2);
    v[3 * step] = odd_blocks(odd, odd_2);
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

static inline vector_f32 low_f32(vector_f32 x, vector_f32 y) {
    return (vector_f32)_mm256_unpacklo_ps((__m256)x, (__m256)y);
}

static inline vector_f32 high_f32(vector_f32 x, vector_f32 y) {
    return (vector_f32)_mm256_unpackhi_ps((__m256)x, (__m256)y);
}

static inline vector_f64 low_f64(vector_f64 x, vector_f64 y) {
    return (vector_f64)_mm256_unpacklo_pd((__m256d)x, (__m256d)y);
}

static inline vector_f64 high_f64(vector_f64 x, vector_f64 y) {
    return (vector_f64)_mm256_unpackhi_pd((__m256d)x, (__m256d)y);
}

static inline void transpose_blocks_f64(vector_f64 *v, int step) {
    const __m256d x = (__m256d)v[0], y = (__m256d)v[step];
    v[0] = (vector_f64)_mm256_permute2f128_pd(x, y, 0x20);
    v[step] = (vector_f64)_mm256_permute2f128_pd(x, y, 0x31);
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

static inline vector_f32 low_f32(vector_f32 x, vector_f32 y) {
    return (vector_f32){x[0], y[0], x[1], y[1]};
}

static inline vector_f32 high_f32(vector_f32 x, vector_f32 y) {
    return (vector_f32){x[2], y[2], x[3], y[3]};
}

static inline vector_f64 low_f64(vector_f64 x, vector_f64 y) {
    return (vector_f64){x[0], y[0]};
}

static inline vector_f64 high_f64(vector_f64 x, vector_f64 y) {
    return (vector_f64){x[1], y[1]};
}

static inline void transpose_blocks_f64(vector_f64 *v, int step) {
    (void)v, (void)step; /* there is one */
}

#endif

/* A square of as many vectors as a vector has lanes: lane i of vector j becomes lane j of vector i. First within the blocks
 * of 16 bytes, for as many vectors as a block has lanes: then block j of vector i has what is to be block i of vector j, if
 * vectors are counted without their place among those. */

enum { BLOCK_BYTES = 16, BLOCKS = VECTOR_BYTES / BLOCK_BYTES };

static inline __attribute__((always_inline)) void transpose_f64(vector_f64 *square) {
    enum { PER_BLOCK = BLOCK_BYTES / sizeof(double) };
    UNROLL
    for (int first = 0; first < BLOCKS * PER_BLOCK; first += PER_BLOCK) {
        const vector_f64 x = square[first], y = square[first + 1];
        square[first] = low_f64(x, y);
        square[first + 1] = high_f64(x, y);
    }
    UNROLL
    for (int i = 0; i < PER_BLOCK; i++)
        transpose_blocks_f64(square + i, PER_BLOCK);
}

static inline __attribute__((always_inline)) void transpose_f32(vector_f32 *square) {
    enum { PER_BLOCK = BLOCK_BYTES / sizeof(float) };
    vector_f64 pairs[BLOCKS * PER_BLOCK]; /* two elements that stay together */
    UNROLL
    for (int first = 0; first < BLOCKS * PER_BLOCK; first += PER_BLOCK) {
        const vector_f32 *from = square + first;
        const vector_f64 low_01 = (vector_f64)low_f32(from[0], from[1]), high_01 = (vector_f64)high_f32(from[0], from[1]);
        const vector_f64 low_23 = (vector_f64)low_f32(from[2], from[3]), high_23 = (vector_f64)high_f32(from[2], from[3]);
        pairs[first] = low_f64(low_01, low_23);
        pairs[first + 1] = high_f64(low_01, low_23);
        pairs[first + 2] = low_f64(high_01, high_23);
        pairs[first + 3] = high_f64(high_01, high_23);
    }
    UNROLL
    for (int i = 0; i < PER_BLOCK; i++)
        transpose_blocks_f64(pairs + i, PER_BLOCK);
    UNROLL
    for (int i = 0; i < BLOCKS * PER_BLOCK; i++)
        square[i] = (vector_f32)pairs[i];
}

#endif
