#include "options.h"

static const char *const tasks[] = {[TASK_SORT] = "sort", [TASK_NEXT] = "next", NULL};

enum { STEPS_ROW = 1, VALUES_ROW, LENGTH_ROW };
static const option_row rows[] = {
    {"task", "NAME",
     "sort: a GPT learns to sort digits (the default);\n"
     "next: one head learns which of sixteen numbers is the next larger",
     OPTION_CHOICE, offsetof(options, task), .choices = tasks},
    [STEPS_ROW] = {"steps", "N", "steps of training (1000; next: 1500)", OPTION_WHOLE, offsetof(options, steps), 1, 1e6,
                   NULL},
    [VALUES_ROW] = {"values", "N", "sort: how many different digits there are, 2 to 10 (3)", OPTION_WHOLE,
                    offsetof(options, values), 2, SORT_VALUES, NULL},
    [LENGTH_ROW] = {"length", "N", "sort: how many digits are to be sorted (6)", OPTION_WHOLE,
                    offsetof(options, length), 3, SORT_LENGTH, NULL},
    {"seed", "N", "seed of the first weights and of what is trained on (1)", OPTION_WHOLE, offsetof(options, seed), 0,
     1e9, NULL},
    {"threads", "N", "threads, 0 for one a core (1: the tasks are small); the result has the\nsame bits", OPTION_WHOLE,
     offsetof(options, threads), 0, 256, NULL},
    RECORDING_ROWS(options),
    PROFILING_ROWS(options),
    {"quiet", NULL, "print the result alone", OPTION_FLAG, offsetof(options, quiet), 0, 0, NULL},
    {"help", NULL, "print this", OPTION_HELP, offsetof(options, help), 0, 0, NULL},
};
enum { ROWS = sizeof rows / sizeof *rows };

const option_table options_table = {"A GPT learns to sort; and one attention head learns what comes next.", rows, ROWS,
                                    NULL};

bool sort_options_read(options *o, int argc, char **argv) {
    bool given[ROWS] = {false};
    *o = (options){.values = 3, .length = 6, .seed = 1, .threads = 1};
    if (!options_read(&options_table, o, given, argc, argv))
        return false;
    if (!given[STEPS_ROW])
        o->steps = o->task == TASK_NEXT ? 1500 : 1000;
    for (int row = VALUES_ROW; row <= LENGTH_ROW; row++)
        if (given[row] && o->task == TASK_NEXT) {
            complain("--%s is for --task sort", rows[row].name);
            return false;
        }
    return true;
}
