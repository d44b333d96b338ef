/* The command line. */
#ifndef HEADS_OPTIONS_H
#define HEADS_OPTIONS_H

#include "../common/options.h"
#include "../common/profiling.h"
#include "../common/program.h"
#include "../common/recording.h"

typedef struct options {
    int64_t lesson; /* its place in lessons, or ALL_LESSONS */
    int64_t steps;  /* 0: as many as each lesson has as a rule */
    int64_t seed, threads;
    recording kept; /* of the reader with many heads */
    profiling profile;
    bool quiet, help;
} options;

extern const option_table options_table;
/* Sets the defaults and reads; false where something is wrong, of which a line was printed. */
bool heads_options_read(options *o, int argc, char **argv);

#endif
