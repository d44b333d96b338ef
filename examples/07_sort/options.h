/* The command line. */
#ifndef SORT_OPTIONS_H
#define SORT_OPTIONS_H

#include "../common/options.h"
#include "../common/profiling.h"
#include "../common/program.h"
#include "../common/recording.h"
#include "sort.h"

typedef enum sort_lesson_kind { TASK_SORT, TASK_NEXT } sort_lesson_kind;

typedef struct options {
    int64_t task; /* sort_lesson_kind */
    int64_t steps, values, length, seed, threads;
    recording kept;
    profiling profile;
    bool quiet, help;
} options;

extern const option_table options_table;
/* Sets the defaults and reads; false where something is wrong, of which a line was printed. */
bool sort_options_read(options *o, int argc, char **argv);

#endif
