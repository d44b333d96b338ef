/* Scores, attention over the states of a recurrent encoder, and the encoder-decoder made of them. */
#include "layer_table.h"

typedef union room {
    heed_score score;
    heed_state_attention state_attention;
    heed_seq2seq seq2seq;
} room;

/* ---- scores: q, k ---- */

static void init_score(void *layer, const heed_module *root, const void *options) {
    room *r = layer;
    heed_score_init(&r->score, root, "score", *(const heed_score_options *)options);
}
static heed_tensor score(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const room *r = layer;
    (void)options;
    return heed_score_forward(&r->score, t, in[0], in[1]);
}

/* ---- attention over states: h, states, padding ---- */

static void init_state_attention(void *layer, const heed_module *root, const void *options) {
    room *r = layer;
    heed_state_attention_init(&r->state_attention, root, "attn", *(const heed_state_attention_options *)options);
}
static heed_tensor state_attention(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const room *r = layer;
    (void)options;
    return heed_state_attention_forward(&r->state_attention, t, in[0], heed_state_attention_memory(&r->state_attention, t, in[1], in[2]), 1, NULL);
}

/* ---- the encoder-decoder: source, target; with sampling 1/2 where the source has an even number of words ---- */

static void init_seq2seq(void *layer, const heed_module *root, const void *options) {
    room *r = layer;
    heed_seq2seq_init(&r->seq2seq, root, "net", *(const heed_seq2seq_options *)options);
}
static heed_tensor seq2seq(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const room *r = layer;
    (void)options;
    return heed_seq2seq_forward(&r->seq2seq, t, in[0], in[1], heed_size(t, in[0], 1) % 2 ? 0 : 0.5, NULL);
}

/* ---- the table ---- */

#define SCORE(what_, k, q, keys, ...) {"score", what_, init_score, score, {REAL q, REAL keys}, &(heed_score_options){.kind = k, __VA_ARGS__}}
#define ATTEND(what_, h, states, padding, k, dq, dk, ...) \
    {"state_attention", what_, init_state_attention, state_attention, {REAL h, REAL states, padding}, \
     &(heed_state_attention_options){.score = {.kind = k, .d_query = dq, .d_key = dk, .d_hidden = 3, .longest = 33}, __VA_ARGS__}}
#define SEQ2SEQ(what_, source, target, k, encoder, decoder, ...) \
    {"seq2seq", what_, init_seq2seq, seq2seq, {TOKENS(6, 2, source), TOKENS(7, 2, target)}, \
     &(heed_seq2seq_options){.source_vocabulary = 6, .target_vocabulary = 7, .d_embedding = 3, .kind = k, .encoder_hidden = encoder, \
                             .decoder_hidden = decoder, .start = 1, .stop = 2, __VA_ARGS__}}
#define BY(k) .attention = {.score = {.kind = k, .longest = 9}}
#define GLOBAL .window = HEED_WINDOW_GLOBAL
#define MONOTONIC .window = HEED_WINDOW_MONOTONIC, .reach = 2
#define PREDICTIVE .window = HEED_WINDOW_PREDICTIVE, .reach = 2

static const layer_case cases[] = {
    SCORE("dot", HEED_SCORE_DOT, (2, 3, 4), (2, 5, 4), .d_query = 4, .d_key = 4),
    SCORE("dot of 17", HEED_SCORE_DOT, (1, 2, 17), (1, 16, 17), .d_query = 17, .d_key = 17),
    SCORE("scaled dot", HEED_SCORE_SCALED_DOT, (2, 3, 4), (2, 5, 4), .d_query = 4, .d_key = 4),
    SCORE("scaled dot, width 1", HEED_SCORE_SCALED_DOT, (2, 1, 1), (2, 2, 1), .d_query = 1, .d_key = 1),
    SCORE("general", HEED_SCORE_GENERAL, (2, 3, 4), (2, 5, 4), .d_query = 4, .d_key = 4),
    SCORE("general, 2 and 15", HEED_SCORE_GENERAL, (2, 3, 2), (2, 5, 15), .d_query = 2, .d_key = 15),
    SCORE("additive", HEED_SCORE_ADDITIVE, (2, 3, 4), (2, 5, 4), .d_query = 4, .d_key = 4),
    SCORE("additive, 3 and 16", HEED_SCORE_ADDITIVE, (2, 1, 3), (2, 4, 16), .d_query = 3, .d_key = 16, .d_hidden = 17),
    SCORE("additive through one", HEED_SCORE_ADDITIVE, (1, 3, 2), (1, 33, 5), .d_query = 2, .d_key = 5, .d_hidden = 1),
    SCORE("concat", HEED_SCORE_CONCAT, (2, 3, 4), (2, 5, 4), .d_query = 4, .d_key = 4),
    SCORE("concat, 15 and 2", HEED_SCORE_CONCAT, (2, 2, 15), (2, 3, 2), .d_query = 15, .d_key = 2, .d_hidden = 5),
    SCORE("location, all places", HEED_SCORE_LOCATION, (2, 3, 4), (2, 5, 6), .d_query = 4, .d_key = 6, .longest = 5),
    SCORE("location, not all", HEED_SCORE_LOCATION, (2, 3, 4), (2, 2, 1), .d_query = 4, .d_key = 1, .longest = 17),
    SCORE("cosine", HEED_SCORE_COSINE, (2, 3, 4), (2, 5, 4), .d_query = 4, .d_key = 4),
    SCORE("cosine of 33", HEED_SCORE_COSINE, (1, 2, 33), (1, 3, 33), .d_query = 33, .d_key = 33),

    ATTEND("one state", (2, 4), (2, 5, 4), NOTHING, HEED_SCORE_DOT, 4, 4, GLOBAL),
    ATTEND("one to look at", (2, 3), (2, 1, 3), NOTHING, HEED_SCORE_DOT, 3, 3, GLOBAL),
    ATTEND("width 1", (2, 1), (2, 6, 1), NOTHING, HEED_SCORE_DOT, 1, 1, GLOBAL),
    ATTEND("many states", (2, 3, 4), (2, 5, 4), NOTHING, HEED_SCORE_DOT, 4, 4, GLOBAL),
    ATTEND("width 17", (2, 2, 17), (2, 3, 17), NOTHING, HEED_SCORE_DOT, 17, 17, GLOBAL),
    ATTEND("33 to look at", (1, 2, 3), (1, 33, 3), NOTHING, HEED_SCORE_DOT, 3, 3, GLOBAL),
    ATTEND("one state, padding", (3, 4), (3, 5, 4), COINS(3, 5), HEED_SCORE_DOT, 4, 4, GLOBAL),
    ATTEND("many states, padding", (3, 2, 4), (3, 5, 4), COINS(3, 5), HEED_SCORE_DOT, 4, 4, GLOBAL),
    ATTEND("scaled dot", (2, 3, 4), (2, 5, 4), COINS(2, 5), HEED_SCORE_SCALED_DOT, 4, 4, GLOBAL),
    ATTEND("general", (2, 3, 4), (2, 5, 6), COINS(2, 5), HEED_SCORE_GENERAL, 4, 6, GLOBAL),
    ATTEND("additive", (2, 3, 4), (2, 5, 6), NOTHING, HEED_SCORE_ADDITIVE, 4, 6, GLOBAL),
    ATTEND("additive, padding", (2, 3, 4), (2, 5, 6), COINS(2, 5), HEED_SCORE_ADDITIVE, 4, 6, GLOBAL),
    ATTEND("concat, padding", (2, 3, 4), (2, 5, 3), COINS(2, 5), HEED_SCORE_CONCAT, 4, 3, GLOBAL),
    ATTEND("location, padding", (2, 3, 4), (2, 5, 3), COINS(2, 5), HEED_SCORE_LOCATION, 4, 3, GLOBAL),
    ATTEND("cosine, padding", (2, 3, 4), (2, 5, 4), COINS(2, 5), HEED_SCORE_COSINE, 4, 4, GLOBAL),
    ATTEND("monotonic, dot", (2, 3, 4), (2, 7, 4), NOTHING, HEED_SCORE_DOT, 4, 4, MONOTONIC),
    ATTEND("monotonic, additive", (2, 3, 4), (2, 7, 2), COINS(2, 7), HEED_SCORE_ADDITIVE, 4, 2, MONOTONIC),
    ATTEND("monotonic, past the end", (2, 5, 4), (2, 2, 4), NOTHING, HEED_SCORE_COSINE, 4, 4, MONOTONIC),
    ATTEND("predictive, dot", (2, 3, 4), (2, 7, 4), NOTHING, HEED_SCORE_DOT, 4, 4, PREDICTIVE),
    ATTEND("predictive, general", (2, 4), (2, 7, 5), MOSTLY(2, 7), HEED_SCORE_GENERAL, 4, 5, PREDICTIVE),
    ATTEND("predictive, concat", (2, 3, 4), (2, 7, 5), MOSTLY(2, 7), HEED_SCORE_CONCAT, 4, 5, PREDICTIVE),
    ATTEND("predictive, location", (2, 3, 4), (2, 7, 5), NOTHING, HEED_SCORE_LOCATION, 4, 5, PREDICTIVE),

    SEQ2SEQ("plain", 3, 4, HEED_GRU, 4, 4, .no_attention = true),
    SEQ2SEQ("one word to one", 1, 1, HEED_GRU, 2, 2, BY(HEED_SCORE_DOT)),
    SEQ2SEQ("dot", 5, 4, HEED_GRU, 4, 4, BY(HEED_SCORE_DOT)),
    SEQ2SEQ("additive, no padding", 5, 3, HEED_GRU, 4, 3, BY(HEED_SCORE_ADDITIVE), .pad = -1),
    SEQ2SEQ("general, both directions", 5, 3, HEED_GRU, 3, 4, BY(HEED_SCORE_GENERAL), .bidirectional = true),
    SEQ2SEQ("concat, fed", 5, 3, HEED_GRU, 4, 4, BY(HEED_SCORE_CONCAT), .input_feeding = true),
    SEQ2SEQ("location, sampled", 6, 4, HEED_GRU, 4, 4, BY(HEED_SCORE_LOCATION)),
    SEQ2SEQ("cosine, fed, sampled", 4, 4, HEED_GRU, 4, 4, BY(HEED_SCORE_COSINE), .input_feeding = true),
    SEQ2SEQ("LSTM, two layers on one", 5, 3, HEED_LSTM, 3, 4, BY(HEED_SCORE_ADDITIVE), .decoder_layers = 2, .input_feeding = true),
    SEQ2SEQ("LSTM, both directions, two layers", 5, 3, HEED_LSTM, 2, 3, BY(HEED_SCORE_GENERAL), .bidirectional = true, .encoder_layers = 2,
            .decoder_layers = 2),
    SEQ2SEQ("LSTM without a bridge", 3, 3, HEED_LSTM, 4, 4, BY(HEED_SCORE_SCALED_DOT), .encoder_layers = 2, .decoder_layers = 2),
    SEQ2SEQ("RNN, monotonic", 5, 3, HEED_RNN_TANH, 4, 4, .attention = {.score = {.kind = HEED_SCORE_ADDITIVE}, MONOTONIC}),
    SEQ2SEQ("RNN, predictive, fed", 5, 3, HEED_RNN_TANH, 4, 4, .attention = {.score = {.kind = HEED_SCORE_GENERAL}, PREDICTIVE},
            .input_feeding = true),
    SEQ2SEQ("dropout, fed", 5, 3, HEED_GRU, 4, 4, BY(HEED_SCORE_ADDITIVE), .input_feeding = true, .dropout = 0.25),
    SEQ2SEQ("70 words, fed", 1, 70, HEED_GRU, 2, 2, BY(HEED_SCORE_DOT), .input_feeding = true),
};

const layer_table layer_cases_states = {cases, sizeof cases / sizeof *cases, sizeof(room)};
