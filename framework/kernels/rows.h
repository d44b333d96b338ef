/* Sums and maxima of rows of memory, in an order that depends on the row's length alone.
 *
 * A row is cut into blocks of HEED_ROW_BLOCK elements. A block is summed in as many chains as a vector of 64 bytes has
 * lanes (element i in chain i modulo lanes), the chains by halves, and the blocks' sums in double, one after the
 * other. So every build of every compiler gives the same bits, vectors or not, and rounding stays small in rows of
 * millions.
 *
 *     double heed_row_sum_f32(const float *x, int64_t n)                    sum x[i]
 *     double heed_row_dot_f32(const float *x, const float *y, int64_t n)    sum x[i] y[i], each product rounded
 *     float heed_row_max_f32(const float *x, int64_t n)                     max x[i]; -inf of nothing; NaN is skipped
 *
 * and the same for f64. */
#ifndef HEED_KERNELS_ROWS_H
#define HEED_KERNELS_ROWS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { HEED_ROW_BLOCK = 1024, HEED_ROW_BYTES = 64 };

/* A vector, and the integers that its comparisons give. */
typedef float heed_lanes_f32 __attribute__((vector_size(64)));
typedef int32_t heed_mask_f32 __attribute__((vector_size(64)));
typedef double heed_lanes_f64 __attribute__((vector_size(64)));
typedef int64_t heed_mask_f64 __attribute__((vector_size(64)));

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
