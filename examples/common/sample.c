#include "sample.h"

#include "program.h"

static const option_row rows[] = {
    {"threads", "N", "threads, 0 for one a core (0); the result has the same bits", OPTION_WHOLE,
     offsetof(sample_options, threads), 0, 256, NULL},
    RECORDING_ROWS(sample_options),
    PROFILING_ROWS(sample_options),
    {"quiet", NULL, "print the result alone", OPTION_FLAG, offsetof(sample_options, quiet), 0, 0, NULL},
    {"help", NULL, "print this", OPTION_HELP, offsetof(sample_options, help), 0, 0, NULL},
};

int sample_main(const char *about, int (*run)(const sample_options *options), int argc, char **argv) {
    const option_table table = {about, rows, sizeof rows / sizeof *rows, NULL};
    sample_options o = {.help = false};
    if (!options_read(&table, &o, NULL, argc, argv) || (!o.help && !can_record(&o.kept)) ||
        !profiling_begin(&o.profile))
        return MISUSED;
    int result = DONE;
    if (o.help)
        options_print_help(&table, argv[0]);
    else
        result = run(&o);
    return program_end(profiling_end(&o.profile, result));
}
