/* Writing SVG: texts escaped, numbers with a point in every locale, into memory first, so that nothing half comes out.
 * */
#ifndef HEED_SVG_INTERNAL_H
#define HEED_SVG_INTERNAL_H

#include <stdio.h>

#include <heed/error.h>

typedef struct svg {
    FILE *out;
    bool failed; /* out of memory */
} svg;

/* Draws one picture, svg_begin first. */
typedef void svg_draw(svg *s, const void *picture);
heed_status svg_write(svg_draw *draw, const void *picture, FILE *out, heed_error *error);
heed_status svg_save(svg_draw *draw, const void *picture, const char *path, heed_error *error);

/* The whole, on white; its title and description are for those who don't see it. */
void svg_begin(svg *s, double width, double height, const char *title, const char *description);
void svg_end(svg *s);
/* As printf: markup alone, no texts from outside. */
void svg_put(svg *s, const char *format, ...) HEED_PRINTF(2, 3);

typedef struct svg_label {
    double x, y, size;        /* y: of the baseline; with `middle`, of the middle of the letters */
    double turn;              /* degrees, clockwise, around (x, y) */
    const char *anchor;       /* "start", "middle", "end" */
    const char *fill;         /* NULL: nearly black */
    bool bold, token, middle; /* token: letters of one width, spaces at the ends seen */
} svg_label;
void svg_text(svg *s, svg_label label, const char *text);
/* The room that it takes, more or less: fonts differ. */
double svg_text_width(const char *text, double size, bool token);

/* Short, with a true minus sign: "−0.125". */
enum { SVG_NUMBER = 32 };
const char *svg_number(double x, char text[SVG_NUMBER]);

/* The page's one scale, from -1 by 0 to 1, in 255 steps a side: 0 is SVG_ZERO; and its "#rrggbb". */
enum { SVG_ZERO = 255, SVG_SHADES = 2 * SVG_ZERO + 1, SVG_COLOUR = 8 };
int svg_shade(double share); /* -1 for NaN */
const char *svg_colour(int shade, char text[SVG_COLOUR]);

#endif
