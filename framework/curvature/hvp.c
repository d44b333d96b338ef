/* Products with the Hessian, from gradients beside the point.
 *
 * Along v, with D(h) = (g(θ + h v) - g(θ - h v)) / 2h = H v + a h² + b h⁴ + ... and steps that shrink by c = √3,
 *     P(h) = (c² D(h/c) - D(h)) / (c² - 1)         order 4
 *     Q(h) = (c⁴ P(h/c) - P(h)) / (c⁴ - 1)         order 6
 * Going down, truncation shrinks and rounding grows. The answer is Q where |Q(h) - P(h/c)| is least.
 *
 * The losses at the same points say whether the gradient is theirs: (L(θ + h v) - L(θ - h v)) / 2h and the mean of v · g go,
 * by the same extrapolation, to one number. Where backward stops at an op that depends on θ they don't, and the derivative of
 * such a gradient is no Hessian: not even symmetric. */
#include "curvature_internal.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/error_internal.h"

enum { RUNGS = 13, VECTORS = 4 };
static const double RATIO = 1.7320508075688772;
static const double FIRST_STEP = 0.02;  /* of the parameters' norm */
static const double PLENTY = 0.01;      /* of the tolerance: agreement that needs no smaller step */
static const double OWED = 1e-3, ROUNDINGS = 100; /* how far the gradient may be from the loss's: it is another, or it isn't */
static const double TOLERANCE_F64 = 1e-7, TOLERANCE_F32 = 0.02;

/* ---- errors ---- */

heed_status curvature_fail(heed_curvature *c, heed_status status, const char *format, ...) {
    va_list arguments;
    char text[HEED_ERROR_TEXT];
    va_start(arguments, format);
    error_text(text, format, arguments);
    va_end(arguments);
    c->error.status = HEED_OK; /* the last error counts, not the first */
    return heed_error_set(&c->error, status, "%s", text);
}

heed_status curvature_ready(heed_curvature *c) {
    if (c->inert || c->tape == NULL)
        return c->error.status;
    return HEED_OK;
}

const char *heed_curvature_error_text(const heed_curvature *c) {
    return c->error.text;
}

/* ---- making ---- */

static heed_status set_up(heed_curvature *c, const heed_curvature_options *o) {
    heed_status status = HEED_OK;
    if (c->model == NULL || c->loss == NULL)
        return curvature_fail(c, HEED_INVALID, "curvature: the %s is NULL", c->model ? "loss" : "model");
    if (o->dtype != HEED_F64 && o->dtype != HEED_F32)
        return curvature_fail(c, HEED_INVALID, "curvature: dtype must be HEED_F64 or HEED_F32");
    if (!(o->tolerance >= 0) || o->tolerance >= 1)
        return curvature_fail(c, HEED_INVALID, "curvature: tolerance is %g; it must be in [0, 1)", o->tolerance);
    if (heed_model_data(c->model) == NULL)
        return curvature_fail(c, HEED_STATE, "curvature: %s",
                              heed_model_status(c->model) ? heed_model_error_text(c->model) : "the model is not built yet");
    c->tolerance = o->tolerance > 0 ? o->tolerance : o->dtype == HEED_F64 ? TOLERANCE_F64 : TOLERANCE_F32;
    c->n = heed_model_trainable(c->model);
    c->twin = heed_model_clone(c->model, o->dtype);
    c->grads = heed_grads_new(c->twin);
    c->memory = calloc((size_t)c->n * VECTORS + 1, sizeof *c->memory);
    c->tape = heed_tape_new();
    heed_tape_set_threads(c->tape, o->threads);
    heed_tape_set_training(c->tape, false);
    status = heed_tape_bind(c->tape, c->model, c->twin);
    if (status || c->memory == NULL || heed_grads_poisoned(c->grads))
        return curvature_fail(c, status ? status : HEED_NO_MEMORY, "curvature: out of memory");
    c->origin = c->memory;
    for (int i = 0; i < 3; i++)
        c->rungs[i].slope = c->memory + (i + 1) * c->n;
    return HEED_OK;
}

static void take_down(heed_curvature *c) {
    heed_tape_free(c->tape);
    heed_grads_free(c->grads);
    heed_model_free(c->twin);
    free(c->memory);
    c->tape = NULL;
    c->grads = NULL;
    c->twin = NULL;
    c->memory = NULL;
}

heed_curvature *heed_curvature_new(heed_model *model, heed_loss_fn *loss, void *user, heed_curvature_options options) {
    static heed_curvature inert = {
        .inert = true, .error = {.status = HEED_NO_MEMORY, .text = "heed_curvature_new: out of memory"}};
    heed_curvature *c = calloc(1, sizeof *c);
    if (c == NULL) {
        heed_error_raised(inert.error.status, inert.error.text);
        return &inert;
    }
    *c = (heed_curvature){.model = model, .loss = loss, .user = user};
    if (set_up(c, &options))
        take_down(c);
    return c;
}

void heed_curvature_free(heed_curvature *c) {
    if (c == NULL || c->inert)
        return;
    take_down(c);
    free(c);
}

/* ---- trainable elements, one after another ---- */

typedef enum flow { FROM_MODEL, TO_MODEL } flow;

static void copy_elements(heed_dtype dtype, void *data, double *vector, int64_t count, flow way) {
    for (int64_t i = 0; i < count; i++) {
        if (dtype == HEED_F64 && way == FROM_MODEL)
            vector[i] = ((const double *)data)[i];
        else if (dtype == HEED_F64)
            ((double *)data)[i] = vector[i];
        else if (way == FROM_MODEL)
            vector[i] = (double)((const float *)data)[i];
        else
            ((float *)data)[i] = (float)vector[i];
    }
}

/* Between a vector and data that is laid out as the twin is: its values, or a gradient. */
static void copy_trainable(const heed_curvature *c, void *data, double *vector, flow way) {
    const heed_dtype dtype = heed_model_dtype(c->twin);
    for (int i = 0; i < heed_model_params(c->twin); i++) {
        const heed_param_info info = heed_model_param(c->twin, i);
        if (!info.trainable || info.alias_of >= 0)
            continue;
        copy_elements(dtype, (char *)data + (size_t)info.offset * heed_dtype_size(dtype), vector, info.count, way);
        vector += info.count;
    }
}

/* ---- gradients beside the point ---- */

/* Moves the twin to θ + h v. to is scratch of n elements. */
static void move(heed_curvature *c, const double *v, double h, double *to) {
    for (int64_t i = 0; i < c->n; i++)
        to[i] = c->origin[i] + h * v[i];
    copy_trainable(c, heed_model_data(c->twin), to, TO_MODEL);
    heed_model_changed(c->twin);
}

static heed_status gradient(heed_curvature *c, double *g, double *value) {
    heed_tape *t = c->tape;
    heed_tape_reset(t);
    heed_tape_set_step(t, 0); /* the same draws, if there are any, each time */
    heed_grads_clear(c->grads);
    const heed_tensor loss = c->loss(c->user, t);
    if (heed_tape_status(t) == HEED_OK && heed_is_nil(loss))
        heed_fail_tape(t, HEED_INVALID, "the loss returned HEED_NIL");
    const heed_status status = heed_backward(t, loss, c->grads);
    if (status)
        return curvature_fail(c, status, "curvature: %s", heed_error_text(t));
    copy_trainable(c, heed_grads_data(c->grads), g, FROM_MODEL);
    *value = heed_item(t, loss);
    return HEED_OK;
}

static double epsilon(const heed_curvature *c) {
    return heed_model_dtype(c->twin) == HEED_F64 ? DBL_EPSILON : FLT_EPSILON;
}

/* r is what there is to know at step h along v. above has n elements, as have all. */
static heed_status climb(heed_curvature *c, const double *v, double h, rung *r, double *above) {
    heed_status status;
    double *const below = r->slope, high, low, size = 0, turned = 0;
    move(c, v, h, above);
    if ((status = gradient(c, above, &high)) != HEED_OK)
        return status;
    move(c, v, -h, below);
    if ((status = gradient(c, below, &low)) != HEED_OK)
        return status;
    r->falls = (high - low) / (2 * h);
    r->owed = 0;
    for (int64_t i = 0; i < c->n; i++) {
        r->owed += v[i] * (above[i] + below[i]) / 2;
        size += fabs(v[i] * above[i]);
        r->slope[i] = (above[i] - below[i]) / (2 * h);
        turned += fabs(v[i] * (above[i] - below[i]));
    }
    r->turned = turned;
    r->doubt = epsilon(c) * ((fabs(high) + fabs(low)) / h + size);
    return HEED_OK;
}

static double order_6(double d0, double d1, double d2) {
    return (9 * (3 * d2 - d1) / 2 - (3 * d1 - d0) / 2) / 8;
}

/* Q of a rung from D(h), D(h/c), D(h/c²), into q; |Q - P| / |Q|, infinite where that is no number. */
static double extrapolate(const heed_curvature *c, const rung *r, double *q) {
    double apart = 0, size = 0;
    for (int64_t i = 0; i < c->n; i++) {
        const double p1 = (3 * r[2].slope[i] - r[1].slope[i]) / 2;
        q[i] = order_6(r[0].slope[i], r[1].slope[i], r[2].slope[i]);
        apart += (q[i] - p1) * (q[i] - p1);
        size += q[i] * q[i];
    }
    if (apart == 0)
        return 0;
    const double doubt = sqrt(apart / size);
    return isfinite(doubt) ? doubt : INFINITY;
}

/* Whether the gradient along v is the loss's: not so where a part of the loss that depends on v goes by backward. */
static bool is_gradient_of_loss(const rung *r) {
    const double falls = order_6(r[0].falls, r[1].falls, r[2].falls), owed = order_6(r[0].owed, r[1].owed, r[2].owed);
    return !(fabs(falls - owed) > OWED * (fabs(falls) + fabs(owed) + r[2].turned) + ROUNDINGS * r[2].doubt);
}

static void rotate(rung *r) {
    const rung first = r[0];
    r[0] = r[1];
    r[1] = r[2];
    r[2] = first;
}

typedef struct descent {
    double *q, *best; /* n elements each; the answer is left in best */
    double doubt;
    bool whole; /* the gradient was the loss's, where the answer is from */
} descent;

/* Down the ladder. */
static heed_status descend(heed_curvature *c, const double *v, double h, descent *d) {
    heed_status status = climb(c, v, h, &c->rungs[0], d->q);
    h /= RATIO;
    if (!status)
        status = climb(c, v, h, &c->rungs[1], d->q);
    d->doubt = INFINITY;
    for (int i = 0; i < RUNGS && !status && !(d->doubt <= PLENTY * c->tolerance); i++) {
        h /= RATIO;
        status = climb(c, v, h, &c->rungs[2], d->q);
        const double here = status ? INFINITY : extrapolate(c, c->rungs, d->q);
        if (here < d->doubt) {
            d->doubt = here;
            d->whole = is_gradient_of_loss(c->rungs);
            memcpy(d->best, d->q, (size_t)c->n * sizeof *d->best);
        }
        rotate(c->rungs);
    }
    return status;
}

heed_status heed_hvp(heed_curvature *c, const double *v, double *hv, double *doubt) {
    descent d = {.best = hv, .doubt = 0, .whole = true};
    heed_status status = curvature_ready(c);
    if (status)
        return status;
    const double length = sqrt(curvature_dot(v, v, c->n));
    if (!isfinite(length))
        return curvature_fail(c, HEED_INVALID, "heed_hvp: v has elements that are NaN or infinite, or too large");
    if ((status = heed_model_copy(c->twin, c->model)) != HEED_OK)
        return curvature_fail(c, status, "heed_hvp: the model is not the one that this was made for");
    copy_trainable(c, heed_model_data(c->twin), c->origin, FROM_MODEL);
    memset(hv, 0, (size_t)c->n * sizeof *hv);
    d.q = length > 0 ? malloc((size_t)c->n * sizeof *d.q) : NULL;
    if (length > 0 && d.q == NULL)
        return curvature_fail(c, HEED_NO_MEMORY, "heed_hvp: out of memory");
    if (length > 0) {
        const double size = sqrt(curvature_dot(c->origin, c->origin, c->n));
        status = descend(c, v, FIRST_STEP * (size > 0 ? size : 1) / length, &d);
    }
    free(d.q);
    if (doubt)
        *doubt = d.doubt;
    if (status)
        return status;
    if (d.doubt <= c->tolerance && !d.whole)
        return curvature_fail(c, HEED_INVALID, "heed_hvp: the gradient is not that of the loss: on the way from parameters to it "
                              "is an op that backward stops at (HEED_NO_GRADIENT, as heed_detach), or whose backward is wrong");
    if (d.doubt <= c->tolerance)
        return HEED_OK;
    return curvature_fail(c, HEED_INVALID,
                          "heed_hvp: no step is right: two orders of extrapolation differ by %.2g of H v, tolerance %.2g. "
                          "The gradient jumps near here (relu, max, abs at a kink), or the loss is not the same at every call",
                          d.doubt, c->tolerance);
}
