#include <heed/layers/multi_head_attention.h>

#include <math.h>

#include "attention_masks_internal.h"
#include "kv_cache_internal.h"
#include "shared_internal.h"

/* ---- projections ---- */

static heed_tensor project(const heed_multi_head_attention *attn, heed_tape *t, heed_tensor x, heed_param weight,
                           heed_param bias) {
    return heed_linear(t, x, heed_use(t, weight), attn->has_bias ? heed_use(t, bias) : HEED_NIL);
}

static heed_tensor update(const heed_multi_head_attention *attn, heed_tape *t, unsigned which, const heed_lora *lora,
                          heed_tensor x, heed_tensor y) {
    return attn->features.lora_on & which ? heed_lora_forward(lora, t, x, y) : y;
}

static bool same(heed_tensor a, heed_tensor b) { return a.epoch == b.epoch && a.index == b.index; }

/* x (B, T, n d_k) -> (B, n, T, d_k), a view of it. */
static heed_tensor split_heads(const heed_multi_head_attention *attn, heed_tape *t, heed_tensor x) {
    int64_t B = heed_size(t, x, 0), T = heed_size(t, x, 1);
    return heed_transpose(t, heed_reshape(t, x, HEED_SHAPE(B, T, -1, attn->d_k)), 1, 2);
}

/* z (B, H, T, d_k) -> (B, T, d_model): the heads side by side again. */
static heed_tensor merge_heads(const heed_multi_head_attention *attn, heed_tape *t, heed_tensor z) {
    int64_t B = heed_size(t, z, 0), T = heed_size(t, z, 2);
    return heed_reshape(t, heed_transpose(t, z, 1, 2), HEED_SHAPE(B, T, attn->d_model));
}

/* What queries, keys and values are made of. */
typedef struct sources {
    heed_tensor query, memory, value; /* (B, T, d_model), (B, S, d_key), (B, S, d_value) */
} sources;

/* qkv: (B, T, H d_k), (B, S, H_kv d_k) twice, in as few products as there are different sources. */
static void project_all(const heed_multi_head_attention *attn, heed_tape *t, const sources *from, heed_tensor *qkv) {
    const int64_t sizes[] = {attn->d_model, attn->n_kv_heads * attn->d_k, attn->n_kv_heads * attn->d_k};
    const bool one_memory = same(from->memory, from->value);
    if (attn->has_qkv && one_memory && same(from->query, from->memory)) {
        heed_split(t, project(attn, t, from->query, attn->w_qkv, attn->b_qkv), 2, 3, sizes, qkv);
    } else {
        qkv[0] = project(attn, t, from->query, attn->w_q, attn->b_q);
        if (attn->has_kv && one_memory) {
            heed_split(t, project(attn, t, from->memory, attn->w_kv, attn->b_kv), 2, 2, sizes + 1, qkv + 1);
        } else {
            qkv[1] = project(attn, t, from->memory, attn->w_k, attn->b_k);
            qkv[2] = project(attn, t, from->value, attn->w_v, attn->b_v);
        }
    }
    qkv[0] = update(attn, t, HEED_LORA_Q, &attn->lora_q, from->query, qkv[0]);
    qkv[1] = update(attn, t, HEED_LORA_K, &attn->lora_k, from->memory, qkv[1]);
    qkv[2] = update(attn, t, HEED_LORA_V, &attn->lora_v, from->value, qkv[2]);
}

/* ---- what is done to queries and keys before they are compared ---- */

static heed_tensor turn(const heed_multi_head_attention *attn, heed_tape *t, heed_tensor x, int64_t first) {
    const heed_attention_features *f = &attn->features;
    if (f->rope_base == 0)
        return x;
    return heed_rope(t, x,
                     (heed_rope_options){.first = first, .base = f->rope_base, .interleaved = f->rope_interleaved});
}

/* q (B, H, T, d_k) over e^log_temperature of its head: so are its scores. */
static heed_tensor temper(const heed_multi_head_attention *attn, heed_tape *t, heed_tensor q) {
    if (!attn->features.learned_temperature)
        return q;
    heed_tensor factor = heed_exp(t, heed_neg(t, heed_use(t, attn->log_temperature)));
    return heed_mul(t, q, heed_reshape(t, factor, HEED_SHAPE(attn->n_heads, 1, 1)));
}

/* held: tokens in the cache, behind which those of memory stand. */
static void prepare(const heed_multi_head_attention *attn, heed_tape *t, int64_t held, heed_tensor *qkv) {
    for (int i = 0; i < 3; i++)
        qkv[i] = split_heads(attn, t, qkv[i]);
    const int64_t T = heed_size(t, qkv[0], 2), S = held + heed_size(t, qkv[1], 2);
    if (attn->features.qk_norm) {
        qkv[0] = heed_rmsnorm_forward(&attn->norm_q, t, qkv[0]);
        qkv[1] = heed_rmsnorm_forward(&attn->norm_k, t, qkv[1]);
    }
    qkv[0] = temper(attn, t, turn(attn, t, qkv[0], S - T));
    qkv[1] = turn(attn, t, qkv[1], held);
}

/* ---- keys that every query sees ---- */

/* x (B, H_kv, S, d_k) with bias (H_kv d_k) behind it, and zeros behind that. */
static heed_tensor with_extra_keys(const heed_multi_head_attention *attn, heed_tape *t, heed_tensor x,
                                   heed_param bias) {
    const int64_t B = heed_size(t, x, 0), H = attn->n_kv_heads, d = attn->d_k;
    heed_tensor parts[3] = {x};
    int n = 1;
    if (attn->has_bias_kv)
        parts[n++] = heed_expand(t, heed_reshape(t, heed_use(t, bias), HEED_SHAPE(H, 1, d)), HEED_SHAPE(B, H, 1, d));
    if (attn->zero_attn)
        parts[n++] = heed_zeros(t, heed_dtype_of(t, x), HEED_SHAPE(B, H, 1, d));
    return n == 1 ? x : heed_concat(t, parts, n, 2);
}

/* ---- biases by distance ---- */

/* -slope_h |distance|, (H, T + S - 1). */
static heed_tensor alibi(const heed_multi_head_attention *attn, heed_tape *t, int64_t T, int64_t S) {
    heed_tensor slopes = heed_use(t, attn->slopes);
    heed_tensor distance =
        heed_add_scalar(t, heed_arange(t, heed_dtype_of(t, slopes), T + S > 0 ? T + S - 1 : 0), -(double)(S - 1));
    return heed_mul(t, heed_reshape(t, slopes, HEED_SHAPE(attn->n_heads, 1)), heed_neg(t, heed_abs(t, distance)));
}

static heed_tensor relative_bias(const heed_multi_head_attention *attn, heed_tape *t, int64_t T, int64_t S,
                                 bool causal) {
    const heed_attention_features *f = &attn->features;
    heed_tensor bias = f->alibi ? alibi(attn, t, T, S) : HEED_NIL;
    if (f->relative_buckets == 0)
        return bias;
    heed_tensor learned =
        heed_relative_bias(t, heed_use(t, attn->relative), T, S,
                           (heed_relative_options){.bidirectional = !causal, .longest = f->relative_longest});
    return heed_is_nil(bias) ? learned : heed_add(t, bias, learned);
}

/* ---- forward ---- */

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

/* x must be (B, S, d); B, S < 0: any. Of nil and stale handles ops will say so. */
static bool check(heed_tape *t, const char *what, heed_tensor x, int64_t B, int64_t S, int64_t d) {
    const int64_t must[] = {B, S, d};
    bool fits = heed_rank(t, x) == 3;
    for (int i = 0; i < 3 && fits; i++)
        fits = must[i] < 0 || heed_size(t, x, i) == must[i];
    if (fits || heed_rank(t, x) < 0)
        return heed_tape_status(t) == HEED_OK;
    if (B < 0)
        heed_fail_tape(t, HEED_INVALID, "%s is %s; it must be (batch, tokens, %lld)", what,
                       HEED_SHAPE_STR(heed_shape_of(t, x)), (long long)d);
    else if (S < 0)
        heed_fail_tape(t, HEED_INVALID, "%s is %s; it must be (%lld, tokens, %lld)", what,
                       HEED_SHAPE_STR(heed_shape_of(t, x)), (long long)B, (long long)d);
    else
        heed_fail_tape(t, HEED_INVALID, "%s is %s; it must be %s", what, HEED_SHAPE_STR(heed_shape_of(t, x)),
                       HEED_SHAPE_STR(HEED_SHAPE(B, S, d)));
    return false;
}

static bool check_all(const heed_multi_head_attention *attn, heed_tape *t, const sources *from,
                      const heed_attend *attend) {
    if (!check(t, "query", from->query, -1, -1, attn->d_model) ||
        !check(t, "memory", from->memory, heed_size(t, from->query, 0), -1, attn->d_key) ||
        !check(t, "value", from->value, heed_size(t, from->query, 0), heed_size(t, from->memory, 1), attn->d_value))
        return false;
    if (attend->cache == NULL)
        return true;
    if (!same(from->query, from->memory) || !same(from->memory, from->value)) {
        heed_fail_tape(t, HEED_INVALID,
                       "a cache is for self-attention: query, memory and value must be the same tensor");
        return false;
    }
    return heed_kv_cache_takes(attend->cache, t, attn, from->query, attend->causal);
}

/* Each head by itself: z = softmax(q kᵀ / sqrt(d_k)) v, as in self_attention.c. S: keys without the extra ones. */
static heed_tensor attend_heads(const heed_multi_head_attention *attn, heed_tape *t, const heed_tensor *qkv, int64_t S,
                                const heed_attend *attend) {
    const int64_t B = heed_size(t, qkv[0], 0), T = heed_size(t, qkv[0], 2);
    const heed_layer_masks masks = {.mask = attend->mask,
                                    .padding = attend->key_padding,
                                    .relative = relative_bias(attn, t, T, S, attend->causal),
                                    .causal = attend->causal,
                                    .window = attn->features.window,
                                    .B = B,
                                    .T = T,
                                    .S = S,
                                    .extra = attn->has_bias_kv + attn->zero_attn};
    heed_tensor pattern;
    heed_attention_options options = {.dropout = attn->dropout,
                                      .pattern = attend->weights || attend->mean_weights ? &pattern : NULL};
    heed_layer_join_masks(t, &masks, &options);
    heed_tensor z = heed_layer_attend(t, qkv[0], qkv[1], qkv[2], options);
    if (attend->weights)
        *attend->weights = pattern;
    if (attend->mean_weights)
        *attend->mean_weights = heed_mean(t, pattern, HEED_AXES(1));
    return z;
}

static heed_tensor forward(const heed_multi_head_attention *attn, heed_tape *t, const sources *from,
                           const heed_attend *attend) {
    const int64_t held = attend->cache ? attend->cache->length : 0, S = held + heed_size(t, from->memory, 1);
    heed_tensor qkv[3];
    heed_watch(t, "x", from->query);
    project_all(attn, t, from, qkv);
    prepare(attn, t, held, qkv);
    if (attend->cache)
        heed_kv_cache_append(attend->cache, t, &qkv[1], &qkv[2]);
    qkv[1] = with_extra_keys(attn, t, qkv[1], attn->bias_k);
    qkv[2] = with_extra_keys(attn, t, qkv[2], attn->bias_v);
    qkv[0] = heed_watch(t, "q", qkv[0]); /* (B, H, T, d_k) */
    qkv[1] = heed_watch(t, "k", qkv[1]); /* (B, H_kv, S', d_k) */
    qkv[2] = heed_watch(t, "v", qkv[2]); /* (B, H_kv, S', d_k) */

    heed_tensor z = attend_heads(attn, t, qkv, S, attend);
    z = merge_heads(attn, t, heed_watch(t, "z", switch_heads(attn, t, z))); /* (B, T, d_model) */
    heed_tensor y = update(attn, t, HEED_LORA_O, &attn->lora_o, z, project(attn, t, z, attn->w_o, attn->b_o));
    if (attend->cache && heed_tape_status(t) == HEED_OK)
        attend->cache->length = S;
    return y;
}

heed_tensor heed_multi_head_attention_forward(const heed_multi_head_attention *attn, heed_tape *t, heed_tensor query,
                                              heed_tensor memory, heed_attend attend) {
    heed_enter(t, &attn->module);
    const sources from = {query, memory, heed_is_nil(attend.value) ? memory : attend.value};
    heed_tensor y = HEED_NIL;
    if (attend.weights)
        *attend.weights = HEED_NIL;
    if (attend.mean_weights)
        *attend.mean_weights = HEED_NIL;
    if (check_all(attn, t, &from, &attend))
        y = forward(attn, t, &from, &attend);
    heed_leave(t);
    return y;
}
