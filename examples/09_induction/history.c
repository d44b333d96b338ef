#include "history.h"

#include "../common/recording.h"
#include "../common/training.h"

static training_plan how(const history_plan *plan) {
    return (training_plan){
        .steps = plan->steps,
        .lr = 1e-3,
        .warmup = 50,
        .constant = true,
        .beta2 = 0.98, /* a short run: the squares' average must settle within some fifty steps */
        .weight_decay = 0.01,
        .clip_norm = 1,
        .seed = plan->seed,
        .threads = plan->threads,
        .recorder = plan->recorder,
    };
}

static bool to_be_seen(const history_plan *plan, int64_t step) {
    const int64_t parts = HISTORY_FRAMES - 1;
    return step == 0 || step * parts / plan->steps > (step - 1) * parts / plan->steps;
}

static heed_status step(training *tr, const history_plan *plan, const induction *ind) {
    repeats list[INDUCTION_BATCH];
    for (int b = 0; b < INDUCTION_BATCH; b++)
        list[b] = repeats_draw((uint64_t)plan->seed, (uint64_t)(tr->steps * INDUCTION_BATCH + b), plan->shortest,
                               plan->longest);
    heed_tape_reset(tr->t);
    return training_step(tr, induction_loss(ind, tr->t, list, INDUCTION_BATCH));
}

static double largest_of(const double *x, int n) {
    double most = x[0];
    for (int i = 1; i < n; i++)
        most = x[i] > most ? x[i] : most;
    return most;
}

/* The best heads' scores: of the first layer, and of the last. */
static void tell(const history *r, int64_t step) {
    const induction_scores *now = &r->at[r->frames - 1];
    const history_plan *plan = &r->plan;
    recording_measure(plan->recorder, step, plan->steps, "loss on the repeat of unseen sequences", now->loss);
    recording_measure(plan->recorder, step, plan->steps, "previous token", largest_of(now->previous[0], plan->heads));
    recording_measure(plan->recorder, step, plan->steps, "matching",
                      largest_of(now->matching[plan->layers - 1], plan->heads));
}

static heed_status look_at(history *r, int64_t step, const induction *ind, observer *o, heed_error *error) {
    r->step[r->frames] = step;
    heed_status status = observer_take(o, ind, &r->at[r->frames++]);
    if (!status)
        tell(r, step);
    return status ? heed_error_set(error, status, "%s", heed_error_text(o->t)) : HEED_OK;
}

heed_status history_train(history *r, const history_plan *plan, const induction *ind, observer *o, history_look *look,
                          void *user, heed_error *error) {
    *r = (history){.plan = *plan};
    training_plan trained = how(plan);
    training tr;
    heed_status status = training_init(&tr, ind->model, &trained);
    if (status)
        training_explain(&tr, status, error);
    else
        status = look_at(r, 0, ind, o, error);
    while (!status && tr.steps < plan->steps) {
        double start = training_clock();
        if ((status = step(&tr, plan, ind)))
            training_explain(&tr, status, error);
        r->seconds += training_clock() - start;
        if (!status && to_be_seen(plan, tr.steps))
            status = look_at(r, tr.steps, ind, o, error);
        if (!status && look)
            look(user, r, tr.steps, tr.loss);
    }
    training_free(&tr);
    return status;
}

/* ---- what it shows ---- */

static int largest(const double *x, int n) {
    int at = 0;
    for (int i = 1; i < n; i++)
        at = x[i] > x[at] ? i : at;
    return at;
}

int history_best_previous(const history *r, int layer) {
    return largest(r->at[r->frames - 1].previous[layer], r->plan.heads);
}

int history_best_matching(const history *r, int layer) {
    return largest(r->at[r->frames - 1].matching[layer], r->plan.heads);
}

history_drop history_find_drop(const history *r) {
    int last = r->frames - 1, best_from = 0, best_to = last;
    double half = (r->at[0].loss - r->at[last].loss) / 2;
    for (int from = 0, to = 0; from <= last; from++) {
        to = to < from ? from : to;
        while (to < last && r->at[from].loss - r->at[to].loss < half)
            to++;
        if (r->at[from].loss - r->at[to].loss >= half && to - from < best_to - best_from) {
            best_from = from;
            best_to = to;
        }
    }
    return (history_drop){r->step[best_from], r->step[best_to], r->at[best_from].loss, r->at[best_to].loss};
}

int64_t history_halfway(const history *r, const double *values) {
    double first = values[0], way = values[r->frames - 1] - first;
    int i = 0;
    while (i < r->frames - 1 && (values[i] - first) * way < way * way / 2)
        i++;
    return r->step[i];
}

void history_losses(const history *r, double out[HISTORY_FRAMES]) {
    for (int i = 0; i < r->frames; i++)
        out[i] = r->at[i].loss;
}

void history_previous(const history *r, int layer, int head, double out[HISTORY_FRAMES]) {
    for (int i = 0; i < r->frames; i++)
        out[i] = r->at[i].previous[layer][head];
}

void history_matching(const history *r, int layer, int head, double out[HISTORY_FRAMES]) {
    for (int i = 0; i < r->frames; i++)
        out[i] = r->at[i].matching[layer][head];
}
