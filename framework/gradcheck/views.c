/* Inputs that are views: memory laid out in some other way than row by row, and the checker's own op that shows it. */
#include <math.h>
#include <string.h>

#include "checker_internal.h"

/* ---- windows ---- */

/* Column by column; a vector backwards. */
static window transposed(heed_shape shape) {
    window w = {.shape = shape, .length = heed_shape_count(shape), .axis = -1};
    int64_t stride = 1;
    for (int axis = 0; axis < shape.rank; axis++) {
        w.stride[axis] = stride;
        stride *= shape.n[axis];
    }
    if (shape.rank == 1 && w.length > 0) {
        w.stride[0] = -1;
        w.offset = w.length - 1;
    }
    return w;
}

/* Every second element of rows with something before and behind, and a first slice left out along the other axes. */
static window sliced(heed_shape shape) {
    window w = {.shape = shape, .axis = -1, .offset = 1};
    int64_t size = 1;
    for (int axis = shape.rank - 1; axis >= 0; axis--) {
        bool last = axis == shape.rank - 1;
        w.stride[axis] = last ? 2 : size;
        w.offset += last ? 0 : size;
        size *= last ? 2 * shape.n[axis] + 1 : shape.n[axis] + 1;
    }
    w.length = shape.rank ? size : 3;
    return w;
}

/* Repeated along the first axis that has more than one element. */
static window expanded(heed_shape shape) {
    window w = {.shape = shape, .axis = -1};
    for (int axis = shape.rank - 1; axis >= 0; axis--)
        w.axis = shape.n[axis] > 1 ? axis : w.axis;
    w.length = 1;
    for (int axis = shape.rank - 1; axis >= 0; axis--) {
        w.stride[axis] = axis == w.axis ? 0 : w.length;
        w.length *= axis == w.axis ? 1 : shape.n[axis];
    }
    return w;
}

window heed_checker_window(heed_shape shape, layout_kind layout) {
    return layout == LAYOUT_TRANSPOSED ? transposed(shape) : layout == LAYOUT_SLICED ? sliced(shape) : expanded(shape);
}

int64_t heed_checker_window_at(const window *w, int64_t flat) {
    int64_t at = w->offset;
    for (int axis = w->shape.rank - 1; axis >= 0; axis--) {
        at += flat % w->shape.n[axis] * w->stride[axis];
        flat /= w->shape.n[axis];
    }
    return at;
}

bool heed_checker_window_repeats(const window *w, int64_t flat) {
    for (int axis = w->shape.rank - 1; axis > w->axis; axis--)
        flat /= w->shape.n[axis];
    return w->axis >= 0 && flat % w->shape.n[w->axis] != 0;
}

/* NaN, or an index out of range, or true: what shows when it is read. */
static void fill_gaps(heed_dtype dtype, void *memory, int64_t length) {
    for (int64_t i = 0; i < length; i++) {
        switch (dtype) {
        case HEED_F32: ((float *)memory)[i] = NAN; break;
        case HEED_F64: ((double *)memory)[i] = NAN; break;
        case HEED_I32: ((int32_t *)memory)[i] = -1; break;
        case HEED_BOOL: ((bool *)memory)[i] = true; break;
        default: ((uint16_t *)memory)[i] = 0x7fc0; break; /* bf16's NaN */
        }
    }
}

void *heed_checker_window_fill(checker *k, const window *w, heed_dtype dtype, const void *data) {
    size_t size = heed_dtype_size(dtype);
    char *memory = heed_checker_take(k, w->length, size);
    if (memory == NULL)
        return NULL;
    fill_gaps(dtype, memory, w->length);
    int64_t count = heed_shape_count(w->shape);
    for (int64_t i = count - 1; i >= 0; i--) /* backwards: of repeated elements the first remains */
        memcpy(memory + (size_t)heed_checker_window_at(w, i) * size, (const char *)data + (size_t)i * size, size);
    return memory;
}

/* ---- the op ---- */

static heed_status shape(heed_call *c) {
    const window *w = c->attr;
    heed_array *out = c->out[0];
    out->dtype = c->in[0]->dtype;
    out->shape = w->shape;
    memcpy(out->stride, w->stride, sizeof w->stride);
    out->data = (char *)c->in[0]->data + (size_t)w->offset * heed_dtype_size(out->dtype);
    return HEED_OK;
}

static bool no_samples(int index, heed_sample *sample) {
    (void)index, (void)sample;
    return false;
}

static const heed_op view_op = {.size = sizeof(heed_op), .name = "gradcheck_view", .min_in = 1, .max_in = 1, .n_out = 1,
                                .flags = HEED_VIEW, .attr_size = sizeof(window), .shape = shape, .samples = no_samples};

heed_tensor heed_checker_view(heed_tape *t, heed_tensor memory, const window *w) {
    return heed_apply(t, &view_op, &memory, 1, w);
}
