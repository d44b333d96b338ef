/* GPT-2's blocks without biases - x + attention(norm(x)), x + mlp(norm(x)), GELU by erf - between an embedding of tokens and
 * positions and a last norm; the logits are products with the embedding. Trained by AdamW, the gradient clipped to norm 1. */
#include "workload.h"

#include <math.h>
#include <stdlib.h>

typedef struct gpt {
    trainer train;
    int64_t layers, heads, d_model, T, B, vocabulary;
    heed_embedding_layer token;
    heed_position position;
    heed_encoder blocks;
    int32_t *x, *y; /* (B, T) */
} gpt;

static void declare(gpt *g) {
    const heed_module *root = heed_model_root(g->train.model);
    heed_embedding_init(&g->token, root, "token", g->vocabulary, g->d_model);
    heed_position_init(&g->position, root, "position", HEED_POSITION_LEARNED, g->T, g->d_model);
    heed_encoder_init(&g->blocks, root, "blocks",
                      (heed_transformer_options){.d_model = g->d_model, .d_ff = 4 * g->d_model, .n_heads = (int)g->heads,
                                                 .n_layers = (int)g->layers, .activation = HEED_GELU, .no_bias = true});
}

/* GPT-2 draws all its matrices from N(0, 0.02²), whatever the layers by themselves would do. */
static void draw_matrices(heed_model *model) {
    float *values = heed_model_data(model);
    for (int i = 0; i < heed_model_params(model); i++) {
        heed_param_info p = heed_model_param(model, i);
        if (p.shape.rank > 1 && p.alias_of < 0)
            fill_normal(values + p.offset, p.count, 0.02, heed_rng_hash(p.path));
    }
    heed_model_changed(model);
}

static bool prepare(gpt *g, int threads) {
    declare(g);
    if (!trainer_build(&g->train, threads))
        return false;
    draw_matrices(g->train.model);
    g->x = random_tokens(1, g->B * g->T, g->vocabulary);
    g->y = random_tokens(2, g->B * g->T, g->vocabulary);
    if (g->x == NULL || g->y == NULL)
        return bench_fail(g->train.name, "out of memory");
    g->train.optim = heed_adamw_new(g->train.model, (heed_adam_options){.lr = 1e-3, .beta1 = 0.9, .beta2 = 0.99,
                                                                        .eps = 1e-8, .weight_decay = 0.1});
    heed_optim_set_threads(g->train.optim, threads);
    return heed_optim_set_clip_norm(g->train.optim, 1.0) == HEED_OK || trainer_fail(&g->train);
}

static void stop(void *self) {
    gpt *g = self;
    trainer_free(&g->train);
    free(g->x);
    free(g->y);
    free(g);
}

static void *start(const workload *w, int threads) {
    gpt *g = malloc(sizeof *g);
    if (g == NULL) {
        bench_fail(w->name, "out of memory");
        return NULL;
    }
    *g = (gpt){.train = {.name = w->name, .model = heed_model_new()}, .layers = w->size[0], .heads = w->size[1],
               .d_model = w->size[2], .T = w->size[3], .B = w->size[4], .vocabulary = w->size[5]};
    if (prepare(g, threads))
        return g;
    stop(g);
    return NULL;
}

static heed_tensor loss_of(const gpt *g, heed_tape *t) {
    heed_shape shape = HEED_SHAPE(g->B, g->T);
    heed_tensor h = heed_embedding_forward(&g->token, t, heed_input(t, HEED_I32, shape, g->x)); /* (B, T, d_model) */
    h = heed_position_forward(&g->position, t, h, 0);
    h = heed_encoder_forward(&g->blocks, t, h, (heed_attend){.causal = true});
    heed_tensor logits = heed_linear(t, h, heed_use(t, g->token.weight), HEED_NIL); /* (B, T, vocabulary) */
    return heed_cross_entropy(t, logits, heed_input(t, HEED_I32, shape, g->y));
}

static double step(void *self) {
    gpt *g = self;
    heed_tape_reset(g->train.t);
    return trainer_finish_step(&g->train, loss_of(g, g->train.t));
}

/* 6 a parameter and token (2 forward, 4 backward), the position table apart, and 12 d_model T a layer and token for the scores
 * and the weighted sums, as if none were masked. */
static double flops(const void *self) {
    const gpt *g = self;
    double parameters = (double)(heed_model_trainable(g->train.model) - g->T * g->d_model);
    return (6 * parameters + 12.0 * (double)(g->layers * g->d_model * g->T)) * (double)(g->B * g->T);
}

const workload_kind gpt_kind = {start, step, flops, stop};
