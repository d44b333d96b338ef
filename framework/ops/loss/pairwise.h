/* Losses that are a sum of terms, one for each element of x and the target at its place:
 *
 *     L = sum_i term(x_i, t_i) / N,     dL/dx_i = d_x(x_i, t_i) / N,     dL/dt_i = d_target(x_i, t_i) / N
 *
 * A loss's file says what a term is, and includes pairwise_typed.h behind that, once for each REAL. */
#ifndef HEED_LOSS_PAIRWISE_H
#define HEED_LOSS_PAIRWISE_H

#include <heed/op.h>

enum { PAIR_X, PAIR_TARGET };

/* For terms with a parameter. */
typedef struct heed_pair_attr {
    double delta;
} heed_pair_attr;

/* Terms are summed in blocks of this many, whoever computes them, and the blocks' sums in order. */
enum { PAIR_BLOCK = 4096 };

/* x and target of one shape and dtype; the workspace takes the blocks' sums; out[0] a scalar. */
heed_status heed_shape_pair(heed_call *call);
int64_t heed_pair_blocks(const heed_call *call);

/* Two inputs of one shape, x in [low, high), the target in [target_low, target_high). */
bool heed_pair_sample(int index, heed_sample_input x, heed_sample_input target, heed_sample *sample);

#endif
