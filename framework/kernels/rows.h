/* Sums, maxima and exponentials of rows of memory: sums in an order that depends on the row's length alone.
 *
 * A row is cut into blocks of HEED_ROW_BLOCK elements. A block is summed in as many chains as a vector of 64 bytes has
 * lanes (element i in chain i modulo lanes), the chains by halves, and the blocks' sums in double, one after the
 * other. So every build of every compiler gives the same bits, vectors or not, and rounding stays small in rows of
 * millions.
 *
 *     double heed_row_sum_f32(const float *x, int64_t n)                    sum x[i]
 *     double heed_row_dot_f32(const float *x, const float *y, int64_t n)    sum x[i] y[i], each product rounded
 *     float heed_row_max_f32(const float *x, int64_t n)                     max x[i]; -inf of nothing; NaN is skipped
 *     void heed_row_exp_f32(float *y, const float *x, int64_t n, float less, float factor)
 *                                                                           y[i] = factor e^(x[i] - less); y may be x
 *
 * and the same for f64. What a row has beyond whole vectors is loaded into one and stored from it by masks where a machine
 * has them: in short rows, element by element, it would cost more than all else. */
#ifndef HEED_KERNELS_ROWS_H
#define HEED_KERNELS_ROWS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "apart.h"
#include "vmath.h"

enum { HEED_ROW_BLOCK = 1024, HEED_ROW_BYTES = 64 };

/* A vector, and the integers that its comparisons give. */
typedef float heed_lanes_f32 __attribute__((vector_size(64)));
typedef int32_t heed_mask_f32 __attribute__((vector_size(64)));
typedef double heed_lanes_f64 __attribute__((vector_size(64)));
typedef int64_t heed_mask_f64 __attribute__((vector_size(64)));

/* x[i] = y[i] where that is larger: never NaN for y's sake. Vectors go by address, for wide ones cannot be passed by value
 * alike in all builds. */
static inline void heed_lanes_larger_f32(heed_lanes_f32 *x, const heed_lanes_f32 *y) {
    const heed_mask_f32 larger = *y > *x; /* all bits set, or none; false for NaN */
    *x = (heed_lanes_f32)((larger & (heed_mask_f32)*y) | (~larger & (heed_mask_f32)*x));
}

static inline void heed_lanes_larger_f64(heed_lanes_f64 *x, const heed_lanes_f64 *y) {
    const heed_mask_f64 larger = *y > *x;
    *x = (heed_lanes_f64)((larger & (heed_mask_f64)*y) | (~larger & (heed_mask_f64)*x));
}

/* x's lanes in another order. */
#ifdef __clang__
#define HEED_LANES_IN_ORDER(type, x, ...) __builtin_shufflevector(x, x, __VA_ARGS__)
#else
#define HEED_LANES_IN_ORDER(type, x, ...) __builtin_shuffle(x, (heed_mask_##type){__VA_ARGS__})
#endif

/* The largest lane: one half against the other, until two are left. */
static inline float heed_lanes_max_f32(heed_lanes_f32 *x) {
    heed_lanes_f32 y = HEED_LANES_IN_ORDER(f32, *x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    heed_lanes_larger_f32(x, &y);
    y = HEED_LANES_IN_ORDER(f32, *x, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3);
    heed_lanes_larger_f32(x, &y);
    y = HEED_LANES_IN_ORDER(f32, *x, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1);
    heed_lanes_larger_f32(x, &y);
    return (*x)[0] > (*x)[1] ? (*x)[0] : (*x)[1];
}

/* Half the lanes added to the other half, until one is left. */
static inline float heed_lanes_sum_f32(const heed_lanes_f32 *lanes) {
    heed_lanes_f32 x = *lanes;
    x += HEED_LANES_IN_ORDER(f32, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    x += HEED_LANES_IN_ORDER(f32, x, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3);
    x += HEED_LANES_IN_ORDER(f32, x, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1);
    return x[0] + x[1];
}

static inline double heed_lanes_sum_f64(const heed_lanes_f64 *lanes) {
    heed_lanes_f64 x = *lanes;
    x += HEED_LANES_IN_ORDER(f64, x, 4, 5, 6, 7, 0, 1, 2, 3);
    x += HEED_LANES_IN_ORDER(f64, x, 2, 3, 0, 1, 2, 3, 0, 1);
    return x[0] + x[1];
}

static inline double heed_lanes_max_f64(heed_lanes_f64 *x) {
    heed_lanes_f64 y = HEED_LANES_IN_ORDER(f64, *x, 4, 5, 6, 7, 0, 1, 2, 3);
    heed_lanes_larger_f64(x, &y);
    y = HEED_LANES_IN_ORDER(f64, *x, 2, 3, 0, 1, 2, 3, 0, 1);
    heed_lanes_larger_f64(x, &y);
    return (*x)[0] > (*x)[1] ? (*x)[0] : (*x)[1];
}

#define REAL float
#define TYPED(name) name##_f32
#include "rows_typed.h"
#undef REAL
#undef TYPED

#define REAL double
#define TYPED(name) name##_f64
#include "rows_typed.h"
#undef REAL
#undef TYPED

#endif
