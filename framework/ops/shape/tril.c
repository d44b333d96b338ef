/* tril, triu: a triangle of the last two axes; the rest is zero.
 *
 *     tril    y[.., i, j] = x[.., i, j] where j - i <= diagonal
 *     triu    y[.., i, j] = x[.., i, j] where j - i >= diagonal
 *
 * dx is the same triangle of dy. */
#include <string.h>

#include <heed/op.h>
#include <heed/ops.h>

#include "samples.h"

enum { BYTES_A_RANGE = 65536 };

static heed_status tril_shape(heed_call *call) {
    if (call->in[0]->shape.rank < 2)
        return heed_fail(call, "it takes the last two axes, %s has none to take", HEED_SHAPE_STR(call->in[0]->shape));
    return heed_shape_same(call);
}

typedef struct triangle {
    char *to;
    const char *from;
    int64_t rows, columns, diagonal; /* rows of one matrix */
    size_t element;
    bool upper;
} triangle;

static int64_t clamped(int64_t x, int64_t low, int64_t high) {
    return x < low ? low : x > high ? high : x;
}

/* All bits zero is zero in every dtype, so rows are bytes here. */
static void copy_rows(void *context, int64_t begin, int64_t end) {
    const triangle *job = context;
    for (int64_t r = begin; r < end; r++) {
        int64_t on_diagonal = r % job->rows + job->diagonal;
        size_t first = (size_t)(job->upper ? clamped(on_diagonal, 0, job->columns) : 0) * job->element;
        size_t last = (size_t)(job->upper ? job->columns : clamped(on_diagonal + 1, 0, job->columns)) * job->element;
        size_t row = (size_t)job->columns * job->element;
        char *to = job->to + (size_t)r * row;
        memset(to, 0, first);
        memcpy(to + first, job->from + (size_t)r * row + first, last - first);
        memset(to + last, 0, row - last);
    }
}

static void copy_triangle(const heed_call *call, const heed_array *to, const heed_array *from, bool upper) {
    int64_t count = heed_array_count(to), rows = to->shape.n[to->shape.rank - 2],
            columns = to->shape.n[to->shape.rank - 1];
    if (count == 0)
        return;
    triangle job = {.to = to->data,
                    .from = from->data,
                    .rows = rows,
                    .columns = columns,
                    .element = heed_dtype_size(to->dtype),
                    .upper = upper};
    job.diagonal = clamped(*(const int64_t *)call->attr, -rows,
                           columns); /* beyond that it changes nothing, but i + diagonal overflows */
    heed_parallel(call, count / columns, BYTES_A_RANGE / (columns * (int64_t)job.element) + 1, copy_rows, &job);
}

static void tril_forward(heed_call *call) {
    copy_triangle(call, call->out[0], call->in[0], false);
}

static void tril_backward(heed_call *call) {
    copy_triangle(call, call->dx[0], call->dy[0], false);
}

static void triu_forward(heed_call *call) {
    copy_triangle(call, call->out[0], call->in[0], true);
}

static void triu_backward(heed_call *call) {
    copy_triangle(call, call->dx[0], call->dy[0], true);
}

static bool samples(int index, heed_sample *sample) {
    static const struct {
        heed_shape shape;
        int64_t diagonal;
    } cases[] = {
        {{2, {1, 1}}, 0},       {{2, {1, 2}}, 0},     {{2, {2, 1}}, 0},        {{2, {2, 2}}, 0},
        {{2, {3, 3}}, 1},       {{2, {3, 3}}, -1},    {{2, {3, 5}}, 2},        {{2, {5, 3}}, -2},
        {{2, {15, 16}}, 0},     {{2, {16, 15}}, 1},   {{2, {16, 16}}, 0},      {{2, {16, 16}}, -5},
        {{2, {17, 15}}, 3},     {{2, {1, 33}}, 16},   {{2, {33, 1}}, -16},     {{2, {17, 17}}, 1},
        {{3, {1, 2, 3}}, 0},    {{3, {2, 3, 4}}, 1},  {{3, {2, 15, 2}}, -1},   {{3, {2, 2, 17}}, 1},
        {{3, {3, 4, 4}}, 0},    {{3, {2, 16, 3}}, 2}, {{4, {2, 2, 3, 3}}, -1}, {{4, {2, 1, 2, 5}}, 0},
        {{4, {1, 3, 5, 2}}, 1}, {{2, {2, 33}}, 0},    {{2, {33, 2}}, 0},       {{2, {15, 15}}, 14},
    };
    if (index >= (int)(sizeof cases / sizeof cases[0]))
        return false;
    *sample = (heed_sample){.n_in = 1, .in = {{.dtype = HEED_F64, .shape = cases[index].shape}}};
    return heed_sample_attr(sample, &cases[index].diagonal, sizeof cases[index].diagonal);
}

const heed_op heed_op_tril = {
    .size = sizeof(heed_op),
    .name = "tril",
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .attr_size = sizeof(int64_t),
    .shape = tril_shape,
    .forward_any = tril_forward,
    .backward_any = tril_backward,
    .samples = samples,
};

heed_tensor heed_tril(heed_tape *t, heed_tensor x, int64_t diagonal) {
    return heed_apply(t, &heed_op_tril, &x, 1, &diagonal);
}

const heed_op heed_op_triu = {
    .size = sizeof(heed_op),
    .name = "triu",
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .attr_size = sizeof(int64_t),
    .shape = tril_shape,
    .forward_any = triu_forward,
    .backward_any = triu_backward,
    .samples = samples,
};

heed_tensor heed_triu(heed_tape *t, heed_tensor x, int64_t diagonal) {
    return heed_apply(t, &heed_op_triu, &x, 1, &diagonal);
}
