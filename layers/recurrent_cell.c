#include <heed/layers/recurrent_cell.h>
#include <heed/ops.h>

#include <math.h>
#include <stdio.h>

#include "recurrent_internal.h"

/* ---- the formulas: in is W_i x + b_i, from is W_h h + b_h, (B, G hidden) each ---- */

static heed_state rnn_tanh(heed_tape *t, heed_tensor in, heed_tensor from, heed_state s) {
    s.h = heed_tanh(t, heed_add(t, in, from));
    return s;
}

static heed_state rnn_relu(heed_tape *t, heed_tensor in, heed_tensor from, heed_state s) {
    s.h = heed_relu(t, heed_add(t, in, from));
    return s;
}

static heed_state gru(heed_tape *t, heed_tensor in, heed_tensor from, heed_state s) {
    heed_tensor i[3], h[3]; /* for r, z, n: (B, hidden) each */
    heed_split(t, in, -1, 3, NULL, i);
    heed_split(t, from, -1, 3, NULL, h);
    heed_tensor r = heed_watch(t, "r", heed_sigmoid(t, heed_add(t, i[0], h[0])));
    heed_tensor z = heed_watch(t, "z", heed_sigmoid(t, heed_add(t, i[1], h[1])));
    heed_tensor n = heed_watch(t, "n", heed_tanh(t, heed_add(t, i[2], heed_mul(t, r, h[2]))));
    s.h = heed_add(t, n, heed_mul(t, z, heed_sub(t, s.h, n))); /* (1 - z) n + z h */
    return s;
}

static heed_state lstm(heed_tape *t, heed_tensor in, heed_tensor from, heed_state s) {
    heed_tensor gate[4]; /* i, f, g, o before their functions: (B, hidden) each */
    heed_split(t, heed_add(t, in, from), -1, 4, NULL, gate);
    heed_tensor i = heed_watch(t, "i", heed_sigmoid(t, gate[0]));
    heed_tensor f = heed_watch(t, "f", heed_sigmoid(t, gate[1]));
    heed_tensor g = heed_watch(t, "g", heed_tanh(t, gate[2]));
    heed_tensor o = heed_watch(t, "o", heed_sigmoid(t, gate[3]));
    s.c = heed_watch(t, "c", heed_add(t, heed_mul(t, f, s.c), heed_mul(t, i, g)));
    s.h = heed_mul(t, o, heed_tanh(t, s.c));
    return s;
}

static const struct {
    const char *name;
    int gates;
    heed_state (*next)(heed_tape *t, heed_tensor in, heed_tensor from, heed_state s);
} kinds[HEED_CELL_KINDS] = {
    [HEED_RNN_TANH] = {"rnn", 1, rnn_tanh},
    [HEED_RNN_RELU] = {"rnn_relu", 1, rnn_relu},
    [HEED_GRU] = {"gru", 3, gru},
    [HEED_LSTM] = {"lstm", 4, lstm},
};

static bool known(heed_cell_kind kind) {
    return (int)kind >= 0 && (int)kind < HEED_CELL_KINDS;
}

const char *heed_cell_kind_name(heed_cell_kind kind) {
    return known(kind) ? kinds[kind].name : NULL;
}

int heed_cell_gates(heed_cell_kind kind) {
    return known(kind) ? kinds[kind].gates : 0;
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
    if (inputs < 1 || hidden < 1 || __builtin_mul_overflow(hidden, kinds[options.kind].gates, &rows)) {
        heed_module_fail(module, "inputs %lld and hidden %lld must be positive, %d hidden countable", (long long)inputs,
                         (long long)hidden, kinds[options.kind].gates);
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

heed_state heed_cell_next(const heed_cell *cell, heed_tape *t, heed_tensor from_input, heed_state state) {
    heed_state next = {.h = HEED_NIL};
    heed_enter(t, &cell->module);
    heed_tensor from = heed_linear(t, state.h, heed_use(t, cell->w_h), bias_of(cell, t, cell->b_h));
    if (!heed_is_nil(from)) /* so of a known kind */
        next = kinds[cell->options.kind].next(t, from_input, from, state);
    next.h = heed_watch(t, "h", next.h);
    heed_leave(t);
    return next;
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
