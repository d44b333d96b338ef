/* The line of a training that is under way, drawn over in its place on a terminal, and nowhere else. */
#ifndef EXAMPLES_PROGRESS_H
#define EXAMPLES_PROGRESS_H

#include "terminal.h"

#include <stdint.h>

typedef struct progress {
    const char *name;      /* before the bar */
    double started, drawn; /* seconds; all zero at first */
    bool standing;         /* the line is on the terminal now */
} progress;

/* "two layers ━━━━━──────  320/900  loss 1.234  12 s left"; draws at most ten times a second. */
void progress_show(progress *p, const terminal *term, int64_t step, int64_t steps, double loss);
/* Takes it away. */
void progress_clear(progress *p, const terminal *term);

#endif
