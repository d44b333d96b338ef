/* What layernorm and rmsnorm have in common: rows (the last axis, D elements), a gain of (D), gradients of gains. */
#ifndef HEED_SOFTMAX_NORM_H
#define HEED_SOFTMAX_NORM_H

#include <heed/op.h>

typedef struct heed_norm_attr {
    double eps;
} heed_norm_attr;

/* x (..., D), then vectors of (D) or absent, called by these names in errors; eps in [0, inf]. Output like x. */
heed_status heed_shape_norm(heed_call *call, const char *const *names);

/* Rows worth a thread. */
int64_t heed_norm_grain(const heed_call *call);
/* How many rows x has, and how long they are. */
int64_t heed_norm_rows(const heed_call *call);
int64_t heed_norm_width(const heed_call *call);

/* For sums down the rows: blocks of so many rows, the last of what is left; both depend on the shape alone. */
int64_t heed_norm_blocks(const heed_call *call);
int64_t heed_norm_rows_a_block(const heed_call *call);

/* Columns whose gradients are summed side by side, so that memory is read along its rows. */
enum { HEED_NORM_STRIP = 64 };

/* x of many shapes; each of n_vectors present in about two samples of three. */
bool heed_norm_sample(int index, int n_vectors, heed_sample *sample);

#endif
