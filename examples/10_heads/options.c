#include "options.h"

#include "lesson.h"

static const char *const names[] = {"heads", "off", "scale", "places", "words", "all", NULL};

static const option_row rows[] = {
    {"lesson", "NAME",
     "heads   one head, or four with as many parameters together\n"
     "off     each head of a trained model is switched off in turn\n"
     "scale   what becomes of the weights without √d_k\n"
     "places  attention doesn't know where a token stands\n"
     "words   one token by hand, step by step, and by the layer\n"
     "all     all of them, one after another (this is the default)",
     OPTION_CHOICE, offsetof(options, lesson), 0, 0, names},
    {"steps", "N", "steps of each training (heads, off 700; scale 100; places 200)", OPTION_WHOLE,
     offsetof(options, steps), 1, 1e6, NULL},
    {"seed", "N", "seed of first weights, sentences and all that is drawn (1)", OPTION_WHOLE, offsetof(options, seed),
     0, 1e9, NULL},
    {"threads", "N", "threads, 0 for one a core (0); the result has the same bits", OPTION_WHOLE,
     offsetof(options, threads), 0, 256, NULL},
    RECORDING_ROWS(options),
    PROFILING_ROWS(options),
    {"quiet", NULL, "print each lesson's result alone", OPTION_FLAG, offsetof(options, quiet), 0, 0, NULL},
    {"help", NULL, "print this", OPTION_HELP, offsetof(options, help), 0, 0, NULL},
};

const option_table options_table = {
    "What heads, the divisor √d_k and positions are for: five lessons, each with its figures.", rows,
    sizeof rows / sizeof *rows,
    "The shortest one, and the longest:\n"
    "  %s --lesson words\n"
    "  %s --lesson heads\n"};

bool heads_options_read(options *o, int argc, char **argv) {
    _Static_assert(sizeof names / sizeof *names == LESSONS + 2, "each lesson has a name, and so have all together");
    *o = (options){.lesson = ALL_LESSONS, .seed = 1};
    if (!options_read(&options_table, o, NULL, argc, argv))
        return false;
    bool recorded = o->kept.folder || o->kept.page;
    if (recorded && o->lesson != LESSON_HEADS && o->lesson != LESSON_OFF && o->lesson != ALL_LESSONS) {
        complain("--%s is for --lesson heads, off and all: %s trains no model with many heads",
                 o->kept.folder ? "record" : "report", names[o->lesson]);
        return false;
    }
    return true;
}
