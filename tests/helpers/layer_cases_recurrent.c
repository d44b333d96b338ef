/* Recurrent layers. */
#include "layer_table.h"

typedef union room {
    heed_recurrent layers;
    heed_cell cell;
} room;

/* Output and last states side by side, so that all of them are checked at once: (n). */
static heed_tensor together(heed_tape *t, heed_tensor y, heed_state last) {
    heed_tensor parts[3] = {y, last.h, last.c};
    int n = heed_is_nil(last.c) ? 2 : 3;
    for (int i = 0; i < n; i++)
        parts[i] = heed_reshape(t, parts[i], HEED_SHAPE(-1));
    return heed_concat(t, parts, n, 0);
}

/* ---- layers: x, h, c, padding ---- */

static void init_layers(void *layer, const heed_module *root, const void *options) {
    heed_recurrent_init(&((room *)layer)->layers, root, "layer", *(const heed_recurrent_options *)options);
}
static heed_tensor layers(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    (void)options;
    heed_state last;
    heed_tensor y = heed_recurrent_forward(&((const room *)layer)->layers, t, in[0], (heed_state){in[1], in[2]}, in[3], &last);
    return together(t, y, last);
}

/* ---- steps: x (B, T, inputs), h, c ---- */

static heed_tensor steps(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    (void)options;
    heed_state state = {in[1], in[2]};
    heed_tensor y = HEED_NIL;
    for (int64_t i = 0; i < heed_size(t, in[0], 1); i++)
        y = heed_recurrent_step(&((const room *)layer)->layers, t, heed_select(t, in[0], 1, i), &state);
    return together(t, y, state);
}

/* ---- cells: x, h, c ---- */

static void init_cell(void *layer, const heed_module *root, const void *options) {
    heed_cell_init(&((room *)layer)->cell, root, "cell", *(const heed_cell_options *)options);
}
static heed_tensor cell(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    (void)options;
    heed_state state = {in[1], in[2]};
    heed_tensor h = heed_cell_step(&((const room *)layer)->cell, t, in[0], &state);
    return together(t, h, state);
}

/* ---- the table ---- */

#define RUN(what, k, in, padding, ...) {LAYER, what, init_layers, layers, {REAL in, NOTHING, NOTHING, padding}, \
                                        &(heed_recurrent_options){.kind = k, __VA_ARGS__}}
#define FROM(what, k, in, padding, h, ...) {LAYER, what, init_layers, layers, {REAL in, REAL h, STATE_C h, padding}, \
                                            &(heed_recurrent_options){.kind = k, __VA_ARGS__}}
#define STEPS(what, k, in, h, ...) {LAYER, what, init_layers, steps, {REAL in, REAL h, STATE_C h}, \
                                    &(heed_recurrent_options){.kind = k, __VA_ARGS__}}
#define CELL(what, k, in, h, ...) {LAYER, what, init_cell, cell, {REAL in, REAL h, STATE_C h}, &(heed_cell_options){.kind = k, __VA_ARGS__}}
#define ZERO_CELL(what, k, in, ...) {LAYER, what, init_cell, cell, {REAL in}, &(heed_cell_options){.kind = k, __VA_ARGS__}}
#define NO_C(...) NOTHING
#define BOTH .bidirectional = true

/* What every kind is checked with. */
#define EVERY(k) \
    CELL("a cell", k, (3, 4), (3, 5), .inputs = 4, .hidden = 5), \
    CELL("a cell of one", k, (1, 1), (1, 1), .inputs = 1, .hidden = 1), \
    CELL("a cell of 17", k, (2, 3), (2, 17), .inputs = 3, .hidden = 17), \
    CELL("a cell without biases", k, (2, 3), (2, 4), .inputs = 3, .hidden = 4, .no_bias = true), \
    ZERO_CELL("a cell from zero", k, (2, 3), .inputs = 3, .hidden = 4), \
    STEPS("steps", k, (2, 3, 3), (1, 2, 4), .inputs = 3, .hidden = 4), \
    STEPS("steps of two layers", k, (2, 2, 3), (2, 2, 4), .inputs = 3, .hidden = 4, .n_layers = 2), \
    RUN("a sequence", k, (2, 5, 3), NOTHING, .inputs = 3, .hidden = 4), \
    FROM("a sequence from a state", k, (2, 4, 3), NOTHING, (1, 2, 4), .inputs = 3, .hidden = 4), \
    RUN("no biases", k, (2, 4, 3), NOTHING, .inputs = 3, .hidden = 4, .no_bias = true), \
    RUN("padding", k, (3, 5, 3), COINS(3, 5), .inputs = 3, .hidden = 4), \
    FROM("padding, from a state", k, (3, 5, 3), COINS(3, 5), (1, 3, 4), .inputs = 3, .hidden = 4), \
    RUN("two layers", k, (2, 4, 3), NOTHING, .inputs = 3, .hidden = 4, .n_layers = 2), \
    FROM("three layers, padding", k, (2, 3, 3), COINS(2, 3), (3, 2, 2), .inputs = 3, .hidden = 2, .n_layers = 3), \
    RUN("both directions", k, (2, 4, 3), NOTHING, .inputs = 3, .hidden = 3, BOTH), \
    FROM("both directions, padding", k, (3, 4, 3), COINS(3, 4), (2, 3, 2), .inputs = 3, .hidden = 2, BOTH), \
    FROM("both directions twice, padding", k, (2, 3, 3), COINS(2, 3), (4, 2, 2), .inputs = 3, .hidden = 2, BOTH, .n_layers = 2), \
    RUN("dropout", k, (2, 3, 3), NOTHING, .inputs = 3, .hidden = 4, .n_layers = 2, .dropout = 0.4), \
    RUN("70 steps", k, (1, 70, 2), NOTHING, .inputs = 2, .hidden = 3)

static const layer_case cases[] = {
#define STATE_C NO_C
#define LAYER "rnn"
    EVERY(HEED_RNN_TANH),
#undef LAYER
#define LAYER "rnn_relu"
    EVERY(HEED_RNN_RELU),
#undef LAYER
#define LAYER "gru"
    EVERY(HEED_GRU),
#undef LAYER
#undef STATE_C
#define STATE_C REAL
#define LAYER "lstm"
    EVERY(HEED_LSTM),
};

const layer_table layer_cases_recurrent = {cases, sizeof cases / sizeof *cases, sizeof(room)};
