/* What is seen: where a model looks, and a training under way. */
#ifndef SEQ2SEQ_SHOW_H
#define SEQ2SEQ_SHOW_H

#include "../common/terminal.h"
#include "translator.h"

/* One source, what the model makes of it, and where it looks meanwhile. */
typedef struct view {
    example e; /* its target is the answer */
    char source[TASK_BYTES], answer[TASK_BYTES];
    double sure;                          /* the probability that the model gives to the answer */
    bool looked;                          /* it has attention */
    int rows;                             /* the answer's tokens, and one for EOS */
    double map[BATCH_TIME * TASK_SOURCE]; /* (rows, e.S) */
} view;

/* Translates v->e.source. The tape is reset. */
heed_status view_take(const translator *tr, heed_tape *t, int width, view *v) HEED_MUST_CHECK;
/* "source → answer" and the map; returns the lines printed. */
int view_print(const terminal *term, const task *what, const view *v);

/* A training, shown on a terminal in its place: a view and a line of progress; elsewhere in plain lines. */
typedef struct board {
    const translator *tr;
    heed_tape *t;
    view v;
    int64_t steps;
    int width;                     /* of the search */
    double loss;                   /* averaged over some twenty steps */
    double started, looked, drawn; /* seconds */
    int lines;
} board;

heed_status board_init(board *b, const translator *tr, int64_t steps, int threads) HEED_MUST_CHECK;
heed_status board_show(board *b, int64_t step, double loss) HEED_MUST_CHECK;
/* Leaves the cursor on a line of its own. */
void board_end(board *b);

#endif
