/* Products with the Hessian, from gradients beside the point.
 *
 * Along v, with D(h) = (g(θ + h v) - g(θ - h v)) / 2h = H v + a h² + b h⁴ + ... and steps that shrink by c = √3,
 *     P(h) = (c² D(h/c) - D(h)) / (c² - 1)         order 4
 *     Q(h) = (c⁴ P(h/c) - P(h)) / (c⁴ - 1)         order 6
 * Going down, truncation shrinks and rounding grows. The answer is Q where |Q(h) - P(h/c)| is least. */
#include "curvature_internal.h"

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
        c->slope[i] = c->memory + (i + 1) * c->n;
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

static heed_status gradient(heed_curvature *c, double *g) {
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
    return HEED_OK;
}

/* slope = D(h) along v. scratch has n elements, as have all. */
static heed_status slope_at(heed_curvature *c, const double *v, double h, double *slope, double *scratch) {
    heed_status status;
    move(c, v, h, scratch);
    if ((status = gradient(c, slope)) != HEED_OK)
        return status;
    move(c, v, -h, scratch);
    if ((status = gradient(c, scratch)) != HEED_OK)
        return status;
    for (int64_t i = 0; i < c->n; i++)
        slope[i] = (slope[i] - scratch[i]) / (2 * h);
    return HEED_OK;
}

/* Q of a rung from D(h), D(h/c), D(h/c²), into q; |Q - P| / |Q|, infinite where that is no number. */
static double extrapolate(const heed_curvature *c, double *const *d, double *q) {
    double apart = 0, size = 0;
    for (int64_t i = 0; i < c->n; i++) {
        const double p0 = (3 * d[1][i] - d[0][i]) / 2, p1 = (3 * d[2][i] - d[1][i]) / 2;
        q[i] = (9 * p1 - p0) / 8;
        apart += (q[i] - p1) * (q[i] - p1);
        size += q[i] * q[i];
    }
    if (apart == 0)
        return 0;
    const double doubt = sqrt(apart / size);
    return isfinite(doubt) ? doubt : INFINITY;
}

static void rotate(double **slope) {
    double *const first = slope[0];
    slope[0] = slope[1];
    slope[1] = slope[2];
    slope[2] = first;
}

/* Down the ladder. q and best are n elements each; the answer is left in best. */
static heed_status descend(heed_curvature *c, const double *v, double h, double *q, double *best, double *doubt) {
    heed_status status = slope_at(c, v, h, c->slope[0], q);
    h /= RATIO;
    if (!status)
        status = slope_at(c, v, h, c->slope[1], q);
    *doubt = INFINITY;
    for (int rung = 0; rung < RUNGS && !status && !(*doubt <= PLENTY * c->tolerance); rung++) {
        h /= RATIO;
        status = slope_at(c, v, h, c->slope[2], q);
        const double here = status ? INFINITY : extrapolate(c, c->slope, q);
        if (here < *doubt) {
            *doubt = here;
            memcpy(best, q, (size_t)c->n * sizeof *best);
        }
        rotate(c->slope);
    }
    return status;
}

heed_status heed_hvp(heed_curvature *c, const double *v, double *hv, double *doubt) {
    double found = 0;
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
    double *q = length > 0 ? malloc((size_t)c->n * sizeof *q) : NULL;
    if (length > 0 && q == NULL)
        return curvature_fail(c, HEED_NO_MEMORY, "heed_hvp: out of memory");
    if (length > 0) {
        const double size = sqrt(curvature_dot(c->origin, c->origin, c->n));
        status = descend(c, v, FIRST_STEP * (size > 0 ? size : 1) / length, q, hv, &found);
    }
    free(q);
    if (doubt)
        *doubt = found;
    if (status || found <= c->tolerance)
        return status;
    return curvature_fail(c, HEED_INVALID,
                          "heed_hvp: no step is right: two orders of extrapolation differ by %.2g of H v, tolerance %.2g. "
                          "The gradient jumps near here (relu, max, abs at a kink), or the loss is not the same at every call",
                          found, c->tolerance);
}
