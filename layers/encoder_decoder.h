/* A whole transformer that reads one sequence and writes another (Vaswani et al. 2017, figure 1), as for translation.
 *
 *   memory = encoder(dropout(source[s] sqrt(d_model) + places))        (B, S, d_model)
 *   y      = decoder(dropout(target[t] sqrt(d_model) + places), memory)
 *   logits = y outputᵀ                                                (B, T, V)
 *
 * Places are Vaswani's sinusoids, unless features give self-attention RoPE, ALiBi or T5's bias. */
#ifndef HEED_LAYERS_ENCODER_DECODER_H
#define HEED_LAYERS_ENCODER_DECODER_H

#include <heed/layers/embedding.h>
#include <heed/layers/position.h>
#include <heed/layers/stack_cache.h>
#include <heed/layers/transformer.h>

HEED_BEGIN_DECLS

typedef struct heed_encoder_decoder_options {
    int64_t source_vocabulary, target_vocabulary; /* source_vocabulary 0: the target's */
    int64_t longest;                              /* the largest S and T */
    bool untied;     /* an output of its own; otherwise it is the target's embedding (3.4 of the paper) */
    bool tie_source; /* one embedding for source and target: they then share a vocabulary */
    int n_encoder_layers;                         /* 0: n_layers of the stacks */
    heed_transformer_options stacks;              /* of encoder and decoder; dropout is the embeddings' too */
} heed_encoder_decoder_options;

typedef struct heed_encoder_decoder {
    heed_module module;
    heed_embedding_layer source, target; /* source is the target where tie_source */
    heed_position position;              /* buffer (longest, d_model), where has_position */
    heed_dropout_layer dropout_source, dropout_target;
    heed_encoder encoder;
    heed_decoder decoder;
    heed_linear_layer output;            /* (V, d_model), where untied */
    bool has_position, untied;
    int64_t longest, d_model, vocabulary; /* vocabulary: the target's */
} heed_encoder_decoder;

/* Embeddings start as N(0, 1 / d_model). */
void heed_encoder_decoder_init(heed_encoder_decoder *model, const heed_module *parent, const char *name,
                               heed_encoder_decoder_options options);
/* source (B, S) i32, padding HEED_NIL or bool (B, S), true where source is padding -> memory (B, S, d_model) */
heed_tensor heed_encoder_decoder_read(const heed_encoder_decoder *model, heed_tape *t, heed_tensor source,
                                      heed_tensor padding);
/* target (B, T) i32, as a rule a start token and all words but the last -> logits (B, T, V) of the word after each.
 * cache: NULL, or target stands behind the words it holds (heed_decoder_cache_init of decoder); recording must be off then. */
heed_tensor heed_encoder_decoder_write(const heed_encoder_decoder *model, heed_tape *t, heed_tensor memory,
                                       heed_tensor padding, heed_tensor target, heed_stack_cache *cache);
/* Both: what training needs. */
heed_tensor heed_encoder_decoder_forward(const heed_encoder_decoder *model, heed_tape *t, heed_tensor source,
                                         heed_tensor padding, heed_tensor target);

/* Greedy: from `start` on each row's likeliest word, n of them, after `stop` (or -1) nothing but stop: words (B, n). Nothing is
 * recorded and nothing dropped out; the tape is not reset. */
heed_status heed_encoder_decoder_greedy(const heed_encoder_decoder *model, heed_tape *t, heed_tensor source,
                                        heed_tensor padding, int32_t start, int32_t stop, int64_t n,
                                        int32_t *words) HEED_MUST_CHECK;

HEED_END_DECLS
#endif
