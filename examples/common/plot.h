/* Curves on a terminal. */
#ifndef EXAMPLES_PLOT_H
#define EXAMPLES_PLOT_H

#include "terminal.h"

typedef struct curve {
    const char *name;
    const double *y;  /* one value for each x */
    const char *mark; /* one character, so that curves can be told apart without colour */
    ink colour;
} curve;

typedef struct plot {
    const char *title;
    const double *x; /* rising */
    int n;           /* values of x, and of each curve; may be 0 */
    const curve *curves;
    int count;
    double last;      /* the x at the right end; the left end is 0 */
    double low, high; /* of y */
    int decimals;     /* of the numbers beside the axis */
    int rows, columns;
    const char *x_name;
} plot;

/* Title with the curves' names, rows, axis: returns the lines printed, rows + 3. Where curves meet, the first is on top. */
int plot_print(const terminal *term, const plot *p);

#endif
