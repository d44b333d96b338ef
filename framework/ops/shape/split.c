/* split: an axis cut into parts, each a view.
 *
 *     y_p[.., i, ..] = x[.., size_0 + .. + size_(p-1) + i, ..]
 *
 * dx is the parts' dy side by side. One call has a bounded number of outputs; a split into more parts cuts first into groups of
 * parts, then each group. */
#include <heed/op.h>
#include <heed/ops.h>

#include "layout.h"
#include "samples.h"

enum { UNEQUAL_PARTS = 28 }; /* with sizes of their own; equal parts go up to HEED_MAX_OUTPUTS */

typedef struct split_attr {
    int axis, parts;
    bool equal; /* then size is not used */
    int64_t size[UNEQUAL_PARTS];
} split_attr;

_Static_assert(sizeof(split_attr) <= HEED_SAMPLE_ATTR, "a sample must hold the attributes");

static int split_outputs(const void *attr) {
    return ((const split_attr *)attr)->parts;
}

static heed_status check_sizes(heed_call *call, const split_attr *attr, int64_t n, int axis) {
    const heed_shape shape = call->in[0]->shape;
    int64_t sum = 0;
    if (attr->equal && n % attr->parts != 0)
        return heed_fail(call, "%lld, axis %d of %s, cannot be cut into %d equal parts", (long long)n, axis,
                         HEED_SHAPE_STR(shape), attr->parts);
    for (int p = 0; p < attr->parts && !attr->equal; p++) {
        if (attr->size[p] < 0)
            return heed_fail(call, "size %lld of part %d is negative", (long long)attr->size[p], p);
        if (__builtin_add_overflow(sum, attr->size[p], &sum))
            return heed_fail(call, "the sum of the sizes is above 2^63 - 1");
    }
    if (!attr->equal && sum != n)
        return heed_fail(call, "the sizes add up to %lld, axis %d of %s has %lld", (long long)sum, axis,
                         HEED_SHAPE_STR(shape), (long long)n);
    return HEED_OK;
}

static heed_status split_shape(heed_call *call) {
    const split_attr *attr = call->attr;
    const heed_array *x = call->in[0];
    int axis;
    if (heed_check_axis(call, x->shape, attr->axis, &axis) || check_sizes(call, attr, x->shape.n[axis], axis))
        return HEED_INVALID;
    int64_t begin = 0;
    for (int p = 0; p < attr->parts; p++) {
        int64_t size = attr->equal ? x->shape.n[axis] / attr->parts : attr->size[p];
        *call->out[p] = heed_array_part(x, axis, begin, size, 1);
        begin += size;
    }
    return HEED_OK;
}

static bool samples(int index, heed_sample *sample) {
    split_attr attr = {.parts = 1};
    if (!heed_sample_axis(index, sample, &attr.axis))
        return false;
    heed_shape shape = sample->in[0].shape;
    int64_t n = shape.n[heed_shape_axis(shape, attr.axis)];
    attr.equal = n % 2 == 0 || index % 5 == 0;
    if (attr.equal) {
        attr.parts = n % 2 ? (int)n : 2;
    } else {
        attr.parts = 3;
        attr.size[0] = n / 3;
        attr.size[1] = index % 2 ? 0 : n / 2;
        attr.size[2] = n - attr.size[0] - attr.size[1];
    }
    return heed_sample_attr(sample, &attr, sizeof attr);
}

const heed_op heed_op_split = {
    .size = sizeof(heed_op),
    .name = "split",
    .min_in = 1,
    .max_in = 1,
    .n_out = 0,
    .outputs = split_outputs,
    .flags = HEED_VIEW,
    .attr_size = sizeof(split_attr),
    .shape = split_shape,
    .samples = samples,
};

static heed_tensor split_in_groups(heed_tape *t, heed_tensor x, int axis, int parts, const int64_t *sizes,
                                   heed_tensor *outs) {
    int per_group = (parts + UNEQUAL_PARTS - 1) / UNEQUAL_PARTS, groups = (parts + per_group - 1) / per_group;
    int64_t each = heed_size(t, x, axis) / parts, group_size[UNEQUAL_PARTS] = {0};
    for (int p = 0; p < parts; p++)
        if (__builtin_add_overflow(group_size[p / per_group], sizes ? sizes[p] : each, &group_size[p / per_group]))
            return heed_fail_tape(t, HEED_INVALID, "split: the sum of the sizes is above 2^63 - 1");
    heed_tensor group[UNEQUAL_PARTS];
    heed_split(t, x, axis, groups, group_size, group);
    for (int g = 0; g < groups; g++) {
        int first = g * per_group, n = parts - first < per_group ? parts - first : per_group;
        heed_split(t, group[g], axis, n, sizes ? sizes + first : NULL, outs + first);
    }
    for (int p = 0; p < parts && heed_tape_status(t) != HEED_OK; p++)
        outs[p] = HEED_NIL;
    return outs[0];
}

heed_tensor heed_split(heed_tape *t, heed_tensor x, int axis, int parts, const int64_t *sizes, heed_tensor *outs) {
    for (int p = 0; p < parts; p++)
        outs[p] = HEED_NIL;
    if (parts < 1)
        return heed_fail_tape(t, HEED_INVALID, "split: the number of parts is %d; there must be at least one", parts);
    split_attr attr = {.axis = axis, .parts = parts, .equal = sizes == NULL};
    bool fits = parts <= (sizes ? UNEQUAL_PARTS : HEED_MAX_OUTPUTS);
    int64_t n = heed_size(t, x, axis);
    if (!fits && sizes == NULL && n > 0 && n % parts != 0)
        return heed_fail_tape(t, HEED_INVALID, "split: %lld, axis %d of %s, cannot be cut into %d equal parts",
                              (long long)n, axis, HEED_SHAPE_STR(heed_shape_of(t, x)), parts);
    if (!fits)
        return split_in_groups(t, x, axis, parts, sizes, outs);
    for (int p = 0; p < parts && sizes; p++)
        attr.size[p] = sizes[p];
    return heed_apply_many(t, &heed_op_split, &x, 1, &attr, outs);
}
