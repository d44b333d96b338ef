/* The command line of a sample, a page of C that shows one thing: how it is recorded and measured, and nothing else to
 * be set. */
#ifndef EXAMPLES_SAMPLE_H
#define EXAMPLES_SAMPLE_H

#include "profiling.h"
#include "recording.h"

typedef struct sample_options {
    recording kept;
    profiling profile;
    int64_t threads;
    bool quiet, help;
} sample_options;

/* For main to return: what run returned, or MISUSED. about: the first line of --help. */
int sample_main(const char *about, int (*run)(const sample_options *options), int argc, char **argv);

#endif
