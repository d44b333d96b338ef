/* pad: a border of one value around x; where a border is negative, x is cropped.
 *
 *     y[.., i, ..] = x[.., i - before, ..] inside x, value outside      so      dx[.., i, ..] = dy[.., i + before, ..], 0 where cropped
 */
#include <heed/op.h>
#include <heed/ops.h>

#include "layout.h"
#include "samples.h"

typedef struct pad_attr {
    int64_t before[HEED_MAX_RANK], after[HEED_MAX_RANK];
    double value;
} pad_attr;

static heed_status pad_shape(heed_call *call) {
    const pad_attr *attr = call->attr;
    const heed_array *x = call->in[0];
    heed_shape shape = x->shape;
    for (int i = 0; i < shape.rank; i++) {
        int64_t *n = &shape.n[i], before = attr->before[i], after = attr->after[i];
        bool crops_more = before < -*n || after < -*n;
        if (crops_more || __builtin_add_overflow(*n, before, n) || __builtin_add_overflow(*n, after, n) || *n < 0)
            return heed_fail(call, "axis %d of %s cannot get %lld before and %lld after", i, HEED_SHAPE_STR(x->shape),
                             (long long)before, (long long)after);
    }
    call->out[0]->shape = shape;
    call->out[0]->dtype = x->dtype;
    return HEED_OK;
}

/* What x and y have in common, as a part of each. */
static void common_parts(const pad_attr *attr, const heed_array *x, const heed_array *y, heed_array *of_x,
                         heed_array *of_y) {
    *of_x = *x;
    *of_y = *y;
    for (int i = 0; i < x->shape.rank; i++) {
        int64_t crop = attr->before[i] < 0 ? -attr->before[i] : 0, crop_end = attr->after[i] < 0 ? -attr->after[i] : 0;
        int64_t border = attr->before[i] > 0 ? attr->before[i] : 0, size = x->shape.n[i] - crop - crop_end;
        if (size < 0)
            size = 0;
        *of_x = heed_array_part(of_x, i, crop, size, 1);
        *of_y = heed_array_part(of_y, i, border, size, 1);
    }
}

static void pad_forward(heed_call *call) {
    const pad_attr *attr = call->attr;
    heed_array of_x, of_y;
    common_parts(attr, call->in[0], call->out[0], &of_x, &of_y);
    heed_array_fill(call->out[0], attr->value, call->threads);
    heed_array_copy(&of_y, &of_x, call->threads);
}

static void pad_backward(heed_call *call) {
    heed_array of_x, of_y;
    common_parts(call->attr, call->dx[0], call->dy[0], &of_x, &of_y);
    if (!heed_shape_equal(of_x.shape, call->dx[0]->shape))
        heed_array_fill(call->dx[0], 0, call->threads);
    heed_array_copy(&of_x, &of_y, call->threads);
}

/* One axis gets a border, or loses one where it is long enough; its neighbour gets one, too. */
static bool samples(int index, heed_sample *sample) {
    pad_attr attr = {.value = index % 3 - 1.5};
    int axis;
    if (!heed_sample_axis(index, sample, &axis))
        return false;
    heed_shape shape = sample->in[0].shape;
    axis = heed_shape_axis(shape, axis);
    bool crops = shape.n[axis] > 2 && index % 2;
    attr.before[axis] = crops ? -1 : index % 4;
    attr.after[axis] = shape.n[axis] > 2 && index % 3 == 0 ? -1 : index % 5;
    attr.after[(axis + 1) % shape.rank] += 1;
    return heed_sample_attr(sample, &attr, sizeof attr);
}

const heed_op heed_op_pad = {
    .size = sizeof(heed_op),
    .name = "pad",
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .flags = HEED_STRIDED,
    .attr_size = sizeof(pad_attr),
    .shape = pad_shape,
    .forward_any = pad_forward,
    .backward_any = pad_backward,
    .samples = samples,
};

heed_tensor heed_pad(heed_tape *t, heed_tensor x, const int64_t *before, const int64_t *after, double value) {
    pad_attr attr = {.value = value};
    for (int i = 0; i < heed_rank(t, x); i++) {
        attr.before[i] = before[i];
        attr.after[i] = after[i];
    }
    return heed_apply(t, &heed_op_pad, &x, 1, &attr);
}
