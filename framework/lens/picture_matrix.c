#include <heed/picture.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "svg_internal.h"

/* Lengths in pixels. */
enum {
    EDGE = 16,
    TITLE = 15, /* sizes of letters */
    AXIS = 13,
    LABEL = 12,
    CELL = 26,     /* at most */
    LARGEST = 720, /* of the matrix, where its cells are smaller */
    GAP = 6,       /* between names and matrix */
    STRIP = 220,   /* the legend */
    STRIP_HIGH = 11,
    LEGEND = 62,   /* its height with all about it */
    GRID_FROM = 9, /* cells so large are set apart by white lines */
    NUMBERS = 200, /* shares are written into the cells where there are no more */
};
enum { MOST_SIZE = 4096, MOST_CELLS = 1000000, TURNED = -55 };

typedef struct layout {
    const heed_matrix_picture *p;
    double cell, label;             /* sizes of a cell and of letters */
    double x, y, width, height;     /* of the matrix */
    double row_names, column_names; /* room for them */
    int row_stride, column_stride;  /* every which name is written */
    bool turned;                    /* the columns' names */
    double whole_width, whole_height;
    double limit;
} layout;

/* ---- sizes ---- */

static const char *name_of(const char *const *names, int i, char number[SVG_NUMBER]) {
    if (names && names[i])
        return names[i];
    snprintf(number, SVG_NUMBER, "%d", i);
    return number;
}

/* Every which name is written, so that what needs `room` does not touch: 1, 2, 5, 10, 20, ... */
static int stride_of(const layout *l, double room) {
    static const int steps[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000};
    size_t i = 0;
    while (i + 1 < sizeof steps / sizeof *steps && steps[i] * l->cell < room + 1)
        i++;
    return steps[i];
}

static double widest(const layout *l, const char *const *names, int n) {
    double most = 0;
    char number[SVG_NUMBER];
    for (int i = names ? 0 : n - 1; i < n; i++)
        most = fmax(most, svg_text_width(name_of(names, i, number), l->label, true));
    return most;
}

static double limit_of(const heed_matrix_picture *p) {
    double most = p->limit;
    for (int64_t i = 0; p->limit <= 0 && i < (int64_t)p->rows * p->columns; i++)
        if (isfinite(p->values[i]))
            most = fmax(most, fabs(p->values[i]));
    return p->shares || most <= 0 ? 1 : most;
}

static layout lay_out(const heed_matrix_picture *p) {
    layout l = {.p = p, .limit = limit_of(p)};
    int longer = p->rows > p->columns ? p->rows : p->columns;
    l.cell = fmin(CELL, (double)LARGEST / longer);
    l.label = fmin(LABEL, fmax(l.cell - 1, LABEL - 3));
    double columns = widest(&l, p->column_names, p->columns), turn = TURNED * acos(-1) / 180, over = 0;
    l.row_stride = stride_of(&l, l.label);
    l.column_stride =
        stride_of(&l, p->column_names ? l.label : columns + 4); /* numbers are rather left out than turned */
    l.turned = columns > l.cell * l.column_stride - 2;
    l.row_names = widest(&l, p->row_names, p->rows);
    l.column_names = l.turned ? columns * -sin(turn) + l.label * cos(turn) : l.label;
    if (l.turned) /* the last name leans over the edge */
        over = fmax(0, columns * cos(turn) - l.cell / 2);
    l.width = l.cell * p->columns;
    l.height = l.cell * p->rows;
    l.x = EDGE + (p->row_title ? AXIS + GAP : 0) + l.row_names + GAP;
    l.y = EDGE + (p->title ? TITLE + 2 * GAP : 0) + (p->column_title ? AXIS + GAP : 0) + l.column_names + GAP;
    double title = p->title ? EDGE + svg_text_width(p->title, TITLE, false) * 1.1 : 0;
    double unit = p->unit ? svg_text_width(p->unit, LABEL, false) : 0;
    l.whole_width = ceil(fmax(fmax(l.x + l.width + over, title), l.x + fmax(STRIP, unit) + EDGE) + EDGE);
    l.whole_height = ceil(l.y + l.height + LEGEND + EDGE);
    return l;
}

/* ---- parts ---- */

static int shade_at(const layout *l, int row, int column) {
    return svg_shade(l->p->values[(int64_t)row * l->p->columns + column] / l->limit);
}

/* One path a colour; cells that stand side by side in it are one piece. Counts are sorted by colour first, so that each
 * cell is looked at twice, however many colours there are. */
static void draw_cells(svg *s, const layout *l) {
    const heed_matrix_picture *p = l->p;
    int64_t cells = (int64_t)p->rows * p->columns, begin[SVG_SHADES + 2] = {0};
    int64_t *order = malloc((size_t)cells * sizeof *order);
    char colour[SVG_COLOUR];
    if (order == NULL) {
        s->failed = true;
        return;
    }
    for (int64_t i = 0; i < cells; i++)
        begin[shade_at(l, (int)(i / p->columns), (int)(i % p->columns)) + 2]++;
    for (int shade = 0; shade <= SVG_SHADES; shade++)
        begin[shade + 1] += begin[shade];
    for (int64_t i = 0; i < cells; i++)
        order[begin[shade_at(l, (int)(i / p->columns), (int)(i % p->columns)) + 1]++] = i;
    svg_put(s, "<g transform=\"translate(%.2f %.2f) scale(%.6g)\" shape-rendering=\"crispEdges\">\n", l->x, l->y,
            l->cell);
    for (int shade = -1; shade < SVG_SHADES; shade++) {
        int64_t first = shade < 0 ? 0 : begin[shade], end = begin[shade + 1];
        if (first < end)
            svg_put(s, "<path fill=\"%s\" d=\"", svg_colour(shade, colour));
        for (int64_t i = first, run; i < end; i += run) {
            for (run = 1; i + run < end && order[i + run] == order[i] + run && order[i + run] % p->columns != 0; run++)
                continue;
            svg_put(s, "M%d %dh%dv1h-%dz", (int)(order[i] % p->columns), (int)(order[i] / p->columns), (int)run,
                    (int)run);
        }
        if (first < end)
            svg_put(s, "\"/>\n");
    }
    svg_put(s, "</g>\n");
    free(order);
}

static void draw_grid(svg *s, const layout *l) {
    const heed_matrix_picture *p = l->p;
    if (l->cell >= GRID_FROM) {
        svg_put(s, "<path stroke=\"#ffffff\" stroke-width=\"1\" d=\"");
        for (int row = 1; row < p->rows; row++)
            svg_put(s, "M%.2f %.2fh%.2f", l->x, l->y + row * l->cell, l->width);
        for (int column = 1; column < p->columns; column++)
            svg_put(s, "M%.2f %.2fv%.2f", l->x + column * l->cell, l->y, l->height);
        svg_put(s, "\"/>\n");
    }
    svg_put(s, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"none\" stroke=\"#8a929c\"/>\n", l->x,
            l->y, l->width, l->height);
}

/* Shares to two places, without the 0 before the point: ".83". */
static void draw_numbers(svg *s, const layout *l) {
    const heed_matrix_picture *p = l->p;
    if (!p->shares || l->cell < CELL || p->rows * p->columns > NUMBERS)
        return;
    for (int i = 0; i < p->rows * p->columns; i++) {
        char text[SVG_NUMBER];
        double x = p->values[i];
        if (!(x >= 0.005)) /* an empty cell says it as well, and better */
            continue;
        snprintf(text, sizeof text, "%.2f", x);
        const svg_label label = {.x = l->x + (i % p->columns + 0.5) * l->cell,
                                 .y = l->y + (i / p->columns + 0.5) * l->cell,
                                 .size = 9.5,
                                 .anchor = "middle",
                                 .middle = true,
                                 .fill = x > 0.55 ? "#ffffff" : NULL};
        svg_text(s, label, text[0] == '0' && text[1] == '.' ? text + 1 : text);
    }
}

static void draw_alignment(svg *s, const layout *l) {
    for (int row = 0; l->p->alignment && row < l->p->rows; row++)
        if (l->p->alignment[row] >= 0 && l->p->alignment[row] < l->p->columns)
            svg_put(s,
                    "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"none\" stroke=\"#1b1f24\" "
                    "stroke-width=\"%.2g\"/>\n",
                    l->x + l->p->alignment[row] * l->cell, l->y + row * l->cell, l->cell, l->cell,
                    fmin(2, l->cell / 6));
}

static void draw_names(svg *s, const layout *l) {
    const heed_matrix_picture *p = l->p;
    char number[SVG_NUMBER];
    for (int row = 0; row < p->rows; row += l->row_stride) {
        const svg_label label = {.x = l->x - GAP,
                                 .y = l->y + (row + 0.5) * l->cell,
                                 .size = l->label,
                                 .anchor = "end",
                                 .token = true,
                                 .middle = true};
        svg_text(s, label, name_of(p->row_names, row, number));
    }
    for (int column = 0; column < p->columns; column += l->column_stride) {
        double x = l->x + (column + 0.5) * l->cell;
        const svg_label level = {.x = x, .y = l->y - GAP, .size = l->label, .anchor = "middle", .token = true};
        const svg_label turned = {.x = x + 0.3 * l->label,
                                  .y = l->y - GAP,
                                  .size = l->label,
                                  .turn = TURNED,
                                  .anchor = "start",
                                  .token = true};
        svg_text(s, l->turned ? turned : level, name_of(p->column_names, column, number));
    }
}

static void draw_titles(svg *s, const layout *l) {
    const heed_matrix_picture *p = l->p;
    const svg_label title = {.x = EDGE, .y = EDGE + TITLE, .size = TITLE, .anchor = "start", .bold = true};
    const svg_label columns = {
        .x = l->x, .y = l->y - l->column_names - 2 * GAP, .size = AXIS, .anchor = "start", .fill = "#59616b"};
    const svg_label rows = {
        .x = EDGE + AXIS, .y = l->y + l->height, .size = AXIS, .turn = -90, .anchor = "start", .fill = "#59616b"};
    char text[256];
    svg_text(s, title, p->title);
    if (p->column_title) {
        snprintf(text, sizeof text, "%.200s \u2192", p->column_title);
        svg_text(s, columns, text);
    }
    if (p->row_title) {
        snprintf(text, sizeof text, "\u2190 %.200s", p->row_title);
        svg_text(s, rows, text);
    }
}

/* The scale, its ends and middle, and what the numbers are. */
static void draw_legend(svg *s, const layout *l) {
    double low = l->p->shares ? 0 : -1, y = l->y + l->height + 20;
    char colour[SVG_COLOUR], number[SVG_NUMBER];
    svg_put(s, "<g shape-rendering=\"crispEdges\">\n");
    for (int i = 0; i < STRIP; i += 2)
        svg_put(s, "<rect x=\"%.2f\" y=\"%.2f\" width=\"2\" height=\"%d\" fill=\"%s\"/>\n", l->x + i, y, STRIP_HIGH,
                svg_colour(svg_shade(low + (1 - low) * i / (STRIP - 2)), colour));
    svg_put(s, "</g>\n<rect x=\"%.2f\" y=\"%.2f\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#8a929c\"/>\n",
            l->x, y, STRIP, STRIP_HIGH);
    for (int i = 0; i <= 2; i++) {
        const svg_label mark = {.x = l->x + i * STRIP / 2.0,
                                .y = y + STRIP_HIGH + LABEL + 1,
                                .size = LABEL - 1,
                                .anchor = i == 0   ? "start"
                                          : i == 1 ? "middle"
                                                   : "end"};
        svg_text(s, mark, svg_number((low + i * (1 - low) / 2) * l->limit, number));
    }
    const svg_label unit = {
        .x = l->x, .y = y + STRIP_HIGH + 2 * LABEL + 5, .size = LABEL, .anchor = "start", .fill = "#59616b"};
    svg_text(s, unit, l->p->unit);
}

static void draw_matrix(svg *s, const void *picture) {
    const heed_matrix_picture *p = picture;
    layout l = lay_out(p);
    char text[256];
    snprintf(text, sizeof text, "%d rows%s%.60s, %d columns%s%.60s; %s %.3g to %.3g%s%.60s.", p->rows,
             p->row_title ? ": " : "", p->row_title ? p->row_title : "", p->columns, p->column_title ? ": " : "",
             p->column_title ? p->column_title : "", "colours from", p->shares ? 0 : -l.limit, l.limit,
             p->unit ? ", " : "", p->unit ? p->unit : "");
    svg_begin(s, l.whole_width, l.whole_height, p->title, text);
    draw_cells(s, &l);
    draw_grid(s, &l);
    draw_numbers(s, &l);
    draw_alignment(s, &l);
    draw_names(s, &l);
    draw_titles(s, &l);
    draw_legend(s, &l);
    svg_end(s);
}

/* ---- public ---- */

static heed_status check(const heed_matrix_picture *p, heed_error *error) {
    if (p->rows < 1 || p->columns < 1 || p->rows > MOST_SIZE || p->columns > MOST_SIZE ||
        (int64_t)p->rows * p->columns > MOST_CELLS)
        return heed_error_set(
            error, HEED_INVALID,
            "picture: the matrix is %d x %d; rows and columns must be 1 to %d, and at most %d numbers together",
            p->rows, p->columns, MOST_SIZE, MOST_CELLS);
    return p->values ? HEED_OK : heed_error_set(error, HEED_INVALID, "picture: the matrix has no values");
}

heed_status heed_matrix_picture_write(const heed_matrix_picture *picture, FILE *out, heed_error *error) {
    heed_status status = check(picture, error);
    return status ? status : svg_write(draw_matrix, picture, out, error);
}

heed_status heed_matrix_picture_save(const heed_matrix_picture *picture, const char *path, heed_error *error) {
    heed_status status = check(picture, error);
    return status ? status : svg_save(draw_matrix, picture, path, error);
}
