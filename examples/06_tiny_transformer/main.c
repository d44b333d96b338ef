/* 06: a tiny transformer. A GPT learns to write from any text, with nothing but the text: what comes next?
 *
 *     corpus.h    the text                recipe.h    how model and training are set up
 *     writer.h    the model               train.h     one step after another
 *     show.h      what is shown           options.h   the command line
 *
 *     build/examples/06_tiny_transformer                              on this project's own sources
 *     build/examples/06_tiny_transformer --text FILE --recipe best    on yours
 *     build/examples/06_tiny_transformer --prompt "static "           what it writes */
#include "corpus.h"
#include "kept.h"
#include "options.h"
#include "show.h"
#include "train.h"

#include "../common/progress.h"
#include "../common/training.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double VALIDATION = 0.1; /* of the text: its end */
enum { SAMPLES = 4, SAMPLE_TOKENS = 160 };

/* ---- what is learned from ---- */

/* The text, in memory only as long as it takes to cut it into tokens. */
typedef struct lesson {
    heed_vocabulary *vocabulary;
    heed_windows *windows;
} lesson;

static heed_vocabulary *make_vocabulary(const options *o, const char *text, size_t bytes, heed_error *error) {
    switch ((alphabet)o->alphabet) {
    case ALPHABET_BYTES: return heed_vocabulary_bytes(0, error);
    case ALPHABET_BPE: return heed_bpe_train(text, bytes, (heed_bpe_options){.merges = (int32_t)o->merges}, error);
    default: return heed_vocabulary_characters(text, bytes, 0, error);
    }
}

/* vocabulary: NULL to make one from the text. It is the caller's, also after an error. */
static heed_status lesson_init(lesson *l, const options *o, const recipe *by, heed_vocabulary *vocabulary,
                               heed_error *error) {
    size_t bytes;
    heed_tokens tokens = {.ids = NULL};
    *l = (lesson){.vocabulary = vocabulary};
    char *text = corpus_read(o->text, &bytes, error);
    if (text && l->vocabulary == NULL)
        l->vocabulary = make_vocabulary(o, text, bytes, error);
    if (l->vocabulary && text && heed_encode(l->vocabulary, text, bytes, &tokens, error) == HEED_OK)
        l->windows =
            heed_windows_new(tokens.ids, tokens.count,
                             (heed_windows_options){.length = by->gpt.context, .validation = VALIDATION}, error);
    heed_tokens_free(&tokens);
    free(text);
    return l->windows ? HEED_OK : error->status;
}

/* ---- training ---- */

typedef struct watch {
    const options *o;
    const writer *w;
    terminal term;
    progress line;
    int64_t steps;
    heed_error error;
} watch;

static heed_sampler sampler_of(const options *o) {
    return (heed_sampler){
        .temperature = o->temperature, .top_k = o->top_k, .top_p = o->top_p, .seed = (uint64_t)o->seed};
}

/* A sample after an eighth, a quarter, half and all of the training. */
static bool time_for_a_sample(int64_t step, int64_t steps) {
    for (int64_t part = 8; part >= 1; part /= 2)
        if (step == (steps + part - 1) / part)
            return true;
    return false;
}

static bool look(void *user, heed_tape *t, int64_t step, double loss) {
    watch *now = user;
    if (!now->o->quiet && time_for_a_sample(step, now->steps)) {
        progress_clear(&now->line, &now->term);
        say(&now->term, "  {b|step %lld}, loss %.3f. It writes:\n", (long long)step, loss);
        if (show_writing(&now->term, now->w, t, "\n", SAMPLE_TOKENS, sampler_of(now->o), true, &now->error))
            return false;
        putchar('\n');
    }
    if (!now->o->quiet && step < now->steps)
        progress_show(&now->line, &now->term, step, now->steps, loss);
    return !interrupted();
}

/* The closing line. */
static heed_status report(const options *o, const writer *w, heed_tape *t, const heed_windows *windows,
                          heed_error *error) {
    int64_t held_out;
    char text[GROUPED];
    heed_windows_tokens(windows, HEED_PART_VALIDATION, &held_out);
    double loss = writer_validate(w, t, windows);
    if (heed_tape_status(t))
        return heed_error_set(error, heed_tape_status(t), "%s", heed_error_text(t));
    printf("validation loss: %.4f (perplexity %.2f, %.3f bits a token), recipe %s, seed %lld, mean over %s tokens in "
           "windows of %lld\n",
           loss, exp(loss), loss / log(2), w->by->name, (long long)o->seed, grouped(held_out - 1, text),
           (long long)heed_windows_length(windows));
    return HEED_OK;
}

static heed_status show_learned(const options *o, const writer *w, const heed_windows *windows, heed_error *error) {
    terminal term = terminal_open(stdout);
    heed_tape *t = heed_tape_new();
    heed_tape_set_threads(t, (int)o->threads);
    heed_status status = HEED_OK;
    if (!o->quiet) {
        status = show_heads(&term, w, t, windows);
        if (status)
            heed_error_set(error, status, "%s", heed_error_text(t));
        else
            status = show_alike(&term, w, windows, error);
        putchar('\n');
    }
    if (!status)
        status = report(o, w, t, windows, error);
    heed_tape_free(t);
    return status;
}

static int64_t steps_of(const options *o, const writer *w) {
    return o->steps ? o->steps : w->by->steps;
}

static heed_status train_and_save(const options *o, writer *w, const heed_windows *windows, heed_recorder *recorder,
                                  heed_error *error) {
    watch now = {.o = o, .w = w, .term = terminal_open(stdout), .line = {.name = "training"}, .steps = steps_of(o, w)};
    train_plan plan = {.steps = now.steps,
                       .seed = o->seed,
                       .threads = o->threads,
                       .checkpoint = o->checkpoint,
                       .every = o->every,
                       .recorder = recorder};
    int64_t done;
    double started = training_clock();
    if (!o->quiet)
        show_start(&now.term, w, o->text ? o->text : "this project's own sources", windows, now.steps);
    interruption_watch(true);
    heed_status status = train(w, windows, &plan, look, &now, &done, error);
    progress_clear(&now.line, &now.term);
    if (!status && now.error.status) {
        *error = now.error;
        status = now.error.status;
    }
    if (!status)
        status = writer_save(w, o->save, done, o->seed, error);
    interruption_watch(false);
    if (!status && interrupted())
        printf("stopped after step %lld of %lld; the weights are in %s\n", (long long)done, (long long)now.steps,
               o->save);
    else if (!status && !o->quiet)
        printf("  trained in %.0f s; the weights are in %s\n\n", training_clock() - started, o->save);
    return status;
}

static heed_status train_and_show(const options *o, writer *w, const heed_windows *windows, heed_error *error) {
    kept_probe followed;
    heed_recorder *recorder = kept_begin(&o->kept, w, windows, steps_of(o, w), &followed);
    heed_status status = train_and_save(o, w, windows, recorder, error);
    if (!status && !interrupted())
        status = show_learned(o, w, windows, error);
    return recording_end(&o->kept, recorder, o->quiet, status, error);
}

static int learn(const options *o, const char *program) {
    recipe by = recipes[o->recipe];
    heed_error error = {0};
    lesson l;
    writer w = {.by = &by};
    by.gpt.recompute = o->recompute;
    if (!can_write("save", o->save) || !can_record(&o->kept))
        return MISUSED;
    if (lesson_init(&l, o, &by, NULL, &error)) {
        heed_vocabulary_free(l.vocabulary);
        complain("%s", error.text);
        return MISUSED;
    }
    heed_status status = writer_init(&w, &by, l.vocabulary, (uint64_t)o->seed, &error);
    if (!status)
        status = train_and_show(o, &w, l.windows, &error);
    if (!status && !interrupted() && !o->quiet)
        printf("\nlet it write: %s --load %s --prompt \"The \"\n", program, o->save);
    heed_windows_free(l.windows);
    writer_free(&w);
    return status ? failed(error.text) : DONE;
}

/* ---- a trained writer ---- */

static heed_status go_on(const options *o, const writer *w, heed_error *error) {
    terminal term = terminal_open(stdout);
    heed_tape *t = heed_tape_new();
    heed_tape_set_threads(t, (int)o->threads);
    heed_status status = show_writing(&term, w, t, o->prompt, o->tokens, sampler_of(o), false, error);
    heed_tape_free(t);
    return status;
}

static int use_file(const options *o) {
    writer w;
    lesson l = {.windows = NULL};
    heed_error error = {0};
    const char *path = o->load ? o->load : DEFAULT_FILE;
    heed_status status = writer_load(&w, path, &error);
    bool loaded = !status;
    if (loaded && o->prompt)
        status = go_on(o, &w, &error);
    else if (loaded && !(status = lesson_init(&l, o, w.by, w.vocabulary, &error)))
        status = show_learned(o, &w, l.windows, &error);
    heed_windows_free(l.windows);
    writer_free(&w);
    if (status)
        complain("%s", error.text);
    return !status ? DONE : loaded && !l.windows && !o->prompt ? MISUSED : loaded ? FAILED : MISUSED;
}

int main(int argc, char **argv) {
    options o;
    if (!tiny_options_read(&o, argc, argv) || !profiling_begin(&o.profile))
        return MISUSED;
    int result = DONE;
    if (o.help)
        tiny_options_print_help(argv[0]);
    else
        result = o.load || o.prompt ? use_file(&o) : learn(&o, argv[0]);
    return program_end(profiling_end(&o.profile, result));
}
