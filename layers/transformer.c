#include <heed/layers/transformer.h>
#include <heed/ops.h>

#include <stdio.h>

/* ---- parts of a layer ---- */

static void init_attention(heed_multi_head_attention *attn, const heed_module *parent, const char *name, const heed_transformer_options *o) {
    heed_multi_head_attention_init(attn, parent, name, (heed_multi_head_options){.d_model = o->d_model, .n_heads = o->n_heads,
                                                                                 .no_bias = o->no_bias, .dropout = o->dropout});
}

static void init_mlp(heed_feed_forward *mlp, const heed_module *parent, const char *name, const heed_transformer_options *o) {
    heed_feed_forward_init(mlp, parent, name, (heed_feed_forward_options){.d_model = o->d_model, .d_ff = o->d_ff, .activation = o->activation,
                                                                          .dropout = o->dropout, .no_bias = o->no_bias});
}

static void init_norm(heed_layernorm_layer *norm, const heed_module *parent, const char *name, const heed_transformer_options *o) {
    heed_layernorm_init(norm, parent, name, o->d_model, o->eps != 0 ? o->eps : 1e-5, !o->no_bias);
}

/* What a part of the layer is given: x, normalised first in a pre-norm layer. */
static heed_tensor before(const heed_layernorm_layer *norm, heed_tape *t, heed_tensor x, bool post_norm) {
    return post_norm ? x : heed_layernorm_forward(norm, t, x);
}

/* What a part leaves: x + dropout(part), normalised at last in a post-norm layer. */
static heed_tensor after(const heed_layernorm_layer *norm, const heed_dropout_layer *dropout, heed_tape *t, heed_tensor x, heed_tensor part,
                         bool post_norm) {
    heed_tensor sum = heed_add(t, x, heed_dropout_forward(dropout, t, part));
    return post_norm ? heed_layernorm_forward(norm, t, sum) : sum;
}

/* ---- encoder layer ---- */

void heed_encoder_layer_init(heed_encoder_layer *layer, const heed_module *parent, const char *name, heed_transformer_options options) {
    *layer = (heed_encoder_layer){.post_norm = options.post_norm};
    heed_module_init(&layer->module, parent, name);
    const heed_module *module = &layer->module;
    init_norm(&layer->norm_attn, module, "norm_attn", &options);
    init_attention(&layer->attn, module, "attn", &options);
    heed_dropout_init(&layer->dropout_attn, module, "dropout_attn", options.dropout);
    init_norm(&layer->norm_mlp, module, "norm_mlp", &options);
    init_mlp(&layer->mlp, module, "mlp", &options);
    heed_dropout_init(&layer->dropout_mlp, module, "dropout_mlp", options.dropout);
}

heed_tensor heed_encoder_layer_forward(const heed_encoder_layer *layer, heed_tape *t, heed_tensor x, heed_attend attend) {
    heed_enter(t, &layer->module);
    bool post = layer->post_norm;

    heed_tensor n = before(&layer->norm_attn, t, x, post); /* (B, T, d_model), as all below */
    heed_tensor seen = heed_watch(t, "attn_out", heed_multi_head_attention_forward(&layer->attn, t, n, n, attend));
    x = after(&layer->norm_attn, &layer->dropout_attn, t, x, seen, post);

    n = before(&layer->norm_mlp, t, x, post);
    heed_tensor thought = heed_watch(t, "mlp_out", heed_feed_forward_forward(&layer->mlp, t, n));
    x = after(&layer->norm_mlp, &layer->dropout_mlp, t, x, thought, post);

    heed_leave(t);
    return x;
}

/* ---- decoder layer ---- */

void heed_decoder_layer_init(heed_decoder_layer *layer, const heed_module *parent, const char *name, heed_transformer_options options) {
    *layer = (heed_decoder_layer){.post_norm = options.post_norm};
    heed_module_init(&layer->module, parent, name);
    const heed_module *module = &layer->module;
    init_norm(&layer->norm_self, module, "norm_self", &options);
    init_attention(&layer->self_attn, module, "self_attn", &options);
    heed_dropout_init(&layer->dropout_self, module, "dropout_self", options.dropout);
    init_norm(&layer->norm_cross, module, "norm_cross", &options);
    init_attention(&layer->cross_attn, module, "cross_attn", &options);
    heed_dropout_init(&layer->dropout_cross, module, "dropout_cross", options.dropout);
    init_norm(&layer->norm_mlp, module, "norm_mlp", &options);
    init_mlp(&layer->mlp, module, "mlp", &options);
    heed_dropout_init(&layer->dropout_mlp, module, "dropout_mlp", options.dropout);
}

heed_tensor heed_decoder_layer_forward(const heed_decoder_layer *layer, heed_tape *t, heed_tensor x, heed_tensor memory,
                                       heed_attend self, heed_attend cross) {
    heed_enter(t, &layer->module);
    bool post = layer->post_norm;

    heed_tensor n = before(&layer->norm_self, t, x, post); /* (B, T, d_model), as all below */
    heed_tensor own = heed_watch(t, "self_out", heed_multi_head_attention_forward(&layer->self_attn, t, n, n, self));
    x = after(&layer->norm_self, &layer->dropout_self, t, x, own, post);

    n = before(&layer->norm_cross, t, x, post);
    heed_tensor read = heed_watch(t, "cross_out", heed_multi_head_attention_forward(&layer->cross_attn, t, n, memory, cross));
    x = after(&layer->norm_cross, &layer->dropout_cross, t, x, read, post);

    n = before(&layer->norm_mlp, t, x, post);
    heed_tensor thought = heed_watch(t, "mlp_out", heed_feed_forward_forward(&layer->mlp, t, n));
    x = after(&layer->norm_mlp, &layer->dropout_mlp, t, x, thought, post);

    heed_leave(t);
    return x;
}

/* ---- stacks ---- */

/* How many layers the stack gets: none where the number is out of range, which the model then says. */
static int checked_layers(const heed_module *module, int n_layers) {
    if (n_layers >= 1 && n_layers <= HEED_MAX_LAYERS)
        return n_layers;
    heed_module_fail(module, "n_layers %d is not in 1 to %d", n_layers, HEED_MAX_LAYERS);
    return 0;
}

enum { NUMBER = 12 };
static const char *number(int i, char text[NUMBER]) {
    snprintf(text, NUMBER, "%d", i);
    return text;
}

void heed_encoder_init(heed_encoder *encoder, const heed_module *parent, const char *name, heed_transformer_options options) {
    *encoder = (heed_encoder){.post_norm = options.post_norm};
    heed_module_init(&encoder->module, parent, name);
    encoder->n_layers = checked_layers(&encoder->module, options.n_layers);
    for (int i = 0; i < encoder->n_layers; i++)
        heed_encoder_layer_init(&encoder->layer[i], &encoder->module, number(i, (char[NUMBER]){0}), options);
    if (!options.post_norm)
        init_norm(&encoder->norm, &encoder->module, "norm", &options);
}

heed_tensor heed_encoder_forward(const heed_encoder *encoder, heed_tape *t, heed_tensor x, heed_attend attend) {
    heed_enter(t, &encoder->module);
    for (int i = 0; i < encoder->n_layers; i++)
        x = heed_encoder_layer_forward(&encoder->layer[i], t, x, attend);
    if (!encoder->post_norm)
        x = heed_layernorm_forward(&encoder->norm, t, x);
    heed_leave(t);
    return x;
}

void heed_decoder_init(heed_decoder *decoder, const heed_module *parent, const char *name, heed_transformer_options options) {
    *decoder = (heed_decoder){.post_norm = options.post_norm};
    heed_module_init(&decoder->module, parent, name);
    decoder->n_layers = checked_layers(&decoder->module, options.n_layers);
    for (int i = 0; i < decoder->n_layers; i++)
        heed_decoder_layer_init(&decoder->layer[i], &decoder->module, number(i, (char[NUMBER]){0}), options);
    if (!options.post_norm)
        init_norm(&decoder->norm, &decoder->module, "norm", &options);
}

heed_tensor heed_decoder_forward(const heed_decoder *decoder, heed_tape *t, heed_tensor x, heed_tensor memory,
                                 heed_attend self, heed_attend cross) {
    heed_enter(t, &decoder->module);
    for (int i = 0; i < decoder->n_layers; i++)
        x = heed_decoder_layer_forward(&decoder->layer[i], t, x, memory, self, cross);
    if (!decoder->post_norm)
        x = heed_layernorm_forward(&decoder->norm, t, x);
    heed_leave(t);
    return x;
}
