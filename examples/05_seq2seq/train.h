/* Training: batches, gradients, AdamW, step by step. */
#ifndef SEQ2SEQ_TRAIN_H
#define SEQ2SEQ_TRAIN_H

#include "options.h"
#include "show.h"

typedef struct outcome {
    int64_t steps;  /* done: all, or fewer where it was interrupted */
    double seconds; /* of the steps alone */
} outcome;

/* b: NULL, or where each step is shown. recorder: or NULL. On an error, its text is in `error`. */
heed_status train(const translator *tr, const options *o, board *b, heed_recorder *recorder, outcome *end,
                  heed_error *error) HEED_MUST_CHECK;

#endif
