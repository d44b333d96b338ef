#include "siblings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <heed/heed.h>

typedef struct sibling {
    heed_model *model;
    heed_tape *t;
    heed_grads *g;
    heed_optim *opt;
    heed_gpt gpt;
    heed_embedding_layer source, target;
    heed_recurrent encoder;
    heed_cell cell;
    heed_state_attention attention;
    heed_linear_layer out;
    heed_param q, k, v;
} sibling;

/* ---- what each is ---- */

enum { GPT_B = 8, GPT_T = 32, GPT_V = 40 };

static heed_tensor tokens(sibling *s, int64_t B, int64_t T, int vocabulary, uint64_t key) {
    int32_t drawn[512];
    for (int64_t i = 0; i < B * T; i++)
        drawn[i] = (int32_t)heed_rng_below(key, (uint64_t)i, (uint64_t)vocabulary);
    return heed_input(s->t, HEED_I32, HEED_SHAPE(B, T), drawn);
}

static void declare_gpt(sibling *s) {
    heed_gpt_init(&s->gpt, heed_model_root(s->model), "gpt",
                  (heed_gpt_options){.vocabulary = GPT_V,
                                     .context = GPT_T,
                                     .d_model = 64,
                                     .n_heads = 4,
                                     .n_layers = 2,
                                     .activation = HEED_GELU,
                                     .dropout = 0.1,
                                     .no_bias = true});
}

static heed_tensor gpt_loss(sibling *s) {
    return heed_gpt_loss(&s->gpt, s->t, tokens(s, GPT_B, GPT_T, GPT_V, 1), tokens(s, GPT_B, GPT_T, GPT_V, 2));
}

enum { SEQ_B = 32, SEQ_S = 12, SEQ_T = 5, SEQ_V = 30, SEQ_E = 32, SEQ_H = 48 };

static void declare_seq2seq(sibling *s) {
    const heed_module *root = heed_model_root(s->model);
    heed_embedding_init(&s->source, root, "source", SEQ_V, SEQ_E);
    heed_embedding_init(&s->target, root, "target", SEQ_V, SEQ_E);
    heed_recurrent_init(&s->encoder, root, "encoder",
                        (heed_recurrent_options){.kind = HEED_GRU, .inputs = SEQ_E, .hidden = SEQ_H});
    heed_cell_init(&s->cell, root, "cell",
                   (heed_cell_options){.kind = HEED_GRU, .inputs = SEQ_E + SEQ_H, .hidden = SEQ_H});
    heed_state_attention_init(
        &s->attention, root, "attention",
        (heed_state_attention_options){.score = {.kind = HEED_SCORE_ADDITIVE, .d_query = SEQ_H, .d_key = SEQ_H}});
    heed_linear_init(&s->out, root, "out", 2 * SEQ_H, SEQ_V, true);
}

static heed_tensor seq2seq_loss(sibling *s) {
    heed_tape *t = s->t;
    heed_state last, none = {.h = HEED_NIL};
    heed_tensor x = tokens(s, SEQ_B, SEQ_S, SEQ_V, 1), y = tokens(s, SEQ_B, SEQ_T, SEQ_V, 2), logits[SEQ_T];
    heed_tensor states =
        heed_recurrent_forward(&s->encoder, t, heed_embedding_forward(&s->source, t, x), none, HEED_NIL, &last);
    heed_state state = {.h = heed_select(t, last.h, 0, 0)}; /* (B, H) */
    heed_tensor words = heed_dropout(t, heed_embedding_forward(&s->target, t, y), 0.1);
    heed_state_memory memory = heed_state_attention_memory(&s->attention, t, states, HEED_NIL);
    heed_tensor context = heed_zeros(t, HEED_F32, HEED_SHAPE(SEQ_B, SEQ_H));
    for (int i = 0; i < SEQ_T; i++) {
        heed_tensor in = heed_concat(t, (heed_tensor[]){heed_select(t, words, 1, i), context}, 2, -1);
        heed_tensor h = heed_cell_step(&s->cell, t, in, &state);
        heed_tensor both = heed_state_attention_forward(&s->attention, t, h, memory, i, NULL); /* (B, 2 H) */
        context = heed_slice(t, both, -1, 0, SEQ_H);
        logits[i] = heed_linear_forward(&s->out, t, both);
    }
    return heed_cross_entropy(t, heed_stack(t, logits, SEQ_T, 1), y);
}

static const heed_shape attended = {4, {2, 4, 80, 16}}; /* (B, H, T, d_k) */

static void declare_attention(sibling *s) {
    const heed_module *root = heed_model_root(s->model);
    s->q = heed_param_new(root, "q", attended, heed_init_normal(0, 1));
    s->k = heed_param_new(root, "k", attended, heed_init_normal(0, 1));
    s->v = heed_param_new(root, "v", attended, heed_init_normal(0, 1));
}

/* Towards numbers that are drawn afresh each step. */
static heed_tensor attention_loss(sibling *s) {
    heed_tape *t = s->t;
    heed_tensor y = heed_attention(t, heed_use(t, s->q), heed_use(t, s->k), heed_use(t, s->v),
                                   (heed_attention_options){.causal = true, .dropout = 0.1});
    return heed_mse(t, y, heed_randn(t, HEED_F32, attended));
}

static const struct {
    const char *name;
    void (*declare)(sibling *s);
    heed_tensor (*loss)(sibling *s);
} siblings[SIBLINGS] = {
    [SIBLING_GPT] = {"gpt", declare_gpt, gpt_loss},
    [SIBLING_SEQ2SEQ] = {"seq2seq", declare_seq2seq, seq2seq_loss},
    [SIBLING_ATTENTION] = {"attention", declare_attention, attention_loss},
};

const char *sibling_name(int which) {
    return siblings[which].name;
}

/* ---- training, and its bits ---- */

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t bytes) {
    const unsigned char *at = data;
    for (uint64_t word; bytes >= sizeof word; at += sizeof word, bytes -= sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = heed_rng_mix(hash, word);
    }
    for (size_t i = 0; i < bytes; i++)
        hash = heed_rng_mix(hash, at[i]);
    return hash;
}

static uint64_t hash_of(sibling *s) {
    uint64_t hash = 0;
    for (int i = 0; i < heed_model_params(s->model); i++) {
        heed_param_info info = heed_model_param(s->model, i);
        heed_param p = heed_model_find(s->model, info.path);
        size_t bytes = (size_t)info.count * sizeof(float);
        hash = hash_bytes(hash, heed_param_data(p), bytes);
        for (int slot = 0; slot < 2 && info.trainable; slot++)
            hash = hash_bytes(hash, heed_optim_slot(s->opt, p, slot), bytes);
    }
    heed_tape_reset(s->t);
    const float *next = heed_f32(s->t, heed_rand(s->t, HEED_F32, HEED_SHAPE(64)));
    return hash_bytes(hash, next, 64 * sizeof *next);
}

static bool step(sibling *s, int which) {
    heed_tape_reset(s->t);
    heed_tensor loss = siblings[which].loss(s);
    if (heed_backward(s->t, loss, s->g) == HEED_OK && heed_optim_step(s->opt, s->g) == HEED_OK)
        return true;
    fprintf(stderr, "%s: %s%s%s\n", siblings[which].name, heed_model_error_text(s->model), heed_error_text(s->t),
            heed_optim_error_text(s->opt));
    return false;
}

bool sibling_train(int which, int threads, int steps, uint64_t *bits) {
    sibling s = {.model = heed_model_new()};
    siblings[which].declare(&s);
    bool good = heed_model_build(s.model, HEED_F32, 1) == HEED_OK;
    s.t = heed_tape_new();
    s.g = heed_grads_new(s.model);
    s.opt = heed_adamw_new(s.model, heed_adam_defaults(1e-3));
    heed_tape_set_threads(s.t, threads);
    heed_optim_set_threads(s.opt, threads);
    good = good && heed_optim_set_clip_norm(s.opt, 1) == HEED_OK;
    for (int i = 0; i < steps && good; i++)
        good = step(&s, which);
    if (good)
        *bits = hash_of(&s);
    heed_optim_free(s.opt);
    heed_grads_free(s.g);
    heed_tape_free(s.t);
    heed_model_free(s.model);
    return good;
}
