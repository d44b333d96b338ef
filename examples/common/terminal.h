/* What the examples need to draw on a terminal, and to be plain where there is none. */
#ifndef EXAMPLES_TERMINAL_H
#define EXAMPLES_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

typedef struct terminal {
    FILE *out;
    bool live;   /* a terminal: lines may be drawn over */
    bool colour; /* live, TERM is not dumb, NO_COLOR not set */
    bool many;   /* 24-bit colour, else the 256-colour palette */
    int width;   /* columns; 80 where unknown */
} terminal;

terminal terminal_open(FILE *out);

/* One colour for each kind of vector, everywhere: query, key, value, gradient; and emphasis. */
typedef enum ink { INK_PLAIN, INK_QUERY, INK_KEY, INK_VALUE, INK_GRADIENT, INK_GOOD, INK_BAD, INK_DIM, INK_BOLD } ink;
/* printf in that colour (plain where there is none). */
void ink_print(const terminal *term, ink colour, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* One cell of a picture, `columns` wide. Signed values run from -1 (blue) by 0 (the ground) to 1 (orange), a scale that colour-blind people
 * can read; shares from 0 to 1. Without colour: a sign and shade for signed values (" ", "-", "=" ...), shades " .:-=+*#%@" for shares. */
void cell_signed(const terminal *term, double value, int columns);
void cell_share(const terminal *term, double share, int columns);

/* A matrix of signed values, scaled by its largest magnitude unless `scale` > 0, with row and column labels (may be NULL). */
typedef struct picture {
    const double *values; /* rows x columns, row-major */
    int rows, columns;
    const char *const *row_labels, *const *column_labels;
    double scale;
    bool shares; /* 0..1 instead of signed */
    int cell;    /* columns of text a cell; 2 looks square */
} picture;
void picture_print(const terminal *term, const picture *p);

/* "[#######......]" of `width` characters for a share of 1. */
void bar_print(const terminal *term, double share, int width);
/* Goes back to the start of the line, or `lines` lines up, to draw over what is there; nothing where not live. */
void terminal_again(const terminal *term, int lines);

#endif
