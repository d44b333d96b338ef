#include "sort.h"

#include <string.h>

bool sort_held_out(const sort_task *task, const int32_t *input) {
    uint64_t hash = heed_rng_hash("sort");
    for (int i = 0; i < task->length; i++)
        hash = heed_rng_mix(hash, (uint64_t)input[i]);
    return hash % 4 == 0;
}

static void write_answer(const sort_task *task, int32_t *row) {
    int32_t *answer = row + task->length;
    memcpy(answer, row, (size_t)task->length * sizeof *row);
    for (int i = 1; i < task->length; i++) {
        int32_t digit = answer[i];
        int j = i;
        for (; j > 0 && answer[j - 1] > digit; j--)
            answer[j] = answer[j - 1];
        answer[j] = digit;
    }
}

/* Draws until the input is of the kind that is wanted. */
static void draw(const sort_task *task, uint64_t seed, uint64_t index, bool held_out, int32_t *row) {
    uint64_t key = heed_rng_mix(seed, index), drawn = 0;
    do {
        for (int i = 0; i < task->length; i++)
            row[i] = (int32_t)heed_rng_below(key, drawn++, (uint64_t)task->values);
    } while (sort_held_out(task, row) != held_out);
    write_answer(task, row);
}

void sort_lesson(const void *task, uint64_t seed, uint64_t index, int32_t *row) {
    draw(task, seed, index, false, row);
}

void sort_examination(const void *task, uint64_t seed, uint64_t index, int32_t *row) {
    draw(task, seed, index, true, row);
}

void sort_count(const sort_task *task, int64_t *all, int64_t *held_out) {
    const int64_t most = 10000000;
    *all = 1;
    *held_out = 0;
    for (int i = 0; i < task->length && *all <= most; i++)
        *all *= task->values;
    if (*all > most)
        *all = 0;
    for (int64_t number = 0; number < *all; number++) {
        int32_t input[SORT_LENGTH];
        int64_t left = number;
        for (int i = 0; i < task->length; i++, left /= task->values)
            input[i] = (int32_t)(left % task->values);
        *held_out += sort_held_out(task, input);
    }
}

answerer_options sort_model(const sort_task *task) {
    return (answerer_options){.vocabulary = task->values,
                              .question = task->length,
                              .answer = task->length,
                              .d_model = 48,
                              .n_heads = 3,
                              .n_layers = 3};
}

double sort_on_own_value(const sort_task *task, const int32_t *row, const double *map, int written) {
    const double *weights = map + written * (2 * task->length - 1);
    double own = 0, all = 0;
    for (int i = 0; i < task->length; i++) {
        all += weights[i];
        own += row[i] == row[task->length + written] ? weights[i] : 0;
    }
    return all > 0 ? own / all : 0;
}
