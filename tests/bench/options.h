/* The command line. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "bench.h"

typedef struct options {
    bench_plan plan;       /* threads 0: one a core */
    const char *workloads; /* names with commas between */
    bool json, here, raw, help;
} options;

/* False where something is wrong: then one line about it was printed to stderr. */
bool options_read(options *o, int argc, char **argv);
void options_print(const char *program);

/* "heed_bench: ", the message, and a newline, to stderr. False, for `return`. */
bool complain(const char *format, ...) HEED_PRINTF(1, 2);

#endif
