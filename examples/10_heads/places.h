/* Attention knows nothing of place. Each token's output is a sum over all the others', and a sum has no order: when
 * the input is shuffled by P, attention(P x) = P attention(x), and what is pooled over the tokens stays what it was.
 * Order is known only to who is told: by positions that are added to the tokens. */
#ifndef HEADS_PLACES_H
#define HEADS_PLACES_H

#include <heed/heed.h>

/* ---- the law ---- */

enum { PLACES_TOKENS = 8, PLACES_D_MODEL = 32, PLACES_HEADS = 4 };

typedef struct shuffle {
    int order[PLACES_TOKENS]; /* token i of the shuffled input was token order[i] */
    double apart;             /* the largest |attention(P x) - P attention(x)| */
    double pooled;            /* the same of the mean over the tokens */
    double typical;           /* the root mean square of the outputs, to compare with */
} shuffle;

/* Multi-head self-attention on random tokens, with positions added to them, or none. */
heed_status places_shuffle(heed_tape *t, bool with_places, uint64_t seed, shuffle *s) HEED_MUST_CHECK;

/* ---- what it means: which came first, a or b? ---- */

/* FIRST_TOKENS different letters, a and b among them. */
enum { FIRST_TOKENS = 8, FIRST_LETTERS = 26, FIRST_BATCH = 64, FIRST_EXAM = 500, FIRST_A = 0, FIRST_B = 1 };

/* A row of letters and its answer: 1 where a comes first. */
int first_draw(uint64_t seed, uint64_t index, int32_t row[FIRST_TOKENS]);
/* The same row with a and b changing places, whose answer is the other one. */
void first_mirror(int32_t row[FIRST_TOKENS]);

typedef struct first {
    heed_model *model;
    heed_embedding_layer letter;
    heed_position place; /* where with_places */
    heed_encoder encoder;
    heed_linear_layer out;
    bool with_places;
} first;

heed_status first_init(first *f, bool with_places, uint64_t seed) HEED_MUST_CHECK;
void first_free(first *f);
/* On an error its text is in `error`. *loss: the last step's. */
heed_status first_train(const first *f, int64_t steps, int64_t seed, int64_t threads, double *loss,
                        heed_error *error) HEED_MUST_CHECK;

typedef struct first_mark {
    int asked, right; /* FIRST_EXAM rows that no training sees, and the mirror of each */
    double apart;     /* the largest difference of the logits of a row and of its mirror */
} first_mark;
heed_status first_examine(const first *f, heed_tape *t, first_mark *m) HEED_MUST_CHECK;

#endif
