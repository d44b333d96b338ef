/* Training: batches, gradients, AdamW, step by step. It prints nothing: who wants to look is called after each step. */
#ifndef DATES_TRAIN_H
#define DATES_TRAIN_H

#include "../common/reader.h"

typedef struct plan {
    int64_t steps;
    int64_t batch; /* dates a step */
    double lr;     /* the highest: reached after the warm-up, and from there down to 0 along half a cosine */
    int64_t seed;
    int64_t threads; /* 0: all cores */
    heed_recorder *recorder; /* or NULL */
} plan;

typedef struct progress {
    int64_t step;       /* done, from 1 on */
    double loss;        /* of this step's batch */
    int64_t characters; /* read and written so far */
} progress;

/* Called after each step; false ends the training there. */
typedef bool after_step(void *user, const progress *now);

/* On an error, its text is in `error`. */
heed_status train(reader *r, const plan *p, after_step *look, void *user, progress *end,
                  heed_error *error) HEED_MUST_CHECK;

#endif
