#include "train.h"

#include "../common/training.h"

#include <stdlib.h>

static training_plan plan_of(const options *o, heed_recorder *recorder) {
    return (training_plan){
        .steps = o->steps,
        .lr = o->lr,
        .warmup = o->steps / 14,
        .beta2 = 0.98, /* a short run: the squares' average must settle within some fifty steps */
        .weight_decay = 0.01,
        .clip_norm = 1,
        .seed = o->seed,
        .threads = o->threads,
        .recorder = recorder,
    };
}

static heed_status run(const translator *tr, const options *o, training *run, supply *pairs, batch *rows, board *b,
                       outcome *end) {
    heed_status status = HEED_OK;
    while (!status && run->steps < o->steps && !interrupted()) {
        double started = training_clock();
        supply_next(pairs, rows);
        heed_tape_reset(run->t);
        status = training_step(run, translator_loss(tr, run->t, rows, o->sampling));
        end->seconds += training_clock() - started;
        if (!status && b)
            board_show(b, run->steps, run->loss);
    }
    end->steps = run->steps;
    return status;
}

heed_status train(const translator *tr, const options *o, board *b, heed_recorder *recorder, outcome *end,
                  heed_error *error) {
    training_plan plan = plan_of(o, recorder);
    training tr_run;
    supply *pairs = supply_new(tr->task, (uint64_t)o->seed, (int)o->batch);
    batch *rows = malloc(sizeof *rows);
    *end = (outcome){0};
    heed_status status = training_init(&tr_run, tr->model, &plan);
    if (!status)
        status = pairs && rows ? run(tr, o, &tr_run, pairs, rows, b, end) : HEED_NO_MEMORY;
    if (status)
        training_explain(&tr_run, status, error);
    free(rows);
    supply_free(pairs);
    training_free(&tr_run);
    return status;
}
