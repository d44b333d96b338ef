#include "train.h"

#include "../common/training.h"

#include <unistd.h>

static heed_status one_step(const writer *w, training *tr, heed_loader *loader, int64_t T, heed_error *error) {
    const int32_t *x = heed_loader_next(loader);
    if (x == NULL)
        return heed_error_set(error, heed_loader_status(loader), "%s", heed_loader_error_text(loader));
    int64_t B = w->by->batch;
    heed_tape_reset(tr->t);
    heed_status status = training_step(tr, writer_loss(w, tr->t, x, x + B * T, B, T));
    return status ? training_explain(tr, status, error) : HEED_OK;
}

static training_plan plan_of(const recipe *by, const train_plan *plan) {
    return (training_plan){.steps = plan->steps,
                           .lr = by->lr,
                           .lr_end = by->lr_end,
                           .warmup = by->warmup,
                           .beta2 = by->beta2,
                           .weight_decay = by->weight_decay,
                           .clip_norm = by->clip_norm,
                           .seed = plan->seed,
                           .threads = plan->threads,
                           .recorder = plan->recorder};
}

/* A run that can be killed at any moment and go on from its last checkpoint, bit for bit. */
typedef struct kept_run {
    const train_plan *plan;
    heed_checkpoint parts;
    heed_checkpoint_writer *writer; /* NULL: nothing is kept */
} kept_run;

static heed_status begin(kept_run *k, const train_plan *plan, const writer *w, training *tr, heed_loader *loader,
                         heed_error *error) {
    *k = (kept_run){
        .plan = plan,
        .parts = {
            .model = w->model, .optim = tr->opt, .schedule = &tr->schedule, .tape = tr->t, .position = &tr->steps}};
    if (plan->checkpoint == NULL)
        return HEED_OK;
    k->writer = heed_checkpoint_writer_new(plan->checkpoint);
    if (access(plan->checkpoint, F_OK) != 0)
        return HEED_OK;
    heed_status status = heed_checkpoint_load(&k->parts, plan->checkpoint, error);
    return status ? status : heed_loader_seek(loader, (uint64_t)tr->steps); /* a step, a batch */
}

/* After each step: a copy is handed to the writer's thread. */
static heed_status keep(kept_run *k, int64_t step, heed_error *error) {
    bool now = k->writer && step % k->plan->every == 0;
    return now ? heed_checkpoint_save_later(k->writer, &k->parts, error) : HEED_OK;
}

static heed_status end(kept_run *k, heed_status status, heed_error *error) {
    heed_error last = {.status = HEED_OK};
    if (k->writer && heed_checkpoint_wait(k->writer, &last) && !status)
        status = heed_error_set(error, last.status, "%s", last.text);
    heed_checkpoint_writer_free(k->writer);
    return status;
}

static heed_status run_steps(writer *w, training *tr, kept_run *k, heed_loader *loader, int64_t T, train_look *look,
                             void *user, heed_error *error) {
    heed_status status = HEED_OK;
    for (bool go_on = true; !status && go_on && tr->steps < k->plan->steps;) {
        status = one_step(w, tr, loader, T, error);
        if (!status)
            status = keep(k, tr->steps, error);
        if (!status)
            go_on = look(user, tr->t, tr->steps, tr->loss);
    }
    return status;
}

heed_status train(writer *w, const heed_windows *windows, const train_plan *plan, train_look *look, void *user,
                  int64_t *done, heed_error *error) {
    heed_window_batches batches = {windows, HEED_PART_TRAINING, w->by->batch};
    heed_loader_options ahead = {.bytes = heed_window_bytes(&batches), .threads = 1, .seed = (uint64_t)plan->seed};
    heed_loader *loader = heed_loader_new(heed_window_fill, &batches, ahead, error);
    *done = 0;
    if (loader == NULL)
        return error->status;
    training tr;
    kept_run k = {.plan = plan};
    training_plan all = plan_of(w->by, plan);
    if (all.warmup >= all.steps)
        all.warmup = all.steps - 1; /* a run cut short for a look */
    heed_status status = training_init(&tr, w->model, &all);
    status = status ? training_explain(&tr, status, error) : begin(&k, plan, w, &tr, loader, error);
    if (!status)
        status = run_steps(w, &tr, &k, loader, heed_windows_length(windows), look, user, error);
    status = end(&k, status, error);
    *done = tr.steps;
    training_free(&tr);
    heed_loader_free(loader);
    return status;
}
