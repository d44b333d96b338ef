/* Tensors as text, the way numpy.array2string writes arrays with its default options.
 *
 * All numbers of a tensor are written alike: with as many digits as tell each from its neighbours, at most 8 after the point, in
 * columns. Above 1000 elements, axes longer than 6 show their first and last 3. Three walks over what is shown: the range of the
 * numbers decides between 0.25 and 2.5e-01, the widths decide the columns, then the text is written. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tape_internal.h"

enum { PRECISION = 8, THRESHOLD = 1000, EDGE = 3, LINE = 75 };

/* ---- decimal digits ---- */

/* 0.d1 d2 d3... times ten to the point: 25.5 is "255" with point 2. Locales have no say in it. */
enum { DIGITS = 17 };
typedef struct decimal {
    bool negative;
    int n, point;
    char digit[DIGITS + 1];
} decimal;

/* |x| rounded to 1 + after digits, by printf, which rounds right; only its decimal point depends on the locale. */
static decimal rounded(double x, int after, char *text, size_t size) {
    decimal d = {.negative = signbit(x) != 0};
    snprintf(text, size, "%.*e", after, fabs(x));
    const char *c = text;
    for (; *c && *c != 'e'; c++)
        if (*c >= '0' && *c <= '9' && d.n < DIGITS)
            d.digit[d.n++] = *c;
    d.point = 1 + (int)strtol(c + 1, NULL, 10);
    while (d.n > 1 && d.digit[d.n - 1] == '0')
        d.n--;
    return d;
}

/* The fewest digits that read back as x (as a float where x was one), but all before the point and at most PRECISION after. */
static decimal decimal_of(double x, bool narrow, bool scientific) {
    char text[48];
    int whole = scientific ? 0 : rounded(x, DIGITS - 1, text, sizeof text).point - 1, most = whole + PRECISION;
    for (int after = whole > 0 ? whole : 0;; after++) {
        decimal d = rounded(x, after, text, sizeof text);
        bool same = narrow ? strtof(text, NULL) == (float)fabs(x) : strtod(text, NULL) == fabs(x);
        if (same || after >= most || after == DIGITS - 1)
            return d;
    }
}

/* ---- how a tensor's numbers are written ---- */

typedef struct printer {
    const heed_array *x;
    const void *data;                         /* packed */
    bool shortened, real, narrow, scientific; /* narrow: told apart as floats are */
    double largest, smallest;                 /* magnitudes, of finite numbers other than 0 */
    int left, right, exponent;                /* widths: before the point, after it, of the exponent's digits */
    int special;                              /* width of the longest nan, inf or -inf */
    char *text;
    size_t size, length, spaces; /* spaces: not written yet, dropped at a line's end */
    int column;
} printer;

static double number_at(const printer *p, int64_t i) {
    switch (p->x->dtype) {
    case HEED_F32: return (double)((const float *)p->data)[i];
    case HEED_F64: return ((const double *)p->data)[i];
    case HEED_I32: return ((const int32_t *)p->data)[i];
    case HEED_BOOL: return ((const bool *)p->data)[i];
    default: break;
    }
    uint32_t bits = (uint32_t)((const uint16_t *)p->data)[i] << 16; /* bf16 is the upper half of a float */
    float single;
    memcpy(&single, &bits, sizeof single);
    return (double)single;
}

static bool cut(const printer *p, int axis) {
    return p->shortened && p->x->shape.n[axis] > 2 * EDGE;
}

typedef void visit_fn(printer *p, double number);
static void each_shown(printer *p, int axis, int64_t at, visit_fn *visit) {
    if (axis == p->x->shape.rank) {
        visit(p, number_at(p, at));
        return;
    }
    int64_t n = p->x->shape.n[axis];
    for (int64_t i = 0; i < n; i++) {
        if (cut(p, axis) && i == EDGE)
            i = n - EDGE;
        each_shown(p, axis + 1, at * n + i, visit);
    }
}

static void see_range(printer *p, double number) {
    double magnitude = fabs(number);
    if (!isfinite(number) || magnitude == 0)
        return;
    p->largest = fmax(p->largest, magnitude);
    p->smallest = p->smallest == 0 ? magnitude : fmin(p->smallest, magnitude);
}

static void widen(int *width, int to) {
    if (*width < to)
        *width = to;
}

static int exponent_digits(int exponent) {
    return abs(exponent) >= 100 ? 3 : 2;
}

static void see_width(printer *p, double number) {
    if (!isfinite(number)) {
        widen(&p->special, isnan(number) || number > 0 ? 3 : 4);
        return;
    }
    decimal d = decimal_of(number, p->narrow, p->scientific);
    bool inside = p->scientific || d.point < 1; /* one digit before the point */
    widen(&p->left, (inside ? 1 : d.point) + d.negative);
    widen(&p->right, d.n - (p->scientific ? 1 : d.point));
    widen(&p->exponent, exponent_digits(d.point - 1));
}

static void see_integer(printer *p, double number) {
    widen(&p->left, snprintf(NULL, 0, "%.0f", number));
}

static void choose_style(printer *p) {
    if (!p->real) {
        each_shown(p, 0, 0, see_integer);
        return;
    }
    each_shown(p, 0, 0, see_range);
    double ratio = p->narrow ? (double)((float)p->largest / (float)p->smallest) : p->largest / p->smallest;
    p->scientific = p->largest > 0 && (p->largest >= 1e8 || p->smallest < 1e-4 || ratio > 1000);
    each_shown(p, 0, 0, see_width);
    if (p->scientific)
        p->right += 2 + p->exponent; /* what stands behind the point: digits, e, sign, exponent */
    widen(&p->left, p->special - p->right - 1);
}

/* ---- words ---- */

enum { WORD = 64 };

static char *put_digits(char *to, const decimal *d, int begin, int end) {
    for (int i = begin; i < end; i++)
        *to++ = i >= 0 && i < d->n ? d->digit[i] : '0';
    return to;
}

/* number as "-12.5" or "-1.25e+01", columns filled up with spaces. */
static void write_real(const printer *p, double number, char *word) {
    int width = p->left + 1 + p->right;
    if (!isfinite(number)) {
        snprintf(word, WORD, "%*s", width, isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
        return;
    }
    char *to = word;
    int after = p->right - 2 - p->exponent; /* a column of 2.5e-01 and 1.25e-01 has two digits after each point */
    decimal d = p->scientific ? rounded(number, after, word, WORD) : decimal_of(number, p->narrow, false);
    int before = p->scientific ? 1 : d.point; /* digits before the point; 0 and less: a 0 stands there */
    if (!p->scientific)
        after = d.n > before ? d.n - before : 0;
    for (int i = (before < 1 ? 1 : before) + d.negative; i < p->left; i++)
        *to++ = ' ';
    if (d.negative)
        *to++ = '-';
    to = before < 1 ? put_digits(to, &d, -1, 0) : put_digits(to, &d, 0, before);
    *to++ = '.';
    to = put_digits(to, &d, before, before + after);
    if (p->scientific)
        to += snprintf(to, 8, "e%c%0*d", d.point < 1 ? '-' : '+', p->exponent, abs(d.point - 1));
    while (to < word + width)
        *to++ = ' ';
    *to = '\0';
}

static void write_word(const printer *p, int64_t at, char *word) {
    double number = number_at(p, at);
    if (p->real)
        write_real(p, number, word);
    else if (p->x->dtype == HEED_BOOL)
        snprintf(word, WORD, "%*s", p->x->shape.rank ? 5 : 0, number != 0 ? "True" : "False");
    else
        snprintf(word, WORD, "%*.0f", p->left, number);
}

/* ---- the page ---- */

static void emit(printer *p, char c) {
    if (p->length + 1 < p->size)
        p->text[p->length] = c;
    p->length++;
}

static void put(printer *p, const char *words) {
    for (; *words; words++) {
        p->column++;
        if (*words == ' ') {
            p->spaces++;
            continue;
        }
        for (; p->spaces; p->spaces--)
            emit(p, ' ');
        emit(p, *words);
    }
}

static void new_line(printer *p, int lines, int indent) {
    p->spaces = 0;
    for (int i = 0; i < lines; i++)
        emit(p, '\n');
    p->spaces = (size_t)indent;
    p->column = indent;
}

/* One row's next word, on a line of its own where it would not fit before the closing brackets. */
static void put_in_row(printer *p, const char *word, int64_t index) {
    int indent = p->x->shape.rank, room = LINE - p->x->shape.rank;
    if (index > 0)
        put(p, " ");
    if (p->column > indent && p->column + (int)strlen(word) > room)
        new_line(p, 1, indent);
    put(p, word);
}

static void put_axis(printer *p, int axis, int64_t at);

/* What stands at index i of an axis; gap: the "..." there. */
static void put_item(printer *p, int axis, int64_t i, int64_t at, bool gap) {
    int rank = p->x->shape.rank;
    char word[WORD] = "...";
    if (axis == rank - 1) {
        if (!gap)
            write_word(p, at, word);
        put_in_row(p, word, i);
        return;
    }
    if (i > 0)
        new_line(p, rank - 1 - axis, axis + 1);
    if (gap)
        put(p, word);
    else
        put_axis(p, axis + 1, at);
}

static void put_axis(printer *p, int axis, int64_t at) {
    int64_t n = p->x->shape.n[axis];
    put(p, "[");
    for (int64_t i = 0; i < n; i++) {
        bool gap = cut(p, axis) && i == EDGE;
        if (gap)
            i = n - EDGE - 1; /* and on with the last ones */
        put_item(p, axis, i, at * n + i, gap);
    }
    put(p, "]");
}

static void put_all(printer *p) {
    char word[WORD];
    if (p->x->shape.rank > 0) {
        put_axis(p, 0, 0);
        return;
    }
    write_word(p, 0, word);
    put(p, word);
}

size_t heed_print(heed_tape *t, heed_tensor x, char *text, size_t size) {
    printer p = {.data = heed_data(t, x), .text = text, .size = size};
    if (p.data) {
        const heed_array *array = heed_tensor_array(t, x);
        int64_t count = heed_array_count(array);
        p.x = array;
        p.shortened = count > THRESHOLD;
        p.real = array->dtype != HEED_I32 && array->dtype != HEED_BOOL;
        p.narrow = array->dtype != HEED_F64;
        if (count == 0) {
            put(&p, "[]");
        } else {
            choose_style(&p);
            put_all(&p);
        }
    }
    if (size)
        text[p.length < size ? p.length : size - 1] = '\0';
    return p.length;
}
