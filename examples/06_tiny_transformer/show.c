#include "show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void show_start(const terminal *term, const writer *w, const char *text, const heed_windows *windows, int64_t steps) {
    char parameters[GROUPED], training[GROUPED], validation[GROUPED], steps_text[GROUPED];
    int64_t learns, held_out;
    heed_windows_tokens(windows, HEED_PART_TRAINING, &learns);
    heed_windows_tokens(windows, HEED_PART_VALIDATION, &held_out);
    say_text(
        term,
        "A GPT with {b|%s} parameters reads %s: it learns from %s tokens, and %s more that it never sees in training "
        "are for "
        "validation. There are %d different tokens (%s). Recipe {b|%s}: %s; %s steps of %lld windows of %lld tokens.",
        grouped(heed_model_trainable(w->model), parameters), text, grouped(learns, training),
        grouped(held_out, validation), (int)heed_vocabulary_count(w->vocabulary), heed_vocabulary_kind(w->vocabulary),
        w->by->name, w->by->what, grouped(steps, steps_text), (long long)w->by->batch,
        (long long)heed_windows_length(windows));
}

/* ---- writing ---- */

typedef struct pen {
    const terminal *term;
    const writer *w;
    bool indented;
} pen;

/* Lines of an indented sample begin with a bar. */
static void put_bytes(const pen *p, const char *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        putc(bytes[i], p->term->out);
        if (bytes[i] == '\n' && p->indented)
            ink_print(p->term, INK_DIM, "  │ ");
    }
}

static bool put_token(void *user, int32_t token) {
    const pen *p = user;
    size_t n;
    const char *bytes = heed_vocabulary_token(p->w->vocabulary, token, &n);
    if (bytes && !heed_vocabulary_is_special(p->w->vocabulary, token))
        put_bytes(p, bytes, n);
    fflush(p->term->out);
    return true;
}

enum { SLIDE = 16 };

heed_status show_writing(const terminal *term, const writer *w, heed_tape *t, const char *prompt, int64_t count,
                         heed_sampler sampler, bool indented, heed_error *error) {
    pen p = {term, w, indented};
    heed_tokens said = {.ids = NULL};
    int32_t *tokens = malloc((size_t)count * sizeof *tokens);
    heed_status status = tokens ? heed_encode(w->vocabulary, prompt, strlen(prompt), &said, error)
                                : heed_error_set(error, HEED_NO_MEMORY, "out of memory");
    if (!status) {
        if (indented)
            ink_print(term, INK_DIM, "  │ ");
        put_bytes(&p, prompt, strlen(prompt));
        heed_gpt_generation how = {.n = count, .sampler = sampler, .slide = SLIDE, .listener = put_token, .user = &p};
        if (heed_gpt_generate(&w->gpt, t, said.ids, said.count, how, tokens) < 0)
            status = heed_error_set(error, heed_tape_status(t), "%s", heed_error_text(t));
        putc('\n', term->out);
    }
    heed_tokens_free(&said);
    free(tokens);
    return status;
}

/* ---- which tokens are alike ---- */

enum { SHOWN = 8, NEAREST = 5 };

/* The SHOWN most frequent tokens of the training part that are letters, or any where bytes are none. */
static void most_frequent(const int64_t *count, int32_t V, int32_t best[SHOWN]) {
    for (int i = 0; i < SHOWN; i++) {
        best[i] = -1;
        for (int32_t token = 0; token < V; token++) {
            bool taken = false;
            for (int j = 0; j < i; j++)
                taken = taken || best[j] == token;
            if (!taken && (best[i] < 0 || count[token] > count[best[i]]))
                best[i] = token;
        }
    }
}

typedef struct likeness {
    const writer *w;
    const float *vectors;  /* (V, d) */
    const int64_t *count;  /* (V): rare ones have learned nothing yet */
    int32_t V;
    int64_t d;
} likeness;

static double cosine(const likeness *l, int32_t a, int32_t b) {
    const float *x = l->vectors + a * l->d, *y = l->vectors + b * l->d;
    double xy = 0, xx = 0, yy = 0;
    for (int64_t i = 0; i < l->d; i++) {
        xy += (double)x[i] * (double)y[i];
        xx += (double)x[i] * (double)x[i];
        yy += (double)y[i] * (double)y[i];
    }
    return xx > 0 && yy > 0 ? xy * xy * (xy > 0 ? 1 : -1) / (xx * yy)
                            : 0; /* its square, with its sign: the same order */
}

static void show_nearest(const terminal *term, const likeness *l, int32_t token) {
    char text[32];
    int32_t found[NEAREST];
    fputs("    ", term->out);
    text_print(term, writer_visible(l->w, token, text, sizeof text), 6);
    for (int n = 0; n < NEAREST; n++) {
        found[n] = -1;
        for (int32_t other = 0; other < l->V; other++) {
            bool taken = other == token || l->count[other] < 100;
            for (int j = 0; j < n; j++)
                taken = taken || found[j] == other;
            if (!taken && (found[n] < 0 || cosine(l, token, other) > cosine(l, token, found[n])))
                found[n] = other;
        }
        if (found[n] >= 0)
            text_print(term, writer_visible(l->w, found[n], text, sizeof text), 6);
    }
    putc('\n', term->out);
}

heed_status show_alike(const terminal *term, const writer *w, const heed_windows *windows, heed_error *error) {
    likeness l = {.w = w, .vectors = heed_param_data(w->gpt.token.weight), .V = heed_vocabulary_count(w->vocabulary),
                  .d = w->by->gpt.d_model};
    int64_t tokens, *count = calloc((size_t)l.V, sizeof *count);
    const int32_t *training = heed_windows_tokens(windows, HEED_PART_TRAINING, &tokens);
    int32_t best[SHOWN];
    if (count == NULL)
        return heed_error_set(error, HEED_NO_MEMORY, "out of memory");
    for (int64_t i = 0; i < tokens; i++)
        count[training[i]]++;
    l.count = count;
    most_frequent(count, l.V, best);
    say(term, "\n  Which tokens it finds alike (frequent ones, and those whose vectors point the same way):\n\n");
    for (int i = 0; i < SHOWN && best[i] >= 0; i++)
        show_nearest(term, &l, best[i]);
    free(count);
    return HEED_OK;
}
