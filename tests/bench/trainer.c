#include "workload.h"

#include <math.h>
#include <stdlib.h>

bool trainer_fail(const trainer *s) {
    return bench_fail(s->name, "%s%s%s", heed_model_error_text(s->model), s->t ? heed_error_text(s->t) : "",
                      s->optim ? heed_optim_error_text(s->optim) : "");
}

bool trainer_build(trainer *s, int threads) {
    if (heed_model_build(s->model, HEED_F32, 1))
        return trainer_fail(s);
    s->t = heed_tape_new();
    s->grads = heed_grads_new(s->model);
    heed_tape_set_threads(s->t, threads);
    return true;
}

double trainer_finish_step(trainer *s, heed_tensor loss) {
    bool good = heed_backward(s->t, loss, s->grads) == HEED_OK;
    heed_recorder_before(s->recorder, ++s->steps, s->grads);
    if (!good || heed_optim_step(s->optim, s->grads)) {
        trainer_fail(s);
        return NAN;
    }
    heed_recorder_after(s->recorder);
    double value = heed_item(s->t, loss);
    if (isnan(value))
        bench_fail(s->name, "the loss is NaN");
    heed_recorder_scalar(s->recorder, s->steps, "loss", value);
    return value;
}

void trainer_free(trainer *s) {
    heed_optim_free(s->optim);
    heed_grads_free(s->grads);
    heed_tape_free(s->t);
    heed_model_free(s->model);
}

int32_t *random_tokens(uint64_t key, int64_t n, int64_t vocabulary) {
    int32_t *tokens = malloc((size_t)n * sizeof *tokens);
    for (int64_t i = 0; tokens && i < n; i++)
        tokens[i] = (int32_t)heed_rng_below(key, (uint64_t)i, (uint64_t)vocabulary);
    return tokens;
}

typedef struct normal {
    float *values;
    double deviation;
    uint64_t key;
} normal;

static void fill_range(void *context, int64_t begin, int64_t end) {
    const normal *n = context;
    for (int64_t i = begin; i < end; i++)
        n->values[i] = (float)(n->deviation * heed_rng_normal(n->key, (uint64_t)i));
}

void fill_normal(float *values, int64_t n, double deviation, uint64_t key) {
    heed_parallel_for(0, n, 4096, fill_range, &(normal){values, deviation, key});
}
