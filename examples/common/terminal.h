/* What the examples need to draw on a terminal, and to be plain where there is none.
 *
 * Drawing over a film's last frame:
 *     terminal_again(&term, drawn);    where `drawn` lines were printed the time before, 0 at first
 *     drawn = picture_print(&term, &p);
 *     fflush(term.out);
 * Text is UTF-8; a code point is taken to fill one column, as all of Latin, Greek and Cyrillic do. */
#ifndef EXAMPLES_TERMINAL_H
#define EXAMPLES_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

typedef struct terminal {
    FILE *out;
    bool live;         /* a terminal: lines may be drawn over */
    bool colour;       /* live, TERM is not dumb, NO_COLOR not set */
    bool many;         /* 24-bit colour, else the 256-colour palette */
    int width, height; /* columns and lines; 80 and 24 where unknown */
} terminal;

/* Cheap: ask again to learn the size that a window has by now. */
terminal terminal_open(FILE *out);
/* Goes back to the start of the line, and up over `lines` whole lines before it, and clears from there on; nothing
 * where not live. What has scrolled out of the window cannot be drawn over: keep `lines` below the height. */
void terminal_again(const terminal *term, int lines);
/* The columns that a text fills, and the text followed by spaces up to `columns` (cut to them where it is longer). */
int text_columns(const char *text);
void text_print(const terminal *term, const char *text, int columns);
/* 1234567 -> "1,234,567" */
enum { GROUPED = 32 };
const char *grouped(long long number, char text[GROUPED]);

/* One colour for each kind of vector, everywhere: query, key, value, gradient; and emphasis. */
typedef enum ink {
    INK_PLAIN,
    INK_QUERY,
    INK_KEY,
    INK_VALUE,
    INK_GRADIENT,
    INK_GOOD,
    INK_BAD,
    INK_DIM,
    INK_BOLD,
    INKS
} ink;
/* printf in that colour (plain where there is none). */
void ink_print(const terminal *term, ink colour, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* One cell of a picture, `columns` wide. Signed values run from -1 (blue) by 0 (dark) to 1 (orange), a scale that
 * colour-blind people can read; shares from 0 (dark) to 1 (pale yellow). What lies outside is drawn as the end it is
 * nearest to, NaN as "?". Without colour: shades " ·░▒▓█", and for what is negative " .-=≡#". */
void cell_signed(const terminal *term, double value, int columns);
void cell_share(const terminal *term, double share, int columns);
/* The scale itself, on the current line: "0 ▁▂▃ 1" in the cells' own colours or shades, its ends as given. */
void scale_print(const terminal *term, bool shares, const char *low, const char *high);

/* A matrix of values, with a title and row and column labels (each may be NULL). */
typedef struct picture {
    const char *title;
    const double *values; /* rows x columns, row-major */
    int rows, columns;
    const char *const *row_labels, *const *column_labels;
    ink row_ink, column_ink; /* of the labels */
    const ink *row_inks;     /* NULL, or of each row's label */
    double scale;            /* the value that gets the strongest colour; 0: the largest magnitude there is */
    bool shares;             /* values from 0 on, else signed */
    int cell;                /* columns of text a cell; 0: 2, which looks square */
} picture;
int picture_width(const picture *p); /* in columns */
/* Returns how many lines were printed, for terminal_again. */
int picture_print(const terminal *term, const picture *p);
/* The same for `count` pictures side by side, `gap` columns apart, tops in line. */
int pictures_print(const terminal *term, const picture *p, int count, int gap);

/* A bar of `width` characters, done up to `share` of 1: "[#######......]" without colour. */
void bar_print(const terminal *term, double share, int width);

#endif
