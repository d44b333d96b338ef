/* The command line of an example: a table of what may stand there, read with getopt_long.
 *
 *     typedef struct options { int64_t steps, seed; double lr; const char *save; int64_t task; bool quiet, help; } options;
 *     static const char *const tasks[] = {"pairs", "planted", NULL};
 *     static const option_row rows[] = {
 *         {"steps", "N", "steps of training (1000)", OPTION_WHOLE, offsetof(options, steps), 1, 1e6},
 *         {"task", "NAME", "pairs or planted (pairs)", OPTION_CHOICE, offsetof(options, task), .choices = tasks},
 *         {"quiet", NULL, "print the result alone", OPTION_FLAG, offsetof(options, quiet)},
 *         {"help", NULL, "print this", OPTION_HELP, offsetof(options, help)},
 *     };
 *     static const option_table table = {"What the program does.", rows, sizeof rows / sizeof *rows, "Examples:\n ..."};
 *     if (!options_read(&table, &o, NULL, argc, argv)) return MISUSED;
 *     if (o.help) options_print_help(&table, argv[0]); */
#ifndef EXAMPLES_OPTIONS_H
#define EXAMPLES_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum option_kind {
    OPTION_FLAG,    /* bool */
    OPTION_HELP,    /* bool; also -h */
    OPTION_WHOLE,   /* int64_t, from low to high */
    OPTION_REAL,    /* double, from low to high */
    OPTION_TEXT,    /* const char *, not empty */
    OPTION_CHOICE,  /* int64_t: the index of one of the choices */
    OPTION_OUTPUT,  /* as OPTION_TEXT; also -o */
    OPTION_OPERANDS, /* char **, NULL behind the last: the words that stand beside the options; named for --help alone */
} option_kind;

typedef struct option_row {
    const char *name, *value, *help; /* as --help shows them; value NULL for a flag */
    option_kind kind;
    size_t where; /* of the field in the program's struct */
    double low, high;
    const char *const *choices; /* ended by NULL */
} option_row;

enum { OPTION_ROWS = 48 }; /* at most */
typedef struct option_table {
    const char *about; /* the first line of --help */
    const option_row *rows;
    int n;
    const char *after; /* the last lines of --help, or NULL; each %s is the program as it was started */
} option_table;

/* Writes what is given into *options, which holds the defaults. given: NULL, or n places, of which those of the rows that were
 * given become true. False where something is wrong: then one line about it was printed to stderr. */
bool options_read(const option_table *table, void *options, bool *given, int argc, char **argv);
void options_print_help(const option_table *table, const char *program);

#endif
