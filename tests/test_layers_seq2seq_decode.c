/* Decoding with the encoder-decoder: greedy is the loop one would write, a wide beam is exhaustive search, and neither leaves
 * a trace on the tape. */
#include "layers_common.h"

enum { B = 3, S = 5, V = 5, START = 1, STOP = 2, HIDDEN = 6, LONGEST = 4 };

static const int32_t source_words[B][S] = {{3, 4, 2, 1, 3}, {1, 3, 4, 0, 0}, {4, 4, 2, 4, 0}};

typedef struct bench {
    heed_model *model;
    heed_seq2seq net;
    heed_tape *t;
} bench;

static bench new_bench(heed_cell_kind kind, bool feeding, bool attention, uint64_t seed) {
    bench b = {.model = heed_model_new(), .t = heed_tape_new()};
    heed_seq2seq_init(
        &b.net, heed_model_root(b.model), "net",
        (heed_seq2seq_options){
            .source_vocabulary = V,
            .target_vocabulary = V,
            .d_embedding = 4,
            .kind = kind,
            .encoder_hidden = 5,
            .decoder_hidden = HIDDEN,
            .encoder_layers = 2,
            .dropout = 0.5,
            .no_attention = !attention,
            .attention = {.score = {.kind = HEED_SCORE_GENERAL}, .window = HEED_WINDOW_PREDICTIVE, .reach = 3},
            .input_feeding = feeding,
            .start = START,
            .stop = STOP,
            .pad = 0});
    built(b.model);
    for (int i = 0; i < heed_model_params(b.model); i++) {
        heed_param_info info = heed_model_param(b.model, i);
        double *values = normals(info.count, heed_rng_mix(seed, (uint64_t)i));
        cr_assert(heed_param_set(heed_model_find(b.model, info.path), values, info.count) == HEED_OK);
        free(values);
    }
    return b;
}

static void free_bench(bench *b) {
    heed_tape_free(b->t);
    heed_model_free(b->model);
}

static heed_tensor source_of(const bench *b) {
    return heed_input(b->t, HEED_I32, HEED_SHAPE(B, S), source_words);
}

static heed_decoding *decode(const bench *b, heed_decode_options options) {
    heed_decoding *d = heed_seq2seq_decode(&b->net, b->t, source_of(b), options);
    cr_assert(d != NULL, "%s", heed_error_text(b->t));
    cr_assert(d->beam->rows == B && d->S == S);
    return d;
}

/* log P(tokens) of one row, as teacher forcing has it. */
static double log_prob_of(const bench *b, int row, const int32_t *tokens, int64_t length, heed_tensor *weights) {
    heed_tensor source = heed_slice(b->t, source_of(b), 0, row, row + 1),
                target = heed_input(b->t, HEED_I32, HEED_SHAPE(1, length), tokens);
    bool training = heed_tape_set_training(b->t, false);
    const double *x =
        values_of(b->t, heed_log_softmax(b->t, heed_seq2seq_forward(&b->net, b->t, source, target, 0, weights), -1));
    heed_tape_set_training(b->t, training);
    double sum = 0;
    for (int64_t i = 0; i < length; i++)
        sum += x[i * V + tokens[i]];
    return sum;
}

/* ---- greedy ---- */

/* The loop one would write: the likeliest word is said, and fed to the next step, until it is stop. */
static void expect_greedy(const bench *b, const heed_decoding *d) {
    heed_tensor word = heed_full(b->t, HEED_I32, HEED_SHAPE(B), START);
    heed_tape_set_training(b->t, false);
    heed_seq2seq_state state = heed_seq2seq_encode(&b->net, b->t, source_of(b));
    bool over[B] = {false};
    for (int i = 0; i < LONGEST; i++) {
        word = heed_argmax(b->t, heed_seq2seq_step(&b->net, b->t, word, &state, NULL), -1, false);
        for (int row = 0; row < B; row++) {
            int32_t said = heed_i32(b->t, word)[row];
            cr_assert(over[row] || (i < d->beam->best[row].length && d->beam->best[row].tokens[i] == said),
                      "row %d, step %d", row, i);
            over[row] = over[row] || said == STOP;
            cr_assert(over[row] || i + 1 < LONGEST || !d->beam->best[row].finished);
        }
    }
    heed_tape_set_training(b->t, true);
}

static void greedy(heed_cell_kind kind, bool feeding, bool attention) {
    for (uint64_t seed = 0; seed < 6; seed++) {
        bench b = new_bench(kind, feeding, attention, seed);
        heed_decoding *d = decode(&b, (heed_decode_options){.longest = LONGEST}),
                      *one = decode(&b, (heed_decode_options){.width = 1, .longest = LONGEST});
        expect_greedy(&b, d);
        for (int row = 0; row < B; row++) {
            const heed_hypothesis *h = &d->beam->best[row], *same = &one->beam->best[row];
            cr_assert(h->length == same->length &&
                      memcmp(h->tokens, same->tokens, (size_t)h->length * sizeof *h->tokens) == 0);
            double want = log_prob_of(&b, row, h->tokens, h->length, NULL);
            cr_assert(fabs(h->log_prob - want) <= 1e-12, "row %d: %.17g, not %.17g", row, h->log_prob, want);
            cr_assert_eq(h->finished, h->tokens[h->length - 1] == STOP);
        }
        heed_decoding_free(d);
        heed_decoding_free(one);
        free_bench(&b);
    }
}

Test(layers_seq2seq_decode, greedy_is_the_loop) {
    for (int i = 0; i < 4; i++) {
        greedy(HEED_GRU, i % 2, i / 2);
        greedy(HEED_LSTM, i % 2, i / 2);
        greedy(HEED_RNN_TANH, i % 2, i / 2);
    }
}

/* ---- beams ---- */

typedef struct best {
    double score;
    int32_t tokens[LONGEST];
    int length;
} best;

/* Every sequence that ends in stop, or is LONGEST long. */
static void try_all(const bench *b, int row, int32_t *tokens, int length, double alpha, best *found) {
    for (int32_t v = 0; v < V; v++) {
        tokens[length] = v;
        if (v != STOP && length + 1 < LONGEST) {
            try_all(b, row, tokens, length + 1, alpha, found);
            continue;
        }
        double score = log_prob_of(b, row, tokens, length + 1, NULL) / pow((5.0 + length + 1) / 6, alpha);
        if (score <= found->score)
            continue;
        *found = (best){.score = score, .length = length + 1};
        memcpy(found->tokens, tokens, sizeof(int32_t) * (size_t)(length + 1));
    }
}

Test(layers_seq2seq_decode, a_wide_beam_is_exhaustive_search) {
    for (int i = 0; i < 4; i++) {
        bench b = new_bench(i % 2 ? HEED_LSTM : HEED_GRU, i / 2, true, (uint64_t)i);
        heed_decoding *d = decode(&b, (heed_decode_options){.width = V * V * V, .longest = LONGEST, .alpha = 0.3 * i});
        int32_t tokens[LONGEST];
        best found = {.score = -INFINITY};
        try_all(&b, i % B, tokens, 0, 0.3 * i, &found);
        const heed_hypothesis *h = &d->beam->best[i % B];
        cr_assert(h->length == found.length &&
                  memcmp(h->tokens, found.tokens, sizeof(int32_t) * (size_t)found.length) == 0);
        cr_assert(fabs(h->score - found.score) <= 1e-12, "%.17g, not %.17g", h->score, found.score);
        heed_decoding_free(d);
        free_bench(&b);
    }
}

/* In a beam hypotheses change places, end at different steps and take their states along: each has the probability that
 * teacher forcing gives it, and the map it saw. Weights of padding are zero. */
static void expect_its_own(const bench *b, const heed_decoding *d, int i) {
    const heed_hypothesis *h = &d->beam->best[i];
    heed_tensor weights;
    int row = i / d->beam->n_best;
    double want = log_prob_of(b, row, h->tokens, h->length, &weights);
    cr_assert(fabs(h->log_prob - want) <= 1e-12, "hypothesis %d: %.17g, not %.17g", i, h->log_prob, want);
    expect_near(d->map[i], values_of(b->t, weights), h->length * S, 1e-13, "map");
    for (int64_t k = 0; k < h->length * S; k++)
        cr_assert(source_words[row][k % S] != 0 || d->map[i][k] == 0);
}

Test(layers_seq2seq_decode, hypotheses_keep_their_states) {
    for (int i = 0; i < 4; i++) {
        bench b = new_bench(i % 2 ? HEED_LSTM : HEED_RNN_TANH, i / 2, true, 20 + (uint64_t)i);
        heed_decoding *d =
            decode(&b, (heed_decode_options){.width = 6, .longest = 7, .alpha = 0.6, .n_best = 3, .maps = true});
        for (int k = 0; k < 3 * B; k++) {
            cr_assert(k % 3 == 0 || d->beam->best[k].score <= d->beam->best[k - 1].score);
            expect_its_own(&b, d, k);
        }
        heed_decoding_free(d);
        free_bench(&b);
    }
}

/* ---- the tape ---- */

Test(layers_seq2seq_decode, decoding_leaves_training_alone) {
    bench b = new_bench(HEED_GRU, true, true, 1);
    heed_grads *before = heed_grads_new(b.model), *after = heed_grads_new(b.model);
    for (int i = 0; i < 2; i++) {
        heed_tape_reset(b.t);
        heed_tape_set_step(b.t, 5);
        size_t nodes = heed_tape_statistics(b.t).nodes;
        if (i == 1) {
            heed_decoding_free(decode(&b, (heed_decode_options){.width = 3, .longest = 5, .maps = true}));
            cr_expect_eq(heed_tape_statistics(b.t).nodes, nodes, "decoding was recorded");
            cr_expect(heed_tape_recording(b.t) && heed_tape_training(b.t));
        }
        heed_tensor target = heed_input(b.t, HEED_I32, HEED_SHAPE(B, S), source_words);
        heed_tensor loss =
            heed_seq2seq_loss(&b.net, b.t, heed_seq2seq_forward(&b.net, b.t, source_of(&b), target, 0.5, NULL), target);
        cr_assert(heed_backward(b.t, loss, i ? after : before) == HEED_OK, "%s", heed_error_text(b.t));
    }
    cr_expect(memcmp(heed_grads_data(before), heed_grads_data(after),
                     (size_t)heed_model_size(b.model) * sizeof(double)) == 0);
    heed_grads_free(before);
    heed_grads_free(after);
    free_bench(&b);
}

Test(layers_seq2seq_decode, without_attention_there_is_no_map) {
    bench b = new_bench(HEED_GRU, false, false, 1);
    heed_decoding *d = decode(&b, (heed_decode_options){.longest = 3, .maps = true});
    cr_expect_null(d->map);
    heed_decoding_free(d);
    free_bench(&b);
}

static void expect_fails(bench *b, heed_tensor source, heed_decode_options options, const char *text) {
    cr_expect_null(heed_seq2seq_decode(&b->net, b->t, source, options));
    cr_expect_str_eq(heed_error_text(b->t), text, "\"%s\"", heed_error_text(b->t));
    cr_expect(heed_tape_recording(b->t) && heed_tape_training(b->t));
    heed_tape_reset(b->t);
}

Test(layers_seq2seq_decode, errors_are_the_tapes) {
    bench b = new_bench(HEED_GRU, false, true, 1);
    expect_fails(&b, source_of(&b), (heed_decode_options){.width = 2},
                 "net: beam search: width 2, longest 0 and n_best 1 must be positive, n_best at most width");
    expect_fails(&b, heed_zeros(b.t, HEED_I32, HEED_SHAPE(4)), (heed_decode_options){.longest = 2},
                 "net: source is i32 (4,); it must be i32 (batch, words), with a word at least");
    heed_decoding_free(NULL);
    free_bench(&b);
}
