/* var: y = sum (x_i - mean)² / d, with d = n - correction, or 0 where that is negative; over the n reduced elements.
 *
 *     dy/dx_i = 2 (x_i - mean) / d      (the mean's own part is sum (x_i - mean) = 0)
 *
 * In two passes, the mean first, so that an offset common to all x costs no digits; both sums in double. The means are kept for
 * backward. The file includes itself once for each real dtype; see heed/real_f32.h. */
#ifndef REAL
#include "../shape/samples.h"
#include "reduction.h"

enum { PIECE = 256 };

typedef struct var_attr {
    heed_axes axes;
    int correction;
} var_attr;

/* Forward's workspace: sums | partial sums | means, unless they are saved | x's rows. Backward's: x's rows | dx's rows. */
static heed_status shape(heed_call *call) {
    const var_attr *attr = call->attr;
    if (heed_reduction_shape(call, &attr->axes))
        return HEED_INVALID;
    const heed_array *x = call->in[0];
    heed_reduction r = heed_reduction_of(x->shape, &attr->axes);
    call->workspace_bytes =
        2 * heed_room(r.rows, sizeof(double)) + heed_row_sums_bytes(&r) + heed_rows_bytes(&r, x->dtype);
    call->saved_bytes = call->needs_grad ? heed_room(r.rows, sizeof(double)) : 0;
    call->backward_workspace_bytes = 2 * heed_rows_bytes(&r, x->dtype);
    return HEED_OK;
}

static double divisor(const var_attr *attr, int64_t n) {
    double d = (double)n - (double)attr->correction;
    return d > 0 ? d : 0;
}

typedef struct deviations {
    int64_t n;
    const void *x, *dy;
    void *dx;
    const double *mean;
    double divisor;
} deviations;

static bool samples(int index, heed_sample *sample) {
    var_attr attr;
    if (!heed_sample_axes(index, sample, &attr.axes))
        return false;
    heed_shape *x = &sample->in[0].shape;
    if (heed_reduction_of(*x, &attr.axes).n == 1) /* whose gradient is zero */
        x->n[attr.axes.n > 0 ? attr.axes.axis[0] : 0] = 2;
    attr.correction = index % 2;
    return heed_sample_attr(sample, &attr, sizeof attr);
}

#include <heed/real_f32.h>
#include "var.c"
#include <heed/real_f64.h>
#include "var.c"
#include <heed/real_end.h>

const heed_op heed_op_var = {
    .size = sizeof(heed_op),
    .name = "var",
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .attr_size = sizeof(var_attr),
    .shape = shape,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_in = HEED_SAVE(0),
    .samples = samples,
};

heed_tensor heed_var(heed_tape *t, heed_tensor x, heed_axes axes, int correction) {
    return heed_apply(t, &heed_op_var, &x, 1, &(var_attr){axes, correction});
}

#else

static double TYPED(values)(const void *x, int64_t n, double unused) {
    (void)unused;
    return TYPED(heed_add_up)(x, n);
}

static double TYPED(squares)(const void *data, int64_t n, double mean) {
    const REAL *x = data;
    double piece[PIECE], sum = 0;
    for (int64_t first = 0; first < n; first += PIECE) {
        int64_t m = n - first < PIECE ? n - first : PIECE;
        for (int64_t i = 0; i < m; i++) {
            double d = (double)x[first + i] - mean;
            piece[i] = d * d;
        }
        sum += heed_add_up_f64(piece, m);
    }
    return sum;
}

static void TYPED(forward)(heed_call *call) {
    const var_attr *attr = call->attr;
    heed_reduction r = heed_reduction_of(call->in[0]->shape, &attr->axes);
    size_t bytes = heed_room(r.rows, sizeof(double));
    double *total = call->workspace, *mean = call->saved;
    char *partial = (char *)call->workspace + bytes, *behind = partial + heed_row_sums_bytes(&r);
    if (mean == NULL)
        mean = (double *)(void *)behind;
    const void *x = heed_rows_of(call, &r, call->in[0], behind + bytes);
    heed_row_sums(call, &r, x, sizeof(REAL), TYPED(values), NULL, mean, partial);
    for (int64_t i = 0; i < r.rows; i++)
        mean[i] /= (double)r.n;
    heed_row_sums(call, &r, x, sizeof(REAL), TYPED(squares), mean, total, partial);
    double d = divisor(attr, r.n);
    for (int64_t i = 0; i < r.rows; i++)
        ((REAL *)call->out[0]->data)[i] = (REAL)(total[i] / d);
}

static void TYPED(deviate_rows)(void *context, int64_t begin, int64_t end) {
    const deviations *job = context;
    for (int64_t row = begin; row < end; row++) {
        const REAL *restrict x = (const REAL *)job->x + row * job->n;
        REAL *restrict dx = (REAL *)job->dx + row * job->n;
        double mean = job->mean[row], slope = 2 * (double)((const REAL *)job->dy)[row] / job->divisor;
        for (int64_t i = 0; i < job->n; i++)
            dx[i] = (REAL)(slope * ((double)x[i] - mean));
    }
}

static void TYPED(backward)(heed_call *call) {
    const var_attr *attr = call->attr;
    const heed_array *x = call->in[0];
    heed_reduction r = heed_reduction_of(x->shape, &attr->axes);
    char *dx_room = (char *)call->workspace + heed_rows_bytes(&r, x->dtype);
    deviations job = {.n = r.n,
                      .x = heed_rows_of(call, &r, x, call->workspace),
                      .dy = call->dy[0]->data,
                      .mean = call->saved,
                      .dx = heed_rows_to_write(&r, call->dx[0], dx_room),
                      .divisor = divisor(attr, r.n)};
    heed_parallel(call, r.rows, heed_rows_grain(r.n), TYPED(deviate_rows), &job);
    heed_rows_done(call, &r, call->dx[0], dx_room);
}

#endif
