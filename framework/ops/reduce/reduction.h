/* What reductions share: their axes, x seen as rows to be reduced, and sums that come out the same for any number of threads. */
#ifndef HEED_REDUCE_REDUCTION_H
#define HEED_REDUCE_REDUCTION_H

#include <heed/op.h>
#include <heed/ops.h>

/* ---- axes ---- */

/* How x is reduced: to `rows` numbers, each made of n elements. */
typedef struct heed_reduction {
    bool reduced[HEED_MAX_RANK];
    int64_t rows, n;
    int64_t
        inner; /* packed x is (rows / inner, n, inner); 0 where kept and reduced axes alternate and it is no such thing */
} heed_reduction;

/* The shape rule: checks the axes and sets out[0], which has x's dtype. */
heed_status heed_reduction_shape(heed_call *call, const heed_axes *axes) HEED_MUST_CHECK;
/* axes must have been checked. */
heed_reduction heed_reduction_of(heed_shape x, const heed_axes *axes);
/* y, or dy, with or without keepdim, seen in x's shape: strides 0 along the reduced axes. */
heed_array heed_reduction_expanded(const heed_reduction *r, const heed_array *y, heed_shape x);

/* ---- rows: kept axes first, so that what belongs to one number lies side by side: (rows, n) ---- */

/* Bytes that rows take, if they are not x itself: 0 when x's reduced axes are its last. */
size_t heed_rows_bytes(const heed_reduction *r, heed_dtype dtype);
/* x's rows: x's own data, or a copy in `room`. */
const void *heed_rows_of(const heed_call *call, const heed_reduction *r, const heed_array *x, void *room);
/* Where to write x-shaped rows: into x itself or `room`; heed_rows_done then puts them from there into x. */
void *heed_rows_to_write(const heed_reduction *r, const heed_array *x, void *room);
void heed_rows_done(const heed_call *call, const heed_reduction *r, const heed_array *x, void *room);
/* The flat index in x of the i-th element of a row. */
int64_t heed_rows_flat(const heed_reduction *r, heed_shape x, int64_t row, int64_t i);

/* Bytes for n elements and what follows them, aligned; an impossible number where that is no size_t. */
size_t heed_room(int64_t n, size_t element);

/* How many rows of n elements make a range that is worth a thread. */
int64_t heed_rows_grain(int64_t n);

/* ---- sums ---- */

/* The sum of n numbers: few one by one, more in 16 sums side by side that are then added pairwise. It depends on the numbers
 * and n alone. */
double heed_add_up_f32(const float *x, int64_t n);
double heed_add_up_f64(const double *x, int64_t n);

/* The sum of some function of n elements, whose parameter is `shift`. */
typedef double heed_block_sum(const void *x, int64_t n, double shift);
/* total[row] = the sum of f over the row, with shift[row] (shift NULL: 0). Rows are cut into blocks of a fixed size, added in
 * order, so that one long row keeps all threads busy. room: heed_row_sums_bytes. */
void heed_row_sums(const heed_call *call, const heed_reduction *r, const void *rows, size_t element, heed_block_sum *f,
                   const double *shift, double *total, void *room);
size_t heed_row_sums_bytes(const heed_reduction *r);

#endif
