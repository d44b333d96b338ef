/* --profile and --trace FILE: where the time of a program's trainings goes. A program has one profile, and every training that
 * training_init sets up is measured by it. */
#ifndef EXAMPLES_PROFILING_H
#define EXAMPLES_PROFILING_H

#include "options.h"

#include <heed/heed.h>

typedef struct profiling {
    bool table;
    const char *trace; /* NULL: none */
} profiling;

/* Two rows of an option table whose struct has a `profiling profile`. */
#define PROFILING_ROWS(type)                                                                                           \
    {"profile",                                                                                                        \
     NULL,                                                                                                             \
     "say at the end, on standard error, where the training's time went",                                              \
     OPTION_FLAG,                                                                                                      \
     offsetof(type, profile.table),                                                                                    \
     0,                                                                                                                \
     0,                                                                                                                \
     NULL},                                                                                                            \
    {                                                                                                                  \
        "trace", "FILE",                                                                                               \
            "write its last steps as a timeline, for ui.perfetto.dev or\nthe Performance panel of Chrome to show",     \
            OPTION_TEXT, offsetof(type, profile.trace), 0, 0, NULL                                                     \
    }

/* Before all else. False where FILE cannot be written; then it has complained. */
bool profiling_begin(const profiling *asked);
/* What a tape and an optimizer do is measured from now on, if it was asked for. Both end before profiling_end. */
void profiling_watch(heed_tape *t, heed_optim *opt);
/* Prints, writes. result: what the program ended with; returns what it ends with now. */
int profiling_end(const profiling *asked, int result);

#endif
