#include "options.h"

static const char *const tasks[] = {[TASK_PAIRS] = "pairs", [TASK_PLANTED] = "planted", NULL};

static const option_row rows[] = {
    {"task", "NAME",
     "pairs: six pairs and a question: how W^Q, W^K and W^V are learned (the default);\n"
     "planted: a teacher with known matrices: which of them are determined at all",
     OPTION_CHOICE, offsetof(options, task), .choices = tasks},
    {"seed", "N", "seed of the first weights and of the questions (1)", OPTION_WHOLE, offsetof(options, seed), 0, 1e9,
     NULL},
    {"steps", "N", "steps of training (1000)", OPTION_WHOLE, offsetof(options, steps), 1, 1e5, NULL},
    {"threads", "N", "threads, 0 for one a core (1: the task is too small for more); the result\nhas the same bits",
     OPTION_WHOLE, offsetof(options, threads), 0, 256, NULL},
    RECORDING_ROWS(options),
    PROFILING_ROWS(options),
    {"curvature", NULL, "follow the largest eigenvalue of the loss's Hessian, too (takes some seconds)", OPTION_FLAG,
     offsetof(options, curvature), 0, 0, NULL},
    {"quiet", NULL, "print the result alone", OPTION_FLAG, offsetof(options, quiet), 0, 0, NULL},
    {"help", NULL, "print this", OPTION_HELP, offsetof(options, help), 0, 0, NULL},
};

enum { ROWS = sizeof rows / sizeof *rows };

const option_table options_table = {"One attention head learns to look values up, and every number of it can be seen.",
                                    rows, ROWS, NULL};

bool glass_options_read(options *o, int argc, char **argv) {
    *o = (options){.seed = 1, .steps = 1000, .threads = 1};
    if (!options_read(&options_table, o, NULL, argc, argv))
        return false;
    if (o->task == TASK_PLANTED && (o->kept.folder || o->kept.page)) {
        complain("--%s is for --task pairs: of the planted teacher nothing is recorded",
                 o->kept.folder ? "record" : "report");
        return false;
    }
    if (o->task == TASK_PLANTED && o->curvature) {
        complain("--curvature is for --task pairs");
        return false;
    }
    return true;
}
