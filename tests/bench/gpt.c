/* heed_gpt without biases, GELU by erf, as nanoGPT trains it: AdamW, the gradient clipped to norm 1. */
#include "workload.h"

#include <stdlib.h>

typedef struct gpt {
    trainer train; /* first: a gpt is a trainer */
    int64_t layers, heads, d_model, T, B, vocabulary;
    bool recompute;
    heed_gpt net;
    int32_t *x, *y; /* (B, T) */
} gpt;

static void declare(gpt *g) {
    heed_gpt_init(&g->net, heed_model_root(g->train.model), "gpt",
                  (heed_gpt_options){.vocabulary = g->vocabulary,
                                     .context = g->T,
                                     .d_model = g->d_model,
                                     .n_heads = (int)g->heads,
                                     .n_layers = (int)g->layers,
                                     .activation = HEED_GELU,
                                     .no_bias = true,
                                     .recompute = g->recompute});
}

static bool prepare(gpt *g, int threads) {
    declare(g);
    if (!trainer_build(&g->train, threads))
        return false;
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
               .d_model = w->size[2], .T = w->size[3], .B = w->size[4], .vocabulary = w->size[5],
               .recompute = w->size[6]};
    if (prepare(g, threads))
        return g;
    stop(g);
    return NULL;
}

static double step(void *self) {
    gpt *g = self;
    heed_tape *t = g->train.t;
    heed_shape shape = HEED_SHAPE(g->B, g->T);
    heed_tape_reset(t);
    heed_tensor x = heed_input(t, HEED_I32, shape, g->x), y = heed_input(t, HEED_I32, shape, g->y);
    return trainer_finish_step(&g->train, heed_gpt_loss(&g->net, t, x, y));
}

heed_tensor gpt_probe(void *self, heed_tape *t) {
    const gpt *g = self;
    heed_shape shape = HEED_SHAPE(1, g->T);
    return heed_gpt_loss(&g->net, t, heed_input(t, HEED_I32, shape, g->x), heed_input(t, HEED_I32, shape, g->y));
}

/* 6 a parameter and token (2 forward, 4 backward), the position table apart, and 12 d_model T a layer and token for the scores
 * and the weighted sums, as if none were masked. */
static double flops(const void *self) {
    const gpt *g = self;
    double parameters = (double)(heed_model_trainable(g->train.model) - g->T * g->d_model);
    return (6 * parameters + 12.0 * (double)(g->layers * g->d_model * g->T)) * (double)(g->B * g->T);
}

static int batch(const void *self, heed_file_tensor *batch) {
    const gpt *g = self;
    batch[0] = (heed_file_tensor){.name = "x", .dtype = "I32", .shape = HEED_SHAPE(g->B, g->T), .data = g->x};
    batch[1] = (heed_file_tensor){.name = "y", .dtype = "I32", .shape = HEED_SHAPE(g->B, g->T), .data = g->y};
    return 2;
}

const workload_kind gpt_kind = {start, step, flops, batch, stop};
