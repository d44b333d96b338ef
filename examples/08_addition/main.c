/* 08: addition. A GPT learns to add from examples alone, and shows where each digit of the sum comes from.
 *
 *     build/examples/08_addition                 two digits
 *     build/examples/08_addition --digits 3      three
 *
 *     addition.h    the task, the model's sizes, the marks      show.h    what is shown */
#include <stdlib.h>

#include "../common/answerer_kept.h"
#include "../common/progress.h"
#include "options.h"
#include "show.h"

enum { BATCH = 64, EXAMINED = 5000, SAMPLE = 256, LINES = 10, LOOKED_AT = 256, PLACES = 8 };

typedef struct addition_run {
    const options *o;
    terminal term;
    addition_task task;
    school_subject subject;
    answerer a;
    heed_tape *t; /* examines */
    patterns caught;
    progress line;
    answerer_kept kept;
    heed_recorder *recorder;
} addition_run;

static heed_status look(void *user, int64_t step, double loss, heed_error *error) {
    addition_run *run = user;
    progress_show(&run->line, &run->term, step, run->o->steps, loss);
    if (step * LINES / run->o->steps == (step - 1) * LINES / run->o->steps)
        return HEED_OK;
    school_count count = {.length = answerer_length(&run->a)};
    heed_status status = school_examine(&run->a, &run->subject, run->t, SAMPLE, school_count_exact, &count);
    progress_clear(&run->line, &run->term);
    if (status)
        return heed_error_set(error, status, "%s", heed_error_text(run->t));
    show_line(&run->term, step, loss, &count);
    recording_measure(run->recorder, step, run->o->steps, "held-out sums exact", (double)count.exact / count.asked);
    return HEED_OK;
}

static heed_status look_inside(addition_run *run) {
    enum { MAP = (ADDITION_DIGITS + 1) * 3 * ADDITION_DIGITS };
    int32_t rows[LOOKED_AT * ADDITION_LENGTH];
    double maps[PLACES * MAP];
    for (int i = 0; i < LOOKED_AT; i++)
        addition_examination(&run->task, heed_rng_hash("looked at"), (uint64_t)i, rows + i * answerer_length(&run->a));
    heed_status status = answerer_look(&run->a, run->t, &run->caught, rows, LOOKED_AT, maps);
    if (!status)
        show_maps(&run->term, &run->task, &run->a.options, maps, LOOKED_AT);
    return status;
}

static heed_status teach(addition_run *run, heed_error *error) {
    const options *o = run->o;
    training_plan plan = {.steps = o->steps,
                          .lr = 1.5e-3,
                          .warmup = 100,
                          .beta2 = 0.98,
                          .weight_decay = 0.01,
                          .clip_norm = 1,
                          .seed = o->seed,
                          .threads = o->threads,
                          .recorder = run->recorder};
    heed_status status = school_train(&run->a, &run->subject, &plan, BATCH, o->quiet ? NULL : look, run, error);
    if (status)
        return status;
    addition_marks marks = {.task = &run->task};
    status = school_examine(&run->a, &run->subject, run->t, EXAMINED, addition_mark, &marks);
    if (!status && !o->quiet) {
        show_marks(&run->term, &marks);
        status = look_inside(run);
    }
    if (status)
        return heed_error_set(error, status, "%s", heed_error_text(run->t));
    show_result(&run->term, &marks);
    return HEED_OK;
}

/* A held-out sum is followed. */
static heed_status learn(addition_run *run, heed_error *error) {
    const options *o = run->o;
    run->kept.a = &run->a;
    addition_examination(&run->task, heed_rng_hash("recorded"), 0, run->kept.row);
    run->recorder = answerer_kept_begin(&o->kept, "A GPT that adds", "sum", o->steps, &run->kept);
    if (!o->quiet)
        show_task(&run->term, &run->task, &run->a);
    heed_status status = teach(run, error);
    return recording_end(&o->kept, run->recorder, o->quiet, status, error);
}

static heed_status run_addition(const options *o, heed_error *error) {
    addition_run run = {.o = o, .term = terminal_open(stdout), .task = {(int)o->digits}, .line = {.name = "adding"}};
    run.subject = (school_subject){addition_lesson, addition_examination, &run.task};
    run.t = heed_tape_new();
    heed_tape_set_threads(run.t, (int)o->threads);
    heed_status status = answerer_init(&run.a, addition_model(&run.task), (uint64_t)o->seed);
    if (status)
        heed_error_set(error, status, "%s", heed_model_error_text(run.a.model));
    else if ((status = patterns_watch(&run.caught, run.t)))
        heed_error_set(error, status, "%s", heed_error_text(run.t));
    else
        status = learn(&run, error);
    heed_tape_free(run.t);
    answerer_free(&run.a);
    return status;
}

int main(int argc, char **argv) {
    options o;
    if (!addition_options_read(&o, argc, argv) || (!o.help && !can_record(&o.kept)) ||
        !profiling_begin(&o.profile))
        return MISUSED;
    heed_error error = {0};
    int result = DONE;
    if (o.help)
        options_print_help(&options_table, argv[0]);
    else if (run_addition(&o, &error))
        result = failed(error.text);
    return program_end(profiling_end(&o.profile, result));
}
