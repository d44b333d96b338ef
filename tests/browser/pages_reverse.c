/* A transformer that learns to write six letters backwards: several layers and heads, cross-attention, embeddings, known
 * alignment, and what breaks without each head. */
#include "pages.h"

#include "../../examples/common/heads.h"

#include <stdio.h>

enum {
    LETTERS = 12,
    VOCABULARY = LETTERS + 2,
    LENGTH = 6,
    WORDS = LENGTH + 1,
    BATCH = 32,
    LAYERS = 2,
    HEADS = 4,
    D_MODEL = 32,
    STEPS = 300
};
enum { START, STOP, FIRST }; /* words; FIRST is a */

static const char *names[VOCABULARY] = {"<s>", "</s>", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};

typedef struct task {
    heed_model *model;
    heed_encoder_decoder net;
} task;

typedef struct text {
    int32_t source[BATCH][LENGTH], target[BATCH][WORDS], wanted[BATCH][WORDS];
} text;

static void draw(text *x, uint64_t key) {
    for (int i = 0; i < BATCH; i++) {
        x->target[i][0] = START;
        x->wanted[i][LENGTH] = STOP;
        for (int j = 0; j < LENGTH; j++) {
            int32_t letter = FIRST + (int32_t)heed_rng_below(key, (uint64_t)(i * LENGTH + j), LETTERS);
            x->source[i][j] = letter;
            x->wanted[i][LENGTH - 1 - j] = x->target[i][LENGTH - j] = letter;
        }
    }
}

static heed_tensor logits(const task *k, heed_tape *t, const text *x, int n) {
    return heed_encoder_decoder_forward(&k->net, t, heed_input(t, HEED_I32, HEED_SHAPE(n, LENGTH), x->source), HEED_NIL,
                                        heed_input(t, HEED_I32, HEED_SHAPE(n, WORDS), x->target));
}

static heed_tensor loss_of(const task *k, heed_tape *t, const text *x, int n) {
    heed_tensor wanted = heed_input(t, HEED_I32, HEED_SHAPE(n * WORDS), x->wanted);
    return heed_cross_entropy(t, heed_reshape(t, logits(k, t, x, n), HEED_SHAPE(n * WORDS, VOCABULARY)), wanted);
}

typedef struct probe {
    const task *k;
    text x; /* its first */
} probe;

static heed_tensor probe_loss(void *user, heed_tape *t) {
    const probe *p = user;
    return loss_of(p->k, t, &p->x, 1);
}

/* ---- what is recorded ---- */

static heed_status record_layer(heed_recorder *r, const char *side, int layer, const char *name, const char *kind) {
    char path[64], w[4][80];
    snprintf(path, sizeof path, "net.%s.%d.%s", side, layer, name);
    for (int i = 0; i < 4; i++)
        snprintf(w[i], sizeof w[i], "%s.w_%c", path, "qkvo"[i]);
    const bool reads = side[0] == 'e', crosses = kind[1] == 'r';
    const char *queries = reads ? "source" : "target", *keys = reads || crosses ? "source" : "target";
    return heed_recorder_attention(r, (heed_recorded_attention){path, kind, HEADS, D_MODEL / HEADS, w[0], w[1], w[2],
                                                                w[3], queries, keys, reads ? "source" : "target"});
}

static heed_status name_layer(heed_recorder *r, const char *side, int layer, const char *name, const char *const *words,
                              int n) {
    char path[64];
    snprintf(path, sizeof path, "net.%s.%d.%s", side, layer, name);
    return heed_recorder_probe_names(r, "backwards", path,
                                     (heed_probe){.n_queries = n, .n_keys = n, .queries = words, .keys = words});
}

static bool describe(heed_recorder *r, probe *p) {
    const char *source[LENGTH], *target[WORDS];
    int alignment[WORDS];
    for (int i = 0; i < WORDS; i++) {
        if (i < LENGTH)
            source[i] = names[p->x.source[0][i]];
        target[i] = names[p->x.target[0][i]];
        alignment[i] = LENGTH - 1 - i;
    }
    heed_status status =
        heed_recorder_space(r, (heed_recorded_space){"source", VOCABULARY, names, "net.source.weight", NULL});
    if (!status)
        status = heed_recorder_space(r, (heed_recorded_space){"target", VOCABULARY, names, "net.target.weight", NULL});
    for (int i = 0; !status && i < LAYERS; i++)
        status = record_layer(r, "encoder", i, "attn", "self");
    for (int i = 0; !status && i < LAYERS; i++) {
        status = record_layer(r, "decoder", i, "self_attn", "causal");
        if (!status)
            status = record_layer(r, "decoder", i, "cross_attn", "cross");
    }
    if (!status)
        status =
            heed_recorder_probe(r, (heed_probe){.name = "backwards",
                                                   .loss = probe_loss,
                                                   .user = p,
                                                   .n_queries = WORDS,
                                                   .n_keys = LENGTH,
                                                   .queries = target,
                                                   .keys = source,
                                                   .alignment = alignment});
    for (int i = 0; !status && i < LAYERS; i++) {
        status = name_layer(r, "encoder", i, "attn", source, LENGTH);
        if (!status)
            status = name_layer(r, "decoder", i, "self_attn", target, WORDS);
    }
    return status == HEED_OK;
}

/* ---- without a head ---- */

/* Share of words that are right. */
static double right(const task *k, heed_tape *t, const text *x) {
    heed_tape_reset(t);
    const int32_t *said = heed_i32(t, heed_argmax(t, logits(k, t, x, BATCH), -1, false));
    int n = 0;
    for (int i = 0; said && i < BATCH * WORDS; i++)
        n += said[i] == x->wanted[i / WORDS][i % WORDS];
    return n / (double)(BATCH * WORDS);
}

static void try_heads(heed_recorder *r, const task *k, heed_tape *t, const text *x,
                      const heed_multi_head_attention *attn, const char *path) {
    const double whole = right(k, t, x);
    for (int head = 0; head < HEADS; head++) {
        double without = heads_switch_off(attn, head) ? -1 : right(k, t, x);
        if (heads_switch_on(attn) == HEED_OK && without >= 0)
            heed_recorder_ablation(r, path, head, "words right", whole, without);
    }
}

/* ---- the run ---- */

static heed_status train(task *k, heed_recorder *r) {
    heed_tape *t = heed_tape_new();
    heed_grads *g = heed_grads_new(k->model);
    heed_optim *adam = heed_adam_new(k->model, heed_adam_defaults(4e-3));
    heed_status status = HEED_OK;
    text x;
    heed_tape_set_threads(t, 1);
    for (int step = 1; !status && step <= STEPS; step++) {
        draw(&x, heed_rng_mix(7, (uint64_t)step));
        heed_tape_reset(t);
        heed_tensor loss = loss_of(k, t, &x, BATCH);
        if ((status = heed_backward(t, loss, g)))
            break;
        heed_recorder_scalar(r, step, "loss", heed_item(t, loss));
        heed_recorder_scalar(r, step, "lr", heed_optim_lr(adam));
        heed_recorder_before(r, step, g);
        status = heed_optim_step(adam, g);
        heed_recorder_after(r);
    }
    heed_tape_set_recording(t, false);
    draw(&x, 99);
    for (int i = 0; !status && i < LAYERS; i++) {
        char path[64];
        snprintf(path, sizeof path, "net.decoder.%d.cross_attn", i);
        try_heads(r, k, t, &x, &k->net.decoder.layer[i].cross_attn, path);
    }
    heed_optim_free(adam);
    heed_grads_free(g);
    heed_tape_free(t);
    return status;
}

/* The run from this seed, as a recording and a page of this name. */
static bool record(const char *folder, const char *name, uint64_t seed) {
    char path[PAGES_PATH];
    task k = {.model = heed_model_new()};
    heed_encoder_decoder_init(&k.net, heed_model_root(k.model), "net",
                              (heed_encoder_decoder_options){
                                  .target_vocabulary = VOCABULARY,
                                  .longest = 8,
                                  .stacks = {.d_model = D_MODEL, .d_ff = 64, .n_heads = HEADS, .n_layers = LAYERS}});
    heed_status status = heed_model_build(k.model, HEED_F32, seed);
    probe p = {.k = &k};
    draw(&p.x, 5);
    heed_recorder *r = heed_recorder_new(
        pages_path(path, sizeof path, folder, name, ""), k.model,
        (heed_recorder_options){
            .title = "Six letters backwards", .most_frames = 24, .last = STEPS, .optimizer = "adam", .replace = true});
    bool good = !status && describe(r, &p) && train(&k, r) == HEED_OK;
    good = pages_finish(r, folder, name, 0) && good;
    heed_model_free(k.model);
    return good || pages_fail(name, "cannot be trained");
}

bool pages_reverse(const char *folder) { return record(folder, "reverse", 3); }

bool pages_seeds(const char *folder) {
    char first[PAGES_PATH], second[PAGES_PATH], html[PAGES_PATH];
    heed_error error = {0};
    if (!record(folder, "reverse2", 4))
        return false;
    const char *const beside[] = {pages_path(second, sizeof second, folder, "reverse2", "")};
    pages_path(first, sizeof first, folder, "reverse", "");
    pages_path(html, sizeof html, folder, "seeds", ".html");
    const heed_lens_report_options options = {.beside = beside, .n_beside = 1, .most_bytes = 40000000}; /* exact */
    if (heed_lens_report(first, html, options, &error))
        return pages_fail("seeds", error.text);
    pages_path(html, sizeof html, folder, "thin", ".html");
    const heed_lens_report_options small = {.most_bytes = 2000000};
    return heed_lens_report(first, html, small, &error) == HEED_OK || pages_fail("thin", error.text);
}
