/* sum, mean.
 *
 *     sum     y = sum over the n reduced elements of x        dx = dy, the same for each of them
 *     mean    y = sum / n                                     dx = dy / n
 *
 * Sums run in double over blocks of a fixed size. Where the reduced axes are the last ones, a row is summed along; where they
 * stand before kept axes (a bias's gradient), rows of memory are added up, a strip of columns at a time.
 *
 * The file includes itself once for each real dtype; see heed/real_f32.h. */
#ifndef REAL
#include "reduction.h"

#include "../shape/samples.h"

enum { ELEMENTS_A_RANGE = 16384, STRIP = 64, ROWS_A_BLOCK = 256 };

/* ---- columns: x as (outer, n, inner) with inner > 1 ---- */

typedef struct columns {
    const void *x;
    double *partial; /* (outer, blocks, inner) */
    int64_t n, inner, blocks, strips;
} columns;

static columns columns_of(const heed_reduction *r) {
    return (columns){.n = r->n,
                     .inner = r->inner,
                     .blocks = (r->n + ROWS_A_BLOCK - 1) / ROWS_A_BLOCK,
                     .strips = (r->inner + STRIP - 1) / STRIP};
}

static void sum_columns(const heed_call *call, const heed_reduction *r, const void *x, heed_range_body *body,
                        double *total, void *room) {
    columns job = columns_of(r);
    int64_t outer = r->rows / r->inner;
    job.x = x;
    job.partial = job.blocks == 1 ? total : room;
    int64_t work = (r->n < ROWS_A_BLOCK ? r->n : ROWS_A_BLOCK) * (r->inner < STRIP ? r->inner : STRIP);
    heed_parallel(call, outer * job.blocks * job.strips, ELEMENTS_A_RANGE / (work + 1) + 1, body, &job);
    if (job.blocks == 1)
        return;
    for (int64_t o = 0; o < outer; o++) {
        double *sum = total + o * r->inner;
        for (int64_t c = 0; c < r->inner; c++)
            sum[c] = 0;
        for (int64_t b = 0; b < job.blocks; b++) {
            const double *partial = job.partial + (o * job.blocks + b) * r->inner;
            for (int64_t c = 0; c < r->inner; c++)
                sum[c] += partial[c];
        }
    }
}

/* ---- both ops ---- */

/* Forward's workspace: totals | partial sums | x packed, where its axes alternate. */
static size_t partial_bytes(const heed_reduction *r) {
    if (r->inner <= 1)
        return heed_row_sums_bytes(r);
    columns job = columns_of(r);
    return job.blocks == 1 ? 0 : heed_room(r->rows * job.blocks, sizeof(double));
}

static heed_status shape(heed_call *call) {
    if (heed_reduction_shape(call, call->attr))
        return HEED_INVALID;
    const heed_array *x = call->in[0];
    heed_reduction r = heed_reduction_of(x->shape, call->attr);
    call->workspace_bytes =
        heed_room(r.rows, sizeof(double)) + partial_bytes(&r) + (r.inner == 0 ? heed_rows_bytes(&r, x->dtype) : 0);
    return HEED_OK;
}

static heed_status mean_shape(heed_call *call) {
    heed_status status = shape(call);
    call->backward_workspace_bytes = heed_room(heed_array_count(call->out[0]), sizeof(double));
    return status;
}

static double *sums(heed_call *call, heed_block_sum *row_sum, heed_range_body *column_sums) {
    const heed_array *x = call->in[0];
    heed_reduction r = heed_reduction_of(x->shape, call->attr);
    double *total = call->workspace;
    char *room = (char *)call->workspace + heed_room(r.rows, sizeof(double));
    if (r.inner > 1)
        sum_columns(call, &r, x->data, column_sums, total, room);
    else
        heed_row_sums(call, &r, heed_rows_of(call, &r, x, room + partial_bytes(&r)), heed_dtype_size(x->dtype), row_sum,
                      NULL, total, room);
    return total;
}

static void sum_backward(heed_call *call) {
    heed_reduction r = heed_reduction_of(call->dx[0]->shape, call->attr);
    heed_array dy = heed_reduction_expanded(&r, call->dy[0], call->dx[0]->shape);
    heed_array_copy(call->dx[0], &dy, call->threads);
}

static bool samples(int index, heed_sample *sample) {
    heed_axes axes;
    return heed_sample_axes(index, sample, &axes) && heed_sample_attr(sample, &axes, sizeof axes);
}

#include <heed/real_f32.h>
#include "sum.c"
#include <heed/real_f64.h>
#include "sum.c"
#include <heed/real_end.h>

const heed_op heed_op_sum = {
    .size = sizeof(heed_op),
    .name = "sum",
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .attr_size = sizeof(heed_axes),
    .shape = shape,
    .forward = {[HEED_F32] = sum_forward_f32, [HEED_F64] = sum_forward_f64},
    .backward = {[HEED_F32] = sum_backward, [HEED_F64] = sum_backward},
    .samples = samples,
};

heed_tensor heed_sum(heed_tape *t, heed_tensor x, heed_axes axes) {
    return heed_apply(t, &heed_op_sum, &x, 1, &axes);
}

const heed_op heed_op_mean = {
    .size = sizeof(heed_op),
    .name = "mean",
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .attr_size = sizeof(heed_axes),
    .shape = mean_shape,
    .forward = {[HEED_F32] = mean_forward_f32, [HEED_F64] = mean_forward_f64},
    .backward = {[HEED_F32] = mean_backward_f32, [HEED_F64] = mean_backward_f64},
    .samples = samples,
};

heed_tensor heed_mean(heed_tape *t, heed_tensor x, heed_axes axes) {
    return heed_apply(t, &heed_op_mean, &x, 1, &axes);
}

#else

static double TYPED(row_sum)(const void *x, int64_t n, double unused) {
    (void)unused;
    return TYPED(heed_add_up)(x, n);
}

/* Rows first .. last - 1 of a strip, four at a time so that the sums stay longer in registers. */
static void TYPED(add_rows)(const REAL *x, int64_t stride, int64_t first, int64_t last, int64_t width,
                            double *restrict sum) {
    int64_t r = first;
    for (; r + 4 <= last; r += 4) {
        const REAL *a = x + r * stride, *b = a + stride, *c = b + stride, *d = c + stride;
        for (int64_t i = 0; i < width; i++)
            sum[i] += ((double)a[i] + (double)b[i]) + ((double)c[i] + (double)d[i]);
    }
    for (; r < last; r++)
        for (int64_t i = 0; i < width; i++)
            sum[i] += (double)x[r * stride + i];
}

static void TYPED(column_sums)(void *context, int64_t begin, int64_t end) {
    const columns *job = context;
    for (int64_t item = begin; item < end; item++) {
        int64_t first_column = item % job->strips * STRIP, block = item / job->strips, o = block / job->blocks;
        int64_t width = job->inner - first_column < STRIP ? job->inner - first_column : STRIP;
        int64_t first = block % job->blocks * ROWS_A_BLOCK,
                last = first + ROWS_A_BLOCK < job->n ? first + ROWS_A_BLOCK : job->n;
        double sum[STRIP] = {0};
        TYPED(add_rows)
        ((const REAL *)job->x + o * job->n * job->inner + first_column, job->inner, first, last, width, sum);
        for (int64_t i = 0; i < width; i++)
            job->partial[block * job->inner + first_column + i] = sum[i];
    }
}

static void TYPED(sum_forward)(heed_call *call) {
    const double *total = sums(call, TYPED(row_sum), TYPED(column_sums));
    REAL *y = call->out[0]->data;
    int64_t rows = heed_array_count(call->out[0]);
    for (int64_t i = 0; i < rows; i++)
        y[i] = (REAL)total[i];
}

static void TYPED(mean_forward)(heed_call *call) {
    const double *total = sums(call, TYPED(row_sum), TYPED(column_sums));
    REAL *y = call->out[0]->data;
    int64_t rows = heed_array_count(call->out[0]);
    double n = (double)heed_reduction_of(call->in[0]->shape, call->attr).n;
    for (int64_t i = 0; i < rows; i++)
        y[i] = (REAL)(total[i] / n);
    if (rows == 1)
        call->weight = n;
}

static void TYPED(mean_backward)(heed_call *call) {
    heed_reduction r = heed_reduction_of(call->dx[0]->shape, call->attr);
    const REAL *dy = call->dy[0]->data;
    REAL *each = call->workspace;
    for (int64_t i = 0; i < r.rows; i++)
        each[i] = (REAL)((double)dy[i] / (double)r.n);
    heed_array of_y = *call->dy[0];
    of_y.data = each;
    heed_array of_x = heed_reduction_expanded(&r, &of_y, call->dx[0]->shape);
    heed_array_copy(call->dx[0], &of_x, call->threads);
}

#endif
