#include "writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

heed_status writer_init(writer *w, const recipe *by, heed_vocabulary *vocabulary, uint64_t seed, heed_error *error) {
    *w = (writer){.by = by, .vocabulary = vocabulary, .model = heed_model_new()};
    heed_gpt_options options = by->gpt;
    options.vocabulary = heed_vocabulary_count(vocabulary);
    heed_gpt_init(&w->gpt, heed_model_root(w->model), "gpt", options);
    heed_status status = heed_model_build(w->model, HEED_F32, seed);
    return status ? heed_error_set(error, status, "%s", heed_model_error_text(w->model)) : HEED_OK;
}

void writer_free(writer *w) {
    heed_model_free(w->model);
    heed_vocabulary_free(w->vocabulary);
}

/* ---- files ---- */

/* The vocabulary's file; for free(). */
static char *beside(const char *path) {
    static const char ending[] = ".vocabulary.json";
    size_t size = strlen(path) + sizeof ending;
    char *name = malloc(size);
    if (name)
        snprintf(name, size, "%s%s", path, ending);
    return name;
}

heed_status writer_save(const writer *w, const char *path, int64_t steps, int64_t seed, heed_error *error) {
    char steps_text[24], seed_text[24], *name = beside(path);
    snprintf(steps_text, sizeof steps_text, "%lld", (long long)steps);
    snprintf(seed_text, sizeof seed_text, "%lld", (long long)seed);
    const char *const facts[][2] = {
        {"program", "heed 06_tiny_transformer"}, {"recipe", w->by->name}, {"steps", steps_text}, {"seed", seed_text}};
    heed_status status = name ? heed_vocabulary_save(w->vocabulary, name, error)
                              : heed_error_set(error, HEED_NO_MEMORY, "out of memory");
    free(name);
    return status ? status
                  : heed_model_save(w->model, path,
                                    (heed_save_options){.metadata = facts, .n_metadata = sizeof facts / sizeof *facts},
                                    error);
}

static const recipe *recipe_of(const char *path, heed_error *error) {
    heed_safetensors *file = heed_safetensors_open(path, error);
    const char *name = file ? heed_safetensors_metadata(file, "recipe") : NULL;
    const recipe *by = NULL;
    for (int i = 0; i < RECIPES && name; i++)
        if (strcmp(name, recipes[i].name) == 0)
            by = &recipes[i];
    if (file && by == NULL)
        heed_error_set(error, HEED_IO, "%s: it does not say which recipe it was trained by: it is of another program",
                       path);
    heed_safetensors_close(file);
    return by;
}

heed_status writer_load(writer *w, const char *path, heed_error *error) {
    *w = (writer){.by = recipe_of(path, error)};
    if (w->by == NULL)
        return error->status;
    char *name = beside(path);
    heed_vocabulary *vocabulary = name ? heed_vocabulary_load(name, error) : NULL;
    heed_status status = HEED_OK;
    if (vocabulary == NULL)
        status = name ? error->status : heed_error_set(error, HEED_NO_MEMORY, "out of memory");
    free(name);
    if (!status)
        status = writer_init(w, w->by, vocabulary, 0, error);
    return status ? status : heed_model_load(w->model, path, (heed_load_options){.partial = false}, error);
}

/* ---- tokens ---- */

const char *writer_visible(const writer *w, int32_t token, char *text, size_t size) {
    size_t n, used = 0;
    const char *bytes = heed_vocabulary_token(w->vocabulary, token, &n);
    text[0] = '\0';
    for (size_t i = 0; i < n && used + 4 < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        const char *name = byte == ' ' ? "␣" : byte == '\n' ? "⏎" : byte == '\t' ? "⇥" : byte < ' ' ? "?" : NULL;
        used += (size_t)(name ? snprintf(text + used, size - used, "%s", name)
                              : snprintf(text + used, size - used, "%c", byte));
    }
    return heed_utf8_valid(text, used) == used ? text : "?";
}

/* ---- reading ---- */

heed_tensor writer_loss(const writer *w, heed_tape *t, const int32_t *x, const int32_t *y, int64_t B, int64_t T) {
    heed_tensor logits = heed_gpt_forward(&w->gpt, t, heed_input(t, HEED_I32, HEED_SHAPE(B, T), x));
    heed_tensor targets = heed_input(t, HEED_I32, HEED_SHAPE(B, T), y);
    return heed_cross_entropy_with(
        t, logits, targets, (heed_cross_entropy_options){.has_ignore_index = true, .ignore_index = HEED_IGNORED});
}

enum { EXAMINED_AT_ONCE = 32 };

double writer_validate(const writer *w, heed_tape *t, const heed_windows *windows) {
    int64_t T = heed_windows_length(windows), count = 0, now;
    int32_t *x = malloc((size_t)(2 * EXAMINED_AT_ONCE * T) * sizeof *x), *y = x + EXAMINED_AT_ONCE * T;
    if (x == NULL)
        return NAN;
    bool recorded = heed_tape_set_recording(t, false), trained = heed_tape_set_training(t, false);
    double sum = 0;
    for (int64_t first = 0; (now = heed_windows_read(windows, HEED_PART_VALIDATION, first, EXAMINED_AT_ONCE, x, y)) > 0;
         first += EXAMINED_AT_ONCE) {
        heed_tape_reset(t);
        sum += heed_item(t, writer_loss(w, t, x, y, EXAMINED_AT_ONCE, T)) * (double)now;
        count += now;
    }
    heed_tape_set_recording(t, recorded);
    heed_tape_set_training(t, trained);
    free(x);
    return sum / (double)count;
}
