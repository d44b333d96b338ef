#include "options.h"

#include <string.h>

static const option_row rows[] = {
    {"steps", "N", "steps of training (1400)", OPTION_WHOLE, offsetof(options, plan.steps), 1, 1e7, NULL},
    {"batch", "N", "dates a step (64)", OPTION_WHOLE, offsetof(options, plan.batch), 1, BATCH_ROWS, NULL},
    {"lr", "X", "highest learning rate (0.003)", OPTION_REAL, offsetof(options, plan.lr), 0, 10, NULL},
    {"seed", "N", "seed of the first weights and of the dates (1)", OPTION_WHOLE, offsetof(options, plan.seed), 0, 1e9,
     NULL},
    {"save", "FILE", "where the weights go (" DEFAULT_FILE ")", OPTION_TEXT, offsetof(options, save), 0, 0, NULL},
    RECORDING_ROWS(options),
    PROFILING_ROWS(options),
    {"load", "FILE", "train nothing: examine these weights, or ask them", OPTION_TEXT, offsetof(options, load), 0, 0,
     NULL},
    {"ask", "DATE",
     "read a date and show where the model looks (without --load: " DEFAULT_FILE ");\n"
     "-: the same for a date a line of standard input: writes a date a line",
     OPTION_TEXT, offsetof(options, ask), 0, 0, NULL},
    {"heads", NULL, "with --ask DATE: where each head looks, too", OPTION_FLAG, offsetof(options, heads), 0, 0, NULL},
    {"dates", "N", "held-out dates to read at the end (2000)", OPTION_WHOLE, offsetof(options, dates), 1, 1e6, NULL},
    {"threads", "N", "threads, 0 for one a core (0); the result has the same bits", OPTION_WHOLE,
     offsetof(options, plan.threads), 0, 256, NULL},
    {"quiet", NULL, "print the result alone", OPTION_FLAG, offsetof(options, quiet), 0, 0, NULL},
    {"help", NULL, "print this", OPTION_HELP, offsetof(options, help), 0, 0, NULL},
};
enum { ROWS = sizeof rows / sizeof *rows, TRAINING_ROWS = 9 }; /* the first ones say how to train */

static const option_table table = {
    "A transformer learns to read dates, character by character, and to write them as ISO 8601.", rows, ROWS,
    "Train, then ask:\n"
    "  %s\n"
    "  %s --ask \"3rd of May, 1979\"\n"
    "  printf '3 мая 1979 года\\nle 1er août 2014\\n' | %s --ask -\n"};

void dates_options_print_help(const char *program) {
    options_print_help(&table, program);
}

bool dates_options_read(options *o, int argc, char **argv) {
    bool given[ROWS] = {false};
    *o = (options){.plan = {.steps = 1400, .batch = 64, .lr = 3e-3, .seed = 1}, .dates = 2000, .save = DEFAULT_FILE};
    if (!options_read(&table, o, given, argc, argv))
        return false;
    for (int i = 0; i < TRAINING_ROWS; i++)
        if (given[i] && (o->load || o->ask)) {
            complain("--%s is for training, and with --%s nothing is trained", rows[i].name, o->load ? "load" : "ask");
            return false;
        }
    if (o->heads && (o->ask == NULL || strcmp(o->ask, "-") == 0)) {
        complain("--heads shows where each head looks while it reads the date of --ask DATE");
        return false;
    }
    return true;
}
