/* The command line. */
#ifndef SEQ2SEQ_OPTIONS_H
#define SEQ2SEQ_OPTIONS_H

#include "../common/options.h"
#include "../common/profiling.h"
#include "../common/program.h"
#include "../common/recording.h"
#include "translator.h"

#define DEFAULT_FILE "seq2seq.safetensors"

typedef struct options {
    int64_t task; /* 0 dates, 1 phrases */
    recipe recipe;
    int64_t steps, batch;
    double lr, sampling;
    int64_t seed, threads;
    int64_t beam, examples;
    const char *save, *load, *ask;
    recording kept;
    profiling profile;
    bool compare, quiet, help;
} options;

/* False where something is wrong: then one line about it was printed to stderr. */
bool seq2seq_options_read(options *o, int argc, char **argv);
void seq2seq_options_print_help(const char *program);

#endif
