/* The command line. */
#ifndef GLASS_BOX_OPTIONS_H
#define GLASS_BOX_OPTIONS_H

#include "../common/options.h"
#include "../common/profiling.h"
#include "../common/program.h"
#include "../common/recording.h"

typedef enum glass_task { TASK_PAIRS, TASK_PLANTED } glass_task;

typedef struct options {
    int64_t task; /* glass_task */
    int64_t seed, steps, threads;
    recording kept;
    profiling profile;
    bool curvature, quiet, help;
} options;

extern const option_table options_table;
/* Sets the defaults and reads; false where something is wrong, of which a line was printed. */
bool glass_options_read(options *o, int argc, char **argv);

#endif
