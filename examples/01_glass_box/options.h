/* The command line. */
#ifndef GLASS_BOX_OPTIONS_H
#define GLASS_BOX_OPTIONS_H

#include "../common/options.h"
#include "../common/program.h"

typedef enum glass_task { TASK_PAIRS, TASK_PLANTED } glass_task;

typedef struct options {
    int64_t task; /* glass_task */
    int64_t seed, steps, threads;
    bool quiet, help;
} options;

extern const option_table options_table;
extern const options options_defaults;

#endif
