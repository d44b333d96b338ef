/* A training that can be stopped at any step and taken up again: dropout, Adam with a schedule and clipping, an average. */
#ifndef HELPERS_RESUMABLE_H
#define HELPERS_RESUMABLE_H

#include "small_training.h"

typedef struct resumable {
    small_training s; /* its own optimizer is not used */
    heed_optim *optim;
    heed_ema *ema;
    heed_schedule schedule;
    heed_tape *tape;
    int64_t position; /* the next batch */
    double best;      /* the lowest loss so far; inf at the start */
    char note[16];
} resumable;

/* False when anything could not be made. With `sgd` it has another optimizer's rule. */
bool resumable_init(resumable *r, heed_dtype dtype, bool sgd);
void resumable_free(resumable *r);
/* One step on the next batch. */
bool resumable_step(resumable *r);
/* Of all values, slots, averages, numbers, and the next random numbers. Takes one more step of the tape's: the last thing to ask. */
uint64_t resumable_hash(resumable *r);

/* All its parts, for heed_checkpoint_save and _load. `number` and `text` must live as long. */
heed_checkpoint resumable_parts(resumable *r, heed_checkpoint_number *number, heed_checkpoint_text *text);

#endif
