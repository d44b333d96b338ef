#include <heed/layers/kv_cache.h>
#include <heed/ops.h>

#include <stdlib.h>
#include <string.h>

#include "kv_cache_internal.h"

/* Bytes of all a batch row's keys; 0 where they do not fit a size_t, nor those of a batch. */
static size_t row_bytes(const heed_kv_cache *cache) {
    size_t bytes = heed_dtype_size(cache->dtype), all;
    const int64_t sizes[] = {cache->n_kv_heads, cache->longest, cache->d_k};
    for (int i = 0; i < 3; i++)
        if (__builtin_mul_overflow(bytes, (size_t)sizes[i], &bytes))
            return 0;
    return __builtin_mul_overflow(bytes, (size_t)cache->batch, &all) || all > PTRDIFF_MAX ? 0 : bytes;
}

heed_status heed_kv_cache_init(heed_kv_cache *cache, const heed_multi_head_attention *attn, int64_t batch,
                               int64_t longest) {
    *cache = (heed_kv_cache){.batch = batch, .n_kv_heads = attn->n_kv_heads, .longest = longest, .d_k = attn->d_k};
    if (batch < 1 || longest < 1 || attn->d_k < 1 || heed_param_data(attn->w_q) == NULL)
        return HEED_INVALID;
    cache->dtype = heed_model_dtype(attn->module.model);
    const size_t bytes = row_bytes(cache);
    if (bytes == 0)
        return HEED_INVALID;
    cache->k = calloc((size_t)batch, bytes);
    cache->v = calloc((size_t)batch, bytes);
    if (cache->k && cache->v)
        return HEED_OK;
    heed_kv_cache_free(cache);
    return HEED_NO_MEMORY;
}

void heed_kv_cache_free(heed_kv_cache *cache) {
    free(cache->k);
    free(cache->v);
    *cache = (heed_kv_cache){.k = NULL};
}

heed_status heed_kv_cache_keep(heed_kv_cache *cache, int64_t length) {
    if (length < 0 || length > cache->length)
        return HEED_INVALID;
    cache->length = length;
    return HEED_OK;
}

/* rows[b] := what rows[from[b]] was; before: a copy of all. */
static void take_rows(char *rows, char *before, const int32_t *from, int64_t batch, size_t bytes) {
    memcpy(before, rows, (size_t)batch * bytes);
    for (int64_t b = 0; b < batch; b++)
        memcpy(rows + (size_t)b * bytes, before + (size_t)from[b] * bytes, bytes);
}

heed_status heed_kv_cache_reorder(heed_kv_cache *cache, const int32_t *from) {
    if (cache->k == NULL)
        return HEED_STATE;
    for (int64_t b = 0; b < cache->batch; b++)
        if (from[b] < 0 || from[b] >= cache->batch)
            return HEED_INVALID;
    const size_t bytes = row_bytes(cache);
    char *before = malloc((size_t)cache->batch * bytes);
    if (before == NULL)
        return HEED_NO_MEMORY;
    take_rows(cache->k, before, from, cache->batch, bytes);
    take_rows(cache->v, before, from, cache->batch, bytes);
    free(before);
    return HEED_OK;
}

/* ---- for the attention layer ---- */

static bool refuse(heed_tape *t, const char *why) {
    heed_fail_tape(t, HEED_INVALID, "%s", why);
    return false;
}

bool heed_kv_cache_takes(const heed_kv_cache *cache, heed_tape *t, const heed_multi_head_attention *attn, heed_tensor x,
                         bool causal) {
    const int64_t B = heed_size(t, x, 0), T = heed_size(t, x, 1);
    if (cache->k == NULL)
        return refuse(t, "the cache has no memory: its init failed, or it was freed");
    if (heed_tape_recording(t))
        return refuse(t, "there is no gradient through a cache: switch recording off (heed_tape_set_recording)");
    if (!causal)
        return refuse(t, "a cache holds what came before: it needs causal attention");
    if (cache->n_kv_heads != attn->n_kv_heads || cache->d_k != attn->d_k || cache->dtype != heed_dtype_of(t, x))
        heed_fail_tape(t, HEED_INVALID, "the cache has %lld heads of %s %lld; the layer has %d of %s %lld",
                       (long long)cache->n_kv_heads, heed_dtype_name(cache->dtype), (long long)cache->d_k,
                       attn->n_kv_heads, heed_dtype_name(heed_dtype_of(t, x)), (long long)attn->d_k);
    else if (B != cache->batch)
        heed_fail_tape(t, HEED_INVALID, "query is %s: a batch of %lld, the cache's is %lld",
                       HEED_SHAPE_STR(heed_shape_of(t, x)), (long long)B, (long long)cache->batch);
    else if (T > cache->longest - cache->length)
        heed_fail_tape(t, HEED_INVALID, "the cache is full: it holds %lld tokens of at most %lld, and gets %lld more",
                       (long long)cache->length, (long long)cache->longest, (long long)T);
    return heed_tape_status(t) == HEED_OK;
}

/* Writes x (B, H_kv, T, d_k) behind what is there, and shows all. */
static heed_tensor append(const heed_kv_cache *cache, heed_tape *t, void *memory, heed_tensor x) {
    const int64_t T = heed_size(t, x, 2), L = cache->longest, d = cache->d_k;
    const size_t size = heed_dtype_size(cache->dtype), bytes = (size_t)(T * d) * size;
    const char *from = heed_data(t, x);
    for (int64_t head = 0; head < cache->batch * cache->n_kv_heads && from && bytes; head++)
        memcpy((char *)memory + (size_t)((head * L + cache->length) * d) * size, from + (size_t)head * bytes, bytes);
    heed_tensor all = heed_input_borrowed(t, cache->dtype, HEED_SHAPE(cache->batch, cache->n_kv_heads, L, d), memory);
    return heed_slice(t, all, 2, 0, cache->length + T);
}

void heed_kv_cache_append(const heed_kv_cache *cache, heed_tape *t, heed_tensor *k, heed_tensor *v) {
    *k = append(cache, t, cache->k, *k);
    *v = append(cache, t, cache->v, *v);
}
