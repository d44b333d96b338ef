/* What a training needs beside a model and its loss: a tape, gradients, AdamW, a learning rate over time.
 *
 *     training tr;
 *     heed_status status = training_init(&tr, model, &plan);
 *     while (!status && tr.steps < plan.steps) {
 *         heed_tape_reset(tr.t);
 *         status = training_step(&tr, loss_of_a_batch(..., tr.t));
 *     }
 *     if (status)
 *         training_explain(&tr, status, &error);
 *     training_free(&tr); */
#ifndef EXAMPLES_TRAINING_H
#define EXAMPLES_TRAINING_H

#include <heed/heed.h>

typedef struct training_plan {
    int64_t steps;
    double lr;           /* the highest: reached after the warm-up, and from there down to lr_end along half a cosine */
    double lr_end;
    int64_t warmup;      /* steps */
    bool constant;       /* no half cosine: lr to the end */
    double beta2;        /* 0: 0.999 */
    double weight_decay; /* of all but norms and biases */
    double clip_norm;    /* of the gradients together; 0: none */
    int64_t seed;        /* of dropout */
    int64_t threads;     /* 0: all cores; the result has the same bits */
    heed_recorder *recorder; /* or NULL: it is told of each step */
} training_plan;

typedef struct training {
    heed_tape *t;
    heed_grads *grads;
    heed_optim *opt;
    heed_schedule schedule;
    heed_recorder *recorder;
    int64_t steps; /* done */
    double loss;   /* of the last one, before it */
} training;

/* Fails where the recorder has failed before the first step. Later a recorder's failure stops no training. */
heed_status training_init(training *tr, heed_model *model, const training_plan *plan) HEED_MUST_CHECK;
void training_free(training *tr);

/* From a loss on tr->t to the next parameters. */
heed_status training_step(training *tr, heed_tensor loss) HEED_MUST_CHECK;

/* Sets `error` to the first one that tape, optimizer or recorder met; returns `status`. */
heed_status training_explain(const training *tr, heed_status status, heed_error *error);

/* Seconds, to measure how long something took. */
double training_clock(void);

#endif
