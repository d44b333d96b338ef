/* Optimizers at the edges: rules that are none, numbers that vanish in the model's dtype, names too long, gradients from elsewhere. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include <heed/heed.h>

static heed_model *model;
static heed_param w;
static heed_grads *g;
static heed_tape *t;

static void open_model(heed_dtype dtype) {
    model = heed_model_new();
    w = heed_param_new(heed_model_root(model), "w", HEED_SHAPE(3), heed_init_constant(1));
    cr_assert_eq(heed_model_build(model, dtype, 1), HEED_OK);
    g = heed_grads_new(model);
    t = heed_tape_new();
}

static void close_model(void) {
    heed_tape_free(t);
    heed_grads_free(g);
    heed_model_free(model);
}

/* Gives w this gradient. */
static void give(double slope) {
    heed_tape_reset(t);
    heed_tensor loss = heed_scale(t, heed_sum(t, heed_use(t, w), HEED_ALL_AXES), slope);
    cr_assert_eq(heed_backward(t, loss, g), HEED_OK, "%s", heed_error_text(t));
}

static double value(void) {
    double values[3];
    cr_assert_eq(heed_param_get(w, values, 3), HEED_OK);
    return values[0];
}

static void nothing(const heed_optim_call *call, int64_t begin, int64_t end) {
    (void)call;
    (void)begin;
    (void)end;
}

Test(optim_misuse, rules_that_are_none) {
    open_model(HEED_F32);
    const heed_optim_rule whole = {
        .size = sizeof whole, .name = "own", .update = nothing, .options_size = sizeof(double)};
    heed_optim_rule rules[4] = {whole, whole, whole, whole};
    rules[0].size--;
    rules[1].update = NULL;
    rules[2].n_slots = HEED_OPTIM_SLOTS + 1;
    rules[3].n_slots = -1;
    for (int i = 0; i < 5; i++) {
        heed_optim *opt = heed_optim_new(model, i < 4 ? &rules[i] : NULL, &(double){0}, 0.1, 0);
        cr_expect_str_eq(heed_optim_error_text(opt),
                         "optimizer: the rule is not of this library's size, has no update, or not 0 to 4 slots");
        give(1);
        cr_expect_eq(heed_optim_step(opt, g), HEED_INVALID);
        heed_grads_clear(g);
        heed_optim_free(opt);
    }
    heed_optim *opt = heed_optim_new(model, &whole, NULL, 0.1, 0);
    cr_expect_str_eq(heed_optim_error_text(opt), "own: its options are NULL");
    heed_optim_free(opt);
    heed_optim_free(NULL);
    close_model();
}

Test(optim_misuse, models_that_cannot_be_trained) {
    heed_model *unbuilt = heed_model_new(), *refused = heed_model_new();
    heed_param_new(heed_model_root(refused), "a.b", HEED_SHAPE(1), heed_init_constant(0));
    heed_optim *opt = heed_sgd_new(unbuilt, (heed_sgd_options){.lr = 1});
    cr_expect_str_eq(heed_optim_error_text(opt), "sgd: the model is not built yet");
    heed_optim_free(opt);
    opt = heed_sgd_new(refused, (heed_sgd_options){.lr = 1});
    cr_expect_str_eq(heed_optim_error_text(opt), "sgd: parameter name \"a.b\" must be letters, digits and _");
    heed_optim_free(opt);
    heed_ema *ema = heed_ema_new(unbuilt, 0.9);
    cr_expect_str_eq(heed_ema_error_text(ema), "ema: heed_model_clone: the model is not built yet");
    cr_expect_eq(heed_ema_update(ema), HEED_STATE);
    cr_expect_eq(heed_ema_swap(ema), HEED_STATE);
    heed_ema_free(ema);
    heed_model_free(unbuilt);
    heed_model_free(refused);
}

/* "Adam with all-zero gradients: no NaN", though eps is 0 in the model's dtype. [promises: Adam of zeros] */
Test(optim_misuse, an_eps_that_a_float_cannot_hold) {
    for (int which = 0; which < 2; which++) {
        open_model(HEED_F32);
        heed_adam_options adam = heed_adam_defaults(0.1);
        heed_rmsprop_options rmsprop = heed_rmsprop_defaults(0.1);
        adam.eps = rmsprop.eps = 1e-60;
        heed_optim *opt = which ? heed_rmsprop_new(model, rmsprop) : heed_adam_new(model, adam);
        for (int step = 0; step < 3; step++) {
            give(0);
            cr_expect_eq(heed_optim_step(opt, g), HEED_OK);
        }
        cr_expect_eq(value(), 1, "%s", which ? "rmsprop" : "adam");
        heed_optim_free(opt);
        close_model();
    }
}

/* Of equal gradients the variance is 0; rounding must not make it less. */
Test(optim_misuse, centered_rmsprop_of_equal_gradients_makes_no_nan) {
    open_model(HEED_F32);
    heed_rmsprop_options options = heed_rmsprop_defaults(1e-3);
    options.centered = true;
    heed_optim *opt = heed_rmsprop_new(model, options);
    for (int step = 0; step < 3000; step++) {
        give(0.1);
        cr_assert_eq(heed_optim_step(opt, g), HEED_OK);
    }
    cr_expect(isfinite(value()), "%g", value());
    heed_optim_free(opt);
    close_model();
}

Test(optim_misuse, group_names_are_kept_whole_or_refused) {
    open_model(HEED_F64);
    heed_optim *opt = heed_sgd_new(model, (heed_sgd_options){.lr = 1});
    heed_param_set_group(w, "a_name_of_thirty_one_characters");
    cr_expect_eq(heed_optim_set_group(opt, "a_name_of_thirty_one_characters", (heed_group_options){.lr_scale = 2}),
                 HEED_OK);
    cr_expect_eq(heed_optim_set_group(opt, "a_name_of_thirty_one_characters", (heed_group_options){.lr_scale = 3}),
                 HEED_OK);
    give(1);
    cr_expect_eq(heed_optim_step(opt, g), HEED_OK);
    cr_expect_eq(value(), 1 - 3);
    cr_expect_eq(heed_optim_set_group(opt, "a_name_of_thirty_two_characters_", (heed_group_options){.lr_scale = 1}),
                 HEED_INVALID);
    cr_expect_str_eq(heed_optim_error_text(opt),
                     "sgd: group \"a_name_of_thirty_two_characters_\" is longer than 31 characters");
    heed_optim_free(opt);
    opt = heed_sgd_new(model, (heed_sgd_options){.lr = 1});
    cr_expect_eq(heed_optim_set_group(opt, NULL, (heed_group_options){.lr_scale = 1}), HEED_INVALID);
    cr_expect_str_eq(heed_optim_error_text(opt), "sgd: the group's name is NULL");
    heed_optim_free(opt);
    close_model();
}

Test(optim_misuse, settings_that_are_no_numbers) {
    open_model(HEED_F64);
    const double wrong[] = {NAN, -1, INFINITY};
    for (int i = 0; i < 3; i++) {
        heed_optim *opt[6];
        for (int k = 0; k < 6; k++)
            opt[k] = heed_sgd_new(model, (heed_sgd_options){.lr = 1, .weight_decay = k == 5 ? wrong[i] : 0});
        cr_expect_eq(heed_optim_set_lr(opt[0], wrong[i]), HEED_INVALID);
        cr_expect_eq(heed_optim_set_clip_norm(opt[1], wrong[i]), HEED_INVALID);
        cr_expect_eq(heed_optim_set_clip_value(opt[2], wrong[i]), HEED_INVALID);
        cr_expect_eq(heed_optim_set_group(opt[3], "", (heed_group_options){.lr_scale = wrong[i]}), HEED_INVALID);
        cr_expect_eq(heed_optim_set_group(opt[4], "", (heed_group_options){.weight_decay = wrong[i]}), HEED_INVALID);
        cr_expect_eq(heed_optim_status(opt[5]), HEED_INVALID);
        cr_expect_eq(heed_optim_lr(opt[0]), 1);
        for (int k = 0; k < 6; k++)
            heed_optim_free(opt[k]);
    }
    close_model();
}

Test(optim_misuse, gradients_of_another_model_are_refused) {
    open_model(HEED_F64);
    heed_model *twin = heed_model_clone(model, HEED_F64);
    heed_optim *opt = heed_sgd_new(twin, (heed_sgd_options){.lr = 1});
    give(1);
    cr_expect_eq(heed_optim_step(opt, g), HEED_INVALID);
    cr_expect_str_eq(heed_optim_error_text(opt), "sgd: step: the gradients are of another model");
    cr_expect_not(heed_grads_empty(g));
    cr_expect_null(heed_optim_slot(opt, w, 0));
    heed_optim_free(opt);
    heed_model_free(twin);
    close_model();
}
