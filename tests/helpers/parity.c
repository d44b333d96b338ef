#include "parity.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const parity_set parity_attention, parity_transformer, parity_recurrent, parity_states;
const parity_set *const parity_sets[] = {&parity_attention, &parity_transformer, &parity_recurrent, &parity_states, NULL};

double parity_bound(heed_dtype dtype) {
    return dtype == HEED_F64 ? 1e-10 : 1e-5;
}

void parity_fail(parity_run *r, const char *format, ...) {
    if (r->failure[0])
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(r->failure, sizeof r->failure, format, arguments);
    va_end(arguments);
}

/* ---- comparing ---- */

/* The largest gradient of the case: where PyTorch's is all rounding (a key's bias moves no softmax), ours is held to that. */
static double floor_of(const parity_run *r, const golden_tensor *want) {
    double largest = 0;
    for (int i = 0; i < r->g.n; i++)
        if (strncmp(r->g.tensor[i].name, want->name, 4) == 0)
            largest = fmax(largest, golden_largest(&r->g.tensor[i]));
    return largest;
}

/* The largest error over the largest magnitude; not a number where there is one. */
static double error_of(const parity_run *r, const golden_tensor *want, const void *got, heed_dtype dtype, int64_t *at) {
    double scale = golden_largest(want), whole = floor_of(r, want), worst = 0;
    scale = scale > 1e-12 * whole ? scale : whole;
    for (int64_t i = 0; i < want->count; i++) {
        double value = dtype == HEED_F64 ? ((const double *)got)[i] : (double)((const float *)got)[i];
        double error = fabs(value - want->values[i]);
        if (!(error <= worst)) {
            worst = error;
            *at = i;
        }
    }
    return worst == 0 ? 0 : worst / scale;
}

static void compare(parity_run *r, const golden_tensor *want, const void *got, heed_dtype dtype, double *worst) {
    int64_t at = 0;
    if (want == NULL || got == NULL) {
        parity_fail(r, "%s", got ? "PyTorch has no such tensor" : heed_error_text(r->t));
        return;
    }
    double error = error_of(r, want, got, dtype, &at);
    if (!(error <= *worst))
        *worst = error;
    if (!(error <= parity_bound(r->dtype)))
        parity_fail(r, "%s is off by %.2g of the largest, at %lld, where PyTorch has %g", want->name, error, (long long)at,
                    want->values[at]);
}

/* ---- a case's inputs and outputs ---- */

heed_tensor parity_given(parity_run *r, const char *name) {
    const golden_tensor *x = golden_find(&r->g, "in", name);
    if (x == NULL)
        return HEED_NIL;
    if (x->dtype != HEED_F64)
        return heed_cast(r->t, heed_input(r->t, HEED_F64, x->shape, x->values), x->dtype);
    if (r->n_inputs == PARITY_INPUTS) {
        parity_fail(r, "more than %d inputs", PARITY_INPUTS);
        return HEED_NIL;
    }
    heed_tensor wide = heed_variable(r->t, HEED_F64, x->shape, x->values);
    r->input[r->n_inputs] = x;
    return heed_cast(r->t, r->variable[r->n_inputs++] = wide, r->dtype);
}

void parity_produced(parity_run *r, const char *name, heed_tensor y) {
    const golden_tensor *want = golden_find(&r->g, "out", name), *seed = golden_find(&r->g, "seed", name);
    if (want == NULL || seed == NULL || !heed_shape_equal(heed_shape_of(r->t, y), want->shape)) {
        parity_fail(r, "output %s is %s, not %s: %s", name, HEED_SHAPE_STR(heed_shape_of(r->t, y)),
                    want ? HEED_SHAPE_STR(want->shape) : "there", heed_error_text(r->t));
        return;
    }
    compare(r, want, heed_data(r->t, y), r->dtype, &r->outputs);
    heed_tensor weights = heed_cast(r->t, heed_input(r->t, HEED_F64, seed->shape, seed->values), r->dtype);
    heed_tensor part = heed_sum(r->t, heed_mul(r->t, y, weights), HEED_ALL_AXES);
    r->loss = heed_is_nil(r->loss) ? part : heed_add(r->t, r->loss, part);
}

/* ---- one run ---- */

static void set_parameters(parity_run *r, heed_model *model) {
    for (int i = 0; i < heed_model_params(model); i++) {
        heed_param_info info = heed_model_param(model, i);
        if (info.buffer || info.alias_of >= 0)
            continue;
        const golden_tensor *value = golden_find(&r->g, "param", info.path);
        if (value == NULL || !heed_shape_equal(value->shape, info.shape) ||
            heed_param_set(heed_model_find(model, info.path), value->values, value->count))
            parity_fail(r, "PyTorch has no %s %s", info.path, HEED_SHAPE_STR(info.shape));
    }
}

/* Every gradient that the file has must have been compared. */
static int compare_gradients(parity_run *r, heed_model *model, heed_grads *grads) {
    int found = 0, wanted = 0;
    for (int i = 0; i < r->n_inputs; i++, found++)
        compare(r, golden_find(&r->g, "grad", r->input[i]->name + strlen("in.")),
                heed_f64(r->t, heed_grad(r->t, r->variable[i])), HEED_F64, &r->gradients);
    for (int i = 0; i < heed_model_params(model); i++) {
        heed_param_info info = heed_model_param(model, i);
        if (info.buffer || info.alias_of >= 0)
            continue;
        compare(r, golden_find(&r->g, "grad", info.path), heed_grads_of(grads, heed_model_find(model, info.path)), r->dtype,
                &r->gradients);
        found++;
    }
    for (int i = 0; i < r->g.n; i++)
        wanted += strncmp(r->g.tensor[i].name, "grad.", strlen("grad.")) == 0;
    if (found != wanted)
        parity_fail(r, "%d gradients were compared, PyTorch has %d", found, wanted);
    return found;
}

static int outputs_of(const parity_run *r) {
    int outputs = 0;
    for (int i = 0; i < r->g.n; i++)
        outputs += strncmp(r->g.tensor[i].name, "out.", strlen("out.")) == 0;
    return outputs;
}

/* With the file read and the layer's memory there. Returns how many tensors were compared. */
static int run(const parity_case *c, parity_run *r, void *layer) {
    heed_model *model = heed_model_new();
    int compared = 0;
    c->declare(layer, heed_model_root(model), c->options);
    if (heed_model_build(model, r->dtype, 1)) {
        parity_fail(r, "%s", heed_model_error_text(model));
    } else {
        heed_grads *grads = heed_grads_new(model);
        set_parameters(r, model);
        c->forward(layer, r, c->options);
        if (heed_backward(r->t, r->loss, grads))
            parity_fail(r, "%s", heed_error_text(r->t));
        else
            compared = compare_gradients(r, model, grads) + outputs_of(r);
        heed_grads_free(grads);
    }
    heed_model_free(model);
    return compared;
}

parity_result parity_check(const parity_set *set, const parity_case *c, heed_dtype dtype) {
    parity_result result = {.outputs = NAN, .gradients = NAN, .failure = "out of memory"};
    parity_run *r = calloc(1, sizeof *r);
    void *layer = calloc(1, set->room);
    if (r && layer) {
        char path[PARITY_TEXT];
        snprintf(path, sizeof path, "tests/golden/%s.txt", set->name);
        r->dtype = dtype;
        r->t = heed_tape_new();
        if (golden_read(&r->g, path, c->name))
            result.compared = run(c, r, layer);
        else
            parity_fail(r, "%s has no such case", path);
        result.outputs = r->outputs;
        result.gradients = r->gradients;
        memcpy(result.failure, r->failure, sizeof result.failure);
        golden_free(&r->g);
        heed_tape_free(r->t);
    }
    free(layer);
    free(r);
    return result;
}
