/* What mistake a wrong gradient looks like.
 *
 * g is what backward said of one input, n what differences say. People make few mistakes, and most leave a trace that does
 * not depend on the op: g is n with its sign, its order or a factor changed, or lacks some of the terms that n is a sum of.
 * So each mistake is made with n, and where that gives g, it is named. The terms are known, too: n_i = sum over outputs o
 * of u_o dy_o/dx_i, and a sum over an axis of the output that was forgotten leaves those of one place along that axis. */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "checker_internal.h"

static const double ALIKE = 1e-4; /* of |n|: terms come from differences of low order */

/* |a - b| <= ALIKE |b|, over a whole input. */
static bool alike(const double *a, const double *b, int64_t count) {
    double apart = 0, size = 0;
    for (int64_t i = 0; i < count; i++) {
        apart += (a[i] - b[i]) * (a[i] - b[i]);
        size += b[i] * b[i];
    }
    return apart <= ALIKE * ALIKE * size;
}

static void say(evidence *e, const char *format, ...) HEED_PRINTF(2, 3);
static void say(evidence *e, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(e->likely, sizeof e->likely, format, arguments);
    va_end(arguments);
}

/* ---- changes of n as a whole ---- */

static bool is_nothing(evidence *e) {
    for (int64_t i = 0; i < e->count; i++)
        if (e->got[i] != 0)
            return false;
    say(e, "it is zero everywhere: backward writes nothing for this input, or only zeros");
    return true;
}

static bool is_no_number(evidence *e) {
    int64_t bad = 0;
    for (int64_t i = 0; i < e->count; i++)
        bad += !isfinite(e->got[i]);
    if (bad)
        say(e, "%lld of %lld entries are NaN or infinite: a division by zero, a log of 0, memory never written",
            (long long)bad, (long long)e->count);
    return bad > 0;
}

static bool has_other_sign(evidence *e) {
    for (int64_t i = 0; i < e->count; i++)
        e->made[i] = -e->want[i];
    if (!alike(e->got, e->made, e->count))
        return false;
    say(e, "the sign: it is the right gradient times -1");
    return true;
}

static const char *name_factor(const evidence *e, double factor, char text[48]) {
    const double n = (double)e->count, last = e->shape.rank ? (double)e->shape.n[e->shape.rank - 1] : 1;
    const struct {
        double value;
        const char *name;
    } known[] = {{n, "the number of its elements"}, {1 / n, "1 / the number of its elements"},
                 {last, "the length of its last axis"}, {1 / last, "1 / the length of its last axis"},
                 {sqrt(last), "the root of the length of its last axis"},
                 {1 / sqrt(last), "1 / the root of the length of its last axis"}};
    for (size_t i = 0; i < sizeof known / sizeof *known && e->count > 1; i++)
        if (fabs(factor - known[i].value) <= ALIKE * fabs(factor)) {
            snprintf(text, 48, ", %s", known[i].name);
            return text;
        }
    return "";
}

static bool has_a_factor(evidence *e) {
    double gn = 0, nn = 0;
    char name[48];
    for (int64_t i = 0; i < e->count; i++) {
        gn += e->got[i] * e->want[i];
        nn += e->want[i] * e->want[i];
    }
    const double factor = gn / nn;
    for (int64_t i = 0; i < e->count; i++)
        e->made[i] = factor * e->want[i];
    if (e->count < 2 || !(fabs(factor) > ALIKE) || !alike(e->got, e->made, e->count))
        return false;
    say(e, "a factor: it is the right gradient times %.6g%s", factor, name_factor(e, factor, name));
    return true;
}

/* n as it would lie if its last two axes were exchanged. */
static bool is_transposed(evidence *e) {
    if (e->shape.rank < 2)
        return false;
    const int64_t rows = e->shape.n[e->shape.rank - 2], columns = e->shape.n[e->shape.rank - 1];
    if (rows < 2 || columns < 2)
        return false;
    for (int64_t first = 0; first < e->count; first += rows * columns)
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < columns; j++)
                e->made[first + j * rows + i] = e->want[first + i * columns + j];
    if (!alike(e->got, e->made, e->count))
        return false;
    say(e, "transposed: its last two axes (%lld x %lld) are exchanged", (long long)rows, (long long)columns);
    return true;
}

static bool is_anothers(evidence *e) {
    for (int i = 0; i < e->n_others; i++)
        if (e->others[i].count == e->count && alike(e->got, e->others[i].want, e->count)) {
            say(e, "exchanged operands: it is the gradient of input %d", e->others[i].input);
            return true;
        }
    return false;
}

/* ---- terms ---- */

/* Sums of e->terms over the outputs at one place along an axis of output o, into e->made. */
static void sum_slice(evidence *e, const output *o, int axis, int64_t at) {
    int64_t inner = 1;
    for (int a = axis + 1; a < o->shape.rank; a++)
        inner *= o->shape.n[a];
    memset(e->made, 0, (size_t)e->count * sizeof *e->made);
    for (int64_t y = 0; y < o->count; y++)
        for (int64_t i = 0; y / inner % o->shape.n[axis] == at && i < e->count; i++)
            e->made[i] += e->terms[(o->offset + y) * e->count + i];
}

static bool lacks_terms_of(evidence *e, const output *o, int axis) {
    const int64_t length = o->shape.n[axis];
    for (int64_t at = 0; at < length; at++) {
        sum_slice(e, o, axis, at);
        if (alike(e->got, e->made, e->count)) {
            say(e, "a missing sum: only the outputs at place %lld of their axis %d (%lld long) count", (long long)at,
                axis, (long long)length);
            return true;
        }
        for (int64_t i = 0; i < e->count; i++)
            e->made[i] = e->want[i] - e->made[i];
        if (alike(e->got, e->made, e->count)) {
            say(e, "a sum ends early: the outputs at place %lld of their axis %d (%lld long) are left out",
                (long long)at, axis, (long long)length);
            return true;
        }
    }
    return false;
}

static bool lacks_terms(evidence *e) {
    for (int o = 0; e->terms && o < e->n_outs; o++)
        for (int axis = 0; axis < e->outs[o].shape.rank; axis++)
            if (e->outs[o].differentiated && e->outs[o].shape.n[axis] > 1 &&
                lacks_terms_of(e, &e->outs[o], axis))
                return true;
    return false;
}

/* ---- places ---- */

/* Whether every wrong entry lies at the end of one axis. */
static bool ends_early(evidence *e) {
    int64_t inner = 1;
    double size = 0;
    for (int64_t i = 0; i < e->count; i++)
        size = fmax(size, fabs(e->want[i]));
    for (int axis = e->shape.rank - 1; axis >= 0; axis--) {
        const int64_t length = e->shape.n[axis];
        int64_t wrong = 0, elsewhere = 0;
        for (int64_t i = 0; i < e->count; i++)
            if (!(fabs(e->got[i] - e->want[i]) <= ALIKE * size)) {
                wrong++;
                elsewhere += i / inner % length != length - 1;
            }
        if (length > 1 && wrong > 0 && elsewhere == 0) {
            say(e, "a loop ends early: only entries at the end of its axis %d (%lld long) are wrong", axis,
                (long long)length);
            return true;
        }
        inner *= length;
    }
    return false;
}

void heed_checker_diagnose(evidence *e) {
    static bool (*const mistakes[])(evidence *) = {is_nothing,  is_no_number, has_other_sign, is_transposed,
                                                   is_anothers, lacks_terms,  has_a_factor,   ends_early};
    e->likely[0] = '\0';
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++)
        if (mistakes[i](e))
            return;
}
