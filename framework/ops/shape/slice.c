/* slice, select, flip: part of an axis, one index of it, all of it backwards.
 *
 *     slice     y[.., i, ..] = x[.., begin + i step, ..]
 *     select    y[.., ..]    = x[.., index, ..]
 *     flip      y[.., i, ..] = x[.., n - 1 - i, ..]
 *
 * Views, so dy is written into the same part of dx, whose rest is zero. */
#include <heed/op.h>
#include <heed/ops.h>

#include "layout.h"
#include "samples.h"

/* ---- slice ---- */

typedef struct slice_attr {
    int axis;
    int64_t begin, end, step;
} slice_attr;

/* Bounds as NumPy and PyTorch read them: from the end where negative, and never outside the axis. */
static int64_t bound(int64_t at, int64_t n) {
    if (at < 0)
        at = at < -n ? 0 : at + n;
    return at > n ? n : at;
}

static heed_status slice_shape(heed_call *call) {
    const slice_attr *attr = call->attr;
    const heed_array *x = call->in[0];
    int axis;
    if (heed_check_axis(call, x->shape, attr->axis, &axis))
        return HEED_INVALID;
    if (attr->step <= 0)
        return heed_fail(call, "step %lld is not positive; see heed_flip", (long long)attr->step);
    int64_t begin = bound(attr->begin, x->shape.n[axis]), end = bound(attr->end, x->shape.n[axis]);
    int64_t size = end > begin ? (end - begin - 1) / attr->step + 1 : 0;
    *call->out[0] = heed_array_part(x, axis, begin, size, attr->step);
    return HEED_OK;
}

static bool slice_samples(int index, heed_sample *sample) {
    static const int64_t steps[] = {1, 2, 1, 3, 1};
    slice_attr attr = {.step = steps[index % 5]};
    if (!heed_sample_axis(index, sample, &attr.axis))
        return false;
    heed_shape shape = sample->in[0].shape;
    int64_t n = shape.n[heed_shape_axis(shape, attr.axis)];
    attr.begin = n / 3 - (index % 3 ? n : 0);
    attr.end = index % 4 ? n - n / 4 : INT64_MAX;
    return heed_sample_attr(sample, &attr, sizeof attr);
}

const heed_op heed_op_slice = {
    .size = sizeof(heed_op), .name = "slice", .min_in = 1, .max_in = 1, .n_out = 1, .flags = HEED_VIEW,
    .attr_size = sizeof(slice_attr), .shape = slice_shape, .samples = slice_samples,
};

heed_tensor heed_slice_step(heed_tape *t, heed_tensor x, int axis, int64_t begin, int64_t end, int64_t step) {
    return heed_apply(t, &heed_op_slice, &x, 1, &(slice_attr){axis, begin, end, step});
}

heed_tensor heed_slice(heed_tape *t, heed_tensor x, int axis, int64_t begin, int64_t end) {
    return heed_slice_step(t, x, axis, begin, end, 1);
}

/* ---- select ---- */

typedef struct select_attr {
    int axis;
    int64_t index;
} select_attr;

static heed_status select_shape(heed_call *call) {
    const select_attr *attr = call->attr;
    const heed_array *x = call->in[0];
    int axis;
    if (heed_check_axis(call, x->shape, attr->axis, &axis))
        return HEED_INVALID;
    int64_t n = x->shape.n[axis];
    if (attr->index < -n || attr->index >= n)
        return heed_fail(call, "index %lld is outside %lld..%lld: axis %d of %s", (long long)attr->index, (long long)-n,
                         (long long)n - 1, axis, HEED_SHAPE_STR(x->shape));
    *call->out[0] = heed_array_at(x, axis, attr->index < 0 ? attr->index + n : attr->index);
    return HEED_OK;
}

static bool select_samples(int index, heed_sample *sample) {
    select_attr attr;
    if (!heed_sample_axis(index, sample, &attr.axis))
        return false;
    heed_shape shape = sample->in[0].shape;
    int64_t n = shape.n[heed_shape_axis(shape, attr.axis)];
    attr.index = index * 7 % (2 * n) - n;
    return heed_sample_attr(sample, &attr, sizeof attr);
}

const heed_op heed_op_select = {
    .size = sizeof(heed_op), .name = "select", .min_in = 1, .max_in = 1, .n_out = 1, .flags = HEED_VIEW,
    .attr_size = sizeof(select_attr), .shape = select_shape, .samples = select_samples,
};

heed_tensor heed_select(heed_tape *t, heed_tensor x, int axis, int64_t index) {
    return heed_apply(t, &heed_op_select, &x, 1, &(select_attr){axis, index});
}

/* ---- flip ---- */

static heed_status flip_shape(heed_call *call) {
    const heed_array *x = call->in[0];
    int axis;
    if (heed_check_axis(call, x->shape, *(const int *)call->attr, &axis))
        return HEED_INVALID;
    int64_t n = x->shape.n[axis];
    *call->out[0] = heed_array_part(x, axis, n - 1, n, -1);
    return HEED_OK;
}

static bool flip_samples(int index, heed_sample *sample) {
    int axis;
    return heed_sample_axis(index, sample, &axis) && heed_sample_attr(sample, &axis, sizeof axis);
}

const heed_op heed_op_flip = {
    .size = sizeof(heed_op), .name = "flip", .min_in = 1, .max_in = 1, .n_out = 1, .flags = HEED_VIEW,
    .attr_size = sizeof(int), .shape = flip_shape, .samples = flip_samples,
};

heed_tensor heed_flip(heed_tape *t, heed_tensor x, int axis) {
    return heed_apply(t, &heed_op_flip, &x, 1, &axis);
}
