#include <heed/layers/multi_head_attention.h>

#include <math.h>

#include "shared_internal.h"

static heed_param new_bias(const heed_module *module, const char *name, int64_t d) {
    heed_param p = heed_param_new(module, name, HEED_SHAPE(d), heed_init_constant(0));
    heed_param_set_group(p, "no_decay");
    return p;
}

static bool uses_features(const heed_multi_head_options *o) {
    const heed_attention_features *f = &o->features;
    return (f->n_kv_heads && f->n_kv_heads != o->n_heads) || f->rope_base != 0 || f->alibi || f->relative_buckets || f->window || f->qk_norm ||
           f->learned_temperature || f->lora_rank || o->bias_kv || o->zero_attn || (o->d_key && o->d_key != o->d_model) ||
           (o->d_value && o->d_value != o->d_model);
}

static bool check_options(const heed_module *module, const heed_multi_head_options *o) {
    if (o->d_model < 1 || o->n_heads < 1)
        heed_module_fail(module, "n_heads %d and d_model %lld must be positive", o->n_heads, (long long)o->d_model);
    else if (o->d_model % o->n_heads)
        heed_module_fail(module, "n_heads %d does not divide d_model %lld", o->n_heads, (long long)o->d_model);
    else if (!(o->dropout >= 0 && o->dropout <= 1))
        heed_module_fail(module, "dropout %g is not in [0, 1]", o->dropout);
    else if (uses_features(o))
        heed_module_fail(module, "only plain attention is built");
    return heed_model_status(module->model) == HEED_OK;
}

void heed_multi_head_attention_init(heed_multi_head_attention *attn, const heed_module *parent, const char *name,
                                    heed_multi_head_options options) {
    *attn = (heed_multi_head_attention){.has_bias = !options.no_bias, .n_heads = options.n_heads, .d_model = options.d_model,
                                        .dropout = options.dropout};
    heed_module_init(&attn->module, parent, name);
    const heed_module *module = &attn->module;
    if (!check_options(module, &options))
        return;
    int64_t d = options.d_model;
    attn->d_k = d / options.n_heads;

    /* Xavier's bound of one (3 d, d) matrix is sqrt(1/2) of that of a (d, d) matrix. */
    heed_init third = heed_init_xavier_uniform(sqrt(0.5)), as_linear = heed_init_uniform(-1 / sqrt((double)d), 1 / sqrt((double)d));
    heed_param w[3] = {attn->w_q = heed_param_new(module, "w_q", HEED_SHAPE(d, d), third),
                       attn->w_k = heed_param_new(module, "w_k", HEED_SHAPE(d, d), third),
                       attn->w_v = heed_param_new(module, "w_v", HEED_SHAPE(d, d), third)};
    attn->w_qkv = heed_param_stack(3, w);
    attn->w_kv = heed_param_stack(2, w + 1);
    if (attn->has_bias) {
        heed_param b[3] = {attn->b_q = new_bias(module, "b_q", d), attn->b_k = new_bias(module, "b_k", d),
                           attn->b_v = new_bias(module, "b_v", d)};
        attn->b_qkv = heed_param_stack(3, b);
        attn->b_kv = heed_param_stack(2, b + 1);
    }
    attn->w_o = heed_param_new(module, "w_o", HEED_SHAPE(d, d), as_linear);
    if (attn->has_bias)
        attn->b_o = new_bias(module, "b_o", d);
    attn->head_on = heed_buffer_new(module, "head_on", HEED_SHAPE(options.n_heads), heed_init_constant(1));
}

static heed_tensor project(const heed_multi_head_attention *attn, heed_tape *t, heed_tensor x, heed_param weight, heed_param bias) {
    return heed_linear(t, x, heed_use(t, weight), attn->has_bias ? heed_use(t, bias) : HEED_NIL);
}

/* x (B, T, n d_model) -> n times (B, H, T, d_k), views of it. */
static void split_heads(const heed_multi_head_attention *attn, heed_tape *t, heed_tensor x, int n, heed_tensor *parts) {
    int64_t B = heed_size(t, x, 0), T = heed_size(t, x, 1);
    x = heed_reshape(t, x, HEED_SHAPE(B, T, n * attn->n_heads, attn->d_k));
    x = heed_transpose(t, x, 1, 2); /* (B, n H, T, d_k) */
    heed_split(t, x, 1, n, NULL, parts);
}

/* z (B, H, T, d_k) -> (B, T, d_model): the heads side by side again. */
static heed_tensor merge_heads(const heed_multi_head_attention *attn, heed_tape *t, heed_tensor z) {
    int64_t B = heed_size(t, z, 0), T = heed_size(t, z, 2);
    return heed_reshape(t, heed_transpose(t, z, 1, 2), HEED_SHAPE(B, T, attn->d_model));
}

/* qkv: q (B, H, T, d_k), k and v (B, H, S, d_k). */
static void make_qkv(const heed_multi_head_attention *attn, heed_tape *t, heed_tensor query, heed_tensor memory, heed_tensor *qkv) {
    if (query.epoch == memory.epoch && query.index == memory.index) {
        split_heads(attn, t, project(attn, t, query, attn->w_qkv, attn->b_qkv), 3, qkv);
    } else {
        split_heads(attn, t, project(attn, t, query, attn->w_q, attn->b_q), 1, qkv);
        split_heads(attn, t, project(attn, t, memory, attn->w_kv, attn->b_kv), 2, qkv + 1);
    }
}

/* The caller's mask and the padding as one mask over (B, H, T, S), or HEED_NIL. */
static heed_tensor join_masks(heed_tape *t, heed_attend attend, int64_t B, int64_t S) {
    heed_tensor look = heed_layer_may_look(t, attend.key_padding, B, S, 4); /* (B, 1, 1, S) */
    if (heed_is_nil(look))
        return attend.mask;
    if (heed_is_nil(attend.mask))
        return look;
    heed_dtype dtype = heed_dtype_of(t, attend.mask);
    if (dtype == HEED_BOOL)
        return heed_and(t, attend.mask, look);
    return heed_where(t, look, attend.mask, heed_full(t, dtype, HEED_SCALAR, -INFINITY));
}

static bool all_ones(heed_tape *t, heed_tensor x) {
    const void *data = heed_data(t, x);
    int64_t n = heed_count(t, x);
    bool wide = heed_dtype_of(t, x) == HEED_F64;
    for (int64_t i = 0; i < n && data; i++)
        if ((wide ? ((const double *)data)[i] : (double)((const float *)data)[i]) != 1)
            return false;
    return true;
}

/* z (B, H, T, d_k), with zeros from heads that are switched off. As a rule none is, and z stays as it is. */
static heed_tensor switch_heads(const heed_multi_head_attention *attn, heed_tape *t, heed_tensor z) {
    heed_tensor on = heed_use(t, attn->head_on); /* (H) */
    return all_ones(t, on) ? z : heed_mul(t, z, heed_reshape(t, on, HEED_SHAPE(attn->n_heads, 1, 1)));
}

static bool check_rank(const heed_multi_head_attention *attn, heed_tape *t, const char *what, heed_tensor x) {
    int rank = heed_rank(t, x);
    if (rank >= 0 && rank != 3)
        heed_fail_tape(t, HEED_INVALID, "%s is %s; it must be (batch, tokens, %lld)", what, HEED_SHAPE_STR(heed_shape_of(t, x)),
                       (long long)attn->d_model);
    return heed_tape_status(t) == HEED_OK;
}

heed_tensor heed_multi_head_attention_forward(const heed_multi_head_attention *attn, heed_tape *t, heed_tensor query,
                                              heed_tensor memory, heed_attend attend) {
    heed_enter(t, &attn->module);
    heed_tensor qkv[3], y = HEED_NIL;
    if (!heed_is_nil(attend.value) || attend.cache || attend.weights || attend.mean_weights)
        heed_fail_tape(t, HEED_INVALID, "values apart, caches and returned weights are not built");
    else if (check_rank(attn, t, "query", query) && check_rank(attn, t, "memory", memory)) {
        make_qkv(attn, t, query, memory, qkv);
        heed_tensor q = heed_watch(t, "q", qkv[0]); /* (B, H, T, d_k) */
        heed_tensor k = heed_watch(t, "k", qkv[1]); /* (B, H, S, d_k) */
        heed_tensor v = heed_watch(t, "v", qkv[2]); /* (B, H, S, d_k) */
        heed_tensor mask = join_masks(t, attend, heed_size(t, memory, 0), heed_size(t, memory, 1));

        /* Each head by itself: z = softmax(q kᵀ / sqrt(d_k)) v, as in self_attention.c. */
        heed_tensor z = heed_layer_attend(t, q, k, v, (heed_attention_options){.mask = mask, .causal = attend.causal, .dropout = attn->dropout});
        z = heed_watch(t, "z", switch_heads(attn, t, z)); /* (B, H, T, d_k) */
        y = project(attn, t, merge_heads(attn, t, z), attn->w_o, attn->b_o);
    }
    heed_leave(t);
    return y;
}
