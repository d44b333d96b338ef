/* The encoder-decoder against itself, taken apart: training is its steps one after another, decoding is a loop over them, and
 * each option changes what it should and nothing else. */
#include "layers_common.h"

enum { B = 3, S = 5, T = 4, V = 7, START = 1, STOP = 2, HIDDEN = 5 };

static const int32_t source_words[B][S] = {{3, 4, 5, 6, 3}, {6, 3, 4, 0, 0}, {5, 5, 2, 4, 0}};
static const int32_t target_words[B][T] = {{4, 6, 3, STOP}, {5, STOP, 0, 0}, {3, 3, STOP, 0}};

typedef struct bench {
    heed_model *model;
    heed_seq2seq net;
    heed_grads *grads;
    heed_tape *t;
} bench;

/* Small, without dropout, GRU, additive scores. */
static heed_seq2seq_options plain(void) {
    return (heed_seq2seq_options){.source_vocabulary = V,
                                  .target_vocabulary = V,
                                  .d_embedding = 4,
                                  .kind = HEED_GRU,
                                  .encoder_hidden = HIDDEN,
                                  .decoder_hidden = HIDDEN,
                                  .attention = {.score = {.kind = HEED_SCORE_ADDITIVE, .longest = 9}},
                                  .start = START,
                                  .stop = STOP,
                                  .pad = 0};
}

static bench new_bench(heed_seq2seq_options options) {
    bench b = {.model = heed_model_new(), .t = heed_tape_new()};
    heed_seq2seq_init(&b.net, heed_model_root(b.model), "net", options);
    built(b.model);
    for (int i = 0; i < heed_model_params(b.model); i++) { /* larger than at the start, so that words are told apart */
        heed_param_info info = heed_model_param(b.model, i);
        double *values = normals(info.count, (uint64_t)i);
        cr_assert(heed_param_set(heed_model_find(b.model, info.path), values, info.count) == HEED_OK);
        free(values);
    }
    b.grads = heed_grads_new(b.model);
    return b;
}

static void free_bench(bench *b) {
    heed_tape_free(b->t);
    heed_grads_free(b->grads);
    heed_model_free(b->model);
}

static heed_tensor source_of(const bench *b) {
    return heed_input(b->t, HEED_I32, HEED_SHAPE(B, S), source_words);
}
static heed_tensor target_of(const bench *b) {
    return heed_input(b->t, HEED_I32, HEED_SHAPE(B, T), target_words);
}

static heed_tensor forward(const bench *b, double sampling, heed_tensor *weights) {
    heed_tensor y = heed_seq2seq_forward(&b->net, b->t, source_of(b), target_of(b), sampling, weights);
    expect_shape(b->t, y, HEED_SHAPE(B, T, V), "logits");
    return y;
}

/* The same by hand: a step a word, fed with the target's (own: with what the step before found likeliest). */
static heed_tensor by_hand(const bench *b, bool own, heed_tensor *weights) {
    heed_tensor logits[T], a[T], word = heed_full(b->t, HEED_I32, HEED_SHAPE(B), START), target = target_of(b);
    heed_seq2seq_state state = heed_seq2seq_encode(&b->net, b->t, source_of(b));
    for (int i = 0; i < T; i++) {
        logits[i] = heed_seq2seq_step(&b->net, b->t, word, &state, weights ? &a[i] : NULL);
        word = own ? heed_argmax(b->t, logits[i], -1, false) : heed_select(b->t, target, 1, i);
    }
    if (weights)
        *weights = heed_stack(b->t, a, T, 1);
    return heed_stack(b->t, logits, T, 1);
}

static void expect_alike(const bench *b, heed_tensor x, heed_tensor y, double tolerance, const char *what) {
    expect_shape(b->t, x, heed_shape_of(b->t, y), what);
    expect_near(values_of(b->t, x), values_of(b->t, y), heed_count(b->t, y), tolerance, what);
}

/* Every score, with and without input feeding, and no attention at all (the last of them). */
static void for_all(void (*law)(const bench *, const char *)) {
    for (int kind = 0; kind <= HEED_SCORES; kind++)
        for (int feeding = 0; feeding < 2; feeding++) {
            heed_seq2seq_options options = plain();
            options.no_attention = kind == HEED_SCORES;
            options.attention.score.kind = options.no_attention ? HEED_SCORE_DOT : (heed_score_kind)kind;
            options.input_feeding = feeding;
            bench b = new_bench(options);
            char what[64];
            snprintf(what, sizeof what, "%s%s", kind == HEED_SCORES ? "none" : heed_score_name((heed_score_kind)kind),
                     feeding ? ", feeding" : "");
            law(&b, what);
            free_bench(&b);
        }
}

/* ---- training ---- */

static void steps_are_the_whole(const bench *b, const char *what) {
    bool attention = !b->net.options.no_attention;
    heed_tensor a = HEED_NIL, some = HEED_NIL, y = forward(b, 0, &a);
    expect_alike(b, y, by_hand(b, false, attention ? &some : NULL), 1e-12, what);
    cr_assert(attention != heed_is_nil(a));
    if (attention)
        expect_alike(b, a, some, 1e-13, what);
}

Test(layers_seq2seq, teacher_forcing_feeds_the_target) {
    for_all(steps_are_the_whole);
}

/* At 0 no coin is drawn and none would be of use: the bits are those of teacher forcing, as they are at a probability that never
 * comes true, which goes step by step. */
static void sampling_nothing(const bench *b, const char *what) {
    heed_tensor y = forward(b, 0, NULL), never = forward(b, 1e-300, NULL);
    if (b->net.options.input_feeding) {
        expect_same_bits(b->t, never, y, what);
        expect_same_bits(b->t, y, by_hand(b, false, NULL), what);
    }
    expect_alike(b, never, y, 1e-12, what);
}

Test(layers_seq2seq, sampling_never_is_teacher_forcing) {
    for_all(sampling_nothing);
}

static void sampling_all(const bench *b, const char *what) {
    expect_alike(b, forward(b, 1, NULL), by_hand(b, true, NULL), 1e-12, what);
}

Test(layers_seq2seq, sampling_always_runs_free) {
    for_all(sampling_all);
}

typedef struct counter {
    int own, all;
    uint64_t bits; /* which were its own */
} counter;

/* The word 5 is likeliest always, and no target has it. */
static void count_fives(void *user, heed_tape *t, const char *path, heed_tensor x) {
    counter *c = user;
    const int32_t *words = heed_i32(t, x);
    cr_assert(words != NULL, "%s", path);
    for (int64_t i = 0; i < heed_count(t, x); i++) {
        c->own += words[i] == 5;
        c->all += words[i] != START;
        c->bits = 2 * c->bits + (words[i] == 5);
    }
}

static counter sampled(const bench *b, uint64_t seed, uint64_t step, double p) {
    enum { MANY = 25, LONG = 21 };
    counter c = {0};
    int32_t words[MANY * LONG];
    for (int i = 0; i < MANY * LONG; i++)
        words[i] = 3;
    heed_tape_reset(b->t);
    heed_tape_set_seed(b->t, seed);
    heed_tape_set_step(b->t, step);
    cr_assert(heed_tape_on_watch(b->t, "net.fed", count_fives, &c) == HEED_OK);
    heed_tensor x = heed_input(b->t, HEED_I32, HEED_SHAPE(MANY, LONG), words);
    cr_assert(!heed_is_nil(heed_seq2seq_forward(&b->net, b->t, x, x, p, NULL)), "%s", heed_error_text(b->t));
    heed_tape_unwatch(b->t, count_fives, &c);
    cr_assert_eq(c.all, MANY * (LONG - 1));
    return c;
}

Test(layers_seq2seq, sampling_draws_from_the_tape) {
    heed_seq2seq_options options = plain();
    options.input_feeding = true; /* step by step even at 0 */
    bench b = new_bench(options);
    cr_assert(heed_param_set(b.net.out.bias, (double[V]){0, 0, 0, 0, 0, 1e3, 0}, V) == HEED_OK);
    for (int i = 0; i <= 4;
         i++) { /* of 500 coins, whose number of heads is within 0.1 * 500 (4.5 deviations) of its mean */
        counter c = sampled(&b, 1, 3, 0.25 * i), again = sampled(&b, 1, 3, 0.25 * i),
                other = sampled(&b, 2, 3, 0.25 * i);
        cr_expect(fabs(c.own / 500.0 - 0.25 * i) <= (i % 4 ? 0.1 : 0), "%g: %d of 500", 0.25 * i, c.own);
        cr_expect(again.bits == c.bits && again.own == c.own, "the same seed and step");
        cr_expect(i % 4 == 0 || (other.bits != c.bits && sampled(&b, 1, 4, 0.25 * i).bits != c.bits),
                  "another seed or step");
    }
    free_bench(&b);
}

/* Coins and dropout are drawn apart: a coin that never comes true changes no dropout. Dropout is the tape's too. */
Test(layers_seq2seq, dropout_is_of_the_tape) {
    heed_seq2seq_options options = plain();
    options.input_feeding = true;
    options.dropout = 0.3;
    bench b = new_bench(options);
    heed_tape_set_seed(b.t, 4);
    double first[B * T * V];
    memcpy(first, values_of(b.t, forward(&b, 0, NULL)), sizeof first);
    cr_expect(memcmp(first, values_of(b.t, forward(&b, 0, NULL)), sizeof first) != 0, "each call has its own");
    heed_tape_reset(b.t);
    heed_tape_set_step(b.t, 0);
    cr_expect(memcmp(first, values_of(b.t, forward(&b, 1e-300, NULL)), sizeof first) == 0, "coins moved dropout");
    heed_tape_set_training(b.t, false);
    expect_same_bits(b.t, forward(&b, 0, NULL), forward(&b, 0, NULL), "evaluation");
    free_bench(&b);
}

/* Words that go into the decoder beside h̃ meet the first columns of its w_i, h̃ the others. */
Test(layers_seq2seq, input_feeding_is_a_second_input) {
    heed_seq2seq_options options = plain();
    bench without = new_bench(options);
    options.input_feeding = true;
    bench with = new_bench(options);
    for (int i = 0; i < heed_model_params(without.model); i++) {
        heed_param_info info = heed_model_param(without.model, i), wide = heed_model_param(with.model, i);
        cr_assert_str_eq(info.path, wide.path);
        const double *from = heed_param_data(heed_model_find(without.model, info.path));
        double *to = heed_param_data(heed_model_find(with.model, info.path));
        cr_assert(info.shape.n[0] == wide.shape.n[0] &&
                  (info.count == wide.count || strcmp(info.path, "net.decoder.l0.w_i") == 0));
        for (int64_t j = 0, w = wide.count / wide.shape.n[0], n = info.count / info.shape.n[0]; j < wide.count; j++)
            to[j] = j % w < n ? from[j / w * n + j % w] : 0;
    }
    heed_model_changed(with.model);
    expect_near(values_of(with.t, forward(&with, 0, NULL)), values_of(without.t, forward(&without, 0, NULL)), B * T * V,
                1e-12, "not fed");
    heed_param w_i = heed_model_find(with.model, "net.decoder.l0.w_i");
    ((double *)heed_param_data(w_i))[4] = 1; /* the first row, the first column of h̃ */
    heed_model_changed(with.model);
    const double *fed = values_of(with.t, forward(&with, 0, NULL)),
                 *plain_ = values_of(without.t, forward(&without, 0, NULL));
    for (int i = 0; i < B * T; i++) {
        double difference = 0;
        for (int v = 0; v < V; v++)
            difference = fmax(difference, fabs(fed[i * V + v] - plain_[i * V + v]));
        cr_expect(i % T == 0 ? difference <= 1e-12 : difference > 1e-9, "row %d, step %d: %g", i / T, i % T,
                  difference);
    }
    free_bench(&with);
    free_bench(&without);
}

/* More padding, of source or of target, is no difference: not to the loss, nor to a gradient. */
Test(layers_seq2seq, padding_counts_for_nothing) {
    for (int feeding = 0; feeding < 2; feeding++) {
        heed_seq2seq_options options = plain();
        options.input_feeding = feeding;
        bench b = new_bench(options), c = new_bench(options);
        int32_t long_source[B][S + 3] = {{0}}, long_target[B][T + 2] = {{0}};
        for (int i = 0; i < B; i++) {
            memcpy(long_source[i], source_words[i], sizeof source_words[i]);
            memcpy(long_target[i], target_words[i], sizeof target_words[i]);
        }
        heed_tensor loss = heed_seq2seq_loss(&b.net, b.t, forward(&b, 0, NULL), target_of(&b));
        heed_tensor y = heed_input(c.t, HEED_I32, HEED_SHAPE(B, T + 2), long_target);
        heed_tensor logits =
            heed_seq2seq_forward(&c.net, c.t, heed_input(c.t, HEED_I32, HEED_SHAPE(B, S + 3), long_source), y, 0, NULL);
        heed_tensor same = heed_seq2seq_loss(&c.net, c.t, logits, y);
        cr_expect(fabs(heed_item(b.t, loss) - heed_item(c.t, same)) <= 1e-13, "%.17g %.17g", heed_item(b.t, loss),
                  heed_item(c.t, same));
        cr_expect_eq(heed_weight(b.t, loss), 4 + 2 + 3);
        cr_assert(heed_backward(b.t, loss, b.grads) == HEED_OK && heed_backward(c.t, same, c.grads) == HEED_OK);
        expect_near(heed_grads_data(b.grads), heed_grads_data(c.grads), heed_model_size(b.model), 1e-13, "gradients");
        free_bench(&b);
        free_bench(&c);
    }
}

/* -log P of the right words, averaged: from the logits by hand. */
Test(layers_seq2seq, loss_is_the_mean_over_words) {
    bench b = new_bench(plain());
    heed_tensor logits = forward(&b, 0, NULL);
    const double *x = values_of(b.t, logits);
    double sum = 0;
    for (int i = 0; i < B * T; i++) {
        double total = 0;
        for (int v = 0; v < V; v++)
            total += exp(x[i * V + v]);
        sum -= target_words[i / T][i % T] ? x[i * V + target_words[i / T][i % T]] - log(total) : 0;
    }
    cr_expect(fabs(heed_item(b.t, heed_seq2seq_loss(&b.net, b.t, logits, target_of(&b))) - sum / 9) <= 1e-14);
    free_bench(&b);
}

/* From the second step on, training takes no memory. */
Test(layers_seq2seq, a_step_takes_no_memory) {
    heed_seq2seq_options options = plain();
    options.input_feeding = true;
    options.dropout = 0.1;
    bench b = new_bench(options);
    uint64_t before = 0;
    for (int i = 0; i < 4; i++) {
        heed_tape_reset(b.t);
        if (i >= 2)
            cr_expect(i == 2 || heed_tape_statistics(b.t).allocations == before, "step %d", i);
        before = heed_tape_statistics(b.t).allocations;
        cr_assert(heed_backward(b.t, heed_seq2seq_loss(&b.net, b.t, forward(&b, 0.5, NULL), target_of(&b)), b.grads) ==
                  HEED_OK);
    }
    free_bench(&b);
}
