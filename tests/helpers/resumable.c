#include "resumable.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool resumable_init(resumable *r, heed_dtype dtype, bool sgd) {
    *r = (resumable){.best = INFINITY, .note = "start"};
    if (!small_training_init(&r->s, dtype))
        return false;
    heed_model *model = r->s.model;
    r->optim = sgd ? heed_sgd_new(model, (heed_sgd_options){.lr = 0.1, .momentum = 0.9}) : heed_adam_new(model, heed_adam_defaults(1e-3));
    r->ema = heed_ema_new(model, 0.9);
    r->schedule = (heed_schedule){.kind = HEED_SCHEDULE_COSINE, .lr = 3e-3, .lr_end = 1e-4, .warmup = 5, .steps = 30};
    r->tape = heed_tape_new();
    heed_tape_set_threads(r->tape, 1);
    heed_optim_set_threads(r->optim, 1);
    heed_tape_set_seed(r->tape, 0xfedcba9876543210u);
    return heed_optim_set_clip_norm(r->optim, 1) == HEED_OK && heed_optim_set_group(r->optim, "no_decay", (heed_group_options){.lr_scale = 0.5}) == HEED_OK;
}

void resumable_free(resumable *r) {
    heed_tape_free(r->tape);
    heed_ema_free(r->ema);
    heed_optim_free(r->optim);
    small_training_free(&r->s);
}

bool resumable_step(resumable *r) {
    heed_tape_reset(r->tape);
    heed_tensor loss = small_training_loss(&r->s, r->tape, (int)r->position);
    if (heed_optim_set_lr(r->optim, heed_schedule_at(&r->schedule, r->position)) || heed_backward(r->tape, loss, r->s.grads) ||
        heed_optim_step(r->optim, r->s.grads) || heed_ema_update(r->ema))
        return false;
    r->best = fmin(r->best, heed_item(r->tape, loss));
    r->position++;
    snprintf(r->note, sizeof r->note, "шаг %d", (int)r->position);
    return true;
}

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t bytes) {
    const unsigned char *p = data;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ p[i]) * 0x100000001b3u; /* FNV-1a */
    return hash;
}

uint64_t resumable_hash(resumable *r) {
    heed_model *models[] = {r->s.model, heed_ema_model(r->ema)};
    const size_t size = heed_dtype_size(heed_model_dtype(r->s.model));
    uint64_t hash = 0xcbf29ce484222325u;
    for (int i = 0; i < heed_model_params(r->s.model); i++) {
        heed_param p = {.model = r->s.model, .index = i};
        const size_t bytes = (size_t)heed_model_param(r->s.model, i).count * size;
        for (int m = 0; m < 2; m++)
            hash = hash_bytes(hash, heed_param_data((heed_param){.model = models[m], .index = i}), bytes);
        for (int s = 0; s < heed_optim_rule_of(r->optim)->n_slots; s++)
            hash = hash_bytes(hash, heed_optim_slot(r->optim, p, s), bytes);
    }
    const double numbers[] = {r->best, heed_optim_lr(r->optim), heed_optim_last_norm(r->optim), heed_schedule_at(&r->schedule, r->position)};
    const uint64_t counts[] = {heed_optim_steps(r->optim), (uint64_t)r->position, heed_tape_step(r->tape), heed_tape_seed(r->tape)};
    hash = hash_bytes(hash_bytes(hash, numbers, sizeof numbers), counts, sizeof counts);
    hash = hash_bytes(hash, r->note, strlen(r->note));
    heed_tape_reset(r->tape);
    const float *next = heed_f32(r->tape, heed_randn(r->tape, HEED_F32, HEED_SHAPE(16)));
    return next ? hash_bytes(hash, next, 16 * sizeof *next) : 0;
}

heed_checkpoint resumable_parts(resumable *r, heed_checkpoint_number *number, heed_checkpoint_text *text) {
    *number = (heed_checkpoint_number){.name = "best", .value = &r->best};
    *text = (heed_checkpoint_text){.name = "note", .text = r->note, .room = sizeof r->note};
    return (heed_checkpoint){.model = r->s.model, .optim = r->optim, .ema = r->ema, .schedule = &r->schedule, .tape = r->tape,
                             .position = &r->position, .n_numbers = 1, .numbers = number, .n_texts = 1, .texts = text};
}
