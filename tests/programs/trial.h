/* A program that is under way: what those who run it share. */
#ifndef PROGRAMS_TRIAL_H
#define PROGRAMS_TRIAL_H

#include "program.h"

struct runner {
    heed_tape *t, *other;
    heed_tensor stale, foreign;
};

/* One program under way. */
typedef struct trial {
    runner *r;
    const program *p;
    pool *memory;
    char *why;
    oracle o;
    heed_model *model;
    layer layers[MOST_STATEMENTS];
    heed_param params[MOST_STATEMENTS];
    heed_tensor value[MOST_STATEMENTS * MOST_OUT];
    const bool *dropped[MOST_STATEMENTS];
} trial;

/* Says why it failed. False, for `return`. */
bool trial_fail(trial *x, const char *format, ...) HEED_PRINTF(2, 3);
heed_tensor trial_handle(const trial *x, ref at);
/* Resets the tape and gives it the program's settings; the tape's memory holds NaN from here on wherever nothing is written to
 * it. */
void trial_start(trial *x);
/* Calls statement k. */
void trial_call(trial *x, int k);
heed_status trial_walk(trial *x, const backward *b, heed_grads *g);

/* ---- recomputed.c ---- */

/* The program once more, cut into blocks that backward computes again: what they hand on, and all gradients, must have the bits
 * that they have without. */
bool trial_recomputes(trial *x);

#endif
