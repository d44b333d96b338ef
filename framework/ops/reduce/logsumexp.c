/* logsumexp: y = log sum e^(x_i), over the reduced elements.
 *
 * With m = max x_i:   y = m + log sum e^(x_i - m)   never overflows. Where m is not finite, 0 stands for it: all -inf give
 * log 0 = -inf, a +inf gives +inf, a NaN gives NaN.
 *
 *     dy/dx_i = e^(x_i) / sum e^(x_j) = e^(x_i - y)      and 0 where y is -inf: nothing in the row counts
 *
 * The file includes itself once for each real dtype; see heed/real_f32.h. */
#ifndef REAL
#include <math.h>

#include "../../kernels/vmath.h"
#include "../shape/samples.h"
#include "reduction.h"

enum { PIECE = 256, LANES = 16 };

/* Forward's workspace: sums | partial sums | shifts | x's rows. Backward's: x's rows | dx's rows. */
static heed_status shape(heed_call *call) {
    if (heed_reduction_shape(call, call->attr))
        return HEED_INVALID;
    const heed_array *x = call->in[0];
    heed_reduction r = heed_reduction_of(x->shape, call->attr);
    call->workspace_bytes =
        2 * heed_room(r.rows, sizeof(double)) + heed_row_sums_bytes(&r) + heed_rows_bytes(&r, x->dtype);
    call->backward_workspace_bytes = 2 * heed_rows_bytes(&r, x->dtype);
    return HEED_OK;
}

typedef struct exponentials {
    int64_t n;
    const void *x, *y, *dy;
    void *dx;
    double *shift;
} exponentials;

static bool samples(int index, heed_sample *sample) {
    heed_axes axes;
    return heed_sample_axes(index, sample, &axes) && heed_sample_attr(sample, &axes, sizeof axes);
}

#include <heed/real_f32.h>
#include "logsumexp.c"
#include <heed/real_f64.h>
#include "logsumexp.c"
#include <heed/real_end.h>

const heed_op heed_op_logsumexp = {
    .size = sizeof(heed_op),
    .name = "logsumexp",
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .attr_size = sizeof(heed_axes),
    .shape = shape,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_in = HEED_SAVE(0),
    .save_out = HEED_SAVE(0),
    .samples = samples,
};

heed_tensor heed_logsumexp(heed_tape *t, heed_tensor x, heed_axes axes) {
    return heed_apply(t, &heed_op_logsumexp, &x, 1, &axes);
}

#else

/* The greatest number, NaN passed over; LANES at a time. */
static REAL TYPED(greatest)(const REAL *x, int64_t n) {
    REAL lane[LANES];
    int64_t whole = n - n % LANES;
    for (int l = 0; l < LANES; l++)
        lane[l] = (REAL)-INFINITY;
    for (int64_t i = 0; i < whole; i += LANES)
        for (int l = 0; l < LANES; l++)
            lane[l] = x[i + l] > lane[l] ? x[i + l] : lane[l];
    for (int64_t i = whole; i < n; i++)
        lane[0] = x[i] > lane[0] ? x[i] : lane[0];
    for (int l = 1; l < LANES; l++)
        lane[0] = lane[l] > lane[0] ? lane[l] : lane[0];
    return lane[0];
}

static void TYPED(find_shifts)(void *context, int64_t begin, int64_t end) {
    const exponentials *job = context;
    for (int64_t row = begin; row < end; row++) {
        REAL greatest = TYPED(greatest)((const REAL *)job->x + row * job->n, job->n);
        job->shift[row] = isfinite(greatest) ? (double)greatest : 0;
    }
}

static double TYPED(sum_exp)(const void *data, int64_t n, double shift) {
    const REAL *x = data;
    REAL piece[PIECE], by = (REAL)shift;
    double sum = 0;
    for (int64_t first = 0; first < n; first += PIECE) {
        int64_t m = n - first < PIECE ? n - first : PIECE;
        for (int64_t i = 0; i < m; i++)
            piece[i] = TYPED(heed_exp)(x[first + i] - by);
        sum += TYPED(heed_add_up)(piece, m);
    }
    return sum;
}

static void TYPED(forward)(heed_call *call) {
    heed_reduction r = heed_reduction_of(call->in[0]->shape, call->attr);
    size_t bytes = heed_room(r.rows, sizeof(double));
    double *total = call->workspace;
    char *partial = (char *)call->workspace + bytes, *behind = partial + heed_row_sums_bytes(&r);
    exponentials job = {
        .n = r.n, .x = heed_rows_of(call, &r, call->in[0], behind + bytes), .shift = (double *)(void *)behind};
    heed_parallel(call, r.rows, heed_rows_grain(r.n), TYPED(find_shifts), &job);
    heed_row_sums(call, &r, job.x, sizeof(REAL), TYPED(sum_exp), job.shift, total, partial);
    for (int64_t i = 0; i < r.rows; i++)
        ((REAL *)call->out[0]->data)[i] = (REAL)(job.shift[i] + log(total[i]));
}

static void TYPED(weigh_rows)(void *context, int64_t begin, int64_t end) {
    const exponentials *job = context;
    for (int64_t row = begin; row < end; row++) {
        const REAL *restrict x = (const REAL *)job->x + row * job->n;
        REAL *restrict dx = (REAL *)job->dx + row * job->n;
        REAL y = ((const REAL *)job->y)[row], dy = ((const REAL *)job->dy)[row];
        REAL by = y == (REAL)-INFINITY ? 0 : y;
        for (int64_t i = 0; i < job->n; i++)
            dx[i] = dy * TYPED(heed_exp)(x[i] - by);
    }
}

static void TYPED(backward)(heed_call *call) {
    const heed_array *x = call->in[0];
    heed_reduction r = heed_reduction_of(x->shape, call->attr);
    char *dx_room = (char *)call->workspace + heed_rows_bytes(&r, x->dtype);
    exponentials job = {.n = r.n,
                        .x = heed_rows_of(call, &r, x, call->workspace),
                        .y = call->out[0]->data,
                        .dy = call->dy[0]->data,
                        .dx = heed_rows_to_write(&r, call->dx[0], dx_room)};
    heed_parallel(call, r.rows, heed_rows_grain(r.n), TYPED(weigh_rows), &job);
    heed_rows_done(call, &r, call->dx[0], dx_room);
}

#endif
