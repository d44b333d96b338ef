#include "induction.h"

#include "../common/heads.h"

#include <stdlib.h>

heed_status induction_init(induction *ind, int layers, int heads, uint64_t seed) {
    *ind = (induction){.model = heed_model_new(), .layers = layers, .heads = heads};
    heed_gpt_init(&ind->gpt, heed_model_root(ind->model), "gpt",
                  (heed_gpt_options){.vocabulary = REPEATS_VOCABULARY,
                                     .context = REPEATS_TIME,
                                     .d_model = INDUCTION_D_MODEL,
                                     .n_heads = heads,
                                     .n_layers = layers,
                                     .no_mlp = true,
                                     .no_bias = true,
                                     .untied = true});
    return heed_model_build(ind->model, HEED_F32, seed);
}

void induction_free(induction *ind) {
    heed_model_free(ind->model);
}

heed_tensor induction_loss_of(const induction *ind, heed_tape *t, const repeats *list, int n, int T) {
    enum { UNKNOWN = -1 };
    int32_t read[INDUCTION_BATCH * REPEATS_TIME], next[INDUCTION_BATCH * REPEATS_TIME];
    for (int b = 0; b < n; b++)
        for (int i = 0; i < T; i++) {
            read[b * T + i] = list[b].token[i];
            next[b * T + i] = i < list[b].period ? UNKNOWN : list[b].token[i + 1];
        }
    heed_shape shape = HEED_SHAPE(n, T);
    heed_tensor logits = heed_gpt_forward(&ind->gpt, t, heed_input(t, HEED_I32, shape, read));
    return heed_cross_entropy_with(t, logits, heed_input(t, HEED_I32, shape, next),
                                   (heed_cross_entropy_options){.has_ignore_index = true, .ignore_index = UNKNOWN});
}

heed_tensor induction_loss(const induction *ind, heed_tape *t, const repeats *list, int n) {
    return induction_loss_of(ind, t, list, n, REPEATS_TIME);
}

/* ---- looking ---- */

observer *observer_new(int shortest, int longest, int threads) {
    observer *o = calloc(1, sizeof *o);
    if (o == NULL)
        return NULL;
    o->t = heed_tape_new();
    heed_tape_set_recording(o->t, false);
    heed_tape_set_threads(o->t, threads);
    for (int b = 0; b < INDUCTION_BATCH; b++)
        o->list[b] = repeats_draw(heed_rng_hash("sequences to look at"), (uint64_t)b, shortest, longest);
    if (patterns_watch(&o->seen, o->t)) {
        observer_free(o);
        return NULL;
    }
    return o;
}

void observer_free(observer *o) {
    if (o)
        heed_tape_free(o->t);
    free(o);
}

static double read_batch(observer *o, const induction *ind) {
    heed_tape_reset(o->t);
    o->seen.layers = 0;
    return heed_item(o->t, induction_loss(ind, o->t, o->list, INDUCTION_BATCH));
}

static double previous_of(const float *weights, int period) {
    double sum = 0;
    for (int i = 1; i <= period; i++)
        sum += (double)weights[i * REPEATS_TIME + i - 1];
    return sum / period;
}

static double matching_of(const float *weights, int period) {
    double sum = 0;
    for (int i = period; i < REPEATS_TIME; i++)
        for (int followed = i - period + 1; followed > 0; followed -= period)
            sum += (double)weights[i * REPEATS_TIME + followed];
    return sum / (REPEATS_TIME - period);
}

heed_status observer_take(observer *o, const induction *ind, induction_scores *scores) {
    *scores = (induction_scores){.loss = read_batch(o, ind)};
    for (int layer = 0; layer < ind->layers; layer++)
        for (int head = 0; head < ind->heads; head++)
            for (int b = 0; b < INDUCTION_BATCH; b++) {
                const float *weights = patterns_of(&o->seen, o->t, layer, b, head);
                if (weights == NULL)
                    return heed_tape_status(o->t);
                scores->previous[layer][head] += previous_of(weights, o->list[b].period) / INDUCTION_BATCH;
                scores->matching[layer][head] += matching_of(weights, o->list[b].period) / INDUCTION_BATCH;
            }
    return heed_tape_status(o->t);
}

heed_status observer_without(observer *o, const induction *ind, int layer, int head, double *loss) {
    const heed_multi_head_attention *attn = &ind->gpt.blocks.layer[layer].attn;
    heed_status status = heads_switch_off(attn, head);
    if (status)
        return status;
    *loss = read_batch(o, ind);
    status = heads_switch_on(attn);
    return status ? status : heed_tape_status(o->t);
}

const float *observer_map(observer *o, const induction *ind, const repeats *r, int layer, int head) {
    heed_tape_reset(o->t);
    o->seen.layers = 0;
    return heed_is_nil(induction_loss(ind, o->t, r, 1)) ? NULL : patterns_of(&o->seen, o->t, layer, 0, head);
}
