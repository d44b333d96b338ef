/* 01: the glass box. How does one get W^Q, W^K and W^V? One attention head learns them from noise, in plain sight.
 *
 *     build/examples/01_glass_box                   the lesson
 *     build/examples/01_glass_box --task planted    which matrices are determined at all */
#include <stdlib.h>

#include "kept.h"
#include "options.h"
#include "show.h"

/* The question that is followed through the run: what stands with c? */
static const glass_question probe = {
    .key = {'k' - 'a', 'a' - 'a', 'c' - 'a', 'p' - 'a', 'f' - 'a', 'm' - 'a'},
    .value = {0x7, 0x2, 0x4, 0xE, 0x0, 0x9},
    .asked = 2,
};

/* ---- the pairs ---- */

enum { EXAMINED = 2000 }; /* at the end */

typedef struct pairs_run {
    const options *o;
    terminal term;
    glass g;
    glass_training training;
    record film;
    glass_curvature curvature;
    backward_lesson lesson;
    kept_probe kept;
    heed_error error;
} pairs_run;

static heed_status train_until(pairs_run *run, int step) {
    heed_status status = record_train(&run->film, &run->training, step);
    if (!status)
        return HEED_OK;
    const char *why = glass_training_error(&run->training);
    return heed_error_set(&run->error, status, "%s",
                          *why ? why : heed_curvature_error_text(run->curvature.curvature));
}

static heed_status show_before(pairs_run *run) {
    inside x;
    heed_status status = inside_by_engine(&run->g, &probe, &x, &run->error);
    if (!status) {
        say_heading(&run->term, "BEFORE TRAINING", "the six steps of attention, with matrices of noise");
        show_six_steps(&run->term, &probe, &x, true);
    }
    return status;
}

static heed_status show_after(pairs_run *run) {
    inside x;
    glass_weights w;
    glass_circuits circuits;
    heed_status status = inside_by_engine(&run->g, &probe, &x, &run->error);
    if (!status) {
        glass_weights_of(&run->g, &w);
        glass_circuits_of(&w, &circuits);
        say_heading(&run->term, "AFTER TRAINING", "the same question");
        show_six_steps(&run->term, &probe, &x, false);
        show_enough(&run->term, &probe, &x, &circuits);
    }
    return status;
}

/* Where the values are known and attention is uniform still, a gradient tells most about W^Q and W^K. */
static int lesson_step(int steps) {
    return steps * 3 / 10;
}

static heed_status give_lesson(pairs_run *run) {
    backward_lesson *lesson = &run->lesson;
    glass_weights w;
    glass_weights_of(&run->g, &w);
    *lesson = (backward_lesson){.steps_done = run->training.steps, .question = probe, .marks = record_examine(&run->g)};
    inside_by_hand(&w, &probe, &lesson->hand);
    heed_status status = inside_by_engine(&run->g, &probe, &lesson->engine, &run->error);
    if (!status)
        status = inside_loss_after_step(&run->g, &probe, 1, &lesson->loss_after, &run->error);
    if (!status)
        show_backward(&run->term, lesson);
    return status;
}

static heed_status teach(pairs_run *run) {
    show_task(&run->term, &probe);
    heed_status status = show_before(run);
    if (!status)
        status = train_until(run, lesson_step((int)run->o->steps));
    if (!status)
        status = give_lesson(run);
    if (!status)
        status = train_until(run, (int)run->o->steps);
    if (!status) {
        show_film(&run->term, &run->film);
        show_norms(&run->term, &run->film);
        if (run->o->curvature)
            show_curvature(&run->term, &run->film);
        status = show_after(run);
    }
    return status;
}

static heed_status train(pairs_run *run) {
    const options *o = run->o;
    heed_status status = glass_training_init(&run->training, &run->g, (uint64_t)o->seed, (int)o->threads);
    if (status)
        return heed_error_set(&run->error, status, "%s", glass_training_error(&run->training));
    profiling_watch(run->training.t, run->training.sgd);
    if (o->curvature) {
        glass_curvature_init(&run->curvature, &run->g);
        run->film.curvature = &run->curvature;
    }
    run->kept = (kept_probe){&run->g, &probe};
    heed_recorder *r = run->training.recorder = kept_begin(&o->kept, o->steps, &run->kept);
    if ((status = heed_recorder_status(r)))
        return heed_error_set(&run->error, status, "%s", heed_recorder_error_text(r));
    return o->quiet ? train_until(run, (int)o->steps) : teach(run);
}

static heed_status learn(pairs_run *run) {
    const options *o = run->o;
    heed_status status = glass_init(&run->g, HEED_F32, (uint64_t)o->seed);
    status = status ? heed_error_set(&run->error, status, "%s", heed_model_error_text(run->g.model)) : train(run);
    if (!status)
        show_answer(&run->term, &run->film, glass_examine(&run->g, heed_rng_hash("examination"), EXAMINED));
    return recording_end(&o->kept, run->training.recorder, o->quiet, status, &run->error);
}

static heed_status run_pairs(const options *o, terminal term, heed_error *error) {
    pairs_run *run = calloc(1, sizeof *run);
    if (!run)
        return heed_error_set(error, HEED_NO_MEMORY, "out of memory");
    run->o = o;
    run->term = term;
    run->film.steps = (int)o->steps;
    heed_status status = learn(run);
    *error = run->error;
    if (run->training.t)
        glass_training_free(&run->training);
    glass_curvature_free(&run->curvature);
    glass_free(&run->g);
    free(run);
    return status;
}

/* ---- the planted teacher ---- */

static heed_status run_planted(const options *o, terminal term, heed_error *error) {
    planted_lesson lesson;
    heed_status status = planted_teach(&lesson, (uint64_t)o->seed, (int)o->steps, (int)o->threads, error);
    if (!status && !o->quiet)
        show_planted(&term, &lesson);
    if (!status)
        show_planted_answer(&term, &lesson);
    return status;
}

int main(int argc, char **argv) {
    options o;
    if (!glass_options_read(&o, argc, argv) || (!o.help && !can_record(&o.kept)) ||
        !profiling_begin(&o.profile))
        return MISUSED;
    heed_error error = {0};
    int result = DONE;
    if (o.help)
        options_print_help(&options_table, argv[0]);
    else if ((o.task == TASK_PLANTED ? run_planted : run_pairs)(&o, terminal_open(stdout), &error))
        result = failed(error.text);
    return program_end(profiling_end(&o.profile, result));
}
