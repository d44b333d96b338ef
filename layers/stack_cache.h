/* Keys and values of the tokens so far for all layers of a stack: one heed_kv_cache a layer. */
#ifndef HEED_LAYERS_STACK_CACHE_H
#define HEED_LAYERS_STACK_CACHE_H

#include <heed/layers/kv_cache.h>
#include <heed/layers/transformer.h>

HEED_BEGIN_DECLS

typedef struct heed_stack_cache {
    int n_layers;
    heed_kv_cache *layer; /* n_layers of them: what heed_attend.cache takes */
} heed_stack_cache;

/* Room for `longest` tokens in every self-attention of the stack; see heed_kv_cache_init. After anything but HEED_OK there
 * is nothing to free. */
heed_status heed_encoder_cache_init(heed_stack_cache *cache, const heed_encoder *encoder, int64_t batch,
                                    int64_t longest) HEED_MUST_CHECK;
heed_status heed_decoder_cache_init(heed_stack_cache *cache, const heed_decoder *decoder, int64_t batch,
                                    int64_t longest) HEED_MUST_CHECK;
void heed_stack_cache_free(heed_stack_cache *cache);
int64_t heed_stack_cache_length(const heed_stack_cache *cache); /* tokens it holds */
/* heed_kv_cache_keep and heed_kv_cache_reorder of every layer. */
heed_status heed_stack_cache_keep(heed_stack_cache *cache, int64_t length) HEED_MUST_CHECK;
heed_status heed_stack_cache_reorder(heed_stack_cache *cache, const int32_t *from) HEED_MUST_CHECK;

HEED_END_DECLS
#endif
