#include "school.h"

#include <string.h>

static heed_status step(training *tr, const answerer *a, const school_subject *subject, uint64_t seed, int batch) {
    int32_t rows[ANSWERER_BATCH * ANSWERER_LENGTH];
    for (int i = 0; i < batch; i++)
        subject->lesson(subject->user, seed, (uint64_t)(tr->steps * batch + i), rows + i * answerer_length(a));
    heed_tape_reset(tr->t);
    return training_step(tr, answerer_loss(a, tr->t, rows, batch));
}

heed_status school_train(const answerer *a, const school_subject *subject, const training_plan *plan, int batch,
                         school_look *look, void *user, heed_error *error) {
    training tr;
    heed_status status = training_init(&tr, a->model, plan), looked = HEED_OK;
    while (!status && !looked && tr.steps < plan->steps) {
        status = step(&tr, a, subject, (uint64_t)plan->seed, batch);
        if (!status && look)
            looked = look(user, tr.steps, tr.loss, error);
    }
    if (status)
        training_explain(&tr, status, error);
    training_free(&tr);
    return status ? status : looked;
}

heed_status school_examine(const answerer *a, const school_subject *subject, heed_tape *t, int count, school_mark *mark,
                           void *user) {
    const uint64_t seed = heed_rng_hash("examination");
    int32_t right[ANSWERER_BATCH * ANSWERER_LENGTH], given[ANSWERER_BATCH * ANSWERER_LENGTH];
    int length = answerer_length(a);
    heed_status status = HEED_OK;
    for (int first = 0; first < count && !status; first += ANSWERER_BATCH) {
        int n = count - first < ANSWERER_BATCH ? count - first : ANSWERER_BATCH;
        for (int i = 0; i < n; i++)
            subject->examination(subject->user, seed, (uint64_t)(first + i), right + i * length);
        memcpy(given, right, (size_t)(n * length) * sizeof *given);
        for (int i = 0; i < n; i++) /* it must not see them */
            memset(given + i * length + a->options.question, 0, (size_t)a->options.answer * sizeof *given);
        status = answerer_answer(a, t, given, n);
        for (int i = 0; i < n && !status; i++)
            mark(user, right + i * length, given + i * length);
    }
    return status;
}

void school_count_exact(void *user, const int32_t *right, const int32_t *given) {
    school_count *count = user;
    count->asked++;
    count->exact += memcmp(right, given, (size_t)count->length * sizeof *right) == 0;
}
