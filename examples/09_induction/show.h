/* What the lesson says, and how it looks. */
#ifndef INDUCTION_SHOW_H
#define INDUCTION_SHOW_H

#include "../common/say.h"
#include "history.h"

/* Layers are counted from 1 in what is shown, as in the papers. */

void show_task(const terminal *term, const history_plan *plan, const repeats *example);

/* Loss and scores against steps. */
void show_plots(const terminal *term, const history *two, const history *one);

/* When what happened. */
void show_story(const terminal *term, const history *two, const history *one);

/* The loss without a head, and without a layer. */
typedef struct show_losses {
    double head[INDUCTION_LAYERS][INDUCTION_HEADS], layer[INDUCTION_LAYERS];
} show_losses;
void show_heads(const terminal *term, const history *two, const show_losses *without);

/* The best head of each layer, while the first `shown` tokens of `r` are read. */
enum { SHOW_TOKENS = 30 };
void show_maps(const terminal *term, const history *two, const repeats *r, const double *first, const double *second);

void show_result(const terminal *term, const history *two, const history *one);

#endif
