#include "answerer.h"

#include <string.h>

enum { UNASKED = -1 };

heed_status answerer_init(answerer *a, answerer_options options, uint64_t seed) {
    *a = (answerer){.model = heed_model_new(), .options = options};
    heed_gpt_init(&a->gpt, heed_model_root(a->model), "gpt",
                  (heed_gpt_options){.vocabulary = options.vocabulary,
                                     .context = options.question + options.answer - 1,
                                     .d_model = options.d_model,
                                     .n_heads = options.n_heads,
                                     .n_layers = options.n_layers,
                                     .no_bias = true,
                                     .untied = true});
    return heed_model_build(a->model, HEED_F32, seed);
}

void answerer_free(answerer *a) {
    heed_model_free(a->model);
}

int answerer_length(const answerer *a) {
    return a->options.question + a->options.answer;
}

/* The first `read` tokens of each row -> logits (n, read, V). */
static heed_tensor logits_of(const answerer *a, heed_tape *t, const int32_t *rows, int n, int read) {
    int32_t tokens[ANSWERER_BATCH * ANSWERER_LENGTH];
    for (int i = 0; i < n; i++)
        memcpy(tokens + i * read, rows + i * answerer_length(a), (size_t)read * sizeof *tokens);
    return heed_gpt_forward(&a->gpt, t, heed_input(t, HEED_I32, HEED_SHAPE(n, read), tokens));
}

heed_tensor answerer_loss(const answerer *a, heed_tape *t, const int32_t *rows, int n) {
    int32_t foretold[ANSWERER_BATCH * ANSWERER_LENGTH];
    int read = answerer_length(a) - 1;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < read; j++)
            foretold[i * read + j] = j + 1 < a->options.question ? UNASKED : rows[i * (read + 1) + j + 1];
    return heed_cross_entropy_with(t, logits_of(a, t, rows, n, read),
                                   heed_input(t, HEED_I32, HEED_SHAPE(n, read), foretold),
                                   (heed_cross_entropy_options){.has_ignore_index = true, .ignore_index = UNASKED});
}

heed_status answerer_answer(const answerer *a, heed_tape *t, int32_t *rows, int n) {
    bool recording = heed_tape_set_recording(t, false);
    heed_status status = HEED_OK;
    for (int at = a->options.question; at < answerer_length(a) && !status; at++) {
        heed_tape_reset(t);
        heed_tensor next = heed_select(t, logits_of(a, t, rows, n, at), 1, at - 1); /* (n, V) */
        const int32_t *likeliest = heed_i32(t, heed_argmax(t, next, -1, false));
        for (int i = 0; likeliest && i < n; i++)
            rows[i * answerer_length(a) + at] = likeliest[i];
        status = heed_tape_status(t);
    }
    heed_tape_set_recording(t, recording);
    return status;
}

/* Adds one head's weights for one row, from where the answer is written. */
static void add_map(const answerer *a, const float *weights, int n, double *map) {
    int read = answerer_length(a) - 1;
    for (int i = 0; i < a->options.answer; i++) {
        const float *from = weights + (a->options.question - 1 + i) * read;
        for (int j = 0; j < read; j++)
            map[i * read + j] += (double)from[j] / n;
    }
}

heed_status answerer_look(const answerer *a, heed_tape *t, patterns *caught, const int32_t *rows, int n, double *maps) {
    int size = a->options.answer * (answerer_length(a) - 1);
    memset(maps, 0, (size_t)(a->options.n_layers * a->options.n_heads * size) * sizeof *maps);
    bool recording = heed_tape_set_recording(t, false);
    heed_tape_reset(t);
    caught->layers = 0;
    logits_of(a, t, rows, n, answerer_length(a) - 1);
    for (int layer = 0; layer < caught->layers; layer++)
        for (int head = 0; head < a->options.n_heads; head++)
            for (int i = 0; i < n; i++) {
                const float *weights = patterns_of(caught, t, layer, i, head);
                if (weights)
                    add_map(a, weights, n, maps + (layer * a->options.n_heads + head) * size);
            }
    heed_tape_set_recording(t, recording);
    return heed_tape_status(t);
}
