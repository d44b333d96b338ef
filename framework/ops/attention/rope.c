/* Rotary positions (Su et al. 2021, 3.4.2). x (..., T, d) holds d/2 pairs a row; row i stands at place p = first +
 * i, where pair n is turned by the angle p theta_n:
 *
 *     theta_n = base^(-2n / d),     y_a = x_a cos - x_b sin,     y_b = x_a sin + x_b cos
 *
 * A dot product of two turned rows depends on the difference of their places only. Which elements are a pair is a
 * matter of layout: (2n, 2n + 1) in the paper, (n, n + d/2) in GPT-NeoX and Llama. The gradient is turned back:
 *
 *     dL/dx_a = dL/dy_a cos + dL/dy_b sin,     dL/dx_b = dL/dy_b cos - dL/dy_a sin */
#ifndef REAL

#include <math.h>
#include <string.h>

#include <heed/op.h>
#include <heed/ops.h>

typedef struct rope_attr {
    int64_t first;
    double base;
    bool interleaved;
} rope_attr;

enum { ELEMENTS_A_RANGE = 8192 };

/* x's rows as one row of numbers: what is turned, and where to. */
typedef struct turning {
    const heed_array *from;     /* any strides */
    void *to;                   /* contiguous */
    const void *table;          /* (T, d/2, 2): cosine and sine */
    bool interleaved, at_start; /* at_start: row 0 stands at place 0 */
    int sign;                   /* -1 turns back */
} turning;

static int64_t width_of(const heed_array *x) {
    return x->shape.n[x->shape.rank - 1];
}

static int64_t rows_of(const heed_array *x) {
    return x->shape.n[x->shape.rank - 2];
}

/* Where row `index` of all begins, in elements. */
static int64_t offset_of_row(const heed_array *x, int64_t index) {
    int64_t offset = 0;
    for (int axis = x->shape.rank - 2; axis >= 0; axis--) {
        offset += index % x->shape.n[axis] * x->stride[axis];
        index /= x->shape.n[axis];
    }
    return offset;
}

static heed_status shape(heed_call *call) {
    const heed_array *x = call->in[0];
    const rope_attr *attr = call->attr;
    if (x->shape.rank < 2)
        return heed_fail(call, "x is %s, must have at least 2 axes: (..., time, d)", HEED_SHAPE_STR(x->shape));
    if (width_of(x) % 2 != 0)
        return heed_fail(call, "x is %s; its last axis is turned in pairs, so its size must be even",
                         HEED_SHAPE_STR(x->shape));
    if (!(attr->base > 0 && isfinite(attr->base)))
        return heed_fail(call, "base is %g, must be positive", attr->base);
    if (heed_array_count(x) > 0) /* no more than x itself */
        call->workspace_bytes = call->backward_workspace_bytes =
            (size_t)(rows_of(x) * width_of(x)) * heed_dtype_size(x->dtype);
    return heed_shape_same(call);
}

static bool samples(int index, heed_sample *sample) {
    static const struct {
        heed_shape shape;
        rope_attr attr;
    } cases[] = {
        {{2, {1, 2}}, {0, 10000, false}},
        {{2, {1, 2}}, {3, 10000, true}},
        {{2, {2, 2}}, {0, 10000, true}},
        {{2, {5, 4}}, {0, 10000, false}},
        {{2, {5, 4}}, {0, 10000, true}},
        {{2, {3, 6}}, {7, 100, false}},
        {{2, {3, 6}}, {-5, 100, true}},
        {{2, {15, 2}}, {0, 2, false}},
        {{2, {16, 16}}, {1, 10000, false}},
        {{2, {16, 16}}, {1, 10000, true}},
        {{2, {17, 34}}, {0, 500000, false}},
        {{2, {33, 2}}, {0, 10000, true}},
        {{2, {2, 66}}, {100, 10000, false}},
        {{2, {2, 66}}, {100, 10000, true}},
        {{3, {2, 3, 4}}, {0, 10000, false}},
        {{3, {2, 3, 4}}, {0, 10000, true}},
        {{3, {1, 4, 30}}, {2, 10000, false}},
        {{3, {15, 1, 2}}, {9, 10000, true}},
        {{4, {2, 3, 4, 2}}, {0, 10000, false}},
        {{4, {2, 3, 4, 2}}, {5, 10000, true}},
        {{4, {1, 2, 5, 8}}, {0, 10, false}},
        {{4, {2, 1, 2, 6}}, {-1, 10, true}},
        {{4, {2, 2, 1, 16}}, {1000, 10000, false}},
        {{2, {4, 8}}, {0, 0.5, false}},
    };
    if (index >= (int)(sizeof cases / sizeof cases[0]))
        return false;
    *sample = (heed_sample){.n_in = 1, .in = {{.dtype = HEED_F64, .shape = cases[index].shape}}};
    memcpy(sample->attr.bytes, &cases[index].attr, sizeof cases[index].attr);
    return true;
}

#include <heed/real_f32.h>
#include "rope.c"
#include <heed/real_f64.h>
#include "rope.c"
#include <heed/real_end.h>

const heed_op heed_op_rope = {
    .size = sizeof(heed_op),
    .name = "rope",
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .flags = HEED_STRIDED,
    .attr_size = sizeof(rope_attr),
    .shape = shape,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .samples = samples,
};

heed_tensor heed_rope(heed_tape *t, heed_tensor x, heed_rope_options options) {
    const rope_attr attr = {options.first, options.base != 0 ? options.base : 10000, options.interleaved};
    return heed_apply(t, &heed_op_rope, &x, 1, &attr);
}

#else

typedef struct TYPED(table_job) {
    REAL *table;
    const rope_attr *attr;
    int64_t d;
} TYPED(table_job);

static void TYPED(fill_table)(void *context, int64_t begin, int64_t end) {
    const TYPED(table_job) *job = context;
    for (int64_t n = 0; n < job->d / 2; n++) {
        const double theta = pow(job->attr->base, -2.0 * (double)n / (double)job->d);
        for (int64_t i = begin; i < end; i++) {
            const double angle = ((double)job->attr->first + (double)i) * theta;
            job->table[i * job->d + 2 * n] = (REAL)cos(angle);
            job->table[i * job->d + 2 * n + 1] = (REAL)sin(angle);
        }
    }
}

/* Pairs are a step apart from each other, and their two elements `other` apart. */
static void TYPED(turn_rows)(void *context, int64_t begin, int64_t end) {
    const turning *job = context;
    const heed_array *x = job->from;
    const int64_t d = width_of(x), T = rows_of(x), step = x->stride[x->shape.rank - 1];
    const int64_t next = job->interleaved ? 2 : 1, other = job->interleaved ? 1 : d / 2;
    const REAL sign = (REAL)job->sign;
    for (int64_t row = begin; row < end; row++) {
        const REAL *restrict from = (const REAL *)x->data + offset_of_row(x, row);
        const REAL *restrict turn = (const REAL *)job->table + row % T * d;
        REAL *restrict to = (REAL *)job->to + row * d;
        for (int64_t i = 0; i < d && row % T == 0 && job->at_start; i++)
            to[i] = from[i * step]; /* place 0 is the identity, for inf as well */
        for (int64_t n = 0; n < d / 2 && !(row % T == 0 && job->at_start); n++) {
            const REAL a = from[n * next * step], b = from[(n * next + other) * step];
            const REAL c = turn[2 * n], s = sign * turn[2 * n + 1];
            to[n * next] = a * c - b * s;
            to[n * next + other] = a * s + b * c;
        }
    }
}

static void TYPED(turn)(heed_call *call, const heed_array *from, void *to, int sign) {
    const rope_attr *attr = call->attr;
    const int64_t d = width_of(from), T = rows_of(from), count = heed_array_count(from);
    if (count == 0)
        return;
    TYPED(table_job) table = {call->workspace, attr, d};
    heed_parallel(call, T, ELEMENTS_A_RANGE / (8 * d) + 1, TYPED(fill_table), &table);
    turning job = {.from = from,
                   .to = to,
                   .table = call->workspace,
                   .interleaved = attr->interleaved,
                   .at_start = attr->first == 0,
                   .sign = sign};
    heed_parallel(call, count / d, ELEMENTS_A_RANGE / d + 1, TYPED(turn_rows), &job);
}

static void TYPED(forward)(heed_call *call) {
    TYPED(turn)(call, call->in[0], call->out[0]->data, 1);
}

static void TYPED(backward)(heed_call *call) {
    TYPED(turn)(call, call->dy[0], call->dx[0]->data, -1);
}

#endif
