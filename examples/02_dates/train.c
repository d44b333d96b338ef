#include "train.h"

#include <stdlib.h>

#include "../common/training.h"

typedef struct trainer {
    reader *r;
    training tr;
    supply *dates;
    batch *b;
} trainer;

static heed_status set_up(trainer *tr, reader *r, const plan *p) {
    const training_plan how = {
        .steps = p->steps,
        .lr = p->lr,
        .warmup = p->steps / 14,
        .beta2 = 0.98, /* a short run: the squares' average must settle within some fifty steps */
        .weight_decay = 0.01,
        .clip_norm = 1,
        .seed = p->seed,
        .threads = p->threads,
        .recorder = p->recorder,
    };
    *tr = (trainer){.r = r, .dates = supply_new(r->task, (uint64_t)p->seed, (int)p->batch), .b = malloc(sizeof *tr->b)};
    heed_status status = training_init(&tr->tr, r->model, &how);
    return status ? status : tr->dates && tr->b ? HEED_OK : HEED_NO_MEMORY;
}

static void clean_up(trainer *tr) {
    free(tr->b);
    supply_free(tr->dates);
    training_free(&tr->tr);
}

static heed_status step(trainer *tr, progress *now) {
    supply_next(tr->dates, tr->b);
    heed_tape_reset(tr->tr.t);
    heed_status status = training_step(&tr->tr, reader_loss(tr->r, tr->tr.t, tr->b));
    if (!status)
        *now = (progress){tr->tr.steps, tr->tr.loss, now->characters + tr->b->tokens};
    return status;
}

heed_status train(reader *r, const plan *p, after_step *look, void *user, progress *end, heed_error *error) {
    trainer tr;
    progress now = {0};
    heed_status status = set_up(&tr, r, p);
    while (!status && now.step < p->steps) {
        status = step(&tr, &now);
        if (!status && !look(user, &now))
            break;
    }
    if (status)
        training_explain(&tr.tr, status, error);
    *end = now;
    clean_up(&tr);
    return status;
}
