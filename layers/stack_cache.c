#include <heed/layers/stack_cache.h>

#include <stdlib.h>

typedef const heed_multi_head_attention *attention_of(const void *stack, int layer);

static const heed_multi_head_attention *of_encoder(const void *stack, int layer) {
    return &((const heed_encoder *)stack)->layer[layer].attn;
}
static const heed_multi_head_attention *of_decoder(const void *stack, int layer) {
    return &((const heed_decoder *)stack)->layer[layer].self_attn;
}

static heed_status init(heed_stack_cache *cache, const void *stack, int n_layers, attention_of *attention,
                        int64_t batch, int64_t longest) {
    *cache = (heed_stack_cache){.layer = calloc(n_layers > 0 ? (size_t)n_layers : 1, sizeof *cache->layer)};
    if (cache->layer == NULL)
        return HEED_NO_MEMORY;
    heed_status status = n_layers > 0 ? HEED_OK : HEED_INVALID;
    for (int i = 0; i < n_layers && !status; i++) {
        status = heed_kv_cache_init(&cache->layer[i], attention(stack, i), batch, longest);
        cache->n_layers = i + 1;
    }
    if (status)
        heed_stack_cache_free(cache);
    return status;
}

heed_status heed_encoder_cache_init(heed_stack_cache *cache, const heed_encoder *encoder, int64_t batch,
                                    int64_t longest) {
    return init(cache, encoder, encoder->n_layers, of_encoder, batch, longest);
}

heed_status heed_decoder_cache_init(heed_stack_cache *cache, const heed_decoder *decoder, int64_t batch,
                                    int64_t longest) {
    return init(cache, decoder, decoder->n_layers, of_decoder, batch, longest);
}

void heed_stack_cache_free(heed_stack_cache *cache) {
    for (int i = 0; i < cache->n_layers; i++)
        heed_kv_cache_free(&cache->layer[i]);
    free(cache->layer);
    *cache = (heed_stack_cache){.layer = NULL};
}

int64_t heed_stack_cache_length(const heed_stack_cache *cache) { return cache->n_layers ? cache->layer[0].length : 0; }

heed_status heed_stack_cache_keep(heed_stack_cache *cache, int64_t length) {
    heed_status status = HEED_OK;
    for (int i = 0; i < cache->n_layers && !status; i++)
        status = heed_kv_cache_keep(&cache->layer[i], length);
    return status;
}

heed_status heed_stack_cache_reorder(heed_stack_cache *cache, const int32_t *from) {
    heed_status status = HEED_OK;
    for (int i = 0; i < cache->n_layers && !status; i++)
        status = heed_kv_cache_reorder(&cache->layer[i], from);
    return status;
}
