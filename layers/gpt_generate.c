#include <heed/layers/gpt.h>
#include <heed/layers/stack_cache.h>
#include <heed/ops.h>

#include <stdlib.h>
#include <string.h>

/* One text under way. */
typedef struct writer {
    const heed_gpt *gpt;
    heed_tape *t;
    const heed_gpt_generation *options;
    int32_t *text;          /* the prompt, and what was written since */
    int64_t length;
    int64_t first;          /* where in the text the context begins, of which the cache holds the beginning */
    heed_stack_cache cache;
    float *logits;          /* (V) */
    double *p;              /* (V) */
} writer;

static bool fail(const writer *w, heed_status status, const char *text) {
    heed_enter(w->t, &w->gpt->module);
    heed_fail_tape(w->t, status, "%s", text);
    heed_leave(w->t);
    return false;
}

static bool prepare(writer *w, const int32_t *prompt, int64_t n_prompt) {
    const int64_t n = w->options->n, V = w->gpt->vocabulary;
    int64_t all;
    size_t bytes;
    if (n_prompt < 1 || n < 0 || w->options->slide < 0)
        return fail(w, HEED_INVALID,
                    n_prompt < 1 ? "a prompt needs one token at least" : "n and slide must be 0 or more");
    if (__builtin_add_overflow(n_prompt, n, &all) || __builtin_mul_overflow((size_t)all, sizeof *w->text, &bytes))
        return fail(w, HEED_INVALID, "so many tokens do not fit into memory");
    w->text = malloc(bytes);
    w->logits = malloc((size_t)V * sizeof *w->logits);
    w->p = malloc((size_t)V * sizeof *w->p);
    heed_status status = w->text && w->logits && w->p ? HEED_OK : HEED_NO_MEMORY;
    if (!status)
        status = heed_encoder_cache_init(&w->cache, &w->gpt->blocks, 1, w->gpt->context);
    if (status)
        return fail(w, status,
                    status == HEED_NO_MEMORY ? "out of memory for the keys and values" : "the model is not built");
    memcpy(w->text, prompt, (size_t)n_prompt * sizeof *prompt);
    w->length = n_prompt;
    return true;
}

static void let_go(writer *w) {
    heed_stack_cache_free(&w->cache);
    free(w->text);
    free(w->logits);
    free(w->p);
}

/* Moves the context on where there are more tokens than it holds: of those, `slide` - 1 more than have to go. */
static bool make_room(writer *w) {
    const int64_t context = w->gpt->context, slide = w->options->slide < context ? w->options->slide : context;
    if (w->length - w->first <= context)
        return true;
    w->first = w->length - context + (slide > 1 ? slide - 1 : 0);
    return heed_stack_cache_keep(&w->cache, 0) == HEED_OK;
}

/* What the model gives for the token after the text, as floats. */
static bool read_logits(writer *w) {
    heed_tape *t = w->t;
    heed_tape_reset(t);
    if (!make_room(w))
        return fail(w, HEED_STATE, "the cache cannot be emptied");
    const int64_t held = w->first + heed_stack_cache_length(&w->cache);
    heed_tensor tokens = heed_input(t, HEED_I32, HEED_SHAPE(1, w->length - held), w->text + held);
    heed_tensor logits = heed_gpt_step(w->gpt, t, tokens, w->cache.layer); /* (1, T, V) */
    const float *values = heed_f32(t, heed_cast(t, heed_select(t, logits, 1, -1), HEED_F32));
    if (values == NULL)
        return false;
    memcpy(w->logits, values, (size_t)w->gpt->vocabulary * sizeof *values);
    return true;
}

static bool write_token(writer *w, uint64_t draw) {
    heed_error error = {.status = HEED_OK};
    const heed_sampler *sampler = &w->options->sampler;
    if (!read_logits(w))
        return false;
    if (heed_sampler_probabilities(sampler, w->logits, w->gpt->vocabulary, w->text, w->length, w->p, &error))
        return fail(w, error.status, error.text);
    w->text[w->length++] = heed_sampler_draw(sampler, w->p, w->gpt->vocabulary, draw);
    return true;
}

static int64_t write_all(writer *w, int32_t *tokens) {
    const heed_gpt_generation *o = w->options;
    int64_t written = 0;
    for (bool more = true; written < o->n && more; written++) {
        if (!write_token(w, (uint64_t)written))
            return -1;
        tokens[written] = w->text[w->length - 1];
        more = o->listener == NULL || o->listener(o->user, tokens[written]);
    }
    return written;
}

int64_t heed_gpt_generate(const heed_gpt *gpt, heed_tape *t, const int32_t *prompt, int64_t n_prompt,
                          heed_gpt_generation options, int32_t *tokens) {
    writer w = {.gpt = gpt, .t = t, .options = &options};
    heed_tape_reset(t);
    const bool recording = heed_tape_set_recording(t, false), training = heed_tape_set_training(t, false);
    const int64_t written = prepare(&w, prompt, n_prompt) ? write_all(&w, tokens) : -1;
    let_go(&w);
    heed_tape_set_recording(t, recording);
    heed_tape_set_training(t, training);
    return written;
}
