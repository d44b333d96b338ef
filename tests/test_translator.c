/* Example 05 from within: what it measures, that every recipe learns, and that tasks speak in tokens what they say in text. */
#include "../examples/05_seq2seq/exam.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

Test(translator, attention_counts_where_it_lies_within_one_place_of_the_truth) {
    /* Five places; "b" comes from place 3, "c" from 0 and 1, "d" from nowhere. */
    const example e = {.S = 5, .T = 3, .from = {1 << 3, 1 << 0 | 1 << 1, 0}};
    const double map[] = {
        0.125, 0.25, 0.5,   0.0625, 0.0625, /* 2, 3 and 4 are near: 0.625 */
        0.25,  0.25, 0.125, 0.125,  0.25,   /* 0, 1 and 2: 0.625 */
        1,     0,    0,     0,      0,
    };
    int64_t aligned = 0;
    double near = attention_near(&e, map, 5, &aligned);
    cr_expect_float_eq(near, 1.25, 1e-12);
    cr_expect_eq(aligned, 2);
}

/* Tokens and back, and what comes from where stays there. */
Test(translator, tasks_write_what_they_read) {
    task *tasks[] = {task_dates_new(), task_phrases_new()};
    for (int k = 0; k < 2; k++) {
        const task *t = tasks[k];
        cr_assert_not_null(t);
        for (uint64_t i = 0; i < 500; i++) {
            example e, again;
            char text[TASK_BYTES], why[TASK_WHY];
            t->make(t, 5, i, i % 2, &e);
            t->write(t, false, e.source, e.S, text);
            cr_assert(t->read(t, text, &again, why), "%s: %s", text, why);
            cr_assert_eq(again.S, e.S);
            cr_expect_eq(memcmp(again.source, e.source, (size_t)e.S * sizeof *e.source), 0, "%s", text);
            cr_expect(e.T <= t->longest_target && e.S <= t->longest_source);
            for (int time = 0; time < e.T; time++) {
                cr_expect(e.target[time] >= TOKEN_FIRST && e.target[time] < t->target_count);
                cr_expect_eq(e.from[time] >> e.S, 0);
            }
        }
        task_free(tasks[k]);
    }
}

/* The loss on one small batch, learned by heart. */
static double loss_after(const translator *tr, const batch *b, int steps) {
    heed_tape *t = heed_tape_new();
    heed_grads *g = heed_grads_new(tr->model);
    heed_optim *opt = heed_adamw_new(tr->model, heed_adam_defaults(0.02));
    double last = -1;
    heed_tape_set_threads(t, 1);
    for (int i = 0; i <= steps; i++) {
        heed_tape_reset(t);
        heed_tensor loss = translator_loss(tr, t, b, 0);
        last = heed_item(t, loss);
        cr_assert_eq(heed_backward(t, loss, g), HEED_OK, "%s", heed_error_text(t));
        cr_assert_eq(heed_optim_step(opt, g), HEED_OK);
    }
    heed_optim_free(opt);
    heed_grads_free(g);
    heed_tape_free(t);
    return last;
}

static void learn_by_heart(const task *what, const recipe *how) {
    batch *b = malloc(sizeof *b);
    example e[4];
    for (uint64_t i = 0; i < 4; i++)
        what->make(what, 6, i, false, &e[i]);
    batch_fill(b, e, 4);
    translator *tr = translator_new(what, how, 3);
    cr_assert_not_null(tr);
    double before = loss_after(tr, b, 0), after = loss_after(tr, b, 60);
    cr_expect(after < before / 4, "%s: %g after %g", look_names[how->look], after, before);
    translator_free(tr);
    free(b);
}

Test(translator, every_score_learns_by_heart) {
    task *what = task_phrases_new();
    for (int64_t look = 0; look < LOOKS; look++)
        learn_by_heart(what, &(recipe){.look = look, .hidden = 16, .reach = 4});
    for (int64_t window = 1; window < HEED_WINDOWS; window++)
        for (int64_t cell = 0; cell_names[cell]; cell++)
            learn_by_heart(what, &(recipe){.look = HEED_SCORE_GENERAL,
                                           .cell = cell,
                                           .window = window,
                                           .reach = 4,
                                           .hidden = 16,
                                           .feed = true});
    task_free(what);
}

/* A row of a batch is looked at as it would be alone, and no weight lies on padding. */
Test(translator, maps_are_shares_of_the_source_without_its_padding) {
    task *what = task_phrases_new();
    for (int64_t look = 0; look < LOOKS; look++) {
        translator *tr = translator_new(what, &(recipe){.look = look, .hidden = 8}, 4);
        batch *b = malloc(sizeof *b);
        double *map = malloc(4 * BATCH_TIME * TASK_SOURCE * sizeof *map);
        heed_tape *t = heed_tape_new();
        example e[4];
        bool looked;
        for (uint64_t i = 0; i < 4; i++)
            what->make(what, 8, i, false, &e[i]);
        batch_fill(b, e, 4);
        cr_assert_eq(translator_look(tr, t, b, map, &looked), HEED_OK, "%s", heed_error_text(t));
        cr_expect_eq(looked, look != LOOK_NONE);
        for (int row = 0; looked && row < 4 * b->T; row++) {
            double inside = 0;
            for (int s = 0; s < e[row / b->T].S; s++)
                inside += map[row * b->S + s];
            cr_expect_float_eq(inside, 1, 1e-5, "%s: %g", look_names[look], inside);
        }
        heed_tape_free(t);
        free(map);
        free(b);
        translator_free(tr);
    }
    task_free(what);
}
