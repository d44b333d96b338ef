/* One run of what is under check: inputs put on the tape as the wiring says, the call, and its values and gradients read
 * out as flat rows of doubles (which hold every f32 and i32 exactly, so comparing them compares bits). */
#include <string.h>

#include "checker_internal.h"

enum { TAPE_SEED = 7, TAPE_STEP = 1 }; /* the same for every run: random ops draw the same numbers */

static void to_doubles(heed_dtype dtype, const void *from, int64_t n, double *to) {
    for (int64_t i = 0; i < n; i++) {
        switch (dtype) {
        case HEED_F32: to[i] = (double)((const float *)from)[i]; break;
        case HEED_F64: to[i] = ((const double *)from)[i]; break;
        case HEED_I32: to[i] = ((const int32_t *)from)[i]; break;
        case HEED_BOOL: to[i] = ((const bool *)from)[i]; break;
        default: to[i] = ((const uint16_t *)from)[i]; break; /* bf16's bits */
        }
    }
}

/* ---- in ---- */

static bool is_variable(const value *v, int i, const wiring *w) {
    return v->wanted && w->record && !(i < 32 && (w->constant >> i & 1));
}

static heed_dtype dtype_in(const value *v, const wiring *w) {
    return v->dtype == HEED_F64 ? w->real : v->dtype;
}

/* The input as the function gets it; *base is the tensor whose gradient is read. False when memory is out. */
static bool put_input(checker *k, const value *v, int i, const wiring *w, heed_tensor *in, heed_tensor *base) {
    heed_tape *t = k->tape;
    *in = *base = HEED_NIL;
    if (v->absent)
        return true;
    heed_dtype dtype = dtype_in(v, w);
    heed_shape shape = v->shape;
    const void *data = v->dtype == HEED_F64 && dtype == HEED_F32 ? v->narrow : v->data;
    window view;
    if (w->layout != LAYOUT_PACKED) {
        view = heed_checker_window(v->shape, w->layout);
        shape = HEED_SHAPE(view.length);
        if ((data = heed_checker_window_fill(k, &view, dtype, data)) == NULL)
            return false;
    }
    *base = is_variable(v, i, w) ? heed_variable(t, dtype, shape, data) : heed_input_borrowed(t, dtype, shape, data);
    *in = w->layout == LAYOUT_PACKED ? *base : heed_checker_view(t, *base, &view);
    return true;
}

static bool put_inputs(checker *k, const subject *s, const wiring *w) {
    heed_tape_reset(k->tape);
    heed_tape_set_seed(k->tape, TAPE_SEED);
    heed_tape_set_step(k->tape, TAPE_STEP);
    heed_tape_set_threads(k->tape, w->threads);
    heed_tape_set_recording(k->tape, w->record);
    for (int i = 0; i < s->n_inputs; i++)
        if (!put_input(k, &s->values[i], i, w, &k->in[i], &k->bases[i]))
            return false;
    if (w->second > w->first)
        k->in[w->second] = k->in[w->first];
    return true;
}

/* ---- out ---- */

/* What the first run at a point shows of the outputs decides where theirs lie in y, and draws the cotangents. */
static bool meet_outputs(checker *k, const subject *s, const heed_tensor *outs, int n) {
    k->n_y = 0;
    for (int o = 0; o < n; o++) {
        heed_dtype dtype = heed_dtype_of(k->tape, outs[o]);
        k->outs[o] = (output){.dtype = dtype, .shape = heed_shape_of(k->tape, outs[o]), .count = heed_count(k->tape, outs[o]), .offset = k->n_y,
                              .differentiated = dtype == HEED_F64 && s->n_wanted > 0};
        k->n_y += k->outs[o].count;
    }
    k->n_outs = n;
    k->u = heed_checker_take(k, k->n_y, sizeof *k->u);
    if (k->u == NULL)
        return false;
    for (int o = 0; o < n; o++)
        for (int64_t i = k->outs[o].offset; i < k->outs[o].offset + k->outs[o].count; i++)
            k->u[i] = !k->outs[o].differentiated ? 0 : heed_rng_u32(s->key, (uint64_t)i) & 1 ? 1 : -1;
    return true;
}

static bool read_outputs(checker *k, const heed_tensor *outs, int n, double *y) {
    for (int o = 0; o < n; o++) {
        if (n != k->n_outs || heed_count(k->tape, outs[o]) != k->outs[o].count) {
            heed_fail_tape(k->tape, HEED_STATE, "the outputs have other sizes than in the run before");
            return false;
        }
        const void *data = heed_data(k->tape, outs[o]);
        if (data == NULL)
            return false;
        to_doubles(heed_dtype_of(k->tape, outs[o]), data, k->outs[o].count, y + k->outs[o].offset);
    }
    return true;
}

/* ---- elsewhere ---- */

/* Adds variables that are used elsewhere to what a scalar is made of. */
static bool use_variables(checker *k, const subject *s, const wiring *w, heed_tensor *used, const double **u, int *n) {
    double *each = heed_checker_take(k, s->n_wanted, sizeof *each);
    if (each == NULL)
        return false;
    for (int64_t i = 0; i < s->n_wanted; i++)
        each[i] = ELSEWHERE;
    for (int i = 0; i < s->n_inputs; i++)
        if (is_variable(&s->values[i], i, w) && (w->elsewhere >> i & 1)) {
            u[*n] = each;
            used[(*n)++] = k->bases[i];
        }
    return true;
}

static bool use_early(checker *k, const subject *s, const wiring *w) {
    heed_tensor used[HEED_SAMPLE_INPUTS];
    const double **u = heed_checker_take(k, HEED_SAMPLE_INPUTS, sizeof *u); /* backward reads it */
    int n = 0;
    if (u == NULL || !use_variables(k, s, w, used, u, &n))
        return false;
    k->early = n ? heed_checker_dot(k->tape, used, u, n, 1) : HEED_NIL;
    return true;
}

/* ---- gradients ---- */

static bool go_backward(checker *k, const subject *s, const wiring *w, const heed_tensor *outs, int n) {
    static const double one = 1;
    heed_tensor differentiated[HEED_MAX_OUTPUTS + HEED_SAMPLE_INPUTS];
    const double *u[HEED_MAX_OUTPUTS + HEED_SAMPLE_INPUTS];
    int used = 0;
    for (int o = 0; o < n; o++) {
        if (!k->outs[o].differentiated || (w->only != ALL_OUTPUTS && w->only != o))
            continue;
        u[used] = k->u + k->outs[o].offset;
        differentiated[used++] = outs[o];
    }
    if (w->elsewhere && !w->early && !use_variables(k, s, w, differentiated, u, &used))
        return false;
    if (w->early && !heed_is_nil(k->early)) {
        u[used] = &one;
        differentiated[used++] = k->early;
    }
    if (s->grads)
        heed_grads_clear(s->grads);
    heed_tensor loss = used ? heed_checker_dot(k->tape, differentiated, u, used, w->twice ? 2 : 1) : HEED_NIL;
    return used && heed_backward(k->tape, loss, s->grads) == HEED_OK;
}

/* A view's gradient lies in its memory's; there, what the view does not show must have stayed zero. */
static bool read_through_window(const value *v, const wiring *w, const double *base, double *g) {
    window view = heed_checker_window(v->shape, w->layout);
    double shown = 0, all = 0;
    for (int64_t i = 0; i < v->count; i++) {
        bool first = !heed_checker_window_repeats(&view, i);
        g[i] = first ? base[heed_checker_window_at(&view, i)] : 0;
        shown += g[i] != 0;
    }
    for (int64_t i = 0; i < view.length; i++)
        all += base[i] != 0;
    return all == shown;
}

static bool read_gradient(checker *k, const subject *s, int i, const wiring *w, outcome *out) {
    const value *v = &s->values[i];
    double *g = out->g + v->offset;
    if (v->param.model) {
        memcpy(g, heed_grads_of(s->grads, v->param), (size_t)v->count * sizeof *g);
        return true;
    }
    heed_tensor gradient = heed_grad(k->tape, k->bases[i]);
    const void *data = heed_data(k->tape, gradient);
    if (data == NULL)
        return false;
    if (w->layout == LAYOUT_PACKED) {
        to_doubles(dtype_in(v, w), data, v->count, g);
        return true;
    }
    int64_t length = heed_count(k->tape, gradient);
    double *base = heed_checker_take(k, length, sizeof *base);
    if (base == NULL)
        return false;
    to_doubles(dtype_in(v, w), data, length, base);
    out->spilled = !read_through_window(v, w, base, g) || out->spilled;
    return true;
}

/* Whatever has no gradient in this run has zeros. */
static bool read_gradients(checker *k, const subject *s, const wiring *w, const heed_tensor *outs, int n,
                           outcome *out) {
    memset(out->g, 0, (size_t)s->n_wanted * sizeof *out->g);
    int variables = 0;
    for (int i = 0; i < s->n_values; i++)
        variables += is_variable(&s->values[i], i, w);
    if (variables == 0)
        return true;
    if (!go_backward(k, s, w, outs, n))
        return false;
    for (int i = 0; i < s->n_values; i++)
        if (is_variable(&s->values[i], i, w) && !read_gradient(k, s, i, w, out))
            return false;
    return true;
}

/* ---- the whole ---- */

bool heed_checker_run(checker *k, const subject *s, wiring w, outcome *out) {
    heed_tensor outs[HEED_MAX_OUTPUTS];
    if (!put_inputs(k, s, &w) || (w.early && !use_early(k, s, &w)))
        return false;
    int n = s->apply(s->context, k->tape, k->in, outs);
    if (n == 0 || heed_tape_status(k->tape) || (k->n_outs < 0 && !meet_outputs(k, s, outs, n)))
        return false;
    if (out->y == NULL && (out->y = heed_checker_take(k, k->n_y, sizeof *out->y)) == NULL)
        return false;
    if (!read_outputs(k, outs, n, out->y))
        return false;
    bool differentiated = false;
    for (int o = 0; o < n; o++)
        differentiated = differentiated || k->outs[o].differentiated;
    if (!w.record || !differentiated)
        return true;
    if (out->g == NULL && (out->g = heed_checker_take(k, s->n_wanted, sizeof *out->g)) == NULL)
        return false;
    return read_gradients(k, s, &w, outs, n, out);
}

bool heed_checker_must_run(checker *k, const subject *s, wiring w, outcome *out, const char *what) {
    bool ran = heed_checker_run(k, s, w, out);
    if (!ran && heed_tape_status(k->tape))
        heed_checker_error(k, "%s: %s", what, heed_error_text(k->tape));
    return ran;
}
