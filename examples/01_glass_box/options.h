/* The command line. */
#ifndef GLASS_BOX_OPTIONS_H
#define GLASS_BOX_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct options {
    bool planted; /* --task planted, else pairs */
    uint64_t seed;
    int steps, threads;
    bool quiet, help;
} options;

/* False where something is wrong: then one line about it was printed to stderr. */
bool options_read(options *o, int argc, char **argv);
void options_print_help(const char *program);

/* "01_glass_box: ", the message, and a newline, to stderr. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
