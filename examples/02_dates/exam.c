#include "exam.h"

#include "../common/heads.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXAM_SEED = 1979, EXAM_BATCH = 64 };

struct exam {
    const task *task;
    int count;
    example list[];
};

exam *exam_new(const task *dates, uint64_t first, int count) {
    exam *e = malloc(sizeof *e + (size_t)count * sizeof *e->list);
    if (e == NULL)
        return NULL;
    *e = (exam){.task = dates, .count = count};
    for (int i = 0; i < count; i++)
        dates->make(dates, EXAM_SEED, first + (uint64_t)i, true, &e->list[i]);
    examples_sort(e->list, count);
    return e;
}

void exam_free(exam *e) {
    free(e);
}

/* An answer of another length than a date's is wrong in every part. */
static void count_right(score *result, const char *answer, const char *iso) {
    result->dates++;
    if (strlen(answer) != DATES_TARGET_LENGTH)
        return;
    result->exact += strcmp(answer, iso) == 0;
    result->year += memcmp(answer, iso, 4) == 0;
    result->month += memcmp(answer + 5, iso + 5, 2) == 0;
    result->day += memcmp(answer + 8, iso + 8, 2) == 0;
}

static void note_mistake(const exam *e, score *result, const char *answer, const example *asked, const char *iso) {
    int wrong = result->dates - result->exact;
    if (wrong == 0 || wrong > SCORE_MISTAKES || strcmp(answer, iso) == 0)
        return;
    mistake *m = &result->mistakes[wrong - 1];
    e->task->write(e->task, false, asked->source, asked->S, m->source);
    snprintf(m->answer, sizeof m->answer, "%s", answer);
    snprintf(m->iso, sizeof m->iso, "%s", iso);
}

static heed_status run_batch(const exam *e, const reader *r, heed_tape *t, const example *list, batch *b,
                             score *result) {
    int32_t ids[EXAM_BATCH * BATCH_TIME];
    heed_status status = reader_read(r, t, b, ids, NULL);
    for (int i = 0; i < b->B && !status; i++) {
        char answer[TASK_BYTES], iso[TASK_BYTES];
        e->task->write(e->task, true, ids + i * BATCH_TIME, BATCH_TIME, answer);
        e->task->write(e->task, true, list[i].target, list[i].T, iso);
        count_right(result, answer, iso);
        note_mistake(e, result, answer, &list[i], iso);
    }
    return status;
}

heed_status exam_run(const exam *e, const reader *r, heed_tape *t, score *result) {
    *result = (score){0};
    batch *b = malloc(sizeof *b);
    if (b == NULL)
        return HEED_NO_MEMORY;
    heed_status status = HEED_OK;
    for (int first = 0; first < e->count && !status; first += EXAM_BATCH) {
        int rows = e->count - first < EXAM_BATCH ? e->count - first : EXAM_BATCH;
        batch_fill(b, e->list + first, rows);
        status = run_batch(e, r, t, e->list + first, b, result);
    }
    free(b);
    return status;
}

heed_status exam_without(const exam *e, const reader *r, heed_tape *t, const heed_multi_head_attention *attn, int head,
                         score *result) {
    heed_status status = heads_switch_off(attn, head);
    if (!status)
        status = exam_run(e, r, t, result);
    heed_status restored = heads_switch_on(attn);
    return status ? status : restored;
}

double distance_moved(heed_param w, heed_param w0) {
    int64_t count = heed_model_param(w.model, w.index).count;
    double *now = malloc((size_t)count * sizeof *now), *then = malloc((size_t)count * sizeof *then);
    double moved = 0, size = 0, distance = -1;
    if (now && then && !heed_param_get(w, now, count) && !heed_param_get(w0, then, count)) {
        for (int64_t i = 0; i < count; i++) {
            moved += (now[i] - then[i]) * (now[i] - then[i]);
            size += then[i] * then[i];
        }
        distance = sqrt(moved / size);
    }
    free(now);
    free(then);
    return distance;
}
