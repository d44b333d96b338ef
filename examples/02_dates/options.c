#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void complain(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("02_dates: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

/* ---- the table ---- */

typedef enum kind { FLAG, WHOLE, REAL, TEXT } kind; /* bool, int64_t, double, const char * */
typedef struct row {
    const char *name, *value, *help; /* as --help shows them; value NULL for a flag */
    kind kind;
    size_t where;     /* of the field in options */
    double low, high; /* what a number may be */
    bool training;    /* says how to train, so it means nothing to weights that are loaded */
} row;

static const row rows[] = {
    {"steps", "N", "steps of training (1400)", WHOLE, offsetof(options, plan.steps), 1, 1e7, true},
    {"batch", "N", "dates a step (64)", WHOLE, offsetof(options, plan.batch), 1, BATCH_ROWS, true},
    {"lr", "X", "highest learning rate (0.003)", REAL, offsetof(options, plan.lr), 0, 10, true},
    {"seed", "N", "seed of the first weights and of the dates (1)", WHOLE, offsetof(options, plan.seed), 0, 1e9, true},
    {"save", "FILE", "where the weights go (" DEFAULT_FILE ")", TEXT, offsetof(options, save), 0, 0, true},
    {"load", "FILE", "train nothing: examine these weights, or ask them", TEXT, offsetof(options, load), 0, 0, false},
    {"ask", "DATE", "read a date and show where the model looks (without --load: " DEFAULT_FILE ")", TEXT,
     offsetof(options, ask), 0, 0, false},
    {"ask", "-", "the same for a date a line of standard input: writes a date a line", TEXT, offsetof(options, ask), 0,
     0, false},
    {"heads", NULL, "with --ask DATE: where each head looks, too", FLAG, offsetof(options, heads), 0, 0, false},
    {"dates", "N", "held-out dates to read at the end (2000)", WHOLE, offsetof(options, dates), 1, 1e6, false},
    {"threads", "N", "threads, 0 for one a core (0); the result has the same bits", WHOLE,
     offsetof(options, plan.threads), 0, 256, false},
    {"quiet", NULL, "print the result alone", FLAG, offsetof(options, quiet), 0, 0, false},
    {"help", NULL, "print this", FLAG, offsetof(options, help), 0, 0, false},
};
enum { ROWS = sizeof rows / sizeof *rows };

void options_print_help(const char *program) {
    printf("A transformer learns to read dates, character by character, and to write them as ISO 8601.\n\n"
           "  %s [options]\n\n",
           program);
    for (int i = 0; i < ROWS; i++) {
        char left[32];
        snprintf(left, sizeof left, "--%s %s", rows[i].name, rows[i].value ? rows[i].value : "");
        printf("  %-15s %s\n", left, rows[i].help);
    }
    printf("\nTrain, then ask:\n"
           "  %s\n"
           "  %s --ask \"3rd of May, 1979\"\n"
           "  printf '3 мая 1979 года\\nle 1er août 2014\\n' | %s --ask -\n",
           program, program, program);
}

/* ---- values ---- */

static bool read_number(const row *r, const char *text, options *o) {
    char *end = NULL;
    errno = 0;
    double value = r->kind == WHOLE ? (double)strtoll(text, &end, 10) : strtod(text, &end);
    if (end == text || *end || errno || !(value >= r->low && value <= r->high)) {
        complain("--%s: \"%s\" is not a %snumber from %g to %.10g", r->name, text, r->kind == WHOLE ? "whole " : "",
                 r->low, r->high);
        return false;
    }
    char *field = (char *)o + r->where;
    if (r->kind == WHOLE)
        *(int64_t *)(void *)field = (int64_t)value;
    else
        *(double *)(void *)field = value;
    return true;
}

static bool read_value(const row *r, const char *text, options *o) {
    void *field = (char *)o + r->where;
    if (r->kind == WHOLE || r->kind == REAL)
        return read_number(r, text, o);
    if (r->kind == FLAG) {
        *(bool *)field = true;
        return true;
    }
    if (text[0] == 0)
        complain("--%s needs a value that is not empty", r->name);
    *(const char **)field = text;
    return text[0] != 0;
}

/* ---- the line ---- */

static void fill_long_options(struct option list[ROWS + 1]) {
    for (int i = 0; i < ROWS; i++)
        list[i] = (struct option){rows[i].name, rows[i].value ? required_argument : no_argument, NULL, i};
    list[ROWS] = (struct option){0};
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

bool options_read(options *o, int argc, char **argv) {
    *o = (options){.plan = {.steps = 1400, .batch = 64, .lr = 3e-3, .seed = 1}, .dates = 2000, .save = DEFAULT_FILE};
    struct option list[ROWS + 1];
    fill_long_options(list);
    const char *training = NULL;
    opterr = 0;
    for (int found; (found = getopt_long(argc, argv, ":h", list, NULL)) != -1;) {
        if (found == 'h')
            o->help = true;
        else if (found == ':' || found == '?')
            return refuse(found, argv);
        else if (!read_value(&rows[found], optarg, o))
            return false;
        else if (rows[found].training)
            training = rows[found].name;
    }
    if (optind < argc) {
        complain("\"%s\": nothing is expected there; a date goes behind --ask (see --help)", argv[optind]);
        return false;
    }
    if (training && (o->load || o->ask)) {
        complain("--%s is for training, and with --%s nothing is trained", training, o->load ? "load" : "ask");
        return false;
    }
    if (o->heads && (o->ask == NULL || strcmp(o->ask, "-") == 0)) {
        complain("--heads shows where each head looks while it reads the date of --ask DATE");
        return false;
    }
    return true;
}
