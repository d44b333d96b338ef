/* concat, stack: several tensors in one, along an axis they have, or along a new one.
 *
 *     concat    y[.., size_0 + .. + size_(k-1) + i, ..] = x_k[.., i, ..]
 *     stack     y[.., k, ..] = x_k[.., ..]
 *
 * Each x_k is copied to its part of y; dx_k is that part of dy. */
#include <heed/op.h>
#include <heed/ops.h>

#include "layout.h"
#include "samples.h"

/* ---- concat ---- */

static bool equal_off_axis(heed_shape a, heed_shape b, int axis) {
    if (a.rank == b.rank)
        b.n[axis] = a.n[axis];
    return heed_shape_equal(a, b);
}

static heed_status concat_shape(heed_call *call) {
    heed_shape shape = call->in[0]->shape;
    int axis;
    if (heed_check_axis(call, shape, *(const int *)call->attr, &axis))
        return HEED_INVALID;
    for (int k = 1; k < call->n_in; k++) {
        const heed_array *x = call->in[k];
        if (heed_check_dtype_of(call, k))
            return HEED_INVALID;
        if (!equal_off_axis(call->in[0]->shape, x->shape, axis))
            return heed_fail(call, "input %d is %s, input 0 is %s: only axis %d may differ", k,
                             HEED_SHAPE_STR(x->shape), HEED_SHAPE_STR(call->in[0]->shape), axis);
        if (__builtin_add_overflow(shape.n[axis], x->shape.n[axis], &shape.n[axis]))
            return heed_fail(call, "the sum of the sizes is above 2^63 - 1");
    }
    call->out[0]->shape = shape;
    call->out[0]->dtype = call->in[0]->dtype;
    return HEED_OK;
}

static void concat_forward(heed_call *call) {
    int axis = heed_shape_axis(call->out[0]->shape, *(const int *)call->attr);
    int64_t begin = 0;
    for (int k = 0; k < call->n_in; k++) {
        int64_t size = call->in[k]->shape.n[axis];
        heed_array part = heed_array_part(call->out[0], axis, begin, size, 1);
        heed_array_copy(&part, call->in[k], call->threads);
        begin += size;
    }
}

static void concat_backward(heed_call *call) {
    int axis = heed_shape_axis(call->out[0]->shape, *(const int *)call->attr);
    int64_t begin = 0;
    for (int k = 0; k < call->n_in; k++) {
        int64_t size = call->in[k]->shape.n[axis];
        heed_array part = heed_array_part(call->dy[0], axis, begin, size, 1);
        if (call->dx[k])
            heed_array_copy(call->dx[k], &part, call->threads);
        begin += size;
    }
}

/* One to four inputs, whose sizes along the axis differ. */
static bool concat_samples(int index, heed_sample *sample) {
    int axis;
    if (!heed_sample_axis(index, sample, &axis))
        return false;
    int at = heed_shape_axis(sample->in[0].shape, axis);
    sample->n_in = 1 + index % 4;
    for (int k = 1; k < sample->n_in; k++) {
        sample->in[k] = sample->in[0];
        sample->in[k].shape.n[at] = (index / 4 + k) % 4;
    }
    return heed_sample_attr(sample, &axis, sizeof axis);
}

const heed_op heed_op_concat = {
    .size = sizeof(heed_op),
    .name = "concat",
    .min_in = 1,
    .max_in = -1,
    .n_out = 1,
    .flags = HEED_STRIDED,
    .attr_size = sizeof(int),
    .shape = concat_shape,
    .forward_any = concat_forward,
    .backward_any = concat_backward,
    .samples = concat_samples,
};

heed_tensor heed_concat(heed_tape *t, const heed_tensor *xs, int n, int axis) {
    return heed_apply(t, &heed_op_concat, xs, n, &axis);
}

/* ---- stack ---- */

static heed_status stack_shape(heed_call *call) {
    heed_shape from = call->in[0]->shape, shape = {.rank = from.rank + 1};
    int axis;
    if (shape.rank > HEED_MAX_RANK)
        return heed_fail(call, "%s has no room for a further axis: the rank is at most %d", HEED_SHAPE_STR(from),
                         HEED_MAX_RANK);
    for (int i = 0; i < from.rank; i++)
        shape.n[i] = from.n[i];
    shape.n[from.rank] = call->n_in;
    if (heed_check_axis(call, shape, *(const int *)call->attr, &axis))
        return HEED_INVALID;
    for (int i = from.rank; i > axis; i--)
        shape.n[i] = shape.n[i - 1];
    shape.n[axis] = call->n_in;
    for (int k = 1; k < call->n_in; k++) {
        if (heed_check_dtype_of(call, k))
            return HEED_INVALID;
        if (!heed_shape_equal(from, call->in[k]->shape))
            return heed_fail(call, "input %d is %s, input 0 is %s: shapes must be equal", k,
                             HEED_SHAPE_STR(call->in[k]->shape), HEED_SHAPE_STR(from));
    }
    call->out[0]->shape = shape;
    call->out[0]->dtype = call->in[0]->dtype;
    return HEED_OK;
}

static void stack_forward(heed_call *call) {
    int axis = heed_shape_axis(call->out[0]->shape, *(const int *)call->attr);
    for (int k = 0; k < call->n_in; k++) {
        heed_array part = heed_array_at(call->out[0], axis, k);
        heed_array_copy(&part, call->in[k], call->threads);
    }
}

static void stack_backward(heed_call *call) {
    int axis = heed_shape_axis(call->out[0]->shape, *(const int *)call->attr);
    for (int k = 0; k < call->n_in; k++) {
        heed_array part = heed_array_at(call->dy[0], axis, k);
        if (call->dx[k])
            heed_array_copy(call->dx[k], &part, call->threads);
    }
}

/* The new axis stands before the sample's, or last. */
static bool stack_samples(int index, heed_sample *sample) {
    int axis;
    if (!heed_sample_axis(index, sample, &axis))
        return false;
    axis = index % 7 == 0 ? -1 : heed_shape_axis(sample->in[0].shape, axis);
    sample->n_in = 1 + index % 4;
    for (int k = 1; k < sample->n_in; k++)
        sample->in[k] = sample->in[0];
    return heed_sample_attr(sample, &axis, sizeof axis);
}

const heed_op heed_op_stack = {
    .size = sizeof(heed_op),
    .name = "stack",
    .min_in = 1,
    .max_in = -1,
    .n_out = 1,
    .flags = HEED_STRIDED,
    .attr_size = sizeof(int),
    .shape = stack_shape,
    .forward_any = stack_forward,
    .backward_any = stack_backward,
    .samples = stack_samples,
};

heed_tensor heed_stack(heed_tape *t, const heed_tensor *xs, int n, int axis) {
    return heed_apply(t, &heed_op_stack, xs, n, &axis);
}
