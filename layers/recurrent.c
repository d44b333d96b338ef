#include <heed/layers/recurrent.h>

#include <stdio.h>

#include "recurrent_internal.h"
#include "shared_internal.h"

enum { MOST_LAYERS = 64, MOST_CELLS = 2 * MOST_LAYERS };

static int directions(const heed_recurrent *r) {
    return r->options.bidirectional ? 2 : 1;
}

/* ---- declaring ---- */

static void declare_layer(heed_recurrent *r, int layer) {
    const heed_recurrent_options *o = &r->options;
    const int D = directions(r);
    heed_cell_options cell = {.kind = o->kind, .inputs = o->inputs, .hidden = o->hidden, .no_bias = o->no_bias};
    if (layer > 0 && __builtin_mul_overflow(o->hidden, D, &cell.inputs))
        heed_module_fail(&r->module, "hidden %lld is too large for two directions", (long long)o->hidden);
    for (int d = 0; d < D; d++) {
        char name[32];
        snprintf(name, sizeof name, "l%d%s", layer, d ? "_reverse" : "");
        heed_cell_init(&r->cells[layer * D + d], &r->module, name, cell);
    }
}

void heed_recurrent_init(heed_recurrent *r, const heed_module *parent, const char *name,
                         heed_recurrent_options options) {
    *r = (heed_recurrent){.options = options};
    heed_module_init(&r->module, parent, name);
    if (options.n_layers < 0 || options.n_layers > MOST_LAYERS) {
        heed_module_fail(&r->module, "n_layers %d is not in 1 to %d", options.n_layers, MOST_LAYERS);
        return;
    }
    if (!(options.dropout >= 0 && options.dropout <= 1)) {
        heed_module_fail(&r->module, "dropout %g is not in [0, 1]", options.dropout);
        return;
    }
    if (options.n_layers == 0)
        r->options.n_layers = 1;
    r->cells = heed_module_alloc(&r->module, (size_t)(r->options.n_layers * directions(r)), sizeof *r->cells);
    for (int i = 0; i < r->options.n_layers && r->cells; i++)
        declare_layer(r, i);
    heed_dropout_init(&r->dropout, &r->module, "dropout", options.dropout);
}

/* ---- states: one of (L D, B, hidden) outside, L D of (B, hidden) inside ---- */

static void take_apart(const heed_recurrent *r, heed_tape *t, heed_state start, heed_dtype dtype, int64_t B,
                       heed_state *states) {
    const int n = r->options.n_layers * directions(r);
    for (int i = 0; i < n; i++) {
        if (heed_is_nil(start.h))
            states[i] = i ? states[0] : heed_state_zeros(t, r->options.kind, dtype, HEED_SHAPE(B, r->options.hidden));
        else
            states[i] = (heed_state){.h = heed_select(t, start.h, 0, i),
                                     .c = heed_is_nil(start.c) ? HEED_NIL : heed_select(t, start.c, 0, i)};
    }
}

static heed_state put_together(const heed_recurrent *r, heed_tape *t, const heed_state *states) {
    const int n = r->options.n_layers * directions(r);
    heed_tensor h[MOST_CELLS], c[MOST_CELLS];
    for (int i = 0; i < n; i++) {
        h[i] = states[i].h;
        c[i] = states[i].c;
    }
    return (heed_state){.h = heed_stack(t, h, n, 0), .c = heed_is_nil(c[0]) ? HEED_NIL : heed_stack(t, c, n, 0)};
}

static heed_tensor between_layers(const heed_recurrent *r, heed_tape *t, int layer, heed_tensor y) {
    return layer + 1 < r->options.n_layers ? heed_dropout_forward(&r->dropout, t, y) : y;
}

/* ---- the stack ---- */

/* Where padding is true, 0: not a product, in which NaN would stay NaN. */
static heed_tensor blank(heed_tape *t, heed_tensor padding, heed_tensor x) {
    if (heed_is_nil(padding))
        return x;
    heed_shape column = HEED_SHAPE(heed_size(t, x, 0), heed_size(t, x, 1), 1);
    return heed_where(t, heed_reshape(t, padding, column), heed_zeros(t, heed_dtype_of(t, x), HEED_SCALAR), x);
}

/* x (B, T, width of the layer below) -> (B, T, D hidden); states: the layer's D, from start to last. */
static heed_tensor run_layer(const heed_recurrent *r, heed_tape *t, int layer, heed_tensor x, heed_tensor padding,
                             heed_state *states) {
    const int D = directions(r);
    const int64_t last = heed_size(t, x, 1) - 1;
    heed_tensor out[2] = {HEED_NIL, HEED_NIL};
    for (int d = 0; d < D; d++) {
        const heed_cell *cell = &r->cells[layer * D + d];
        heed_cell_reading reading = {.from_input = heed_cell_from_input(cell, t, x),
                                     .padding = padding,
                                     .start = states[d],
                                     .reverse = d == 1};
        heed_state all = heed_cell_run(cell, t, reading);
        if (heed_is_nil(all.h))
            return HEED_NIL;
        out[d] = all.h;
        states[d].h = heed_select(t, all.h, 1, d == 1 ? 0 : last);
        if (!heed_is_nil(all.c))
            states[d].c = heed_select(t, all.c, 1, d == 1 ? 0 : last);
    }
    return blank(t, padding, D == 2 ? heed_concat(t, out, 2, -1) : out[0]);
}

static bool refuse_x(const heed_recurrent *r, heed_tape *t, heed_tensor x, const char *axes) {
    heed_fail_tape(t, HEED_INVALID, "x is %s; it must be (%s, %lld)", HEED_SHAPE_STR(heed_shape_of(t, x)), axes,
                   (long long)r->options.inputs);
    return false;
}

/* rank: of x, 3 with a time axis, 2 without. */
static bool fits(const heed_recurrent *r, heed_tape *t, heed_tensor x, int rank, const char *what, heed_state state) {
    const heed_recurrent_options *o = &r->options;
    if (r->cells == NULL) {
        heed_fail_tape(t, HEED_STATE, "the layer was refused when it was declared: %s",
                       heed_model_error_text(r->module.model));
        return false;
    }
    if (heed_rank(t, x) < 0)
        return !heed_is_nil(heed_cell_from_input(r->cells, t, x)); /* which says what x is */
    if (heed_rank(t, x) != rank || heed_size(t, x, -1) != o->inputs)
        return refuse_x(r, t, x, rank == 3 ? "batch, steps" : "batch");
    return heed_state_fits(t, what, state, o->kind,
                           HEED_SHAPE(o->n_layers * directions(r), heed_size(t, x, 0), o->hidden));
}

static heed_tensor run(const heed_recurrent *r, heed_tape *t, heed_tensor x, heed_state start, heed_tensor padding,
                       heed_state *last) {
    heed_state states[MOST_CELLS];
    if (!fits(r, t, x, 3, "start", start))
        return HEED_NIL;
    const int D = directions(r);
    const int64_t B = heed_size(t, x, 0), T = heed_size(t, x, 1);
    if (!heed_layer_padding_fits(t, padding, B, T))
        return HEED_NIL;
    take_apart(r, t, start, heed_dtype_of(t, x), B, states);
    heed_tensor y = blank(t, padding, x);
    if (T == 0)
        y = heed_zeros(t, heed_dtype_of(t, x), HEED_SHAPE(B, 0, D * r->options.hidden));
    for (int i = 0; i < r->options.n_layers && T > 0; i++)
        y = between_layers(r, t, i, run_layer(r, t, i, y, padding, &states[i * D]));
    if (last && !heed_is_nil(y))
        *last = put_together(r, t, states);
    return y;
}

heed_tensor heed_recurrent_forward(const heed_recurrent *r, heed_tape *t, heed_tensor x, heed_state start,
                                   heed_tensor padding, heed_state *last) {
    if (last)
        *last = (heed_state){.h = HEED_NIL};
    heed_enter(t, &r->module);
    heed_tensor y = run(r, t, x, start, padding, last);
    heed_leave(t);
    return y;
}

/* ---- one step ---- */

static heed_tensor step(const heed_recurrent *r, heed_tape *t, heed_tensor x, heed_state *state) {
    heed_state states[MOST_CELLS], before = *state;
    *state = (heed_state){.h = HEED_NIL};
    if (r->options.bidirectional)
        return heed_fail_tape(t, HEED_INVALID,
                              "a bidirectional layer has no single step: it needs the sequence's end first");
    if (!fits(r, t, x, 2, "state", before))
        return HEED_NIL;
    take_apart(r, t, before, heed_dtype_of(t, x), heed_size(t, x, 0), states);
    for (int i = 0; i < r->options.n_layers; i++) {
        states[i] = heed_cell_next(&r->cells[i], t, heed_cell_from_input(&r->cells[i], t, x), states[i]);
        x = between_layers(r, t, i, states[i].h);
    }
    if (!heed_is_nil(x))
        *state = put_together(r, t, states);
    return x;
}

heed_tensor heed_recurrent_step(const heed_recurrent *r, heed_tape *t, heed_tensor x, heed_state *state) {
    heed_enter(t, &r->module);
    heed_tensor h = step(r, t, x, state);
    heed_leave(t);
    return h;
}
