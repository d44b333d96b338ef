/* What a kernel sees of a value: plain memory with a shape and strides. For people who write ops. */
#ifndef HEED_ARRAY_H
#define HEED_ARRAY_H

#include <heed/base.h>

HEED_BEGIN_DECLS

typedef struct heed_array {
    void *data; /* of the first element; NULL: not there (see heed_call) */
    heed_dtype dtype;
    heed_shape shape;
    int64_t stride[HEED_MAX_RANK]; /* in elements; 0 along broadcast axes, negative where reversed */
} heed_array;

int64_t heed_array_count(const heed_array *a);
/* Row-major without holes. */
bool heed_array_contiguous(const heed_array *a);
/* Gives a the row-major strides of its shape. */
void heed_array_set_strides(heed_array *a);
/* a seen as a larger shape it broadcasts to (strides 0); shape must be one it broadcasts to. */
heed_array heed_array_expanded(const heed_array *a, heed_shape shape);

/* to := from, to := to + from, elementwise over equal shapes and dtypes, any strides. add: real dtypes. fill: as heed_cast. */
void heed_array_copy(const heed_array *to, const heed_array *from, int threads);
void heed_array_add(const heed_array *to, const heed_array *from, int threads);
void heed_array_fill(const heed_array *to, double value, int threads);
/* to := (or +=, when accumulate) the sum of from over the axes along which to is broadcast (to.shape broadcasts to
 * from.shape). The sum runs in a fixed order, whatever the number of threads. from must be contiguous. */
void heed_array_sum_to(const heed_array *to, const heed_array *from, bool accumulate, int threads);

/* bf16 is the upper half of an f32: rounded to nearest even; a NaN stays one. */
uint16_t heed_bf16_from_float(float x);
float heed_bf16_to_float(uint16_t bits);

/* A walk over up to HEED_WALK_MAX arrays of one shape, row by row: axes that all of them step through evenly are
 * merged, so contiguous arrays are one long row. Each row has `length` elements; array i steps by step[i].
 * The pointers have room for HEED_WALK_MAX, however few arrays there are.
 *     heed_walk w;
 *     heed_walk_init(&w, n, arrays);
 *     for (int64_t r = begin; r < end; r++) { heed_walk_row(&w, r, pointers); ... }           r in 0..w.rows-1 */
enum { HEED_WALK_MAX = 4 };
typedef struct heed_walk {
    int n, outer;                /* arrays; axes outside the row */
    int64_t rows, length;
    int64_t size[HEED_MAX_RANK]; /* of the outer axes */
    int64_t jump[HEED_MAX_RANK][HEED_WALK_MAX]; /* bytes along them, of each array; of those that are not there, 0 */
    int64_t step[HEED_WALK_MAX]; /* elements inside a row */
    char *base[HEED_WALK_MAX];
} heed_walk;
void heed_walk_init(heed_walk *w, int n, const heed_array *const *arrays);
void heed_walk_row(const heed_walk *w, int64_t row, void *pointers[HEED_WALK_MAX]);

HEED_END_DECLS
#endif
