#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

/* ---- help ---- */

/* Prints the help of a row, its lines after the first under the first. */
static void print_row(const option_row *r, int width) {
    char left[64];
    snprintf(left, sizeof left, "--%s %s", r->name, r->value ? r->value : "");
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
    int width = 0;
    for (int i = 0; i < table->n; i++) {
        const option_row *r = &table->rows[i];
        int columns = (int)(strlen(r->name) + (r->value ? strlen(r->value) : 0)) + 4;
        width = columns > width ? columns : width;
    }
    printf("%s\n\n  %s [options]\n\n", table->about, program);
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
        used += (size_t)snprintf(text + used, size - used, "%s%s", i == 0 ? "" : choices[i + 1] ? ", " : " or ", choices[i]);
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
        list[i] = (struct option){table->rows[i].name, table->rows[i].value ? required_argument : no_argument, NULL, i};
    list[table->n] = (struct option){0};
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

static int help_row(const option_table *table) {
    int row = 0;
    while (row < table->n - 1 && table->rows[row].kind != OPTION_HELP)
        row++;
    return row;
}

bool options_read(const option_table *table, void *options, bool *given, int argc, char **argv) {
    struct option list[OPTION_ROWS + 1];
    program_named(argv[0]);
    list_options(table, list);
    opterr = 0;
    for (int found; (found = getopt_long(argc, argv, ":h", list, NULL)) != -1;) {
        if (found == ':' || found == '?')
            return refuse(found, argv);
        if (found == 'h')
            found = help_row(table);
        if (!read_value(&table->rows[found], optarg, options))
            return false;
        if (given)
            given[found] = true;
    }
    if (optind < argc)
        complain("\"%s\": nothing is expected there (see --help)", argv[optind]);
    return optind == argc;
}
