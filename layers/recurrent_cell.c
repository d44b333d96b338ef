#include <heed/layers/recurrent_cell.h>
#include <heed/ops.h>

#include <math.h>
#include <stdio.h>

#include "recurrent_internal.h"

/* gates: under which names a watcher finds them, in their order. */
static const struct {
    const char *name;
    const char *gates[4];
} kinds[HEED_CELL_KINDS] = {
    [HEED_RNN_TANH] = {.name = "rnn"},
    [HEED_RNN_RELU] = {.name = "rnn_relu"},
    [HEED_GRU] = {.name = "gru", .gates = {"r", "z", "n"}},
    [HEED_LSTM] = {.name = "lstm", .gates = {"i", "f", "g", "o"}},
};

static bool known(heed_cell_kind kind) {
    return (int)kind >= 0 && (int)kind < HEED_CELL_KINDS;
}

const char *heed_cell_kind_name(heed_cell_kind kind) {
    return known(kind) ? kinds[kind].name : NULL;
}

/* ---- declaring ---- */

static heed_param declare_bias(const heed_cell *cell, const char *name, int64_t rows, heed_init init) {
    heed_param bias = heed_param_new(&cell->module, name, HEED_SHAPE(rows), init);
    heed_param_set_group(bias, "no_decay");
    return bias;
}

void heed_cell_init(heed_cell *cell, const heed_module *parent, const char *name, heed_cell_options options) {
    *cell = (heed_cell){.options = options};
    heed_module_init(&cell->module, parent, name);
    const heed_module *module = &cell->module;
    int64_t inputs = options.inputs, hidden = options.hidden, rows;
    if (!known(options.kind)) {
        heed_module_fail(module, "%d is no kind of cell", (int)options.kind);
        return;
    }
    if (inputs < 1 || hidden < 1 || __builtin_mul_overflow(hidden, heed_cell_gates(options.kind), &rows)) {
        heed_module_fail(module, "inputs %lld and hidden %lld must be positive, %d hidden countable", (long long)inputs,
                         (long long)hidden, heed_cell_gates(options.kind));
        return;
    }
    double bound = 1 / sqrt((double)hidden);
    heed_init init = heed_init_uniform(-bound, bound);
    cell->w_i = heed_param_new(module, "w_i", HEED_SHAPE(rows, inputs), init);
    cell->w_h = heed_param_new(module, "w_h", HEED_SHAPE(rows, hidden), init);
    if (options.no_bias)
        return;
    cell->b_i = declare_bias(cell, "b_i", rows, init);
    cell->b_h = declare_bias(cell, "b_h", rows, init);
}

/* ---- what fits ---- */

static bool must_be(heed_tape *t, heed_tensor x, const char *what, heed_shape shape) {
    heed_shape is = heed_shape_of(t, x);
    if (heed_rank(t, x) < 0 || heed_shape_equal(is, shape)) /* of a stale handle ops will say so */
        return true;
    heed_fail_tape(t, HEED_INVALID, "%s is %s; it must be %s", what, HEED_SHAPE_STR(is), HEED_SHAPE_STR(shape));
    return false;
}

bool heed_state_fits(heed_tape *t, const char *what, heed_state state, heed_cell_kind kind, heed_shape shape) {
    const bool h = !heed_is_nil(state.h), c = !heed_is_nil(state.c);
    char h_name[32], c_name[32];
    snprintf(h_name, sizeof h_name, "%s.h", what);
    snprintf(c_name, sizeof c_name, "%s.c", what);
    if (c && kind != HEED_LSTM)
        heed_fail_tape(t, HEED_INVALID, "%s is given; only an lstm has c, this is of kind %s", c_name,
                       heed_cell_kind_name(kind));
    else if (h != c && kind == HEED_LSTM)
        heed_fail_tape(t, HEED_INVALID, "%s is given without %s; an lstm takes both or neither", h ? h_name : c_name,
                       h ? c_name : h_name);
    else
        return must_be(t, state.h, h_name, shape) && must_be(t, state.c, c_name, shape);
    return false;
}

heed_state heed_state_zeros(heed_tape *t, heed_cell_kind kind, heed_dtype dtype, heed_shape shape) {
    heed_tensor zeros = heed_zeros(t, dtype, shape);
    return (heed_state){.h = zeros, .c = kind == HEED_LSTM ? zeros : HEED_NIL};
}

/* ---- using ---- */

static heed_tensor bias_of(const heed_cell *cell, heed_tape *t, heed_param bias) {
    return cell->options.no_bias ? HEED_NIL : heed_use(t, bias);
}

heed_tensor heed_cell_from_input(const heed_cell *cell, heed_tape *t, heed_tensor x) {
    heed_enter(t, &cell->module);
    heed_tensor in = heed_linear(t, x, heed_use(t, cell->w_i), bias_of(cell, t, cell->b_i));
    heed_leave(t);
    return in;
}

static bool gates_are_watched(const heed_cell *cell, const heed_tape *t) {
    bool any = false;
    for (int g = 0; g < 4 && kinds[cell->options.kind].gates[g]; g++)
        any = any || heed_watching(t, kinds[cell->options.kind].gates[g]);
    return any;
}

/* Step i of (B, T, width), or all of (B, width). */
static heed_tensor at_step(heed_tape *t, heed_tensor x, int64_t i) {
    return heed_rank(t, x) == 3 ? heed_select(t, x, 1, i) : x;
}

static void show(heed_tape *t, const char *name, heed_tensor x, int64_t i) {
    if (!heed_is_nil(x) && heed_watching(t, name))
        heed_watch(t, name, at_step(t, x, i));
}

/* What a watcher of single steps would have seen. gates: HEED_NIL where nobody asked for them. */
static void show_step(const heed_cell *cell, heed_tape *t, int64_t i, heed_tensor gates, heed_state states) {
    const int64_t H = cell->options.hidden;
    for (int g = 0; !heed_is_nil(gates) && g < 4 && kinds[cell->options.kind].gates[g]; g++)
        show(t, kinds[cell->options.kind].gates[g], heed_slice(t, gates, -1, g * H, (g + 1) * H), i);
    show(t, "c", states.c, i);
    show(t, "h", states.h, i);
}

static heed_state run(const heed_cell *cell, heed_tape *t, heed_cell_reading reading) {
    heed_state states = {.h = HEED_NIL};
    heed_tensor gates = HEED_NIL;
    if (heed_rank(t, reading.from_input) < 0) /* the tape says why */
        return states;
    heed_recurrence_options options = {.kind = cell->options.kind, .reverse = reading.reverse, .h = reading.start.h,
                                       .c = reading.start.c, .padding = reading.padding, .cells = &states.c,
                                       .gates = gates_are_watched(cell, t) ? &gates : NULL};
    states.h = heed_recurrence(t, reading.from_input, heed_use(t, cell->w_h), bias_of(cell, t, cell->b_h), options);
    if (heed_is_nil(states.h))
        return states;
    const int64_t T = heed_rank(t, states.h) == 3 ? heed_size(t, states.h, 1) : 1;
    for (int64_t i = 0; i < T; i++)
        show_step(cell, t, reading.reverse ? T - 1 - i : i, gates, states);
    return states;
}

heed_state heed_cell_run(const heed_cell *cell, heed_tape *t, heed_cell_reading reading) {
    heed_enter(t, &cell->module);
    heed_state states = run(cell, t, reading);
    heed_leave(t);
    return states;
}

heed_state heed_cell_next(const heed_cell *cell, heed_tape *t, heed_tensor from_input, heed_state state) {
    return heed_cell_run(cell, t, (heed_cell_reading){.from_input = from_input, .start = state});
}

static bool step_fits(const heed_cell *cell, heed_tape *t, heed_tensor x, heed_state state) {
    const heed_cell_options *o = &cell->options;
    int64_t B = heed_size(t, x, 0);
    if (heed_rank(t, x) < 0)
        return true;
    if (heed_rank(t, x) == 2 && heed_size(t, x, 1) == o->inputs)
        return heed_state_fits(t, "state", state, o->kind, HEED_SHAPE(B, o->hidden));
    heed_fail_tape(t, HEED_INVALID, "x is %s; it must be (batch, %lld)", HEED_SHAPE_STR(heed_shape_of(t, x)),
                   (long long)o->inputs);
    return false;
}

heed_tensor heed_cell_step(const heed_cell *cell, heed_tape *t, heed_tensor x, heed_state *state) {
    heed_enter(t, &cell->module);
    bool fits = step_fits(cell, t, x, *state);
    heed_leave(t);
    heed_tensor in = fits ? heed_cell_from_input(cell, t, x) : HEED_NIL;
    heed_state next = {.h = HEED_NIL};
    if (!heed_is_nil(in)) {
        if (heed_is_nil(state->h))
            *state = heed_state_zeros(t, cell->options.kind, heed_dtype_of(t, in),
                                      HEED_SHAPE(heed_size(t, x, 0), cell->options.hidden));
        next = heed_cell_next(cell, t, in, *state);
    }
    *state = next;
    return next.h;
}
