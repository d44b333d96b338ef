/* What the attention layer asks of a cache. */
#ifndef HEED_LAYERS_KV_CACHE_INTERNAL_H
#define HEED_LAYERS_KV_CACHE_INTERNAL_H

#include <heed/layers/kv_cache.h>

/* Whether the tokens x (B, T, d_model) may follow those it holds; otherwise the tape says why not. */
bool heed_kv_cache_takes(const heed_kv_cache *cache, heed_tape *t, const heed_multi_head_attention *attn, heed_tensor x,
                         bool causal);

/* Puts k and v (B, H_kv, T, d_k) behind what it holds and makes them all of it, (B, H_kv, length + T, d_k). It holds
 * them once the caller has raised its length. */
void heed_kv_cache_append(const heed_kv_cache *cache, heed_tape *t, heed_tensor *k, heed_tensor *v);

#endif
