/* 08_addition: the task and its marks; and that a short training already adds. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "../examples/08_addition/addition.h"

static const addition_task one = {1}, two = {2}, three = {3};

Test(addition, a_row_is_both_numbers_and_their_sum_from_the_ones_on) {
    int32_t row[ADDITION_LENGTH];
    char text[ADDITION_TEXT];
    const int32_t in_two[] = {5, 7, 6, 8, 5, 2, 1}, in_three[] = {0, 0, 7, 9, 9, 5, 2, 0, 0, 1},
                  in_one[] = {4, 5, 9, 0};
    addition_row(&two, 57, 68, row);
    cr_assert_eq(memcmp(row, in_two, sizeof in_two), 0);
    cr_assert_str_eq(addition_text(&two, row, text), "57 + 68 = 125");
    addition_row(&three, 7, 995, row);
    cr_assert_eq(memcmp(row, in_three, sizeof in_three), 0);
    cr_assert_str_eq(addition_text(&three, row, text), "7 + 995 = 1002");
    addition_row(&one, 4, 5, row);
    cr_assert_eq(memcmp(row, in_one, sizeof in_one), 0);
}

static int digit_sum(int number) {
    return number == 0 ? 0 : number % 10 + digit_sum(number / 10);
}

/* Each carry makes the sum's digits nine less. */
Test(addition, carries_are_what_the_digit_sums_lack) {
    int32_t row[ADDITION_LENGTH];
    for (int a = 0; a < 1000; a += 7)
        for (int b = 0; b < 1000; b += 3) {
            addition_row(&three, a, b, row);
            cr_assert_eq(addition_carries(&three, row), (digit_sum(a) + digit_sum(b) - digit_sum(a + b)) / 9, "%d + %d",
                         a, b);
        }
}

static int number_in(const int32_t *digits, int n) {
    int number = 0;
    for (int i = 0; i < n; i++)
        number = 10 * number + digits[i];
    return number;
}

Test(addition, one_pair_in_ten_is_held_out_in_either_order) {
    int held_out = 0, carried[3] = {0};
    for (int a = 0; a < 100; a++)
        for (int b = 0; b < 100; b++) {
            held_out += addition_held_out(a, b);
            cr_assert_eq(addition_held_out(a, b), addition_held_out(b, a));
        }
    cr_assert(held_out > 850 && held_out < 1150, "%d of 10000", held_out);
    for (uint64_t i = 0; i < 3000; i++) {
        int32_t row[ADDITION_LENGTH], again[ADDITION_LENGTH];
        addition_lesson(&two, 3, i, row);
        addition_lesson(&two, 3, i, again);
        cr_assert_eq(memcmp(row, again, 7 * sizeof *row), 0);
        cr_assert(!addition_held_out(number_in(row, 2), number_in(row + 2, 2)));
        cr_assert_eq(row[4] + 10 * row[5] + 100 * row[6], number_in(row, 2) + number_in(row + 2, 2));
        carried[addition_carries(&two, row)]++;
        addition_examination(&two, 3, i, row);
        cr_assert(addition_held_out(number_in(row, 2), number_in(row + 2, 2)));
    }
    for (int i = 0; i < 3; i++)
        cr_assert(carried[i] > 500, "%d carries: %d of 3000", i, carried[i]);
}

Test(addition, marks_go_by_carries_and_keep_the_first_mistakes) {
    addition_marks m = {.task = &two};
    int32_t right[ADDITION_LENGTH], given[ADDITION_LENGTH];
    const int pairs[][2] = {{11, 22}, {57, 68}, {50, 60}, {99, 99}, {12, 12}};
    for (int i = 0; i < 5; i++) {
        addition_row(&two, pairs[i][0], pairs[i][1], right);
        memcpy(given, right, sizeof given);
        given[6] = i > 0 ? 9 : given[6]; /* all but the first are wrong */
        addition_mark(&m, right, given);
    }
    cr_assert(m.asked[0] == 2 && m.asked[1] == 1 && m.asked[2] == 2);
    cr_assert(m.exact[0] == 1 && m.exact[1] == 0 && m.exact[2] == 0);
    cr_assert(addition_asked(&m) == 5 && addition_exact(&m) == 1 && m.mistakes == 3);
    char text[ADDITION_TEXT];
    cr_assert_str_eq(addition_text(&two, m.given[0], text), "57 + 68 = 925");
    cr_assert_str_eq(addition_text(&two, m.right[2], text), "99 + 99 = 198");
}

/* Of 3 digits: a2 a1 a0 b2 b1 b0 s0 s1 s2. */
Test(addition, a_place_is_told_by_its_column) {
    const addition_place of_s1[] = {FURTHER_LEFT, OWN_COLUMN,   CARRY_COLUMN, FURTHER_LEFT,
                                    OWN_COLUMN,   CARRY_COLUMN, ANSWER_SO_FAR};
    const addition_place of_s2[] = {OWN_COLUMN,   CARRY_COLUMN,  FURTHER_RIGHT, OWN_COLUMN,
                                    CARRY_COLUMN, FURTHER_RIGHT, ANSWER_SO_FAR};
    const addition_place of_s3[] = {CARRY_COLUMN, FURTHER_RIGHT, FURTHER_RIGHT,
                                    CARRY_COLUMN, FURTHER_RIGHT, FURTHER_RIGHT};
    for (int i = 0; i < 7; i++) {
        cr_assert_eq(addition_place_of(&three, 1, i), of_s1[i], "s1, %d", i);
        cr_assert_eq(addition_place_of(&three, 2, i), of_s2[i], "s2, %d", i);
        cr_assert(i == 6 || addition_place_of(&three, 3, i) == of_s3[i], "s3, %d", i);
    }
}

Test(addition, a_short_training_adds_what_it_was_never_shown, .timeout = 300) {
    const school_subject subject = {addition_lesson, addition_examination, &two};
    training_plan plan = {.steps = 600,
                          .lr = 3e-3,
                          .warmup = 100,
                          .beta2 = 0.98,
                          .weight_decay = 0.01,
                          .clip_norm = 1,
                          .seed = 1,
                          .threads = 1};
    answerer a;
    heed_error error = {0};
    addition_marks m = {.task = &two};
    heed_tape *t = heed_tape_new();
    cr_assert_eq(answerer_init(&a, addition_model(&two), 1), HEED_OK);
    cr_assert_eq(school_train(&a, &subject, &plan, 64, NULL, NULL, &error), HEED_OK, "%s", error.text);
    cr_assert_eq(school_examine(&a, &subject, t, 500, addition_mark, &m), HEED_OK);
    cr_assert(addition_asked(&m) == 500 && addition_exact(&m) > 450, "%d of 500", addition_exact(&m));
    heed_tape_free(t);
    answerer_free(&a);
}
