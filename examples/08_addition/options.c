#include "options.h"

#include "addition.h"

enum { STEPS_ROW = 1 };
static const option_row rows[] = {
    {"digits", "N", "digits of each of the two numbers, 1 to 4 (2)", OPTION_WHOLE, offsetof(options, digits), 1,
     ADDITION_DIGITS, NULL},
    [STEPS_ROW] = {"steps", "N",
                   "steps of training, of 64 sums each (1500 with one or two digits, 4000 with three,\n6000 with four)",
                   OPTION_WHOLE, offsetof(options, steps), 1, 1e6, NULL},
    {"seed", "N", "seed of the first weights and of the sums (1)", OPTION_WHOLE, offsetof(options, seed), 0, 1e9, NULL},
    {"threads", "N", "threads, 0 for one a core (0); the result has the same bits", OPTION_WHOLE,
     offsetof(options, threads), 0, 256, NULL},
    RECORDING_ROWS(options),
    PROFILING_ROWS(options),
    {"quiet", NULL, "print the result alone", OPTION_FLAG, offsetof(options, quiet), 0, 0, NULL},
    {"help", NULL, "print this", OPTION_HELP, offsetof(options, help), 0, 0, NULL},
};
enum { ROWS = sizeof rows / sizeof *rows };

const option_table options_table = {"A GPT learns to add from examples, carries and all.", rows, ROWS, NULL};

bool addition_options_read(options *o, int argc, char **argv) {
    static const int64_t steps[ADDITION_DIGITS + 1] = {0, 1500, 1500, 4000, 6000};
    bool given[ROWS] = {false};
    *o = (options){.digits = 2, .seed = 1};
    if (!options_read(&options_table, o, given, argc, argv))
        return false;
    if (!given[STEPS_ROW])
        o->steps = steps[o->digits];
    return true;
}
