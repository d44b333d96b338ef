/* Pictures for papers and READMEs, as SVG: matrices such as attention maps, and curves. Texts stay texts, everything
 * else is drawn by paths; each picture stands on white, with a legend of its scale, and refers to nothing outside
 * itself.
 *
 *     heed_matrix_picture map = {.title = "decoder.0.cross_attn, head 1", .values = weights, .rows = 10, .columns = 29,
 *                                .row_names = output, .column_names = input, .row_title = "query",
 *                                .column_title = "key", .unit = "attention weight", .shares = true};
 *     if (heed_matrix_picture_save(&map, "map.svg", &error)) ...
 *
 * Titles, names and units are shown as heed_text_shown gives them, and escaped: no text can add to the markup. */
#ifndef HEED_PICTURE_H
#define HEED_PICTURE_H

#include <stdio.h>

#include <heed/error.h>

HEED_BEGIN_DECLS

/* Colours run from blue (-limit) by near white (0) to red (limit), shares from near white (0) to red (1): two hues that
 * differ for colour-blind eyes too. What lies outside takes the colour of the end it is nearest to; what is no number
 * is grey. */
typedef struct heed_matrix_picture {
    const char *title;                                  /* or NULL, as all texts here */
    const double *values;                               /* rows x columns, row-major */
    int rows, columns;                                  /* 1 to 4096 each, at most 1,000,000 numbers */
    const char *const *row_names, *const *column_names; /* NULL: they are numbered from 0 */
    const char *row_title, *column_title;               /* what a row and a column is: "query", "key" */
    const char *unit;                                   /* what the numbers are */
    double limit;                                       /* of signed numbers; 0: the largest magnitude there is */
    bool shares;                                        /* numbers from 0 to 1, else signed */
    const int *alignment; /* NULL, or of each row the column that is to be framed, or -1 */
} heed_matrix_picture;

typedef struct heed_curve {
    const char *name;
    const double *x, *y; /* x ascends; where y is no number, the curve has a gap */
    int64_t n;
} heed_curve;

typedef struct heed_curve_picture {
    const char *title, *x_title, *y_title; /* with units, or NULL */
    const heed_curve *curves;
    int n_curves;     /* 1 to 12: so many lines can be told apart, by colour and dashes */
    bool logarithmic; /* of y: numbers up to 0 are left out */
} heed_curve_picture;

/* To a stream, which is not closed; or to a file, whole or not at all. Errors: sizes, no memory, what cannot be
 * written. */
heed_status heed_matrix_picture_write(const heed_matrix_picture *picture, FILE *out, heed_error *error) HEED_MUST_CHECK;
heed_status heed_matrix_picture_save(const heed_matrix_picture *picture, const char *path,
                                     heed_error *error) HEED_MUST_CHECK;
heed_status heed_curve_picture_write(const heed_curve_picture *picture, FILE *out, heed_error *error) HEED_MUST_CHECK;
heed_status heed_curve_picture_save(const heed_curve_picture *picture, const char *path,
                                    heed_error *error) HEED_MUST_CHECK;

/* A text from outside as it may be shown, in pictures and on terminals: bytes that are no UTF-8 as U+FFFD; controls,
 * bidirectional marks and what is invisible as codes, <U+202E>. For free(); NULL: out of memory. */
char *heed_text_shown(const char *text);

HEED_END_DECLS
#endif
