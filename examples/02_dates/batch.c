#include "batch.h"

#include <heed/rng.h>

#include <stdlib.h>
#include <string.h>

alphabet alphabet_new(void) {
    return (alphabet){dates_source_vocabulary(), dates_target_vocabulary()};
}

example example_make(const alphabet *letters, uint64_t seed, uint64_t index, dates_part part) {
    dates_pair pair;
    dates_make(seed, index, part, &pair);
    example e = {0};
    e.length = dates_encode(&letters->source, pair.source, e.source, DATES_SOURCE_LENGTH, NULL);
    dates_encode(&letters->target, pair.target, e.target, DATES_TARGET_LENGTH, NULL);
    memcpy(e.iso, pair.target, sizeof e.iso);
    return e;
}

void batch_fill(batch *b, const example *examples, int count) {
    *b = (batch){.B = count};
    for (int i = 0; i < count; i++)
        b->S = examples[i].length > b->S ? examples[i].length : b->S;
    for (int i = 0; i < count; i++) {
        const example *e = &examples[i];
        int32_t *source = b->source + i * b->S, *input = b->input + i * BATCH_TIME,
                *output = b->output + i * BATCH_TIME;
        for (int s = 0; s < b->S; s++) {
            source[s] = s < e->length ? e->source[s] : DATES_PAD;
            b->padding[i * b->S + s] = s >= e->length;
        }
        input[0] = DATES_BOS;
        memcpy(input + 1, e->target, sizeof e->target);
        memcpy(output, e->target, sizeof e->target);
        output[DATES_TARGET_LENGTH] = DATES_EOS;
        b->characters += e->length + DATES_TARGET_LENGTH;
    }
}

/* Equal lengths in order of their ids, so that the order does not depend on how qsort works. */
static int by_length(const void *a, const void *b) {
    const example *x = a, *y = b;
    if (x->length != y->length)
        return y->length - x->length;
    return memcmp(x->source, y->source, sizeof x->source);
}

void examples_sort(example *examples, int count) {
    qsort(examples, (size_t)count, sizeof *examples, by_length);
}

/* ---- the supply ---- */

enum { POOL = 8 }; /* batches drawn at once */

struct supply {
    const alphabet *letters;
    uint64_t seed, drawn; /* examples so far */
    int rows, served;     /* batches of the pool */
    int order[POOL];
    example pool[];
};

supply *supply_new(const alphabet *letters, uint64_t seed, int rows) {
    supply *s = malloc(sizeof *s + (size_t)(POOL * rows) * sizeof *s->pool);
    if (s)
        *s = (supply){.letters = letters, .seed = seed, .rows = rows, .served = POOL};
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
        s->pool[i] = example_make(s->letters, s->seed, s->drawn++, DATES_TRAINING);
    examples_sort(s->pool, count);
    s->served = 0;
}

void supply_next(supply *s, batch *b) {
    if (s->served == POOL)
        refill(s);
    batch_fill(b, s->pool + s->order[s->served++] * s->rows, s->rows);
}
