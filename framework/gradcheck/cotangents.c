/* The checker's own scalar: L = sum over outputs o and elements i of u_oi y_oi, so that dL/dy_o = u_o.
 *
 * Given twice, the same outputs get the cotangents 3 u and -u: they add up to 2 u, and a right backward, being linear, gives
 * twice the gradient, all without rounding. */
#include "checker_internal.h"

typedef struct cotangents {
    const double *const *u; /* of each output */
    int n;
} cotangents;

static double factor(const heed_call *c, const cotangents *a, int i) {
    if (c->n_in == a->n)
        return 1;
    return i < a->n ? 3 : -1;
}

static heed_status shape(heed_call *c) {
    c->out[0]->shape = HEED_SCALAR;
    c->out[0]->dtype = HEED_F64;
    return HEED_OK;
}

static void forward(heed_call *c) {
    const cotangents *a = c->attr;
    double sum = 0;
    for (int i = 0; i < c->n_in; i++) {
        const double *u = a->u[i % a->n];
        int64_t count = heed_array_count(c->in[i]);
        for (int64_t j = 0; j < count; j++)
            sum += factor(c, a, i) * u[j] * (c->in[i]->dtype == HEED_F32 ? (double)((const float *)c->in[i]->data)[j]
                                                                        : ((const double *)c->in[i]->data)[j]);
    }
    *(double *)c->out[0]->data = sum;
}

static void backward(heed_call *c) {
    const cotangents *a = c->attr;
    double dy = *(const double *)c->dy[0]->data;
    for (int i = 0; i < c->n_in; i++) {
        const double *u = a->u[i % a->n];
        int64_t count = c->dx[i] ? heed_array_count(c->dx[i]) : 0;
        for (int64_t j = 0; j < count; j++) {
            double dx = dy * factor(c, a, i) * u[j];
            if (c->dx[i]->dtype == HEED_F32)
                ((float *)c->dx[i]->data)[j] = (float)dx;
            else
                ((double *)c->dx[i]->data)[j] = dx;
        }
    }
}

/* It is checked in every check. */
static bool no_samples(int index, heed_sample *sample) {
    (void)index, (void)sample;
    return false;
}

static const heed_op dot_op = {.size = sizeof(heed_op), .name = "gradcheck_dot", .min_in = 1, .max_in = -1, .n_out = 1,
                               .flags = HEED_MIXED, .attr_size = sizeof(cotangents), .shape = shape, .dispatch = -1,
                               .forward_any = forward, .backward_any = backward, .samples = no_samples};

heed_tensor heed_checker_dot(heed_tape *t, const heed_tensor *outs, const double *const *u, int n, int uses) {
    heed_tensor in[2 * (HEED_MAX_OUTPUTS + HEED_SAMPLE_INPUTS)];
    for (int i = 0; i < n * uses; i++)
        in[i] = outs[i % n];
    return heed_apply(t, &dot_op, in, n * uses, &(cotangents){.u = u, .n = n});
}
