/* Keys and values of the tokens so far, so that a decoder computes each token once. One cache serves one attention
 * layer.
 *
 * Intended use, for self-attention under a causal mask:
 *   1. heed_kv_cache_init(&cache, &attn, batch, 256)                  once the model is built
 *   2. heed_tape_set_recording(t, false)                              there is no gradient through a cache
 *   3. y = heed_multi_head_attention_forward(&attn, t, x, x, (heed_attend){.causal = true, .cache = &cache})
 *      with the tokens behind those it holds, one or many at a time: y is what the full pass gives for them
 *   4. heed_kv_cache_free(&cache)
 * The memory is the caller's, not the tape's: it lives over resets. What a tensor of a step shows of it stays as it
 * was until places are written once more, after heed_kv_cache_keep or _reorder. */
#ifndef HEED_LAYERS_KV_CACHE_H
#define HEED_LAYERS_KV_CACHE_H

#include <heed/layers/multi_head_attention.h>

HEED_BEGIN_DECLS

struct heed_kv_cache {
    heed_dtype dtype;
    int64_t batch, n_kv_heads, longest, d_k;
    int64_t length; /* tokens it holds */
    void *k, *v;    /* (batch, n_kv_heads, longest, d_k) each: keys as they are compared, normalised and turned */
};

/* Room for `longest` tokens. Not HEED_OK: sizes that are not positive or do not fit, a model that is not built, out of
 * memory; the cache may be freed then, and is refused by a forward. */
heed_status heed_kv_cache_init(heed_kv_cache *cache, const heed_multi_head_attention *attn, int64_t batch,
                               int64_t longest) HEED_MUST_CHECK;
void heed_kv_cache_free(heed_kv_cache *cache);
/* Forgets all tokens but the first `length`, of which it must hold as many; 0: all. */
heed_status heed_kv_cache_keep(heed_kv_cache *cache, int64_t length) HEED_MUST_CHECK;
/* Row b of the batch becomes what row from[b] was: for beams, which go on from one another. from: batch indices. */
heed_status heed_kv_cache_reorder(heed_kv_cache *cache, const int32_t *from) HEED_MUST_CHECK;

HEED_END_DECLS
#endif
