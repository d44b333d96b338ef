/* The writer: a GPT with the vocabulary it reads and writes in. */
#ifndef TINY_WRITER_H
#define TINY_WRITER_H

#include "recipe.h"

typedef struct writer {
    const recipe *by;
    heed_vocabulary *vocabulary; /* the writer's own */
    heed_model *model;
    heed_gpt gpt;
} writer;

/* Takes the vocabulary, also where it fails; then the model, or the error, says why. */
heed_status writer_init(writer *w, const recipe *by, heed_vocabulary *vocabulary, uint64_t seed,
                        heed_error *error) HEED_MUST_CHECK;
void writer_free(writer *w);

/* Weights in `path`, the vocabulary beside them in `path`.vocabulary.json; the file also says the recipe, and how it was trained:
 * `steps` and `seed`. */
heed_status writer_save(const writer *w, const char *path, int64_t steps, int64_t seed,
                        heed_error *error) HEED_MUST_CHECK;
heed_status writer_load(writer *w, const char *path, heed_error *error) HEED_MUST_CHECK;

/* A token as one can see it: a space is ␣, a new line ⏎. Cut to `size`; "?" where it is no text. */
const char *writer_visible(const writer *w, int32_t token, char *text, size_t size);

/* x and y (B, T) -> the mean over all targets of -log p(target). */
heed_tensor writer_loss(const writer *w, heed_tape *t, const int32_t *x, const int32_t *y, int64_t B, int64_t T);

/* The mean over the whole validation part, in windows one after another; NaN on an error, which the tape has. The tape is reset,
 * and records nothing meanwhile. */
double writer_validate(const writer *w, heed_tape *t, const heed_windows *windows);

#endif
