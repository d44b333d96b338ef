/* What transformers are made of, against torch.nn. */
#include "parity.h"

typedef union room {
    heed_linear_layer linear;
    heed_layernorm_layer layernorm;
    heed_embedding_layer embedding;
    heed_encoder_layer encoder_layer;
    heed_encoder encoder;
    heed_decoder_layer decoder_layer;
    heed_decoder decoder;
} room;

typedef struct settings {
    heed_transformer_options layer; /* what the layer has of them */
    bool causal;
} settings;

static void declare_linear(void *layer, const heed_module *root, const void *options) {
    room *l = layer;
    const settings *c = options;
    heed_linear_init(&l->linear, root, "layer", 4, 6, !c->layer.no_bias);
}
static void forward_linear(const void *layer, parity_run *r, const void *options) {
    const room *l = layer;
    (void)options;
    parity_produced(r, "y", heed_linear_forward(&l->linear, r->t, parity_given(r, "x")));
}

static void declare_layernorm(void *layer, const heed_module *root, const void *options) {
    room *l = layer;
    const settings *c = options;
    heed_layernorm_init(&l->layernorm, root, "layer", c->layer.d_model, 1e-5, true);
}
static void forward_layernorm(const void *layer, parity_run *r, const void *options) {
    const room *l = layer;
    (void)options;
    parity_produced(r, "y", heed_layernorm_forward(&l->layernorm, r->t, parity_given(r, "x")));
}

static void declare_embedding(void *layer, const heed_module *root, const void *options) {
    room *l = layer;
    (void)options;
    heed_embedding_init(&l->embedding, root, "layer", 5, 3);
}
static void forward_embedding(const void *layer, parity_run *r, const void *options) {
    const room *l = layer;
    (void)options;
    parity_produced(r, "y", heed_embedding_forward(&l->embedding, r->t, parity_given(r, "tokens")));
}

static void declare_encoder_layer(void *layer, const heed_module *root, const void *options) {
    room *l = layer;
    const settings *c = options;
    heed_encoder_layer_init(&l->encoder_layer, root, "layer", c->layer);
}
static void forward_encoder_layer(const void *layer, parity_run *r, const void *options) {
    const room *l = layer;
    const settings *c = options;
    heed_attend attend = {.key_padding = parity_given(r, "padding"), .causal = c->causal};
    parity_produced(r, "y", heed_encoder_layer_forward(&l->encoder_layer, r->t, parity_given(r, "x"), attend));
}

static void declare_encoder(void *layer, const heed_module *root, const void *options) {
    room *l = layer;
    const settings *c = options;
    heed_encoder_init(&l->encoder, root, "layer", c->layer);
}
static void forward_encoder(const void *layer, parity_run *r, const void *options) {
    const room *l = layer;
    const settings *c = options;
    parity_produced(r, "y", heed_encoder_forward(&l->encoder, r->t, parity_given(r, "x"), (heed_attend){.causal = c->causal}));
}

static void declare_decoder_layer(void *layer, const heed_module *root, const void *options) {
    room *l = layer;
    const settings *c = options;
    heed_decoder_layer_init(&l->decoder_layer, root, "layer", c->layer);
}
static void forward_decoder_layer(const void *layer, parity_run *r, const void *options) {
    const room *l = layer;
    const settings *c = options;
    heed_attend self = {.causal = c->causal}, cross = {.key_padding = parity_given(r, "padding")};
    parity_produced(r, "y", heed_decoder_layer_forward(&l->decoder_layer, r->t, parity_given(r, "x"), parity_given(r, "memory"), self, cross));
}

static void declare_decoder(void *layer, const heed_module *root, const void *options) {
    room *l = layer;
    const settings *c = options;
    heed_decoder_init(&l->decoder, root, "layer", c->layer);
}
static void forward_decoder(const void *layer, parity_run *r, const void *options) {
    const room *l = layer;
    const settings *c = options;
    heed_attend self = {.causal = c->causal}, cross = {.key_padding = parity_given(r, "padding")};
    parity_produced(r, "y", heed_decoder_forward(&l->decoder, r->t, parity_given(r, "x"), parity_given(r, "memory"), self, cross));
}

static const parity_case cases[] = {
    {"linear", declare_linear, forward_linear, &(settings){{0}, false}},
    {"linear_no_bias", declare_linear, forward_linear, &(settings){{.no_bias = true}, false}},
    {"layernorm", declare_layernorm, forward_layernorm, &(settings){{.d_model = 8}, false}},
    {"embedding", declare_embedding, forward_embedding, &(settings){{0}, false}},
    {"encoder_layer_post_relu", declare_encoder_layer, forward_encoder_layer,
     &(settings){{.d_model = 8, .n_heads = 2, .d_ff = 12, .activation = HEED_RELU, .post_norm = true}, false}},
    {"encoder_layer_pre_gelu", declare_encoder_layer, forward_encoder_layer,
     &(settings){{.d_model = 8, .n_heads = 2, .d_ff = 12, .activation = HEED_GELU}, false}},
    {"encoder_pre", declare_encoder, forward_encoder,
     &(settings){{.d_model = 4, .n_heads = 2, .d_ff = 6, .n_layers = 2}, true}},
    {"encoder_post", declare_encoder, forward_encoder,
     &(settings){{.d_model = 4, .n_heads = 2, .d_ff = 6, .n_layers = 2, .post_norm = true}, true}},
    {"decoder_layer_post_gelu", declare_decoder_layer, forward_decoder_layer,
     &(settings){{.d_model = 8, .n_heads = 2, .d_ff = 12, .activation = HEED_GELU, .post_norm = true}, true}},
    {"decoder_layer_pre_relu", declare_decoder_layer, forward_decoder_layer,
     &(settings){{.d_model = 8, .n_heads = 2, .d_ff = 12, .activation = HEED_RELU}, true}},
    {"decoder_pre", declare_decoder, forward_decoder,
     &(settings){{.d_model = 4, .n_heads = 2, .d_ff = 6, .n_layers = 2}, true}},
    {"decoder_post", declare_decoder, forward_decoder,
     &(settings){{.d_model = 4, .n_heads = 2, .d_ff = 6, .n_layers = 2, .post_norm = true}, true}},
};

const parity_set parity_transformer = {"transformer", cases, sizeof cases / sizeof *cases, sizeof(room)};
