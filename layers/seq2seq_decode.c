/* Decoding with a heed_seq2seq: the beam asks, the decoder answers for all hypotheses of all rows at once. */
#include <heed/layers/seq2seq.h>
#include <heed/ops.h>

#include <stdlib.h>
#include <string.h>

typedef struct decoder {
    const heed_seq2seq *model;
    heed_tape *t;
    heed_state_memory all;    /* of the whole batch */
    heed_seq2seq_state state; /* of the hypotheses */
    int32_t *rows;            /* which row of the batch each of the state's memory shows */
    int64_t n, room;          /* how many */
    bool maps;
    heed_tensor *weights; /* of each step (n, S) */
    int64_t steps, room_steps;
} decoder;

/* ---- hypotheses go on, end and change places ---- */

static bool is_count(const int32_t *numbers, int64_t n) {
    int64_t i = 0;
    while (i < n && numbers[i] == i)
        i++;
    return i == n;
}

static void take_over(decoder *d, const heed_beam_ask *ask) {
    if (ask->n == d->n && is_count(ask->parents, ask->n))
        return;
    heed_tape *t = d->t;
    heed_tensor parents = heed_input(t, HEED_I32, HEED_SHAPE(ask->n), ask->parents);
    heed_state *state = &d->state.decoder;
    state->h = heed_index_select(t, state->h, parents, 1); /* (L, n, hidden) */
    if (!heed_is_nil(state->c))
        state->c = heed_index_select(t, state->c, parents, 1);
    if (!heed_is_nil(d->state.fed))
        d->state.fed = heed_index_select(t, d->state.fed, parents, 0);
}

static heed_status show_rows(decoder *d, const heed_beam_ask *ask) {
    bool same = ask->n == d->n && memcmp(ask->rows, d->rows, (size_t)ask->n * sizeof *d->rows) == 0;
    if (!same && ask->n > d->room) {
        int32_t *more = realloc(d->rows, (size_t)ask->n * sizeof *more);
        if (more == NULL)
            return HEED_NO_MEMORY;
        d->rows = more;
        d->room = ask->n;
    }
    d->n = ask->n;
    memcpy(d->rows, ask->rows, (size_t)ask->n * sizeof *d->rows);
    if (!same && !d->model->options.no_attention)
        d->state.memory =
            heed_state_memory_rows(d->t, d->all, heed_input(d->t, HEED_I32, HEED_SHAPE(ask->n), ask->rows));
    return HEED_OK;
}

static heed_status keep_weights(decoder *d, heed_tensor weights) {
    if (!d->maps)
        return HEED_OK;
    if (d->steps == d->room_steps) {
        int64_t room = d->room_steps ? 2 * d->room_steps : 64;
        heed_tensor *more = realloc(d->weights, (size_t)room * sizeof *more);
        if (more == NULL)
            return HEED_NO_MEMORY;
        d->weights = more;
        d->room_steps = room;
    }
    d->weights[d->steps++] = weights;
    return HEED_OK;
}

static double element(const void *data, heed_dtype dtype, int64_t i) {
    return dtype == HEED_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static heed_status answer(void *user, const heed_beam_ask *ask, double *log_probs) {
    decoder *d = user;
    heed_tape *t = d->t;
    take_over(d, ask);
    heed_status status = show_rows(d, ask);
    if (status != HEED_OK)
        return status;
    heed_tensor weights, words = heed_input(t, HEED_I32, HEED_SHAPE(ask->n), ask->tokens);
    heed_tensor logits = heed_seq2seq_step(d->model, t, words, &d->state, d->maps ? &weights : NULL);
    heed_tensor said = heed_log_softmax(t, logits, -1); /* (n, V) */
    const void *data = heed_data(t, said);
    if (data == NULL)
        return heed_tape_status(t);
    for (int64_t i = 0, n = heed_count(t, said); i < n; i++)
        log_probs[i] = element(data, heed_dtype_of(t, said), i);
    return keep_weights(d, weights);
}

/* ---- maps ---- */

/* Row by row what the hypothesis looked at while it was written. NULL: out of memory. */
static double *map_of(const decoder *d, const heed_hypothesis *h, int64_t S) {
    double *map = malloc((size_t)(h->length * S) * sizeof *map);
    for (int64_t i = 0; map && i < h->length; i++) {
        const void *data = heed_data(d->t, d->weights[i]);
        for (int64_t s = 0; s < S; s++)
            map[i * S + s] = element(data, heed_dtype_of(d->t, d->weights[i]), h->places[i] * S + s);
    }
    return map;
}

static bool draw_maps(const decoder *d, heed_decoding *decoding) {
    int64_t n = decoding->beam->rows * decoding->beam->n_best;
    decoding->map = calloc(n > 0 ? (size_t)n : 1, sizeof *decoding->map);
    for (int64_t i = 0; decoding->map && i < n; i++) {
        const heed_hypothesis *h = &decoding->beam->best[i];
        if (h->tokens && (decoding->map[i] = map_of(d, h, decoding->S)) == NULL)
            return false;
    }
    return decoding->map != NULL;
}

/* ---- all of it ---- */

/* At first each row of the batch is one hypothesis. */
static bool one_each(decoder *d, int64_t rows) {
    d->n = d->room = rows;
    d->rows = malloc(rows > 0 ? (size_t)rows * sizeof *d->rows : 1);
    for (int64_t i = 0; d->rows && i < rows; i++)
        d->rows[i] = (int32_t)i;
    return d->rows != NULL;
}

static heed_decoding *decode(decoder *d, heed_tensor source, const heed_decode_options *o) {
    const heed_seq2seq_options *m = &d->model->options;
    heed_beam_options options = {.width = o->width,
                                 .longest = o->longest,
                                 .alpha = o->alpha,
                                 .n_best = o->n_best,
                                 .vocabulary = m->target_vocabulary,
                                 .start = m->start,
                                 .stop = m->stop};
    d->state = heed_seq2seq_encode(d->model, d->t, source);
    d->all = d->state.memory;
    if (heed_tape_status(d->t) != HEED_OK)
        return NULL;
    heed_error error = {.status = HEED_OK};
    int64_t rows = heed_size(d->t, source, 0);
    heed_decoding *decoding = calloc(1, sizeof *decoding);
    if (decoding == NULL || !one_each(d, rows))
        heed_error_set(&error, HEED_NO_MEMORY, "out of memory for decoding %lld rows", (long long)rows);
    else
        decoding->beam = heed_beam_search(&options, rows, answer, d, &error);
    if (decoding)
        decoding->S = heed_size(d->t, source, 1);
    if (error.status == HEED_OK && d->maps && !draw_maps(d, decoding))
        heed_error_set(&error, HEED_NO_MEMORY, "out of memory for the attention maps");
    if (error.status == HEED_OK)
        return decoding;
    heed_fail_tape(d->t, error.status, "%s",
                   error.text); /* where the model failed, the tape has its own text already */
    heed_decoding_free(decoding);
    return NULL;
}

heed_decoding *heed_seq2seq_decode(const heed_seq2seq *model, heed_tape *t, heed_tensor source,
                                   heed_decode_options options) {
    decoder d = {.model = model, .t = t, .maps = options.maps && !model->options.no_attention};
    heed_enter(t, &model->module);
    bool recording = heed_tape_set_recording(t, false), training = heed_tape_set_training(t, false);
    heed_decoding *decoding = decode(&d, source, &options);
    heed_tape_set_recording(t, recording);
    heed_tape_set_training(t, training);
    heed_leave(t);
    free(d.rows);
    free(d.weights);
    return decoding;
}

void heed_decoding_free(heed_decoding *decoding) {
    if (decoding == NULL)
        return;
    for (int64_t i = 0; decoding->map && i < decoding->beam->rows * decoding->beam->n_best; i++)
        free(decoding->map[i]);
    free(decoding->map);
    heed_beam_free(decoding->beam);
    free(decoding);
}
