/* A profile as two tables for people: of ops, and of layers as a tree.
 *
 *     op                   calls forward backward      ms share           GFLOP/s  GB/s
 *     linear                  17   10.15    17.21   27.37  69 %  ████▏      136.6   2.7 */
#include <stdlib.h>
#include <string.h>

#include <heed/error.h>

#include "profile_internal.h"

/* ---- sums of rows ---- */

/* Rows of one op, or of all that is below one path. */
typedef struct sum {
    const char *name; /* the op's, or a path */
    size_t length;    /* of the name */
    int parent;       /* of a path: the sum of the path above it; -1: none */
    int64_t calls;    /* not those in backward */
    double seconds[HEED_PHASES], flops, bytes;
} sum;

typedef struct sums {
    sum *at;
    int n;
    double steps;
    bool aside; /* there is no step: what was measured aside is all there is */
    bool failed;
} sums;

/* What is computed again counts as part of backward. */
static double in_backward(const double seconds[HEED_PHASES]) {
    return seconds[HEED_PHASE_BACKWARD] + seconds[HEED_PHASE_RECOMPUTE];
}

static double seconds_of(const sums *all, const sum *s) {
    return s->seconds[HEED_PHASE_FORWARD] + in_backward(s->seconds) + s->seconds[HEED_PHASE_UPDATE] +
           (all->aside ? s->seconds[HEED_PHASE_ASIDE] : 0);
}

static int sum_named(sums *all, const char *name, size_t length, int parent) {
    for (int i = 0; i < all->n; i++)
        if (all->at[i].length == length && all->at[i].parent == parent && memcmp(all->at[i].name, name, length) == 0)
            return i;
    sum *more = realloc(all->at, (size_t)(all->n + 1) * sizeof *more);
    if (more == NULL) {
        all->failed = true;
        return -1;
    }
    all->at = more;
    more[all->n] = (sum){.name = name, .length = length, .parent = parent};
    return all->n++;
}

static void add_to(sum *s, const heed_profile_row *r) {
    s->calls += r->phase != HEED_PHASE_BACKWARD && r->phase != HEED_PHASE_RECOMPUTE ? r->calls : 0;
    s->seconds[r->phase] += r->seconds;
    s->flops += r->flops;
    s->bytes += r->bytes;
}

static bool counts(const sums *all, const heed_profile_row *r) {
    return all->aside || r->phase != HEED_PHASE_ASIDE;
}

static sums sums_new(const heed_profile *p) {
    int64_t steps = heed_profile_totals(p).steps;
    return (sums){.steps = steps ? (double)steps : 1, .aside = steps == 0};
}

static sums sum_ops(const heed_profile *p) {
    sums all = sums_new(p);
    for (int i = 0; i < heed_profile_rows(p) && !all.failed; i++) {
        heed_profile_row r = heed_profile_row_at(p, i);
        int at = counts(&all, &r) ? sum_named(&all, r.op, strlen(r.op), -1) : -1;
        if (at >= 0)
            add_to(&all.at[at], &r);
    }
    return all;
}

/* To its path and all above it. */
static sums sum_layers(const heed_profile *p) {
    sums all = sums_new(p);
    for (int i = 0; i < heed_profile_rows(p) && !all.failed; i++) {
        heed_profile_row r = heed_profile_row_at(p, i);
        const char *path = r.path[0] ? r.path : r.phase == HEED_PHASE_UPDATE ? "(update)" : "(no layer)";
        int at = -1;
        for (size_t end = 0; counts(&all, &r) && !all.failed; end++) {
            end += strcspn(path + end, ".");
            at = sum_named(&all, path, end, at);
            if (at >= 0)
                add_to(&all.at[at], &r);
            if (path[end] == '\0')
                break;
        }
    }
    return all;
}

/* ---- cells ---- */

enum { CELL = 32, NAME = 20, BAR = 6 };

/* As printf's %.*f, with '.' in every locale. */
static const char *fixed(char text[CELL], double x, int decimals) {
    long long unit = decimals == 2 ? 100 : decimals == 1 ? 10 : 1, n = (long long)(x * (double)unit + 0.5);
    if (!(x >= 0 && x < 1e15))
        snprintf(text, CELL, "-");
    else if (decimals == 0)
        snprintf(text, CELL, "%lld", n);
    else
        snprintf(text, CELL, "%lld.%0*lld", n / unit, decimals, n % unit);
    return text;
}

/* Empty where there is none. */
static const char *some(char text[CELL], double x, int decimals) {
    if (x > 0)
        return fixed(text, x, decimals);
    text[0] = '\0';
    return text;
}

/* `share` of BAR characters, in eighths of one. */
static const char *bar_of(double share, char text[3 * BAR + 1]) {
    int eighths = (int)(share * BAR * 8 + 0.5), n = 0;
    for (int left = eighths > BAR * 8 ? BAR * 8 : eighths; left > 0; left -= 8) {
        memcpy(text + n, "\xe2\x96", 2); /* U+2588, a full block, to U+258F, an eighth */
        text[n + 2] = (char)(0x88 + (left >= 8 ? 0 : 8 - left));
        n += 3;
    }
    for (int i = n / 3; i < BAR; i++)
        text[n++] = ' ';
    text[n] = '\0';
    return text;
}

/* ---- rows ---- */

/* Columns of the name: control characters, and more than there is room for, are not shown. UTF-8's later bytes take none. */
static void print_name(FILE *out, const sum *s, int indent) {
    int column = 2 * indent;
    fprintf(out, "%*s", column, "");
    for (size_t i = 0; i < s->length; i++) {
        unsigned char c = (unsigned char)s->name[i];
        bool later = (c & 0xc0) == 0x80;
        if (!later && column == NAME)
            break;
        fputc(c < ' ' || c == 127 ? '?' : c, out);
        column += !later;
    }
    fprintf(out, "%*s", NAME - column > 0 ? NAME - column : 0, "");
}

static void print_sum(FILE *out, const sums *all, const sum *s, int indent, double whole) {
    char calls[CELL], forward[CELL], backward[CELL], ms[CELL], share[CELL], gflops[CELL], gbytes[CELL];
    char bar[3 * BAR + 1];
    double seconds = seconds_of(all, s), part = whole > 0 ? seconds / whole : 0, to_ms = 1e3 / all->steps;
    double first = s->seconds[HEED_PHASE_FORWARD] + (all->aside ? s->seconds[HEED_PHASE_ASIDE] : 0);
    double often = (double)s->calls / all->steps;
    print_name(out, s, indent);
    fprintf(out, "%6s%8s%9s%8s%4s %%  %s%8s%6s\n", some(calls, often, often < 9.95 && often * 10 != (int)often * 10),
            some(forward, first * to_ms, 2), some(backward, in_backward(s->seconds) * to_ms, 2),
            fixed(ms, seconds * to_ms, 2), fixed(share, 100 * part, 0), bar_of(part, bar),
            some(gflops, s->flops > 0 && seconds > 0 ? s->flops / seconds * 1e-9 : 0, 1),
            some(gbytes, s->bytes > 0 && seconds > 0 ? s->bytes / seconds * 1e-9 : 0, 1));
}

static void print_head(FILE *out, const char *what) {
    fprintf(out, "\n%-*s%6s%8s%9s%8s%6s  %*s%8s%6s\n", NAME, what, "calls", "forward", "backward", "ms", "share", BAR,
            "", "GFLOP/s", "GB/s");
}

static const double LEAST = 0.005; /* of all: what has less is counted, not shown */

static void print_left_out(FILE *out, int count, double seconds, const sums *all) {
    char ms[CELL], what[64];
    snprintf(what, sizeof what, "%d more, below 0.5 %% each", count);
    if (count)
        fprintf(out, "%-*s%8s\n", NAME + 6 + 8 + 9, what, fixed(ms, seconds * 1e3 / all->steps, 2));
}

/* The largest that is not printed yet; -1: there is none. */
static int next_op(const sums *all, const bool *printed) {
    int best = -1;
    for (int i = 0; i < all->n; i++)
        if (!printed[i] && (best < 0 || seconds_of(all, &all->at[i]) > seconds_of(all, &all->at[best])))
            best = i;
    return best;
}

static bool print_ops(FILE *out, const sums *all, double whole) {
    bool *printed = calloc((size_t)all->n + 1, sizeof *printed);
    double left = 0;
    int count = 0;
    if (printed == NULL)
        return false;
    print_head(out, "op");
    for (int i; (i = next_op(all, printed)) >= 0; printed[i] = true) {
        double seconds = seconds_of(all, &all->at[i]);
        if (seconds >= LEAST * whole)
            print_sum(out, all, &all->at[i], 0, whole);
        else
            left += seconds, count++;
    }
    print_left_out(out, count, left, all);
    free(printed);
    return true;
}

/* Those below `parent`, each with what is below it; its name is the last part of its path. Returns how many are too small. */
static int print_layers(FILE *out, const sums *all, int parent, int depth, double whole) {
    int count = 0;
    for (int i = 0; i < all->n; i++) {
        if (all->at[i].parent != parent)
            continue;
        if (seconds_of(all, &all->at[i]) < LEAST * whole) {
            count++;
            continue;
        }
        sum shown = all->at[i];
        size_t above = parent < 0 ? 0 : all->at[parent].length + 1;
        shown.name += above;
        shown.length -= above;
        shown.calls = 0;
        print_sum(out, all, &shown, depth, whole);
        count += print_layers(out, all, i, depth + 1, whole);
    }
    return count;
}

/* ---- the whole ---- */

static void print_start(FILE *out, const heed_profile_total *total) {
    char a[CELL], b[CELL], c[CELL], d[CELL], e[CELL];
    const double *phase = total->phase, ms = 1e3 / (double)(total->steps ? total->steps : 1);
    double between = total->seconds - phase[HEED_PHASE_FORWARD] - in_backward(phase) - phase[HEED_PHASE_UPDATE];
    if (total->steps == 0) {
        fprintf(out, "no step with a backward was measured; %s ms in ops\n",
                fixed(a, 1e3 * (phase[HEED_PHASE_FORWARD] + phase[HEED_PHASE_ASIDE]), 2));
        return;
    }
    fprintf(out, "a step: %s ms, the mean of %lld\nforward %s, backward %s, update %s, between ops %s\n",
            fixed(a, total->seconds * ms, 2), (long long)total->steps, fixed(b, phase[HEED_PHASE_FORWARD] * ms, 2),
            fixed(c, in_backward(phase) * ms, 2), fixed(d, phase[HEED_PHASE_UPDATE] * ms, 2),
            fixed(e, between > 0 ? between * ms : 0, 2));
    if (phase[HEED_PHASE_RECOMPUTE] > 0)
        fprintf(out, "of backward, computing again: %s\n", fixed(a, phase[HEED_PHASE_RECOMPUTE] * ms, 2));
    if (phase[HEED_PHASE_ASIDE] > 0)
        fprintf(out, "beside the steps, with recording off: %s s\n", fixed(a, phase[HEED_PHASE_ASIDE], 2));
}

static void print_end(FILE *out, const heed_profile_total *total) {
    if (total->lost)
        fprintf(out, "%lld calls are missing: memory was out\n", (long long)total->lost);
    if (total->untraced)
        fprintf(out, "%lld ops had no room in the trace: give it more (trace_most), or fewer steps\n",
                (long long)total->untraced);
}

heed_status heed_profile_print(const heed_profile *p, FILE *out) {
    heed_profile_total total = heed_profile_totals(p);
    sums ops = sum_ops(p), layers = sum_layers(p);
    double whole = 0;
    bool failed = p->inert || ops.failed || layers.failed;
    for (int i = 0; i < ops.n; i++)
        whole += seconds_of(&ops, &ops.at[i]);
    if (!failed) {
        print_start(out, &total);
        failed = !print_ops(out, &ops, whole);
    }
    if (!failed) {
        print_head(out, "layer");
        int small = print_layers(out, &layers, -1, 0, whole);
        if (small)
            fprintf(out, "%d more, below 0.5 %% each\n", small);
        print_end(out, &total);
    }
    free(ops.at);
    free(layers.at);
    if (failed)
        return heed_error_set(NULL, HEED_NO_MEMORY, "heed_profile_print: out of memory");
    if (fflush(out) || ferror(out))
        return heed_error_set(NULL, HEED_IO, "heed_profile_print: the table could not be written");
    return HEED_OK;
}
