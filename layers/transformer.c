#include <heed/layers/kv_cache.h>
#include <heed/layers/transformer.h>
#include <heed/ops.h>

#include <math.h>
#include <stdio.h>

/* ---- parts of a layer ---- */

static void init_attention(heed_multi_head_attention *attn, const heed_module *parent, const char *name,
                           const heed_transformer_options *o, heed_attention_features features) {
    heed_multi_head_attention_init(attn, parent, name,
                                   (heed_multi_head_options){.d_model = o->d_model,
                                                             .n_heads = o->n_heads,
                                                             .no_bias = o->no_bias,
                                                             .dropout = o->dropout,
                                                             .features = features});
}

/* What is left of the features where queries and keys come from two sequences. */
static heed_attention_features placeless(heed_attention_features f) {
    f.rope_base = 0;
    f.rope_interleaved = f.alibi = false;
    f.relative_buckets = 0;
    f.relative_longest = f.window = 0;
    return f;
}

static void init_mlp(heed_feed_forward *mlp, const heed_module *parent, const char *name,
                     const heed_transformer_options *o) {
    int64_t d_ff = o->d_ff;
    if (d_ff == 0 && __builtin_mul_overflow(o->d_model, 4, &d_ff))
        heed_module_fail(parent, "d_ff, 4 times d_model %lld, does not fit", (long long)o->d_model);
    heed_feed_forward_init(mlp, parent, name,
                           (heed_feed_forward_options){.d_model = o->d_model,
                                                       .d_ff = d_ff,
                                                       .activation = o->activation,
                                                       .dropout = o->dropout,
                                                       .no_bias = o->no_bias});
}

static void init_norm(heed_norm_layer *norm, const heed_module *parent, const char *name,
                      const heed_transformer_options *o) {
    heed_norm_init(norm, parent, name, o->norm, o->d_model, o->eps != 0 ? o->eps : 1e-5, !o->no_bias);
}

/* What a part of the layer is given: x, normalised first in a pre-norm layer. */
static heed_tensor before(const heed_norm_layer *norm, heed_tape *t, heed_tensor x, bool post_norm) {
    return post_norm ? x : heed_norm_forward(norm, t, x);
}

/* What a part leaves: x + dropout(part), normalised at last in a post-norm layer. */
static heed_tensor after(const heed_norm_layer *norm, const heed_dropout_layer *dropout, heed_tape *t, heed_tensor x,
                         heed_tensor part, bool post_norm) {
    heed_tensor sum = heed_add(t, x, heed_dropout_forward(dropout, t, part));
    return post_norm ? heed_norm_forward(norm, t, sum) : sum;
}

/* The layer's second half. */
static heed_tensor think(const heed_feed_forward *mlp, const heed_norm_layer *norm, const heed_dropout_layer *dropout,
                         heed_tape *t, heed_tensor x, bool post_norm) {
    heed_tensor thought = heed_feed_forward_forward(mlp, t, before(norm, t, x, post_norm));
    return after(norm, dropout, t, x, heed_watch(t, "mlp_out", thought), post_norm);
}

/* ---- GPT-2's start ---- */

/* parts: how many projections add to the residual stream, each of which would otherwise make it wider. */
static void start_attention(heed_multi_head_attention *attn, const heed_transformer_options *o, int parts) {
    heed_param weights[] = {attn->w_q, attn->w_k, attn->w_v};
    for (int i = 0; i < 3; i++)
        heed_param_set_init(weights[i], heed_init_normal(0, o->init_std)); /* biases start at 0 anyway */
    heed_param_set_init(attn->w_o, heed_init_normal(0, o->init_std / sqrt(parts)));
}

static void start_linear(const heed_linear_layer *linear, double std) {
    heed_param_set_init(linear->weight, heed_init_normal(0, std));
    if (linear->has_bias)
        heed_param_set_init(linear->bias, heed_init_constant(0));
}

static void start_mlp(const heed_feed_forward *mlp, const heed_transformer_options *o, int parts) {
    if (mlp->gated)
        start_linear(&mlp->gate, o->init_std);
    start_linear(&mlp->up, o->init_std);
    start_linear(&mlp->down, o->init_std / sqrt(parts));
}

/* Of a stack whose layers have so many attentions. */
static int residual_parts(const heed_transformer_options *o, int attentions) {
    return (o->n_layers > 0 ? o->n_layers : 1) * (attentions + !o->no_mlp);
}

static bool starts_normal(const heed_module *module, const heed_transformer_options *o) {
    if (!(o->init_std >= 0 && o->init_std < INFINITY))
        heed_module_fail(module, "init_std %g must be 0 or more", o->init_std);
    return o->init_std > 0 && heed_model_status(module->model) == HEED_OK;
}

/* ---- encoder layer ---- */

void heed_encoder_layer_init(heed_encoder_layer *layer, const heed_module *parent, const char *name,
                             heed_transformer_options options) {
    *layer = (heed_encoder_layer){.post_norm = options.post_norm, .no_mlp = options.no_mlp};
    heed_module_init(&layer->module, parent, name);
    const heed_module *module = &layer->module;
    init_norm(&layer->norm_attn, module, "norm_attn", &options);
    init_attention(&layer->attn, module, "attn", &options, options.features);
    heed_dropout_init(&layer->dropout_attn, module, "dropout_attn", options.dropout);
    if (!layer->no_mlp) {
        init_norm(&layer->norm_mlp, module, "norm_mlp", &options);
        init_mlp(&layer->mlp, module, "mlp", &options);
        heed_dropout_init(&layer->dropout_mlp, module, "dropout_mlp", options.dropout);
    }
    if (!starts_normal(module, &options))
        return;
    int parts = residual_parts(&options, 1);
    start_attention(&layer->attn, &options, parts);
    if (!layer->no_mlp)
        start_mlp(&layer->mlp, &options, parts);
}

heed_tensor heed_encoder_layer_forward(const heed_encoder_layer *layer, heed_tape *t, heed_tensor x,
                                       heed_attend attend) {
    heed_enter(t, &layer->module);
    bool post = layer->post_norm;

    heed_tensor n = before(&layer->norm_attn, t, x, post); /* (B, T, d_model), as all below */
    heed_tensor seen = heed_watch(t, "attn_out", heed_multi_head_attention_forward(&layer->attn, t, n, n, attend));
    x = after(&layer->norm_attn, &layer->dropout_attn, t, x, seen, post);

    if (!layer->no_mlp)
        x = think(&layer->mlp, &layer->norm_mlp, &layer->dropout_mlp, t, x, post);
    heed_leave(t);
    return x;
}

/* ---- decoder layer ---- */

void heed_decoder_layer_init(heed_decoder_layer *layer, const heed_module *parent, const char *name,
                             heed_transformer_options options) {
    *layer = (heed_decoder_layer){.post_norm = options.post_norm, .no_mlp = options.no_mlp};
    heed_module_init(&layer->module, parent, name);
    const heed_module *module = &layer->module;
    init_norm(&layer->norm_self, module, "norm_self", &options);
    init_attention(&layer->self_attn, module, "self_attn", &options, options.features);
    heed_dropout_init(&layer->dropout_self, module, "dropout_self", options.dropout);
    init_norm(&layer->norm_cross, module, "norm_cross", &options);
    init_attention(&layer->cross_attn, module, "cross_attn", &options, placeless(options.features));
    heed_dropout_init(&layer->dropout_cross, module, "dropout_cross", options.dropout);
    if (!layer->no_mlp) {
        init_norm(&layer->norm_mlp, module, "norm_mlp", &options);
        init_mlp(&layer->mlp, module, "mlp", &options);
        heed_dropout_init(&layer->dropout_mlp, module, "dropout_mlp", options.dropout);
    }
    if (!starts_normal(module, &options))
        return;
    int parts = residual_parts(&options, 2);
    start_attention(&layer->self_attn, &options, parts);
    start_attention(&layer->cross_attn, &options, parts);
    if (!layer->no_mlp)
        start_mlp(&layer->mlp, &options, parts);
}

heed_tensor heed_decoder_layer_forward(const heed_decoder_layer *layer, heed_tape *t, heed_tensor x, heed_tensor memory,
                                       heed_attend self, heed_attend cross) {
    heed_enter(t, &layer->module);
    bool post = layer->post_norm;

    heed_tensor n = before(&layer->norm_self, t, x, post); /* (B, T, d_model), as all below */
    heed_tensor own = heed_watch(t, "self_out", heed_multi_head_attention_forward(&layer->self_attn, t, n, n, self));
    x = after(&layer->norm_self, &layer->dropout_self, t, x, own, post);

    n = before(&layer->norm_cross, t, x, post);
    heed_tensor read =
        heed_watch(t, "cross_out", heed_multi_head_attention_forward(&layer->cross_attn, t, n, memory, cross));
    x = after(&layer->norm_cross, &layer->dropout_cross, t, x, read, post);

    if (!layer->no_mlp)
        x = think(&layer->mlp, &layer->norm_mlp, &layer->dropout_mlp, t, x, post);
    heed_leave(t);
    return x;
}

/* ---- stacks ---- */

/* Room for the stack's layers, and in *n_layers how many it gets: none where the number is out of range or memory is,
 * which the model then says. */
static void *new_layers(const heed_module *module, int wanted, size_t size, int *n_layers) {
    void *layers = NULL;
    if (wanted >= 1 && wanted <= HEED_MAX_LAYERS)
        layers = heed_module_alloc(module, (size_t)wanted, size);
    else
        heed_module_fail(module, "n_layers %d is not in 1 to %d", wanted, HEED_MAX_LAYERS);
    *n_layers = layers ? wanted : 0;
    return layers;
}

enum { NUMBER = 12 };
static const char *number(int i, char text[NUMBER]) {
    snprintf(text, NUMBER, "%d", i);
    return text;
}

/* How layer i of a stack attends. */
static heed_attend of_layer(heed_attend attend, int i) {
    if (attend.cache)
        attend.cache += i;
    return attend;
}

/* Around a layer that is to be computed again in backward. */
static void begin_layer(heed_tape *t, bool recompute) {
    if (recompute)
        heed_recompute_begin(t);
}

static heed_tensor end_layer(heed_tape *t, bool recompute, heed_tensor x) {
    return recompute ? heed_recompute_end(t, x) : x;
}

void heed_encoder_init(heed_encoder *encoder, const heed_module *parent, const char *name,
                       heed_transformer_options options) {
    *encoder = (heed_encoder){.post_norm = options.post_norm, .recompute = options.recompute};
    heed_module_init(&encoder->module, parent, name);
    encoder->layer = new_layers(&encoder->module, options.n_layers, sizeof *encoder->layer, &encoder->n_layers);
    for (int i = 0; i < encoder->n_layers; i++)
        heed_encoder_layer_init(&encoder->layer[i], &encoder->module, number(i, (char[NUMBER]){0}), options);
    if (!options.post_norm)
        init_norm(&encoder->norm, &encoder->module, "norm", &options);
}

heed_tensor heed_encoder_forward(const heed_encoder *encoder, heed_tape *t, heed_tensor x, heed_attend attend) {
    heed_enter(t, &encoder->module);
    for (int i = 0; i < encoder->n_layers; i++) {
        begin_layer(t, encoder->recompute);
        x = heed_encoder_layer_forward(&encoder->layer[i], t, x, of_layer(attend, i));
        x = end_layer(t, encoder->recompute, x);
    }
    if (!encoder->post_norm)
        x = heed_norm_forward(&encoder->norm, t, x);
    heed_leave(t);
    return x;
}

void heed_decoder_init(heed_decoder *decoder, const heed_module *parent, const char *name,
                       heed_transformer_options options) {
    *decoder = (heed_decoder){.post_norm = options.post_norm, .recompute = options.recompute};
    heed_module_init(&decoder->module, parent, name);
    decoder->layer = new_layers(&decoder->module, options.n_layers, sizeof *decoder->layer, &decoder->n_layers);
    for (int i = 0; i < decoder->n_layers; i++)
        heed_decoder_layer_init(&decoder->layer[i], &decoder->module, number(i, (char[NUMBER]){0}), options);
    if (!options.post_norm)
        init_norm(&decoder->norm, &decoder->module, "norm", &options);
}

heed_tensor heed_decoder_forward(const heed_decoder *decoder, heed_tape *t, heed_tensor x, heed_tensor memory,
                                 heed_attend self, heed_attend cross) {
    heed_enter(t, &decoder->module);
    for (int i = 0; i < decoder->n_layers; i++) {
        begin_layer(t, decoder->recompute);
        x = heed_decoder_layer_forward(&decoder->layer[i], t, x, memory, of_layer(self, i), cross);
        x = end_layer(t, decoder->recompute, x);
    }
    if (!decoder->post_norm)
        x = heed_norm_forward(&decoder->norm, t, x);
    heed_leave(t);
    return x;
}
