/* What transformers are made of. */
#include "layer_table.h"

typedef union room {
    heed_feed_forward feed_forward;
    heed_encoder_layer encoder_layer;
    heed_encoder encoder;
    heed_decoder_layer decoder_layer;
    heed_decoder decoder;
    heed_gpt gpt;
    heed_encoder_decoder encoder_decoder;
} room;

/* A layer reads those that mean something to it. */
typedef struct settings {
    int64_t d, d2; /* d_model, d_ff */
    int n_heads, n_layers;
    double p, eps; /* of dropout; of norms, 0: 1e-5 */
    bool no_bias, causal, post_norm, no_mlp, recompute;
    heed_activation activation;
    heed_norm_kind norm;
} settings;

static void init_feed_forward(void *layer, const heed_module *root, const void *options) {
    room *r = layer;
    const settings *o = options;
    heed_feed_forward_init(&r->feed_forward, root, "mlp",
                           (heed_feed_forward_options){.d_model = o->d, .d_ff = o->d2, .activation = o->activation, .dropout = o->p,
                                                       .no_bias = o->no_bias});
}
static heed_tensor feed_forward(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const room *r = layer;
    (void)options;
    return heed_feed_forward_forward(&r->feed_forward, t, in[0]);
}

static heed_transformer_options transformer(const settings *o) {
    return (heed_transformer_options){.d_model = o->d, .d_ff = o->d2, .n_heads = o->n_heads, .n_layers = o->n_layers, .dropout = o->p,
                                      .activation = o->activation, .post_norm = o->post_norm, .no_bias = o->no_bias, .eps = o->eps, .no_mlp = o->no_mlp,
                                      .norm = o->norm, .recompute = o->recompute};
}

/* x, padding */
static void init_encoder_layer(void *layer, const heed_module *root, const void *options) {
    room *r = layer;
    const settings *o = options;
    heed_encoder_layer_init(&r->encoder_layer, root, "layer", transformer(o));
}
static heed_tensor encoder_layer(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const room *r = layer;
    const settings *o = options;
    return heed_encoder_layer_forward(&r->encoder_layer, t, in[0], (heed_attend){.key_padding = in[1], .causal = o->causal});
}

static void init_encoder(void *layer, const heed_module *root, const void *options) {
    room *r = layer;
    const settings *o = options;
    heed_encoder_init(&r->encoder, root, "encoder", transformer(o));
}
static heed_tensor encoder(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const room *r = layer;
    const settings *o = options;
    return heed_encoder_forward(&r->encoder, t, in[0], (heed_attend){.key_padding = in[1], .causal = o->causal});
}

/* x, memory, padding of the memory */
static void init_decoder_layer(void *layer, const heed_module *root, const void *options) {
    room *r = layer;
    const settings *o = options;
    heed_decoder_layer_init(&r->decoder_layer, root, "layer", transformer(o));
}
static heed_tensor decoder_layer(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const room *r = layer;
    const settings *o = options;
    return heed_decoder_layer_forward(&r->decoder_layer, t, in[0], in[1], (heed_attend){.causal = o->causal},
                                      (heed_attend){.key_padding = in[2]});
}

static void init_decoder(void *layer, const heed_module *root, const void *options) {
    room *r = layer;
    const settings *o = options;
    heed_decoder_init(&r->decoder, root, "decoder", transformer(o));
}
static heed_tensor decoder(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const room *r = layer;
    const settings *o = options;
    return heed_decoder_forward(&r->decoder, t, in[0], in[1], (heed_attend){.causal = o->causal}, (heed_attend){.key_padding = in[2]});
}

/* tokens, targets */
static void init_gpt(void *layer, const heed_module *root, const void *options) {
    room *r = layer;
    const heed_gpt_options *o = options;
    heed_gpt_init(&r->gpt, root, "gpt", *o);
}
static heed_tensor gpt(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const room *r = layer;
    (void)options;
    return heed_is_nil(in[1]) ? heed_gpt_forward(&r->gpt, t, in[0]) : heed_gpt_loss(&r->gpt, t, in[0], in[1]);
}

/* source, its padding, target */
static void init_encoder_decoder(void *layer, const heed_module *root, const void *options) {
    room *r = layer;
    const heed_encoder_decoder_options *o = options;
    heed_encoder_decoder_init(&r->encoder_decoder, root, "net", *o);
}
static heed_tensor encoder_decoder(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const room *r = layer;
    (void)options;
    return heed_encoder_decoder_forward(&r->encoder_decoder, t, in[0], in[1], in[2]);
}

#define STACKS(...) {.d_model = 4, .d_ff = 5, .n_heads = 2, .activation = HEED_GELU, __VA_ARGS__}

static const layer_case cases[] = {
    {"feed_forward", "relu", init_feed_forward, feed_forward, {REAL(3, 4)}, &(settings){.d = 4, .d2 = 7, .activation = HEED_RELU}},
    {"feed_forward", "relu, batch", init_feed_forward, feed_forward, {REAL(2, 2, 3)}, &(settings){.d = 3, .d2 = 5, .activation = HEED_RELU}},
    {"feed_forward", "gelu", init_feed_forward, feed_forward, {REAL(3, 4)}, &(settings){.d = 4, .d2 = 16, .activation = HEED_GELU}},
    {"feed_forward", "gelu, batch", init_feed_forward, feed_forward, {REAL(2, 3, 5)}, &(settings){.d = 5, .d2 = 17, .activation = HEED_GELU}},
    {"feed_forward", "gelu_tanh", init_feed_forward, feed_forward, {REAL(3, 4)}, &(settings){.d = 4, .d2 = 15, .activation = HEED_GELU_TANH}},
    {"feed_forward", "gelu_tanh, a vector", init_feed_forward, feed_forward, {REAL(6)}, &(settings){.d = 6, .d2 = 33, .activation = HEED_GELU_TANH}},
    {"feed_forward", "silu", init_feed_forward, feed_forward, {REAL(3, 4)}, &(settings){.d = 4, .d2 = 9, .activation = HEED_SILU}},
    {"feed_forward", "silu, no bias", init_feed_forward, feed_forward, {REAL(2, 3, 2)}, &(settings){.d = 2, .d2 = 8, .activation = HEED_SILU, .no_bias = true}},
    {"feed_forward", "dropout", init_feed_forward, feed_forward, {REAL(4, 4)}, &(settings){.d = 4, .d2 = 16, .activation = HEED_GELU, .p = 0.5}},
    {"feed_forward", "swiglu", init_feed_forward, feed_forward, {REAL(3, 4)}, &(settings){.d = 4, .d2 = 9, .activation = HEED_SWIGLU}},
    {"feed_forward", "swiglu, no bias, batch", init_feed_forward, feed_forward, {REAL(2, 2, 3)}, &(settings){.d = 3, .d2 = 8, .activation = HEED_SWIGLU, .no_bias = true}},
    {"feed_forward", "swiglu, dropout", init_feed_forward, feed_forward, {REAL(2, 3)}, &(settings){.d = 3, .d2 = 16, .activation = HEED_SWIGLU, .p = 0.5}},

    {"encoder_layer", "pre-norm", init_encoder_layer, encoder_layer, {REAL(2, 3, 4), NOTHING},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .activation = HEED_GELU}},
    {"encoder_layer", "post-norm", init_encoder_layer, encoder_layer, {REAL(2, 3, 4), NOTHING},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .activation = HEED_GELU, .post_norm = true}},
    {"encoder_layer", "relu", init_encoder_layer, encoder_layer, {REAL(1, 3, 4), NOTHING},
     &(settings){.d = 4, .d2 = 5, .n_heads = 2, .activation = HEED_RELU}},
    {"encoder_layer", "post-norm, silu", init_encoder_layer, encoder_layer, {REAL(2, 2, 6), NOTHING},
     &(settings){.d = 6, .d2 = 7, .n_heads = 3, .activation = HEED_SILU, .post_norm = true}},
    {"encoder_layer", "padding", init_encoder_layer, encoder_layer, {REAL(3, 4, 4), COINS(3, 4)},
     &(settings){.d = 4, .d2 = 8, .n_heads = 2, .activation = HEED_GELU}},
    {"encoder_layer", "causal", init_encoder_layer, encoder_layer, {REAL(2, 5, 4), NOTHING},
     &(settings){.d = 4, .d2 = 8, .n_heads = 1, .activation = HEED_GELU_TANH, .causal = true}},
    {"encoder_layer", "post-norm, causal, padding", init_encoder_layer, encoder_layer, {REAL(2, 5, 4), COINS(2, 5)},
     &(settings){.d = 4, .d2 = 8, .n_heads = 2, .activation = HEED_GELU, .post_norm = true, .causal = true}},
    {"encoder_layer", "no bias", init_encoder_layer, encoder_layer, {REAL(2, 3, 4), NOTHING},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .activation = HEED_GELU, .no_bias = true}},
    {"encoder_layer", "dropout", init_encoder_layer, encoder_layer, {REAL(2, 3, 4), NOTHING},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .activation = HEED_GELU, .p = 0.3}},
    {"encoder_layer", "rmsnorm, swiglu", init_encoder_layer, encoder_layer, {REAL(2, 3, 4), NOTHING},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .activation = HEED_SWIGLU, .norm = HEED_RMSNORM, .causal = true}},
    {"encoder_layer", "rmsnorm, post-norm", init_encoder_layer, encoder_layer, {REAL(2, 3, 4), NOTHING},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .activation = HEED_GELU, .norm = HEED_RMSNORM, .post_norm = true}},
    {"encoder_layer", "attention only", init_encoder_layer, encoder_layer, {REAL(2, 3, 4), NOTHING},
     &(settings){.d = 4, .n_heads = 2, .no_mlp = true, .causal = true}},

    {"decoder_layer", "pre-norm", init_decoder_layer, decoder_layer, {REAL(2, 3, 4), REAL(2, 4, 4), NOTHING},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .activation = HEED_GELU, .causal = true}},
    {"decoder_layer", "post-norm", init_decoder_layer, decoder_layer, {REAL(2, 3, 4), REAL(2, 4, 4), NOTHING},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .activation = HEED_GELU, .causal = true, .post_norm = true}},
    {"decoder_layer", "relu", init_decoder_layer, decoder_layer, {REAL(1, 2, 4), REAL(1, 3, 4), NOTHING},
     &(settings){.d = 4, .d2 = 5, .n_heads = 2, .activation = HEED_RELU, .causal = true}},
    {"decoder_layer", "not causal", init_decoder_layer, decoder_layer, {REAL(2, 3, 6), REAL(2, 2, 6), NOTHING},
     &(settings){.d = 6, .d2 = 6, .n_heads = 3, .activation = HEED_SILU}},
    {"decoder_layer", "padding", init_decoder_layer, decoder_layer, {REAL(3, 3, 4), REAL(3, 4, 4), COINS(3, 4)},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .activation = HEED_GELU, .causal = true}},
    {"decoder_layer", "post-norm, padding", init_decoder_layer, decoder_layer, {REAL(2, 3, 4), REAL(2, 5, 4), COINS(2, 5)},
     &(settings){.d = 4, .d2 = 6, .n_heads = 1, .activation = HEED_GELU_TANH, .causal = true, .post_norm = true}},
    {"decoder_layer", "no bias", init_decoder_layer, decoder_layer, {REAL(2, 3, 4), REAL(2, 4, 4), NOTHING},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .activation = HEED_GELU, .causal = true, .no_bias = true}},
    {"decoder_layer", "dropout", init_decoder_layer, decoder_layer, {REAL(2, 3, 4), REAL(2, 4, 4), NOTHING},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .activation = HEED_GELU, .causal = true, .p = 0.3}},
    {"decoder_layer", "rmsnorm, swiglu", init_decoder_layer, decoder_layer, {REAL(2, 3, 4), REAL(2, 4, 4), NOTHING},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .activation = HEED_SWIGLU, .causal = true, .norm = HEED_RMSNORM}},
    {"decoder_layer", "attention only", init_decoder_layer, decoder_layer, {REAL(2, 3, 4), REAL(2, 4, 4), NOTHING},
     &(settings){.d = 4, .n_heads = 2, .causal = true, .no_mlp = true, .post_norm = true}},

    {"encoder", "one layer", init_encoder, encoder, {REAL(2, 3, 4), NOTHING},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 1, .activation = HEED_GELU}},
    {"encoder", "two layers", init_encoder, encoder, {REAL(2, 3, 4), NOTHING},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 2, .activation = HEED_GELU}},
    {"encoder", "three layers, post-norm", init_encoder, encoder, {REAL(2, 3, 4), NOTHING},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 3, .activation = HEED_GELU, .post_norm = true}},
    {"encoder", "two layers, relu", init_encoder, encoder, {REAL(1, 2, 4), NOTHING},
     &(settings){.d = 4, .d2 = 4, .n_heads = 2, .n_layers = 2, .activation = HEED_RELU}},
    {"encoder", "padding", init_encoder, encoder, {REAL(3, 4, 4), COINS(3, 4)},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 2, .activation = HEED_SILU}},
    {"encoder", "causal", init_encoder, encoder, {REAL(2, 5, 6), NOTHING},
     &(settings){.d = 6, .d2 = 6, .n_heads = 3, .n_layers = 2, .activation = HEED_GELU_TANH, .causal = true}},
    {"encoder", "no bias, post-norm", init_encoder, encoder, {REAL(2, 3, 4), NOTHING},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 2, .activation = HEED_GELU, .no_bias = true, .post_norm = true}},
    {"encoder", "dropout, eps 0.01", init_encoder, encoder, {REAL(2, 3, 4), NOTHING},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 2, .activation = HEED_GELU, .p = 0.2, .eps = 0.01}},
    {"encoder", "recomputed, padding, dropout", init_encoder, encoder, {REAL(2, 4, 4), COINS(2, 4)},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 2, .activation = HEED_GELU, .p = 0.2, .recompute = true}},

    {"decoder", "one layer", init_decoder, decoder, {REAL(2, 3, 4), REAL(2, 4, 4), NOTHING},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 1, .activation = HEED_GELU, .causal = true}},
    {"decoder", "two layers", init_decoder, decoder, {REAL(2, 3, 4), REAL(2, 4, 4), NOTHING},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 2, .activation = HEED_GELU, .causal = true}},
    {"decoder", "three layers, post-norm", init_decoder, decoder, {REAL(2, 3, 4), REAL(2, 4, 4), NOTHING},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 3, .activation = HEED_GELU, .causal = true, .post_norm = true}},
    {"decoder", "two layers, relu", init_decoder, decoder, {REAL(1, 2, 4), REAL(1, 2, 4), NOTHING},
     &(settings){.d = 4, .d2 = 4, .n_heads = 2, .n_layers = 2, .activation = HEED_RELU, .causal = true}},
    {"decoder", "not causal", init_decoder, decoder, {REAL(2, 3, 6), REAL(2, 2, 6), NOTHING},
     &(settings){.d = 6, .d2 = 6, .n_heads = 3, .n_layers = 2, .activation = HEED_SILU}},
    {"decoder", "padding", init_decoder, decoder, {REAL(3, 3, 4), REAL(3, 4, 4), COINS(3, 4)},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 2, .activation = HEED_GELU_TANH, .causal = true}},
    {"decoder", "no bias, post-norm", init_decoder, decoder, {REAL(2, 3, 4), REAL(2, 4, 4), NOTHING},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 2, .activation = HEED_GELU, .causal = true, .no_bias = true, .post_norm = true}},
    {"decoder", "dropout", init_decoder, decoder, {REAL(2, 3, 4), REAL(2, 4, 4), NOTHING},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 2, .activation = HEED_GELU, .causal = true, .p = 0.2}},
    {"decoder", "recomputed, post-norm, dropout", init_decoder, decoder, {REAL(2, 3, 4), REAL(2, 4, 4), COINS(2, 4)},
     &(settings){.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 2, .activation = HEED_GELU, .causal = true, .p = 0.2, .post_norm = true, .recompute = true}},

    {"gpt", "logits", init_gpt, gpt, {TOKENS(5, 2, 3), NOTHING},
     &(heed_gpt_options){.vocabulary = 5, .context = 3, .d_model = 4, .n_heads = 2, .n_layers = 2, .init_std = 0.5}},
    {"gpt", "loss", init_gpt, gpt, {TOKENS(5, 2, 3), TOKENS(5, 2, 3)},
     &(heed_gpt_options){.vocabulary = 5, .context = 4, .d_model = 4, .n_heads = 2, .n_layers = 2, .init_std = 0.5}},
    {"gpt", "untied, no bias", init_gpt, gpt, {TOKENS(7, 3, 4), TOKENS(7, 3, 4)},
     &(heed_gpt_options){.vocabulary = 7, .context = 4, .d_model = 4, .n_heads = 1, .n_layers = 1, .init_std = 0.5, .untied = true, .no_bias = true}},
    {"gpt", "one token", init_gpt, gpt, {TOKENS(5, 2, 1), NOTHING},
     &(heed_gpt_options){.vocabulary = 5, .context = 3, .d_model = 6, .n_heads = 3, .n_layers = 1, .init_std = 0.5}},
    {"gpt", "no positions, rmsnorm, swiglu", init_gpt, gpt, {TOKENS(5, 1, 5), NOTHING},
     &(heed_gpt_options){.vocabulary = 5, .context = 5, .d_model = 4, .d_ff = 7, .n_heads = 2, .n_layers = 2, .init_std = 0.5, .no_position = true,
                         .norm = HEED_RMSNORM, .activation = HEED_SWIGLU}},
    {"gpt", "attention only", init_gpt, gpt, {TOKENS(5, 2, 5), TOKENS(5, 2, 5)},
     &(heed_gpt_options){.vocabulary = 5, .context = 5, .d_model = 4, .n_heads = 2, .n_layers = 2, .init_std = 0.5, .no_mlp = true}},
    {"gpt", "as Llama: rotary, fewer keys", init_gpt, gpt, {TOKENS(5, 2, 4), TOKENS(5, 2, 4)},
     &(heed_gpt_options){.vocabulary = 5, .context = 4, .d_model = 8, .d_ff = 5, .n_heads = 4, .n_layers = 2, .init_std = 0.5, .untied = true, .no_bias = true,
                         .norm = HEED_RMSNORM, .activation = HEED_SWIGLU, .features = {.n_kv_heads = 2, .rope_base = 10000}}},
    {"gpt", "T5's bias, a window, qk_norm", init_gpt, gpt, {TOKENS(5, 2, 5), NOTHING},
     &(heed_gpt_options){.vocabulary = 5, .context = 5, .d_model = 8, .d_ff = 5, .n_heads = 2, .n_layers = 1, .init_std = 0.5,
                         .features = {.relative_buckets = 4, .relative_longest = 8, .window = 3, .qk_norm = true}}},
    {"gpt", "dropout", init_gpt, gpt, {TOKENS(5, 2, 4), TOKENS(5, 2, 4)},
     &(heed_gpt_options){.vocabulary = 5, .context = 4, .d_model = 4, .n_heads = 2, .n_layers = 1, .init_std = 0.5, .dropout = 0.3}},
    {"gpt", "recomputed, dropout", init_gpt, gpt, {TOKENS(5, 2, 4), TOKENS(5, 2, 4)},
     &(heed_gpt_options){.vocabulary = 5, .context = 4, .d_model = 4, .n_heads = 2, .n_layers = 3, .init_std = 0.5, .dropout = 0.3, .recompute = true}},
    {"gpt", "relu, eps 0.01", init_gpt, gpt, {TOKENS(17, 2, 3), NOTHING},
     &(heed_gpt_options){.vocabulary = 17, .context = 3, .d_model = 4, .d_ff = 5, .n_heads = 2, .n_layers = 1, .init_std = 0.5, .eps = 0.01, .activation = HEED_RELU}},

    {"encoder_decoder", "plain", init_encoder_decoder, encoder_decoder, {TOKENS(5, 2, 3), NOTHING, TOKENS(5, 2, 4)},
     &(heed_encoder_decoder_options){.target_vocabulary = 5, .longest = 4, .stacks = STACKS(.n_layers = 1)}},
    {"encoder_decoder", "padding", init_encoder_decoder, encoder_decoder, {TOKENS(5, 3, 4), COINS(3, 4), TOKENS(5, 3, 2)},
     &(heed_encoder_decoder_options){.target_vocabulary = 5, .longest = 4, .stacks = STACKS(.n_layers = 1)}},
    {"encoder_decoder", "one embedding", init_encoder_decoder, encoder_decoder, {TOKENS(5, 2, 3), NOTHING, TOKENS(5, 2, 3)},
     &(heed_encoder_decoder_options){.target_vocabulary = 5, .longest = 4, .tie_source = true, .stacks = STACKS(.n_layers = 1)}},
    {"encoder_decoder", "untied, two vocabularies", init_encoder_decoder, encoder_decoder, {TOKENS(7, 2, 3), NOTHING, TOKENS(5, 2, 2)},
     &(heed_encoder_decoder_options){.source_vocabulary = 7, .target_vocabulary = 5, .longest = 4, .untied = true, .stacks = STACKS(.n_layers = 1)}},
    {"encoder_decoder", "two layers, post-norm", init_encoder_decoder, encoder_decoder, {TOKENS(5, 2, 3), NOTHING, TOKENS(5, 2, 2)},
     &(heed_encoder_decoder_options){.target_vocabulary = 5, .longest = 4, .stacks = STACKS(.n_layers = 2, .post_norm = true)}},
    {"encoder_decoder", "one layer to two, rmsnorm", init_encoder_decoder, encoder_decoder, {TOKENS(5, 1, 3), NOTHING, TOKENS(5, 1, 3)},
     &(heed_encoder_decoder_options){.target_vocabulary = 5, .longest = 4, .n_encoder_layers = 1, .stacks = STACKS(.n_layers = 2, .norm = HEED_RMSNORM)}},
    {"encoder_decoder", "rotary, fewer keys", init_encoder_decoder, encoder_decoder, {TOKENS(5, 2, 3), NOTHING, TOKENS(5, 2, 3)},
     &(heed_encoder_decoder_options){.target_vocabulary = 5, .longest = 4, .stacks = STACKS(.n_layers = 1, .features = {.rope_base = 100, .n_kv_heads = 1})}},
    {"encoder_decoder", "dropout, no bias", init_encoder_decoder, encoder_decoder, {TOKENS(5, 2, 3), NOTHING, TOKENS(5, 2, 3)},
     &(heed_encoder_decoder_options){.target_vocabulary = 5, .longest = 4, .stacks = STACKS(.n_layers = 1, .dropout = 0.2, .no_bias = true)}},
    {"encoder_decoder", "recomputed", init_encoder_decoder, encoder_decoder, {TOKENS(5, 2, 3), COINS(2, 3), TOKENS(5, 2, 3)},
     &(heed_encoder_decoder_options){.target_vocabulary = 5, .longest = 4, .stacks = STACKS(.n_layers = 2, .dropout = 0.2, .recompute = true)}},
};

const layer_table layer_cases_transformer = {cases, sizeof cases / sizeof *cases, sizeof(room)};
