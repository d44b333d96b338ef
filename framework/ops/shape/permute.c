/* permute, transpose: the axes in another order.
 *
 *     permute      y's axis i is x's axis axes[i]; dx is dy with the axes put back
 *     transpose    two axes change places; so they do in dx
 *
 * Views: the strides are permuted with the sizes. */
#include <stdio.h>

#include <heed/op.h>
#include <heed/ops.h>

#include "layout.h"
#include "samples.h"

/* ---- permute ---- */

typedef struct permute_attr {
    int axes[HEED_MAX_RANK]; /* as many as x has, negative ones counted from the end */
} permute_attr;

static heed_status not_a_permutation(heed_call *call, const int *axes, int rank) {
    char text[HEED_MAX_RANK * 13 + 1] = "";
    size_t at = 0;
    for (int i = 0; i < rank; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%d", i ? ", " : "", axes[i]);
    return heed_fail(call, "axes (%s) are no order of the %d axes of %s", text, rank,
                     HEED_SHAPE_STR(call->in[0]->shape));
}

static heed_status permute_shape(heed_call *call) {
    const permute_attr *attr = call->attr;
    const heed_array *x = call->in[0];
    heed_array view = *x;
    bool taken[HEED_MAX_RANK] = {false};
    for (int i = 0; i < x->shape.rank; i++) {
        int axis = heed_shape_axis(x->shape, attr->axes[i]);
        if (axis < 0 || taken[axis])
            return not_a_permutation(call, attr->axes, x->shape.rank);
        taken[axis] = true;
        view.shape.n[i] = x->shape.n[axis];
        view.stride[i] = x->stride[axis];
    }
    *call->out[0] = view;
    return HEED_OK;
}

static bool permute_samples(int index, heed_sample *sample) {
    static const struct {
        heed_shape shape;
        permute_attr attr;
    } cases[] = {
        {{0, {0}}, {{0}}},
        {{1, {1}}, {{0}}},
        {{1, {33}}, {{-1}}},
        {{2, {1, 17}}, {{1, 0}}},
        {{2, {17, 1}}, {{1, 0}}},
        {{2, {2, 15}}, {{1, 0}}},
        {{2, {15, 2}}, {{0, 1}}},
        {{2, {16, 16}}, {{1, 0}}},
        {{2, {17, 15}}, {{-1, 0}}},
        {{2, {33, 3}}, {{1, -2}}},
        {{3, {2, 3, 4}}, {{0, 1, 2}}},
        {{3, {2, 3, 4}}, {{0, 2, 1}}},
        {{3, {2, 3, 4}}, {{1, 0, 2}}},
        {{3, {2, 3, 4}}, {{1, 2, 0}}},
        {{3, {2, 3, 4}}, {{2, 0, 1}}},
        {{3, {2, 3, 4}}, {{2, 1, 0}}},
        {{3, {1, 16, 2}}, {{2, 0, 1}}},
        {{3, {2, 1, 33}}, {{1, 2, 0}}},
        {{3, {15, 2, 1}}, {{-1, -3, -2}}},
        {{4, {2, 3, 2, 5}}, {{0, 2, 1, 3}}}, /* heads split off, and merged back */
        {{4, {2, 3, 2, 5}}, {{0, 2, 3, 1}}},
        {{4, {2, 1, 2, 16}}, {{3, 2, 1, 0}}},
        {{4, {1, 2, 17, 2}}, {{2, 0, 3, 1}}},
        {{5, {2, 2, 3, 2, 2}}, {{4, 0, 3, 1, 2}}},
        {{8, {1, 2, 1, 2, 1, 2, 1, 3}}, {{7, 6, 5, 4, 3, 2, 1, 0}}},
    };
    if (index >= (int)(sizeof cases / sizeof cases[0]))
        return false;
    *sample = (heed_sample){.n_in = 1, .in = {{.dtype = HEED_F64, .shape = cases[index].shape}}};
    return heed_sample_attr(sample, &cases[index].attr, sizeof cases[index].attr);
}

const heed_op heed_op_permute = {
    .size = sizeof(heed_op), .name = "permute", .min_in = 1, .max_in = 1, .n_out = 1, .flags = HEED_VIEW,
    .attr_size = sizeof(permute_attr), .shape = permute_shape, .samples = permute_samples,
};

heed_tensor heed_permute(heed_tape *t, heed_tensor x, const int *axes) {
    permute_attr attr = {{0}};
    for (int i = 0; i < heed_rank(t, x); i++)
        attr.axes[i] = axes[i];
    return heed_apply(t, &heed_op_permute, &x, 1, &attr);
}

/* ---- transpose ---- */

typedef struct transpose_attr {
    int a, b;
} transpose_attr;

static heed_status transpose_shape(heed_call *call) {
    const transpose_attr *attr = call->attr;
    const heed_array *x = call->in[0];
    int a, b;
    if (heed_check_axis(call, x->shape, attr->a, &a) || heed_check_axis(call, x->shape, attr->b, &b))
        return HEED_INVALID;
    heed_array view = *x;
    view.shape.n[a] = x->shape.n[b];
    view.shape.n[b] = x->shape.n[a];
    view.stride[a] = x->stride[b];
    view.stride[b] = x->stride[a];
    *call->out[0] = view;
    return HEED_OK;
}

static bool transpose_samples(int index, heed_sample *sample) {
    int axis;
    if (!heed_sample_axis(index, sample, &axis))
        return false;
    int other = index / 2 % sample->in[0].shape.rank;
    return heed_sample_attr(sample, &(transpose_attr){axis, other}, sizeof(transpose_attr));
}

const heed_op heed_op_transpose = {
    .size = sizeof(heed_op), .name = "transpose", .min_in = 1, .max_in = 1, .n_out = 1, .flags = HEED_VIEW,
    .attr_size = sizeof(transpose_attr), .shape = transpose_shape, .samples = transpose_samples,
};

heed_tensor heed_transpose(heed_tape *t, heed_tensor x, int a, int b) {
    return heed_apply(t, &heed_op_transpose, &x, 1, &(transpose_attr){a, b});
}
