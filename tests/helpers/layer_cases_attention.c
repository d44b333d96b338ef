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
                                   (heed_multi_head_options){.d_model = o->d, .n_heads = o->n_heads,
                                                             .no_bias = o->no_bias, .dropout = o->p,
                                                             .d_key = o->d_key, .d_value = o->d_value,
                                                             .bias_kv = o->bias_kv, .zero_attn = o->zero_attn,
                                                             .features = o->features});
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
    heed_tensor memory = heed_is_nil(in[1]) ? in[0] : in[1];
    heed_tensor y = heed_multi_head_attention_forward(&r->multi_head_attention, t, in[0], memory, attend);
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

#define ONE_HEAD(what) "self_attention", what, init_self_attention, self_attention
#define HEADS(what) "multi_head_attention", what, init_multi_head, multi_head
#define LORA(what) "lora", what, init_lora, lora

static const layer_case cases[] = {
    {ONE_HEAD("one sequence"), {REAL(5, 4)}, &(settings){.d = 4, .d2 = 3}},
    {ONE_HEAD("one token"), {REAL(2, 1, 4)}, &(settings){.d = 4, .d2 = 3}},
    {ONE_HEAD("batch"), {REAL(2, 5, 6)}, &(settings){.d = 6, .d2 = 4}},
    {ONE_HEAD("width 17"), {REAL(2, 3, 5)}, &(settings){.d = 5, .d2 = 17}},
    {ONE_HEAD("33 tokens"), {REAL(33, 3)}, &(settings){.d = 3, .d2 = 2}},
    {ONE_HEAD("causal"), {REAL(2, 5, 4)}, &(settings){.d = 4, .d2 = 3, .causal = true}},
    {ONE_HEAD("masked"), {REAL(2, 5, 4), COINS(5, 5)}, &(settings){.d = 4, .d2 = 3}},
    {ONE_HEAD("a mask each"), {REAL(3, 4, 4), COINS(3, 4, 4)}, &(settings){.d = 4, .d2 = 5}},
    {ONE_HEAD("scores added to"), {REAL(2, 4, 4), FIXED(4, 4)}, &(settings){.d = 4, .d2 = 3}},
    {ONE_HEAD("causal, masked"), {REAL(2, 6, 4), MOSTLY(2, 6, 6)}, &(settings){.d = 4, .d2 = 4, .causal = true}},

    {HEADS("self"), {REAL(2, 4, 6)}, &(settings){.d = 6, .n_heads = 2}},
    {HEADS("one head"), {REAL(2, 5, 4)}, &(settings){.d = 4, .n_heads = 1}},
    {HEADS("heads of 1"), {REAL(2, 3, 4)}, &(settings){.d = 4, .n_heads = 4}},
    {HEADS("one token"), {REAL(3, 1, 4)}, &(settings){.d = 4, .n_heads = 2}},
    {HEADS("cross"), {REAL(2, 3, 4), REAL(2, 5, 4)}, &(settings){.d = 4, .n_heads = 2}},
    {HEADS("17 sources"), {REAL(1, 2, 6), REAL(1, 17, 6)}, &(settings){.d = 6, .n_heads = 3}},
    {HEADS("padding"), {REAL(3, 4, 4), NOTHING, COINS(3, 4)}, &(settings){.d = 4, .n_heads = 2}},
    {HEADS("cross, padding"), {REAL(2, 3, 4), REAL(2, 6, 4), COINS(2, 6)}, &(settings){.d = 4, .n_heads = 2}},
    {HEADS("causal"), {REAL(2, 5, 4)}, &(settings){.d = 4, .n_heads = 2, .causal = true}},
    {HEADS("causal, padding"), {REAL(2, 5, 4), NOTHING, COINS(2, 5)},
     &(settings){.d = 4, .n_heads = 2, .causal = true}},
    {HEADS("masked by head"), {REAL(2, 4, 4), NOTHING, NOTHING, MOSTLY(2, 2, 4, 4)}, &(settings){.d = 4, .n_heads = 2}},
    {HEADS("scores added to"), {REAL(2, 4, 4), NOTHING, NOTHING, FIXED(2, 4, 4)}, &(settings){.d = 4, .n_heads = 2}},
    {HEADS("no bias"), {REAL(2, 4, 6)}, &(settings){.d = 6, .n_heads = 2, .no_bias = true}},
    {HEADS("cross, no bias"), {REAL(2, 2, 6), REAL(2, 3, 6)}, &(settings){.d = 6, .n_heads = 3, .no_bias = true}},
    {HEADS("dropout"), {REAL(2, 4, 4)}, &(settings){.d = 4, .n_heads = 2, .p = 0.4}},
    {HEADS("another key size"), {REAL(2, 4, 4), REAL(2, 5, 3)},
     &(settings){.d = 4, .n_heads = 2, .d_key = 3, .d_value = 3}},
    {HEADS("another value size"), {REAL(2, 4, 4), REAL(2, 3, 3), NOTHING, NOTHING, REAL(2, 3, 5)},
     &(settings){.d = 4, .n_heads = 2, .d_key = 3, .d_value = 5}},
    {HEADS("values apart"), {REAL(2, 4, 4), REAL(2, 3, 4), NOTHING, NOTHING, REAL(2, 3, 4)},
     &(settings){.d = 4, .n_heads = 2, .no_bias = true}},
    {HEADS("weights"), {REAL(2, 4, 4)}, &(settings){.d = 4, .n_heads = 2, .output = WEIGHTS}},
    {HEADS("mean weights, causal"), {REAL(2, 4, 4)},
     &(settings){.d = 4, .n_heads = 2, .causal = true, .output = MEAN_WEIGHTS}},
    {HEADS("weights, dropout"), {REAL(2, 4, 4)}, &(settings){.d = 4, .n_heads = 2, .p = 0.4, .output = WEIGHTS}},
    {HEADS("bias_kv"), {REAL(2, 4, 4), REAL(2, 3, 4)}, &(settings){.d = 4, .n_heads = 2, .bias_kv = true}},
    {HEADS("zero_attn, causal"), {REAL(2, 4, 4)}, &(settings){.d = 4, .n_heads = 2, .zero_attn = true, .causal = true}},
    {HEADS("bias_kv, zero_attn, padding, mask"), {REAL(2, 4, 4), NOTHING, COINS(2, 4), MOSTLY(4, 4)},
     &(settings){.d = 4, .n_heads = 2, .bias_kv = true, .zero_attn = true, .output = WEIGHTS}},
    {HEADS("bias_kv, scores added to"), {REAL(2, 4, 4), NOTHING, NOTHING, REAL(2, 1, 4, 1)},
     &(settings){.d = 4, .n_heads = 2, .bias_kv = true, .causal = true}},
    {HEADS("a mask that learns"), {REAL(2, 4, 4), NOTHING, MOSTLY(2, 4), REAL(2, 4, 4)},
     &(settings){.d = 4, .n_heads = 2}},
    {HEADS("two heads of keys"), {REAL(2, 3, 8)}, &(settings){.d = 8, .n_heads = 4, .features = {.n_kv_heads = 2}}},
    {HEADS("one head of keys, cross"), {REAL(2, 2, 8), REAL(2, 3, 8)},
     &(settings){.d = 8, .n_heads = 4, .features = {.n_kv_heads = 1}}},
    {HEADS("shared heads, bias_kv, weights"), {REAL(1, 3, 8)},
     &(settings){.d = 8, .n_heads = 4, .bias_kv = true, .output = WEIGHTS, .features = {.n_kv_heads = 2}}},
    {HEADS("rope"), {REAL(2, 4, 4)}, &(settings){.d = 4, .n_heads = 2, .features = {.rope_base = 10000}}},
    {HEADS("rope, interleaved, causal"), {REAL(1, 5, 8)},
     &(settings){.d = 8, .n_heads = 4, .causal = true, .features = {.rope_base = 100, .rope_interleaved = true}}},
    {HEADS("rope, cross"), {REAL(2, 3, 4), REAL(2, 5, 4)},
     &(settings){.d = 4, .n_heads = 2, .features = {.rope_base = 100}}},
    {HEADS("alibi"), {REAL(2, 4, 4)}, &(settings){.d = 4, .n_heads = 2, .features = {.alibi = true}}},
    {HEADS("alibi, causal, three heads"), {REAL(2, 4, 6), NOTHING, COINS(2, 4)},
     &(settings){.d = 6, .n_heads = 3, .causal = true, .features = {.alibi = true}}},
    {HEADS("relative"), {REAL(2, 7, 4)},
     &(settings){.d = 4, .n_heads = 2, .features = {.relative_buckets = 8, .relative_longest = 6}}},
    {HEADS("relative, causal"), {REAL(2, 7, 4)},
     &(settings){.d = 4, .n_heads = 2, .causal = true, .features = {.relative_buckets = 4, .relative_longest = 5}}},
    {HEADS("relative, alibi, padding"), {REAL(2, 4, 4), NOTHING, COINS(2, 4), REAL(4, 4)},
     &(settings){.d = 4, .n_heads = 2, .features = {.relative_buckets = 32, .alibi = true}}},
    {HEADS("relative, cross"), {REAL(2, 3, 4), REAL(2, 5, 4)},
     &(settings){.d = 4, .n_heads = 2, .features = {.relative_buckets = 8, .relative_longest = 6}}},
    {HEADS("relative, bias_kv, window"), {REAL(1, 5, 4)},
     &(settings){.d = 4, .n_heads = 2, .bias_kv = true, .zero_attn = true, .features = {.relative_buckets = 8,
                 .relative_longest = 6, .window = 2}}},
    {HEADS("window"), {REAL(2, 6, 4)}, &(settings){.d = 4, .n_heads = 2, .features = {.window = 2}}},
    {HEADS("window, causal"), {REAL(2, 6, 4)},
     &(settings){.d = 4, .n_heads = 2, .causal = true, .features = {.window = 3}}},
    {HEADS("window, causal, bias_kv"), {REAL(1, 5, 4)},
     &(settings){.d = 4, .n_heads = 2, .causal = true, .bias_kv = true, .features = {.window = 2}}},
    {HEADS("normalised"), {REAL(2, 4, 4)}, &(settings){.d = 4, .n_heads = 2, .features = {.qk_norm = true}}},
    {HEADS("normalised, rope, temperature, shared"), {REAL(1, 4, 8)},
     &(settings){.d = 8, .n_heads = 4, .causal = true, .features = {.qk_norm = true, .rope_base = 10000,
                 .learned_temperature = true, .n_kv_heads = 2}}},
    {HEADS("temperature"), {REAL(2, 4, 4)},
     &(settings){.d = 4, .n_heads = 2, .features = {.learned_temperature = true}}},
    {HEADS("temperature, cross"), {REAL(2, 3, 4), REAL(2, 5, 4)},
     &(settings){.d = 4, .n_heads = 2, .features = {.learned_temperature = true}}},
    {HEADS("lora"), {REAL(2, 4, 4)}, &(settings){.d = 4, .n_heads = 2, .features = {.lora_rank = 2}}},
    {HEADS("lora, everywhere"), {REAL(2, 4, 4)},
     &(settings){.d = 4, .n_heads = 2, .features = {.lora_rank = 1, .lora_alpha = 2,
                 .lora_on = HEED_LORA_Q | HEED_LORA_K | HEED_LORA_V | HEED_LORA_O}}},
    {HEADS("lora, cross"), {REAL(2, 4, 4), REAL(2, 3, 3), NOTHING, NOTHING, REAL(2, 3, 5)},
     &(settings){.d = 4, .n_heads = 2, .d_key = 3, .d_value = 5, .features = {.lora_rank = 3, .lora_alpha = 1,
                 .lora_on = HEED_LORA_K | HEED_LORA_O}}},
    {HEADS("everything"), {REAL(1, 5, 8), NOTHING, MOSTLY(1, 5)},
     &(settings){.d = 8, .n_heads = 4, .causal = true, .bias_kv = true, .zero_attn = true, .output = MEAN_WEIGHTS,
                 .features = {.n_kv_heads = 2, .rope_base = 100, .alibi = true, .relative_buckets = 4,
                 .relative_longest = 9, .window = 3, .qk_norm = true, .learned_temperature = true, .lora_rank = 2}}},

    {LORA("a vector"), {REAL(4)}, &(settings){.d = 4, .d2 = 3, .features = {.lora_rank = 1}}},
    {LORA("rank 2"), {REAL(3, 4)}, &(settings){.d = 4, .d2 = 5, .features = {.lora_rank = 2}}},
    {LORA("alpha 16"), {REAL(3, 4)}, &(settings){.d = 4, .d2 = 2, .features = {.lora_rank = 4, .lora_alpha = 16}}},
    {LORA("no bias"), {REAL(2, 2, 3)},
     &(settings){.d = 3, .d2 = 3, .no_bias = true, .features = {.lora_rank = 2, .lora_alpha = 1}}},
    {LORA("15 to 17"), {REAL(2, 15)}, &(settings){.d = 15, .d2 = 17, .features = {.lora_rank = 3}}},
    {LORA("16 to 1"), {REAL(3, 16)}, &(settings){.d = 16, .d2 = 1, .features = {.lora_rank = 1, .lora_alpha = 0.5}}},
    {LORA("1 to 16"), {REAL(3, 1)}, &(settings){.d = 1, .d2 = 16, .features = {.lora_rank = 2}}},
    {LORA("33 to 2"), {REAL(2, 1, 33)}, &(settings){.d = 33, .d2 = 2, .features = {.lora_rank = 16}}},
};

const layer_table layer_cases_attention = {cases, sizeof cases / sizeof *cases, sizeof(room)};
