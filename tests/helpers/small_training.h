/* A training small enough for tests that ask not what is learned but how: its bits, its threads, its memory. */
#ifndef HELPERS_SMALL_TRAINING_H
#define HELPERS_SMALL_TRAINING_H

#include <heed/heed.h>

enum { SMALL_B = 8, SMALL_T = 7, SMALL_V = 11 };

/* A transformer encoder of one layer that tells, of each token, the token before it. */
typedef struct small_training {
    heed_model *model;
    heed_embedding_layer tokens;
    heed_position position;
    heed_encoder *encoder;
    heed_linear_layer out;
    heed_grads *grads;
    heed_optim *optim;
} small_training;

/* d_model 32, 2 heads, dropout 0.1. False when anything could not be made. */
bool small_training_init(small_training *s, heed_dtype dtype);
void small_training_free(small_training *s);
/* Records one batch, a function of `step` alone, and returns its loss. */
heed_tensor small_training_loss(const small_training *s, heed_tape *t, int step);
/* Reset, loss, backward, optimizer. Returns the loss, NaN on an error. */
double small_training_step(small_training *s, heed_tape *t, int step);

#endif
