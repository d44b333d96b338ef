/* The model, attention alone: token + place, then heads that read and write, then the next token's logits. No
 * feed-forward, so all that happens between places is to be seen in the heads' weights. */
#ifndef INDUCTION_INDUCTION_H
#define INDUCTION_INDUCTION_H

#include "../common/patterns.h"
#include "repeats.h"

#include <heed/heed.h>

enum { INDUCTION_LAYERS = 2, INDUCTION_HEADS = 8, INDUCTION_BATCH = 32, INDUCTION_D_MODEL = 64 };

typedef struct induction {
    heed_model *model;
    heed_gpt gpt;
    int layers, heads;
} induction;

heed_status induction_init(induction *ind, int layers, int heads, uint64_t seed) HEED_MUST_CHECK;
void induction_free(induction *ind);

/* n sequences, at most INDUCTION_BATCH -> mean cross-entropy of those next tokens that are known, the stretch having been
 * read once: the loss on the repeat. */
heed_tensor induction_loss(const induction *ind, heed_tape *t, const repeats *list, int n);
/* The same of the first T tokens that are read, at most REPEATS_TIME and above the periods. */
heed_tensor induction_loss_of(const induction *ind, heed_tape *t, const repeats *list, int n, int T);

/* ---- what the heads do: Elhage et al. 2021, "A mathematical framework for transformer circuits"; Olsson et al. 2022,
 * "In-context learning and induction heads" ---- */

typedef struct induction_scores {
    double loss; /* on the repeat */
    /* The mean weight with which a token of the first time through, where the later ones look things up, looks at the token
     * before it. */
    double previous[INDUCTION_LAYERS][INDUCTION_HEADS];
    /* The mean weight with which a token of the repeat looks at those that followed its like before: the sum over them. */
    double matching[INDUCTION_LAYERS][INDUCTION_HEADS];
} induction_scores;

/* A tape that watches. NULL: out of memory. */
typedef struct observer {
    heed_tape *t;
    patterns seen;
    repeats list[INDUCTION_BATCH];
} observer;
observer *observer_new(int shortest, int longest, int threads); /* with a batch of sequences that no training sees */
void observer_free(observer *o);
heed_status observer_take(observer *o, const induction *ind, induction_scores *scores) HEED_MUST_CHECK;
/* The loss with one head switched off, or with all of a layer where head is HEADS_ALL. */
heed_status observer_without(observer *o, const induction *ind, int layer, int head, double *loss) HEED_MUST_CHECK;
/* Where one head looks while one sequence is read: REPEATS_TIME rows of REPEATS_TIME; NULL on an error. */
const float *observer_map(observer *o, const induction *ind, const repeats *r, int layer, int head);

#endif
