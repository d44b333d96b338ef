#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

/* The first row of a kind, or -1. */
static int row_of(const option_table *table, option_kind kind) {
    for (int row = 0; row < table->n; row++)
        if (table->rows[row].kind == kind)
            return row;
    return -1;
}

/* ---- help ---- */

enum { LEFT = 64 };

/* "-o, --output FILE" */
static const char *left_of(const option_row *r, char text[LEFT]) {
    const char *before = r->kind == OPTION_OPERANDS ? "" : r->kind == OPTION_OUTPUT ? "-o, --" : "--";
    snprintf(text, LEFT, "%s%s%s%s", before, r->name, r->value ? " " : "", r->value ? r->value : "");
    return text;
}

/* Prints the help of a row, its lines after the first under the first. */
static void print_row(const option_row *r, int width) {
    char left[LEFT];
    left_of(r, left);
    printf("  %-*s ", width, left);
    for (const char *line = r->help; line;) {
        const char *end = strchr(line, '\n');
        printf("%.*s\n", (int)(end ? end - line : (int)strlen(line)), line);
        line = end ? end + 1 : NULL;
        if (line)
            printf("  %-*s ", width, "");
    }
}

/* The text with the program's name for each %s. */
static void print_after(const char *text, const char *program) {
    for (const char *mark; (mark = strstr(text, "%s")) != NULL; text = mark + 2)
        printf("%.*s%s", (int)(mark - text), text, program);
    fputs(text, stdout);
}

void options_print_help(const option_table *table, const char *program) {
    int width = 0, operands = row_of(table, OPTION_OPERANDS);
    for (int i = 0; i < table->n; i++) {
        int columns = (int)strlen(left_of(&table->rows[i], (char[LEFT]){0})) + 1;
        width = columns > width ? columns : width;
    }
    printf("%s\n\n  %s %s%s[options]\n\n", table->about, program, operands < 0 ? "" : table->rows[operands].name,
           operands < 0 ? "" : " ");
    for (int i = 0; i < table->n; i++)
        print_row(&table->rows[i], width);
    if (table->after) {
        putchar('\n');
        print_after(table->after, program);
    }
}

/* ---- values ---- */

static bool read_whole(const option_row *r, const char *text, int64_t *value) {
    char *end = NULL;
    errno = 0;
    *value = strtoll(text, &end, 10);
    if (end != text && *end == '\0' && !errno && (double)*value >= r->low && (double)*value <= r->high)
        return true;
    complain("--%s: \"%s\" is not a whole number from %.10g to %.10g", r->name, text, r->low, r->high);
    return false;
}

static bool read_real(const option_row *r, const char *text, double *value) {
    char *end = NULL;
    errno = 0;
    *value = strtod(text, &end);
    if (end != text && *end == '\0' && !errno && *value >= r->low && *value <= r->high)
        return true;
    complain("--%s: \"%s\" is not a number from %g to %.10g", r->name, text, r->low, r->high);
    return false;
}

/* The choices in one line: "additive, dot or general". */
static const char *list_choices(const char *const *choices, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; choices[i] && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s",
                                 i == 0           ? ""
                                 : choices[i + 1] ? ", "
                                                  : " or ",
                                 choices[i]);
    return text;
}

static bool read_choice(const option_row *r, const char *text, int64_t *value) {
    for (*value = 0; r->choices[*value]; ++*value)
        if (strcmp(text, r->choices[*value]) == 0)
            return true;
    complain("--%s: \"%s\" is not one of %s", r->name, text, list_choices(r->choices, (char[512]){0}, 512));
    return false;
}

static bool read_value(const option_row *r, const char *text, void *options) {
    void *field = (char *)options + r->where;
    switch (r->kind) {
    case OPTION_WHOLE: return read_whole(r, text, field);
    case OPTION_REAL: return read_real(r, text, field);
    case OPTION_CHOICE: return read_choice(r, text, field);
    case OPTION_TEXT:
    case OPTION_OUTPUT:
        if (text[0] == '\0')
            complain("--%s needs a value that is not empty", r->name);
        *(const char **)field = text;
        return text[0] != '\0';
    default: *(bool *)field = true; return true;
    }
}

/* ---- the line ---- */

static void list_options(const option_table *table, struct option *list) {
    for (int i = 0; i < table->n; i++)
        if (table->rows[i].kind != OPTION_OPERANDS)
            *list++ =
                (struct option){table->rows[i].name, table->rows[i].value ? required_argument : no_argument, NULL, i};
    *list = (struct option){0};
}

/* What getopt_long could make nothing of: the word it stopped at. */
static bool refuse(int found, char **argv) {
    if (found == ':')
        complain("%s needs a value (see --help)", argv[optind - 1]);
    else if (optopt > ' ')
        complain("there is no option -%c (see --help)", optopt);
    else
        complain("%s: no such option, or not with a value (see --help)", argv[optind - 1]);
    return false;
}

/* What stands beside the options, where getopt_long has put it: behind them. argv ends with NULL. */
static bool read_rest(const option_table *table, void *options, bool *given, int argc, char **argv) {
    int row = row_of(table, OPTION_OPERANDS);
    if (row >= 0) {
        *(char ***)((char *)options + table->rows[row].where) = argv + optind;
        if (given)
            given[row] = optind < argc;
        return true;
    }
    if (optind < argc)
        complain("\"%s\": nothing is expected there (see --help)", argv[optind]);
    return optind == argc;
}

bool options_read(const option_table *table, void *options, bool *given, int argc, char **argv) {
    struct option list[OPTION_ROWS + 1];
    const bool output = row_of(table, OPTION_OUTPUT) >= 0;
    program_named(argv[0]);
    list_options(table, list);
    opterr = 0;
    for (int found; (found = getopt_long(argc, argv, output ? ":ho:" : ":h", list, NULL)) != -1;) {
        if (found == ':' || found == '?')
            return refuse(found, argv);
        int row = found == 'h' ? row_of(table, OPTION_HELP) : found == 'o' ? row_of(table, OPTION_OUTPUT) : found;
        if (!read_value(&table->rows[row], optarg, options))
            return false;
        if (given)
            given[row] = true;
    }
    return read_rest(table, options, given, argc, argv);
}
