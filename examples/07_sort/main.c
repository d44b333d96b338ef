/* 07: order. A GPT learns to sort; and one head, in plain sight, learns which number is the next larger.
 *
 *     build/examples/07_sort                  six digits out of three, as in minGPT
 *     build/examples/07_sort --task next      what W^Q W^Kᵀ becomes when a head has to find the successor
 *
 *     sort.h    the first task    next.h    the second, its head and its film    show.h    what is shown */
#include <stdlib.h>

#include "../common/answerer_kept.h"
#include "../common/progress.h"
#include "next_kept.h"
#include "options.h"
#include "show.h"

/* ---- sorting ---- */

enum { BATCH = 64, EXAMINED = 5000, SAMPLE = 256, LINES = 10, LOOKED_AT = 100 };

typedef struct sort_run {
    const options *o;
    terminal term;
    sort_task task;
    school_subject subject;
    answerer a;
    heed_tape *t; /* examines */
    patterns caught;
    progress line;
    answerer_kept kept;
    heed_recorder *recorder;
} sort_run;

static heed_status examine(sort_run *run, int questions, school_count *count) {
    *count = (school_count){.length = answerer_length(&run->a)};
    return school_examine(&run->a, &run->subject, run->t, questions, school_count_exact, count);
}

static heed_status look(void *user, int64_t step, double loss, heed_error *error) {
    sort_run *run = user;
    progress_show(&run->line, &run->term, step, run->o->steps, loss);
    if (step * LINES / run->o->steps == (step - 1) * LINES / run->o->steps)
        return HEED_OK;
    school_count count;
    heed_status status = examine(run, SAMPLE, &count);
    progress_clear(&run->line, &run->term);
    if (status)
        return heed_error_set(error, status, "%s", heed_error_text(run->t));
    show_sort_line(&run->term, step, loss, &count);
    recording_measure(run->recorder, step, run->o->steps, "held-out inputs sorted", (double)count.exact / count.asked);
    return HEED_OK;
}

/* The maps of one held-out input, and the heads' means of sort_on_own_value over many. */
static heed_status look_inside(sort_run *run) {
    enum { PLACES = 9, MAP = SORT_LENGTH * (2 * SORT_LENGTH - 1) };
    int32_t row[2 * SORT_LENGTH], shown[2 * SORT_LENGTH] = {0};
    double maps[PLACES * MAP], own[PLACES] = {0}, chance = 0;
    int length = run->task.length, size = length * (2 * length - 1);
    heed_status status = HEED_OK;
    for (int i = LOOKED_AT - 1; i >= 0 && !status; i--) { /* the first one last: its maps stay */
        sort_examination(&run->task, heed_rng_hash("looked at"), (uint64_t)i, row);
        status = answerer_answer(&run->a, run->t, row, 1);
        if (!status)
            status = answerer_look(&run->a, run->t, &run->caught, row, 1, maps);
        for (int w = 0; w < length; w++) {
            for (int place = 0; place < PLACES; place++)
                own[place] += sort_on_own_value(&run->task, row, maps + place * size, w) / (length * LOOKED_AT);
            for (int j = 0; j < length; j++)
                chance += (row[j] == row[length + w]) / (double)(length * length * LOOKED_AT);
        }
        for (int j = 0; j < 2 * length; j++)
            shown[j] = row[j];
    }
    if (!status)
        show_sort_heads(&run->term, &run->task, &run->a.options, &(show_sort_maps){shown, maps, own, chance});
    return status;
}

static heed_status teach(sort_run *run, heed_error *error) {
    const options *o = run->o;
    training_plan plan = {.steps = o->steps,
                          .lr = 2e-3,
                          .warmup = 50,
                          .beta2 = 0.98,
                          .weight_decay = 0.1,
                          .clip_norm = 1,
                          .seed = o->seed,
                          .threads = o->threads,
                          .recorder = run->recorder};
    school_count count;
    heed_status status = school_train(&run->a, &run->subject, &plan, BATCH, o->quiet ? NULL : look, run, error);
    if (status)
        return status;
    if (!o->quiet)
        status = look_inside(run);
    if (!status)
        status = examine(run, EXAMINED, &count);
    if (status)
        return heed_error_set(error, status, "%s", heed_error_text(run->t));
    show_sort_result(&run->term, &run->task, &count);
    return HEED_OK;
}

/* A held-out input is followed. */
static void begin_recording(sort_run *run) {
    run->kept.a = &run->a;
    sort_examination(&run->task, heed_rng_hash("recorded"), 0, run->kept.row);
    run->recorder = answerer_kept_begin(&run->o->kept, "A GPT that sorts digits", "digits", run->o->steps, &run->kept);
}

static heed_status learn(sort_run *run, heed_error *error) {
    begin_recording(run);
    if (!run->o->quiet)
        show_sort_task(&run->term, &run->task, &run->a);
    heed_status status = teach(run, error);
    return recording_end(&run->o->kept, run->recorder, run->o->quiet, status, error);
}

static heed_status run_sort(const options *o, heed_error *error) {
    sort_run run = {
        .o = o, .term = terminal_open(stdout), .task = {(int)o->values, (int)o->length}, .line = {.name = "sorting"}};
    run.subject = (school_subject){sort_lesson, sort_examination, &run.task};
    run.t = heed_tape_new();
    heed_tape_set_threads(run.t, (int)o->threads);
    heed_status status = answerer_init(&run.a, sort_model(&run.task), (uint64_t)o->seed);
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

/* ---- the next larger ---- */

static heed_status teach_next(const options *o, next_head *h, next_film *film, heed_recorder *recorder,
                              const next_question *followed, heed_error *error) {
    terminal term = terminal_open(stdout);
    const next_plan plan = {o->steps, o->seed, o->threads, recorder};
    heed_status status = next_train(film, h, &plan, error);
    if (!status && !o->quiet) {
        show_next_task(&term, followed);
        show_next_film(&term, film);
        show_next_answer(&term, film, followed);
    }
    if (!status)
        show_next_result(&term, film, next_examine(h, EXAMINED), EXAMINED);
    return status;
}

static heed_status run_next(const options *o, heed_error *error) {
    next_question followed = next_draw(heed_rng_hash("to be shown"), 3);
    next_film *film = malloc(sizeof *film);
    if (film == NULL)
        return heed_error_set(error, HEED_NO_MEMORY, "out of memory");
    next_head h;
    next_kept kept = {&h, &followed};
    heed_status status = next_init(&h, (uint64_t)o->seed);
    if (status) {
        heed_error_set(error, status, "%s", heed_model_error_text(h.model));
    } else {
        heed_recorder *recorder = next_kept_begin(&o->kept, o->steps, &kept);
        status = teach_next(o, &h, film, recorder, &followed, error);
        status = recording_end(&o->kept, recorder, o->quiet, status, error);
    }
    next_free(&h);
    free(film);
    return status;
}

int main(int argc, char **argv) {
    options o;
    if (!sort_options_read(&o, argc, argv) || (!o.help && !can_record(&o.kept)) ||
        !profiling_begin(&o.profile))
        return MISUSED;
    heed_error error = {0};
    int result = DONE;
    if (o.help)
        options_print_help(&options_table, argv[0]);
    else if ((o.task == TASK_NEXT ? run_next : run_sort)(&o, &error))
        result = failed(error.text);
    return program_end(profiling_end(&o.profile, result));
}
