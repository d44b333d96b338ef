#include "options.h"

#include <string.h>

static const char *const task_names[] = {"dates", "phrases", NULL};

enum { DEFAULT_REACH = 6 };

static const option_row rows[] = {
    {"steps", "N", "steps of training (1500)", OPTION_WHOLE, offsetof(options, steps), 1, 1e7, NULL},
    {"batch", "N", "examples a step (64)", OPTION_WHOLE, offsetof(options, batch), 1, BATCH_ROWS, NULL},
    {"lr", "X", "highest learning rate (0.004)", OPTION_REAL, offsetof(options, lr), 0, 10, NULL},
    {"sampling", "X", "how often the decoder is fed its own last word, not the right one (0)", OPTION_REAL,
     offsetof(options, sampling), 0, 1, NULL},
    {"task", "NAME", "dates or phrases (dates)", OPTION_CHOICE, offsetof(options, task), 0, 0, task_names},
    {"score", "NAME",
     "how the decoder looks back: additive, dot, scaled, general, concat,\n"
     "location, cosine, none, or the transformer of 02 (additive)",
     OPTION_CHOICE, offsetof(options, recipe.look), 0, 0, look_names},
    {"cell", "NAME", "gru, lstm or rnn (gru)", OPTION_CHOICE, offsetof(options, recipe.cell), 0, 0, cell_names},
    {"hidden", "N", "size of the decoder's state, even (128)", OPTION_WHOLE, offsetof(options, recipe.hidden), 2, 4096,
     NULL},
    {"local", "WINDOW", "look through a window: m, at the step's own place, or p, at a predicted one", OPTION_CHOICE,
     offsetof(options, recipe.window), 0, 0, window_names},
    {"reach", "N", "half the width of the window (6)", OPTION_WHOLE, offsetof(options, recipe.reach), 1, TASK_SOURCE,
     NULL},
    {"feed", NULL, "feed the last context into the next step", OPTION_FLAG, offsetof(options, recipe.feed), 0, 0, NULL},
    {"seed", "N", "seed of the first weights and of the examples (1)", OPTION_WHOLE, offsetof(options, seed), 0, 1e9,
     NULL},
    {"compare", NULL, "train every score, none, and the transformer of 02, and show one table", OPTION_FLAG,
     offsetof(options, compare), 0, 0, NULL},
    {"save", "FILE", "where the weights go (" DEFAULT_FILE ")", OPTION_TEXT, offsetof(options, save), 0, 0, NULL},
    RECORDING_ROWS(options),
    PROFILING_ROWS(options),
    {"load", "FILE", "train nothing: examine these weights, or ask them", OPTION_TEXT, offsetof(options, load), 0, 0,
     NULL},
    {"ask", "TEXT",
     "translate it and show where the model looks (without --load: " DEFAULT_FILE ");\n"
     "-: the same for a text a line of standard input: writes a translation a line",
     OPTION_TEXT, offsetof(options, ask), 0, 0, NULL},
    {"beam", "N", "width of the search for the best translation (1: greedy)", OPTION_WHOLE, offsetof(options, beam), 1,
     64, NULL},
    {"examples", "N", "held-out examples to translate at the end (2000)", OPTION_WHOLE, offsetof(options, examples), 1,
     1e6, NULL},
    {"threads", "N", "threads, 0 for one a core (0); the result has the same bits", OPTION_WHOLE,
     offsetof(options, threads), 0, 256, NULL},
    {"quiet", NULL, "print the result alone", OPTION_FLAG, offsetof(options, quiet), 0, 0, NULL},
    {"help", NULL, "print this", OPTION_HELP, offsetof(options, help), 0, 0, NULL},
};
enum { ROWS = sizeof rows / sizeof *rows, TRAINING_ROWS = 18 }; /* the first ones say what to train, and how */

static const option_table table = {
    "A recurrent encoder-decoder learns to translate, and looks back at the source by any score there is.", rows, ROWS,
    "Train, then ask; the other language pair; all of them:\n"
    "  %s\n"
    "  %s --ask \"3rd of May, 1979\"\n"
    "  %s --task phrases --score general --cell lstm\n"
    "  %s --compare --steps 800\n"};

void seq2seq_options_print_help(const char *program) {
    options_print_help(&table, program);
}

static int row_of(const char *name) {
    int row = 0;
    while (strcmp(rows[row].name, name) != 0)
        row++;
    return row;
}

static bool fits(const options *o, const bool *given) {
    const char *recorded = o->kept.folder ? "record" : o->kept.page ? "report" : NULL;
    for (int i = 0; i < TRAINING_ROWS; i++)
        if (given[i] && (o->load || o->ask)) {
            complain("--%s is for training, and with --%s nothing is trained", rows[i].name, o->load ? "load" : "ask");
            return false;
        }
    if (o->recipe.hidden % 2)
        complain("--hidden: %lld is odd; half of it goes to each direction of the encoder",
                 (long long)o->recipe.hidden);
    else if (o->compare && (given[row_of("score")] || given[row_of("save")]))
        complain("--compare trains every score and saves none: it goes with neither --score nor --save");
    else if (recorded && o->compare)
        complain("--%s is of one training, and --compare trains every score", recorded);
    else if (recorded && o->recipe.look == LOOK_NONE)
        complain("--%s is of attention, and --score none has none", recorded);
    else if (o->recipe.look == LOOK_TRANSFORMER &&
             (o->recipe.window || o->recipe.feed || o->beam > 1 || o->sampling > 0))
        complain("--score transformer is the model of 02 as it is: without --local, --feed, --sampling and --beam");
    else if (given[row_of("reach")] && !o->recipe.window)
        complain("--reach is of the window that --local puts up");
    else if (o->recipe.window && o->recipe.look == LOOK_NONE)
        complain("--local puts a window before attention, and --score none has none");
    else
        return true;
    return false;
}

bool seq2seq_options_read(options *o, int argc, char **argv) {
    bool given[ROWS] = {false};
    *o = (options){.recipe = {.look = HEED_SCORE_ADDITIVE, .reach = DEFAULT_REACH, .hidden = 128},
                   .steps = 1500,
                   .batch = 64,
                   .lr = 4e-3,
                   .seed = 1,
                   .beam = 1,
                   .examples = 2000,
                   .save = DEFAULT_FILE};
    if (!options_read(&table, o, given, argc, argv))
        return false;
    return o->help || fits(o, given);
}
