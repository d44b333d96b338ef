/* prod: y = x_0 x_1 .. x_(n-1), over the reduced elements.
 *
 *     dx_i = dy times the product of all others = (x_0 .. x_(i-1)) (dy x_(n-1) .. x_(i+1))
 *
 * by a walk along the row that notes the products before each element and a walk back: right where elements are zero, which
 * y / x_i would not be. Products are taken in double. The file includes itself once for each real dtype; see heed/real_f32.h. */
#ifndef REAL
#include "../shape/samples.h"
#include "reduction.h"

/* Backward's workspace: products before each element | x's rows | dx's rows. */
static heed_status shape(heed_call *call) {
    if (heed_reduction_shape(call, call->attr))
        return HEED_INVALID;
    const heed_array *x = call->in[0];
    heed_reduction r = heed_reduction_of(x->shape, call->attr);
    call->workspace_bytes = heed_rows_bytes(&r, x->dtype);
    call->backward_workspace_bytes = heed_room(r.rows * r.n, sizeof(double)) + 2 * heed_rows_bytes(&r, x->dtype);
    return HEED_OK;
}

typedef struct products {
    int64_t n;
    const void *x, *dy;
    void *y, *dx;
    double *before;
} products;

static bool samples(int index, heed_sample *sample) {
    heed_axes axes;
    if (!heed_sample_axes(index, sample, &axes))
        return false;
    bool very_long = heed_shape_count(sample->in[0].shape) > 1000;
    if (very_long && axes.n != 1) /* a product of them all has an error too large to be differenced */
        axes = (heed_axes){.n = 1, .axis = {1}, .keepdim = axes.keepdim};
    /* Products must not vanish in f32: the longer, the nearer to 1. */
    sample->in[0].low = very_long ? 0.98 : index % 3 ? -1.5 : 0.5;
    sample->in[0].high = very_long ? 1.02 : 1.5;
    return heed_sample_attr(sample, &axes, sizeof axes);
}

#include <heed/real_f32.h>
#include "prod.c"
#include <heed/real_f64.h>
#include "prod.c"
#include <heed/real_end.h>

const heed_op heed_op_prod = {
    .size = sizeof(heed_op),
    .name = "prod",
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .attr_size = sizeof(heed_axes),
    .shape = shape,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_in = HEED_SAVE(0),
    .samples = samples,
};

heed_tensor heed_prod(heed_tape *t, heed_tensor x, heed_axes axes) {
    return heed_apply(t, &heed_op_prod, &x, 1, &axes);
}

#else

static void TYPED(multiply_rows)(void *context, int64_t begin, int64_t end) {
    const products *job = context;
    for (int64_t row = begin; row < end; row++) {
        const REAL *x = (const REAL *)job->x + row * job->n;
        double product = 1;
        for (int64_t i = 0; i < job->n; i++)
            product *= (double)x[i];
        ((REAL *)job->y)[row] = (REAL)product;
    }
}

static void TYPED(forward)(heed_call *call) {
    heed_reduction r = heed_reduction_of(call->in[0]->shape, call->attr);
    products job = {.n = r.n, .x = heed_rows_of(call, &r, call->in[0], call->workspace), .y = call->out[0]->data};
    heed_parallel(call, r.rows, heed_rows_grain(r.n), TYPED(multiply_rows), &job);
}

static void TYPED(multiply_others)(void *context, int64_t begin, int64_t end) {
    const products *job = context;
    for (int64_t row = begin; row < end; row++) {
        const REAL *x = (const REAL *)job->x + row * job->n;
        REAL *dx = (REAL *)job->dx + row * job->n;
        double *before = job->before + row * job->n, product = 1;
        for (int64_t i = 0; i < job->n; i++) {
            before[i] = product;
            product *= (double)x[i];
        }
        double behind = (double)((const REAL *)job->dy)[row];
        for (int64_t i = job->n - 1; i >= 0; i--) {
            dx[i] = (REAL)(before[i] * behind);
            behind *= (double)x[i];
        }
    }
}

static void TYPED(backward)(heed_call *call) {
    const heed_array *x = call->in[0];
    heed_reduction r = heed_reduction_of(x->shape, call->attr);
    char *room = (char *)call->workspace + heed_room(r.rows * r.n, sizeof(double)),
         *dx_room = room + heed_rows_bytes(&r, x->dtype);
    products job = {.n = r.n, .x = heed_rows_of(call, &r, x, room), .dy = call->dy[0]->data,
                    .dx = heed_rows_to_write(&r, call->dx[0], dx_room), .before = call->workspace};
    heed_parallel(call, r.rows, heed_rows_grain(r.n), TYPED(multiply_others), &job);
    heed_rows_done(call, &r, call->dx[0], dx_room);
}

#endif
