#include <heed/layers/gpt.h>
#include <heed/ops.h>

static heed_transformer_options blocks_of(const heed_gpt_options *o) {
    return (heed_transformer_options){.d_model = o->d_model,
                                      .d_ff = o->d_ff,
                                      .n_heads = o->n_heads,
                                      .n_layers = o->n_layers,
                                      .dropout = o->dropout,
                                      .norm = o->norm,
                                      .eps = o->eps,
                                      .no_bias = o->no_bias,
                                      .no_mlp = o->no_mlp,
                                      .recompute = o->recompute,
                                      .activation = o->activation ? o->activation : HEED_GELU_TANH,
                                      .init_std = o->init_std,
                                      .features = o->features};
}

static bool knows_places(const heed_attention_features *f) {
    return f->rope_base != 0 || f->alibi || f->relative_buckets;
}

void heed_gpt_init(heed_gpt *gpt, const heed_module *parent, const char *name, heed_gpt_options options) {
    heed_gpt_options *o = &options;
    if (o->init_std == 0)
        o->init_std = 0.02;
    *gpt = (heed_gpt){.has_position = !o->no_position && !knows_places(&o->features),
                      .untied = o->untied,
                      .vocabulary = o->vocabulary,
                      .context = o->context};
    heed_module_init(&gpt->module, parent, name);
    const heed_module *module = &gpt->module;
    if (o->context < 1)
        heed_module_fail(module, "context %lld must be positive", (long long)o->context);
    heed_embedding_init(&gpt->token, module, "token", o->vocabulary, o->d_model);
    heed_param_set_init(gpt->token.weight, heed_init_normal(0, o->init_std));
    if (gpt->has_position) {
        heed_position_init(&gpt->position, module, "position", HEED_POSITION_LEARNED, o->context, o->d_model);
        heed_param_set_init(gpt->position.weight, heed_init_normal(0, o->init_std));
    }
    heed_dropout_init(&gpt->dropout, module, "dropout", o->dropout);
    heed_encoder_init(&gpt->blocks, module, "blocks", blocks_of(o));
    if (gpt->untied) {
        heed_linear_init(&gpt->output, module, "output", o->d_model, o->vocabulary, false);
        heed_param_set_init(gpt->output.weight, heed_init_normal(0, o->init_std));
    }
}

/* held: tokens before these. */
static bool check_tokens(const heed_gpt *gpt, heed_tape *t, heed_tensor tokens, int64_t held) {
    int rank = heed_rank(t, tokens);
    if (rank >= 0 && rank != 2)
        heed_fail_tape(t, HEED_INVALID, "tokens are %s; they must be (batch, time)",
                       HEED_SHAPE_STR(heed_shape_of(t, tokens)));
    else if (rank == 2 && heed_size(t, tokens, 1) > gpt->context - held)
        heed_fail_tape(t, HEED_INVALID, "tokens are %s: %lld in a row, the context holds %lld",
                       HEED_SHAPE_STR(heed_shape_of(t, tokens)), (long long)(held + heed_size(t, tokens, 1)),
                       (long long)gpt->context);
    return heed_tape_status(t) == HEED_OK;
}

/* x (B, T, d_model) -> (B, T, V) */
static heed_tensor logits_of(const heed_gpt *gpt, heed_tape *t, heed_tensor x) {
    return gpt->untied ? heed_linear_forward(&gpt->output, t, x)
                       : heed_linear(t, x, heed_use(t, gpt->token.weight), HEED_NIL);
}

/* Tokens behind those that the caches hold; NULL: all there are. */
static heed_tensor forward(const heed_gpt *gpt, heed_tape *t, heed_tensor tokens, heed_kv_cache *caches) {
    heed_tensor x = heed_embedding_forward(&gpt->token, t, tokens); /* (B, T, d_model) */
    if (gpt->has_position)
        x = heed_position_forward(&gpt->position, t, x, caches ? caches->length : 0);
    x = heed_dropout_forward(&gpt->dropout, t, x);
    x = heed_encoder_forward(&gpt->blocks, t, x, (heed_attend){.causal = true, .cache = caches});
    return logits_of(gpt, t, x);
}

heed_tensor heed_gpt_forward(const heed_gpt *gpt, heed_tape *t, heed_tensor tokens) {
    heed_enter(t, &gpt->module);
    heed_tensor logits = check_tokens(gpt, t, tokens, 0) ? forward(gpt, t, tokens, NULL) : HEED_NIL;
    heed_leave(t);
    return logits;
}

static bool check_caches(const heed_gpt *gpt, heed_tape *t, const heed_kv_cache *caches) {
    for (int i = 1; i < gpt->blocks.n_layers; i++)
        if (caches[i].length != caches[0].length) {
            heed_fail_tape(t, HEED_INVALID,
                           "the caches must hold the same tokens: layer 0's holds %lld, layer %d's %lld",
                           (long long)caches[0].length, i, (long long)caches[i].length);
            return false;
        }
    return true;
}

heed_tensor heed_gpt_step(const heed_gpt *gpt, heed_tape *t, heed_tensor tokens, heed_kv_cache *caches) {
    heed_enter(t, &gpt->module);
    const int64_t held = caches->length;
    heed_tensor logits = HEED_NIL;
    if (check_caches(gpt, t, caches) && check_tokens(gpt, t, tokens, held))
        logits = forward(gpt, t, tokens, caches);
    if (heed_tape_status(t) != HEED_OK) /* a step that fails in a later layer has not been */
        for (int i = 0; i < gpt->blocks.n_layers; i++)
            caches[i].length = caches[i].length < held ? caches[i].length : held;
    heed_leave(t);
    return logits;
}

heed_tensor heed_gpt_loss(const heed_gpt *gpt, heed_tape *t, heed_tensor tokens, heed_tensor targets) {
    return heed_cross_entropy(t, heed_gpt_forward(gpt, t, tokens), targets);
}
