#include "exam.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXAM_SEED = 1979, EXAM_ROWS = 64 };

/* What one batch needs. */
typedef struct desk {
    example list[EXAM_ROWS];
    batch b;
    int32_t ids[EXAM_ROWS * BATCH_TIME];
    double map[EXAM_ROWS * BATCH_TIME * TASK_SOURCE];
    double within; /* of the attention, summed over `aligned` tokens */
    int64_t aligned;
} desk;

static bool is_right(const int32_t *ids, const example *e) {
    return memcmp(ids, e->target, (size_t)e->T * sizeof *ids) == 0 && ids[e->T] == TOKEN_EOS;
}

static void mark_answers(const translator *tr, const desk *d, mark *m) {
    for (int i = 0; i < d->b.B; i++) {
        const int32_t *ids = d->ids + i * BATCH_TIME;
        const example *e = &d->list[i];
        int wrong = m->asked++ - m->exact;
        if (is_right(ids, e)) {
            m->exact++;
        } else if (wrong < MARK_MISTAKES) {
            tr->task->write(tr->task, false, e->source, e->S, m->mistakes[wrong].source);
            tr->task->write(tr->task, true, ids, BATCH_TIME, m->mistakes[wrong].answer);
            tr->task->write(tr->task, true, e->target, e->T, m->mistakes[wrong].right);
        }
    }
}

double attention_near(const example *e, const double *map, int columns, int64_t *aligned) {
    double sum = 0;
    for (int time = 0; time < e->T; time++) {
        uint64_t from = e->from[time], near = from | from << 1 | from >> 1;
        for (int s = 0; from && s < e->S; s++)
            sum += near >> s & 1 ? map[time * columns + s] : 0;
        *aligned += from != 0;
    }
    return sum;
}

static void mark_attention(desk *d) {
    for (int i = 0; i < d->b.B; i++)
        d->within += attention_near(&d->list[i], d->map + (int64_t)i * d->b.T * d->b.S, d->b.S, &d->aligned);
}

static heed_status run_batch(const translator *tr, heed_tape *t, int width, desk *d, mark *m) {
    heed_status status = translator_read(tr, t, &d->b, width, d->ids, NULL);
    if (status)
        return status;
    mark_answers(tr, d, m);
    status = translator_look(tr, t, &d->b, d->map, &m->looked);
    if (!status && m->looked)
        mark_attention(d);
    return status;
}

heed_status examine(const translator *tr, heed_tape *t, int64_t first, int count, int width, mark *m) {
    *m = (mark){0};
    desk *d = calloc(1, sizeof *d);
    example *all = malloc((size_t)count * sizeof *all);
    heed_status status = d && all ? HEED_OK : HEED_NO_MEMORY;
    for (int i = 0; i < count && !status; i++)
        tr->task->make(tr->task, EXAM_SEED, (uint64_t)(first + i), true, &all[i]);
    if (!status)
        examples_sort(all, count);
    for (int done = 0; done < count && !status; done += EXAM_ROWS) {
        int rows = count - done < EXAM_ROWS ? count - done : EXAM_ROWS;
        memcpy(d->list, all + done, (size_t)rows * sizeof *all);
        batch_fill(&d->b, d->list, rows);
        status = run_batch(tr, t, width, d, m);
    }
    if (!status)
        m->share = d->aligned ? d->within / (double)d->aligned : 0;
    free(all);
    free(d);
    return status;
}
