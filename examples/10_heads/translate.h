/* The transformer of 02 learns phrases, with as many heads as one likes; and how well it then translates. */
#ifndef HEADS_TRANSLATE_H
#define HEADS_TRANSLATE_H

#include "../common/reader.h"

typedef struct translate_plan {
    int64_t steps, seed, threads;
    heed_recorder *recorder; /* or NULL */
} translate_plan;

/* Called after each step. */
typedef void translate_look(void *user, int64_t step, double loss);
/* Trains a reader that is as reader_new left it, in batches of 64. On an error its text is in `error`. */
heed_status translate_train(const reader *r, const translate_plan *plan, translate_look *look, void *user,
                            heed_error *error) HEED_MUST_CHECK;

/* Held-out sentences 0 to count - 1, the same in every run, in batches. */
typedef struct examination examination;
examination *examination_new(const task *what, int count); /* NULL: out of memory */
void examination_free(examination *e);

typedef struct mark {
    int asked, exact;
    double loss; /* mean over the tokens, EOS among them */
} mark;

/* Every sentence in one pass, the right words being fed: those are exact whose every word is the likeliest. They are
 * the same ones that the model writes right by itself, greedily: as long as it is right, it has fed itself the right
 * words. The tape is reset. */
heed_status translate_examine(const reader *r, heed_tape *t, const examination *e, mark *m) HEED_MUST_CHECK;
/* The same with one head switched off, or HEADS_ALL of that attention. */
heed_status translate_without(const reader *r, heed_tape *t, const examination *e,
                              const heed_multi_head_attention *attn, int head, mark *m) HEED_MUST_CHECK;

/* What a head's weights lie on, mean over the words that have such a place. */
typedef struct gaze {
    double aligned;             /* cross-attention: on the source words that the word to be written comes from */
    double before, self, after; /* self-attention: on the word before, itself, the word after */
} gaze;
enum { GAZE_HEADS = 16 };
/* One attention's heads, as they read and write the sentences of e. */
heed_status translate_gaze(const reader *r, heed_tape *t, const examination *e, const attention_place *place,
                           gaze heads[GAZE_HEADS]) HEED_MUST_CHECK;

/* ---- one sentence ---- */

/* The first held-out sentence of eight to ten French words, some of which come from English words in another order. */
void translate_pick(const task *what, example *e);
/* Where one head looks while the sentence is read and written, the right words being fed: rows x columns weights, of
 * cross-attention T + 1 (EOS is written, too) x S. NULL, and the tape's error, where something is wrong; else alive
 * until the tape is reset. */
const float *translate_map(const reader *r, heed_tape *t, const example *e, const attention_place *place, int head);

#endif
