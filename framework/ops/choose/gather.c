/* gather, scatter_add: single elements of x along an axis, picked or added to, each by an index of its own.
 *
 *     gather         y[i][j] = x[i][index[i][j]]
 *                    dx[i][v] = sum of dy[i][j] over the j with index[i][j] = v
 *     scatter_add    y[i][v] = x[i][v] + sum of src[i][j] over the j with index[i][j] = v
 *                    dx = dy, dsrc[i][j] = dy[i][index[i][j]], 0 where src reaches beyond the index
 *
 * with j along the axis and i all other axes, in which the index may be smaller than x and src. Both ways are one of two steps:
 * `pick` from the array that is indexed, `add` to it. Sums are taken in order of j, and each i is one thread's.
 *
 * The file includes itself once for each real dtype; see heed/real_f32.h. */
#ifndef REAL
#include <string.h>

#include <heed/op.h>
#include <heed/ops.h>

#include "../shape/layout.h"
#include "../shape/samples.h"
#include "indices.h"

enum { ELEMENTS_A_RANGE = 16384 };

/* ---- shapes ---- */

/* Off the axis (or everywhere: axis -1) the index may be smaller than x, never larger. */
static heed_status check_fits(heed_call *call, const char *name, heed_shape x, heed_shape index, int axis) {
    bool fits = x.rank == index.rank;
    for (int i = 0; i < index.rank && fits; i++)
        fits = i == axis || index.n[i] <= x.n[i];
    if (fits)
        return HEED_OK;
    return heed_fail(call, "the index is %s, %s is %s: ranks must be equal, and the index no larger%s",
                     HEED_SHAPE_STR(index), name, HEED_SHAPE_STR(x), axis < 0 ? "" : " off the axis");
}

static heed_status gather_shape(heed_call *call) {
    heed_shape x = call->in[0]->shape, index = call->in[1]->shape;
    int axis;
    if (heed_check_axis(call, x, *(const int *)call->attr, &axis) || check_fits(call, "x", x, index, axis))
        return HEED_INVALID;
    call->out[0]->shape = index;
    call->out[0]->dtype = call->in[0]->dtype;
    return heed_check_indices(call, 1, x.n[axis]);
}

static heed_status scatter_add_shape(heed_call *call) {
    heed_shape x = call->in[0]->shape, index = call->in[1]->shape;
    int axis;
    if (heed_check_axis(call, x, *(const int *)call->attr, &axis) || check_fits(call, "x", x, index, axis) ||
        check_fits(call, "src", call->in[2]->shape, index, -1) || heed_check_dtype_of(call, 2))
        return HEED_INVALID;
    call->out[0]->shape = x;
    call->out[0]->dtype = call->in[0]->dtype;
    return heed_check_indices(call, 1, x.n[axis]);
}

/* ---- lines along the axis ---- */

/* Three packed arrays: the index, `one` with an element for each index (y, dy or src), `all` that is indexed. A line is the
 * index's elements along the axis; lines are numbered in row-major order of the other axes, and where the last axis is one of
 * those, neighbouring lines are taken together as a run: then memory is walked along. */
typedef struct lines {
    int outer; /* axes that neither a line nor a run goes along */
    int64_t size[HEED_MAX_RANK], index_stride[HEED_MAX_RANK], one_stride[HEED_MAX_RANK], all_stride[HEED_MAX_RANK];
    int64_t length, along_index, along_one, along_all; /* of a line; its steps */
    int64_t run;                                       /* at most so many lines together, elements 1 apart */
    const int32_t *index;
    const void *from;
    void *to;
    size_t element;
} lines;

static lines lines_of(const heed_call *call, const heed_array *one, const heed_array *all) {
    const heed_array *index = call->in[1];
    int last = index->shape.rank - 1, axis = heed_shape_axis(index->shape, *(const int *)call->attr);
    lines job = {.length = index->shape.n[axis], .along_index = index->stride[axis], .along_one = one->stride[axis],
                 .along_all = all->stride[axis], .run = axis == last ? 1 : index->shape.n[last], .index = index->data,
                 .element = heed_dtype_size(all->dtype)};
    for (int i = 0; i < last + (axis == last); i++) {
        if (i == axis)
            continue;
        job.size[job.outer] = index->shape.n[i];
        job.index_stride[job.outer] = index->stride[i];
        job.one_stride[job.outer] = one->stride[i];
        job.all_stride[job.outer++] = all->stride[i];
    }
    return job;
}

/* The first elements of a line. */
typedef struct place {
    int64_t index, one, all;
} place;

static place line_at(const lines *job, int64_t line) {
    int64_t in_run = line % job->run;
    place p = {in_run, in_run, in_run};
    line /= job->run;
    for (int i = job->outer - 1; i >= 0; i--) {
        int64_t at = line % job->size[i];
        line /= job->size[i];
        p.index += at * job->index_stride[i];
        p.one += at * job->one_stride[i];
        p.all += at * job->all_stride[i];
    }
    return p;
}

/* How many lines from `line` on are taken together, up to `end`. */
static int64_t lines_together(const lines *job, int64_t line, int64_t end) {
    int64_t rest = job->run - line % job->run;
    return rest < end - line ? rest : end - line;
}

static void each_line(const heed_call *call, lines *job, heed_range_body *body) {
    int64_t count = heed_array_count(call->in[1]);
    if (count > 0)
        heed_parallel(call, count / job->length, ELEMENTS_A_RANGE / job->length + 1, body, job);
}

/* ---- pick: any dtype, as bytes ---- */

/* Inlined with `element` known, so that memcpy becomes one load and one store. */
static inline void pick_lines(const lines *job, place p, int64_t width, size_t element) {
    char *to = job->to;
    const char *from = job->from;
    for (int64_t j = 0; j < job->length; j++) {
        const int32_t *index = job->index + p.index + j * job->along_index;
        char *row = to + (size_t)(p.one + j * job->along_one) * element;
        for (int64_t i = 0; i < width; i++)
            memcpy(row + (size_t)i * element, from + (size_t)(p.all + i + index[i] * job->along_all) * element,
                   element);
    }
}

static void pick(void *context, int64_t begin, int64_t end) {
    const lines *job = context;
    for (int64_t line = begin, width; line < end; line += width) {
        place p = line_at(job, line);
        width = lines_together(job, line, end);
        switch (job->element) {
        case 8: pick_lines(job, p, width, 8); break;
        case 4: pick_lines(job, p, width, 4); break;
        case 2: pick_lines(job, p, width, 2); break;
        default: pick_lines(job, p, width, 1); break;
        }
    }
}

static void gather_forward(heed_call *call) {
    lines job = lines_of(call, call->out[0], call->in[0]);
    job.from = call->in[0]->data;
    job.to = call->out[0]->data;
    each_line(call, &job, pick);
}

static void scatter_add_backward(heed_call *call) {
    if (call->dx[0])
        heed_array_copy(call->dx[0], call->dy[0], call->threads);
    if (call->dx[2] == NULL)
        return;
    if (!heed_shape_equal(call->dx[2]->shape, call->in[1]->shape))
        heed_array_fill(call->dx[2], 0, call->threads);
    lines job = lines_of(call, call->dx[2], call->dy[0]);
    job.from = call->dy[0]->data;
    job.to = call->dx[2]->data;
    each_line(call, &job, pick);
}

/* ---- samples ---- */

/* x is a table's shape; the index has another size along the axis, and off it, in some samples, one less. */
static bool gather_samples(int index, heed_sample *sample) {
    static const int64_t lengths[] = {1, 2, 15, 4, 17, 3, 33, 5};
    int axis;
    if (!heed_sample_axis(index, sample, &axis))
        return false;
    heed_shape x = sample->in[0].shape, shape = x;
    int at = heed_shape_axis(x, axis);
    for (int i = 0; i < shape.rank; i++)
        shape.n[i] = i == at ? lengths[index % 8] : x.n[i] - (x.n[i] > 1 && index % 3 == 0);
    sample->n_in = 2;
    sample->in[1] = (heed_sample_input){.dtype = HEED_I32, .shape = shape, .high = (double)x.n[at]};
    return heed_sample_attr(sample, &axis, sizeof axis);
}

/* src is the index's shape, in some samples one more. */
static bool scatter_add_samples(int index, heed_sample *sample) {
    if (!gather_samples(index, sample))
        return false;
    sample->n_in = 3;
    sample->in[2] = (heed_sample_input){.dtype = HEED_F64, .shape = sample->in[1].shape};
    sample->in[2].shape.n[0] += index % 4 == 0;
    return true;
}

/* ---- the ops ---- */

#include <heed/real_f32.h>
#include "gather.c"
#include <heed/real_f64.h>
#include "gather.c"
#include <heed/real_end.h>

const heed_op heed_op_gather = {
    .size = sizeof(heed_op),
    .name = "gather",
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .attr_size = sizeof(int),
    .shape = gather_shape,
    .forward_any = gather_forward,
    .backward = {[HEED_F32] = gather_backward_f32, [HEED_F64] = gather_backward_f64},
    .save_in = HEED_SAVE(1),
    .samples = gather_samples,
};

heed_tensor heed_gather(heed_tape *t, heed_tensor x, heed_tensor index, int axis) {
    return heed_apply(t, &heed_op_gather, (heed_tensor[]){x, index}, 2, &axis);
}

const heed_op heed_op_scatter_add = {
    .size = sizeof(heed_op), .name = "scatter_add", .min_in = 3, .max_in = 3, .n_out = 1, .attr_size = sizeof(int),
    .shape = scatter_add_shape, .forward = {[HEED_F32] = scatter_add_forward_f32, [HEED_F64] = scatter_add_forward_f64},
    .backward_any = scatter_add_backward, .save_in = HEED_SAVE(1), .samples = scatter_add_samples,
};

heed_tensor heed_scatter_add(heed_tape *t, heed_tensor x, heed_tensor index, heed_tensor src, int axis) {
    return heed_apply(t, &heed_op_scatter_add, (heed_tensor[]){x, index, src}, 3, &axis);
}

#else

static void TYPED(add)(void *context, int64_t begin, int64_t end) {
    const lines *job = context;
    REAL *to = job->to;
    for (int64_t line = begin, width; line < end; line += width) {
        place p = line_at(job, line);
        width = lines_together(job, line, end);
        for (int64_t j = 0; j < job->length; j++) {
            const int32_t *index = job->index + p.index + j * job->along_index;
            const REAL *row = (const REAL *)job->from + p.one + j * job->along_one;
            for (int64_t i = 0; i < width; i++)
                to[p.all + i + index[i] * job->along_all] += row[i];
        }
    }
}

static void TYPED(gather_backward)(heed_call *call) {
    lines job = lines_of(call, call->dy[0], call->dx[0]);
    job.from = call->dy[0]->data;
    job.to = call->dx[0]->data;
    heed_array_fill(call->dx[0], 0, call->threads);
    each_line(call, &job, TYPED(add));
}

static void TYPED(scatter_add_forward)(heed_call *call) {
    lines job = lines_of(call, call->in[2], call->out[0]);
    job.from = call->in[2]->data;
    job.to = call->out[0]->data;
    heed_array_copy(call->out[0], call->in[0], call->threads);
    each_line(call, &job, TYPED(add));
}

#endif
