/* Multi-head attention against torch.nn.MultiheadAttention. */
#include "parity.h"

typedef union room {
    heed_multi_head_attention attention;
} room;

typedef struct settings {
    heed_multi_head_options layer;
    bool causal;
} settings;

static void declare(void *layer, const heed_module *root, const void *options) {
    heed_multi_head_attention_init(&((room *)layer)->attention, root, "layer", ((const settings *)options)->layer);
}

/* Weights are returned where the case has them: by head, or their mean. */
static void forward(const void *layer, parity_run *r, const void *options) {
    const settings *o = options;
    heed_tensor query = parity_given(r, "query"), memory = parity_given(r, "memory"), weights, mean;
    const bool by_head = golden_find(&r->g, "out", "weights"), averaged = golden_find(&r->g, "out", "mean");
    heed_attend attend = {.value = parity_given(r, "value"),
                          .key_padding = parity_given(r, "padding"),
                          .mask = parity_given(r, "mask"),
                          .causal = o->causal,
                          .weights = by_head ? &weights : NULL,
                          .mean_weights = averaged ? &mean : NULL};
    parity_produced(r, "y",
                    heed_multi_head_attention_forward(&((const room *)layer)->attention, r->t, query,
                                                      heed_is_nil(memory) ? query : memory, attend));
    if (by_head)
        parity_produced(r, "weights", weights);
    if (averaged)
        parity_produced(r, "mean", mean);
}

#define CASE(name, ...)                                                                                                \
    {                                                                                                                  \
        name, declare, forward, &(settings) { {.n_heads = 2, __VA_ARGS__}, false }                                     \
    }
#define CAUSAL(name, ...)                                                                                              \
    {                                                                                                                  \
        name, declare, forward, &(settings) { {.n_heads = 2, __VA_ARGS__}, true }                                      \
    }

static const parity_case cases[] = {
    CASE("attention_self", .d_model = 8),
    CASE("attention_no_bias", .d_model = 8, .no_bias = true),
    CAUSAL("attention_causal", .d_model = 8),
    CAUSAL("attention_causal_padding", .d_model = 8),
    CASE("attention_cross", .d_model = 8),
    CASE("attention_cross_padding", .d_model = 8),
    CASE("attention_additive_padding", .d_model = 8),

    CASE("mha_one_token", .d_model = 8),
    {"mha_one_head", declare, forward, &(settings){{.d_model = 5, .n_heads = 1}, false}},
    {"mha_heads_of_one", declare, forward, &(settings){{.d_model = 4, .n_heads = 4}, false}},
    {"mha_three_heads", declare, forward, &(settings){{.d_model = 9, .n_heads = 3}, false}},
    CAUSAL("mha_seventeen_tokens", .d_model = 4),
    CASE("mha_kdim", .d_model = 4, .d_key = 5, .d_value = 5),
    CASE("mha_kdim_vdim", .d_model = 4, .d_key = 3, .d_value = 5),
    CASE("mha_kdim_no_bias", .d_model = 4, .d_key = 6, .d_value = 2, .no_bias = true),
    CASE("mha_vdim_only", .d_model = 4, .d_value = 3),
    CASE("mha_values_apart", .d_model = 6),
    CASE("mha_weights", .d_model = 4),
    CASE("mha_mean_weights", .d_model = 4),
    CASE("mha_weights_cross", .d_model = 4, .no_bias = true),
    {"mha_mean_weights_causal", declare, forward, &(settings){{.d_model = 6, .n_heads = 3}, true}},
    CASE("mha_bias_kv", .d_model = 4, .bias_kv = true),
    CASE("mha_bias_kv_cross", .d_model = 4, .bias_kv = true),
    CAUSAL("mha_bias_kv_causal", .d_model = 4, .bias_kv = true),
    CASE("mha_zero_attn", .d_model = 4, .zero_attn = true),
    CAUSAL("mha_zero_attn_causal", .d_model = 4, .zero_attn = true),
    CASE("mha_extras_padding", .d_model = 4, .bias_kv = true, .zero_attn = true),
    CASE("mha_extras_kdim", .d_model = 4, .d_key = 3, .d_value = 5, .bias_kv = true, .zero_attn = true),
    CASE("mha_bool_mask", .d_model = 4),
    CASE("mha_bool_mask_padding", .d_model = 4),
    CAUSAL("mha_bool_mask_causal", .d_model = 4),
    CASE("mha_bool_mask_by_head", .d_model = 4),
    CASE("mha_bool_mask_by_batch", .d_model = 4),
    CASE("mha_real_mask", .d_model = 4),
    CASE("mha_real_mask_by_head", .d_model = 4),
    CAUSAL("mha_real_mask_causal", .d_model = 4),
    CASE("mha_real_mask_extras", .d_model = 4, .bias_kv = true, .zero_attn = true),
    CAUSAL("mha_causal_padding", .d_model = 4),
};

const parity_set parity_attention = {"attention", cases, sizeof cases / sizeof *cases, sizeof(room)};
