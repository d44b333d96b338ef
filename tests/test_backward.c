/* Backward: accumulation, seeds, retaining, weights, what is kept and what is refused. Expected values by hand. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include <heed/heed.h>

#define SAYS(t, text) cr_assert_str_eq(heed_error_text(t), text)

static heed_tensor scalar(heed_tape *t, double x) {
    return heed_variable(t, HEED_F64, HEED_SCALAR, &x);
}

static double grad(heed_tape *t, heed_tensor x) {
    return heed_item(t, heed_grad(t, x));
}

/* x + x, x · x, diamonds accumulate. [promises: used twice; diamonds] */
Test(backward, a_value_used_twice_gets_both_gradients) {
    heed_tape *t = heed_tape_new();
    heed_tensor x = scalar(t, 3);
    cr_assert_eq(heed_backward(t, heed_add(t, x, x), NULL), HEED_OK);
    cr_assert_eq(grad(t, x), 2);
    heed_tensor y = scalar(t, 3);
    cr_assert_eq(heed_backward(t, heed_mul(t, y, y), NULL), HEED_OK);
    cr_assert_eq(grad(t, y), 6);
    heed_tensor z = scalar(t, 2), left = heed_square(t, z), right = heed_scale(t, z, 5);
    cr_assert_eq(heed_backward(t, heed_mul(t, left, right), NULL), HEED_OK); /* 5 z³ */
    cr_assert_eq(grad(t, z), 60);
    heed_tape_free(t);
}

Test(backward, matmul_with_itself) {
    heed_tape *t = heed_tape_new();
    heed_tensor a = heed_variable(t, HEED_F64, HEED_SHAPE(2, 2), (double[]){1, 2, 3, 4});
    cr_assert_eq(heed_backward(t, heed_sum(t, heed_matmul(t, a, a), HEED_ALL_AXES), NULL), HEED_OK);
    /* d sum(A A) / dA_ij = sum of row j + sum of column i */
    const double *g = heed_f64(t, heed_grad(t, a)), expected[] = {3 + 4, 7 + 4, 3 + 6, 7 + 6};
    for (int i = 0; i < 4; i++)
        cr_assert_eq(g[i], expected[i]);
    heed_tape_free(t);
}

Test(backward, broadcast_operands_get_their_sums) {
    heed_tape *t = heed_tape_new();
    heed_tensor a = heed_variable(t, HEED_F64, HEED_SHAPE(2, 1, 3), (double[]){1, 2, 3, 4, 5, 6});
    heed_tensor b = heed_variable(t, HEED_F64, HEED_SHAPE(4, 1), (double[]){1, 10, 100, 1000});
    cr_assert_eq(heed_backward(t, heed_sum(t, heed_mul(t, a, b), HEED_ALL_AXES), NULL), HEED_OK);
    const double *ga = heed_f64(t, heed_grad(t, a)), *gb = heed_f64(t, heed_grad(t, b));
    for (int i = 0; i < 6; i++)
        cr_assert_eq(ga[i], 1111);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(gb[i], 21);
    heed_tape_free(t);
}

/* A second backward through one recording is an error unless the first was asked to retain it. [promises: a second
 * backward] */
Test(backward, a_recording_is_walked_once_unless_retained) {
    heed_tape *t = heed_tape_new();
    heed_tensor x = scalar(t, 3), y = heed_square(t, x);
    cr_assert_eq(heed_backward_with(t, y, NULL, (heed_backward_options){.retain = true}), HEED_OK);
    cr_assert_eq(grad(t, x), 6);
    cr_assert_eq(heed_backward(t, y, NULL), HEED_OK);
    cr_assert_eq(grad(t, x), 6);
    cr_assert_eq(heed_backward(t, y, NULL), HEED_STATE);
    SAYS(t, "backward: this recording was walked before: sum the losses first, or ask the first backward to retain it");
    heed_tape_free(t);
}

/* A non-scalar backward without a seed is an error. [promises: non-scalars] */
Test(backward, non_scalars_need_a_seed) {
    heed_tape *t = heed_tape_new();
    heed_tensor x = heed_variable(t, HEED_F64, HEED_SHAPE(3), (double[]){1, 2, 3}), y = heed_square(t, x);
    cr_assert_eq(heed_backward(t, y, NULL), HEED_INVALID);
    SAYS(t, "backward: the loss has shape (3,); it must have one element, or a seed of its shape");
    heed_tape_reset(t);
    x = heed_variable(t, HEED_F64, HEED_SHAPE(3), (double[]){1, 2, 3});
    y = heed_square(t, x);
    heed_tensor seed = heed_input(t, HEED_F64, HEED_SHAPE(3), (double[]){1, 0, -2});
    cr_assert_eq(heed_backward_with(t, y, NULL, (heed_backward_options){.seed = seed}), HEED_OK);
    const double *g = heed_f64(t, heed_grad(t, x));
    cr_assert(g[0] == 2 && g[1] == 0 && g[2] == -12);
    heed_tape_free(t);
}

Test(backward, intermediates_are_kept_on_request) {
    heed_tape *t = heed_tape_new();
    heed_tensor x = scalar(t, 3), y = heed_keep_grad(t, heed_square(t, x)), z = heed_scale(t, y, 7);
    heed_tensor aside = heed_keep_grad(t, heed_exp(t, x));
    cr_assert_eq(heed_backward(t, z, NULL), HEED_OK);
    cr_assert_eq(grad(t, y), 7);
    cr_assert_eq(grad(t, aside), 0); /* the loss does not depend on it */
    heed_grad(t, z);
    SAYS(t, "grad: no gradient of this tensor is kept: make it a variable, or heed_keep_grad it before backward");
    heed_tape_free(t);
}

Test(backward, detach_stops_the_gradient) {
    heed_tape *t = heed_tape_new();
    heed_tensor x = scalar(t, 3);
    cr_assert_eq(heed_backward(t, heed_mul(t, x, heed_detach(t, x)), NULL), HEED_OK);
    cr_assert_eq(grad(t, x), 3);
    heed_tape_free(t);
}

Test(backward, views_of_one_value_add_up) {
    heed_tape *t = heed_tape_new();
    heed_tensor x = heed_variable(t, HEED_F64, HEED_SHAPE(4), (double[]){1, 2, 3, 4}), parts[2];
    heed_split(t, x, 0, 2, NULL, parts);
    heed_tensor y = heed_add(t, heed_sum(t, heed_mul(t, parts[0], parts[1]), HEED_ALL_AXES),
                             heed_sum(t, heed_slice(t, x, 0, 1, 3), HEED_ALL_AXES));
    cr_assert_eq(heed_backward(t, y, NULL), HEED_OK);
    const double *g = heed_f64(t, heed_grad(t, x)), expected[] = {3, 5, 2, 2};
    for (int i = 0; i < 4; i++)
        cr_assert_eq(g[i], expected[i]);
    heed_tape_free(t);
}

/* A copy that was packed while recording was off must not be used once it is on. */
Test(backward, packing_off_the_record_loses_no_gradient) {
    heed_tape *t = heed_tape_new();
    heed_tensor x = heed_variable(t, HEED_F64, HEED_SHAPE(2, 2), (double[]){1, 2, 3, 4}),
                y = heed_transpose(t, x, 0, 1);
    heed_tape_set_recording(t, false);
    heed_rmsnorm(t, y, HEED_NIL, 1e-5);
    heed_tape_set_recording(t, true);
    heed_tensor gain = heed_input(t, HEED_F64, HEED_SHAPE(2), (double[]){1, 2});
    cr_assert_eq(heed_backward(t, heed_sum(t, heed_rmsnorm(t, y, gain, 1e-5), HEED_ALL_AXES), NULL), HEED_OK, "%s",
                 heed_error_text(t));
    cr_assert_neq(heed_f64(t, heed_grad(t, x))[0], 0);
    heed_tape_free(t);
}

/* ---- gradients of a model ---- */

typedef struct two {
    heed_model *model;
    heed_param w, unused;
    heed_grads *g;
} two;

static two model_of(heed_dtype dtype) {
    two m = {.model = heed_model_new()};
    m.w = heed_param_new(heed_model_root(m.model), "w", HEED_SHAPE(1), heed_init_constant(2));
    m.unused = heed_param_new(heed_model_root(m.model), "unused", HEED_SHAPE(3), heed_init_constant(1));
    cr_assert_eq(heed_model_build(m.model, dtype, 1), HEED_OK);
    m.g = heed_grads_new(m.model);
    return m;
}

static void free_two(two *m) {
    heed_grads_free(m->g);
    heed_model_free(m->model);
}

/* mean (w x)² over n values: d/dw = 2 w mean x² */
static heed_tensor mean_loss(heed_tape *t, const two *m, const double *x, int64_t n) {
    heed_tensor wx = heed_mul(t, heed_use(t, m->w), heed_input(t, HEED_F64, HEED_SHAPE(n), x));
    return heed_mean(t, heed_square(t, wx), HEED_ALL_AXES);
}

/* A parameter never used has gradient zero. PyTorch's gradient is None where a parameter was not used. [promises:
 * unused parameters] */
Test(backward, unused_parameters_have_gradient_zero) {
    two m = model_of(HEED_F64);
    double *unused = heed_grads_of(m.g, m.unused);
    unused[0] = unused[1] = unused[2] = 99;
    heed_tape *t = heed_tape_new();
    cr_assert_eq(heed_backward(t, mean_loss(t, &m, (double[]){1, 3}, 2), m.g), HEED_OK);
    cr_assert_eq(*(double *)heed_grads_of(m.g, m.w), 20);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(unused[i], 0);
    heed_tape_free(t);
    free_two(&m);
}

Test(backward, split_batches_average_by_their_items) {
    two m = model_of(HEED_F64);
    const double x[] = {1, 2, 3, 5};
    heed_tape *t = heed_tape_new();
    cr_assert_eq(heed_backward(t, mean_loss(t, &m, x, 4), m.g), HEED_OK);
    double whole = *(double *)heed_grads_of(m.g, m.w);
    cr_assert_eq(whole, 39);
    heed_grads_clear(m.g);
    cr_assert_eq(heed_backward(t, mean_loss(t, &m, x, 3), m.g), HEED_OK);
    cr_assert_eq(heed_backward(t, mean_loss(t, &m, x + 3, 1), m.g), HEED_OK);
    cr_assert_float_eq(*(double *)heed_grads_of(m.g, m.w), whole, 1e-12);
    cr_assert_eq(heed_grads_weight(m.g), 4);
    heed_tape_free(t);
    free_two(&m);
}

/* What is accumulated is a loss's share of the whole; what is kept is the gradient of the loss that was walked. */
Test(backward, kept_gradients_are_whole_where_others_are_averaged) {
    two m = model_of(HEED_F64);
    heed_tape *t = heed_tape_new();
    cr_assert_eq(heed_backward(t, mean_loss(t, &m, (double[]){1, 2, 3}, 3), m.g), HEED_OK);
    heed_tensor x = heed_variable(t, HEED_F64, HEED_SHAPE(1), (double[]){5});
    heed_tensor y = heed_keep_grad(t, heed_mul(t, heed_use(t, m.w), x)), loss = heed_scale(t, heed_square(t, y), 3);
    heed_set_weight(t, loss, 1);
    const double w = *(double *)heed_param_data(m.w);
    cr_assert_eq(heed_backward(t, heed_reshape(t, loss, HEED_SCALAR), m.g), HEED_OK, "%s", heed_error_text(t));
    cr_assert_float_eq(heed_item(t, heed_grad(t, y)), 6 * w * 5, 1e-12);
    cr_assert_float_eq(heed_item(t, heed_grad(t, x)), 6 * w * 5 * w, 1e-12);
    cr_assert_eq(heed_grads_weight(m.g), 4);
    heed_tape_free(t);
    free_two(&m);
}

Test(backward, sums_accumulate_by_adding_and_do_not_mix_with_means) {
    two m = model_of(HEED_F64);
    heed_tape *t = heed_tape_new();
    for (int i = 0; i < 2; i++)
        cr_assert_eq(heed_backward(t, heed_sum(t, heed_use(t, m.w), HEED_ALL_AXES), m.g), HEED_OK);
    cr_assert_eq(*(double *)heed_grads_of(m.g, m.w), 2);
    cr_assert_eq(heed_backward(t, mean_loss(t, &m, (double[]){1}, 1), m.g), HEED_STATE);
    SAYS(t, "backward: a loss that averages items and one that does not cannot be accumulated: "
            "give both a weight (heed_set_weight), or neither");
    cr_assert(heed_grads_poisoned(m.g));
    heed_tape_free(t);
    free_two(&m);
}

Test(backward, merging_gradients_is_as_one_backward_over_both) {
    two m = model_of(HEED_F64);
    heed_grads *other = heed_grads_new(m.model);
    heed_tape *t = heed_tape_new(), *u = heed_tape_new();
    cr_assert_eq(heed_backward(t, mean_loss(t, &m, (double[]){1, 2, 3}, 3), m.g), HEED_OK);
    cr_assert_eq(heed_backward(u, mean_loss(u, &m, (double[]){5}, 1), other), HEED_OK);
    cr_assert_eq(heed_grads_merge(m.g, other, 1), HEED_OK);
    cr_assert_float_eq(*(double *)heed_grads_of(m.g, m.w), 39, 1e-12);
    heed_tape_free(t);
    heed_tape_free(u);
    heed_grads_free(other);
    free_two(&m);
}

Test(backward, a_failed_backward_poisons_the_gradients) {
    two m = model_of(HEED_F64);
    heed_tape *t = heed_tape_new();
    heed_tensor bad = heed_add(t, heed_use(t, m.w), heed_zeros(t, HEED_F64, HEED_SHAPE(2, 0)));
    cr_assert_neq(heed_backward(t, bad, m.g), HEED_OK);
    cr_assert(heed_grads_poisoned(m.g));
    heed_tape_reset(t);
    cr_assert_eq(heed_backward(t, mean_loss(t, &m, (double[]){1}, 1), m.g), HEED_STATE);
    SAYS(t, "backward: the gradients are poisoned by a backward that failed: heed_grads_clear them first");
    heed_optim *sgd = heed_sgd_new(m.model, (heed_sgd_options){.lr = 1});
    cr_assert_eq(heed_optim_step(sgd, m.g), HEED_STATE);
    cr_assert_eq(*(double *)heed_param_data(m.w), 2);
    heed_optim_free(sgd);
    heed_tape_free(t);
    free_two(&m);
}

Test(backward, parameters_that_changed_since_forward_are_refused) {
    two m = model_of(HEED_F64);
    heed_tape *t = heed_tape_new();
    heed_tensor loss = mean_loss(t, &m, (double[]){1, 2}, 2);
    cr_assert_eq(heed_param_set(m.w, (double[]){3}, 1), HEED_OK);
    cr_assert_eq(heed_backward(t, loss, m.g), HEED_STATE);
    SAYS(t, "backward: parameters of the model have changed since the forward pass used them: record it again");
    heed_tape_free(t);
    free_two(&m);
}

Test(backward, stacked_parameters_and_their_parts_share_one_gradient) {
    heed_model *model = heed_model_new();
    const heed_module *root = heed_model_root(model);
    heed_param parts[] = {heed_param_new(root, "a", HEED_SHAPE(1, 2), heed_init_constant(1)),
                          heed_param_new(root, "b", HEED_SHAPE(2, 2), heed_init_constant(1))};
    heed_param both = heed_param_stack(2, parts);
    cr_assert_eq(heed_model_build(model, HEED_F64, 1), HEED_OK);
    heed_grads *g = heed_grads_new(model);
    heed_tape *t = heed_tape_new();
    heed_tensor loss = heed_add(t, heed_sum(t, heed_use(t, both), HEED_ALL_AXES),
                                heed_sum(t, heed_scale(t, heed_use(t, parts[1]), 10), HEED_ALL_AXES));
    cr_assert_eq(heed_backward(t, loss, g), HEED_OK);
    const double *ga = heed_grads_of(g, parts[0]), expected[] = {1, 1, 11, 11, 11, 11};
    for (int i = 0; i < 6; i++)
        cr_assert_eq(ga[i], expected[i]);
    cr_assert_eq((char *)heed_param_data(parts[1]), (char *)heed_param_data(both) + 2 * sizeof(double));
    heed_tape_free(t);
    heed_grads_free(g);
    heed_model_free(model);
}

Test(backward, frozen_and_foreign_parameters_get_nothing) {
    two m = model_of(HEED_F64), other = model_of(HEED_F64);
    heed_tape *t = heed_tape_new();
    heed_tensor loss = heed_sum(t, heed_mul(t, heed_use(t, m.w), heed_use(t, other.w)), HEED_ALL_AXES);
    cr_assert_eq(heed_backward(t, loss, m.g), HEED_OK);
    cr_assert_eq(*(double *)heed_grads_of(m.g, m.w), 2);
    cr_assert(heed_grads_empty(other.g));
    heed_tape_reset(t);
    cr_assert_eq(heed_model_set_trainable(m.model, "w", false), 1);
    loss = heed_sum(t, heed_use(t, m.w), HEED_ALL_AXES);
    cr_assert_eq(heed_backward(t, loss, NULL), HEED_INVALID);
    heed_tape_free(t);
    free_two(&m);
    free_two(&other);
}

Test(backward, a_bound_clone_is_used_and_gets_the_gradient) {
    two m = model_of(HEED_F64);
    heed_model *clone = heed_model_clone(m.model, HEED_F32);
    cr_assert_eq(heed_model_status(clone), HEED_OK);
    cr_assert_eq(heed_param_set((heed_param){clone, m.w.index}, (double[]){5}, 1), HEED_OK);
    heed_grads *g = heed_grads_new(clone);
    heed_tape *t = heed_tape_new();
    cr_assert_eq(heed_tape_bind(t, m.model, clone), HEED_OK);
    heed_tensor loss = heed_sum(t, heed_square(t, heed_use(t, m.w)), HEED_ALL_AXES);
    cr_assert_eq(heed_dtype_of(t, loss), HEED_F32);
    cr_assert_eq(heed_backward(t, loss, g), HEED_OK);
    cr_assert_eq(*(float *)heed_grads_of(g, (heed_param){clone, m.w.index}), 10);
    heed_tape_free(t);
    heed_grads_free(g);
    heed_model_free(clone);
    free_two(&m);
}
