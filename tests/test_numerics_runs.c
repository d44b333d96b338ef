/* Promises about errors, optimizers, runs and texts (promises.c) that no other suite holds. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <heed/heed.h>

#include "helpers/comma_locale.h"
#include "helpers/small_training.h"

static heed_tape *t;

static void open_tape(void) {
    t = heed_tape_new();
}

static void close_tape(void) {
    heed_tape_free(t);
}

TestSuite(numerics_runs, .init = open_tape, .fini = close_tape);

/* ---- errors ---- */

/* "ERR = the tape's sticky error with a message; outputs, parameters and gradients unchanged." [promises: errors
 * stick] */
Test(numerics_runs, an_error_changes_nothing_else) {
    heed_model *model = heed_model_new();
    heed_param w = heed_param_new(heed_model_root(model), "w", HEED_SHAPE(4), heed_init_normal(0, 1));
    cr_assert_eq(heed_model_build(model, HEED_F64, 1), HEED_OK);
    heed_grads *g = heed_grads_new(model);
    double before[4], slopes[4];
    cr_assert_eq(heed_param_get(w, before, 4), HEED_OK);
    heed_tensor y = heed_square(t, heed_use(t, w));
    cr_assert_eq(heed_backward(t, heed_sum(t, y, HEED_ALL_AXES), g), HEED_OK);
    memcpy(slopes, heed_grads_of(g, w), sizeof slopes);
    const double *seen = heed_f64(t, y);
    heed_tensor bad[] = {heed_reshape(t, y, HEED_SHAPE(3)), heed_softmax(t, y, 7), heed_matmul(t, y, y)};
    cr_expect(heed_is_nil(bad[0]) && heed_is_nil(bad[1]) && heed_is_nil(bad[2]));
    cr_expect_neq(heed_backward(t, heed_sum(t, y, HEED_ALL_AXES), NULL), HEED_OK);
    cr_expect_str_eq(heed_error_text(t), "reshape: (4,), of 4 elements, to (3,): the numbers of elements differ");
    for (int i = 0; i < 4; i++) {
        cr_expect_eq(seen[i], before[i] * before[i]);
        cr_expect_eq(((double *)heed_param_data(w))[i], before[i]);
        cr_expect_eq(((double *)heed_grads_of(g, w))[i], slopes[i]);
    }
    heed_grads_free(g);
    heed_model_free(model);
}

/* ---- optimizers ---- */

static heed_model *model_of_three(heed_param *w) {
    heed_model *model = heed_model_new();
    *w = heed_param_new(heed_model_root(model), "w", HEED_SHAPE(3), heed_init_constant(1));
    cr_assert_eq(heed_model_build(model, HEED_F64, 1), HEED_OK);
    return model;
}

/* "eps <= 0, beta outside [0,1), lr NaN or negative ERR", of every optimizer and all its options. [promises: eps of
 * optimizers; betas; learning rates] */
Test(numerics_runs, options_of_optimizers_out_of_range) {
    heed_param w;
    heed_model *model = model_of_three(&w);
    heed_adam_options adam[9];
    for (int i = 0; i < 9; i++)
        adam[i] = heed_adam_defaults(0.1);
    adam[0].eps = -1e-8, adam[1].eps = INFINITY, adam[2].beta1 = -0.1, adam[3].beta1 = NAN, adam[4].beta2 = 1,
    adam[5].beta2 = NAN;
    adam[6].lr = -0.1, adam[7].lr = NAN, adam[8].weight_decay = -1;
    for (int i = 0; i < 18; i++) {
        heed_optim *opt = i % 2 ? heed_adam_new(model, adam[i / 2]) : heed_adamw_new(model, adam[i / 2]);
        cr_expect_eq(heed_optim_status(opt), HEED_INVALID, "adam %d", i);
        heed_optim_free(opt);
    }
    heed_rmsprop_options rmsprop[8];
    for (int i = 0; i < 8; i++)
        rmsprop[i] = heed_rmsprop_defaults(0.1);
    rmsprop[0].eps = 0, rmsprop[1].eps = -1, rmsprop[2].eps = NAN, rmsprop[3].alpha = 1, rmsprop[4].alpha = -0.1,
    rmsprop[5].momentum = 1;
    rmsprop[6].momentum = NAN, rmsprop[7].lr = -1;
    for (int i = 0; i < 8; i++) {
        heed_optim *opt = heed_rmsprop_new(model, rmsprop[i]);
        cr_expect_eq(heed_optim_status(opt), HEED_INVALID, "rmsprop %d", i);
        heed_optim_free(opt);
    }
    const heed_sgd_options sgd[] = {{.lr = NAN},
                                    {.lr = -1},
                                    {.lr = INFINITY},
                                    {.lr = 1, .momentum = 1},
                                    {.lr = 1, .momentum = NAN},
                                    {.lr = 1, .momentum = -1},
                                    {.lr = 1, .dampening = 2},
                                    {.lr = 1, .nesterov = true},
                                    {.lr = 1, .weight_decay = NAN}};
    for (size_t i = 0; i < sizeof sgd / sizeof *sgd; i++) {
        heed_optim *opt = heed_sgd_new(model, sgd[i]);
        cr_expect_eq(heed_optim_status(opt), HEED_INVALID, "sgd %zu", i);
        heed_optim_free(opt);
    }
    heed_model_free(model);
}

static void give(heed_param w, heed_grads *g, double slope) {
    heed_tape_reset(t);
    heed_tensor by = heed_input(t, HEED_F64, HEED_SHAPE(3), (double[]){slope, 1, 1});
    cr_assert_eq(heed_backward(t, heed_sum(t, heed_mul(t, heed_use(t, w), by), HEED_ALL_AXES), g), HEED_OK, "%s",
                 heed_error_text(t));
}

/* "A norm that is inf or NaN refuses the step, says so, parameters unchanged": nor anything else of the optimizer or
 * the gradients. [promises: norms not finite] */
Test(numerics_runs, a_refused_step_has_not_begun) {
    heed_param w;
    heed_model *model = model_of_three(&w);
    heed_grads *g = heed_grads_new(model);
    heed_optim *opt = heed_adamw_new(model, heed_adam_defaults(0.1));
    cr_assert_eq(heed_optim_set_clip_norm(opt, 1), HEED_OK);
    cr_assert_eq(heed_optim_set_clip_value(opt, 0.5), HEED_OK);
    give(w, g, 1);
    cr_assert_eq(heed_optim_step(opt, g), HEED_OK);
    double before[3][3];
    const void *now[3] = {heed_param_data(w), heed_optim_slot(opt, w, 0), heed_optim_slot(opt, w, 1)};
    for (int i = 0; i < 3; i++)
        memcpy(before[i], now[i], sizeof before[i]);
    give(w, g, NAN);
    cr_expect_eq(heed_optim_step(opt, g), HEED_NOT_FINITE);
    cr_expect_str_eq(heed_optim_error_text(opt),
                     "adamw: step: the gradients' norm is NaN; the parameters are unchanged");
    for (int i = 0; i < 3; i++)
        cr_expect_arr_eq(now[i], before[i], sizeof before[i], "%d", i);
    cr_expect_eq(heed_optim_steps(opt), 1);
    cr_expect(isnan(((double *)heed_grads_of(g, w))[0]) && ((double *)heed_grads_of(g, w))[1] == 1,
              "the gradients were clipped");
    heed_optim_free(opt);
    heed_grads_free(g);
    heed_model_free(model);
}

/* "Clipping by norm: norm 0 changes nothing": no gradient becomes NaN. [promises: norm 0] */
Test(numerics_runs, a_norm_of_zero_clips_nothing) {
    heed_param w;
    heed_model *model = model_of_three(&w);
    heed_grads *g = heed_grads_new(model);
    heed_optim *opt = heed_sgd_new(model, (heed_sgd_options){.lr = 1});
    cr_assert_eq(heed_optim_set_clip_norm(opt, 1e-300), HEED_OK);
    cr_assert_eq(heed_backward(t, heed_scale(t, heed_sum(t, heed_use(t, w), HEED_ALL_AXES), 0), g), HEED_OK);
    cr_expect_eq(heed_optim_step(opt, g), HEED_OK);
    cr_expect_eq(heed_optim_last_norm(opt), 0);
    cr_expect_eq(((double *)heed_param_data(w))[0], 1);
    heed_optim_free(opt);
    heed_grads_free(g);
    heed_model_free(model);
}

/* ---- determinism ---- */

/* "Same build, same seed: same bits of parameters, optimizer state and RNG after any number of steps, for every thread count, every run,
 * ... watched or not." */
typedef struct trained {
    size_t bytes;
    char *all; /* parameters and both of AdamW's moments */
    double loss, drawn;
} trained;

static void watch_closely(void *user, heed_tape *tape, const char *path, heed_tensor x) {
    (void)path;
    ++*(int *)user;
    cr_assert(heed_data(tape, heed_keep_grad(tape, x)));
}

static trained train(int threads, int steps, bool watching) {
    small_training s;
    cr_assert(small_training_init(&s, HEED_F32));
    heed_tape_reset(t);
    heed_tape_set_threads(t, threads);
    heed_optim_set_threads(s.optim, threads);
    int seen = 0;
    if (watching)
        cr_assert_eq(heed_tape_on_watch(t, "*", watch_closely, &seen), HEED_OK);
    trained r = {.bytes = (size_t)heed_model_size(s.model) * sizeof(float)};
    for (int step = 0; step < steps; step++)
        r.loss = small_training_step(&s, t, step);
    cr_assert(isfinite(r.loss) && (seen > 0) == watching, "%s", heed_error_text(t));
    r.drawn = heed_item(t, heed_rand(t, HEED_F64, HEED_SCALAR));
    r.all = malloc(3 * r.bytes);
    memcpy(r.all, heed_model_data(s.model), r.bytes);
    for (int slot = 0; slot < 2; slot++) /* a slot is laid out as the values */
        memcpy(r.all + (size_t)(slot + 1) * r.bytes, heed_optim_slot(s.optim, (heed_param){s.model, 0}, slot), r.bytes);
    heed_tape_unwatch(t, watch_closely, &seen);
    small_training_free(&s);
    return r;
}

/* PyTorch promises no such thing: its products depend on the number of threads. [promises: the same bits; any
 * threads; any run; watched or not] */
Test(numerics_runs, training_has_the_same_bits_however_it_is_run) {
    const struct {
        int threads;
        bool watching;
    } runs[] = {{1, false}, {1, true}, {2, false}, {3, true}, {7, false}, {16, true}};
    trained first = train(1, 40, false);
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        trained again = train(runs[i].threads, 40, runs[i].watching);
        cr_expect_arr_eq(again.all, first.all, 3 * first.bytes, "%d threads, watched: %d", runs[i].threads,
                         runs[i].watching);
        cr_expect(again.loss == first.loss && again.drawn == first.drawn, "%d threads, watched: %d", runs[i].threads,
                  runs[i].watching);
        free(again.all);
    }
    free(first.all);
}

/* Batches of inputs x; w learns to make x · w = 1. */
enum { FEATURES = 8, LEARNT = FEATURES * sizeof(double) };

static heed_status fill_batch(void *user, uint64_t seed, uint64_t batch, void *buffer, heed_error *error) {
    (void)user;
    (void)error;
    for (uint64_t i = 0; i < FEATURES * FEATURES; i++)
        ((double *)buffer)[i] = heed_rng_normal(heed_rng_mix(seed, batch), i);
    return HEED_OK;
}

static void learn(int threads, int buffers, double learnt[3][FEATURES]) {
    heed_model *model = heed_model_new();
    const heed_param w = heed_param_new(heed_model_root(model), "w", HEED_SHAPE(FEATURES, 1), heed_init_normal(0, 1));
    cr_assert_eq(heed_model_build(model, HEED_F64, 1), HEED_OK);
    heed_grads *g = heed_grads_new(model);
    heed_optim *opt = heed_adamw_new(model, heed_adam_defaults(0.05));
    heed_loader *loader = heed_loader_new(fill_batch, NULL, (heed_loader_options){
        .bytes = FEATURES * LEARNT, .buffers = buffers, .threads = threads, .seed = 9}, NULL);
    for (int step = 0; step < 60; step++) {
        heed_tape_reset(t);
        const double *x = heed_loader_next(loader);
        cr_assert_not_null(x, "%s", heed_loader_error_text(loader));
        const heed_tensor y = heed_matmul(t, heed_input(t, HEED_F64, HEED_SHAPE(FEATURES, FEATURES), x), heed_use(t, w));
        cr_assert_eq(heed_backward(t, heed_mse(t, y, heed_ones(t, HEED_F64, HEED_SHAPE(FEATURES, 1))), g), HEED_OK);
        cr_assert_eq(heed_optim_step(opt, g), HEED_OK);
    }
    memcpy(learnt[0], heed_param_data(w), LEARNT);
    for (int slot = 0; slot < 2; slot++)
        memcpy(learnt[slot + 1], heed_optim_slot(opt, w, slot), LEARNT);
    heed_loader_free(loader);
    heed_optim_free(opt);
    heed_grads_free(g);
    heed_model_free(model);
}

/* [promises: any loader] */
Test(numerics_runs, a_loaders_threads_change_no_bit) {
    double without[3][FEATURES], with[3][FEATURES];
    learn(0, 0, without);
    for (int threads = 1; threads < 6; threads += 2) {
        learn(threads, threads + 1, with);
        cr_expect_arr_eq(with, without, sizeof with, "%d threads", threads);
    }
}

/* ---- several losses ---- */

/* x² + 5 x at x = 3, in one walk and in two: 6 + 5. [promises: several losses] */
Test(numerics_runs, several_losses_are_summed_or_retained) {
    heed_model *model = heed_model_new();
    const heed_param w = heed_param_new(heed_model_root(model), "w", HEED_SCALAR, heed_init_constant(3));
    cr_assert_eq(heed_model_build(model, HEED_F64, 1), HEED_OK);
    for (int retain = 0; retain < 2; retain++) {
        heed_grads *g = heed_grads_new(model);
        heed_tape_reset(t);
        const heed_tensor x = heed_use(t, w), square = heed_square(t, x), line = heed_scale(t, x, 5);
        if (retain) {
            cr_expect_eq(heed_backward_with(t, square, g, (heed_backward_options){.retain = true}), HEED_OK);
            cr_expect_eq(heed_backward(t, line, g), HEED_OK, "%s", heed_error_text(t));
        } else {
            cr_expect_eq(heed_backward(t, heed_add(t, square, line), g), HEED_OK);
        }
        cr_expect_eq(*(double *)heed_grads_of(g, w), 11, "retained: %d", retain);
        heed_grads_free(g);
    }
    heed_model_free(model);
}

/* ---- files ---- */

/* "Numbers print and parse with '.' in every locale": in errors too, and what was saved before the locale changed is
 * read after. [promises: a point in every locale] */
Test(numerics_runs, errors_have_a_point_in_every_locale) {
    if (!comma_locale_begin())
        cr_skip_test("no locale with a decimal comma can be made here");
    heed_dropout(t, heed_zeros(t, HEED_F32, HEED_SHAPE(2)), 1.5);
    cr_expect_str_eq(heed_error_text(t), "dropout: p must be in [0, 1], is 1.5");
    heed_tape_reset(t);
    heed_fail_tape(t, HEED_INVALID, "%.2f is too much", 2.5);
    cr_expect_str_eq(heed_error_text(t), "2.50 is too much");
    heed_model *model = heed_model_new();
    heed_module_fail(heed_model_root(model), "%.1f is too much", 2.5);
    cr_expect_str_eq(heed_model_error_text(model), "2.5 is too much");
    heed_error e = {.status = HEED_OK};
    heed_error_set(&e, HEED_INVALID, "%g is too much", 1e-5);
    cr_expect_str_eq(e.text, "1e-05 is too much");
    char text[8];
    snprintf(text, sizeof text, "%.1f", 1.5);
    cr_expect_str_eq(text, "1,5", "the program's locale is its own");
    comma_locale_end();
    heed_model_free(model);
}
