/* A transformer encoder-decoder learns to read dates as people write them, and shows how.
 *
 *     ../common/dates.h, task.h, batch.h: the lesson's material, and that as rows of tokens
 *     ../common/reader.h: the model               train.h    one step after another
 *     exam.h     how well it reads                map.h      where it looks
 *     board.h    what is shown meanwhile          report.h   and at the end
 *     ask.h      asking it                        options.h  the command line */
#include "../common/reader_kept.h"
#include "ask.h"
#include "board.h"
#include "options.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HEADS_DATES = 400 }; /* with which each head is tried: there are many heads */

/* ---- examining ---- */

static heed_status report_all(const options *o, const reader *r, heed_tape *t, const reader *start,
                              heed_recorder *recorder) {
    terminal term = terminal_open(stdout);
    heed_status status = report_held_out(&term, r, t, (int)o->dates, o->quiet);
    if (status || o->quiet)
        return status;
    printf("\n");
    status = report_heads(&term, r, t, o->dates < HEADS_DATES ? (int)o->dates : HEADS_DATES, recorder);
    if (status || start == NULL)
        return status;
    printf("\n");
    return report_moved(&term, r, start);
}

/* start: the model as it was before training; NULL where that is not known. recorder: or NULL. */
static int examine(const options *o, const reader *r, const reader *start, heed_recorder *recorder) {
    heed_tape *t = heed_tape_new();
    heed_tape_set_threads(t, (int)o->plan.threads);
    int result = report_all(o, r, t, start, recorder) ? failed(heed_error_text(t)) : DONE;
    heed_tape_free(t);
    return result;
}

/* ---- learning ---- */

static heed_status save(const options *o, const reader *r, const progress *end, heed_error *error) {
    char seed[24], steps[24];
    snprintf(seed, sizeof seed, "%lld", (long long)o->plan.seed);
    snprintf(steps, sizeof steps, "%lld", (long long)end->step);
    const char *const facts[][2] = {{"program", "heed 02_dates"}, {"seed", seed}, {"steps", steps}};
    return heed_model_save(r->model, o->save,
                           (heed_save_options){.metadata = facts, .n_metadata = sizeof facts / sizeof *facts}, error);
}

static void introduce(const options *o, const reader *r) {
    char size[GROUPED], steps[GROUPED];
    printf("A transformer learns to read dates: %s parameters, %s steps of %lld dates.\n"
           "They are written in %d ways, and one day in ten is held out of training altogether.\n\n",
           grouped(heed_model_trainable(r->model), size), grouped(o->plan.steps, steps), (long long)o->plan.batch,
           dates_formats());
    for (int i = 0; i < 5; i++) {
        dates_pair pair;
        dates_make((uint64_t)o->plan.seed, (uint64_t)i, DATES_TRAINING, &pair);
        terminal term = terminal_open(stdout);
        printf("  ");
        text_print(&term, pair.source, DATES_SOURCE_LENGTH);
        printf("  →  %s\n", pair.target);
    }
    printf("\n");
    fflush(stdout);
}

static bool after_each_step(void *user, const progress *now) {
    return board_show(user, now) == HEED_OK && !interrupted();
}

/* Trains, saves, and says where. */
static int train_and_save(const options *o, reader *r, board *b, heed_recorder *recorder) {
    heed_error error = {0};
    progress end;
    time_t started = time(NULL);
    plan how = o->plan;
    how.recorder = recorder;
    heed_status status = train(r, &how, after_each_step, b, &end, &error);
    board_end(b);
    if (!status)
        status = save(o, r, &end, &error);
    interruption_watch(false);
    if (status || board_error_text(b)[0])
        return failed(status ? error.text : board_error_text(b));
    if (interrupted())
        printf("stopped after step %lld of %lld; ", (long long)end.step, (long long)o->plan.steps);
    else if (!o->quiet)
        printf("\ntrained in %.0f s; ", difftime(time(NULL), started));
    if (interrupted() || !o->quiet)
        printf("the weights are in %s\n", o->save);
    if (!interrupted() && !o->quiet)
        printf("\n");
    fflush(stdout);
    return DONE;
}

/* Kept from the first step to what its heads turn out to be for. */
static int train_and_examine(const options *o, reader *r, const reader *start, board *b) {
    static reader_kept kept;
    heed_recorder *recorder = reader_kept_begin(&o->kept, r, "A transformer that reads dates", o->plan.steps, &kept);
    if (!o->quiet)
        heed_recorder_watch(recorder, board_show_frame, b);
    int result = train_and_save(o, r, b, recorder);
    if (result == DONE && !interrupted())
        result = examine(o, r, start, recorder);
    return recording_close(&o->kept, recorder, o->quiet, result);
}

static int learn(const options *o, const task *dates, const char *program) {
    if (!can_write("save", o->save) || !can_record(&o->kept))
        return MISUSED;
    reader *r = reader_new(dates, READER_HEADS, (uint64_t)o->plan.seed);
    reader *start = reader_new(dates, READER_HEADS, (uint64_t)o->plan.seed);
    board *b = r ? board_new(r, &o->plan, o->quiet) : NULL;
    int result = FAILED;
    if (!r || !start || !b) {
        complain("out of memory");
    } else {
        interruption_watch(true);
        if (!o->quiet)
            introduce(o, r);
        result = train_and_examine(o, r, start, b);
        if (result == DONE && !o->quiet)
            printf("\nask it: %s --load %s --ask \"3rd of May, 1979\"\n", program, o->save);
    }
    board_free(b);
    reader_free(start);
    reader_free(r);
    return result;
}

/* ---- a trained model ---- */

/* The model as it was before training: the file says from which seed. */
static reader *start_of(const task *dates, const char *path) {
    heed_safetensors *file = heed_safetensors_open(path, NULL);
    const char *seed = file ? heed_safetensors_metadata(file, "seed") : NULL;
    reader *start = seed ? reader_new(dates, READER_HEADS, strtoull(seed, NULL, 10)) : NULL;
    heed_safetensors_close(file);
    return start;
}

static int examine_file(const options *o, const reader *r, const char *path) {
    reader *start = start_of(r->task, path);
    int result = examine(o, r, start, NULL);
    reader_free(start);
    return result;
}

static int use_file(const options *o, const task *dates) {
    const char *path = o->load ? o->load : DEFAULT_FILE;
    reader *r = reader_new(dates, READER_HEADS, 0);
    heed_error error = {0};
    int result;
    if (r == NULL) {
        result = failed("");
    } else if (heed_model_load(r->model, path, (heed_load_options){.partial = false}, &error)) {
        complain("%s%s", error.text, o->load ? "" : " (--load names another file; without --ask, one is trained)");
        result = MISUSED;
    } else if (o->ask == NULL) {
        result = examine_file(o, r, path);
    } else if (strcmp(o->ask, "-") == 0) {
        result = ask_lines(r, o);
    } else {
        result = ask_one(r, o);
    }
    reader_free(r);
    return result;
}

/* ---- main ---- */

int main(int argc, char **argv) {
    options o;
    if (!dates_options_read(&o, argc, argv) || !profiling_begin(&o.profile))
        return MISUSED;
    o.kept.shown = !o.quiet;
    int result = DONE;
    task *dates = task_dates_new();
    if (o.help)
        dates_options_print_help(argv[0]);
    else if (dates == NULL)
        result = failed("");
    else
        result = o.load || o.ask ? use_file(&o, dates) : learn(&o, dates, argv[0]);
    task_free(dates);
    return program_end(profiling_end(&o.profile, result));
}
