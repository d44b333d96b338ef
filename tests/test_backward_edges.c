/* Backward where it is easily misled: settings that change between forward and backward, storage that has two names, models
 * that change meanwhile. Expected values by hand. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <heed/heed.h>

#define SAYS(t, text) cr_assert_str_eq(heed_error_text(t), text)

static heed_tape *t;

static void open_tape(void) {
    t = heed_tape_new();
}

static void close_tape(void) {
    heed_tape_free(t);
}

TestSuite(backward_edges, .init = open_tape, .fini = close_tape);

static heed_tensor scalar(double x) {
    return heed_variable(t, HEED_F64, HEED_SCALAR, &x);
}

static double grad(heed_tensor x) {
    return heed_item(t, heed_grad(t, x));
}

static heed_tensor sum(heed_tensor x) {
    return heed_sum(t, x, HEED_ALL_AXES);
}

static void walk(heed_tensor loss, heed_grads *g) {
    cr_assert_eq(heed_backward(t, loss, g), HEED_OK, "%s", heed_error_text(t));
}

/* ---- settings between forward and backward ---- */

/* Workspace is planned when an op is recorded, for as many threads as there are then. */
static void attend_with(int forward, int backward, double *dq) {
    enum { H = 3, T = 40, D = 8, N = H * T * D };
    heed_tape_reset(t);
    heed_tape_set_step(t, 1);
    heed_tape_set_threads(t, forward);
    heed_tensor start = heed_randn(t, HEED_F64, HEED_SHAPE(H, T, D));
    heed_tensor q = heed_variable(t, HEED_F64, HEED_SHAPE(H, T, D), heed_f64(t, start));
    heed_tensor y =
        heed_softmax(t, heed_attention(t, q, q, heed_softmax(t, q, 1), (heed_attention_options){.causal = true}), 0);
    heed_tape_set_threads(t, backward);
    walk(sum(heed_square(t, y)), NULL);
    memcpy(dq, heed_f64(t, heed_grad(t, q)), N * sizeof *dq);
}

Test(backward_edges, the_number_of_threads_may_change_before_backward) {
    static double one[960], many[960];
    attend_with(1, 1, one);
    const int threads[][2] = {{1, 3}, {1, 16}, {3, 1}, {16, 2}};
    for (int i = 0; i < 4; i++) {
        attend_with(threads[i][0], threads[i][1], many);
        cr_assert_arr_eq(one, many, sizeof one, "%d, then %d", threads[i][0], threads[i][1]);
    }
}

Test(backward_edges, a_gradient_asked_for_too_late_is_not_made_up) {
    heed_tensor x = scalar(3), y = heed_square(t, x), z = heed_exp(t, heed_scale(t, y, 0.5));
    walk(z, NULL);
    heed_keep_grad(t, y);
    cr_assert(heed_is_nil(heed_grad(t, y)));
    SAYS(t, "grad: no gradient of this tensor is kept: make it a variable, or heed_keep_grad it before backward");
}

Test(backward_edges, a_gradient_before_any_backward_is_an_error_in_every_step) {
    for (int step = 0; step < 2; step++) {
        heed_tensor x = scalar(3);
        cr_assert(heed_is_nil(heed_grad(t, x)));
        SAYS(t, "grad: no backward has run on this tape yet");
        heed_tape_reset(t);
        x = scalar(3);
        walk(heed_square(t, x), NULL);
        cr_assert_eq(grad(x), 6);
        heed_tape_reset(t);
    }
}

Test(backward_edges, losses_with_nothing_in_common_are_walked_one_after_another) {
    heed_tensor x = scalar(3), y = scalar(5), of_x = heed_square(t, x), of_y = heed_square(t, y);
    walk(of_x, NULL);
    cr_assert_eq(grad(x), 6);
    walk(of_y, NULL);
    cr_assert_eq(grad(y), 10);
    cr_assert_eq(grad(x), 0); /* of the last backward */
}

Test(backward_edges, a_retained_recording_takes_a_second_seed) {
    heed_tensor x = heed_variable(t, HEED_F64, HEED_SHAPE(2), (double[]){1, 2}), y = heed_square(t, x);
    heed_tensor seeds[2] = {heed_input(t, HEED_F64, HEED_SHAPE(2), (double[]){1, 0}),
                            heed_input(t, HEED_F64, HEED_SHAPE(2), (double[]){0, 3})};
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(heed_backward_with(t, y, NULL, (heed_backward_options){.seed = seeds[i], .retain = i == 0}),
                     HEED_OK);
        const double *g = heed_f64(t, heed_grad(t, x));
        cr_assert(g[0] == (i == 0 ? 2 : 0) && g[1] == (i == 0 ? 0 : 12));
    }
}

Test(backward_edges, seeds_must_be_like_what_they_seed) {
    heed_tape *other = heed_tape_new();
    const struct {
        heed_dtype dtype;
        heed_shape shape;
        const char *text;
    } wrong[] = {
        {HEED_F64, HEED_SHAPE(2), "backward: the seed is f64 (2,); it must be like the value it seeds, f64 (3,)"},
        {HEED_F64, HEED_SHAPE(1, 3), "backward: the seed is f64 (1, 3); it must be like the value it seeds, f64 (3,)"},
        {HEED_F32, HEED_SHAPE(3), "backward: the seed is f32 (3,); it must be like the value it seeds, f64 (3,)"},
    };
    for (int i = 0; i < 4; i++) {
        heed_tensor y = heed_square(t, heed_variable(t, HEED_F64, HEED_SHAPE(3), (double[]){1, 2, 3}));
        heed_tensor seed =
            i < 3 ? heed_zeros(t, wrong[i].dtype, wrong[i].shape) : heed_zeros(other, HEED_F64, HEED_SHAPE(3));
        cr_expect_eq(heed_backward_with(t, y, NULL, (heed_backward_options){.seed = seed}), HEED_INVALID);
        cr_expect_str_eq(heed_error_text(t),
                         i < 3 ? wrong[i].text
                               : "backward: the seed is not of this tape, or from before its last reset");
        heed_tape_reset(t);
    }
    heed_tape_free(other);
}

Test(backward_edges, only_what_was_recorded_has_a_gradient) {
    heed_tensor x = heed_keep_grad(t, heed_input(t, HEED_F64, HEED_SCALAR, (double[]){2})), v = scalar(3);
    walk(heed_mul(t, x, v), NULL);
    cr_assert_eq(grad(v), 2);
    heed_grad(t, x);
    SAYS(t, "grad: no gradient of this tensor is kept: make it a variable, or heed_keep_grad it before backward");
}

/* ---- storage with two names ---- */

typedef struct pair {
    heed_model *model;
    heed_param a, b, both, tied;
    heed_grads *g;
} pair;

/* a is a row of ones, b a row of threes, long enough that what goes to a wrong place is seen; both is a over b; tied is a second
 * name of a. */
enum { WIDTH = 200 };
static pair new_pair(void) {
    pair p = {.model = heed_model_new()};
    const heed_module *root = heed_model_root(p.model);
    p.a = heed_param_new(root, "a", HEED_SHAPE(1, WIDTH), heed_init_constant(1));
    p.b = heed_param_new(root, "b", HEED_SHAPE(1, WIDTH), heed_init_constant(3));
    p.both = heed_param_stack(2, (heed_param[]){p.a, p.b});
    p.tied = heed_param_tie(root, "tied", p.a);
    cr_assert_eq(heed_model_build(p.model, HEED_F64, 1), HEED_OK);
    p.g = heed_grads_new(p.model);
    return p;
}

static void free_pair(pair *p) {
    heed_grads_free(p->g);
    heed_model_free(p->model);
}

/* Every entry of a's gradient is da, every entry of b's db; then gradients and tape are fresh again. */
static void expect_gradient(pair *p, double da, double db) {
    const double *g = heed_grads_of(p->g, p->both);
    for (int i = 0; i < WIDTH; i++)
        cr_assert(g[i] == da && g[WIDTH + i] == db, "%d: %g and %g, not %g and %g", i, g[i], g[WIDTH + i], da, db);
    heed_grads_clear(p->g);
    heed_tape_reset(t);
}

/* One op takes the same storage under two names, in either order, whether it adds to gradients itself (matmul) or not. */
Test(backward_edges, one_op_may_take_storage_under_two_names) {
    pair p = new_pair();
    walk(heed_keep_grad(t, sum(heed_mul(t, heed_use(t, p.a), heed_use(t, p.tied)))), p.g);
    expect_gradient(&p, 2, 0);
    for (int turned = 0; turned < 2; turned++) {
        heed_param first = turned ? p.a : p.both, second = turned ? p.both : p.a;
        heed_tensor rows =
            heed_concat(t, (heed_tensor[]){heed_use(t, first), heed_use(t, second)}, 2, 0); /* a b a, or a a b */
        heed_tensor by = heed_input(t, HEED_F64, HEED_SHAPE(3, 1), turned ? (double[]){3, 1, 2} : (double[]){1, 2, 3});
        walk(heed_keep_grad(t, sum(heed_mul(t, rows, by))), p.g);
        expect_gradient(&p, 1 + 3, 2);
        walk(sum(heed_matmul_t(t, heed_use(t, first), false, heed_use(t, second), true)), p.g); /* a·a + a·b */
        expect_gradient(&p, 2 * 1 + 3, 1);
    }
    free_pair(&p);
}

Test(backward_edges, a_frozen_part_of_a_stack_gets_nothing) {
    pair p = new_pair();
    cr_assert_eq(heed_model_set_trainable(p.model, "b", false), 1);
    for (int twice = 0; twice < 2; twice++)
        walk(sum(heed_square(t, heed_use(t, p.both))), p.g);
    cr_assert_eq(heed_grads_norm(p.g, 1), sqrt(WIDTH * 4 * 4));
    expect_gradient(&p, 4, 0);
    cr_assert_eq(heed_model_set_trainable(p.model, "b", true), 1);
    walk(sum(heed_square(t, heed_use(t, p.both))), p.g);
    expect_gradient(&p, 2, 6);
    free_pair(&p);
}

Test(backward_edges, freezing_between_steps_counts_from_the_next_use_on) {
    pair p = new_pair();
    heed_optim *sgd = heed_sgd_new(p.model, (heed_sgd_options){.lr = 1});
    for (int step = 0; step < 4; step++) {
        cr_assert_eq(heed_model_set_trainable(p.model, "a", step % 2 == 0), 1);
        heed_tape_reset(t);
        walk(sum(heed_use(t, p.both)), p.g);
        cr_assert_eq(heed_optim_step(sgd, p.g), HEED_OK);
    }
    cr_assert(*(double *)heed_param_data(p.a) == 1 - 2 && *(double *)heed_param_data(p.b) == 3 - 4);
    heed_optim_free(sgd);
    free_pair(&p);
}

/* ---- several models, several heed_grads ---- */

Test(backward_edges, one_recording_may_fill_several_gradients) {
    pair p = new_pair(), q = new_pair();
    heed_tensor loss = sum(heed_mul(t, heed_use(t, p.a), heed_use(t, q.b)));
    cr_assert_eq(heed_backward_with(t, loss, p.g, (heed_backward_options){.retain = true}), HEED_OK);
    cr_assert(heed_grads_empty(q.g));
    walk(loss, q.g);
    expect_gradient(&p, 3, 0);
    expect_gradient(&q, 0, 1);
    free_pair(&p);
    free_pair(&q);
}

/* Ops of one input and of many, that only lead to a parameter. */
Test(backward_edges, what_only_parameters_ask_for_is_walked_past_without_gradients) {
    pair p = new_pair();
    const double two = 2;
    heed_tensor a = heed_use(t, p.a), x = scalar(two);
    heed_tensor side = heed_add(t, sum(a), sum(heed_exp(t, heed_mul(t, heed_use(t, p.b), a))));
    walk(heed_add(t, heed_square(t, x), side), NULL);
    cr_expect_eq(grad(x), 4);
    cr_expect(heed_grads_empty(p.g));
    free_pair(&p);
}

/* The gradient of p is made of q's values, and they are not what forward saw any more: whether q is trained or frozen. */
Test(backward_edges, another_models_parameters_must_not_have_changed_either) {
    for (int frozen = 0; frozen < 2; frozen++) {
        pair p = new_pair(), q = new_pair();
        heed_model_set_trainable(q.model, "*", !frozen);
        heed_tensor loss = sum(heed_mul(t, heed_use(t, p.a), heed_use(t, q.b)));
        ((double *)heed_param_data(q.b))[0] = 30;
        heed_model_changed(q.model);
        cr_assert_eq(heed_backward(t, loss, p.g), HEED_STATE, "frozen %d", frozen);
        SAYS(t, "backward: parameters of the model have changed since the forward pass used them: record it again");
        heed_tape_reset(t);
        free_pair(&p);
        free_pair(&q);
    }
}

/* A clone has the stacks and second names of its original, in storage of its own, whatever its dtype; unbound again, the original counts. */
Test(backward_edges, clones_have_stacks_and_second_names_too) {
    pair p = new_pair();
    cr_assert_eq(heed_model_set_trainable(p.model, "b", false), 1);
    heed_model *clone = heed_model_clone(p.model, HEED_F32);
    heed_grads *g = heed_grads_new(clone);
    heed_param both = {clone, p.both.index}, tied = {clone, p.tied.index};
    ((float *)heed_param_data(both))[0] = 5;
    cr_assert_eq(heed_param_data(both), heed_param_data(tied));
    cr_assert_eq(heed_tape_bind(t, p.model, clone), HEED_OK, "%s", heed_error_text(t));
    walk(sum(heed_mul(t, heed_use(t, p.both), heed_use(t, p.tied))), g); /* a·a + b·a: b is frozen */
    const float *slopes = heed_grads_of(g, both);
    cr_assert(slopes[0] == 2 * 5 + 3 && slopes[1] == 2 * 1 + 3 && slopes[WIDTH] == 0, "%g %g", (double)slopes[0],
              (double)slopes[1]);
    cr_assert_eq(heed_tape_bind(t, p.model, NULL), HEED_OK);
    walk(sum(heed_use(t, p.tied)), p.g);
    expect_gradient(&p, 1, 0);
    heed_grads_free(g);
    heed_model_free(clone);
    free_pair(&p);
}

/* ---- averages ---- */

/* A seed is averaged by weight as a loss is: mean over 3 of (a seeded with 4), then over 1 of (a seeded with 8). */
Test(backward_edges, seeds_are_averaged_by_weight) {
    for (int narrow = 0; narrow < 2; narrow++) {
        pair p = new_pair();
        heed_model *model = narrow ? heed_model_clone(p.model, HEED_F32) : p.model;
        heed_grads *g = heed_grads_new(model);
        cr_assert_eq(heed_tape_bind(t, p.model, model), HEED_OK);
        for (int i = 0; i < 2; i++) {
            heed_tensor y = heed_set_weight(t, heed_scale(t, heed_use(t, p.a), 1), i == 0 ? 3 : 1);
            heed_tensor seed = heed_full(t, narrow ? HEED_F32 : HEED_F64, HEED_SHAPE(1, WIDTH), i == 0 ? 4 : 8);
            cr_assert_eq(heed_backward_with(t, y, g, (heed_backward_options){.seed = seed}), HEED_OK, "%s",
                         heed_error_text(t));
        }
        const void *slope = heed_grads_of(g, p.a);
        cr_expect_eq(narrow ? (double)*(const float *)slope : *(const double *)slope, (3 * 4 + 1 * 8) / 4);
        cr_expect_eq(heed_grads_weight(g), 4);
        heed_tape_reset(t);
        cr_assert_eq(heed_tape_bind(t, p.model, NULL), HEED_OK);
        heed_grads_free(g);
        if (narrow)
            heed_model_free(model);
        free_pair(&p);
    }
}

/* "A loss carries its weight ... through ops on scalars": of one weight, or of none beside it; two weights are none. */
Test(backward_edges, weights_go_through_scalars) {
    heed_tensor x = heed_ones(t, HEED_F64, HEED_SHAPE(6)),
                three = heed_mean(t, heed_slice(t, x, 0, 0, 3), HEED_ALL_AXES);
    heed_tensor six = heed_mean(t, x, HEED_ALL_AXES), penalty = heed_sum(t, x, HEED_ALL_AXES);
    cr_expect_eq(heed_weight(t, heed_scale(t, six, 2)), 6);
    cr_expect_eq(heed_weight(t, heed_add(t, six, heed_scale(t, six, 3))), 6);
    cr_expect_eq(heed_weight(t, heed_add(t, penalty, six)), 6);
    cr_expect_lt(heed_weight(t, heed_add(t, three, six)), 0);
    cr_expect_lt(heed_weight(t, penalty), 0);
}

/* Into empty gradients, and into others; large enough for several threads; and accumulated on by backward. */
Test(backward_edges, merged_gradients_go_on) {
    enum { MANY = 70000 };
    heed_model *model = heed_model_new();
    heed_param w = heed_param_new(heed_model_root(model), "w", HEED_SHAPE(MANY), heed_init_constant(1));
    cr_assert_eq(heed_model_build(model, HEED_F32, 1), HEED_OK);
    heed_grads *to = heed_grads_new(model), *from = heed_grads_new(model);
    walk(heed_scale(t, sum(heed_use(t, w)), 5), from);
    cr_assert_eq(heed_grads_merge(to, from, 3), HEED_OK);
    walk(heed_scale(t, sum(heed_use(t, w)), 7), to); /* 12 */
    cr_assert_eq(heed_grads_merge(to, from, 3), HEED_OK); /* 17 */
    const float *g = heed_grads_of(to, w);
    for (int i = 0; i < MANY; i++)
        cr_assert_eq(g[i], 17, "%d: %g", i, (double)g[i]);
    heed_tape_reset(t);
    for (int i = 0; i < 2; i++) {
        heed_grads_clear(i ? from : to);
        walk(heed_set_weight(t, heed_scale(t, sum(heed_use(t, w)), i ? 8 : 4), i ? 1 : 3), i ? from : to);
    }
    cr_assert_eq(heed_grads_merge(to, from, 3), HEED_OK); /* (3 * 4 + 1 * 8) / 4 */
    for (int i = 0; i < MANY; i++)
        cr_assert_eq(g[i], 5, "%d: %g", i, (double)g[i]);
    heed_tape_reset(t);
    heed_grads_free(to);
    heed_grads_free(from);
    heed_model_free(model);
}

/* "Where it is asked for twice it is the same tensor": unless it is another by now. */
Test(backward_edges, a_parameter_used_twice_is_one_tensor) {
    pair p = new_pair();
    heed_tensor first = heed_use(t, p.a), again = heed_use(t, p.a);
    cr_expect(first.index == again.index && first.epoch == again.epoch);
    heed_tape_set_recording(t, false);
    again = heed_use(t, p.a);
    cr_expect_neq(again.index, first.index);
    heed_tape_set_recording(t, true);
    cr_assert_eq(heed_param_set(p.a, (double[WIDTH]){5}, WIDTH), HEED_OK);
    again = heed_use(t, p.a);
    cr_expect_neq(again.index, first.index);
    cr_expect_eq(heed_f64(t, again)[0], 5);
    heed_tape_reset(t);
    free_pair(&p);
}

Test(backward_edges, clearing_heals_gradients_that_could_not_be_mixed) {
    pair p = new_pair();
    walk(sum(heed_use(t, p.a)), p.g);
    cr_assert_eq(heed_backward(t, heed_mean(t, heed_use(t, p.a), HEED_ALL_AXES), p.g), HEED_STATE);
    cr_assert(heed_grads_poisoned(p.g));
    heed_tape_reset(t);
    heed_grads_clear(p.g);
    walk(heed_mean(t, heed_use(t, p.a), HEED_ALL_AXES), p.g);
    expect_gradient(&p, 1.0 / WIDTH, 0);
    free_pair(&p);
}

/* A backward that is refused has not touched what was there. */
Test(backward_edges, a_refused_backward_leaves_the_numbers) {
    pair p = new_pair();
    heed_tensor loss = heed_mean(t, heed_use(t, p.a), HEED_ALL_AXES);
    walk(loss, p.g);
    cr_assert_eq(heed_backward(t, loss, p.g), HEED_STATE); /* a second walk, with a weight of its own */
    expect_gradient(&p, 1.0 / WIDTH, 0);
    free_pair(&p);
}
