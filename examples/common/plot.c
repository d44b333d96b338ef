#include "plot.h"

#include <math.h>

enum { LABEL = 6 }; /* columns of the numbers beside the axis */

/* The curve's height at a column, between the two values next to it; NaN to the right of the last one. */
static double height_at(const plot *p, const curve *c, int column) {
    double x = p->last * column / (p->columns - 1);
    int next = 0;
    while (next < p->n && p->x[next] < x)
        next++;
    if (next == p->n)
        return NAN;
    if (next == 0)
        return c->y[0];
    double share = (x - p->x[next - 1]) / (p->x[next] - p->x[next - 1]);
    return c->y[next - 1] + share * (c->y[next] - c->y[next - 1]);
}

/* 0 is the top row; -1 where there is nothing. */
static int row_of(const plot *p, double y) {
    if (isnan(y))
        return -1;
    double share = fmin(fmax((y - p->low) / (p->high - p->low), 0), 1);
    return (int)lround((1 - share) * (p->rows - 1));
}

/* Whether a curve passes a cell: at its own row, or on the way there from the column before. */
static bool passes(const plot *p, const curve *c, int row, int column) {
    int here = row_of(p, height_at(p, c, column));
    int before = column > 0 ? row_of(p, height_at(p, c, column - 1)) : here;
    if (here < 0)
        return false;
    return row == here || (row > before && row < here) || (row < before && row > here);
}

static void print_row(const terminal *term, const plot *p, int row) {
    double value = p->high - (p->high - p->low) * row / (p->rows - 1);
    if (row == 0 || row == p->rows - 1 || row == (p->rows - 1) / 2)
        fprintf(term->out, "%*.*f ", LABEL, p->decimals, value);
    else
        fprintf(term->out, "%*s ", LABEL, "");
    ink_print(term, INK_DIM, "│");
    for (int column = 0; column < p->columns; column++) {
        int i = 0;
        while (i < p->count && !passes(p, &p->curves[i], row, column))
            i++;
        if (i < p->count)
            ink_print(term, p->curves[i].colour, "%s", p->curves[i].mark);
        else
            fputc(' ', term->out);
    }
    fputc('\n', term->out);
}

int plot_print(const terminal *term, const plot *p) {
    fprintf(term->out, "  ");
    ink_print(term, INK_BOLD, "%s", p->title);
    for (int i = 0; i < p->count; i++) {
        ink_print(term, p->curves[i].colour, "   %s ", p->curves[i].mark);
        fputs(p->curves[i].name, term->out);
    }
    fputc('\n', term->out);
    for (int row = 0; row < p->rows; row++)
        print_row(term, p, row);
    ink_print(term, INK_DIM, "%*s └", LABEL, "");
    for (int i = 0; i < p->columns; i++)
        ink_print(term, INK_DIM, "─");
    char end[64];
    snprintf(end, sizeof end, "%s %.0f", p->x_name, p->last);
    fprintf(term->out, "\n%*s  0%*s\n", LABEL, "", p->columns - 1, end);
    return p->rows + 3;
}
