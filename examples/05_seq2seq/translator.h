/* The model: a recurrent encoder-decoder with any score, or, to compare it with, the transformer of 02. */
#ifndef SEQ2SEQ_TRANSLATOR_H
#define SEQ2SEQ_TRANSLATOR_H

#include "../common/batch.h"
#include "../common/reader.h"

#include <heed/heed.h>

/* How a model looks back: heed_score_kind, or one of these two. */
enum { LOOK_NONE = HEED_SCORES, LOOK_TRANSFORMER, LOOKS };
extern const char *const look_names[LOOKS + 1]; /* as on the command line, ended by NULL */
extern const char *const cell_names[];          /* gru, lstm, rnn */
extern const char *const window_names[];        /* none, m, p */

typedef struct recipe {
    int64_t look, cell, window;
    int64_t reach;  /* of a window */
    int64_t hidden; /* the decoder's; half of it in each direction of the encoder */
    bool feed;      /* input feeding */
} recipe;

typedef struct translator {
    const task *task;
    recipe recipe;
    heed_model *model;
    heed_seq2seq seq2seq;
    reader *reader; /* LOOK_TRANSFORMER: then it owns the model */
} translator;

/* NULL, and it was said why, where the recipe cannot be built. */
translator *translator_new(const task *what, const recipe *how, uint64_t seed);
void translator_free(translator *tr);

/* Logits (B, T, V) of each next word, their mean cross-entropy over the batch, and all of it in one. sampling: how often
 * the decoder is fed its own word, not the right one; the transformer never is. */
heed_tensor translator_logits(const translator *tr, heed_tape *t, const batch *b, double sampling);
heed_tensor translator_loss_of(const translator *tr, heed_tape *t, heed_tensor logits, const batch *b);
heed_tensor translator_loss(const translator *tr, heed_tape *t, const batch *b, double sampling);

/* What it writes by itself, greedily or with a beam (the transformer: greedily). ids (B, BATCH_TIME), EOS behind the end;
 * sure (B), or NULL, the probability of each answer. The tape is reset, and records nothing. */
heed_status translator_read(const translator *tr, heed_tape *t, const batch *b, int width, int32_t *ids,
                            double *sure) HEED_MUST_CHECK;

/* Where it looks while it writes the batch's own output: map (B, T, S), of the transformer the mean of all heads.
 * *looked is false where it has no attention. The tape is reset. */
heed_status translator_look(const translator *tr, heed_tape *t, const batch *b, double *map,
                            bool *looked) HEED_MUST_CHECK;

#endif
