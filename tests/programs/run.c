/* A program through the library, held against the oracle. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trial.h"

runner *runner_new(void) {
    runner *r = calloc(1, sizeof *r);
    if (r == NULL)
        exit(2);
    r->t = heed_tape_new();
    r->other = heed_tape_new();
    r->stale = heed_zeros(r->t, HEED_F32, HEED_SHAPE(2, 3));
    r->foreign = heed_zeros(r->other, HEED_F32, HEED_SHAPE(2, 3));
    heed_tape_reset(r->t);
    return r;
}

void runner_free(runner *r) {
    heed_tape_free(r->t);
    heed_tape_free(r->other);
    free(r);
}

bool program_has_parameters(const program *p) {
    bool has = false;
    for (int k = 0; k < p->n; k++)
        has = has || p->at[k].n_params > 0;
    return has;
}

bool trial_fail(trial *x, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(x->why, MOST_WHY, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- the model ---- */

static bool set_parameters(trial *x) {
    for (int k = 0; k < x->p->n; k++)
        for (int i = 0; i < x->p->at[k].n_params; i++) {
            const parameter *own = &x->p->at[k].param[i];
            char path[64];
            snprintf(path, sizeof path, own->name[0] ? "s%d.%s" : "s%d", k, own->name);
            const heed_param found = heed_model_find(x->model, path);
            if (found.model == NULL || heed_param_set(found, own->values, heed_shape_count(own->shape)))
                return trial_fail(x, "the model has no parameter %s of shape %s", path, HEED_SHAPE_STR(own->shape));
        }
    return true;
}

static bool build_model(trial *x) {
    x->model = heed_model_new();
    for (int k = 0; k < x->p->n; k++) {
        char name[16];
        snprintf(name, sizeof name, "s%d", k);
        if (x->p->at[k].n_params > 0)
            declare_layer(&x->p->at[k], heed_model_root(x->model), name, &x->layers[k], &x->params[k]);
    }
    if (heed_model_build(x->model, x->p->model_dtype, 1))
        return trial_fail(x, "the model cannot be built: %s", heed_model_error_text(x->model));
    return set_parameters(x);
}

/* ---- calls ---- */

heed_tensor trial_handle(const trial *x, ref at) {
    return at == ABSENT ? HEED_NIL : at == STALE ? x->r->stale : at == FOREIGN ? x->r->foreign : x->value[at];
}

void trial_start(trial *x) {
    heed_tape *t = x->r->t;
    heed_tape_reset(t);
    heed_full(t, HEED_F64, HEED_SHAPE(8192), NAN);
    heed_tape_reset(t);
    heed_tape_set_seed(t, x->p->seed);
    heed_tape_set_step(t, x->p->number);
    heed_tape_set_threads(t, x->p->threads);
    heed_tape_set_training(t, x->p->training);
    heed_tape_set_anomaly(t, x->p->anomaly);
    memset(x->value, 0, sizeof x->value);
}

void trial_call(trial *x, int k) {
    const statement *s = &x->p->at[k];
    heed_tensor in[MOST_IN], out[HEED_MAX_OUTPUTS] = {HEED_NIL};
    for (int i = 0; i < s->n_in; i++)
        in[i] = trial_handle(x, s->in[i]);
    const calling c = {.t = x->r->t, .s = s, .in = in, .param = x->params[k], .layer = &x->layers[k]};
    const bool was = heed_tape_set_recording(x->r->t, !s->off_record);
    s->op->call(&c, out);
    heed_tape_set_recording(x->r->t, was);
    for (int i = 0; i < s->n_out; i++)
        x->value[k * MOST_OUT + i] = out[i];
    if (s->kept)
        heed_keep_grad(x->r->t, out[0]);
}

static double element(heed_dtype dtype, const void *data, int64_t i) {
    switch (dtype) {
    case HEED_F32: return (double)((const float *)data)[i];
    case HEED_F64: return ((const double *)data)[i];
    case HEED_I32: return ((const int32_t *)data)[i];
    case HEED_BOOL: return ((const bool *)data)[i];
    default: return (double)heed_bf16_to_float(((const uint16_t *)data)[i]);
    }
}

/* ---- values ---- */

static bool drops(const trial *x, const statement *s) {
    return s->op->work == work_dropout && x->p->training && s->real[0] > 0 && s->real[0] < 1;
}

static void see_dropped(trial *x, int k) {
    const statement *s = &x->p->at[k];
    if (!drops(x, s))
        return;
    const heed_tensor y = x->value[k * MOST_OUT];
    const int64_t n = heed_count(x->r->t, y);
    bool *dropped = pool_take(x->memory, (size_t)n + 1, sizeof *dropped);
    const void *data = heed_data(x->r->t, y);
    for (int64_t i = 0; i < n; i++)
        dropped[i] = element(heed_dtype_of(x->r->t, y), data, i) == 0;
    x->dropped[k] = dropped;
}

static bool same_values(trial *x, int k, int i, const known *want, heed_tensor y) {
    heed_tape *t = x->r->t;
    const void *data = heed_data(t, y);
    const double least = want->dtype == HEED_F32 ? 1e-37 : 1e-300;
    for (int64_t j = 0; j < want->count; j++) {
        const double got = element(want->dtype, data, j), error = fabs(got - want->at[j].v);
        const bool exact = want->at[j].e == 0;
        if (!(error <= (exact ? 0 : 4 * want->at[j].e + least)))
            return trial_fail(x, "statement %d, %s: element %lld of output %d is %.17g; it should be %.17g within %.3g", k,
                        x->p->at[k].op->name, (long long)j, i, got, want->at[j].v, 4 * want->at[j].e);
    }
    return true;
}

static bool same_output(trial *x, int k, int i) {
    heed_tape *t = x->r->t;
    const known *want = &x->o.value[k * MOST_OUT + i];
    const heed_tensor y = x->value[k * MOST_OUT + i];
    const char *name = x->p->at[k].op->name;
    if (heed_dtype_of(t, y) != want->dtype || !oracle_same_shape(heed_shape_of(t, y), want->shape))
        return trial_fail(x, "statement %d, %s: output %d is %s %s; it should be %s %s", k, name, i,
                    heed_dtype_name(heed_dtype_of(t, y)), HEED_SHAPE_STR(heed_shape_of(t, y)),
                    heed_dtype_name(want->dtype), HEED_SHAPE_STR(want->shape));
    if (heed_needs_grad(t, y) != want->needs)
        return trial_fail(x, "statement %d, %s: heed_needs_grad of output %d is %d", k, name, i, !want->needs);
    const double weight = heed_weight(t, y);
    if (!(fabs(weight - want->weight) <= 1e-6 * fabs(want->weight)))
        return trial_fail(x, "statement %d, %s: its weight is %g; it should be %g", k, name, weight, want->weight);
    return same_values(x, k, i, want, y);
}

static bool say_error(trial *x, int k) {
    return trial_fail(x, "statement %d, %s: refused though it fits: %s", k, x->p->at[k].op->name, heed_error_text(x->r->t));
}

/* Where the tape looks for what is not finite, zeros that a dropout made may give it. */
static bool dropped_to_nothing(const trial *x, int k) {
    bool any = false;
    for (int i = 0; i < k; i++)
        any = any || drops(x, &x->p->at[i]);
    return any && heed_tape_status(x->r->t) == HEED_NOT_FINITE;
}

/* Calls all statements but the broken one, then compares each with the oracle. */
static outcome run_forward(trial *x) {
    const program *p = x->p;
    trial_start(x);
    for (int k = 0; k < p->n; k++) {
        if (k == p->broken)
            continue;
        trial_call(x, k);
        if (dropped_to_nothing(x, k))
            return SKIPPED;
        if (heed_tape_status(x->r->t))
            return say_error(x, k), FAILED;
        see_dropped(x, k);
    }
    for (int k = 0; k < p->n; k++) {
        if (k == p->broken)
            continue;
        const verdict v = oracle_step(&x->o, k, x->dropped[k]);
        if (v == UNSURE)
            return SKIPPED;
        if (v == REFUSED)
            return trial_fail(x, "statement %d, %s: not refused: %s", k, p->at[k].op->name, x->o.reason), FAILED;
        for (int i = 0; i < p->at[k].n_out; i++)
            if (!same_output(x, k, i))
                return FAILED;
    }
    return AGREES;
}

/* ---- backward ---- */

/* sum g_i v_i; *size gets the sum of magnitudes. */
static double along(heed_dtype dtype, const void *g, const double *v, int64_t n, double *size) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double term = element(dtype, g, i) * v[i];
        sum += term;
        *size += fabs(term);
    }
    return sum;
}

/* The part of variables and of what is kept, as the last backward wrote them. */
static bool along_values(trial *x, double *sum, double *size) {
    heed_tape *t = x->r->t;
    *sum = *size = 0;
    for (int k = 0; k < x->p->n; k++) {
        const statement *s = &x->p->at[k];
        const known *y = &x->o.value[k * MOST_OUT];
        if (k == x->p->broken || s->direction == NULL || !y->needs)
            continue;
        const heed_tensor g = heed_grad(t, x->value[k * MOST_OUT]);
        const void *data = heed_data(t, g);
        if (data == NULL || heed_dtype_of(t, g) != y->dtype || !oracle_same_shape(heed_shape_of(t, g), y->shape))
            return trial_fail(x, "the gradient of statement %d, %s, cannot be read: %s", k, s->op->name, heed_error_text(t));
        *sum += along(y->dtype, data, s->direction, y->count, size);
    }
    return true;
}

static double along_parameters(trial *x, heed_grads *g, double *size) {
    double sum = 0;
    *size = 0;
    for (int k = 0; k < x->p->n; k++)
        for (int i = 0; i < x->p->at[k].n_params; i++) {
            const parameter *own = &x->p->at[k].param[i];
            char path[64];
            snprintf(path, sizeof path, own->name[0] ? "s%d.%s" : "s%d", k, own->name);
            const void *data = heed_grads_of(g, heed_model_find(x->model, path));
            sum += along(x->p->model_dtype, data, own->direction, heed_shape_count(own->shape), size);
        }
    return sum;
}

/* What has come together in a heed_grads. */
typedef struct gathered {
    heed_grads *g;
    bool any;
    double along, size; /* its part of g·v */
    double weight;
} gathered;

/* This backward's own part of what was accumulated: the sum, or the average by weights, taken apart again. */
static double own_part(trial *x, gathered *all, double weight, double *slack) {
    double size, after = along_parameters(x, all->g, &size), before = all->along, own = after;
    const double unit = x->p->model_dtype == HEED_F32 ? 0x1p-24 : 0x1p-53;
    if (!all->any || weight < 0) {
        own = all->any ? after - before : after;
        *slack = all->any ? 2 * unit * (size + all->size) : 0;
        all->weight = weight;
    } else {
        const double both = all->weight + weight;
        own = weight > 0 ? (after * both - before * all->weight) / weight : 0;
        *slack = weight > 0 ? 6 * unit * (size * both + all->size * all->weight) / weight : INFINITY;
        all->weight = both;
    }
    all->any = true;
    all->along = after;
    all->size = size;
    return own;
}

heed_status trial_walk(trial *x, const backward *b, heed_grads *g) {
    const heed_backward_options options = {.seed = trial_handle(x, b->seed), .retain = b->retain};
    return heed_backward_with(x->r->t, trial_handle(x, b->of), b->with_grads ? g : NULL, options);
}

static bool same_gradient(trial *x, int i, gathered *all) {
    const backward *b = &x->p->back[i];
    double got, size, slack = 0;
    if (trial_walk(x, b, all->g))
        return trial_fail(x, "backward %d is refused though it fits: %s", i, heed_error_text(x->r->t));
    if (!along_values(x, &got, &size))
        return false;
    if (b->with_grads)
        got += own_part(x, all, x->o.value[b->of].weight, &slack);
    const num want = oracle_slope(&x->o, b);
    const double bound = 4 * (want.f + oracle_walk_error(&x->o) * want.a) + slack + 1e-36;
    if (!(fabs(got - want.d) <= bound))
        return trial_fail(x, "backward %d, of statement %d, %s: along v the gradient is %.17g; it should be %.17g within %.3g", i,
                    b->of / MOST_OUT, x->p->at[b->of / MOST_OUT].op->name, got, want.d, bound);
    return true;
}

/* ---- errors ---- */

/* The bytes of a value, to see that nothing writes to them. */
typedef struct snapshot {
    const void *data;
    void *copy;
    size_t bytes;
} snapshot;

static snapshot taken(trial *x, const void *data, size_t bytes) {
    snapshot s = {.data = data, .copy = pool_take(x->memory, bytes + 1, 1), .bytes = bytes};
    if (bytes)
        memcpy(s.copy, data, bytes);
    return s;
}

static int take_all(trial *x, int before, snapshot *all) {
    heed_tape *t = x->r->t;
    int n = 0;
    for (int at = 0; at < before * MOST_OUT; at++) {
        const heed_tensor y = x->value[at];
        const int64_t count = heed_count(t, y);
        if (count < 0)
            continue;
        const size_t bytes = (size_t)count * heed_dtype_size(heed_dtype_of(t, y));
        all[n++] = taken(x, heed_data(t, y), bytes);
    }
    all[n++] = taken(x, heed_model_data(x->model), (size_t)heed_model_size(x->model) * heed_dtype_size(x->p->model_dtype));
    return n;
}

static bool unchanged(trial *x, const snapshot *all, int n) {
    for (int i = 0; i < n; i++)
        if (all[i].bytes && memcmp(all[i].data, all[i].copy, all[i].bytes) != 0)
            return trial_fail(x, "an error changed value or parameters number %d", i);
    return true;
}

/* An error of an argument, that names the op, or the layer it is in. */
static bool says_so(trial *x, int k) {
    const statement *s = &x->p->at[k];
    const char *text = heed_error_text(x->r->t);
    char name[64];
    snprintf(name, sizeof name, "s%d", k); /* a layer's path */
    if (s->op->family == OP)
        snprintf(name, sizeof name, "%s", s->op->name);
    if (heed_tape_status(x->r->t) != HEED_INVALID)
        return trial_fail(x, "statement %d, %s: it should be refused (%s); the status is %d: %s", k, s->op->name, x->o.reason,
                    (int)heed_tape_status(x->r->t), text);
    if (s->op->family != LEAF && strstr(text, name) == NULL)
        return trial_fail(x, "statement %d, %s: the error does not name it: %s", k, s->op->name, text);
    for (int i = 0; i < s->n_out; i++)
        if (!heed_is_nil(x->value[k * MOST_OUT + i]))
            return trial_fail(x, "statement %d, %s: it failed, and output %d is not nil", k, s->op->name, i);
    return true;
}

/* Up to the broken statement, which is refused; from then on all is refused, for the first reason. */
static outcome run_broken(trial *x) {
    const program *p = x->p;
    snapshot before[MOST_STATEMENTS * MOST_OUT + 1];
    char text[HEED_ERROR_TEXT];
    trial_start(x);
    for (int k = 0; k < p->broken; k++) {
        trial_call(x, k);
        if (dropped_to_nothing(x, k))
            return SKIPPED;
        if (heed_tape_status(x->r->t))
            return say_error(x, k), FAILED;
        see_dropped(x, k);
        if (oracle_step(&x->o, k, x->dropped[k]) != FINE)
            return SKIPPED;
    }
    const verdict v = oracle_step(&x->o, p->broken, NULL);
    if (v != REFUSED)
        return SKIPPED;
    const int n = take_all(x, p->broken, before);
    trial_call(x, p->broken);
    if (!says_so(x, p->broken))
        return FAILED;
    strcpy(text, heed_error_text(x->r->t));
    for (int k = p->broken + 1; k < p->n; k++) {
        trial_call(x, k);
        for (int i = 0; i < p->at[k].n_out && !may_return_its_input(p->at[k].op); i++)
            if (!heed_is_nil(x->value[k * MOST_OUT + i]))
                return trial_fail(x, "statement %d, %s: not nil on a tape with an error", k, p->at[k].op->name), FAILED;
    }
    heed_grads *g = heed_grads_new(x->model);
    for (int i = 0; i < p->n_backwards; i++)
        if (trial_walk(x, &p->back[i], g) != HEED_INVALID || (p->back[i].with_grads && !heed_grads_poisoned(g)))
            trial_fail(x, "backward %d is not refused on a tape with an error, or does not poison its gradients", i);
    heed_grads_free(g);
    if (strcmp(text, heed_error_text(x->r->t)) != 0)
        trial_fail(x, "the first error does not stick: \"%s\" became \"%s\"", text, heed_error_text(x->r->t));
    return x->why[0] || !unchanged(x, before, n) ? FAILED : AGREES;
}

static bool refuses_backward(trial *x, const backward *b, heed_grads *g) {
    snapshot before[MOST_STATEMENTS * MOST_OUT + 1];
    const int n = take_all(x, x->p->n, before);
    const heed_status status = trial_walk(x, b, g);
    if ((status != HEED_INVALID && status != HEED_STATE) || heed_error_text(x->r->t)[0] == '\0')
        return trial_fail(x, "a backward should be refused (%s); its status is %d", x->o.reason, (int)status);
    if (b->with_grads && !heed_grads_poisoned(g))
        return trial_fail(x, "a backward that failed does not poison its gradients");
    return unchanged(x, before, n);
}

static outcome run_backwards(trial *x) {
    const program *p = x->p;
    gathered all = {.g = heed_grads_new(x->model), .weight = -1};
    bool good = true, fits = true; /* after shrinking, it may not */
    for (int i = 0; i < p->n_backwards && good; i++) {
        if (p->broken != MOST_STATEMENTS + i) {
            fits = oracle_backward(&x->o, &p->back[i], false, all.any, all.weight) == FINE;
            good = fits && same_gradient(x, i, &all);
            continue;
        }
        const backward *b = &p->back[i];
        const bool walked = i > 0 && !p->back[i - 1].retain && p->back[i - 1].of == b->of;
        if (oracle_backward(&x->o, b, walked, all.any, all.weight) == REFUSED)
            good = refuses_backward(x, b, all.g);
    }
    heed_grads_free(all.g);
    return good ? AGREES : fits ? FAILED : SKIPPED;
}

/* ---- all ---- */

/* Once more: the same bits, with another number of threads. */
static bool same_bits(trial *x) {
    program again = *x->p;
    trial y = *x;
    snapshot before[MOST_STATEMENTS * MOST_OUT + 1];
    take_all(x, x->p->n, before);
    heed_tensor *values = pool_take(x->memory, MOST_STATEMENTS * MOST_OUT, sizeof *values);
    memcpy(values, x->value, sizeof x->value);
    again.threads = x->p->threads % 3 + 1;
    y.p = &again;
    trial_start(&y);
    for (int k = 0; k < again.n; k++)
        if (k != again.broken)
            trial_call(&y, k);
    int at = 0;
    for (int i = 0; i < again.n * MOST_OUT; i++) {
        if (heed_is_nil(values[i]))
            continue;
        const snapshot *was = &before[at++];
        const void *data = heed_data(y.r->t, y.value[i]);
        if (data == NULL || (was->bytes && memcmp(data, was->copy, was->bytes) != 0))
            return trial_fail(x, "statement %d, %s: other bits with %d threads than with %d", i / MOST_OUT,
                        again.at[i / MOST_OUT].op->name, again.threads, x->p->threads);
    }
    return true;
}

outcome run_program(runner *r, const program *p, pool *memory, char why[MOST_WHY]) {
    trial *x = pool_take(memory, 1, sizeof *x);
    *x = (trial){.r = r, .p = p, .memory = memory, .why = why};
    x->o = (oracle){.p = p, .memory = memory, .value = pool_take(memory, MOST_STATEMENTS * MOST_OUT, sizeof(known))};
    why[0] = '\0';
    outcome result = build_model(x) ? AGREES : FAILED;
    if (result == AGREES && p->broken >= 0 && p->broken < MOST_STATEMENTS)
        result = run_broken(x);
    if (result == AGREES)
        result = run_forward(x);
    if (result == AGREES)
        result = run_backwards(x);
    const bool clean = result == AGREES && heed_tape_status(r->t) == HEED_OK;
    if (clean && p->number % 8 == 0 && !same_bits(x))
        result = FAILED;
    if (clean && p->number % 4 == 1 && p->broken < 0 && !trial_recomputes(x))
        result = FAILED;
    heed_model_free(x->model);
    return result == AGREES && p->broken >= 0 ? ENDED : result;
}
