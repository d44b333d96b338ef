/* Self-attention and multi-head attention. */
#include "layer_table.h"

typedef union room {
    heed_self_attention self_attention;
    heed_multi_head_attention multi_head_attention;
} room;

/* A layer reads those that mean something to it. */
typedef struct settings {
    int64_t d, d2; /* d_model, d_k */
    int n_heads;
    double p; /* of dropout */
    bool no_bias, causal;
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

/* query, memory (absent: the query itself), key padding, mask */
static void init_multi_head(void *layer, const heed_module *root, const void *options) {
    room *r = layer;
    const settings *o = options;
    heed_multi_head_attention_init(&r->multi_head_attention, root, "attn",
                                   (heed_multi_head_options){.d_model = o->d, .n_heads = o->n_heads, .no_bias = o->no_bias, .dropout = o->p});
}
static heed_tensor multi_head(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const room *r = layer;
    const settings *o = options;
    return heed_multi_head_attention_forward(&r->multi_head_attention, t, in[0], heed_is_nil(in[1]) ? in[0] : in[1],
                                             (heed_attend){.key_padding = in[2], .mask = in[3], .causal = o->causal});
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
};

const layer_table layer_cases_attention = {cases, sizeof cases / sizeof *cases, sizeof(room)};
