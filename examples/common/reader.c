#include "reader.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void declare(reader *r, int n_heads) {
    /* Small, so that a minute is enough: two layers a side. */
    const heed_transformer_options shape = {
        .d_model = READER_D_MODEL, .d_ff = 256, .n_heads = n_heads, .n_layers = 2, .activation = HEED_RELU};
    const heed_module *root = heed_model_root(r->model);
    heed_embedding_init(&r->source, root, "source", r->task->source_count, shape.d_model);
    heed_position_init(&r->source_position, root, "source_position", HEED_POSITION_SINUSOIDAL, r->task->longest_source,
                       shape.d_model);
    heed_embedding_init(&r->target, root, "target", r->task->target_count, shape.d_model);
    heed_position_init(&r->target_position, root, "target_position", HEED_POSITION_SINUSOIDAL,
                       r->task->longest_target + 1, shape.d_model);
    heed_encoder_init(&r->encoder, root, "encoder", shape);
    heed_decoder_init(&r->decoder, root, "decoder", shape);
    heed_linear_init(&r->out, root, "out", shape.d_model, r->task->target_count, true);
}

reader *reader_new(const task *what, int n_heads, uint64_t seed) {
    reader *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->model = heed_model_new();
    r->task = what;
    declare(r, n_heads);
    if (heed_model_build(r->model, HEED_F32, seed)) {
        reader_free(r);
        return NULL;
    }
    return r;
}

void reader_free(reader *r) {
    if (r)
        heed_model_free(r->model);
    free(r);
}

/* ---- forward ---- */

typedef struct source {
    heed_tensor memory;  /* (B, S, d_model) */
    heed_tensor padding; /* (B, S) */
} source;

static source encode(const reader *r, heed_tape *t, const batch *b) {
    heed_tensor ids = heed_input(t, HEED_I32, HEED_SHAPE(b->B, b->S), b->source);
    heed_tensor padding = heed_input(t, HEED_BOOL, HEED_SHAPE(b->B, b->S), b->padding);
    heed_tensor x = heed_embedding_forward(&r->source, t, ids); /* (B, S, d_model) */
    x = heed_position_forward(&r->source_position, t, x, 0);
    x = heed_encoder_forward(&r->encoder, t, x, (heed_attend){.key_padding = padding});
    return (source){x, padding};
}

/* ids (B, T) -> what the decoder makes of them, (B, T, d_model). */
static heed_tensor decode(const reader *r, heed_tape *t, heed_tensor ids, source from) {
    heed_tensor y = heed_embedding_forward(&r->target, t, ids);
    y = heed_position_forward(&r->target_position, t, y, 0);
    return heed_decoder_forward(&r->decoder, t, y, from.memory, (heed_attend){.causal = true},
                                (heed_attend){.key_padding = from.padding});
}

heed_tensor reader_logits(const reader *r, heed_tape *t, const batch *b) {
    heed_tensor y = decode(r, t, heed_input(t, HEED_I32, HEED_SHAPE(b->B, b->T), b->input), encode(r, t, b));
    return heed_linear_forward(&r->out, t, y);
}

heed_tensor reader_loss_of(heed_tape *t, heed_tensor logits, const batch *b) {
    return heed_cross_entropy_with(t, logits,
                                   heed_input(t, HEED_I32, HEED_SHAPE(b->B, b->T), b->output),
                                   (heed_cross_entropy_options){.has_ignore_index = true, .ignore_index = TOKEN_PAD});
}

heed_tensor reader_loss(const reader *r, heed_tape *t, const batch *b) {
    return reader_loss_of(t, reader_logits(r, t, b), b);
}

/* ---- reading ---- */

/* What the decoder has before it writes token `time`: BOS and the first `time` ids, (B, time + 1). */
static heed_tensor prefix(heed_tape *t, int B, const int32_t *ids, int time) {
    int32_t rows[BATCH_ROWS * BATCH_TIME];
    for (int i = 0; i < B; i++) {
        int32_t *row = rows + i * (time + 1);
        row[0] = TOKEN_BOS;
        for (int n = 0; n < time; n++)
            row[n + 1] = ids[i * BATCH_TIME + n];
    }
    return heed_input(t, HEED_I32, HEED_SHAPE(B, time + 1), rows);
}

/* Token `time` of every row, and its probability times those before it, up to and with EOS. */
static heed_status write_one(const reader *r, heed_tape *t, int B, source from, int time, int32_t *ids, double *sure) {
    heed_tensor y = decode(r, t, prefix(t, B, ids, time), from);
    heed_tensor last = heed_linear_forward(&r->out, t, heed_select(t, y, 1, time)); /* (B, V) */
    const int32_t *best = heed_i32(t, heed_argmax(t, last, -1, false));
    const float *likely = sure ? heed_f32(t, heed_max(t, heed_log_softmax(t, last, -1), HEED_AXES(-1))) : NULL;
    for (int i = 0; i < B && heed_tape_status(t) == HEED_OK; i++) {
        bool ended = time > 0 && ids[i * BATCH_TIME + time - 1] == TOKEN_EOS;
        ids[i * BATCH_TIME + time] = ended ? TOKEN_EOS : best[i];
        if (sure && !ended)
            sure[i] *= exp(likely[i]);
    }
    return heed_tape_status(t);
}

static bool all_ended(const int32_t *ids, int B, int time) {
    for (int i = 0; i < B; i++)
        if (time == 0 || ids[i * BATCH_TIME + time - 1] != TOKEN_EOS)
            return false;
    return true;
}

heed_status reader_read(const reader *r, heed_tape *t, const batch *b, int32_t *ids, double *sure) {
    heed_tape_reset(t);
    bool recorded = heed_tape_set_recording(t, false), trained = heed_tape_set_training(t, false);
    source from = encode(r, t, b);
    for (int i = 0; sure && i < b->B; i++)
        sure[i] = 1;
    heed_status status = HEED_OK;
    for (int i = 0; i < b->B * BATCH_TIME; i++)
        ids[i] = TOKEN_EOS;
    for (int time = 0; time <= r->task->longest_target && !status && !all_ended(ids, b->B, time); time++)
        status = write_one(r, t, b->B, from, time, ids, sure);
    heed_tape_set_recording(t, recorded);
    heed_tape_set_training(t, trained);
    return status;
}

heed_status reader_replay(const reader *r, heed_tape *t, const batch *b, const int32_t *ids) {
    heed_tape_reset(t);
    bool recorded = heed_tape_set_recording(t, false), trained = heed_tape_set_training(t, false);
    decode(r, t, prefix(t, b->B, ids, r->task->longest_target), encode(r, t, b));
    heed_tape_set_recording(t, recorded);
    heed_tape_set_training(t, trained);
    return heed_tape_status(t);
}

/* ---- its parts ---- */

static attention_place place_of(const reader *r, const heed_multi_head_attention *attn) {
    const char *path = heed_model_param(r->model, attn->w_q.index).path; /* "encoder.0.attn.w_q" */
    attention_place place = {.attn = attn};
    snprintf(place.path, sizeof place.path, "%.*s", (int)(strrchr(path, '.') - path), path);
    return place;
}

int reader_attentions(const reader *r, attention_place places[READER_PLACES]) {
    int count = 0;
    for (int i = 0; i < r->encoder.n_layers; i++)
        places[count++] = place_of(r, &r->encoder.layer[i].attn);
    for (int i = 0; i < r->decoder.n_layers; i++) {
        places[count++] = place_of(r, &r->decoder.layer[i].self_attn);
        places[count++] = place_of(r, &r->decoder.layer[i].cross_attn);
    }
    return count;
}
