/* The command line. */
#ifndef DATES_OPTIONS_H
#define DATES_OPTIONS_H

#include "../common/options.h"
#include "../common/profiling.h"
#include "../common/program.h"
#include "../common/recording.h"
#include "train.h"

#define DEFAULT_FILE "dates.safetensors"

typedef struct options {
    plan plan;
    int64_t dates;    /* held-out dates to read at the end */
    const char *save; /* where the weights go */
    const char *load; /* NULL: train */
    const char *ask;  /* NULL, a date, or "-" for standard input */
    recording kept;
    profiling profile;
    bool heads;       /* with ask: the map of each head as well */
    bool quiet;
    bool help;
} options;

/* False where something is wrong: then one line about it was printed to stderr. */
bool dates_options_read(options *o, int argc, char **argv);
void dates_options_print_help(const char *program);

#endif
