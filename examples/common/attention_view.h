/* Attention on a terminal: one frame of a recording, be it that of a run under way or one that heed-lens plays again. */
#ifndef EXAMPLES_ATTENTION_VIEW_H
#define EXAMPLES_ATTENTION_VIEW_H

#include "terminal.h"

#include <heed/heed.h>

/* Weights from queries, down, to keys, across. Texts are shown as they are. */
typedef struct attention_picture {
    const double *weights; /* rows x columns, row-major */
    int rows, columns;
    const char *const *row_names, *const *column_names;
    const ink *row_inks; /* NULL: all in the queries' colour */
    int maps; /* of how many it is the mean: one is on a scale from 0 to 1, the mean of several, in which little is
                            near 1, from 0 to 0.5 and more; the same at all times */
    const char *note; /* behind the scale and that, dim */
} attention_picture;
/* Cells as wide as their names where there is room; returns the lines printed. */
int attention_picture_print(const terminal *term, const attention_picture *p);

/* What of a recording is shown. */
typedef struct attention_view {
    const char *probe; /* NULL: the first */
    const char *layer; /* NULL: those that look at another sequence, where there are any; else the last */
    int head;          /* -1: the mean of all, of all these layers */
} attention_view;
/* The step, the loss and how it fell, other measures, and the map of what fits on the terminal. A row where the model
 * answered what was not right is called "its answer≠the right one". Returns the lines printed; 0, and nothing is, where the
 * frame has no such attention or memory is out. */
int attention_view_print(const terminal *term, const attention_view *v, heed_recording *r, int frame);

#endif
