/* What layernorm and rmsnorm have in common: rows (the last axis, D elements), a gain of (D), gradients of gains. */
#ifndef HEED_SOFTMAX_NORM_H
#define HEED_SOFTMAX_NORM_H

#include <heed/op.h>

typedef struct heed_norm_attr {
    double eps;
} heed_norm_attr;

/* x (..., D), then vectors of (D) or absent, called by these names in errors; eps in [0, inf]. Output like x. */
heed_status heed_shape_norm(heed_call *call, const char *const *names);

/* Sums along a row run in HEED_NORM_LANES chains, element i in chain i modulo lanes, and end with the chains by halves. */
enum { HEED_NORM_LANES = 16 };
static inline double heed_norm_fold(double *chain) {
    for (int half = HEED_NORM_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            chain[i] += chain[i + half];
    return chain[0];
}

/* Rows worth a thread. */
int64_t heed_norm_grain(const heed_call *call);
/* How many rows x has, and how long they are. */
int64_t heed_norm_rows(const heed_call *call);
int64_t heed_norm_width(const heed_call *call);

/* Backward cuts the rows into blocks, the last of what is left; how many depends on the shape alone. A block's rows are given
 * to `body` one after the other, each with the block's sums so far of the gradients of the call's vectors, (n_in - 1, D) doubles;
 * NULL where none is wanted. Then the blocks' sums are added in order, and written or added to the vectors' gradients. */
typedef void heed_norm_row_body(const heed_call *call, int64_t row, double *sums);
void heed_norm_backward(const heed_call *call, heed_norm_row_body *body);
size_t heed_norm_backward_workspace(const heed_call *call);

/* x of many shapes; each of n_vectors present in about two samples of three. */
bool heed_norm_sample(int index, int n_vectors, heed_sample *sample);

#endif
