#include "train.h"

#include <stdlib.h>

typedef struct trainer {
    reader *r;
    heed_tape *t;
    heed_grads *grads;
    heed_optim *opt;
    supply *dates;
    batch *b;
    heed_schedule schedule;
} trainer;

static heed_optim *optimizer(heed_model *model, const plan *p) {
    heed_adam_options options = heed_adam_defaults(p->lr);
    options.beta2 = 0.98; /* a short run: the squares' average must settle within some fifty steps */
    options.weight_decay = 0.01;
    heed_optim *opt = heed_adamw_new(model, options);
    heed_optim_set_threads(opt, (int)p->threads);
    return opt;
}

static heed_status set_up(trainer *tr, reader *r, const plan *p) {
    *tr = (trainer){.r = r, .t = heed_tape_new(), .grads = heed_grads_new(r->model), .opt = optimizer(r->model, p)};
    tr->schedule =
        (heed_schedule){.kind = HEED_SCHEDULE_COSINE, .lr = p->lr, .warmup = p->steps / 14, .steps = p->steps};
    heed_tape_set_threads(tr->t, (int)p->threads);
    heed_tape_set_seed(tr->t, (uint64_t)p->seed);
    tr->dates = supply_new(&r->letters, (uint64_t)p->seed, (int)p->batch);
    tr->b = malloc(sizeof *tr->b);
    if (!tr->dates || !tr->b)
        return HEED_NO_MEMORY;
    heed_status status = heed_optim_set_clip_norm(tr->opt, 1);
    return status ? status : heed_optim_set_group(tr->opt, "no_decay", (heed_group_options){.lr_scale = 1});
}

static void clean_up(trainer *tr) {
    free(tr->b);
    supply_free(tr->dates);
    heed_optim_free(tr->opt);
    heed_grads_free(tr->grads);
    heed_tape_free(tr->t);
}

static heed_status step(trainer *tr, progress *now) {
    supply_next(tr->dates, tr->b);
    heed_tape_reset(tr->t);
    heed_tensor loss = reader_loss(tr->r, tr->t, tr->b);
    heed_status status = heed_backward(tr->t, loss, tr->grads);
    if (!status)
        status = heed_optim_set_lr(tr->opt, heed_schedule_at(&tr->schedule, now->step));
    if (!status)
        status = heed_optim_step(tr->opt, tr->grads);
    if (!status)
        *now = (progress){now->step + 1, heed_item(tr->t, loss), now->characters + tr->b->characters};
    return status;
}

/* The tape and the optimizer each keep the first error they met. */
static heed_status explain(const trainer *tr, heed_status status, heed_error *error) {
    const char *text = heed_error_text(tr->t);
    if (!text[0])
        text = heed_optim_error_text(tr->opt);
    return heed_error_set(error, status, "%s", text[0] ? text : "out of memory");
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
        explain(&tr, status, error);
    *end = now;
    clean_up(&tr);
    return status;
}
