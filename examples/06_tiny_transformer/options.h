/* The command line. */
#ifndef TINY_OPTIONS_H
#define TINY_OPTIONS_H

#include "../common/options.h"
#include "../common/profiling.h"
#include "../common/program.h"
#include "../common/recording.h"

#define DEFAULT_FILE "tiny.safetensors"

typedef enum alphabet { ALPHABET_CHARACTERS, ALPHABET_BYTES, ALPHABET_BPE } alphabet;

typedef struct options {
    const char *text;         /* NULL: the project's own sources */
    int64_t alphabet, merges; /* of the enum above; for BPE */
    int64_t recipe, steps;    /* steps 0: the recipe's */
    int64_t seed, threads;
    const char *save, *load, *prompt;
    const char *checkpoint; /* NULL: none */
    int64_t every;          /* steps */
    int64_t tokens; /* to write */
    double temperature, top_p;
    int64_t top_k;
    recording kept;
    profiling profile;
    bool recompute, quiet, help;
} options;

/* False where something is wrong: then one line about it was printed to stderr. */
bool tiny_options_read(options *o, int argc, char **argv);
void tiny_options_print_help(const char *program);

#endif
