/* Optimizers against PyTorch's, schedules and the moving average by hand, and what a step refuses. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include <heed/heed.h>

#include "helpers/golden.h"

#define SAYS(opt, text) cr_assert_str_eq(heed_optim_error_text(opt), text)

typedef struct two {
    heed_model *model;
    heed_param w, b;
    heed_grads *g;
} two;

static two model_of(heed_dtype dtype) {
    two m = {.model = heed_model_new()};
    m.w = heed_param_new(heed_model_root(m.model), "w", HEED_SHAPE(2, 3), heed_init_constant(1));
    m.b = heed_param_new(heed_model_root(m.model), "b", HEED_SHAPE(3), heed_init_constant(1));
    heed_param_set_group(m.b, "no_decay");
    cr_assert_eq(heed_model_build(m.model, dtype, 1), HEED_OK);
    m.g = heed_grads_new(m.model);
    return m;
}

static void free_two(two *m) {
    heed_grads_free(m->g);
    heed_model_free(m->model);
}

/* Brings gradients into g by the front door: the loss sum(p * c) has the gradient c. */
static void give_gradient(const two *m, heed_tape *t, const double *w, const double *b) {
    heed_dtype dtype = heed_model_dtype(m->model);
    heed_tape_reset(t);
    heed_tensor cw = heed_cast(t, heed_input(t, HEED_F64, HEED_SHAPE(2, 3), w), dtype);
    heed_tensor cb = heed_cast(t, heed_input(t, HEED_F64, HEED_SHAPE(3), b), dtype);
    heed_tensor loss = heed_add(t, heed_sum(t, heed_mul(t, heed_use(t, m->w), cw), HEED_ALL_AXES),
                                heed_sum(t, heed_mul(t, heed_use(t, m->b), cb), HEED_ALL_AXES));
    cr_assert_eq(heed_backward(t, loss, m->g), HEED_OK, "%s", heed_error_text(t));
}

/* ---- PyTorch's ---- */

static heed_adam_options adam(double b1, double b2, double eps, double decay) {
    return (heed_adam_options){.lr = 0.02, .beta1 = b1, .beta2 = b2, .eps = eps, .weight_decay = decay};
}

static heed_optim *sgd(heed_model *m) { return heed_sgd_new(m, (heed_sgd_options){.lr = 0.1}); }
static heed_optim *sgd_decay(heed_model *m) {
    return heed_sgd_new(m, (heed_sgd_options){.lr = 0.1, .weight_decay = 0.05});
}
static heed_optim *sgd_momentum(heed_model *m) {
    return heed_sgd_new(m, (heed_sgd_options){.lr = 0.05, .momentum = 0.9});
}
static heed_optim *sgd_dampened(heed_model *m) {
    return heed_sgd_new(m, (heed_sgd_options){.lr = 0.05, .momentum = 0.8, .dampening = 0.3, .weight_decay = 0.01});
}
static heed_optim *sgd_nesterov(heed_model *m) {
    return heed_sgd_new(m, (heed_sgd_options){.lr = 0.05, .momentum = 0.9, .nesterov = true, .weight_decay = 0.01});
}
static heed_optim *adam_plain(heed_model *m) { return heed_adam_new(m, heed_adam_defaults(0.02)); }
static heed_optim *adam_decay(heed_model *m) { return heed_adam_new(m, adam(0.8, 0.95, 1e-6, 0.1)); }
static heed_optim *adamw_plain(heed_model *m) { return heed_adamw_new(m, heed_adam_defaults(0.02)); }
static heed_optim *adamw_decay(heed_model *m) { return heed_adamw_new(m, adam(0.8, 0.95, 1e-6, 0.3)); }
static heed_optim *rmsprop_plain(heed_model *m) { return heed_rmsprop_new(m, heed_rmsprop_defaults(0.01)); }
static heed_optim *rmsprop_all(heed_model *m) {
    return heed_rmsprop_new(
        m, (heed_rmsprop_options){
               .lr = 0.01, .alpha = 0.9, .eps = 1e-6, .momentum = 0.7, .weight_decay = 0.1, .centered = true});
}
static heed_optim *clip_norm(heed_model *m) {
    heed_optim *opt = sgd(m);
    cr_assert_eq(heed_optim_set_clip_norm(opt, 1.5), HEED_OK);
    return opt;
}
static heed_optim *clip_value(heed_model *m) {
    heed_optim *opt = sgd(m);
    cr_assert_eq(heed_optim_set_clip_value(opt, 0.6), HEED_OK);
    return opt;
}
static heed_optim *groups(heed_model *m) {
    heed_optim *opt = heed_adamw_new(m, adam(0.9, 0.999, 1e-8, 0.3));
    cr_assert_eq(heed_optim_set_group(opt, "no_decay", (heed_group_options){.lr_scale = 0.5}), HEED_OK);
    return opt;
}

static const struct {
    const char *name;
    heed_optim *(*make)(heed_model *);
} cases[] = {
    {"sgd", sgd},
    {"sgd_decay", sgd_decay},
    {"sgd_momentum", sgd_momentum},
    {"sgd_dampened", sgd_dampened},
    {"sgd_nesterov", sgd_nesterov},
    {"adam", adam_plain},
    {"adam_decay", adam_decay},
    {"adamw", adamw_plain},
    {"adamw_decay", adamw_decay},
    {"rmsprop", rmsprop_plain},
    {"rmsprop_all", rmsprop_all},
    {"clip_norm", clip_norm},
    {"clip_value", clip_value},
    {"groups", groups},
};

static void compare(const golden *g, const two *m, heed_param p, const char *key, double tolerance) {
    const golden_tensor *end = golden_find(g, "end", key);
    double values[6];
    cr_assert_eq(heed_param_get(p, values, end->count), HEED_OK);
    for (int64_t i = 0; i < end->count; i++)
        cr_assert_float_eq(values[i], end->values[i], tolerance * golden_largest(end),
                           "%s %s[%d] (%s): %.17g, PyTorch %.17g", g->name, key, (int)i,
                           heed_dtype_name(heed_model_dtype(m->model)), values[i], end->values[i]);
}

static void run_case(size_t c, heed_dtype dtype, double tolerance) {
    golden g;
    cr_assert(golden_read(&g, "tests/golden/optim.txt", cases[c].name));
    two m = model_of(dtype);
    cr_assert_eq(heed_param_set(m.w, golden_find(&g, "start", "w")->values, 6), HEED_OK);
    cr_assert_eq(heed_param_set(m.b, golden_find(&g, "start", "b")->values, 3), HEED_OK);
    heed_optim *opt = cases[c].make(m.model);
    heed_tape *t = heed_tape_new();
    for (int step = 0; step < 12; step++) {
        char part[24];
        snprintf(part, sizeof part, "grad.%d", step);
        give_gradient(&m, t, golden_find(&g, part, "w")->values, golden_find(&g, part, "b")->values);
        cr_assert_eq(heed_optim_step(opt, m.g), HEED_OK, "%s", heed_optim_error_text(opt));
    }
    compare(&g, &m, m.w, "w", tolerance);
    compare(&g, &m, m.b, "b", tolerance);
    heed_tape_free(t);
    heed_optim_free(opt);
    free_two(&m);
    golden_free(&g);
}

Test(optim, equals_pytorch) {
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        run_case(c, HEED_F64, 1e-10);
        run_case(c, HEED_F32, 1e-5);
    }
}

/* ---- refusals ---- */

/* eps <= 0, beta outside [0, 1), lr NaN or negative are errors. PyTorch's optimizers take eps 0. [promises: eps of
 * optimizers; betas; learning rates] */
Test(optim, options_without_sense_are_refused) {
    two m = model_of(HEED_F64);
    const struct {
        heed_adam_options options;
        const char *text;
    } bad[] = {
        {{.lr = 1, .beta1 = 0.9, .beta2 = 0.999, .eps = 0}, "adam: eps must be above 0"},
        {{.lr = 1, .beta1 = 0.9, .beta2 = 0.999, .eps = NAN}, "adam: eps must be above 0"},
        {{.lr = 1, .beta1 = 1, .beta2 = 0.999, .eps = 1e-8}, "adam: beta1 must be in [0, 1)"},
        {{.lr = 1, .beta1 = 0.9, .beta2 = -0.1, .eps = 1e-8}, "adam: beta2 must be in [0, 1)"},
        {{.lr = NAN, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8},
         "adam: the learning rate is nan; it must be a number, 0 or more"},
        {{.lr = -1, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8},
         "adam: the learning rate is -1; it must be a number, 0 or more"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        heed_optim *opt = heed_adam_new(m.model, bad[i].options);
        SAYS(opt, bad[i].text);
        cr_assert_eq(heed_optim_step(opt, m.g), HEED_INVALID);
        heed_optim_free(opt);
    }
    free_two(&m);
}

Test(optim, empty_gradients_are_refused_and_a_step_empties_them) {
    two m = model_of(HEED_F64);
    heed_tape *t = heed_tape_new();
    heed_optim *opt = sgd(m.model);
    give_gradient(&m, t, (double[6]){1, 1, 1, 1, 1, 1}, (double[3]){1, 1, 1});
    cr_assert_eq(heed_optim_step(opt, m.g), HEED_OK);
    cr_assert(heed_grads_empty(m.g));
    cr_assert_eq(heed_optim_step(opt, m.g), HEED_STATE);
    SAYS(opt, "sgd: step: the gradients are empty: run heed_backward first");
    heed_optim_free(opt);
    heed_tape_free(t);
    free_two(&m);
}

/* A norm that is inf or NaN refuses the step, says so, parameters unchanged; norm 0 changes nothing. PyTorch's
 * clip_grad_norm_ makes all gradients NaN, and the step is taken. [promises: norms not finite] */
Test(optim, clipping_by_norm_refuses_what_is_not_finite) {
    for (int nan = 0; nan < 2; nan++) {
        two m = model_of(HEED_F64);
        heed_tape *t = heed_tape_new();
        heed_optim *opt = clip_norm(m.model);
        give_gradient(&m, t, (double[6]){1, nan ? NAN : INFINITY}, (double[3]){0});
        cr_assert_eq(heed_optim_step(opt, m.g), HEED_NOT_FINITE);
        SAYS(opt, nan ? "sgd: step: the gradients' norm is NaN; the parameters are unchanged"
                      : "sgd: step: the gradients' norm is inf; the parameters are unchanged");
        for (int i = 0; i < 6; i++)
            cr_assert_eq(((double *)heed_param_data(m.w))[i], 1);
        heed_optim_free(opt);
        heed_tape_free(t);
        free_two(&m);
    }
    two m = model_of(HEED_F64);
    heed_tape *t = heed_tape_new();
    heed_optim *opt = clip_norm(m.model);
    give_gradient(&m, t, (double[6]){0}, (double[3]){0});
    cr_assert_eq(heed_optim_step(opt, m.g), HEED_OK);
    cr_assert_eq(heed_optim_last_norm(opt), 0);
    cr_assert_eq(((double *)heed_param_data(m.w))[0], 1);
    heed_optim_free(opt);
    heed_tape_free(t);
    free_two(&m);
}

/* Adam with all-zero gradients makes no NaN. [promises: Adam of zeros] */
Test(optim, adam_survives_zero_gradients) {
    two m = model_of(HEED_F32);
    heed_tape *t = heed_tape_new();
    heed_optim *opt = adam_plain(m.model);
    for (int i = 0; i < 5; i++) {
        give_gradient(&m, t, (double[6]){0}, (double[3]){0});
        cr_assert_eq(heed_optim_step(opt, m.g), HEED_OK);
    }
    cr_assert_eq(*(float *)heed_param_data(m.w), 1);
    heed_optim_free(opt);
    heed_tape_free(t);
    free_two(&m);
}

Test(optim, frozen_parameters_stay) {
    two m = model_of(HEED_F64);
    heed_tape *t = heed_tape_new();
    heed_optim *opt = adamw_decay(m.model);
    cr_assert_eq(heed_model_set_trainable(m.model, "w", false), 1);
    give_gradient(&m, t, (double[6]){1, 1, 1, 1, 1, 1}, (double[3]){1, 1, 1});
    cr_assert_eq(heed_optim_step(opt, m.g), HEED_OK);
    cr_assert_eq(*(double *)heed_param_data(m.w), 1);
    cr_assert_lt(*(double *)heed_param_data(m.b), 1);
    heed_optim_free(opt);
    heed_tape_free(t);
    free_two(&m);
}

/* A rule in a user's file: moves by the sign of the gradient. */
static void move_by_sign(const heed_optim_call *call, int64_t begin, int64_t end) {
    double *w = call->value;
    const double *g = call->gradient;
    for (int64_t i = begin; i < end; i++)
        w[i] -= call->lr * ((g[i] > 0) - (g[i] < 0));
}

Test(optim, a_rule_of_ones_own) {
    static const heed_optim_rule rule = {.size = sizeof rule, .name = "sign", .update = move_by_sign};
    two m = model_of(HEED_F64);
    heed_tape *t = heed_tape_new();
    heed_optim *opt = heed_optim_new(m.model, &rule, NULL, 0.25, 0);
    give_gradient(&m, t, (double[6]){5, -0.1, 0}, (double[3]){1, 1, 1});
    cr_assert_eq(heed_optim_step(opt, m.g), HEED_OK);
    const double *w = heed_param_data(m.w);
    cr_assert(w[0] == 0.75 && w[1] == 1.25 && w[2] == 1);
    heed_optim_free(opt);
    heed_tape_free(t);
    free_two(&m);
}

/* ---- schedules, by hand ---- */

Test(schedule, each_kind_by_hand) {
    heed_schedule s = {.kind = HEED_SCHEDULE_CONSTANT, .lr = 0.5};
    cr_assert_eq(heed_schedule_at(&s, 1000), 0.5);
    s.warmup = 4;
    cr_assert_float_eq(heed_schedule_at(&s, 0), 0.1, 1e-15);
    cr_assert_float_eq(heed_schedule_at(&s, 3), 0.4, 1e-15);
    cr_assert_eq(heed_schedule_at(&s, 4), 0.5);
    s = (heed_schedule){.kind = HEED_SCHEDULE_LINEAR, .lr = 1, .lr_end = 0.2, .steps = 10};
    cr_assert_float_eq(heed_schedule_at(&s, 5), 0.6, 1e-15);
    cr_assert_float_eq(heed_schedule_at(&s, 99), 0.2, 1e-15);
    s = (heed_schedule){.kind = HEED_SCHEDULE_COSINE, .lr = 1, .lr_end = 0.1, .warmup = 2, .steps = 12};
    cr_assert_eq(heed_schedule_at(&s, 2), 1);
    cr_assert_float_eq(heed_schedule_at(&s, 7), 0.55, 1e-15);
    cr_assert_float_eq(heed_schedule_at(&s, 12), 0.1, 1e-15);
    s = (heed_schedule){.kind = HEED_SCHEDULE_STEP, .lr = 8, .gamma = 0.5, .every = 3};
    cr_assert_eq(heed_schedule_at(&s, 2), 8);
    cr_assert_eq(heed_schedule_at(&s, 3), 4);
    cr_assert_eq(heed_schedule_at(&s, 8), 2);
    /* Vaswani et al. 2017: d_model^-1/2 min(n^-1/2, n 4^-3/2); d_model 16, warm-up 4: at n = 4 both are 1/2, the rate 1/8 */
    s = (heed_schedule){.kind = HEED_SCHEDULE_NOAM, .lr = 1, .warmup = 4, .d_model = 16};
    cr_assert_float_eq(heed_schedule_at(&s, 0), 1.0 / 32, 1e-15);
    cr_assert_float_eq(heed_schedule_at(&s, 3), 1.0 / 8, 1e-15);
    cr_assert_float_eq(heed_schedule_at(&s, 15), 1.0 / 16, 1e-15);
}

/* [promises: learning rates] */
Test(schedule, numbers_without_sense_give_nan_which_the_optimizer_refuses) {
    heed_schedule s = {.kind = HEED_SCHEDULE_COSINE, .lr = 1};
    cr_assert(isnan(heed_schedule_at(&s, 0)));
    two m = model_of(HEED_F64);
    heed_optim *opt = sgd(m.model);
    cr_assert_eq(heed_optim_set_lr(opt, heed_schedule_at(&s, 0)), HEED_INVALID);
    heed_optim_free(opt);
    free_two(&m);
}

/* ---- the moving average ---- */

Test(ema, averages_swaps_and_refuses) {
    two m = model_of(HEED_F64);
    heed_ema *ema = heed_ema_new(m.model, 0.75);
    cr_assert_eq(heed_param_set(m.w, (double[6]){5, 1, 1, 1, 1, 1}, 6), HEED_OK);
    cr_assert_eq(heed_ema_update(ema), HEED_OK); /* 0.75 * 1 + 0.25 * 5 = 2 */
    cr_assert_eq(heed_ema_swap(ema), HEED_OK);
    cr_assert_eq(*(double *)heed_param_data(m.w), 2);
    cr_assert_eq(heed_ema_update(ema), HEED_STATE);
    cr_assert_str_eq(heed_ema_error_text(ema), "ema: updated while swapped in: swap back first");
    heed_ema_free(ema);
    ema = heed_ema_new(m.model, 0.5);
    cr_assert_eq(heed_ema_swap(ema), HEED_OK);
    cr_assert_eq(heed_ema_swap(ema), HEED_OK);
    cr_assert_eq(*(double *)heed_param_data(m.w), 2);
    heed_ema_free(ema);
    ema = heed_ema_new(m.model, 1);
    cr_assert_str_eq(heed_ema_error_text(ema), "ema: decay is 1; it must be in [0, 1)");
    heed_ema_free(ema);
    free_two(&m);
}
