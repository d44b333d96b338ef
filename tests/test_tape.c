/* The tape: handles, sticky errors, scopes, watching, memory. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include <heed/heed.h>

#define SAYS(t, text) cr_assert_str_eq(heed_error_text(t), text)

static heed_tensor vector(heed_tape *t, int64_t n) {
    double values[64];
    for (int64_t i = 0; i < n; i++)
        values[i] = (double)(i + 1);
    return heed_variable(t, HEED_F64, HEED_SHAPE(n), values);
}

/* A tensor from another tape, or from before a reset, is an error (caught, not undefined). [promises: other tapes;
 * before a reset] */
Test(tape, stale_and_foreign_tensors_are_errors) {
    heed_tape *a = heed_tape_new(), *b = heed_tape_new();
    heed_tensor x = vector(a, 3);
    heed_tape_reset(a);
    cr_assert(heed_is_nil(heed_neg(a, x)));
    SAYS(a, "neg: input 0 is not of this tape, or from before its last reset");
    heed_tensor y = vector(b, 3);
    heed_tape_reset(a);
    heed_tensor z = vector(a, 3);
    cr_assert(heed_is_nil(heed_add(a, z, y)));
    SAYS(a, "add: input 1 is not of this tape, or from before its last reset");
    cr_assert_eq(heed_tape_status(b), HEED_OK);
    heed_tape_free(a);
    heed_tape_free(b);
}

Test(tape, a_handle_never_set_is_an_error) {
    heed_tape *t = heed_tape_new();
    cr_assert(heed_is_nil(heed_exp(t, HEED_NIL)));
    SAYS(t, "exp: input 0 is nil: it was never set, or is the result of a call that failed on another tape");
    heed_tape_free(t);
}

/* [promises: errors stick] */
Test(tape, the_first_error_sticks_and_nil_flows_on) {
    heed_tape *t = heed_tape_new();
    heed_tensor a = heed_zeros(t, HEED_F32, HEED_SHAPE(32, 64)), b = heed_zeros(t, HEED_F32, HEED_SHAPE(128, 16));
    heed_tensor loss = heed_sum(t, heed_relu(t, heed_matmul(t, a, b)), HEED_ALL_AXES);
    cr_assert(heed_is_nil(loss));
    SAYS(t, "matmul: inner sizes differ: (32, 64) x (128, 16)");
    heed_reshape(t, a, HEED_SHAPE(5, 5));
    SAYS(t, "matmul: inner sizes differ: (32, 64) x (128, 16)");
    cr_assert_eq(heed_backward(t, loss, NULL), HEED_INVALID);
    SAYS(t, "matmul: inner sizes differ: (32, 64) x (128, 16)");
    heed_tape_reset(t);
    SAYS(t, "");
    cr_assert_eq(heed_tape_status(t), HEED_OK);
    heed_tape_free(t);
}

Test(tape, errors_carry_the_path) {
    heed_model *model = heed_model_new();
    heed_module encoder, layer, attn;
    heed_module_init(&encoder, heed_model_root(model), "encoder");
    heed_module_init(&layer, &encoder, "0");
    heed_module_init(&attn, &layer, "attn");
    heed_tape *t = heed_tape_new();
    heed_enter(t, &attn);
    heed_matmul(t, heed_zeros(t, HEED_F32, HEED_SHAPE(32, 64)), heed_zeros(t, HEED_F32, HEED_SHAPE(128, 16)));
    heed_leave(t);
    SAYS(t, "encoder.0.attn: matmul: inner sizes differ: (32, 64) x (128, 16)");
    heed_tape_free(t);
    heed_model_free(model);
}

Test(tape, dtypes_do_not_mix_silently) {
    heed_tape *t = heed_tape_new();
    heed_add(t, heed_zeros(t, HEED_F32, HEED_SHAPE(2)), heed_zeros(t, HEED_F64, HEED_SHAPE(2)));
    SAYS(t, "add: dtypes differ: input 0 is f32, input 1 is f64; see heed_cast");
    heed_tape_reset(t);
    heed_softmax(t, heed_zeros(t, HEED_I32, HEED_SHAPE(2)), 0);
    SAYS(t, "softmax: it does not compute on i32; see heed_cast");
    heed_tape_free(t);
}

/* A product past int64 (2^33 x 2^33), negative dims, rank above the maximum: error, no allocation tried. [promises:
 * negative sizes; ranks; no allocation tried] */
Test(tape, impossible_shapes_are_errors_without_allocating) {
    heed_tape *t = heed_tape_new();
    int64_t big = (int64_t)1 << 33;
    uint64_t before = heed_tape_statistics(t).allocations;
    cr_assert(heed_is_nil(heed_zeros(t, HEED_F32, HEED_SHAPE(big, big))));
    SAYS(
        t,
        "full: shape (8589934592, 8589934592) cannot be: rank must be 0 to 8, sizes not negative, all bytes countable");
    cr_assert_eq(heed_tape_statistics(t).allocations, before);
    heed_tape_reset(t);
    cr_assert(heed_is_nil(heed_zeros(t, HEED_F32, HEED_SHAPE(2, -1))));
    cr_assert_eq(heed_tape_status(t), HEED_INVALID);
    heed_tape_reset(t);
    heed_shape deep = {.rank = 9};
    cr_assert(heed_is_nil(heed_zeros(t, HEED_F32, deep)));
    cr_assert_eq(heed_tape_status(t), HEED_INVALID);
    heed_tape_reset(t);
    heed_expand(t, heed_zeros(t, HEED_F32, HEED_SHAPE(1, 1)), HEED_SHAPE(big, big));
    cr_assert_eq(heed_tape_status(t), HEED_INVALID);
    heed_tape_reset(t);
#ifndef __SANITIZE_ADDRESS__ /* which ends the program instead of letting malloc say no */
    heed_zeros(t, HEED_F64, HEED_SHAPE((int64_t)1 << 50));
    cr_assert_eq(heed_tape_status(t), HEED_NO_MEMORY);
#endif
    heed_tape_reset(t);
    cr_assert_eq(heed_item(t, heed_full(t, HEED_F64, HEED_SCALAR, 3)), 3);
    heed_tape_free(t);
}

Test(tape, reading_back_views_and_scalars) {
    heed_tape *t = heed_tape_new();
    heed_tensor x = heed_input(t, HEED_F32, HEED_SHAPE(2, 3), (float[]){1, 2, 3, 4, 5, 6});
    const float *turned = heed_f32(t, heed_transpose(t, x, 0, 1));
    const float expected[] = {1, 4, 2, 5, 3, 6};
    for (int i = 0; i < 6; i++)
        cr_assert_eq(turned[i], expected[i]);
    cr_assert(isnan(heed_item(t, x)));
    SAYS(t, "item: shape is (2, 3); it must have one element");
    heed_tape_reset(t);
    x = heed_input(t, HEED_F32, HEED_SHAPE(1), (float[]){7});
    cr_assert_null(heed_f64(t, x));
    SAYS(t, "data: the tensor is f32, not f64; see heed_cast");
    heed_tape_free(t);
}

Test(tape, borrowed_inputs_are_not_copied) {
    heed_tape *t = heed_tape_new();
    float mine[] = {1, 2, 3};
    cr_assert_eq(heed_f32(t, heed_input_borrowed(t, HEED_F32, HEED_SHAPE(3), mine)), mine);
    cr_assert_neq(heed_f32(t, heed_input(t, HEED_F32, HEED_SHAPE(3), mine)), mine);
    heed_tape_free(t);
}

Test(tape, random_values_depend_on_seed_step_and_path_alone) {
    heed_tape *t = heed_tape_new(), *u = heed_tape_new();
    heed_tape_set_seed(t, 5);
    heed_tape_set_seed(u, 5);
    heed_tape_set_threads(u, 7);
    heed_enter_named(t, "a");
    heed_enter_named(u, "a");
    double first = heed_item(t, heed_rand(t, HEED_F64, HEED_SCALAR));
    cr_assert_eq(first, heed_item(u, heed_rand(u, HEED_F64, HEED_SCALAR)));
    cr_assert_neq(first, heed_item(t, heed_rand(t, HEED_F64, HEED_SCALAR)));
    heed_leave(t);
    heed_enter_named(t, "b");
    cr_assert_neq(first, heed_item(t, heed_rand(t, HEED_F64, HEED_SCALAR)));
    heed_tape_reset(t);
    heed_tape_set_step(t, 0);
    heed_enter_named(t, "a");
    cr_assert_eq(first, heed_item(t, heed_rand(t, HEED_F64, HEED_SCALAR)));
    heed_tape_free(t);
    heed_tape_free(u);
}

/* ---- watching ---- */

typedef struct seen {
    int count;
    char path[64];
    double sum;
} seen;

static void look(void *user, heed_tape *t, const char *path, heed_tensor x) {
    seen *s = user;
    s->count++;
    snprintf(s->path, sizeof s->path, "%s", path);
    const double *values = heed_f64(t, x);
    for (int64_t i = 0; i < heed_count(t, x); i++)
        s->sum += values[i];
}

Test(tape, watchers_see_matching_paths_only) {
    heed_tape *t = heed_tape_new();
    seen s = {0};
    cr_assert_eq(heed_tape_on_watch(t, "encoder.*.q", look, &s), HEED_OK);
    heed_enter_named(t, "encoder");
    heed_enter_named(t, "0");
    cr_assert(heed_watching(t, "q"));
    cr_assert_not(heed_watching(t, "k"));
    heed_watch(t, "q", vector(t, 3));
    heed_watch(t, "k", vector(t, 3));
    heed_leave(t);
    heed_leave(t);
    heed_watch(t, "q", vector(t, 3));
    cr_assert_eq(s.count, 1);
    cr_assert_str_eq(s.path, "encoder.0.q");
    cr_assert_eq(s.sum, 6);
    heed_tape_unwatch(t, look, &s);
    cr_assert_not(heed_watching(t, "q"));
    heed_tape_free(t);
}

/* ---- memory ---- */

static double one_step(heed_tape *t, int64_t n) {
    heed_tape_reset(t);
    heed_tensor x = vector(t, n), y = x;
    for (int i = 0; i < 50; i++)
        y = heed_tanh(t, heed_mul(t, y, x));
    heed_tensor loss = heed_sum(t, y, HEED_ALL_AXES);
    cr_assert_eq(heed_backward(t, loss, NULL), HEED_OK);
    return heed_item(t, loss);
}

Test(tape, the_same_step_again_takes_no_new_memory) {
    heed_tape *t = heed_tape_new();
    double first = one_step(t, 64);
    one_step(t, 64); /* its reset merges the arena */
    uint64_t before = heed_tape_statistics(t).allocations;
    for (int i = 0; i < 5; i++)
        cr_assert_eq(one_step(t, 64), first);
    one_step(t, 8);
    cr_assert_eq(heed_tape_statistics(t).allocations, before);
    heed_tape_free(t);
}

Test(tape, gradients_share_memory_by_their_lifetimes) {
    heed_tape *t = heed_tape_new();
    one_step(t, 64);
    heed_tape_stats s = heed_tape_statistics(t);
    cr_assert_lt(s.gradient_bytes, s.gradients_unplanned / 10, "%zu of %zu", s.gradient_bytes, s.gradients_unplanned);
    heed_tape_free(t);
}

/* A chain of 1e6 ops works. [promises: long chains] */
Test(tape, a_chain_of_a_million_ops) {
    heed_tape *t = heed_tape_new();
    heed_tensor x = heed_variable(t, HEED_F64, HEED_SCALAR, (double[]){1}), y = x;
    for (int i = 0; i < 1000000; i++)
        y = heed_add(t, y, x);
    cr_assert_eq(heed_item(t, y), 1000001);
    cr_assert_eq(heed_backward(t, y, NULL), HEED_OK, "%s", heed_error_text(t));
    cr_assert_eq(heed_item(t, heed_grad(t, x)), 1000001);
    heed_tape_free(t);
}

Test(tape, recording_off_keeps_no_graph) {
    heed_tape *t = heed_tape_new();
    heed_tensor x = vector(t, 4);
    cr_assert(heed_tape_set_recording(t, false));
    heed_tensor y = heed_sum(t, heed_square(t, x), HEED_ALL_AXES);
    cr_assert_eq(heed_tape_statistics(t).nodes, 0);
    cr_assert_eq(heed_item(t, y), 30);
    cr_assert_eq(heed_backward(t, y, NULL), HEED_INVALID);
    SAYS(t, "backward: the loss does not depend on any trainable parameter or variable, or recording was off");
    heed_tape_free(t);
}

/* ---- anomaly ---- */

Test(tape, anomaly_names_the_first_op_forward_or_backward) {
    heed_tape *t = heed_tape_new();
    heed_tape_set_anomaly(t, true);
    heed_tensor x = heed_variable(t, HEED_F64, HEED_SHAPE(2), (double[]){-1, 1});
    heed_enter_named(t, "loss");
    heed_exp(t, heed_log(t, x));
    heed_leave(t);
    SAYS(t, "loss: log: its output 0, of shape (2,), has a NaN");
    heed_tape_reset(t);
    x = heed_variable(t, HEED_F64, HEED_SHAPE(2), (double[]){0, 1});
    heed_tensor y = heed_sum(t, heed_sqrt(t, x), HEED_ALL_AXES);
    cr_assert_eq(heed_backward(t, y, NULL), HEED_NOT_FINITE);
    SAYS(t, "sqrt: backward: the gradient of its input 0, of shape (2,), has an inf");
    heed_tape_free(t);
}
