#include <heed/picture.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "svg_internal.h"

/* Lengths in pixels. */
enum {
    EDGE = 16,
    TITLE = 15,
    AXIS = 13,
    LABEL = 12,
    WIDTH = 560, /* of the plot */
    HEIGHT = 280,
    LEFT = 58,  /* the numbers of the y axis */
    BELOW = 46, /* the numbers and the title of the x axis */
    KEY = 34,   /* a line of the legend, and the gap behind its name */
    MOST_CURVES = 12,
    TICKS = 6, /* more or less */
};

/* Six colours that colour-blind eyes tell apart, then the same with dashes. */
static const char *const colours[] = {"#0b62b8", "#c2571a", "#00775a", "#8a35a8", "#b3860b", "#4a4f57"};
enum { COLOURS = sizeof colours / sizeof *colours };

typedef struct axis {
    double low, high;
    double at, length; /* in the picture: where low is, and how far from there high is */
    bool logarithmic;
} axis;

typedef struct plot {
    const heed_curve_picture *p;
    axis x, y;
    int legend_lines;
} plot;

/* ---- axes ---- */

static bool has_place(const axis *a, double value) {
    return isfinite(value) && (!a->logarithmic || value > 0);
}

static double place(const axis *a, double value) {
    double share = a->logarithmic ? log(value / a->low) / log(a->high / a->low) : (value - a->low) / (a->high - a->low);
    return a->at + share * a->length;
}

static void widen(axis *a, double value) {
    if (!has_place(a, value))
        return;
    a->low = fmin(a->low, value);
    a->high = fmax(a->high, value);
}

/* 1, 2 or 5 times a power of ten, so that about TICKS of them make the range. */
static double tick_of(double range) {
    double tenth = pow(10, floor(log10(range / TICKS)));
    double times = range / TICKS / tenth;
    return tenth * (times < 1.5 ? 1 : times < 3.5 ? 2 : times < 7.5 ? 5 : 10);
}

/* Ends at ticks; where there is nothing, or one number alone, there is room about it. */
static void round_ends(axis *a, bool from_zero) {
    if (a->low > a->high)
        a->low = a->logarithmic ? 1 : 0, a->high = a->logarithmic ? 10 : 1;
    if (a->logarithmic) {
        a->low = pow(10, floor(log10(a->low)));
        a->high = pow(10, ceil(log10(a->high)));
        a->high = a->high > a->low ? a->high : a->low * 10;
        return;
    }
    if (from_zero && a->low > 0 && a->low < 0.6 * a->high)
        a->low = 0;
    if (!(a->high - a->low > 1e-12 * fmax(fabs(a->high), fabs(a->low)))) {
        double about = a->high != 0 ? fabs(a->high) / 2 : 0.5;
        a->low -= about;
        a->high += about;
    }
    double tick = tick_of(a->high - a->low);
    a->low = floor(a->low / tick + 1e-9) * tick;
    a->high = ceil(a->high / tick - 1e-9) * tick;
}

/* The i-th tick; false behind the last. */
static bool tick_at(const axis *a, int i, double *value) {
    if (a->logarithmic) {
        int powers = (int)lround(log10(a->high / a->low)), step = 1 + powers / (2 * TICKS);
        *value = a->low * pow(10, (double)i * step);
        return *value <= a->high * 1.0001;
    }
    double tick = tick_of(a->high - a->low);
    *value = (ceil(a->low / tick - 1e-9) + i) * tick;
    return *value <= a->high + 1e-9 * tick;
}

static const char *tick_text(double value, char text[SVG_NUMBER]) {
    if (fabs(value) >= 1000 && fabs(value) < 1e7 && value == floor(value)) /* a step, in all its digits */
        snprintf(text, SVG_NUMBER, value < 0 ? "\u2212%.0f" : "%.0f", fabs(value));
    else
        svg_number(fabs(value) < 1e-300 ? 0 : value, text);
    return text;
}

/* ---- legend ---- */

static double key_width(const heed_curve *curve) {
    return KEY + svg_text_width(curve->name ? curve->name : "", LABEL, false) + KEY / 2.0;
}

/* Where the i-th key stands; lines are filled from the left. */
static void key_place(const plot *l, int i, double *x, int *line) {
    *x = 0;
    *line = 0;
    for (int k = 0; k <= i; k++) {
        double width = key_width(&l->p->curves[k]);
        if (*x > 0 && *x + width > WIDTH) {
            *x = 0;
            ++*line;
        }
        *x += k < i ? width : 0;
    }
}

static void put_stroke(svg *s, int curve) {
    svg_put(s, "fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\" stroke-linejoin=\"round\"%s", colours[curve % COLOURS],
            curve < COLOURS ? "" : " stroke-dasharray=\"6 3\"");
}

static void draw_legend(svg *s, const plot *l, double top) {
    for (int i = 0; i < l->p->n_curves; i++) {
        double x;
        int line;
        key_place(l, i, &x, &line);
        double y = top + (line + 0.5) * (LABEL + 6);
        svg_put(s, "<path d=\"M%.2f %.2fh%d\" ", EDGE + LEFT + x, y, KEY - 10);
        put_stroke(s, i);
        svg_put(s, "/>\n");
        const svg_label name = {
            .x = EDGE + LEFT + x + KEY - 4, .y = y, .size = LABEL, .anchor = "start", .middle = true};
        svg_text(s, name, l->p->curves[i].name);
    }
}

/* ---- plot ---- */

static void draw_axes(svg *s, const plot *l) {
    char text[SVG_NUMBER];
    double value, bottom = l->y.at, right = l->x.at + l->x.length;
    for (int i = 0; tick_at(&l->y, i, &value); i++) {
        double y = place(&l->y, value);
        svg_put(s, "<path stroke=\"#d5d9de\" d=\"M%.2f %.2fH%.2f\"/>\n", l->x.at, y, right);
        svg_text(s, (svg_label){.x = l->x.at - 7, .y = y, .size = LABEL, .anchor = "end", .middle = true},
                 tick_text(value, text));
    }
    for (int i = 0; tick_at(&l->x, i, &value); i++) {
        double x = place(&l->x, value);
        svg_put(s, "<path stroke=\"#8a929c\" d=\"M%.2f %.2fv5\"/>\n", x, bottom);
        svg_text(s, (svg_label){.x = x, .y = bottom + 8 + LABEL, .size = LABEL, .anchor = "middle"},
                 tick_text(value, text));
    }
    svg_put(s, "<path fill=\"none\" stroke=\"#8a929c\" d=\"M%.2f %.2fV%.2fH%.2f\"/>\n", l->x.at, bottom + l->y.length,
            bottom, right);
    const svg_label x_title = {.x = right, .y = bottom + BELOW - 6, .size = AXIS, .anchor = "end", .fill = "#59616b"};
    svg_text(s, x_title, l->p->x_title);
}

/* Points that fall into one pixel column are drawn as its lowest and highest, in their order. */
typedef struct column {
    double x, first, last, low, high;
    bool open;
} column;

static void put_column(svg *s, column *c, bool *drawn) {
    if (!c->open)
        return;
    svg_put(s, "%s%.1f %.1f", *drawn ? "L" : "M", c->x, c->first);
    if (c->low < fmin(c->first, c->last))
        svg_put(s, "V%.1f", c->low);
    if (c->high > fmax(c->first, c->last))
        svg_put(s, "V%.1f", c->high);
    if (c->last != c->first)
        svg_put(s, "V%.1f", c->last);
    *drawn = true;
    c->open = false;
}

static void draw_curve(svg *s, const plot *l, int number) {
    const heed_curve *curve = &l->p->curves[number];
    bool drawn = false, many = curve->n > 2 * WIDTH;
    column c = {.open = false};
    svg_put(s, "<path ");
    put_stroke(s, number);
    svg_put(s, " stroke-linecap=\"round\" d=\"");
    for (int64_t i = 0; i < curve->n; i++) {
        if (!has_place(&l->y, curve->y[i]) || !has_place(&l->x, curve->x[i])) {
            put_column(s, &c, &drawn);
            drawn = false; /* a gap */
            continue;
        }
        double x = place(&l->x, curve->x[i]), y = place(&l->y, curve->y[i]);
        x = many ? floor(x) + 0.5 : x;
        if (!many || x != c.x)
            put_column(s, &c, &drawn);
        if (!c.open)
            c = (column){.x = x, .first = y, .low = y, .high = y, .open = true};
        c.last = y;
        c.low = fmin(c.low, y);
        c.high = fmax(c.high, y);
        if (curve->n == 1 || (i + 1 == curve->n && !drawn)) { /* a point alone shows by its round end */
            put_column(s, &c, &drawn);
            svg_put(s, "h0");
        }
    }
    put_column(s, &c, &drawn);
    svg_put(s, "\"/>\n");
}

static plot lay_out(const heed_curve_picture *p, double top) {
    plot l = {.p = p,
              .x = {INFINITY, -INFINITY, EDGE + LEFT, WIDTH, false},
              .y = {INFINITY, -INFINITY, 0, -HEIGHT, p->logarithmic}};
    for (int k = 0; k < p->n_curves; k++)
        for (int64_t i = 0; i < p->curves[k].n; i++)
            if (has_place(&l.y, p->curves[k].y[i])) {
                widen(&l.x, p->curves[k].x[i]);
                widen(&l.y, p->curves[k].y[i]);
            }
    round_ends(&l.x, true);
    round_ends(&l.y, true);
    double x;
    key_place(&l, p->n_curves - 1, &x, &l.legend_lines);
    l.y.at = top + (l.legend_lines + 1) * (LABEL + 6) + (p->y_title ? AXIS + 8 : 8) + HEIGHT;
    return l;
}

static void draw_curves(svg *s, const void *picture) {
    const heed_curve_picture *p = picture;
    double top = EDGE + (p->title ? TITLE + 8 : 0);
    plot l = lay_out(p, top);
    char text[512];
    snprintf(text, sizeof text, "%d curves over %.100s from %.3g to %.3g; %.100s from %.3g to %.3g.", p->n_curves,
             p->x_title ? p->x_title : "x", l.x.low, l.x.high, p->y_title ? p->y_title : "y", l.y.low, l.y.high);
    svg_begin(s, LEFT + WIDTH + 2 * EDGE + 8, l.y.at + BELOW + 4, p->title, text);
    svg_text(s, (svg_label){.x = EDGE, .y = EDGE + TITLE - 2, .size = TITLE, .anchor = "start", .bold = true},
             p->title);
    draw_legend(s, &l, top);
    svg_text(s, (svg_label){.x = EDGE, .y = l.y.at - HEIGHT - 10, .size = AXIS, .anchor = "start", .fill = "#59616b"},
             p->y_title);
    draw_axes(s, &l);
    for (int i = p->n_curves - 1; i >= 0; i--) /* where curves meet, the first is on top */
        draw_curve(s, &l, i);
    svg_end(s);
}

/* ---- public ---- */

static heed_status check(const heed_curve_picture *p, heed_error *error) {
    if (p->n_curves < 1 || p->n_curves > MOST_CURVES || p->curves == NULL)
        return heed_error_set(error, HEED_INVALID, "picture: there are %d curves; there must be 1 to %d", p->n_curves,
                              MOST_CURVES);
    for (int i = 0; i < p->n_curves; i++)
        if (p->curves[i].n < 0 || (p->curves[i].n > 0 && (!p->curves[i].x || !p->curves[i].y)))
            return heed_error_set(error, HEED_INVALID,
                                  "picture: curve %d has %lld points; x and y must hold as many, 0 or more", i,
                                  (long long)p->curves[i].n);
    return HEED_OK;
}

heed_status heed_curve_picture_write(const heed_curve_picture *picture, FILE *out, heed_error *error) {
    heed_status status = check(picture, error);
    return status ? status : svg_write(draw_curves, picture, out, error);
}

heed_status heed_curve_picture_save(const heed_curve_picture *picture, const char *path, heed_error *error) {
    heed_status status = check(picture, error);
    return status ? status : svg_save(draw_curves, picture, path, error);
}
