#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool complain(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("heed_bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return false;
}

typedef enum kind { FLAG, COUNT, TEXT } kind; /* bool, int, const char * */
static const struct row {
    const char *name, *value, *help;
    kind kind;
    size_t where; /* of the field in options */
} rows[] = {
    {"workload", "LIST", "names from below with commas between, quick (those with a star: the default), or all", TEXT,
     offsetof(options, workloads)},
    {"steps", "N", "timed steps of each workload; 0: 60 of small ones, 7 of large ones", COUNT,
     offsetof(options, plan.steps)},
    {"threads", "N", "threads; 0: one a core", COUNT, offsetof(options, plan.threads)},
    {"save", "FILE", "measure nothing: write a workload's first weights and its batch, as safetensors", TEXT,
     offsetof(options, plan.save)},
    {"profile", NULL, "as --here; then as many steps again, and where their time goes, op by op, on stderr", FLAG,
     offsetof(options, plan.profile)},
    {"json", NULL, "one JSON object a line instead of tables", FLAG, offsetof(options, json)},
    {"here", NULL, "all in this process, for profilers: they then have their peak memory in common", FLAG,
     offsetof(options, here)},
    {"raw", NULL, "as --here, with results in binary: how the program calls itself", FLAG, offsetof(options, raw)},
    {"help", NULL, "print this", FLAG, offsetof(options, help)},
};
enum { ROWS = sizeof rows / sizeof *rows, MOST = 100000 };

void options_print(const char *program) {
    printf("Measures how fast Heed is on this machine.\n\n  %s [options]\n\n", program);
    for (int i = 0; i < ROWS; i++) {
        char left[24];
        snprintf(left, sizeof left, "--%s %s", rows[i].name, rows[i].value ? rows[i].value : "");
        printf("  %-16s %s\n", left, rows[i].help);
    }
}

static bool read_value(const struct row *r, const char *text, options *o) {
    char *field = (char *)o + r->where, *end;
    if (r->kind == FLAG)
        return *(bool *)(void *)field = true;
    if (r->kind == TEXT) {
        *(const char **)(void *)field = text;
        return true;
    }
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end || errno || value < 0 || value > MOST)
        return complain("--%s: \"%s\" is not a whole number from 0 to %d", r->name, text, MOST);
    *(int *)(void *)field = (int)value;
    return true;
}

bool options_read(options *o, int argc, char **argv) {
    struct option list[ROWS + 1] = {{0}};
    for (int i = 0; i < ROWS; i++)
        list[i] = (struct option){rows[i].name, rows[i].value ? required_argument : no_argument, NULL, i};
    *o = (options){.workloads = "quick"};
    opterr = 0;
    for (int found; (found = getopt_long(argc, argv, ":", list, NULL)) != -1;) {
        if (found == ':')
            return complain("%s needs a value (see --help)", argv[optind - 1]);
        if (found == '?')
            return complain("%s: no such option, or not with a value (see --help)", argv[optind - 1]);
        if (!read_value(&rows[found], optarg, o))
            return false;
    }
    return optind == argc || complain("\"%s\": nothing is expected there (see --help)", argv[optind]);
}
