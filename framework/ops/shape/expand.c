/* expand: axes of size 1, and axes that x does not have, repeated without a copy (their strides are 0).
 *
 *     y[.., i, ..] = x[.., 0, ..]      so      dx[.., 0, ..] = sum over i of dy[.., i, ..]
 */
#include <heed/op.h>
#include <heed/ops.h>

#include "samples.h"

static heed_status expand_shape(heed_call *call) {
    const heed_shape shape = *(const heed_shape *)call->attr;
    const heed_array *x = call->in[0];
    heed_shape joint;
    if (shape.rank < 0 || shape.rank > HEED_MAX_RANK)
        return heed_fail(call, "rank %d is outside 0..%d", shape.rank, HEED_MAX_RANK);
    if (heed_shape_count(shape) < 0)
        return heed_fail(call, "%s cannot be: a size is negative, or it has more than 2^63 - 1 elements",
                         HEED_SHAPE_STR(shape));
    if (!heed_shape_broadcast(x->shape, shape, &joint) || !heed_shape_equal(joint, shape))
        return heed_fail(call, "%s does not expand to %s", HEED_SHAPE_STR(x->shape), HEED_SHAPE_STR(shape));
    *call->out[0] = heed_array_expanded(x, shape);
    return HEED_OK;
}

static bool samples(int index, heed_sample *sample) {
    static const heed_shape pairs[][2] = {
        {{0, {0}}, {0, {0}}},
        {{0, {0}}, {1, {1}}},
        {{0, {0}}, {1, {33}}},
        {{0, {0}}, {2, {3, 5}}},
        {{1, {1}}, {1, {1}}},
        {{1, {1}}, {1, {17}}},
        {{1, {2}}, {1, {2}}},
        {{1, {2}}, {2, {15, 2}}},
        {{1, {15}}, {2, {1, 15}}},
        {{1, {16}}, {2, {2, 16}}},
        {{1, {17}}, {3, {2, 1, 17}}},
        {{1, {33}}, {3, {3, 2, 33}}},
        {{2, {1, 1}}, {2, {16, 15}}},
        {{2, {1, 15}}, {2, {16, 15}}},
        {{2, {15, 1}}, {2, {15, 16}}},
        {{2, {2, 3}}, {2, {2, 3}}},
        {{2, {2, 1}}, {3, {3, 2, 17}}},
        {{2, {1, 33}}, {3, {2, 3, 33}}},
        {{3, {2, 1, 4}}, {3, {2, 3, 4}}},
        {{3, {1, 3, 1}}, {3, {2, 3, 4}}},
        {{3, {1, 1, 16}}, {3, {2, 2, 16}}},
        {{3, {2, 3, 1}}, {4, {2, 2, 3, 5}}},
        {{4, {2, 1, 1, 5}}, {4, {2, 3, 2, 5}}},
        {{4, {1, 3, 1, 5}}, {4, {2, 3, 2, 5}}},
        {{4, {1, 1, 1, 1}}, {8, {2, 1, 2, 1, 2, 1, 2, 2}}},
    };
    if (index >= (int)(sizeof pairs / sizeof pairs[0]))
        return false;
    *sample = (heed_sample){.n_in = 1, .in = {{.dtype = HEED_F64, .shape = pairs[index][0]}}};
    return heed_sample_attr(sample, &pairs[index][1], sizeof pairs[index][1]);
}

const heed_op heed_op_expand = {
    .size = sizeof(heed_op), .name = "expand", .min_in = 1, .max_in = 1, .n_out = 1, .flags = HEED_VIEW,
    .attr_size = sizeof(heed_shape), .shape = expand_shape, .samples = samples,
};

heed_tensor heed_expand(heed_tape *t, heed_tensor x, heed_shape shape) {
    return heed_apply(t, &heed_op_expand, &x, 1, &shape);
}
