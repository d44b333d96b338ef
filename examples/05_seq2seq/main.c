/* A recurrent encoder-decoder learns to translate, and shows where it looks: attention as it began.
 *
 *     ../common/task.h    what is learned: dates, phrases      translator.h    the model, with any score
 *     train.h             one step after another               exam.h          how well it translates
 *     show.h              where it looks                       compare.h       all scores in one table
 *     ask.h               asking it                            options.h       the command line */
#include "ask.h"
#include "compare.h"
#include "exam.h"
#include "kept.h"
#include "train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the report ---- */

static void print_mistakes(const mark *m) {
    int wrong = m->asked - m->exact;
    for (int i = 0; i < wrong && i < MARK_MISTAKES; i++)
        printf("  wrong: %s\n     as: %s\n  right: %s\n", m->mistakes[i].source, m->mistakes[i].answer,
               m->mistakes[i].right);
}

/* The result in one line. */
static void print_result(const task *what, const mark *m) {
    printf("held-out %s translated exactly: %d/%d", what->many, m->exact, m->asked);
    if (m->looked)
        printf(", attention within one place of the true alignment: %.1f %%", 100 * m->share);
    printf("\n");
}

static heed_status report(const options *o, const translator *tr, heed_tape *t) {
    view *v = calloc(1, sizeof *v);
    mark *m = calloc(1, sizeof *m);
    char why[TASK_WHY];
    terminal term = terminal_open(stdout);
    heed_status status = v && m ? HEED_OK : HEED_NO_MEMORY;
    if (!status && !o->quiet && tr->task->read(tr->task, tr->task->probe, &v->e, why)) {
        status = view_take(tr, t, (int)o->beam, v);
        if (!status)
            view_print(&term, tr->task, v);
        printf("\n");
    }
    if (!status)
        status = examine(tr, t, 0, (int)o->examples, (int)o->beam, m);
    if (!status && !o->quiet)
        print_mistakes(m);
    if (!status)
        print_result(tr->task, m);
    free(v);
    free(m);
    return status;
}

static int report_all(const options *o, const translator *tr) {
    heed_tape *t = heed_tape_new();
    heed_tape_set_threads(t, (int)o->threads);
    int result = report(o, tr, t) ? failed(heed_error_text(t)) : DONE;
    heed_tape_free(t);
    return result;
}

/* ---- files: they say what model they hold ---- */

enum { FACT = 24 };

static heed_status save(const options *o, const translator *tr, const outcome *end, heed_error *error) {
    char steps[FACT], seed[FACT], reach[FACT], hidden[FACT];
    const recipe *how = &tr->recipe;
    snprintf(steps, FACT, "%lld", (long long)end->steps);
    snprintf(seed, FACT, "%lld", (long long)o->seed);
    snprintf(reach, FACT, "%lld", (long long)how->reach);
    snprintf(hidden, FACT, "%lld", (long long)how->hidden);
    const char *const facts[][2] = {
        {"program", "heed 05_seq2seq"},
        {"task", tr->task->name},
        {"score", look_names[how->look]},
        {"cell", cell_names[how->cell]},
        {"local", window_names[how->window]},
        {"feed", how->feed ? "yes" : "no"},
        {"reach", reach},
        {"hidden", hidden},
        {"seed", seed},
        {"steps", steps},
    };
    heed_save_options said = {.n_metadata = sizeof facts / sizeof *facts, .metadata = facts};
    return heed_model_save(tr->model, o->save, said, error);
}

/* The place of a fact in a list of names; where it is in none, the file is another program's: -1. */
static int64_t named(const heed_safetensors *file, const char *fact, const char *const *names) {
    const char *said = heed_safetensors_metadata(file, fact);
    for (int64_t i = 0; said && names[i]; i++)
        if (strcmp(said, names[i]) == 0)
            return i;
    return -1;
}

static int64_t counted(const heed_safetensors *file, const char *fact) {
    const char *said = heed_safetensors_metadata(file, fact);
    return said ? strtoll(said, NULL, 10) : 0;
}

static bool recipe_of(const heed_safetensors *file, int64_t *task_index, recipe *how) {
    static const char *const tasks[] = {"dates", "phrases", NULL}, *const answers[] = {"no", "yes", NULL};
    *task_index = named(file, "task", tasks);
    *how = (recipe){.look = named(file, "score", look_names),
                    .cell = named(file, "cell", cell_names),
                    .window = named(file, "local", window_names),
                    .reach = counted(file, "reach"),
                    .hidden = counted(file, "hidden"),
                    .feed = named(file, "feed", answers) == 1};
    return *task_index >= 0 && how->look >= 0 && how->cell >= 0 && how->window >= 0 && how->hidden >= 2 &&
           how->hidden <= 4096;
}

static task *task_new(int64_t index) {
    return index == 0 ? task_dates_new() : task_phrases_new();
}

/* ---- learning ---- */

static void introduce(const options *o, const translator *tr) {
    char size[GROUPED], steps[GROUPED];
    const recipe *how = &tr->recipe;
    if (tr->reader)
        printf("The transformer of 02");
    else
        printf("An encoder-decoder of %s cells, score %s,", cell_names[how->cell], look_names[how->look]);
    printf(" learns %s: %s parameters, %s steps of %lld.\nOne %s in ten is held out of training altogether.\n\n",
           tr->task->name, grouped(heed_model_trainable(tr->model), size), grouped(o->steps, steps),
           (long long)o->batch, tr->task->one);
    for (uint64_t i = 0; i < 5; i++) {
        example e;
        char source[TASK_BYTES], target[TASK_BYTES];
        tr->task->make(tr->task, (uint64_t)o->seed, i, false, &e);
        tr->task->write(tr->task, false, e.source, e.S, source);
        tr->task->write(tr->task, true, e.target, e.T, target);
        printf("  %s  →  %s\n", source, target);
    }
    printf("\n");
    fflush(stdout);
}

static int train_and_save(const options *o, const translator *tr, heed_recorder *recorder) {
    heed_error error = {0};
    outcome end;
    board *b = calloc(1, sizeof *b);
    if (b == NULL)
        return failed("");
    interruption_watch(true);
    board_init(b, o->steps);
    if (!o->quiet)
        heed_recorder_watch(recorder, board_show_frame, b);
    heed_status status = train(tr, o, o->quiet ? NULL : b, recorder, &end, &error);
    board_end(b);
    free(b);
    if (!status)
        status = save(o, tr, &end, &error);
    interruption_watch(false);
    if (status)
        return failed(error.text);
    if (interrupted())
        printf("stopped after step %lld of %lld; ", (long long)end.steps, (long long)o->steps);
    else if (!o->quiet)
        printf("\ntrained in %.0f s; ", end.seconds);
    if (interrupted() || !o->quiet)
        printf("the weights are in %s\n%s", o->save, interrupted() ? "" : "\n");
    return DONE;
}

static int train_and_report(const options *o, const translator *tr) {
    static translator_kept kept;
    heed_recorder *recorder = translator_kept_begin(&o->kept, tr, o->steps, &kept);
    int result = train_and_save(o, tr, recorder);
    if (result == DONE && !interrupted())
        result = report_all(o, tr);
    return recording_close(&o->kept, recorder, o->quiet, result);
}

static int learn(const options *o, const task *what, const char *program) {
    if (!can_write("save", o->save) || !can_record(&o->kept))
        return MISUSED;
    translator *tr = translator_new(what, &o->recipe, (uint64_t)o->seed);
    if (tr == NULL)
        return FAILED;
    if (!o->quiet)
        introduce(o, tr);
    int result = train_and_report(o, tr);
    if (result == DONE && !interrupted() && !o->quiet)
        printf("\nask it: %s --load %s --ask \"%s\"\n", program, o->save, what->probe);
    translator_free(tr);
    return result;
}

/* ---- a trained model ---- */

static int use(const options *o, const translator *tr) {
    return o->ask == NULL ? report_all(o, tr) : strcmp(o->ask, "-") == 0 ? ask_lines(o, tr) : ask_one(o, tr);
}

static int use_recipe(const options *o, const char *path, int64_t task_index, const recipe *how) {
    task *what = task_new(task_index);
    translator *tr = what ? translator_new(what, how, 0) : NULL;
    heed_error error = {0};
    int result = FAILED;
    if (tr && heed_model_load(tr->model, path, (heed_load_options){.partial = false}, &error)) {
        complain("%s", error.text);
        result = MISUSED;
    } else if (tr) {
        result = use(o, tr);
    }
    translator_free(tr);
    task_free(what);
    return result;
}

static int use_file(const options *o) {
    const char *path = o->load ? o->load : DEFAULT_FILE;
    heed_error error = {0};
    int64_t task_index;
    recipe how;
    heed_safetensors *file = heed_safetensors_open(path, &error);
    bool known = file && recipe_of(file, &task_index, &how);
    heed_safetensors_close(file);
    if (known)
        return use_recipe(o, path, task_index, &how);
    if (error.text[0])
        complain("%s%s", error.text, o->load ? "" : " (--load names another file; without --ask, one is trained)");
    else
        complain("%s: it was not written by this program", path);
    return MISUSED;
}

/* ---- main ---- */

int main(int argc, char **argv) {
    options o;
    if (!seq2seq_options_read(&o, argc, argv) || !profiling_begin(&o.profile))
        return MISUSED;
    o.kept.shown = !o.quiet && o.recipe.look != LOOK_NONE; /* without attention there is no map */
    int result = DONE;
    task *what = task_new(o.task);
    if (o.help)
        seq2seq_options_print_help(argv[0]);
    else if (what == NULL)
        result = failed("");
    else if (o.load || o.ask)
        result = use_file(&o);
    else
        result = o.compare ? compare(&o, what) : learn(&o, what, argv[0]);
    task_free(what);
    return program_end(profiling_end(&o.profile, result));
}
