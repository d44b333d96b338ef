/* The encoder-decoder against one put together from PyTorch's recurrent layers and the papers' formulas. */
#include "parity.h"

typedef union room {
    heed_seq2seq seq2seq;
} room;

static void declare(void *layer, const heed_module *root, const void *options) {
    room *l = layer;
    heed_seq2seq_options o = *(const heed_seq2seq_options *)options;
    o.source_vocabulary = 6;
    o.target_vocabulary = 7;
    o.d_embedding = 3;
    o.decoder_hidden = 4;
    o.start = 1;
    o.stop = 2;
    o.attention.score.longest = 9;
    o.attention.reach = o.attention.window == HEED_WINDOW_GLOBAL ? 0 : 2;
    heed_seq2seq_init(&l->seq2seq, root, "layer", o);
}

static void forward(const void *layer, parity_run *r, const void *options) {
    const room *l = layer;
    const heed_seq2seq_options *o = options;
    heed_tensor source = parity_given(r, "source"), target = parity_given(r, "target"), weights;
    heed_tensor logits = heed_seq2seq_forward(&l->seq2seq, r->t, source, target, 0, &weights);
    parity_produced(r, "logits", logits);
    parity_produced(r, "loss", heed_reshape(r->t, heed_seq2seq_loss(&l->seq2seq, r->t, logits, target), HEED_SHAPE(1)));
    if (!o->no_attention)
        parity_produced(r, "weights", weights);
}

#define CASE(name, k, hidden, ...) {"seq2seq_" name, declare, forward, &(heed_seq2seq_options){.kind = k, .encoder_hidden = hidden, __VA_ARGS__}}
#define BY(k) .attention = {.score = {.kind = k}}

static const parity_case cases[] = {
    CASE("none_gru", HEED_GRU, 4, .no_attention = true),
    CASE("dot_rnn", HEED_RNN_TANH, 4, BY(HEED_SCORE_DOT)),
    CASE("scaled_dot_lstm", HEED_LSTM, 4, BY(HEED_SCORE_SCALED_DOT), .encoder_layers = 2, .decoder_layers = 2),
    CASE("general_lstm_both", HEED_LSTM, 3, BY(HEED_SCORE_GENERAL), .encoder_layers = 2, .bidirectional = true),
    CASE("additive_gru_both_fed", HEED_GRU, 3, BY(HEED_SCORE_ADDITIVE), .bidirectional = true, .input_feeding = true),
    CASE("concat_lstm_fed", HEED_LSTM, 3, BY(HEED_SCORE_CONCAT), .decoder_layers = 2, .input_feeding = true),
    CASE("location_relu", HEED_RNN_RELU, 3, BY(HEED_SCORE_LOCATION)),
    CASE("cosine_gru_fed", HEED_GRU, 4, BY(HEED_SCORE_COSINE), .input_feeding = true),
    CASE("monotonic_gru", HEED_GRU, 3, .attention = {.score = {.kind = HEED_SCORE_ADDITIVE}, .window = HEED_WINDOW_MONOTONIC}),
    CASE("predictive_lstm_fed", HEED_LSTM, 3, .attention = {.score = {.kind = HEED_SCORE_GENERAL}, .window = HEED_WINDOW_PREDICTIVE},
         .bidirectional = true, .input_feeding = true),
    CASE("none_lstm_fed", HEED_LSTM, 3, .no_attention = true, .input_feeding = true),
};

const parity_set parity_states = {"states", cases, sizeof cases / sizeof *cases, sizeof(room)};
