/* What the lessons share: an answerer and its school, and curves. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "../examples/common/plot.h"
#include "../examples/common/school.h"

enum { QUESTION = 3, ANSWER = 2, LENGTH = QUESTION + ANSWER, READ = LENGTH - 1, VALUES = 7 };

static void begin(answerer *a, heed_tape **t) {
    *t = heed_tape_new();
    heed_tape_set_threads(*t, 1);
    const answerer_options options = {
        .vocabulary = VALUES, .question = QUESTION, .answer = ANSWER, .d_model = 8, .n_heads = 2, .n_layers = 2};
    cr_assert_eq(answerer_init(a, options, 4), HEED_OK, "%s", heed_model_error_text(a->model));
}

static void end(answerer *a, heed_tape *t) {
    heed_tape_free(t);
    answerer_free(a);
}

static const int32_t rows[2 * LENGTH] = {1, 2, 3, 4, 5, 6, 0, 1, 2, 2};

/* The logits of each place read, for one row. */
static const float *logits_of(const answerer *a, heed_tape *t, const int32_t *row) {
    const float *logits = heed_f32(t, heed_gpt_forward(&a->gpt, t, heed_input(t, HEED_I32, HEED_SHAPE(1, READ), row)));
    cr_assert_not_null(logits);
    return logits;
}

Test(lessons, the_loss_is_of_the_answer_alone) {
    answerer a;
    heed_tape *t;
    begin(&a, &t);
    double sum = 0;
    for (int b = 0; b < 2; b++)
        for (int i = 0; i < ANSWER; i++) {
            const float *logits = logits_of(&a, t, rows + b * LENGTH) + (QUESTION - 1 + i) * VALUES;
            double all = 0;
            for (int v = 0; v < VALUES; v++)
                all += exp((double)logits[v]);
            sum += log(all) - (double)logits[rows[b * LENGTH + QUESTION + i]];
        }
    cr_assert_float_eq(heed_item(t, answerer_loss(&a, t, rows, 2)), sum / 4, 1e-5);
    end(&a, t);
}

Test(lessons, an_answer_is_greedy_and_made_of_the_question_alone) {
    answerer a;
    heed_tape *t;
    begin(&a, &t);
    int32_t given[2 * LENGTH], other[2 * LENGTH];
    memcpy(given, rows, sizeof given);
    memcpy(other, rows, sizeof other);
    other[3] = other[4] = other[8] = other[9] = 0; /* what stood there must not matter */
    cr_assert(heed_tape_set_recording(t, true));
    cr_assert_eq(answerer_answer(&a, t, given, 2), HEED_OK);
    cr_assert_eq(answerer_answer(&a, t, other, 2), HEED_OK);
    cr_assert(heed_tape_recording(t));
    cr_assert_eq(memcmp(given, other, sizeof given), 0);
    for (int b = 0; b < 2; b++)
        for (int i = 0; i < QUESTION; i++)
            cr_assert_eq(given[b * LENGTH + i], rows[b * LENGTH + i]);
    for (int b = 0; b < 2; b++)
        for (int i = 0; i < ANSWER; i++) {
            const float *logits = logits_of(&a, t, given + b * LENGTH) + (QUESTION - 1 + i) * VALUES;
            for (int v = 0; v < VALUES; v++)
                cr_assert(logits[v] <= logits[given[b * LENGTH + QUESTION + i]]);
        }
    end(&a, t);
}

Test(lessons, maps_are_means_over_rows_of_weights_that_sum_to_one) {
    enum { SIZE = 2 * 2 * ANSWER * READ };
    answerer a;
    heed_tape *t;
    patterns caught;
    double both[SIZE], first[SIZE], second[SIZE];
    begin(&a, &t);
    cr_assert_eq(patterns_watch(&caught, t), HEED_OK);
    cr_assert_eq(answerer_look(&a, t, &caught, rows, 1, first), HEED_OK);
    cr_assert_eq(answerer_look(&a, t, &caught, rows + LENGTH, 1, second), HEED_OK);
    cr_assert_eq(answerer_look(&a, t, &caught, rows, 2, both), HEED_OK);
    for (int i = 0; i < SIZE; i++)
        cr_assert_float_eq(both[i], (first[i] + second[i]) / 2, 1e-6);
    for (int row = 0; row < 2 * 2 * ANSWER; row++) {
        double sum = 0;
        for (int j = 0; j < READ; j++) {
            sum += both[row * READ + j];
            cr_assert(j < QUESTION + row % ANSWER ? both[row * READ + j] > 0 : both[row * READ + j] == 0);
        }
        cr_assert_float_eq(sum, 1, 1e-5);
    }
    cr_assert_null(patterns_of(&caught, t, 2, 0, 0)); /* there is no third layer */
    end(&a, t);
}

/* ---- curves ---- */

Test(lessons, curves_are_drawn_where_they_pass) {
    const double x[] = {0, 2, 3}, up[] = {0, 0, 0.8}, down[] = {1, 0.25, 0.25};
    const curve curves[] = {{"up", up, "+", INK_PLAIN}, {"down", down, "o", INK_PLAIN}};
    const plot p = {.title = "title",
                    .x = x,
                    .n = 3,
                    .curves = curves,
                    .count = 2,
                    .last = 4,
                    .high = 1,
                    .decimals = 1,
                    .rows = 5,
                    .columns = 5,
                    .x_name = "x"};
    char text[1024] = "";
    terminal term = {.out = tmpfile(), .width = 80, .height = 24};
    cr_assert_not_null(term.out);
    int lines = plot_print(&term, &p), newlines = 0;
    rewind(term.out);
    text[fread(text, 1, sizeof text - 1, term.out)] = '\0';
    for (char *at = text; *at; at++)
        newlines += *at == '\n';
    cr_assert(lines == 8 && newlines == 8, "%d lines said, %d printed", lines, newlines);
    cr_assert_str_eq(text, "  title   + up   o down\n"
                           "   1.0 │o    \n"
                           "       │ o + \n"
                           "   0.5 │ o + \n"
                           "       │  o+ \n"
                           "   0.0 │+++  \n"
                           "       └─────\n"
                           "        0 x 4\n");
    fclose(term.out);
}
