/* A small training with one attention head, to be recorded: for the test suite, under ThreadSanitizer, and to be killed. */
#ifndef HELPERS_OBSERVED_H
#define HELPERS_OBSERVED_H

#include <heed/heed.h>

enum { OBSERVED_T = 5, OBSERVED_D = 6, OBSERVED_K = 3, OBSERVED_CLASSES = 4, OBSERVED_BATCH = 4 };

typedef struct observed {
    heed_model *model;
    heed_self_attention attn; /* "attn.w_q", ... (3, 6) */
    heed_linear_layer out;    /* "out.weight" (4, 3), "out.bias" (4) */
    heed_tape *t;
    heed_grads *g;
    heed_optim *adamw;
    int64_t steps; /* done */
} observed;

/* False when anything could not be made. */
bool observed_init(observed *r, heed_dtype dtype, int threads);
void observed_free(observed *r);
/* One step on a batch of its own; rec may be NULL. Notes the scalar "loss". */
bool observed_step(observed *r, heed_recorder *rec);
/* Of all parameters' bits. */
uint64_t observed_hash(const observed *r);

/* The probe "p", user is the observed: one sequence, the mean cross-entropy of its tokens. */
heed_tensor observed_probe_loss(void *user, heed_tape *t);
/* Declares the probe, the attention and two spaces. */
void observed_describe(observed *r, heed_recorder *rec);

/* ---- for threads ---- */

/* Records 40 steps into folder, which must not exist: the same bits as without, and 40 frames thinned to at most 9. */
bool observed_while_training(const char *folder);

#endif
