/* Self-attention, multi-head attention with all that it can have, and LoRA. */
#include "layer_table.h"

typedef union room {
    heed_self_attention self_attention;
    heed_multi_head_attention multi_head_attention;
    struct {
        heed_linear_layer linear;
        heed_lora lora;
    } low_rank;
} room;

/* A layer reads those that mean something to it. */
typedef struct settings {
    int64_t d, d2; /* d_model, d_k */
    int n_heads;
    double p; /* of dropout */
    bool no_bias, causal;
    int64_t d_key, d_value;
    bool bias_kv, zero_attn;
    heed_attention_features features;
    enum { CONTEXT, WEIGHTS, MEAN_WEIGHTS } output;
} settings;

/* x, mask */
static void init_self_attention(void *layer, const heed_module *root, const void *options) {
    room *r = layer;
    const settings *o = options;
    heed_self_attention_init(&r->self_attention, root, "attn", o->d, o->d2);
    r->self_attention.causal = o->causal;
}
static heed_tensor self_attention(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const room *r = layer;
    (void)options;
    return heed_self_attention_forward(&r->self_attention, t, in[0], in[1]);
}

/* An update that is not 0, or nothing would reach its other matrix. */
static void start_update(const heed_lora *lora) {
    if (lora->b.model)
        heed_param_set_init(lora->b, heed_init_normal(0, 0.5));
}

/* query, memory (absent: the query itself), key padding, mask, value (absent: memory) */
static void init_multi_head(void *layer, const heed_module *root, const void *options) {
    heed_multi_head_attention *attn = &((room *)layer)->multi_head_attention;
    const settings *o = options;
    heed_multi_head_attention_init(attn, root, "attn",
                                   (heed_multi_head_options){.d_model = o->d, .n_heads = o->n_heads, .no_bias = o->no_bias, .dropout = o->p,
                                                             .d_key = o->d_key, .d_value = o->d_value, .bias_kv = o->bias_kv,
                                                             .zero_attn = o->zero_attn, .features = o->features});
    const heed_lora *updates[] = {&attn->lora_q, &attn->lora_k, &attn->lora_v, &attn->lora_o};
    for (int i = 0; i < 4; i++)
        start_update(updates[i]);
    if (o->features.learned_temperature)
        heed_param_set_init(attn->log_temperature, heed_init_normal(0, 0.3));
}
static heed_tensor multi_head(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const room *r = layer;
    const settings *o = options;
    heed_tensor weights, mean;
    heed_attend attend = {.key_padding = in[2], .mask = in[3], .causal = o->causal, .value = in[4]};
    attend.weights = o->output == WEIGHTS ? &weights : NULL;
    attend.mean_weights = o->output == MEAN_WEIGHTS ? &mean : NULL;
    heed_tensor y = heed_multi_head_attention_forward(&r->multi_head_attention, t, in[0], heed_is_nil(in[1]) ? in[0] : in[1], attend);
    if (o->output == CONTEXT)
        return y;
    /* Context and weights in one row of numbers, so that the gradients of both meet. */
    heed_tensor both[] = {y, o->output == WEIGHTS ? weights : mean};
    for (int i = 0; i < 2; i++)
        both[i] = heed_reshape(t, both[i], HEED_SHAPE(-1));
    return heed_concat(t, both, 2, 0);
}

/* x */
static void init_lora(void *layer, const heed_module *root, const void *options) {
    room *r = layer;
    const settings *o = options;
    heed_linear_init(&r->low_rank.linear, root, "linear", o->d, o->d2, !o->no_bias);
    heed_lora_init_linear(&r->low_rank.lora, &r->low_rank.linear, o->features.lora_rank, o->features.lora_alpha);
    start_update(&r->low_rank.lora);
}
static heed_tensor lora(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const room *r = layer;
    (void)options;
    return heed_lora_forward(&r->low_rank.lora, t, in[0], heed_linear_forward(&r->low_rank.linear, t, in[0]));
}

static const layer_case cases[] = {
    {"self_attention", "one sequence", init_self_attention, self_attention, {REAL(5, 4)}, &(settings){.d = 4, .d2 = 3}},
    {"self_attention", "one token", init_self_attention, self_attention, {REAL(2, 1, 4)}, &(settings){.d = 4, .d2 = 3}},
    {"self_attention", "batch", init_self_attention, self_attention, {REAL(2, 5, 6)}, &(settings){.d = 6, .d2 = 4}},
    {"self_attention", "width 17", init_self_attention, self_attention, {REAL(2, 3, 5)}, &(settings){.d = 5, .d2 = 17}},
    {"self_attention", "33 tokens", init_self_attention, self_attention, {REAL(33, 3)}, &(settings){.d = 3, .d2 = 2}},
    {"self_attention", "causal", init_self_attention, self_attention, {REAL(2, 5, 4)}, &(settings){.d = 4, .d2 = 3, .causal = true}},
    {"self_attention", "masked", init_self_attention, self_attention, {REAL(2, 5, 4), COINS(5, 5)}, &(settings){.d = 4, .d2 = 3}},
    {"self_attention", "a mask each", init_self_attention, self_attention, {REAL(3, 4, 4), COINS(3, 4, 4)}, &(settings){.d = 4, .d2 = 5}},
    {"self_attention", "scores added to", init_self_attention, self_attention, {REAL(2, 4, 4), FIXED(4, 4)}, &(settings){.d = 4, .d2 = 3}},
    {"self_attention", "causal, masked", init_self_attention, self_attention, {REAL(2, 6, 4), MOSTLY(2, 6, 6)},
     &(settings){.d = 4, .d2 = 4, .causal = true}},

    {"multi_head_attention", "self", init_multi_head, multi_head, {REAL(2, 4, 6), NOTHING, NOTHING, NOTHING}, &(settings){.d = 6, .n_heads = 2}},
    {"multi_head_attention", "one head", init_multi_head, multi_head, {REAL(2, 5, 4), NOTHING, NOTHING, NOTHING}, &(settings){.d = 4, .n_heads = 1}},
    {"multi_head_attention", "heads of 1", init_multi_head, multi_head, {REAL(2, 3, 4), NOTHING, NOTHING, NOTHING}, &(settings){.d = 4, .n_heads = 4}},
    {"multi_head_attention", "one token", init_multi_head, multi_head, {REAL(3, 1, 4), NOTHING, NOTHING, NOTHING}, &(settings){.d = 4, .n_heads = 2}},
    {"multi_head_attention", "cross", init_multi_head, multi_head, {REAL(2, 3, 4), REAL(2, 5, 4), NOTHING, NOTHING}, &(settings){.d = 4, .n_heads = 2}},
    {"multi_head_attention", "17 sources", init_multi_head, multi_head, {REAL(1, 2, 6), REAL(1, 17, 6), NOTHING, NOTHING},
     &(settings){.d = 6, .n_heads = 3}},
    {"multi_head_attention", "padding", init_multi_head, multi_head, {REAL(3, 4, 4), NOTHING, COINS(3, 4), NOTHING}, &(settings){.d = 4, .n_heads = 2}},
    {"multi_head_attention", "cross, padding", init_multi_head, multi_head, {REAL(2, 3, 4), REAL(2, 6, 4), COINS(2, 6), NOTHING},
     &(settings){.d = 4, .n_heads = 2}},
    {"multi_head_attention", "causal", init_multi_head, multi_head, {REAL(2, 5, 4), NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .causal = true}},
    {"multi_head_attention", "causal, padding", init_multi_head, multi_head, {REAL(2, 5, 4), NOTHING, COINS(2, 5), NOTHING},
     &(settings){.d = 4, .n_heads = 2, .causal = true}},
    {"multi_head_attention", "masked by head", init_multi_head, multi_head, {REAL(2, 4, 4), NOTHING, NOTHING, MOSTLY(2, 2, 4, 4)},
     &(settings){.d = 4, .n_heads = 2}},
    {"multi_head_attention", "scores added to", init_multi_head, multi_head, {REAL(2, 4, 4), NOTHING, NOTHING, FIXED(2, 4, 4)},
     &(settings){.d = 4, .n_heads = 2}},
    {"multi_head_attention", "no bias", init_multi_head, multi_head, {REAL(2, 4, 6), NOTHING, NOTHING, NOTHING},
     &(settings){.d = 6, .n_heads = 2, .no_bias = true}},
    {"multi_head_attention", "cross, no bias", init_multi_head, multi_head, {REAL(2, 2, 6), REAL(2, 3, 6), NOTHING, NOTHING},
     &(settings){.d = 6, .n_heads = 3, .no_bias = true}},
    {"multi_head_attention", "dropout", init_multi_head, multi_head, {REAL(2, 4, 4), NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .p = 0.4}},
    {"multi_head_attention", "another key size", init_multi_head, multi_head, {REAL(2, 4, 4), REAL(2, 5, 3), NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .d_key = 3, .d_value = 3}},
    {"multi_head_attention", "another value size", init_multi_head, multi_head, {REAL(2, 4, 4), REAL(2, 3, 3), NOTHING, NOTHING, REAL(2, 3, 5)},
     &(settings){.d = 4, .n_heads = 2, .d_key = 3, .d_value = 5}},
    {"multi_head_attention", "values apart", init_multi_head, multi_head, {REAL(2, 4, 4), REAL(2, 3, 4), NOTHING, NOTHING, REAL(2, 3, 4)},
     &(settings){.d = 4, .n_heads = 2, .no_bias = true}},
    {"multi_head_attention", "weights", init_multi_head, multi_head, {REAL(2, 4, 4), NOTHING, NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .output = WEIGHTS}},
    {"multi_head_attention", "mean weights, causal", init_multi_head, multi_head, {REAL(2, 4, 4), NOTHING, NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .causal = true, .output = MEAN_WEIGHTS}},
    {"multi_head_attention", "weights, dropout", init_multi_head, multi_head, {REAL(2, 4, 4), NOTHING, NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .p = 0.4, .output = WEIGHTS}},
    {"multi_head_attention", "bias_kv", init_multi_head, multi_head, {REAL(2, 4, 4), REAL(2, 3, 4), NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .bias_kv = true}},
    {"multi_head_attention", "zero_attn, causal", init_multi_head, multi_head, {REAL(2, 4, 4), NOTHING, NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .zero_attn = true, .causal = true}},
    {"multi_head_attention", "bias_kv, zero_attn, padding, mask", init_multi_head, multi_head, {REAL(2, 4, 4), NOTHING, COINS(2, 4), MOSTLY(4, 4), NOTHING},
     &(settings){.d = 4, .n_heads = 2, .bias_kv = true, .zero_attn = true, .output = WEIGHTS}},
    {"multi_head_attention", "bias_kv, scores added to", init_multi_head, multi_head, {REAL(2, 4, 4), NOTHING, NOTHING, REAL(2, 1, 4, 1), NOTHING},
     &(settings){.d = 4, .n_heads = 2, .bias_kv = true, .causal = true}},
    {"multi_head_attention", "a mask that learns", init_multi_head, multi_head, {REAL(2, 4, 4), NOTHING, MOSTLY(2, 4), REAL(2, 4, 4), NOTHING},
     &(settings){.d = 4, .n_heads = 2}},
    {"multi_head_attention", "two heads of keys", init_multi_head, multi_head, {REAL(2, 3, 8), NOTHING, NOTHING, NOTHING, NOTHING},
     &(settings){.d = 8, .n_heads = 4, .features = {.n_kv_heads = 2}}},
    {"multi_head_attention", "one head of keys, cross", init_multi_head, multi_head, {REAL(2, 2, 8), REAL(2, 3, 8), NOTHING, NOTHING, NOTHING},
     &(settings){.d = 8, .n_heads = 4, .features = {.n_kv_heads = 1}}},
    {"multi_head_attention", "shared heads, bias_kv, weights", init_multi_head, multi_head, {REAL(1, 3, 8), NOTHING, NOTHING, NOTHING, NOTHING},
     &(settings){.d = 8, .n_heads = 4, .bias_kv = true, .output = WEIGHTS, .features = {.n_kv_heads = 2}}},
    {"multi_head_attention", "rope", init_multi_head, multi_head, {REAL(2, 4, 4), NOTHING, NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .features = {.rope_base = 10000}}},
    {"multi_head_attention", "rope, interleaved, causal", init_multi_head, multi_head, {REAL(1, 5, 8), NOTHING, NOTHING, NOTHING, NOTHING},
     &(settings){.d = 8, .n_heads = 4, .causal = true, .features = {.rope_base = 100, .rope_interleaved = true}}},
    {"multi_head_attention", "rope, cross", init_multi_head, multi_head, {REAL(2, 3, 4), REAL(2, 5, 4), NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .features = {.rope_base = 100}}},
    {"multi_head_attention", "alibi", init_multi_head, multi_head, {REAL(2, 4, 4), NOTHING, NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .features = {.alibi = true}}},
    {"multi_head_attention", "alibi, causal, three heads", init_multi_head, multi_head, {REAL(2, 4, 6), NOTHING, COINS(2, 4), NOTHING, NOTHING},
     &(settings){.d = 6, .n_heads = 3, .causal = true, .features = {.alibi = true}}},
    {"multi_head_attention", "relative", init_multi_head, multi_head, {REAL(2, 7, 4), NOTHING, NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .features = {.relative_buckets = 8, .relative_longest = 6}}},
    {"multi_head_attention", "relative, causal", init_multi_head, multi_head, {REAL(2, 7, 4), NOTHING, NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .causal = true, .features = {.relative_buckets = 4, .relative_longest = 5}}},
    {"multi_head_attention", "relative, alibi, padding", init_multi_head, multi_head, {REAL(2, 4, 4), NOTHING, COINS(2, 4), REAL(4, 4), NOTHING},
     &(settings){.d = 4, .n_heads = 2, .features = {.relative_buckets = 32, .alibi = true}}},
    {"multi_head_attention", "relative, cross", init_multi_head, multi_head, {REAL(2, 3, 4), REAL(2, 5, 4), NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .features = {.relative_buckets = 8, .relative_longest = 6}}},
    {"multi_head_attention", "relative, bias_kv, window", init_multi_head, multi_head, {REAL(1, 5, 4), NOTHING, NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .bias_kv = true, .zero_attn = true, .features = {.relative_buckets = 8, .relative_longest = 6, .window = 2}}},
    {"multi_head_attention", "window", init_multi_head, multi_head, {REAL(2, 6, 4), NOTHING, NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .features = {.window = 2}}},
    {"multi_head_attention", "window, causal", init_multi_head, multi_head, {REAL(2, 6, 4), NOTHING, NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .causal = true, .features = {.window = 3}}},
    {"multi_head_attention", "window, causal, bias_kv", init_multi_head, multi_head, {REAL(1, 5, 4), NOTHING, NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .causal = true, .bias_kv = true, .features = {.window = 2}}},
    {"multi_head_attention", "normalised", init_multi_head, multi_head, {REAL(2, 4, 4), NOTHING, NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .features = {.qk_norm = true}}},
    {"multi_head_attention", "normalised, rope, temperature, shared", init_multi_head, multi_head, {REAL(1, 4, 8), NOTHING, NOTHING, NOTHING, NOTHING},
     &(settings){.d = 8, .n_heads = 4, .causal = true, .features = {.qk_norm = true, .rope_base = 10000, .learned_temperature = true, .n_kv_heads = 2}}},
    {"multi_head_attention", "temperature", init_multi_head, multi_head, {REAL(2, 4, 4), NOTHING, NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .features = {.learned_temperature = true}}},
    {"multi_head_attention", "temperature, cross", init_multi_head, multi_head, {REAL(2, 3, 4), REAL(2, 5, 4), NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .features = {.learned_temperature = true}}},
    {"multi_head_attention", "lora", init_multi_head, multi_head, {REAL(2, 4, 4), NOTHING, NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .features = {.lora_rank = 2}}},
    {"multi_head_attention", "lora, everywhere", init_multi_head, multi_head, {REAL(2, 4, 4), NOTHING, NOTHING, NOTHING, NOTHING},
     &(settings){.d = 4, .n_heads = 2, .features = {.lora_rank = 1, .lora_alpha = 2, .lora_on = HEED_LORA_Q | HEED_LORA_K | HEED_LORA_V | HEED_LORA_O}}},
    {"multi_head_attention", "lora, cross", init_multi_head, multi_head, {REAL(2, 4, 4), REAL(2, 3, 3), NOTHING, NOTHING, REAL(2, 3, 5)},
     &(settings){.d = 4, .n_heads = 2, .d_key = 3, .d_value = 5, .features = {.lora_rank = 3, .lora_alpha = 1, .lora_on = HEED_LORA_K | HEED_LORA_O}}},
    {"multi_head_attention", "everything", init_multi_head, multi_head, {REAL(1, 5, 8), NOTHING, MOSTLY(1, 5), NOTHING, NOTHING},
     &(settings){.d = 8, .n_heads = 4, .causal = true, .bias_kv = true, .zero_attn = true, .output = MEAN_WEIGHTS, .features = {.n_kv_heads = 2, .rope_base = 100, .alibi = true, .relative_buckets = 4, .relative_longest = 9, .window = 3, .qk_norm = true,
                               .learned_temperature = true, .lora_rank = 2}}},

    {"lora", "a vector", init_lora, lora, {REAL(4)}, &(settings){.d = 4, .d2 = 3, .features = {.lora_rank = 1}}},
    {"lora", "rank 2", init_lora, lora, {REAL(3, 4)}, &(settings){.d = 4, .d2 = 5, .features = {.lora_rank = 2}}},
    {"lora", "alpha 16", init_lora, lora, {REAL(3, 4)}, &(settings){.d = 4, .d2 = 2, .features = {.lora_rank = 4, .lora_alpha = 16}}},
    {"lora", "no bias", init_lora, lora, {REAL(2, 2, 3)}, &(settings){.d = 3, .d2 = 3, .no_bias = true, .features = {.lora_rank = 2, .lora_alpha = 1}}},
    {"lora", "15 to 17", init_lora, lora, {REAL(2, 15)}, &(settings){.d = 15, .d2 = 17, .features = {.lora_rank = 3}}},
    {"lora", "16 to 1", init_lora, lora, {REAL(3, 16)}, &(settings){.d = 16, .d2 = 1, .features = {.lora_rank = 1, .lora_alpha = 0.5}}},
    {"lora", "1 to 16", init_lora, lora, {REAL(3, 1)}, &(settings){.d = 1, .d2 = 16, .features = {.lora_rank = 2}}},
    {"lora", "33 to 2", init_lora, lora, {REAL(2, 1, 33)}, &(settings){.d = 33, .d2 = 2, .features = {.lora_rank = 16}}},
};

const layer_table layer_cases_attention = {cases, sizeof cases / sizeof *cases, sizeof(room)};
