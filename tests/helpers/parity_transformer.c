/* What transformers are made of, against torch.nn; and whole language models, against ones written in plain PyTorch. */
#include "parity.h"

typedef struct transformer {
    heed_encoder encoder;
    heed_decoder decoder;
} transformer;

typedef union room {
    heed_linear_layer linear;
    heed_layernorm_layer layernorm;
    heed_embedding_layer embedding;
    heed_encoder_layer encoder_layer;
    heed_encoder encoder;
    heed_decoder_layer decoder_layer;
    heed_decoder decoder;
    transformer transformer;
    heed_gpt gpt;
} room;

/* ---- simple layers ---- */

typedef struct sizes {
    int64_t in, out; /* inputs, outputs; vocabulary, d; d */
    bool no_bias;
    double eps;
} sizes;

static void declare_linear(void *layer, const heed_module *root, const void *options) {
    room *l = layer;
    const sizes *c = options;
    heed_linear_init(&l->linear, root, "layer", c->in, c->out, !c->no_bias);
}
static void forward_linear(const void *layer, parity_run *r, const void *options) {
    const room *l = layer;
    (void)options;
    parity_produced(r, "y", heed_linear_forward(&l->linear, r->t, parity_given(r, "x")));
}

static void declare_layernorm(void *layer, const heed_module *root, const void *options) {
    room *l = layer;
    const sizes *c = options;
    heed_layernorm_init(&l->layernorm, root, "layer", c->in, c->eps, true);
}
static void forward_layernorm(const void *layer, parity_run *r, const void *options) {
    const room *l = layer;
    (void)options;
    parity_produced(r, "y", heed_layernorm_forward(&l->layernorm, r->t, parity_given(r, "x")));
}

static void declare_embedding(void *layer, const heed_module *root, const void *options) {
    room *l = layer;
    const sizes *c = options;
    heed_embedding_init(&l->embedding, root, "layer", c->in, c->out);
}
static void forward_embedding(const void *layer, parity_run *r, const void *options) {
    const room *l = layer;
    (void)options;
    parity_produced(r, "y", heed_embedding_forward(&l->embedding, r->t, parity_given(r, "tokens")));
}

/* ---- layers and stacks ---- */

typedef struct settings {
    heed_transformer_options layer;
    bool causal;
    int n_encoders; /* of a whole transformer, whose n_layers are the decoder's */
} settings;

/* Most cases have the same sizes. */
static heed_transformer_options sized(const settings *c) {
    heed_transformer_options o = c->layer;
    o.d_model = o.d_model ? o.d_model : 4;
    o.n_heads = o.n_heads ? o.n_heads : 2;
    o.d_ff = o.d_ff ? o.d_ff : 6;
    return o;
}

static void declare_encoder_layer(void *layer, const heed_module *root, const void *options) {
    room *l = layer;
    heed_encoder_layer_init(&l->encoder_layer, root, "layer", sized(options));
}
static heed_attend own_of(parity_run *r, const settings *c) {
    return (heed_attend){.key_padding = parity_given(r, "padding"), .mask = parity_given(r, "mask"), .causal = c->causal};
}
static void forward_encoder_layer(const void *layer, parity_run *r, const void *options) {
    const room *l = layer;
    heed_tensor x = parity_given(r, "x");
    parity_produced(r, "y", heed_encoder_layer_forward(&l->encoder_layer, r->t, x, own_of(r, options)));
}

static void declare_encoder(void *layer, const heed_module *root, const void *options) {
    room *l = layer;
    heed_encoder_init(&l->encoder, root, "layer", sized(options));
}
static void forward_encoder(const void *layer, parity_run *r, const void *options) {
    const room *l = layer;
    heed_tensor x = parity_given(r, "x");
    parity_produced(r, "y", heed_encoder_forward(&l->encoder, r->t, x, own_of(r, options)));
}

static heed_attend self_of(parity_run *r, const settings *c) {
    return (heed_attend){.key_padding = parity_given(r, "own_padding"), .causal = c->causal};
}
static heed_attend cross_of(parity_run *r) {
    return (heed_attend){.key_padding = parity_given(r, "padding"), .mask = parity_given(r, "mask")};
}
static void declare_decoder_layer(void *layer, const heed_module *root, const void *options) {
    room *l = layer;
    heed_decoder_layer_init(&l->decoder_layer, root, "layer", sized(options));
}
static void forward_decoder_layer(const void *layer, parity_run *r, const void *options) {
    const room *l = layer;
    heed_tensor x = parity_given(r, "x"), memory = parity_given(r, "memory");
    parity_produced(r, "y", heed_decoder_layer_forward(&l->decoder_layer, r->t, x, memory, self_of(r, options), cross_of(r)));
}

static void declare_decoder(void *layer, const heed_module *root, const void *options) {
    room *l = layer;
    heed_decoder_init(&l->decoder, root, "layer", sized(options));
}
static void forward_decoder(const void *layer, parity_run *r, const void *options) {
    const room *l = layer;
    heed_tensor x = parity_given(r, "x"), memory = parity_given(r, "memory");
    parity_produced(r, "y", heed_decoder_forward(&l->decoder, r->t, x, memory, self_of(r, options), cross_of(r)));
}

static void declare_transformer(void *layer, const heed_module *root, const void *options) {
    room *l = layer;
    const settings *c = options;
    heed_transformer_options encoder = sized(c);
    encoder.n_layers = c->n_encoders;
    heed_encoder_init(&l->transformer.encoder, root, "encoder", encoder);
    heed_decoder_init(&l->transformer.decoder, root, "decoder", sized(c));
}
static void forward_transformer(const void *layer, parity_run *r, const void *options) {
    const room *l = layer;
    heed_tensor source = parity_given(r, "source"), target = parity_given(r, "target");
    heed_attend over = {.key_padding = parity_given(r, "padding")};
    heed_tensor memory = heed_encoder_forward(&l->transformer.encoder, r->t, source, over);
    parity_produced(r, "y", heed_decoder_forward(&l->transformer.decoder, r->t, target, memory, self_of(r, options), over));
}

/* ---- language models ---- */

static void declare_gpt(void *layer, const heed_module *root, const void *options) {
    room *l = layer;
    const heed_gpt_options *o = options;
    heed_gpt_init(&l->gpt, root, "layer", *o);
}
static void forward_gpt(const void *layer, parity_run *r, const void *options) {
    const room *l = layer;
    (void)options;
    parity_produced(r, "y", heed_gpt_forward(&l->gpt, r->t, parity_given(r, "tokens")));
}

/* ---- cases ---- */

#define LINEAR(NAME, ...) {NAME, declare_linear, forward_linear, &(sizes){__VA_ARGS__}}
#define LAYERNORM(NAME, ...) {NAME, declare_layernorm, forward_layernorm, &(sizes){__VA_ARGS__}}
#define EMBEDDING(NAME, ...) {NAME, declare_embedding, forward_embedding, &(sizes){__VA_ARGS__}}
#define CASE(NAME, KIND, CAUSAL, ...) {NAME, declare_##KIND, forward_##KIND, &(settings){.layer = {__VA_ARGS__}, .causal = CAUSAL}}
#define WHOLE(NAME, ENCODERS, ...) \
    {NAME, declare_transformer, forward_transformer, &(settings){.layer = {.d_ff = 5, __VA_ARGS__}, .causal = true, .n_encoders = ENCODERS}}

static const parity_case cases[] = {
    LINEAR("linear", .in = 4, .out = 6),
    LINEAR("linear_no_bias", .in = 4, .out = 6, .no_bias = true),
    LINEAR("linear_wide", .in = 17, .out = 33),
    LINEAR("linear_narrow", .in = 5, .out = 1),
    LAYERNORM("layernorm", .in = 8, .eps = 1e-5),
    LAYERNORM("layernorm_eps", .in = 17, .eps = 0.1),
    LAYERNORM("layernorm_two", .in = 2, .eps = 1e-5),
    EMBEDDING("embedding", .in = 5, .out = 3),
    EMBEDDING("embedding_row", .in = 7, .out = 2),

    CASE("encoder_layer_post_relu", encoder_layer, false, .post_norm = true),
    CASE("encoder_layer_post_gelu", encoder_layer, true, .d_model = 6, .n_heads = 3, .activation = HEED_GELU, .post_norm = true),
    CASE("encoder_layer_post_silu", encoder_layer, false, .d_ff = 5, .activation = HEED_SILU, .post_norm = true, .eps = 0.01),
    CASE("encoder_layer_pre_relu", encoder_layer, false, .activation = HEED_RELU),
    CASE("encoder_layer_pre_gelu", encoder_layer, false, .activation = HEED_GELU),
    CASE("encoder_layer_pre_gelu_tanh", encoder_layer, true, .activation = HEED_GELU_TANH),
    CASE("encoder_layer_pre_bool_mask", encoder_layer, false, .activation = HEED_RELU),
    CASE("encoder_layer_pre_additive_mask", encoder_layer, true, .activation = HEED_RELU),
    CASE("encoder_layer_one_head", encoder_layer, false, .n_heads = 1, .d_ff = 1, .post_norm = true),
    CASE("encoder_layer_four_heads", encoder_layer, false, .d_model = 8, .n_heads = 4, .d_ff = 9, .activation = HEED_GELU),
    CASE("encoder_pre", encoder, true, .n_layers = 2),
    CASE("encoder_post", encoder, true, .n_layers = 2, .post_norm = true),
    CASE("encoder_three_padding", encoder, false, .d_ff = 3, .n_layers = 3, .activation = HEED_GELU),
    CASE("encoder_one_eps", encoder, false, .n_layers = 1, .activation = HEED_GELU_TANH, .eps = 0.1),
    CASE("encoder_post_additive_mask", encoder, false, .n_layers = 2, .activation = HEED_GELU, .post_norm = true),

    CASE("decoder_layer_post_gelu", decoder_layer, true, .d_model = 6, .n_heads = 3, .activation = HEED_GELU, .post_norm = true),
    CASE("decoder_layer_post_relu", decoder_layer, false, .post_norm = true),
    CASE("decoder_layer_pre_relu", decoder_layer, true, .activation = HEED_RELU),
    CASE("decoder_layer_pre_gelu_tanh", decoder_layer, true, .activation = HEED_GELU_TANH),
    CASE("decoder_layer_pre_bool_mask", decoder_layer, true, .activation = HEED_GELU),
    CASE("decoder_layer_post_additive_mask", decoder_layer, true, .activation = HEED_SILU, .post_norm = true),
    CASE("decoder_layer_one_token", decoder_layer, true, .n_heads = 1, .d_ff = 3, .eps = 0.01),
    CASE("decoder_pre", decoder, true, .n_layers = 2),
    CASE("decoder_post", decoder, true, .n_layers = 2, .post_norm = true),
    CASE("decoder_three_long_memory", decoder, true, .d_ff = 3, .n_layers = 3, .activation = HEED_GELU),

    WHOLE("transformer_pre", 1, .n_layers = 2),
    WHOLE("transformer_pre_gelu", 2, .n_layers = 1, .activation = HEED_GELU),
    WHOLE("transformer_post", 1, .n_layers = 2, .post_norm = true),
    WHOLE("transformer_post_gelu", 2, .n_layers = 1, .n_heads = 1, .activation = HEED_GELU, .post_norm = true),

    {"gpt2_tiny", declare_gpt, forward_gpt,
     &(heed_gpt_options){.vocabulary = 13, .context = 8, .d_model = 8, .n_heads = 2, .n_layers = 2}},
    {"gpt_llama", declare_gpt, forward_gpt,
     &(heed_gpt_options){.vocabulary = 7, .context = 5, .d_model = 8, .d_ff = 5, .n_heads = 4, .n_layers = 2, .activation = HEED_SWIGLU,
                         .norm = HEED_RMSNORM, .no_bias = true, .untied = true, .features = {.n_kv_heads = 2, .rope_base = 10000}}},
};

const parity_set parity_transformer = {"transformer", cases, sizeof cases / sizeof *cases, sizeof(room)};
