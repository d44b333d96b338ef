/* A recurrent encoder and decoder with additive attention (Bahdanau et al. 2015), trained by Adam:
 *     states = GRU(source)                         h_0 = the last of them, context_0 = 0
 *     h_t = GRU([target_t ; context_{t-1}], h_{t-1})
 *     a_t = softmax over s of v · tanh(W_q h_t + W_k state_s)        context_t = sum over s of a_ts state_s
 *     logits_t = W [context_t ; h_t] + b */
#include "workload.h"

#include <math.h>
#include <stdlib.h>

enum { LONGEST = 64 };

typedef struct seq2seq {
    trainer train;
    int64_t B, S, T, vocabulary, d_embedding, hidden;
    heed_embedding_layer source, target;
    heed_recurrent encoder;
    heed_cell cell;
    heed_state_attention attention;
    heed_linear_layer out;
    int32_t *x, *y; /* (B, S), (B, T) */
} seq2seq;

static void declare(seq2seq *s) {
    const heed_module *root = heed_model_root(s->train.model);
    int64_t V = s->vocabulary, E = s->d_embedding, H = s->hidden;
    heed_embedding_init(&s->source, root, "source", V, E);
    heed_embedding_init(&s->target, root, "target", V, E);
    heed_recurrent_init(&s->encoder, root, "encoder",
                        (heed_recurrent_options){.kind = HEED_GRU, .inputs = E, .hidden = H});
    heed_cell_init(&s->cell, root, "cell", (heed_cell_options){.kind = HEED_GRU, .inputs = E + H, .hidden = H});
    heed_score_options additive = {.kind = HEED_SCORE_ADDITIVE, .d_query = H, .d_key = H};
    heed_state_attention_init(&s->attention, root, "attention", (heed_state_attention_options){.score = additive});
    heed_linear_init(&s->out, root, "out", 2 * H, V, true);
}

static bool prepare(seq2seq *s, int threads) {
    if (s->T > LONGEST)
        return bench_fail(s->train.name, "the decoder makes at most %d steps", LONGEST);
    declare(s);
    if (!trainer_build(&s->train, threads))
        return false;
    s->x = random_tokens(1, s->B * s->S, s->vocabulary);
    s->y = random_tokens(2, s->B * s->T, s->vocabulary);
    if (s->x == NULL || s->y == NULL)
        return bench_fail(s->train.name, "out of memory");
    s->train.optim = heed_adam_new(s->train.model, heed_adam_defaults(1e-3));
    heed_optim_set_threads(s->train.optim, threads);
    return heed_optim_status(s->train.optim) == HEED_OK || trainer_fail(&s->train);
}

static void stop(void *self) {
    seq2seq *s = self;
    trainer_free(&s->train);
    free(s->x);
    free(s->y);
    free(s);
}

static void *start(const workload *w, int threads) {
    seq2seq *s = malloc(sizeof *s);
    if (s == NULL) {
        bench_fail(w->name, "out of memory");
        return NULL;
    }
    *s = (seq2seq){.train = {.name = w->name, .model = heed_model_new()},
                   .B = w->size[0],
                   .S = w->size[1],
                   .T = w->size[2],
                   .vocabulary = w->size[3],
                   .d_embedding = w->size[4],
                   .hidden = w->size[5]};
    if (prepare(s, threads))
        return s;
    stop(s);
    return NULL;
}

/* words (B, T, E), the decoder's inputs -> logits (B, T, vocabulary). */
static heed_tensor decode(const seq2seq *s, heed_tape *t, heed_tensor words, heed_tensor states, heed_state state) {
    heed_state_memory memory = heed_state_attention_memory(&s->attention, t, states, HEED_NIL);
    heed_tensor context = heed_zeros(t, HEED_F32, HEED_SHAPE(s->B, s->hidden)), logits[LONGEST];
    for (int64_t i = 0; i < s->T; i++) {
        heed_tensor word = heed_select(t, words, 1, i); /* (B, E) */
        heed_tensor h = heed_cell_step(&s->cell, t, heed_concat(t, (heed_tensor[]){word, context}, 2, -1), &state);
        heed_tensor both = heed_state_attention_forward(&s->attention, t, h, memory, i, NULL); /* (B, 2 H) */
        context = heed_slice(t, both, -1, 0, s->hidden);
        logits[i] = heed_linear_forward(&s->out, t, both);
    }
    return heed_stack(t, logits, (int)s->T, 1);
}

static heed_tensor loss_of(const seq2seq *s, heed_tape *t) {
    heed_tensor x = heed_input(t, HEED_I32, HEED_SHAPE(s->B, s->S), s->x);
    heed_tensor y = heed_input(t, HEED_I32, HEED_SHAPE(s->B, s->T), s->y);
    heed_state last, none = {.h = HEED_NIL};
    heed_tensor states =
        heed_recurrent_forward(&s->encoder, t, heed_embedding_forward(&s->source, t, x), none, HEED_NIL, &last);
    heed_state first = {.h = heed_select(t, last.h, 0, 0)}; /* (B, H) */
    heed_tensor logits = decode(s, t, heed_embedding_forward(&s->target, t, y), states, first);
    return heed_cross_entropy(t, logits, y);
}

static double step(void *self) {
    seq2seq *s = self;
    heed_tape_reset(s->train.t);
    return trainer_finish_step(&s->train, loss_of(s, s->train.t));
}

/* Its products are small and many: what it takes is not a matter of FLOPs. */
static double flops(const void *self) {
    (void)self;
    return NAN;
}

static int batch(const void *self, heed_file_tensor *batch) {
    const seq2seq *s = self;
    batch[0] = (heed_file_tensor){.name = "x", .dtype = "I32", .shape = HEED_SHAPE(s->B, s->S), .data = s->x};
    batch[1] = (heed_file_tensor){.name = "y", .dtype = "I32", .shape = HEED_SHAPE(s->B, s->T), .data = s->y};
    return 2;
}

const workload_kind seq2seq_kind = {start, step, flops, batch, stop};
