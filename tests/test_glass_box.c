/* The glass box: what it claims about W^Q, W^K and W^V, held to it for several seeds. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../examples/01_glass_box/glass.h"
#include "../examples/01_glass_box/inside.h"
#include "../examples/01_glass_box/planted.h"
#include "../examples/01_glass_box/record.h"

enum { SEEDS = 5, STEPS = 1000 };

static void train_until(glass_training *tr, int steps) {
    glass_step step;
    while (tr->steps < steps)
        cr_assert_eq(glass_training_step(tr, &step), HEED_OK, "%s", glass_training_error(tr));
}

static void begin(glass *g, glass_training *tr, heed_dtype dtype, uint64_t seed, int threads) {
    cr_assert_eq(glass_init(g, dtype, seed), HEED_OK);
    cr_assert_eq(glass_training_init(tr, g, seed, threads), HEED_OK);
}

/* A model of `seed` after `steps` steps. */
static void trained(glass *g, heed_dtype dtype, uint64_t seed, int steps, int threads) {
    glass_training tr;
    begin(g, &tr, dtype, seed, threads);
    train_until(&tr, steps);
    glass_training_free(&tr);
}

static glass_question fresh(int index) {
    return glass_draw(heed_rng_hash("test_glass_box"), (uint64_t)index);
}

/* ---- the task ---- */

static bool all_distinct(const int *x, int n, int bound) {
    for (int i = 0; i < n; i++) {
        if (x[i] < 0 || x[i] >= bound)
            return false;
        for (int j = 0; j < i; j++)
            if (x[i] == x[j])
                return false;
    }
    return true;
}

Test(glass_box, a_question_has_one_answer) {
    int asked[GLASS_PAIRS] = {0}, keys[GLASS_KEYS] = {0}, values[GLASS_VALUES] = {0};
    for (int i = 0; i < 1600; i++) {
        glass_question question = fresh(i), again = fresh(i);
        cr_assert_eq(memcmp(&question, &again, sizeof question), 0);
        cr_assert(all_distinct(question.key, GLASS_PAIRS, GLASS_KEYS));
        cr_assert(all_distinct(question.value, GLASS_PAIRS, GLASS_VALUES));
        cr_assert(question.asked >= 0 && question.asked < GLASS_PAIRS);
        asked[question.asked]++;
        for (int j = 0; j < GLASS_PAIRS; j++) {
            keys[question.key[j]]++;
            values[question.value[j]]++;
        }
    }
    for (int j = 0; j < GLASS_PAIRS; j++)
        cr_assert(asked[j] > 200, "pair %d is asked for %d times of 1600", j, asked[j]); /* 267 expected */
    for (int i = 0; i < GLASS_KEYS; i++)
        cr_assert(keys[i] > 500 && values[i] > 500, "%d: %d, %d of 9600", i, keys[i], values[i]); /* 600 expected */
}

/* By hand only the six pairs are looked at; training's mask of trues and false must say the same. */
Test(glass_box, the_question_does_not_see_itself) {
    glass g;
    trained(&g, HEED_F64, 1, 300, 1);
    glass_weights w;
    glass_weights_of(&g, &w);
    heed_tape *t = heed_tape_new();
    for (int i = 0; i < 10; i++) {
        glass_question question = fresh(i);
        static inside hand;
        inside_by_hand(&w, &question, &hand);
        const double *logits = heed_f64(t, glass_logits(&g, t, &question, 1, glass_mask(t)));
        cr_assert(logits, "%s", heed_error_text(t));
        for (int value = 0; value < GLASS_VALUES; value++)
            cr_assert_float_eq(logits[value], hand.logit[value], 1e-14);
    }
    heed_tape_free(t);
    glass_free(&g);
}

/* ---- who moves first ---- */

Test(glass_box, attention_starts_uniform) {
    glass g;
    cr_assert_eq(glass_init(&g, HEED_F32, 1), HEED_OK);
    for (int i = 0; i < 20; i++) {
        glass_question question = fresh(i);
        heed_error error = {0};
        inside x;
        cr_assert_eq(inside_by_engine(&g, &question, &x, &error), HEED_OK, "%s", error.text);
        for (int j = 0; j < GLASS_PAIRS; j++)
            cr_assert_float_eq(x.a[j], 1.0 / GLASS_PAIRS, 0.005, "weight %g", x.a[j]);
        cr_assert_float_eq(x.loss, log(GLASS_VALUES), 0.1);
    }
    glass_free(&g);
}

Test(glass_box, at_step_one_the_gradient_of_w_v_is_a_hundred_times_that_of_w_q) {
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        glass g;
        glass_training tr;
        glass_step step;
        begin(&g, &tr, HEED_F32, seed, 1);
        cr_assert_eq(glass_training_step(&tr, &step), HEED_OK);
        cr_assert_eq(step.step, 1);
        cr_assert(step.norm_q > 0 && step.norm_q < step.norm_v / 100, "seed %d: %g, %g", (int)seed, step.norm_q,
                  step.norm_v);
        cr_assert(step.norm_k > 0 && step.norm_k < step.norm_v / 100, "seed %d: %g, %g", (int)seed, step.norm_k,
                  step.norm_v);
        glass_training_free(&tr);
        glass_free(&g);
    }
}

/* ---- what is learned, and in which order ---- */

static glass_circuits circuits_of(const glass *g) {
    static glass_weights w;
    glass_circuits c;
    glass_weights_of(g, &w);
    glass_circuits_of(&w, &c);
    return c;
}

Test(glass_box, values_come_first_then_queries_and_keys_until_everything_is_answered) {
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        glass g;
        glass_training tr;
        begin(&g, &tr, HEED_F32, seed, 1);

        train_until(&tr, STEPS / 5); /* it names what is there, and guesses which */
        glass_circuits c = circuits_of(&g);
        glass_marks marks = glass_examine(&g, heed_rng_hash("test_glass_box"), 500);
        cr_assert(c.vo_right == GLASS_VALUES && c.qk_right < GLASS_KEYS, "seed %d: %d, %d", (int)seed, c.vo_right,
                  c.qk_right);
        cr_assert(marks.present > 0.9 && marks.right < 0.3, "seed %d: %g, %g", (int)seed, marks.present, marks.right);

        train_until(&tr, STEPS);
        c = circuits_of(&g);
        marks = glass_examine(&g, heed_rng_hash("test_glass_box"), 2000);
        cr_assert_eq(c.qk_right, GLASS_KEYS, "seed %d: %d", (int)seed, c.qk_right);
        cr_assert_eq(c.vo_right, GLASS_VALUES, "seed %d: %d", (int)seed, c.vo_right);
        cr_assert_eq(marks.right, 1.0, "seed %d: %g", (int)seed, marks.right);
        glass_training_free(&tr);
        glass_free(&g);
    }
}

Test(glass_box, circuits_count_the_diagonal) {
    glass_weights w = {.q[3][5] = 2, .k[3][5] = 1, .k[4][5] = 1.5, .v[GLASS_KEYS + 9][7] = 1, .o[7][9] = 3};
    glass_circuits c;
    glass_circuits_of(&w, &c);
    cr_assert_eq(c.qk[3][3], 2);
    cr_assert_eq(c.qk[3][4], 3); /* the largest of row 3, and not on the diagonal */
    cr_assert_eq(c.vo[9][9], 3);
    cr_assert_eq(c.qk_right, 1); /* of rows of zeros the first is the largest: row 0's */
    cr_assert_eq(c.vo_right, 2);
}

Test(glass_box, the_same_bits_for_one_thread_and_two) {
    glass one, two;
    trained(&one, HEED_F32, 1, 100, 1);
    trained(&two, HEED_F32, 1, 100, 2);
    int64_t size = heed_model_size(one.model);
    cr_assert_eq(size, heed_model_size(two.model));
    cr_assert_arr_eq(heed_model_data(one.model), heed_model_data(two.model), (size_t)size * sizeof(float));
    glass_free(&one);
    glass_free(&two);
}

/* ---- backward, by hand and by the engine ---- */

/* Differences of rounding: of f64, of f32. */
static void assert_agree(const glass *g, double tolerance) {
    static inside engine, hand;
    static glass_weights w;
    glass_weights_of(g, &w);
    for (int i = 0; i < 10; i++) {
        glass_question question = fresh(i);
        heed_error error = {0};
        inside_difference difference[INSIDE_COMPARED];
        cr_assert_eq(inside_by_engine(g, &question, &engine, &error), HEED_OK, "%s", error.text);
        inside_by_hand(&w, &question, &hand);
        inside_compare(&engine, &hand, difference);
        for (int c = 0; c < INSIDE_COMPARED; c++) {
            cr_assert(difference[c].difference <= tolerance * (1 + difference[c].largest), "%s: %g of %g",
                      difference[c].name, difference[c].difference, difference[c].largest);
            cr_assert_gt(difference[c].largest, 0, "%s", difference[c].name);
        }
    }
}

/* At the start, on the way, and where all is learned. */
static void assert_agree_throughout(heed_dtype dtype, double tolerance) {
    const int steps[] = {0, 300, STEPS};
    glass g;
    glass_training tr;
    begin(&g, &tr, dtype, 1, 1);
    for (int i = 0; i < 3; i++) {
        train_until(&tr, steps[i]);
        assert_agree(&g, tolerance);
    }
    glass_training_free(&tr);
    glass_free(&g);
}

Test(glass_box, backward_by_hand_is_the_engines_backward) {
    assert_agree_throughout(HEED_F64, 4e-15);
    assert_agree_throughout(HEED_F32, 1e-6);
}

/* The scores' gradients sum to zero, and dW^Q is one row, dq, beside 31 rows of nothing at all. */
Test(glass_box, the_engine_fills_one_row_of_w_q) {
    glass g;
    trained(&g, HEED_F64, 2, 300, 1);
    for (int i = 0; i < 10; i++) {
        glass_question question = fresh(i);
        heed_error error = {0};
        static inside x;
        cr_assert_eq(inside_by_engine(&g, &question, &x, &error), HEED_OK, "%s", error.text);
        double sum = 0, zeros[GLASS_D_K] = {0};
        for (int j = 0; j < GLASS_PAIRS; j++)
            sum += x.ds[j];
        cr_assert_float_eq(sum, 0, 1e-15);
        cr_assert_lt(x.ds[question.asked], 0); /* it is pulled up */
        int key = question.key[question.asked];
        for (int row = 0; row < GLASS_D_MODEL; row++)
            cr_assert_arr_eq(x.dw.q[row], row == key ? x.dq : zeros, sizeof zeros, "row %d", row);
    }
    glass_free(&g);
}

Test(glass_box, a_step_on_one_question_lowers_its_loss_and_leaves_the_model_alone) {
    glass g;
    trained(&g, HEED_F32, 1, 300, 1);
    size_t bytes = (size_t)heed_model_size(g.model) * sizeof(float);
    void *before = malloc(bytes);
    memcpy(before, heed_model_data(g.model), bytes);
    for (int i = 0; i < 10; i++) {
        glass_question question = fresh(i);
        heed_error error = {0};
        static inside x;
        double after = NAN;
        cr_assert_eq(inside_by_engine(&g, &question, &x, &error), HEED_OK, "%s", error.text);
        cr_assert_eq(inside_loss_after_step(&g, &question, 1, &after, &error), HEED_OK, "%s", error.text);
        cr_assert(after < 0.7 * x.loss, "%g -> %g", x.loss, after);
    }
    cr_assert_arr_eq(heed_model_data(g.model), before, bytes);
    free(before);
    glass_free(&g);
}

/* ---- the film ---- */

Test(glass_box, a_record_has_the_first_step_the_last_and_fifty_parts) {
    const struct {
        int steps, frames;
    } cases[] = {{1, 1}, {7, 7}, {50, 50}, {60, RECORD_FRAMES}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        glass g;
        glass_training tr;
        record *r = calloc(1, sizeof *r);
        r->steps = cases[i].steps;
        begin(&g, &tr, HEED_F32, 1, 1);
        cr_assert_eq(record_train(r, &tr, cases[i].steps / 3), HEED_OK); /* in two parts */
        cr_assert_eq(record_train(r, &tr, cases[i].steps), HEED_OK);
        cr_assert_eq(r->frames, cases[i].frames, "%d steps: %d frames", cases[i].steps, r->frames);
        cr_assert_eq(r->frame[0].at.step, 1);
        cr_assert_eq(record_at(r, 0), &r->frame[0]);
        cr_assert_eq(record_at(r, 1)->at.step, cases[i].steps);
        glass_training_free(&tr);
        glass_free(&g);
        free(r);
    }
}

/* ---- the planted teacher ---- */

Test(glass_box, of_a_planted_teacher_only_the_product_is_learned) {
    for (uint64_t seed = 1; seed <= 2; seed++) {
        static planted_lesson lesson;
        heed_error error = {0};
        cr_assert_eq(planted_teach(&lesson, seed, STEPS, 1, &error), HEED_OK, "%s", error.text);
        for (int i = 0; i < PLANTED_STUDENTS; i++) {
            const planted_student *student = &lesson.student[i];
            cr_assert_gt(student->before.product, 0.5);
            cr_assert_lt(student->after.product, 0.01, "seed %d, student %d: %g", (int)seed, i, student->after.product);
            cr_assert_lt(student->after.v, 0.01);
            cr_assert(student->after.q > 0.5 && student->after.k > 0.5, "%g, %g", student->after.q, student->after.k);
        }
        planted_distance apart = planted_compare(&lesson.student[0].learned, &lesson.student[1].learned);
        cr_assert(apart.product < 0.02 && apart.q > 0.5, "%g, %g", apart.product, apart.q);
    }
}
