/* embedding, index_select: slices of x, picked by index.
 *
 *     y[o, j, c] = x[o, index[j], c]      so      dx[o, v, c] = sum of dy[o, j, c] over the j with index[j] = v, in order of j
 *
 * with o, c all axes before and behind the one indexed: a table (V, D) has no o, and c in 0..D-1. Backward first lists, for
 * each v that occurs, its j; then threads share out the (o, c), so each sum is one thread's, in one order.
 *
 * The file includes itself once for each real dtype; see heed/real_f32.h. */
#ifndef REAL
#include <string.h>

#include <heed/op.h>
#include <heed/ops.h>

#include "../../kernels/rows.h"
#include "../shape/layout.h"
#include "../shape/samples.h"
#include "indices.h"

enum { ELEMENTS_A_RANGE = 16384, STRIP = 64, STRIP_GRAIN = 16 };

/* ---- shapes ---- */

/* Backward's lists take 2 n + v + 2 numbers. */
static heed_status finish_shape(heed_call *call, int64_t v) {
    int64_t n = heed_array_count(call->in[1]);
    size_t numbers = 2 * (size_t)n + (size_t)v + 2;
    if (__builtin_mul_overflow(numbers, sizeof(int64_t), &call->backward_workspace_bytes))
        call->backward_workspace_bytes = SIZE_MAX / 2; /* is refused as out of memory */
    return heed_check_indices(call, 1, v);
}

static heed_status embedding_shape(heed_call *call) {
    const heed_array *table = call->in[0];
    heed_shape shape = call->in[1]->shape;
    if (table->shape.rank != 2)
        return heed_fail(call, "the table is %s; it must be (V, D)", HEED_SHAPE_STR(table->shape));
    if (shape.rank == HEED_MAX_RANK)
        return heed_fail(call, "the index, %s, has no room for a further axis: the rank is at most %d",
                         HEED_SHAPE_STR(shape), HEED_MAX_RANK);
    shape.n[shape.rank++] = table->shape.n[1];
    call->out[0]->shape = shape;
    call->out[0]->dtype = table->dtype;
    return finish_shape(call, table->shape.n[0]);
}

static heed_status index_select_shape(heed_call *call) {
    const heed_array *x = call->in[0], *index = call->in[1];
    int axis;
    if (heed_check_axis(call, x->shape, *(const int *)call->attr, &axis))
        return HEED_INVALID;
    if (index->shape.rank != 1)
        return heed_fail(call, "the index is %s; it must have one axis", HEED_SHAPE_STR(index->shape));
    call->out[0]->shape = x->shape;
    call->out[0]->shape.n[axis] = index->shape.n[0];
    call->out[0]->dtype = x->dtype;
    return finish_shape(call, x->shape.n[axis]);
}

/* x as (o, v, c). */
static heed_around around_of(const heed_call *call) {
    heed_shape x = call->in[0]->shape;
    return heed_around_axis(x, call->attr ? heed_shape_axis(x, *(const int *)call->attr) : 0);
}

/* ---- forward ---- */

typedef struct lookup {
    heed_around x;
    int64_t n; /* indices */
    const int32_t *index;
    const char *from;
    char *to;
    size_t row; /* bytes along c */
} lookup;

static void copy_rows(void *context, int64_t begin, int64_t end) {
    const lookup *job = context;
    for (int64_t r = begin; r < end; r++) {
        int64_t o = r / job->n, v = job->index[r % job->n];
        memcpy(job->to + (size_t)r * job->row, job->from + (size_t)(o * job->x.n + v) * job->row, job->row);
    }
}

static void forward(heed_call *call) {
    const heed_array *x = call->in[0];
    lookup job = {.x = around_of(call),
                  .n = heed_array_count(call->in[1]),
                  .index = call->in[1]->data,
                  .from = x->data,
                  .to = call->out[0]->data};
    job.row = (size_t)job.x.inner * heed_dtype_size(x->dtype);
    if (job.row > 0)
        heed_parallel(call, job.x.outer * job.n, ELEMENTS_A_RANGE / job.x.inner + 1, copy_rows, &job);
}

/* ---- backward ---- */

/* Where each v occurs among the indices: at order[start[v] .. start[v + 1] - 1], in order. */
typedef struct occurrences {
    int64_t *start, *order;
    int64_t *present, n_present; /* the v that occur at all, ascending */
} occurrences;

/* Sorts by counting. At first start[v + 2] counts v; summed up, start[v + 1] is where the next v goes; in the end, where v ends. */
static occurrences list_occurrences(const int32_t *index, int64_t n, int64_t v_count, int64_t *room) {
    occurrences list = {.start = room, .order = room + v_count + 2, .present = room + v_count + 2 + n};
    memset(list.start, 0, (size_t)(v_count + 2) * sizeof *list.start);
    for (int64_t j = 0; j < n; j++)
        list.start[index[j] + (int64_t)2]++;
    for (int64_t v = 0; v < v_count; v++) {
        if (list.start[v + 2] > 0)
            list.present[list.n_present++] = v;
        list.start[v + 2] += list.start[v + 1];
    }
    for (int64_t j = 0; j < n; j++)
        list.order[list.start[index[j] + (int64_t)1]++] = j;
    return list;
}

typedef struct gradient {
    heed_around x;
    int64_t n;
    occurrences list;
    const void *dy;
    void *dx;
    bool accumulate;
} gradient;

static gradient gradient_of(heed_call *call) {
    gradient job = {.x = around_of(call),
                    .n = heed_array_count(call->in[1]),
                    .dy = call->dy[0]->data,
                    .dx = call->dx[0]->data,
                    .accumulate = call->accumulate[0]};
    job.list = list_occurrences(call->in[1]->data, job.n, job.x.n, call->workspace);
    if (!job.accumulate)
        heed_array_fill(call->dx[0], 0, call->threads);
    return job;
}

/* Few indices leave each (o, c) little work, so that more of them make a range. */
static void share_out(const heed_call *call, gradient *job, heed_range_body *body) {
    int64_t strips = ELEMENTS_A_RANGE / (STRIP_GRAIN * (job->n + 1)) + 1;
    heed_parallel(call, job->x.outer * job->x.inner, strips * STRIP_GRAIN, body, job);
}

/* Forward reads of x only what is picked. */
static void cost(const heed_call *call, heed_cost *cost) {
    double size = (double)heed_dtype_size(call->in[0]->dtype);
    if (call->dx == NULL)
        cost->bytes += size * (double)(heed_array_count(call->out[0]) - heed_array_count(call->in[0]));
}

/* ---- samples ---- */

static bool embedding_samples(int index, heed_sample *sample) {
    static const heed_shape cases[][2] = {
        {{2, {1, 1}}, {0, {0}}},          {{2, {1, 1}}, {1, {1}}},        {{2, {2, 1}}, {1, {2}}},
        {{2, {1, 2}}, {1, {3}}},          {{2, {2, 2}}, {2, {2, 2}}},     {{2, {3, 15}}, {0, {0}}},
        {{2, {3, 15}}, {1, {1}}},         {{2, {15, 3}}, {1, {16}}},      {{2, {16, 16}}, {1, {15}}},
        {{2, {16, 17}}, {2, {3, 5}}},     {{2, {17, 2}}, {1, {33}}},      {{2, {33, 1}}, {1, {17}}},
        {{2, {33, 5}}, {2, {2, 16}}},     {{2, {5, 33}}, {1, {2}}},       {{2, {2, 33}}, {1, {17}}},
        {{2, {7, 4}}, {3, {2, 3, 4}}},    {{2, {4, 7}}, {3, {1, 15, 1}}}, {{2, {10, 3}}, {2, {1, 16}}},
        {{2, {10, 3}}, {2, {16, 1}}},     {{2, {1, 16}}, {1, {33}}},      {{2, {3, 2}}, {2, {17, 2}}},
        {{2, {12, 8}}, {1, {1}}},         {{2, {3, 65}}, {1, {5}}},       {{2, {2, 130}}, {1, {3}}},
        {{2, {6, 4}}, {4, {2, 1, 2, 3}}}, {{2, {100, 2}}, {1, {4}}},
    };
    if (index >= (int)(sizeof cases / sizeof cases[0]))
        return false;
    const heed_shape *c = cases[index];
    *sample = (heed_sample){
        .n_in = 2,
        .in = {{.dtype = HEED_F64, .shape = c[0]}, {.dtype = HEED_I32, .shape = c[1], .high = (double)c[0].n[0]}}};
    return true;
}

/* Rows so long that threads share them. */
static bool long_rows(heed_sample *sample) {
    const int axis = 1;
    *sample = (heed_sample){.n_in = 2,
                            .in = {{.dtype = HEED_F64, .shape = HEED_SHAPE(3, 2, 3000)},
                                   {.dtype = HEED_I32, .shape = HEED_SHAPE(2), .high = 2}}};
    return heed_sample_attr(sample, &axis, sizeof axis);
}

static bool index_select_samples(int index, heed_sample *sample) {
    static const int64_t lengths[] = {1, 2, 15, 4, 17, 3, 33, 5};
    int axis;
    if (index == 0)
        return long_rows(sample);
    if (!heed_sample_axis(--index, sample, &axis))
        return false;
    heed_shape x = sample->in[0].shape;
    sample->n_in = 2;
    sample->in[1] = (heed_sample_input){
        .dtype = HEED_I32, .shape = {1, {lengths[index % 8]}}, .high = (double)x.n[heed_shape_axis(x, axis)]};
    return heed_sample_attr(sample, &axis, sizeof axis);
}

/* ---- the ops ---- */

#include <heed/real_f32.h>
#include "embedding.c"
#include <heed/real_f64.h>
#include "embedding.c"
#include <heed/real_end.h>

const heed_op heed_op_embedding = {
    .size = sizeof(heed_op),
    .name = "embedding",
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .flags = HEED_ACCUMULATES,
    .shape = embedding_shape,
    .forward_any = forward,
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_in = HEED_SAVE(1),
    .samples = embedding_samples,
    .cost = cost,
};

heed_tensor heed_embedding(heed_tape *t, heed_tensor table, heed_tensor index) {
    return heed_apply(t, &heed_op_embedding, (heed_tensor[]){table, index}, 2, NULL);
}

const heed_op heed_op_index_select = {
    .size = sizeof(heed_op),
    .name = "index_select",
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .flags = HEED_ACCUMULATES,
    .attr_size = sizeof(int),
    .shape = index_select_shape,
    .forward_any = forward,
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_in = HEED_SAVE(1),
    .samples = index_select_samples,
    .cost = cost,
};

heed_tensor heed_index_select(heed_tape *t, heed_tensor x, heed_tensor index, int axis) {
    return heed_apply(t, &heed_op_index_select, (heed_tensor[]){x, index}, 2, &axis);
}

#else

#define LANES ((int)(HEED_ROW_BYTES / sizeof(REAL)))

static inline void TYPED(add_lanes)(double *sum, const TYPED(heed_lanes) *lanes) {
    REAL x[HEED_ROW_BYTES / sizeof(REAL)];
    memcpy(x, lanes, sizeof x);
    APART
    for (int i = 0; i < LANES; i++)
        sum[i] += (double)x[i];
}

/* dx[o, v, c ..] of a strip of c: the sum of dy over v's occurrences, in their order. */
static void TYPED(sum_strip)(const gradient *job, int64_t o, int64_t v, int64_t c, int64_t width) {
    const REAL *restrict dy = (const REAL *)job->dy + o * job->n * job->x.inner + c;
    REAL *restrict dx = (REAL *)job->dx + (o * job->x.n + v) * job->x.inner + c;
    double sum[STRIP] = {0};
    for (int64_t e = job->list.start[v]; e < job->list.start[v + 1]; e++) {
        const REAL *row = dy + job->list.order[e] * job->x.inner;
        for (int64_t at = 0; at < width; at += LANES) {
            TYPED(heed_lanes) next;
            TYPED(heed_row_load)(&next, row + at, width - at, 0);
            TYPED(add_lanes)(sum + at, &next);
        }
    }
    for (int64_t i = 0; i < width; i++)
        dx[i] = job->accumulate ? dx[i] + (REAL)sum[i] : (REAL)sum[i];
}

static void TYPED(sum_strips)(void *context, int64_t begin, int64_t end) {
    const gradient *job = context;
    for (int64_t at = begin, width; at < end; at += width) {
        int64_t o = at / job->x.inner, c = at % job->x.inner;
        width = job->x.inner - c < end - at ? job->x.inner - c : end - at;
        if (width > STRIP)
            width = STRIP;
        for (int64_t p = 0; p < job->list.n_present; p++)
            TYPED(sum_strip)(job, o, job->list.present[p], c, width);
    }
}

static void TYPED(backward)(heed_call *call) {
    gradient job = gradient_of(call);
    share_out(call, &job, TYPED(sum_strips));
}

#undef LANES

#endif
