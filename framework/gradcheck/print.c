/* A check as a row of a table that a person reads. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checker_internal.h"

enum { NUMBER = 40 };

/* As printf's %.*g, with '.' in every locale. */
static const char *number(double x, int digits, char *text) {
    char raw[NUMBER];
    snprintf(raw, sizeof raw, "%.*g", digits, x);
    size_t length = 0;
    for (const char *c = raw; *c; c++) {
        bool plain = (unsigned char)*c < 128 && (isalnum((unsigned char)*c) || *c == '-' || *c == '+');
        if (plain)
            text[length++] = *c;
        else if (length == 0 || text[length - 1] != '.') /* a separator may be several bytes long */
            text[length++] = '.';
    }
    text[length] = '\0';
    return text;
}

static bool colourful(FILE *out) {
    const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return isatty(fileno(out)) && !(no_color && *no_color) && !(terminal && strcmp(terminal, "dumb") == 0);
}

typedef struct palette {
    const char *good, *bad, *dim, *bold, *end;
} palette;
static palette palette_of(FILE *out) {
    if (!colourful(out))
        return (palette){"", "", "", "", ""};
    return (palette){"\033[32m", "\033[1;31m", "\033[2m", "\033[1m", "\033[0m"};
}

static void print_failure(const heed_check_failure *f, FILE *out) {
    char a[NUMBER], b[NUMBER], c[NUMBER];
    fprintf(out, "      ");
    if (f->sample >= 0)
        fprintf(out, "sample %d%s", f->sample, f->input >= 0 || f->coordinate >= 0 ? ", " : ": ");
    if (f->input >= 0)
        fprintf(out, "input %d", f->input);
    if (f->coordinate >= 0)
        fprintf(out, "%s[%lld]", f->input >= 0 ? "" : "output ", (long long)f->coordinate);
    fprintf(out, "%s%s", f->input >= 0 || f->coordinate >= 0 ? ": " : "", f->what);
    if (f->analytic != 0 || f->numeric != 0 || f->tolerance != 0)
        fprintf(out, ": %s, expected %s within %s", number(f->analytic, 10, a), number(f->numeric, 10, b),
                number(f->tolerance, 2, c));
    fputc('\n', out);
    if (f->likely[0])
        fprintf(out, "        it looks like %s\n", f->likely);
}

void heed_check_print_head(FILE *out) {
    palette p = palette_of(out);
    fprintf(out, "%s  %-24s %6s %8s %10s  %s%s\n", p.dim, "", "cases", "redrawn", "worst/tol", "verdict", p.end);
}

void heed_check_print(const heed_check *check, FILE *out) {
    palette p = palette_of(out);
    char worst[NUMBER];
    bool differentiated = check->cases > 0;
    fprintf(out, "  %s%-24s%s %6d ", p.bold, check->name, p.end, check->no_gradient ? check->vacuous : check->cases);
    fprintf(out, "%8d ", check->redrawn);
    fprintf(out, "%10s  ", differentiated ? number(check->worst, 2, worst) : "-");
    if (check->failed)
        fprintf(out, "%sFAILED%s (%d)", p.bad, p.end, check->failed);
    else
        fprintf(out, "%sok%s", p.good, p.end);
    if (check->no_gradient)
        fprintf(out, " %s(no gradient)%s", p.dim, p.end);
    else if (check->vacuous)
        fprintf(out, " %s(%d more without a gradient)%s", p.dim, check->vacuous, p.end);
    fputc('\n', out);
    for (int i = 0; i < check->n_failures; i++)
        print_failure(&check->failures[i], out);
    if (check->failed > check->n_failures)
        fprintf(out, "      %s... and %d more%s\n", p.dim, check->failed - check->n_failures, p.end);
}
