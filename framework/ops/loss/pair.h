/* What losses of pairs have in common whatever their terms are; see pairwise.h. */
#ifndef HEED_LOSS_PAIR_H
#define HEED_LOSS_PAIR_H

#include <heed/op.h>

enum { PAIR_X, PAIR_TARGET };

/* The attribute of losses that have a parameter. */
typedef struct heed_pair_attr {
    double parameter;
} heed_pair_attr;

/* Terms are summed in blocks of this many, whoever computes them, and the blocks' sums in order. */
enum { PAIR_BLOCK = 4096 };
int64_t heed_pair_blocks(const heed_call *call);

/* x and target of one shape and dtype; the workspace takes the blocks' sums; out[0] a scalar. */
heed_status heed_shape_pair(heed_call *call);

/* The number of elements of x. */
double heed_pair_elements(const heed_call *call);

/* Where the gradient check takes x, target and the parameter from. */
typedef struct heed_pair_draw {
    heed_sample_input x, target; /* low, high, avoid, avoid_by; the rest is filled in */
    double parameter;
} heed_pair_draw;
bool heed_pair_sample(int index, const heed_pair_draw *draw, heed_sample *sample);

#endif
