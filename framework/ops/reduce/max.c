/* max, min, argmax: the first element than which none is greater; a NaN is, and the first NaN is taken.
 *
 *     y = x[i*],  i* = the first i with x[i] the greatest        dx[i*] = dy, 0 elsewhere
 *
 * "first" is in row-major order of the reduced axes. min is the same with -x. Forward notes where each i* is, so backward needs
 * neither x nor y. The file includes itself once for each real dtype; see heed/real_f32.h. */
#ifndef REAL
#include "../shape/layout.h"
#include "../shape/samples.h"
#include "reduction.h"

/* ---- shapes ---- */

static heed_status check_not_empty(heed_call *call, const heed_reduction *r) {
    return r->n > 0 ? HEED_OK
                    : heed_fail(call, "there is no element to choose from in %s", HEED_SHAPE_STR(call->in[0]->shape));
}

static heed_status max_shape(heed_call *call) {
    if (heed_reduction_shape(call, call->attr))
        return HEED_INVALID;
    const heed_array *x = call->in[0];
    heed_reduction r = heed_reduction_of(x->shape, call->attr);
    call->workspace_bytes = heed_rows_bytes(&r, x->dtype);
    call->saved_bytes = call->needs_grad ? heed_room(r.rows, sizeof(int64_t)) : 0;
    return check_not_empty(call, &r);
}

typedef struct argmax_attr {
    int axis;
    bool keepdim;
} argmax_attr;

static heed_axes one_axis(const argmax_attr *attr) {
    return (heed_axes){.n = 1, .axis = {attr->axis}, .keepdim = attr->keepdim};
}

static heed_status argmax_shape(heed_call *call) {
    const argmax_attr *attr = call->attr;
    const heed_array *x = call->in[0];
    heed_axes axes = one_axis(attr);
    int axis;
    if (heed_check_axis(call, x->shape, attr->axis, &axis) || heed_reduction_shape(call, &axes))
        return HEED_INVALID;
    heed_reduction r = heed_reduction_of(x->shape, &axes);
    if (r.n > INT32_MAX)
        return heed_fail(call, "axis %d of %s is longer than an i32 can count", axis, HEED_SHAPE_STR(x->shape));
    call->workspace_bytes = heed_rows_bytes(&r, x->dtype);
    call->out[0]->dtype = HEED_I32;
    return check_not_empty(call, &r);
}

/* ---- kernels ---- */

typedef struct choice {
    const heed_reduction *r;
    heed_shape x;
    const void *rows;
    double sign;    /* 1: the greatest, -1: the least */
    void *value;    /* what is found, of x's dtype, and ... */
    int64_t *flat;  /* ... where it is in x, or ... */
    int32_t *index; /* ... in its row; each NULL where it is not wanted */
} choice;

static void choose(heed_call *call, const heed_axes *axes, choice job, heed_range_body *body) {
    const heed_array *x = call->in[0];
    heed_reduction r = heed_reduction_of(x->shape, axes);
    job.r = &r;
    job.x = x->shape;
    job.rows = heed_rows_of(call, &r, x, call->workspace);
    heed_parallel(call, r.rows, heed_rows_grain(r.n), body, &job);
}

static bool samples(int index, heed_sample *sample) {
    heed_axes axes;
    if (!heed_sample_axes(index, sample, &axes))
        return false;
    sample->in[0].apart = 0.01;
    return heed_sample_attr(sample, &axes, sizeof axes);
}

static bool argmax_samples(int index, heed_sample *sample) {
    argmax_attr attr = {.keepdim = index % 2};
    if (!heed_sample_axis(index, sample, &attr.axis))
        return false;
    sample->in[0].apart = 0.01;
    return heed_sample_attr(sample, &attr, sizeof attr);
}

/* ---- the ops ---- */

#include <heed/real_f32.h>
#include "max.c"
#include <heed/real_f64.h>
#include "max.c"
#include <heed/real_end.h>

const heed_op heed_op_max = {
    .size = sizeof(heed_op),
    .name = "max",
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .attr_size = sizeof(heed_axes),
    .shape = max_shape,
    .forward = {[HEED_F32] = max_forward_f32, [HEED_F64] = max_forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .samples = samples,
};

heed_tensor heed_max(heed_tape *t, heed_tensor x, heed_axes axes) {
    return heed_apply(t, &heed_op_max, &x, 1, &axes);
}

const heed_op heed_op_min = {
    .size = sizeof(heed_op),
    .name = "min",
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .attr_size = sizeof(heed_axes),
    .shape = max_shape,
    .forward = {[HEED_F32] = min_forward_f32, [HEED_F64] = min_forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .samples = samples,
};

heed_tensor heed_min(heed_tape *t, heed_tensor x, heed_axes axes) {
    return heed_apply(t, &heed_op_min, &x, 1, &axes);
}

const heed_op heed_op_argmax = {
    .size = sizeof(heed_op), .name = "argmax", .min_in = 1, .max_in = 1, .n_out = 1, .flags = HEED_NO_GRADIENT,
    .attr_size = sizeof(argmax_attr), .shape = argmax_shape,
    .forward = {[HEED_F32] = argmax_forward_f32, [HEED_F64] = argmax_forward_f64}, .samples = argmax_samples,
};

heed_tensor heed_argmax(heed_tape *t, heed_tensor x, int axis, bool keepdim) {
    return heed_apply(t, &heed_op_argmax, &x, 1, &(argmax_attr){axis, keepdim});
}

#else

static int64_t TYPED(first_greatest)(const REAL *x, int64_t n, REAL sign) {
    int64_t at = 0;
    REAL greatest = sign * x[0];
    for (int64_t i = 0; i < n; i++) {
        REAL v = sign * x[i];
        if (v != v)
            return i;
        if (v > greatest) {
            greatest = v;
            at = i;
        }
    }
    return at;
}

static void TYPED(choose_rows)(void *context, int64_t begin, int64_t end) {
    const choice *job = context;
    for (int64_t row = begin; row < end; row++) {
        const REAL *x = (const REAL *)job->rows + row * job->r->n;
        int64_t at = TYPED(first_greatest)(x, job->r->n, (REAL)job->sign);
        if (job->value)
            ((REAL *)job->value)[row] = x[at];
        if (job->flat)
            job->flat[row] = heed_rows_flat(job->r, job->x, row, at);
        if (job->index)
            job->index[row] = (int32_t)at;
    }
}

static void TYPED(max_forward)(heed_call *call) {
    choose(call, call->attr, (choice){.sign = 1, .value = call->out[0]->data, .flat = call->saved}, TYPED(choose_rows));
}

static void TYPED(min_forward)(heed_call *call) {
    choose(call, call->attr, (choice){.sign = -1, .value = call->out[0]->data, .flat = call->saved},
           TYPED(choose_rows));
}

static void TYPED(argmax_forward)(heed_call *call) {
    heed_axes axes = one_axis(call->attr);
    choose(call, &axes, (choice){.sign = 1, .index = call->out[0]->data}, TYPED(choose_rows));
}

/* Rows have no element in common, so no two of them write the same one. */
static void TYPED(put_back)(void *context, int64_t begin, int64_t end) {
    const heed_call *call = context;
    const int64_t *flat = call->saved;
    const REAL *dy = call->dy[0]->data;
    REAL *dx = call->dx[0]->data;
    for (int64_t row = begin; row < end; row++)
        dx[flat[row]] = dy[row];
}

static void TYPED(backward)(heed_call *call) {
    heed_array_fill(call->dx[0], 0, call->threads);
    heed_parallel(call, heed_array_count(call->dy[0]), heed_rows_grain(1), TYPED(put_back), call);
}

#endif
