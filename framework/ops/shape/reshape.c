/* reshape: the same elements, in row-major order, under another shape.
 *
 *     y[flat] = x[flat]      so      dx[flat] = dy[flat]
 *
 * A view where x's strides let its memory be read that way; the wrapper packs x first where they do not. */
#include <heed/op.h>
#include <heed/ops.h>

#include "samples.h"

/* ---- the shape ---- */

/* Fills in the -1. Returns NULL, or what is wrong with the shape asked for. */
static const char *resolve(int64_t count, heed_shape *shape) {
    int open = -1;
    heed_shape known = *shape;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->n[i] >= 0)
            continue;
        if (shape->n[i] < -1)
            return "a size is negative";
        if (open >= 0)
            return "two sizes are -1";
        open = i;
        known.n[i] = 1;
    }
    int64_t rest = heed_shape_count(known);
    if (rest < 0)
        return "it has more than 2^63 - 1 elements";
    if (open < 0)
        return rest == count ? NULL : "the numbers of elements differ";
    if (rest == 0)
        return "any size would do for -1";
    if (count % rest != 0)
        return "no size for -1 gives that many elements";
    shape->n[open] = count / rest;
    return NULL;
}

/* x's axes, outermost first, without those of size 1, fall into runs that memory steps through evenly. *axis is the last of
 * a run and becomes the one before its first; returns the run's length, *step is its stride. */
static int64_t next_run(const heed_array *x, int *axis, int64_t *step) {
    int64_t length = x->shape.n[*axis];
    *step = x->stride[*axis];
    for (--*axis; *axis >= 0; --*axis) {
        if (x->shape.n[*axis] == 1)
            continue;
        if (x->stride[*axis] != length * *step)
            break;
        length *= x->shape.n[*axis];
    }
    return length;
}

/* Sets view's strides such that it shows x's elements in row-major order; false where no strides do: each axis of the view
 * must lie within one run of x. The view's shape has as many elements as x. */
static bool set_view_strides(const heed_array *x, heed_array *view) {
    heed_array_set_strides(view);
    if (heed_array_count(x) == 0)
        return true;
    int from = x->shape.rank - 1, to = view->shape.rank - 1;
    while (from >= 0) {
        if (x->shape.n[from] == 1) {
            from--;
            continue;
        }
        int64_t step, length = next_run(x, &from, &step);
        for (int64_t covered = 1; covered < length; to--) {
            if (length % (covered * view->shape.n[to]) != 0)
                return false;
            view->stride[to] = covered * step;
            covered *= view->shape.n[to];
        }
    }
    return true;
}

/* ---- the op ---- */

static heed_status reshape_shape(heed_call *call) {
    const heed_array *x = call->in[0];
    heed_array view = {.data = x->data, .dtype = x->dtype, .shape = *(const heed_shape *)call->attr};
    int64_t count = heed_array_count(x);
    if (view.shape.rank < 0 || view.shape.rank > HEED_MAX_RANK)
        return heed_fail(call, "rank %d is outside 0..%d", view.shape.rank, HEED_MAX_RANK);
    heed_shape asked = view.shape;
    const char *wrong = resolve(count, &view.shape);
    if (wrong)
        return heed_fail(call, "%s, of %lld elements, to %s: %s", HEED_SHAPE_STR(x->shape), (long long)count,
                         HEED_SHAPE_STR(asked), wrong);
    if (!set_view_strides(x, &view))
        return heed_fail(call, "%s to %s: the strides allow no view; see heed_contiguous", HEED_SHAPE_STR(x->shape),
                         HEED_SHAPE_STR(asked));
    *call->out[0] = view;
    return HEED_OK;
}

static bool samples(int index, heed_sample *sample) {
    static const heed_shape pairs[][2] = {
        {{1, {1}}, {0, {0}}},
        {{0, {0}}, {1, {1}}},
        {{0, {0}}, {3, {1, 1, 1}}},
        {{1, {1}}, {2, {1, -1}}},
        {{1, {2}}, {2, {2, 1}}},
        {{1, {2}}, {2, {1, 2}}},
        {{1, {15}}, {2, {3, 5}}},
        {{1, {15}}, {2, {-1, 3}}},
        {{1, {16}}, {4, {2, 2, 2, 2}}},
        {{1, {16}}, {2, {2, -1}}},
        {{1, {17}}, {2, {17, 1}}},
        {{1, {33}}, {3, {3, 1, 11}}},
        {{2, {3, 5}}, {1, {15}}},
        {{2, {5, 3}}, {2, {3, 5}}},
        {{2, {15, 2}}, {2, {2, 15}}},
        {{2, {16, 17}}, {1, {-1}}},
        {{2, {16, 17}}, {3, {4, 17, 4}}},
        {{2, {1, 33}}, {2, {33, 1}}},
        {{2, {33, 2}}, {3, {11, 3, 2}}},
        {{3, {2, 3, 4}}, {2, {6, 4}}},
        {{3, {2, 3, 4}}, {2, {2, 12}}},
        {{3, {2, 3, 4}}, {3, {4, 3, 2}}},
        {{3, {2, 1, 15}}, {2, {2, 15}}},
        {{3, {17, 2, 1}}, {2, {2, 17}}},
        {{4, {2, 2, 16, 2}}, {3, {2, 32, 2}}},
        {{3, {1, 1, 16}}, {1, {16}}},
        {{4, {2, 3, 2, 5}}, {2, {-1, 10}}},
        {{8, {2, 1, 2, 1, 2, 1, 2, 1}}, {1, {16}}},
    };
    if (index >= (int)(sizeof pairs / sizeof pairs[0]))
        return false;
    *sample = (heed_sample){.n_in = 1, .in = {{.dtype = HEED_F64, .shape = pairs[index][0]}}};
    return heed_sample_attr(sample, &pairs[index][1], sizeof pairs[index][1]);
}

const heed_op heed_op_reshape = {
    .size = sizeof(heed_op), .name = "reshape", .min_in = 1, .max_in = 1, .n_out = 1, .flags = HEED_VIEW,
    .attr_size = sizeof(heed_shape), .shape = reshape_shape, .samples = samples,
};

heed_tensor heed_reshape(heed_tape *t, heed_tensor x, heed_shape shape) {
    const heed_array *a = heed_rank(t, x) < 0 ? NULL : heed_tensor_array(t, x);
    heed_array view = {.shape = shape};
    if (a && shape.rank >= 0 && shape.rank <= HEED_MAX_RANK && resolve(heed_array_count(a), &view.shape) == NULL &&
        !set_view_strides(a, &view))
        x = heed_contiguous(t, x);
    return heed_apply(t, &heed_op_reshape, &x, 1, &shape);
}
