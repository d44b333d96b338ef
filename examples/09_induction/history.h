/* A training, and what was seen of it on the way. */
#ifndef INDUCTION_HISTORY_H
#define INDUCTION_HISTORY_H

#include "induction.h"

enum { HISTORY_FRAMES = 121 };

typedef struct history_plan {
    int layers, heads, shortest, longest;
    int64_t steps, seed, threads;
    heed_recorder *recorder; /* or NULL */
} history_plan;

typedef struct history {
    history_plan plan;
    int frames;                   /* at even intervals, the first before the first step */
    int64_t step[HISTORY_FRAMES];    /* done then */
    induction_scores at[HISTORY_FRAMES];
    double seconds;
} history;

/* Called after each step with what is there so far; the loss is that of the step. */
typedef void history_look(void *user, const history *r, int64_t step, double loss);

/* Trains `ind`, which is as its init left it. On an error its text is in `error`. */
heed_status history_train(history *r, const history_plan *plan, const induction *ind, observer *o, history_look *look,
                          void *user, heed_error *error) HEED_MUST_CHECK;

/* Of one layer's heads the one whose score is highest at the end. */
int history_best_previous(const history *r, int layer);
int history_best_matching(const history *r, int layer);

/* The sudden drop: the shortest stretch between two frames in which the loss loses half of all that it loses in the run. */
typedef struct history_drop {
    int64_t from, to; /* steps */
    double before, after;
} history_drop;
history_drop history_find_drop(const history *r);

/* The first frame's step at which a value, one a frame, has come half the way from its first to its last. */
int64_t history_halfway(const history *r, const double *values);

/* One value a frame. */
void history_losses(const history *r, double out[HISTORY_FRAMES]);
void history_previous(const history *r, int layer, int head, double out[HISTORY_FRAMES]);
void history_matching(const history *r, int layer, int head, double out[HISTORY_FRAMES]);

#endif
