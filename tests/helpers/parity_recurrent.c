/* Recurrent layers against torch.nn.RNN, GRU and LSTM and their cells. */
#include "parity.h"

typedef union room {
    heed_recurrent layers;
    heed_cell cell;
} room;

static heed_state given_state(parity_run *r) {
    heed_tensor h = parity_given(r, "start_h");
    return (heed_state){.h = h, .c = parity_given(r, "start_c")};
}

static void produced_state(parity_run *r, heed_state state, heed_cell_kind kind) {
    parity_produced(r, "h", state.h);
    if (kind == HEED_LSTM)
        parity_produced(r, "c", state.c);
}

static void declare_layers(void *layer, const heed_module *root, const void *options) {
    heed_recurrent_init(&((room *)layer)->layers, root, "layer", *(const heed_recurrent_options *)options);
}
static void forward_layers(const void *layer, parity_run *r, const void *options) {
    const room *l = layer;
    heed_tensor x = parity_given(r, "x");
    heed_state start = given_state(r), last;
    parity_produced(r, "y", heed_recurrent_forward(&l->layers, r->t, x, start, parity_given(r, "padding"), &last));
    produced_state(r, last, ((const heed_recurrent_options *)options)->kind);
}

static void declare_cell(void *layer, const heed_module *root, const void *options) {
    heed_cell_init(&((room *)layer)->cell, root, "layer", *(const heed_cell_options *)options);
}
static void forward_cell(const void *layer, parity_run *r, const void *options) {
    const room *l = layer;
    heed_tensor x = parity_given(r, "x");
    heed_state state = given_state(r);
    heed_cell_step(&l->cell, r->t, x, &state);
    produced_state(r, state, ((const heed_cell_options *)options)->kind);
}

/* ---- the table: every line once for each kind ---- */

#define LAYERS(name, ...) \
    {"rnn_" name, declare_layers, forward_layers, &(heed_recurrent_options){.kind = HEED_RNN_TANH, __VA_ARGS__}}, \
    {"rnn_relu_" name, declare_layers, forward_layers, &(heed_recurrent_options){.kind = HEED_RNN_RELU, __VA_ARGS__}}, \
    {"gru_" name, declare_layers, forward_layers, &(heed_recurrent_options){.kind = HEED_GRU, __VA_ARGS__}}, \
    {"lstm_" name, declare_layers, forward_layers, &(heed_recurrent_options){.kind = HEED_LSTM, __VA_ARGS__}}
#define CELLS(name, ...) \
    {"rnn_" name, declare_cell, forward_cell, &(heed_cell_options){.kind = HEED_RNN_TANH, __VA_ARGS__}}, \
    {"rnn_relu_" name, declare_cell, forward_cell, &(heed_cell_options){.kind = HEED_RNN_RELU, __VA_ARGS__}}, \
    {"gru_" name, declare_cell, forward_cell, &(heed_cell_options){.kind = HEED_GRU, __VA_ARGS__}}, \
    {"lstm_" name, declare_cell, forward_cell, &(heed_cell_options){.kind = HEED_LSTM, __VA_ARGS__}}

static const parity_case cases[] = {
    LAYERS("1", .inputs = 3, .hidden = 3),
    LAYERS("1_one", .inputs = 1, .hidden = 1),
    LAYERS("1_no_bias", .inputs = 3, .hidden = 2, .no_bias = true),
    LAYERS("1_padding", .inputs = 3, .hidden = 2),
    LAYERS("1_both_padding", .inputs = 3, .hidden = 2, .bidirectional = true),
    LAYERS("2_both", .inputs = 3, .hidden = 2, .n_layers = 2, .bidirectional = true),
    LAYERS("2_padding", .inputs = 3, .hidden = 2, .n_layers = 2),
    LAYERS("2_both_no_bias_padding", .inputs = 3, .hidden = 2, .n_layers = 2, .bidirectional = true, .no_bias = true),
    LAYERS("3_no_bias", .inputs = 3, .hidden = 2, .n_layers = 3, .no_bias = true),
    LAYERS("3_padding", .inputs = 3, .hidden = 2, .n_layers = 3),
    LAYERS("3_both", .inputs = 3, .hidden = 2, .n_layers = 3, .bidirectional = true),
    CELLS("cell", .inputs = 3, .hidden = 4),
    CELLS("cell_no_bias", .inputs = 3, .hidden = 4, .no_bias = true),
    CELLS("cell_from_zero", .inputs = 3, .hidden = 4),
};

const parity_set parity_recurrent = {"recurrent", cases, sizeof cases / sizeof *cases, sizeof(room)};
