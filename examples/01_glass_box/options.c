#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void complain(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("01_glass_box: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

void options_print_help(const char *program) {
    printf("One attention head learns to look values up, and every number of it can be seen.\n\n"
           "  %s [options]\n\n"
           "  --task pairs     six pairs and a question: how W^Q, W^K and W^V are learned (the default)\n"
           "  --task planted   a teacher with known matrices: which of them are determined at all\n"
           "  --seed N         seed of the first weights and of the questions (1)\n"
           "  --steps N        steps of training (1000)\n"
           "  --threads N      threads, 0 for one a core (1: the task is too small for more); the result\n"
           "                   has the same bits\n"
           "  --quiet          print the result alone\n"
           "  --help           print this\n",
           program);
}

static bool read_number(const char *name, const char *text, int64_t low, int64_t high, int64_t *value) {
    char *end = NULL;
    errno = 0;
    *value = strtoll(text, &end, 10);
    bool right = end != text && !*end && !errno && *value >= low && *value <= high;
    if (!right)
        complain("--%s: \"%s\" is not a whole number from %lld to %lld", name, text, (long long)low, (long long)high);
    return right;
}

static bool read_task(const char *text, options *o) {
    o->planted = !strcmp(text, "planted");
    if (!o->planted && strcmp(text, "pairs")) {
        complain("--task: \"%s\" is neither pairs nor planted", text);
        return false;
    }
    return true;
}

/* What getopt_long could make nothing of: the word it stopped at. */
static bool refuse(int found, char **argv) {
    if (found == ':')
        complain("%s needs a value (see --help)", argv[optind - 1]);
    else if (optopt > ' ')
        complain("there is no option -%c (see --help)", optopt);
    else
        complain("%s: no such option, or not with a value (see --help)", argv[optind - 1]);
    return false;
}

/* What getopt_long returns for a long option: no letter, so that a refused one is told from a short one. */
typedef enum word { TASK = 1, SEED, STEPS, THREADS, QUIET, HELP } word;

static bool take(int found, options *o) {
    int64_t number = 0;
    bool right = true;
    switch (found) {
    case TASK:
        return read_task(optarg, o);
    case SEED:
        right = read_number("seed", optarg, 0, 1000000000, &number);
        o->seed = (uint64_t)number;
        return right;
    case STEPS:
        right = read_number("steps", optarg, 1, 100000, &number);
        o->steps = (int)number;
        return right;
    case THREADS:
        right = read_number("threads", optarg, 0, 256, &number);
        o->threads = (int)number;
        return right;
    case QUIET:
        o->quiet = true;
        return true;
    default:
        o->help = true;
        return true;
    }
}

bool options_read(options *o, int argc, char **argv) {
    static const struct option list[] = {
        {"task", required_argument, NULL, TASK},
        {"seed", required_argument, NULL, SEED},
        {"steps", required_argument, NULL, STEPS},
        {"threads", required_argument, NULL, THREADS},
        {"quiet", no_argument, NULL, QUIET},
        {"help", no_argument, NULL, HELP},
        {0},
    };
    *o = (options){.seed = 1, .steps = 1000, .threads = 1};
    opterr = 0;
    for (int found; (found = getopt_long(argc, argv, ":h", list, NULL)) != -1;) {
        if (found == ':' || found == '?')
            return refuse(found, argv);
        if (!take(found, o))
            return false;
    }
    if (optind < argc) {
        complain("\"%s\": nothing is expected there (see --help)", argv[optind]);
        return false;
    }
    return true;
}
