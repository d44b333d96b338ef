#include "options.h"

#include "induction.h"

static const option_row rows[] = {
    {"steps", "N", "steps of training, for each of the two models (700)", OPTION_WHOLE, offsetof(options, steps), 1,
     1e6, NULL},
    {"heads", "N", "heads a layer: 1, 2, 4 or 8 (4)", OPTION_WHOLE, offsetof(options, heads), 1, INDUCTION_HEADS, NULL},
    {"shortest", "N", "the shortest period there is (8)", OPTION_WHOLE, offsetof(options, shortest), 2, REPEATS_LIMIT,
     NULL},
    {"longest", "N", "the longest one (32). With both alike one layer can do it, too", OPTION_WHOLE,
     offsetof(options, longest), 2, REPEATS_LIMIT, NULL},
    {"seed", "N", "seed of the first weights and of the sequences (1)", OPTION_WHOLE, offsetof(options, seed), 0, 1e9,
     NULL},
    {"threads", "N", "threads, 0 for one a core (0); the result has the same bits", OPTION_WHOLE,
     offsetof(options, threads), 0, 256, NULL},
    RECORDING_ROWS(options),
    PROFILING_ROWS(options),
    {"quiet", NULL, "print the result alone", OPTION_FLAG, offsetof(options, quiet), 0, 0, NULL},
    {"help", NULL, "print this", OPTION_HELP, offsetof(options, help), 0, 0, NULL},
};

const option_table options_table = {
    "Two layers of attention learn to look back at what followed before; one layer cannot.", rows,
    sizeof rows / sizeof *rows,
    "The same where the period never varies, so that one layer succeeds as well:\n"
    "  %s --shortest 16 --longest 16\n"};

bool induction_options_read(options *o, int argc, char **argv) {
    *o = (options){.steps = 700, .heads = 4, .shortest = REPEATS_SHORTEST, .longest = REPEATS_LONGEST, .seed = 1};
    if (!options_read(&options_table, o, NULL, argc, argv))
        return false;
    if (o->shortest > o->longest)
        complain("--shortest %lld is above --longest %lld", (long long)o->shortest, (long long)o->longest);
    else if (INDUCTION_D_MODEL % o->heads)
        complain("--heads: %lld does not divide the model's width, %d", (long long)o->heads, INDUCTION_D_MODEL);
    else
        return true;
    return false;
}
