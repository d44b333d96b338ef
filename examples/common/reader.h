/* The model: a transformer encoder-decoder that reads a source's tokens and writes the target's, one by one. */
#ifndef EXAMPLES_READER_H
#define EXAMPLES_READER_H

#include "batch.h"

#include <heed/heed.h>

typedef struct reader {
    heed_model *model;
    const task *task;
    heed_embedding_layer source, target; /* (V, d_model) */
    heed_position source_position, target_position;
    heed_encoder encoder;
    heed_decoder decoder;
    heed_linear_layer out; /* (V of the target, d_model) */
} reader;

/* Built and initialised from the seed. NULL: out of memory, or n_heads does not divide READER_D_MODEL. */
enum { READER_D_MODEL = 64, READER_HEADS = 4 }; /* so wide are its vectors; so many heads it has as a rule */
reader *reader_new(const task *what, int n_heads, uint64_t seed);
void reader_free(reader *r);

/* Logits (B, T, V) of the next token, the decoder being shown the right ones before it. */
heed_tensor reader_logits(const reader *r, heed_tape *t, const batch *b);
/* Their mean cross-entropy over the batch; and all of it in one. */
heed_tensor reader_loss_of(heed_tape *t, heed_tensor logits, const batch *b);
heed_tensor reader_loss(const reader *r, heed_tape *t, const batch *b);

/* What the model itself writes: greedy decoding, each token the likeliest after those it wrote before it.
 * ids (B, BATCH_TIME) receives them; sure (B), or NULL, the probability it gives to the whole answer.
 * The tape is reset, and records nothing. */
heed_status reader_read(const reader *r, heed_tape *t, const batch *b, int32_t *ids, double *sure) HEED_MUST_CHECK;

/* Runs the decoder once over `ids` as reader_read left them, so that whoever watches the tape sees all of it. */
heed_status reader_replay(const reader *r, heed_tape *t, const batch *b, const int32_t *ids) HEED_MUST_CHECK;

/* Every attention of the model, from the source to the answer. */
enum { READER_PLACES = 16, READER_PATH = 32 };
typedef struct attention_place {
    char path[READER_PATH]; /* "decoder.1.cross_attn" */
    const heed_multi_head_attention *attn;
} attention_place;
int reader_attentions(const reader *r, attention_place places[READER_PLACES]);

#endif
