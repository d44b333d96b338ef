/* Multi-head attention against torch.nn.MultiheadAttention. */
#include "parity.h"

typedef union room {
    heed_multi_head_attention attention;
} room;

typedef struct settings {
    heed_transformer_options layer; /* what the layer has of them */
    bool causal;
} settings;

static void declare_attention(void *layer, const heed_module *root, const void *options) {
    room *l = layer;
    const settings *c = options;
    heed_multi_head_attention_init(&l->attention, root, "layer",
                                   (heed_multi_head_options){.d_model = c->layer.d_model, .n_heads = c->layer.n_heads, .no_bias = c->layer.no_bias});
}
static void forward_attention(const void *layer, parity_run *r, const void *options) {
    const room *l = layer;
    const settings *c = options;
    heed_tensor query = parity_given(r, "query"), memory = parity_given(r, "memory");
    heed_attend attend = {.key_padding = parity_given(r, "padding"), .mask = parity_given(r, "mask"), .causal = c->causal};
    parity_produced(r, "y", heed_multi_head_attention_forward(&l->attention, r->t, query, heed_is_nil(memory) ? query : memory, attend));
}

static const parity_case cases[] = {
    {"attention_self", declare_attention, forward_attention, &(settings){{.d_model = 8, .n_heads = 2}, false}},
    {"attention_no_bias", declare_attention, forward_attention,
     &(settings){{.d_model = 8, .n_heads = 2, .no_bias = true}, false}},
    {"attention_causal", declare_attention, forward_attention, &(settings){{.d_model = 8, .n_heads = 2}, true}},
    {"attention_causal_padding", declare_attention, forward_attention, &(settings){{.d_model = 8, .n_heads = 2}, true}},
    {"attention_cross", declare_attention, forward_attention, &(settings){{.d_model = 8, .n_heads = 2}, false}},
    {"attention_cross_padding", declare_attention, forward_attention, &(settings){{.d_model = 8, .n_heads = 2}, false}},
    {"attention_additive_padding", declare_attention, forward_attention,
     &(settings){{.d_model = 8, .n_heads = 2}, false}},
};

const parity_set parity_attention = {"attention", cases, sizeof cases / sizeof *cases, sizeof(room)};
