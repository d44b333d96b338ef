/* Causal attention alone, forward and backward from random output gradients. q, k and v are parameters of a model, so that
 * none is copied onto the tape and their gradients have a place of their own. */
#include "workload.h"

#include <math.h>
#include <stdlib.h>

typedef struct attention {
    trainer train;
    int64_t B, H, T, d_k;
    heed_param q, k, v; /* (B, H, T, d_k), N(0, 1), as */
    float *seed;        /* the gradient of the output */
} attention;

static bool prepare(attention *a, int threads) {
    const heed_module *root = heed_model_root(a->train.model);
    heed_shape shape = HEED_SHAPE(a->B, a->H, a->T, a->d_k);
    a->q = heed_param_new(root, "q", shape, heed_init_normal(0, 1));
    a->k = heed_param_new(root, "k", shape, heed_init_normal(0, 1));
    a->v = heed_param_new(root, "v", shape, heed_init_normal(0, 1));
    if (!trainer_build(&a->train, threads))
        return false;
    int64_t n = heed_shape_count(shape);
    a->seed = malloc((size_t)n * sizeof *a->seed);
    if (a->seed == NULL)
        return bench_fail(a->train.name, "out of memory");
    fill_normal(a->seed, n, 1, 1);
    return true;
}

static void stop(void *self) {
    attention *a = self;
    trainer_free(&a->train);
    free(a->seed);
    free(a);
}

static void *start(const workload *w, int threads) {
    attention *a = malloc(sizeof *a);
    if (a == NULL) {
        bench_fail(w->name, "out of memory");
        return NULL;
    }
    *a = (attention){.train = {.name = w->name, .model = heed_model_new()}, .B = w->size[0], .H = w->size[1],
                     .T = w->size[2], .d_k = w->size[3]};
    if (prepare(a, threads))
        return a;
    stop(a);
    return NULL;
}

/* What stands for the loss is the output's mean. */
static double step(void *self) {
    attention *a = self;
    heed_tape *t = a->train.t;
    heed_tape_reset(t);
    heed_grads_clear(a->train.grads);
    heed_tensor out = heed_attention(t, heed_use(t, a->q), heed_use(t, a->k), heed_use(t, a->v),
                                     (heed_attention_options){.causal = true}); /* (B, H, T, d_k) */
    heed_tensor seed = heed_input_borrowed(t, HEED_F32, heed_shape_of(t, out), a->seed);
    if (heed_backward_with(t, out, a->train.grads, (heed_backward_options){.seed = seed})) {
        trainer_fail(&a->train);
        return NAN;
    }
    return heed_item(t, heed_mean(t, out, HEED_ALL_AXES));
}

/* Forward 4 T² d_k a head, half of it masked; backward two and a half times as much. */
static double flops(const void *self) {
    const attention *a = self;
    return 3.5 * 4 * (double)a->T * (double)a->T / 2 * (double)(a->d_k * a->B * a->H);
}

static int batch(const void *self, heed_file_tensor *batch) {
    const attention *a = self;
    heed_shape shape = HEED_SHAPE(a->B, a->H, a->T, a->d_k);
    batch[0] = (heed_file_tensor){.name = "dy", .dtype = "F32", .shape = shape, .data = a->seed};
    return 1;
}

const workload_kind attention_kind = {start, step, flops, batch, stop};
