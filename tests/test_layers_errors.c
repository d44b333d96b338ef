/* What layers say when they are declared or called wrongly, word for word. */
#include <heed/heed.h>

#include <criterion/criterion.h>

#include <math.h>

/* ---- declared wrongly: the model has the error ---- */

static heed_model *model;

#define EXPECT_REFUSED(text) expect_refused(__LINE__, text)
static void expect_refused(int line, const char *text) {
    cr_expect_str_eq(heed_model_error_text(model), text, "line %d: \"%s\"", line, heed_model_error_text(model));
    cr_expect_neq(heed_model_build(model, HEED_F32, 1), HEED_OK, "line %d", line);
    heed_model_free(model);
}

static const heed_module *fresh(void) {
    model = heed_model_new();
    return heed_model_root(model);
}

Test(layers_errors, sizes_that_cannot_be) {
    heed_linear_layer linear;
    heed_linear_init(&linear, fresh(), "out", 64, 0, true);
    EXPECT_REFUSED("out: inputs 64 and outputs 0 must be positive");
    heed_linear_init(&linear, fresh(), "out", -3, 8, false);
    EXPECT_REFUSED("out: inputs -3 and outputs 8 must be positive");
    heed_embedding_layer embedding;
    heed_embedding_init(&embedding, fresh(), "tokens", 0, 8);
    EXPECT_REFUSED("tokens: vocabulary 0 and d 8 must be positive");
    heed_self_attention one;
    heed_self_attention_init(&one, fresh(), "attn", 32, 0);
    EXPECT_REFUSED("attn: d_model 32 and d_k 0 must be positive");
    heed_recurrent gru;
    heed_recurrent_init(&gru, fresh(), "gru", (heed_recurrent_options){.kind = HEED_GRU, .inputs = 4});
    EXPECT_REFUSED("gru.l0: inputs 4 and hidden 0 must be positive, 3 hidden countable");
    heed_layernorm_layer norm;
    heed_layernorm_init(&norm, fresh(), "norm", 0, 1e-5, true);
    EXPECT_REFUSED("norm: d 0 must be positive");
}

Test(layers_errors, options_out_of_range) {
    heed_layernorm_layer norm;
    heed_layernorm_init(&norm, fresh(), "norm", 8, -1, true);
    EXPECT_REFUSED("norm: eps -1 must be 0 or more");
    heed_rmsnorm_layer rms;
    heed_rmsnorm_init(&rms, fresh(), "norm", 8, NAN);
    EXPECT_REFUSED("norm: eps nan must be 0 or more");
    heed_dropout_layer dropout;
    heed_dropout_init(&dropout, fresh(), "drop", 1.5);
    EXPECT_REFUSED("drop: p 1.5 is not in [0, 1]");
    heed_position position;
    heed_position_init(&position, fresh(), "position", HEED_POSITION_SINUSOIDAL, 10, 7);
    EXPECT_REFUSED("position: d 7 must be even: each frequency takes a sine and a cosine");
    heed_position_init(&position, fresh(), "position", HEED_POSITION_LEARNED, 10, 7);
    cr_expect_eq(heed_model_status(model), HEED_OK);
    heed_model_free(model);
}

/* [promises: heads that divide] */
Test(layers_errors, heads_that_do_not_divide) {
    heed_multi_head_attention attn;
    heed_multi_head_attention_init(&attn, fresh(), "attn", (heed_multi_head_options){.d_model = 64, .n_heads = 3});
    EXPECT_REFUSED("attn: n_heads 3 does not divide d_model 64");
    heed_multi_head_attention_init(&attn, fresh(), "attn", (heed_multi_head_options){.d_model = 64});
    EXPECT_REFUSED("attn: n_heads 0 and d_model 64 must be positive");
    heed_multi_head_attention_init(&attn, fresh(), "attn", (heed_multi_head_options){.d_model = 64, .n_heads = 2, .dropout = NAN});
    EXPECT_REFUSED("attn: dropout nan is not in [0, 1]");
}

Test(layers_errors, a_stack_says_which_layer) {
    static heed_encoder encoder;
    static heed_decoder decoder;
    heed_transformer_options options = {.d_model = 16, .d_ff = 32, .n_heads = 5, .n_layers = 2};
    heed_encoder_init(&encoder, fresh(), "encoder", options);
    EXPECT_REFUSED("encoder.0.attn: n_heads 5 does not divide d_model 16");
    options.n_layers = 0;
    heed_decoder_init(&decoder, fresh(), "decoder", options);
    EXPECT_REFUSED("decoder: n_layers 0 is not in 1 to 1024");
    options.n_layers = 1025;
    heed_encoder_init(&encoder, fresh(), "encoder", options);
    EXPECT_REFUSED("encoder: n_layers 1025 is not in 1 to 1024");
}

Test(layers_errors, one_name_twice) {
    heed_linear_layer a, b;
    const heed_module *root = fresh();
    heed_linear_init(&a, root, "out", 4, 4, true);
    heed_linear_init(&b, root, "out", 4, 4, true);
    EXPECT_REFUSED("two modules are called out: give each a name of its own");
}

static void refused_recurrent(heed_recurrent_options options, const char *text) {
    heed_recurrent layer;
    heed_recurrent_init(&layer, fresh(), "lstm", options);
    heed_tape *t = heed_tape_new();
    heed_tensor x = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3, 4));
    cr_expect(heed_is_nil(heed_recurrent_forward(&layer, t, x, (heed_state){.h = HEED_NIL}, HEED_NIL, NULL)), "%s", text);
    heed_tape_free(t);
    EXPECT_REFUSED(text);
}

Test(layers_errors, recurrent_layers_that_cannot_be) {
    const heed_recurrent_options good = {.kind = HEED_LSTM, .inputs = 4, .hidden = 5, .n_layers = 2};
    heed_recurrent_options o = good;
    o.inputs = 0;
    refused_recurrent(o, "lstm.l0: inputs 0 and hidden 5 must be positive, 4 hidden countable");
    o = good, o.hidden = -1;
    refused_recurrent(o, "lstm.l0: inputs 4 and hidden -1 must be positive, 4 hidden countable");
    o = good, o.hidden = INT64_MAX / 2;
    refused_recurrent(o, "lstm.l0: inputs 4 and hidden 4611686018427387903 must be positive, 4 hidden countable");
    o = good, o.n_layers = -1;
    refused_recurrent(o, "lstm: n_layers -1 is not in 1 to 64");
    o = good, o.n_layers = 65;
    refused_recurrent(o, "lstm: n_layers 65 is not in 1 to 64");
    o = good, o.dropout = 1.25;
    refused_recurrent(o, "lstm: dropout 1.25 is not in [0, 1]");
    o = good, o.dropout = NAN;
    refused_recurrent(o, "lstm: dropout nan is not in [0, 1]");
    o = good, o.kind = HEED_CELL_KINDS;
    refused_recurrent(o, "lstm.l0: 4 is no kind of cell");
}

/* ---- called wrongly: the tape has it ---- */

static void refused_score(heed_score_options options, const char *text) {
    heed_score score;
    heed_score_init(&score, fresh(), "score", options);
    EXPECT_REFUSED(text);
}

Test(layers_errors, scores_that_cannot_be) {
    refused_score((heed_score_options){.kind = HEED_SCORE_DOT, .d_query = 4, .d_key = 6},
                  "score: dot scores need queries and keys of one size: d_query is 4, d_key 6");
    refused_score((heed_score_options){.kind = HEED_SCORE_COSINE, .d_query = 6, .d_key = 4},
                  "score: cosine scores need queries and keys of one size: d_query is 6, d_key 4");
    refused_score((heed_score_options){.kind = HEED_SCORE_LOCATION, .d_query = 6, .d_key = 4},
                  "score: location scores need the longest source: longest is 0, must be positive");
    refused_score((heed_score_options){.kind = HEED_SCORE_GENERAL, .d_query = 0, .d_key = 4},
                  "score: d_query 0, d_key 4 and d_hidden 0 must be positive");
    refused_score((heed_score_options){.kind = HEED_SCORES, .d_query = 4, .d_key = 4}, "score: 7 is no kind of score");
}

static void refused_window(heed_window window, int64_t reach, const char *text) {
    heed_state_attention attn;
    heed_state_attention_init(&attn, fresh(), "attn",
                              (heed_state_attention_options){.score = {.d_query = 4, .d_key = 4}, .window = window, .reach = reach});
    EXPECT_REFUSED(text);
}

Test(layers_errors, windows_that_cannot_be) {
    refused_window(HEED_WINDOW_MONOTONIC, 0, "attn: a monotonic window reaches 0 places; it must be 1 to 2^31 - 1");
    refused_window(HEED_WINDOW_PREDICTIVE, -2, "attn: a predictive window reaches -2 places; it must be 1 to 2^31 - 1");
    refused_window((heed_window)5, 1, "attn: 5 is no window");
}

static void refused_seq2seq(heed_seq2seq_options options, const char *text) {
    heed_seq2seq net;
    heed_seq2seq_init(&net, fresh(), "net", options);
    EXPECT_REFUSED(text);
}

Test(layers_errors, encoder_decoders_that_cannot_be) {
    const heed_seq2seq_options good = {.source_vocabulary = 5, .target_vocabulary = 6, .d_embedding = 3, .encoder_hidden = 4, .decoder_hidden = 7,
                                       .no_attention = true, .start = 1, .stop = 2};
    heed_seq2seq_options o = good;
    o.decoder_hidden = 0;
    refused_seq2seq(o, "net: sizes must be positive: d_embedding 3, encoder 0 layers of 4, decoder 0 layers of 0");
    o = good;
    o.stop = 6;
    refused_seq2seq(o, "net: start 1 and stop 6 must be words of the target, 0 to 5");
    o = good;
    o.pad = 2;
    refused_seq2seq(o, "net: pad is 2; it must be -1 (none) or a word of both sides, and neither start 1 nor stop 2");
    o = good;
    o.no_attention = false;
    refused_seq2seq(o, "net.attention.score: dot scores need queries and keys of one size: d_query is 7, d_key 4");
    o = good;
    o.dropout = 2;
    heed_seq2seq net;
    heed_seq2seq_init(&net, fresh(), "net", o);
    cr_expect_neq(heed_model_status(model), HEED_OK);
    heed_model_free(model);
}

Test(layers_errors, texts_that_do_not_fit) {
    heed_seq2seq net;
    heed_seq2seq_init(&net, fresh(), "net", (heed_seq2seq_options){.source_vocabulary = 5, .target_vocabulary = 6, .d_embedding = 3,
                                                                    .encoder_hidden = 4, .decoder_hidden = 4, .start = 1, .stop = 2});
    cr_assert(heed_model_build(model, HEED_F32, 1) == HEED_OK);
    const struct {
        heed_dtype dtype;
        heed_shape source, target;
        double sampling;
        const char *text;
    } wrong[] = {
        {HEED_F32, HEED_SHAPE(2, 3), HEED_SHAPE(2, 3), 0, "net: source is f32 (2, 3); it must be i32 (batch, words), with a word at least"},
        {HEED_I32, HEED_SHAPE(2, 3), HEED_SHAPE(2, 0), 0, "net: target is i32 (2, 0); it must be i32 (batch, words), with a word at least"},
        {HEED_I32, HEED_SHAPE(2, 3), HEED_SHAPE(4, 3), 0, "net: source is (2, 3), target (4, 3): they must have as many rows"},
        {HEED_I32, HEED_SHAPE(2, 3), HEED_SHAPE(2, 3), 1.5, "net: sampling is 1.5; it is a probability"},
        {HEED_I32, HEED_SHAPE(2, 3), HEED_SHAPE(2, 3), NAN, "net: sampling is nan; it is a probability"},
    };
    heed_tape *t = heed_tape_new();
    for (int i = 0; i < 5; i++) {
        heed_tensor source = heed_zeros(t, wrong[i].dtype, wrong[i].source), target = heed_zeros(t, HEED_I32, wrong[i].target);
        cr_expect(heed_is_nil(heed_seq2seq_forward(&net, t, source, target, wrong[i].sampling, NULL)));
        cr_expect_str_eq(heed_error_text(t), wrong[i].text, "\"%s\"", heed_error_text(t));
        heed_tape_reset(t);
    }
    heed_tape_free(t);
    heed_model_free(model);
}

typedef struct bench {
    heed_model *model;
    heed_linear_layer linear;
    heed_position position;
    heed_multi_head_attention attn;
    heed_recurrent gru;
    heed_state_attention states;
    heed_tape *t;
} bench;

static bench new_bench(bool build) {
    bench b = {.model = heed_model_new(), .t = heed_tape_new()};
    const heed_module *root = heed_model_root(b.model);
    heed_linear_init(&b.linear, root, "out", 4, 2, true);
    heed_position_init(&b.position, root, "position", HEED_POSITION_LEARNED, 10, 4);
    heed_multi_head_attention_init(&b.attn, root, "attn", (heed_multi_head_options){.d_model = 8, .n_heads = 2});
    heed_recurrent_init(&b.gru, root, "gru", (heed_recurrent_options){.kind = HEED_GRU, .inputs = 3, .hidden = 4});
    heed_state_attention_init(&b.states, root, "states",
                              (heed_state_attention_options){.score = {.kind = HEED_SCORE_LOCATION, .d_query = 6, .d_key = 5, .longest = 4}});
    if (build)
        cr_assert(heed_model_build(b.model, HEED_F32, 1) == HEED_OK);
    return b;
}

/* y must be nil, the error the text; the tape is fresh again afterwards. */
#define EXPECT_FAILS(b, y, text) expect_fails(__LINE__, b, y, text)
static void expect_fails(int line, bench *b, heed_tensor y, const char *text) {
    cr_expect(heed_is_nil(y), "line %d", line);
    cr_expect_str_eq(heed_error_text(b->t), text, "line %d: \"%s\"", line, heed_error_text(b->t));
    char path[32];
    cr_expect_eq(heed_path(b->t, path, sizeof path), 0, "line %d: still in %s", line, path);
    heed_tape_reset(b->t);
}

static heed_tensor zeros(const bench *b, heed_shape shape) {
    return heed_zeros(b->t, HEED_F32, shape);
}

static heed_tensor run_gru(const bench *b, heed_tensor x, heed_tensor padding) {
    return heed_recurrent_forward(&b->gru, b->t, x, (heed_state){.h = HEED_NIL}, padding, NULL);
}

static void free_bench(bench *b) {
    heed_tape_free(b->t);
    heed_model_free(b->model);
}

Test(layers_errors, inputs_that_do_not_fit) {
    bench b = new_bench(true);
    heed_tensor x = zeros(&b, HEED_SHAPE(3, 5));
    EXPECT_FAILS(&b, heed_linear_forward(&b.linear, b.t, x), "out: linear: inner sizes differ: x (3, 5), weight (2, 4)");
    x = zeros(&b, HEED_SHAPE(2, 6, 4));
    EXPECT_FAILS(&b, heed_position_forward(&b.position, b.t, x, 5), "position: 6 positions from 5 on are asked for, there are 10");
    x = zeros(&b, HEED_SHAPE(2, 6, 4));
    EXPECT_FAILS(&b, heed_position_forward(&b.position, b.t, x, -1), "position: 6 positions from -1 on are asked for, there are 10");
    x = zeros(&b, HEED_SHAPE(6, 8));
    EXPECT_FAILS(&b, heed_multi_head_attention_forward(&b.attn, b.t, x, x, (heed_attend){.causal = true}),
                 "attn: query is (6, 8); it must be (batch, tokens, 8)");
    x = zeros(&b, HEED_SHAPE(2, 6, 8));
    EXPECT_FAILS(&b, heed_multi_head_attention_forward(&b.attn, b.t, x, zeros(&b, HEED_SHAPE(6, 8)), (heed_attend){.causal = false}),
                 "attn: memory is (6, 8); it must be (2, tokens, 8)");
    x = zeros(&b, HEED_SHAPE(6, 3));
    EXPECT_FAILS(&b, run_gru(&b, x, HEED_NIL), "gru: x is (6, 3); it must be (batch, steps, 3)");
    free_bench(&b);
}

static heed_tensor look_back(const bench *b, heed_tensor h, heed_tensor states, heed_tensor padding) {
    return heed_state_attention_forward(&b->states, b->t, h, heed_state_attention_memory(&b->states, b->t, states, padding), 0, NULL);
}

Test(layers_errors, states_that_do_not_fit) {
    bench b = new_bench(true);
    heed_tensor h = zeros(&b, HEED_SHAPE(6)), states = zeros(&b, HEED_SHAPE(2, 3, 5));
    EXPECT_FAILS(&b, look_back(&b, h, states, HEED_NIL), "states: h is (6,); it must be (batch, 6) or (batch, steps, 6)");
    h = zeros(&b, HEED_SHAPE(2, 6));
    EXPECT_FAILS(&b, look_back(&b, h, zeros(&b, HEED_SHAPE(3, 5)), HEED_NIL), "states: states are (3, 5); they must be (batch, steps, d)");
    h = zeros(&b, HEED_SHAPE(2, 6));
    EXPECT_FAILS(&b, look_back(&b, h, zeros(&b, HEED_SHAPE(2, 3, 4)), HEED_NIL), "states.score: keys are (2, 3, 4); must be (batch, steps, 5)");
    h = zeros(&b, HEED_SHAPE(2, 1, 7)), states = zeros(&b, HEED_SHAPE(2, 3, 5));
    EXPECT_FAILS(&b, look_back(&b, h, states, HEED_NIL), "states.score: queries are (2, 1, 7); must be (batch, steps, 6)");
    h = zeros(&b, HEED_SHAPE(3, 6)), states = zeros(&b, HEED_SHAPE(2, 3, 5));
    EXPECT_FAILS(&b, look_back(&b, h, states, HEED_NIL), "states: h has 3 rows, the memory 2");
    h = zeros(&b, HEED_SHAPE(2, 6));
    EXPECT_FAILS(&b, look_back(&b, h, zeros(&b, HEED_SHAPE(2, 5, 5)), HEED_NIL), "states.score: the source has 5 places, location scores have 4");
    h = zeros(&b, HEED_SHAPE(2, 6)), states = zeros(&b, HEED_SHAPE(2, 3, 5));
    EXPECT_FAILS(&b, look_back(&b, h, states, zeros(&b, HEED_SHAPE(2, 3))),
                 "states: padding is f32 (2, 3); it must be bool (2, 3), true where a token is padding");
    h = zeros(&b, HEED_SHAPE(2, 6)), states = zeros(&b, HEED_SHAPE(2, 3, 5));
    heed_state_memory memory = heed_state_attention_memory(&b.states, b.t, states, HEED_NIL);
    EXPECT_FAILS(&b, heed_state_attention_forward(&b.states, b.t, h, memory, -1, NULL), "states: the first step is -1; it must be 0 to 2^31 - 1");
    free_bench(&b);
}

static void fails_from(bench *b, const heed_recurrent *layer, heed_shape x, heed_shape h, heed_shape c, const char *text) {
    heed_state start = {.h = h.rank ? zeros(b, h) : HEED_NIL, .c = c.rank ? zeros(b, c) : HEED_NIL}, last;
    EXPECT_FAILS(b, heed_recurrent_forward(layer, b->t, zeros(b, x), start, HEED_NIL, &last), text);
    cr_expect(heed_is_nil(last.h) && heed_is_nil(last.c));
}

Test(layers_errors, recurrent_states_that_do_not_fit) {
    bench b = new_bench(false);
    heed_recurrent lstm;
    heed_recurrent_init(&lstm, heed_model_root(b.model), "lstm", (heed_recurrent_options){.kind = HEED_LSTM, .inputs = 3, .hidden = 4, .n_layers = 2,
                                                                                           .bidirectional = true});
    cr_assert(heed_model_build(b.model, HEED_F32, 1) == HEED_OK);
    const heed_shape x = HEED_SHAPE(2, 6, 3), none = HEED_SCALAR, good = HEED_SHAPE(4, 2, 4);
    fails_from(&b, &b.gru, HEED_SHAPE(2, 6, 5), none, none, "gru: x is (2, 6, 5); it must be (batch, steps, 3)");
    fails_from(&b, &b.gru, x, HEED_SHAPE(2, 4), none, "gru: start.h is (2, 4); it must be (1, 2, 4)");
    fails_from(&b, &b.gru, x, HEED_SHAPE(1, 2, 4), HEED_SHAPE(1, 2, 4), "gru: start.c is given; only an lstm has c, this is of kind gru");
    fails_from(&b, &lstm, x, good, none, "lstm: start.h is given without start.c; an lstm takes both or neither");
    fails_from(&b, &lstm, x, none, good, "lstm: start.c is given without start.h; an lstm takes both or neither");
    fails_from(&b, &lstm, x, HEED_SHAPE(2, 2, 4), good, "lstm: start.h is (2, 2, 4); it must be (4, 2, 4)");
    fails_from(&b, &lstm, x, good, HEED_SHAPE(4, 3, 4), "lstm: start.c is (4, 3, 4); it must be (4, 2, 4)");
    free_bench(&b);
}

Test(layers_errors, recurrent_steps_that_do_not_fit) {
    bench b = new_bench(false);
    heed_recurrent both;
    heed_recurrent_init(&both, heed_model_root(b.model), "both", (heed_recurrent_options){.inputs = 3, .hidden = 4, .bidirectional = true});
    cr_assert(heed_model_build(b.model, HEED_F32, 1) == HEED_OK);
    const heed_cell *cell = &b.gru.cells[0];
    heed_state state = {.h = HEED_NIL};
    EXPECT_FAILS(&b, heed_recurrent_step(&both, b.t, zeros(&b, HEED_SHAPE(2, 3)), &state),
                 "both: a bidirectional layer has no single step: it needs the sequence's end first");
    EXPECT_FAILS(&b, heed_recurrent_step(&b.gru, b.t, zeros(&b, HEED_SHAPE(2, 1, 3)), &state), "gru: x is (2, 1, 3); it must be (batch, 3)");
    state.h = zeros(&b, HEED_SHAPE(2, 4));
    EXPECT_FAILS(&b, heed_recurrent_step(&b.gru, b.t, zeros(&b, HEED_SHAPE(2, 3)), &state), "gru: state.h is (2, 4); it must be (1, 2, 4)");
    cr_expect(heed_is_nil(state.h));
    EXPECT_FAILS(&b, heed_cell_step(cell, b.t, zeros(&b, HEED_SHAPE(2, 5)), &state), "gru.l0: x is (2, 5); it must be (batch, 3)");
    state.h = zeros(&b, HEED_SHAPE(3, 4));
    EXPECT_FAILS(&b, heed_cell_step(cell, b.t, zeros(&b, HEED_SHAPE(2, 3)), &state), "gru.l0: state.h is (3, 4); it must be (2, 4)");
    state = (heed_state){.h = zeros(&b, HEED_SHAPE(2, 4)), .c = zeros(&b, HEED_SHAPE(2, 4))};
    EXPECT_FAILS(&b, heed_cell_step(cell, b.t, zeros(&b, HEED_SHAPE(2, 3)), &state),
                 "gru.l0: state.c is given; only an lstm has c, this is of kind gru");
    cr_expect(heed_is_nil(state.h) && heed_is_nil(state.c));
    free_bench(&b);
}

/* The likeliest mistakes: 1 for 0 in the mask's dtype, S for T, lengths for a mask. */
Test(layers_errors, padding_that_does_not_fit) {
    bench b = new_bench(true);
    heed_tensor x = zeros(&b, HEED_SHAPE(2, 6, 8));
    heed_attend attend = {.key_padding = zeros(&b, HEED_SHAPE(2, 6))};
    EXPECT_FAILS(&b, heed_multi_head_attention_forward(&b.attn, b.t, x, x, attend),
                 "attn: padding is f32 (2, 6); it must be bool (2, 6), true where a token is padding");
    x = zeros(&b, HEED_SHAPE(2, 6, 8));
    attend.key_padding = heed_zeros(b.t, HEED_BOOL, HEED_SHAPE(2, 5));
    EXPECT_FAILS(&b, heed_multi_head_attention_forward(&b.attn, b.t, x, x, attend),
                 "attn: padding is bool (2, 5); it must be bool (2, 6), true where a token is padding");
    x = zeros(&b, HEED_SHAPE(2, 6, 3));
    heed_tensor padding = heed_zeros(b.t, HEED_I32, HEED_SHAPE(2));
    EXPECT_FAILS(&b, run_gru(&b, x, padding),
                 "gru: padding is i32 (2,); it must be bool (2, 6), true where a token is padding");
    free_bench(&b);
}

Test(layers_errors, used_before_it_is_built) {
    bench b = new_bench(false);
    EXPECT_FAILS(&b, heed_linear_forward(&b.linear, b.t, zeros(&b, HEED_SHAPE(3, 4))),
                 "out: parameter: the model is not built yet: call heed_model_build after declaring its layers");
    free_bench(&b);
}

Test(layers_errors, nil_and_stale_inputs) {
    bench b = new_bench(true);
    EXPECT_FAILS(&b, heed_linear_forward(&b.linear, b.t, HEED_NIL),
                 "out: linear: input 0 is nil: it was never set, or is the result of a call that failed on another tape");
    heed_tensor stale = zeros(&b, HEED_SHAPE(2, 6, 8));
    heed_tape_reset(b.t);
    EXPECT_FAILS(&b, heed_multi_head_attention_forward(&b.attn, b.t, stale, stale, (heed_attend){.causal = true}),
                 "attn: linear: input 0 is not of this tape, or from before its last reset");
    EXPECT_FAILS(&b, run_gru(&b, stale, HEED_NIL),
                 "gru.l0: linear: input 0 is not of this tape, or from before its last reset");
    heed_attend attend = {.key_padding = stale};
    heed_tensor x = zeros(&b, HEED_SHAPE(2, 6, 8));
    EXPECT_FAILS(&b, heed_multi_head_attention_forward(&b.attn, b.t, x, x, attend),
                 "attn: not: input 0 is not of this tape, or from before its last reset");
    EXPECT_FAILS(&b, run_gru(&b, zeros(&b, HEED_SHAPE(2, 6, 3)), stale),
                 "gru: reshape: input 0 is not of this tape, or from before its last reset");
    EXPECT_FAILS(&b, heed_position_forward(&b.position, b.t, stale, 0), "position: add: input 0 is not of this tape, or from before its last reset");
    EXPECT_FAILS(&b, look_back(&b, stale, stale, HEED_NIL), "states.score: linear: input 0 is not of this tape, or from before its last reset");
    heed_tensor states = zeros(&b, HEED_SHAPE(2, 3, 5));
    EXPECT_FAILS(&b, look_back(&b, zeros(&b, HEED_SHAPE(2, 6)), states, stale), "states: not: input 0 is not of this tape, or from before its last reset");
    free_bench(&b);
}

Test(layers_errors, no_such_activation) {
    bench b = new_bench(true);
    EXPECT_FAILS(&b, heed_activate(b.t, zeros(&b, HEED_SHAPE(3)), (heed_activation)9), "activate: 9 is no activation of one value");
    free_bench(&b);
}

/* A layer of a model that was refused does not crash when it is called all the same. */
Test(layers_errors, a_refused_layer_is_inert) {
    heed_multi_head_attention attn;
    heed_multi_head_attention_init(&attn, fresh(), "attn", (heed_multi_head_options){.d_model = 64, .n_heads = 3});
    heed_tape *t = heed_tape_new();
    heed_tensor x = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3, 64));
    cr_expect(heed_is_nil(heed_multi_head_attention_forward(&attn, t, x, x, (heed_attend){.causal = true})));
    cr_expect_neq(heed_tape_status(t), HEED_OK);
    heed_tape_free(t);
    heed_model_free(model);
}
