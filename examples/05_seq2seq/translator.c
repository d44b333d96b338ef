#include "translator.h"

#include "../common/program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const look_names[LOOKS + 1] = {
    [HEED_SCORE_ADDITIVE] = "additive", [HEED_SCORE_DOT] = "dot",       [HEED_SCORE_SCALED_DOT] = "scaled",
    [HEED_SCORE_GENERAL] = "general",   [HEED_SCORE_CONCAT] = "concat", [HEED_SCORE_LOCATION] = "location",
    [HEED_SCORE_COSINE] = "cosine",     [LOOK_NONE] = "none",           [LOOK_TRANSFORMER] = "transformer",
};
const char *const cell_names[] = {"gru", "lstm", "rnn", NULL};
const char *const window_names[] = {"none", "m", "p", NULL};

static const heed_cell_kind cells[] = {HEED_GRU, HEED_LSTM, HEED_RNN_TANH};

static heed_seq2seq_options options_of(const task *what, const recipe *how) {
    bool none = how->look == LOOK_NONE;
    return (heed_seq2seq_options){
        .source_vocabulary = what->source_count,
        .target_vocabulary = what->target_count,
        .d_embedding = how->hidden / 2,
        .kind = cells[how->cell],
        .encoder_hidden = how->hidden / 2,
        .decoder_hidden = how->hidden,
        .bidirectional = true,
        .no_attention = none,
        .attention = {.score = {.kind = none ? HEED_SCORE_DOT : (heed_score_kind)how->look,
                                .longest = what->longest_source},
                      .window = (heed_window)how->window,
                      .reach = how->reach},
        .input_feeding = how->feed,
        .start = TOKEN_BOS,
        .stop = TOKEN_EOS,
        .pad = TOKEN_PAD,
    };
}

static bool build(translator *tr, uint64_t seed) {
    if (tr->recipe.look == LOOK_TRANSFORMER) {
        tr->reader = reader_new(tr->task, READER_HEADS, seed);
        tr->model = tr->reader ? tr->reader->model : NULL;
        return tr->reader != NULL;
    }
    tr->model = heed_model_new();
    heed_seq2seq_init(&tr->seq2seq, heed_model_root(tr->model), "seq2seq", options_of(tr->task, &tr->recipe));
    return heed_model_build(tr->model, HEED_F32, seed) == HEED_OK;
}

translator *translator_new(const task *what, const recipe *how, uint64_t seed) {
    translator *tr = calloc(1, sizeof *tr);
    if (tr == NULL) {
        complain("out of memory");
        return NULL;
    }
    tr->task = what;
    tr->recipe = *how;
    if (build(tr, seed))
        return tr;
    failed(tr->model ? heed_model_error_text(tr->model) : "");
    translator_free(tr);
    return NULL;
}

void translator_free(translator *tr) {
    if (tr == NULL)
        return;
    if (tr->reader)
        reader_free(tr->reader);
    else
        heed_model_free(tr->model);
    free(tr);
}

static heed_tensor source_of(heed_tape *t, const batch *b) {
    return heed_input(t, HEED_I32, HEED_SHAPE(b->B, b->S), b->source);
}

static heed_tensor target_of(heed_tape *t, const batch *b) {
    return heed_input(t, HEED_I32, HEED_SHAPE(b->B, b->T), b->output);
}

heed_tensor translator_logits(const translator *tr, heed_tape *t, const batch *b, double sampling) {
    if (tr->reader)
        return reader_logits(tr->reader, t, b);
    return heed_seq2seq_forward(&tr->seq2seq, t, source_of(t, b), target_of(t, b), sampling, NULL);
}

heed_tensor translator_loss_of(const translator *tr, heed_tape *t, heed_tensor logits, const batch *b) {
    return tr->reader ? reader_loss_of(t, logits, b) : heed_seq2seq_loss(&tr->seq2seq, t, logits, target_of(t, b));
}

heed_tensor translator_loss(const translator *tr, heed_tape *t, const batch *b, double sampling) {
    return translator_loss_of(tr, t, translator_logits(tr, t, b, sampling), b);
}

/* ---- reading ---- */

static void take_answers(const heed_decoding *said, const batch *b, int32_t *ids, double *sure) {
    for (int i = 0; i < b->B; i++) {
        const heed_hypothesis *best = &said->beam->best[i];
        for (int64_t n = 0; n < BATCH_TIME; n++)
            ids[i * BATCH_TIME + n] = best->tokens && n < best->length ? best->tokens[n] : TOKEN_EOS;
        if (sure)
            sure[i] = exp(best->log_prob);
    }
}

heed_status translator_read(const translator *tr, heed_tape *t, const batch *b, int width, int32_t *ids, double *sure) {
    if (tr->reader)
        return reader_read(tr->reader, t, b, ids, sure);
    heed_tape_reset(t);
    heed_decode_options how = {.width = width, .longest = tr->task->longest_target + 1, .alpha = width > 1 ? 0.6 : 0};
    heed_decoding *said = heed_seq2seq_decode(&tr->seq2seq, t, source_of(t, b), how);
    if (said)
        take_answers(said, b, ids, sure);
    heed_decoding_free(said);
    return heed_tape_status(t);
}

/* ---- looking ---- */

/* Sums the cross-attention's patterns as they pass. */
typedef struct lookout {
    double *map;
    int64_t count; /* of heads so far */
} lookout;

/* (B, H, T, S) */
static void catch_pattern(void *user, heed_tape *t, const char *path, heed_tensor x) {
    (void)path;
    lookout *l = user;
    const float *weights = heed_f32(t, x);
    int64_t B = heed_size(t, x, 0), H = heed_size(t, x, 1), TS = heed_size(t, x, 2) * heed_size(t, x, 3);
    for (int64_t b = 0; weights && b < B; b++)
        for (int64_t h = 0; h < H; h++)
            for (int64_t i = 0; i < TS; i++)
                l->map[b * TS + i] += weights[(b * H + h) * TS + i];
    l->count += weights ? H : 0;
}

static heed_status look_of_heads(const translator *tr, heed_tape *t, const batch *b, double *map) {
    lookout l = {.map = map};
    memset(map, 0, (size_t)b->B * (size_t)b->T * (size_t)b->S * sizeof *map);
    if (heed_tape_on_watch(t, "*cross_attn.pattern", catch_pattern, &l))
        return HEED_NO_MEMORY;
    reader_loss(tr->reader, t, b);
    heed_tape_unwatch(t, catch_pattern, &l);
    for (int64_t i = 0; l.count > 0 && i < (int64_t)b->B * b->T * b->S; i++)
        map[i] /= (double)l.count;
    return heed_tape_status(t);
}

static heed_status look_of_score(const translator *tr, heed_tape *t, const batch *b, double *map, bool *looked) {
    heed_tensor weights = HEED_NIL;
    heed_seq2seq_forward(&tr->seq2seq, t, source_of(t, b), target_of(t, b), 0, &weights);
    const float *values = heed_is_nil(weights) ? NULL : heed_f32(t, weights);
    for (int64_t i = 0; values && i < (int64_t)b->B * b->T * b->S; i++)
        map[i] = values[i];
    *looked = values != NULL;
    return heed_tape_status(t);
}

heed_status translator_look(const translator *tr, heed_tape *t, const batch *b, double *map, bool *looked) {
    heed_tape_reset(t);
    bool recorded = heed_tape_set_recording(t, false), trained = heed_tape_set_training(t, false);
    *looked = true;
    heed_status status = tr->reader ? look_of_heads(tr, t, b, map) : look_of_score(tr, t, b, map, looked);
    heed_tape_set_recording(t, recorded);
    heed_tape_set_training(t, trained);
    return status;
}
