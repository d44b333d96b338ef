#include "training.h"

#include "profiling.h"

#include <time.h>

static heed_optim *optimizer(heed_model *model, const training_plan *plan) {
    heed_adam_options options = heed_adam_defaults(plan->lr);
    if (plan->beta2 > 0)
        options.beta2 = plan->beta2;
    options.weight_decay = plan->weight_decay;
    heed_optim *opt = heed_adamw_new(model, options);
    heed_optim_set_threads(opt, (int)plan->threads);
    return opt;
}

heed_status training_init(training *tr, heed_model *model, const training_plan *plan) {
    *tr = (training){.t = heed_tape_new(),
                     .grads = heed_grads_new(model),
                     .opt = optimizer(model, plan),
                     .recorder = plan->recorder};
    tr->schedule = (heed_schedule){.kind = plan->constant ? HEED_SCHEDULE_CONSTANT : HEED_SCHEDULE_COSINE,
                                   .lr = plan->lr,
                                   .lr_end = plan->lr_end,
                                   .warmup = plan->warmup,
                                   .steps = plan->steps};
    heed_tape_set_threads(tr->t, (int)plan->threads);
    heed_tape_set_seed(tr->t, (uint64_t)plan->seed);
    profiling_watch(tr->t, tr->opt);
    heed_status status = heed_optim_status(tr->opt);
    if (!status)
        status = heed_recorder_status(tr->recorder);
    if (!status)
        status = heed_optim_set_clip_norm(tr->opt, plan->clip_norm);
    return status ? status : heed_optim_set_group(tr->opt, "no_decay", (heed_group_options){.lr_scale = 1});
}

void training_free(training *tr) {
    heed_optim_free(tr->opt);
    heed_grads_free(tr->grads);
    heed_tape_free(tr->t);
}

static void record(training *tr, double loss, double lr) {
    heed_recorder_scalar(tr->recorder, tr->steps + 1, "loss", loss);
    heed_recorder_scalar(tr->recorder, tr->steps + 1, "learning rate", lr);
    heed_recorder_before(tr->recorder, tr->steps + 1, tr->grads);
}

heed_status training_step(training *tr, heed_tensor loss) {
    heed_status status = heed_backward(tr->t, loss, tr->grads);
    double lr = heed_schedule_at(&tr->schedule, tr->steps);
    if (!status)
        status = heed_optim_set_lr(tr->opt, lr);
    if (!status) {
        record(tr, heed_item(tr->t, loss), lr);
        status = heed_optim_step(tr->opt, tr->grads);
        heed_recorder_after(tr->recorder);
    }
    if (!status) {
        tr->steps++;
        tr->loss = heed_item(tr->t, loss);
    }
    return status;
}

heed_status training_explain(const training *tr, heed_status status, heed_error *error) {
    const char *text = heed_error_text(tr->t);
    if (!text[0])
        text = heed_optim_error_text(tr->opt);
    if (!text[0])
        text = heed_recorder_error_text(tr->recorder);
    return heed_error_set(error, status, "%s", text[0] ? text : "out of memory");
}

double training_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
