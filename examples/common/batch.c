#include "batch.h"

#include <heed/rng.h>

#include <stdlib.h>
#include <string.h>

void batch_fill(batch *b, const example *examples, int count) {
    *b = (batch){.B = count};
    for (int i = 0; i < count; i++) {
        b->S = examples[i].S > b->S ? examples[i].S : b->S;
        b->T = examples[i].T + 1 > b->T ? examples[i].T + 1 : b->T;
    }
    for (int i = 0; i < count; i++) {
        const example *e = &examples[i];
        int32_t *source = b->source + i * b->S, *input = b->input + i * b->T, *output = b->output + i * b->T;
        for (int s = 0; s < b->S; s++) {
            source[s] = s < e->S ? e->source[s] : TOKEN_PAD;
            b->padding[i * b->S + s] = s >= e->S;
        }
        for (int time = 0; time < b->T; time++) {
            input[time] = time == 0 ? TOKEN_BOS : time <= e->T ? e->target[time - 1] : TOKEN_PAD;
            output[time] = time < e->T ? e->target[time] : time == e->T ? TOKEN_EOS : TOKEN_PAD;
        }
        b->tokens += e->S + e->T;
    }
}

/* Equal lengths in order of their ids, so that the order does not depend on how qsort works. */
static int by_length(const void *a, const void *b) {
    const example *x = a, *y = b;
    if (x->S != y->S)
        return y->S - x->S;
    return memcmp(x->source, y->source, sizeof x->source);
}

void examples_sort(example *examples, int count) {
    qsort(examples, (size_t)count, sizeof *examples, by_length);
}

/* ---- the supply ---- */

enum { POOL = 8 }; /* batches drawn at once */

struct supply {
    const task *task;
    uint64_t seed, drawn; /* examples so far */
    int rows, served;     /* batches of the pool */
    int order[POOL];
    example pool[];
};

supply *supply_new(const task *what, uint64_t seed, int rows) {
    supply *s = malloc(sizeof *s + (size_t)(POOL * rows) * sizeof *s->pool);
    if (s)
        *s = (supply){.task = what, .seed = seed, .rows = rows, .served = POOL};
    return s;
}

void supply_free(supply *s) {
    free(s);
}

/* Fisher and Yates. */
static void shuffle(int *order, int count, uint64_t key) {
    for (int i = 0; i < count; i++) {
        int j = (int)heed_rng_below(key, (uint64_t)i, (uint64_t)i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}

static void refill(supply *s) {
    int count = POOL * s->rows;
    shuffle(s->order, POOL, heed_rng_mix(s->seed, s->drawn));
    for (int i = 0; i < count; i++)
        s->task->make(s->task, s->seed, s->drawn++, false, &s->pool[i]);
    examples_sort(s->pool, count);
    s->served = 0;
}

void supply_next(supply *s, batch *b) {
    if (s->served == POOL)
        refill(s);
    batch_fill(b, s->pool + s->order[s->served++] * s->rows, s->rows);
}
