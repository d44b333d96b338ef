/* The command line. */
#ifndef ADDITION_OPTIONS_H
#define ADDITION_OPTIONS_H

#include "../common/options.h"
#include "../common/profiling.h"
#include "../common/program.h"
#include "../common/recording.h"

typedef struct options {
    int64_t digits, steps, seed, threads;
    recording kept;
    profiling profile;
    bool quiet, help;
} options;

extern const option_table options_table;
/* Sets the defaults and reads; false where something is wrong, of which a line was printed. */
bool addition_options_read(options *o, int argc, char **argv);

#endif
