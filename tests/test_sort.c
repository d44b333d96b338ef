/* 07_sort: both tasks, and what is claimed of the head that finds the next larger, held to it for several seeds. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../examples/07_sort/next.h"
#include "../examples/07_sort/sort.h"

/* ---- sorting ---- */

static const sort_task usual = {3, 6};

Test(sort, an_answer_holds_the_same_digits_in_order) {
    const sort_task tasks[] = {{3, 6}, {10, 12}, {2, 3}};
    for (int k = 0; k < 3; k++)
        for (uint64_t i = 0; i < 500; i++) {
            const sort_task *task = &tasks[k];
            int32_t row[2 * SORT_LENGTH], again[2 * SORT_LENGTH];
            int counted[SORT_VALUES] = {0};
            sort_lesson(task, 4, i, row);
            sort_lesson(task, 4, i, again);
            cr_assert_eq(memcmp(row, again, 2 * (size_t)task->length * sizeof *row), 0);
            for (int j = 0; j < task->length; j++) {
                cr_assert(row[j] >= 0 && row[j] < task->values);
                cr_assert(j == 0 || row[task->length + j - 1] <= row[task->length + j]);
                counted[row[j]]++;
                counted[row[task->length + j]]--;
            }
            for (int v = 0; v < SORT_VALUES; v++)
                cr_assert_eq(counted[v], 0);
        }
}

Test(sort, what_is_held_out_is_never_taught) {
    bool taught[729] = {false}, asked[729] = {false};
    for (uint64_t i = 0; i < 20000; i++)
        for (int examination = 0; examination < 2; examination++) {
            int32_t row[2 * SORT_LENGTH];
            (examination ? sort_examination : sort_lesson)(&usual, 9, i, row);
            int number = 0;
            for (int j = 0; j < 6; j++)
                number = 3 * number + row[j];
            (examination ? asked : taught)[number] = true;
            cr_assert_eq(sort_held_out(&usual, row), examination);
        }
    int counts[2] = {0, 0};
    for (int i = 0; i < 729; i++) {
        cr_assert(!(taught[i] && asked[i]));
        counts[0] += taught[i];
        counts[1] += asked[i];
    }
    int64_t all, held_out;
    sort_count(&usual, &all, &held_out);
    cr_assert(all == 729 && held_out == counts[1] && counts[0] + counts[1] == 729, "%d and %d", counts[0], counts[1]);
    sort_count(&(sort_task){10, 12}, &all, &held_out);
    cr_assert(all == 0 && held_out == 0);
}

Test(sort, the_share_on_ones_own_value_by_hand) {
    const sort_task task = {3, 3};
    const int32_t row[] = {2, 0, 2, 0, 2, 2};
    /* Of three maps' rows with five columns, the second: 0.5 of 0.8 on the input lies on twos. */
    const double map[15] = {[5] = 0.25, 0.3, 0.25, 0.2, 0};
    cr_assert_float_eq(sort_on_own_value(&task, row, map, 1), 0.5 / 0.8, 1e-12);
    cr_assert_eq(sort_on_own_value(&task, row, map, 0), 0);
}

Test(sort, a_short_training_sorts_what_it_was_never_shown, .timeout = 300) {
    const school_subject subject = {sort_lesson, sort_examination, &usual};
    training_plan plan = {.steps = 150,
                          .lr = 2e-3,
                          .warmup = 50,
                          .beta2 = 0.98,
                          .weight_decay = 0.1,
                          .clip_norm = 1,
                          .seed = 1,
                          .threads = 1};
    answerer a;
    heed_error error = {0};
    school_count count = {.length = 12};
    heed_tape *t = heed_tape_new();
    cr_assert_eq(answerer_init(&a, sort_model(&usual), 1), HEED_OK);
    cr_assert_eq(school_train(&a, &subject, &plan, 64, NULL, NULL, &error), HEED_OK, "%s", error.text);
    cr_assert_eq(school_examine(&a, &subject, t, 500, school_count_exact, &count), HEED_OK);
    cr_assert(count.asked == 500 && count.exact > 400, "%d of %d", count.exact, count.asked);
    heed_tape_free(t);
    answerer_free(&a);
}

/* ---- the next larger ---- */

static int by_size(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

Test(next_larger, a_question_has_one_answer) {
    int asked[NEXT_NUMBERS] = {0};
    for (uint64_t i = 0; i < 3000; i++) {
        next_question q = next_draw(2, i), again = next_draw(2, i);
        cr_assert_eq(memcmp(&q, &again, sizeof q), 0);
        qsort(q.number, NEXT_SHOWN, sizeof *q.number, by_size);
        int found = 0;
        for (int j = 0; j < NEXT_SHOWN; j++) {
            cr_assert(q.number[j] >= 0 && q.number[j] < NEXT_NUMBERS && (j == 0 || q.number[j - 1] < q.number[j]));
            found += j + 1 < NEXT_SHOWN && q.number[j] == q.asked && q.number[j + 1] == q.answer;
        }
        cr_assert_eq(found, 1);
        asked[q.asked]++;
    }
    cr_assert_eq(asked[15], 0);
    for (int i = 0; i < 15; i++)
        cr_assert(asked[i] > 100, "%d was asked %d times of 3000", i, asked[i]);
}

/* The logits in double from the two matrices alone: what the head does depends on nothing else, and the question does not see
 * itself. */
Test(next_larger, the_two_matrices_are_all_there_is) {
    next_head h;
    next_matrices m;
    cr_assert_eq(next_init(&h, 5), HEED_OK);
    next_look(&h, &m);
    heed_tape *t = heed_tape_new();
    for (uint64_t i = 0; i < 20; i++) {
        next_question q = next_draw(6, i);
        double weight[NEXT_SHOWN], sum = 0;
        for (int j = 0; j < NEXT_SHOWN; j++)
            sum += weight[j] = exp(m.qk[q.asked][q.number[j]] / 4);
        heed_tape_reset(t);
        const float *logits = heed_f32(t, next_logits(&h, t, &q, 1));
        cr_assert_not_null(logits);
        for (int v = 0; v < NEXT_NUMBERS; v++) {
            double hand = 0;
            for (int j = 0; j < NEXT_SHOWN; j++)
                hand += weight[j] / sum * m.vo[q.number[j]][v];
            cr_assert_float_eq(logits[v], hand, 1e-5);
        }
    }
    heed_tape_free(t);
    next_free(&h);
}

Test(next_larger, largest_entries_move_onto_the_superdiagonal_for_every_seed, .timeout = 300) {
    static next_film film;
    for (int seed = 1; seed <= 5; seed++) {
        next_head h;
        heed_error error = {0};
        cr_assert_eq(next_init(&h, (uint64_t)seed), HEED_OK);
        cr_assert_eq(next_train(&film, &h, &(next_plan){.steps = 1500, .seed = seed, .threads = 1}, &error), HEED_OK,
                     "%s", error.text);
        const next_frame *first = &film.frame[0], *last = &film.frame[film.frames - 1];
        cr_assert(film.frames == NEXT_FRAMES && first->step == 0 && last->step == 1500);
        cr_assert(first->m.superdiagonal <= 4 && last->m.superdiagonal == NEXT_ROWS, "seed %d: %d", seed,
                  last->m.superdiagonal);
        cr_assert_eq(last->m.diagonal, NEXT_ROWS);
        cr_assert(first->m.in_order < 340 && last->m.in_order > 500 && last->m.in_order <= NEXT_TRIPLES, "%d",
                  last->m.in_order);
        next_marks marks = next_examine(&h, 5000);
        cr_assert(marks.right >= 0.9995 && marks.loss < 0.01, "seed %d: %g, %g", seed, marks.right, marks.loss);
        next_free(&h);
    }
}
