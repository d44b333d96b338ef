/* The mistakes people make most, and what they are told, word for word: the path, the op, the thing, what it is, what it
 * must be. */
#include <criterion/criterion.h>
#include <string.h>

#include <heed/heed.h>

static heed_tape *t;

static void open_tape(void) {
    t = heed_tape_new();
}

static void close_tape(void) {
    heed_tape_free(t);
}

TestSuite(mistakes, .init = open_tape, .fini = close_tape);

static heed_tensor zeros(heed_shape shape) {
    return heed_zeros(t, HEED_F32, shape);
}

#define TOLD(text) cr_assert_str_eq(heed_error_text(t), text)

/* [promises: inner sizes] */
Test(mistakes, sizes_that_do_not_meet_in_a_product) {
    heed_matmul(t, zeros(HEED_SHAPE(32, 64)), zeros(HEED_SHAPE(128, 16)));
    TOLD("matmul: inner sizes differ: (32, 64) x (128, 16)");
}

Test(mistakes, a_layer_fed_with_the_wrong_width) {
    heed_model *model = heed_model_new();
    heed_linear_layer out;
    heed_linear_init(&out, heed_model_root(model), "out", 64, 10, true);
    cr_assert_eq(heed_model_build(model, HEED_F32, 1), HEED_OK);
    heed_linear_forward(&out, t, zeros(HEED_SHAPE(8, 32)));
    TOLD("out: linear: inner sizes differ: x (8, 32), weight (10, 64)");
    heed_model_free(model);
}

Test(mistakes, shapes_that_do_not_broadcast) {
    heed_add(t, zeros(HEED_SHAPE(2, 6)), zeros(HEED_SHAPE(4)));
    TOLD("add: shapes do not broadcast: (2, 6) and (4,)");
}

/* [promises: heads that divide] */
Test(mistakes, heads_that_do_not_divide_the_model) {
    heed_model *model = heed_model_new();
    heed_multi_head_attention attn;
    heed_multi_head_attention_init(&attn, heed_model_root(model), "attn",
                                   (heed_multi_head_options){.d_model = 64, .n_heads = 3});
    cr_assert_eq(heed_model_build(model, HEED_F32, 1), HEED_INVALID);
    cr_assert_str_eq(heed_model_error_text(model), "attn: n_heads 3 does not divide d_model 64");
    heed_model_free(model);
}

Test(mistakes, a_label_past_the_vocabulary) {
    heed_cross_entropy(t, zeros(HEED_SHAPE(3, 5)), heed_input(t, HEED_I32, HEED_SHAPE(3), (int32_t[]){0, 7, 1}));
    TOLD("cross_entropy: label 7 of row 1 is outside 0..4");
}

Test(mistakes, a_token_past_the_table) {
    heed_embedding(t, zeros(HEED_SHAPE(5, 2)), heed_input(t, HEED_I32, HEED_SHAPE(2), (int32_t[]){4, 5}));
    TOLD("embedding: index 5 at position 1 is outside 0..4");
}

Test(mistakes, a_mask_that_does_not_fit) {
    heed_tensor q = zeros(HEED_SHAPE(2, 4, 10, 8)), mask = heed_full(t, HEED_BOOL, HEED_SHAPE(10, 9), 1);
    heed_attention(t, q, q, q, (heed_attention_options){.mask = mask});
    TOLD("attention: the mask is (10, 9), does not broadcast to the scores (2, 4, 10, 10)");
}

/* [promises: before a reset] */
Test(mistakes, a_tensor_from_before_the_reset) {
    heed_tensor x = zeros(HEED_SHAPE(3));
    heed_tape_reset(t);
    heed_relu(t, x);
    TOLD("relu: input 0 is not of this tape, or from before its last reset");
}

/* [promises: non-scalars] */
Test(mistakes, backward_from_more_than_one_number) {
    heed_tensor x = heed_variable(t, HEED_F32, HEED_SHAPE(3), (float[]){1, 2, 3});
    cr_assert_eq(heed_backward(t, heed_square(t, x), NULL), HEED_INVALID);
    TOLD("backward: the loss has shape (3,); it must have one element, or a seed of its shape");
}

/* [promises: a second backward] */
Test(mistakes, a_second_backward) {
    heed_tensor x = heed_variable(t, HEED_F32, HEED_SCALAR, (float[]){1}), y = heed_square(t, x);
    cr_assert_eq(heed_backward(t, y, NULL), HEED_OK);
    cr_assert_eq(heed_backward(t, y, NULL), HEED_STATE);
    TOLD("backward: this recording was walked before: sum the losses first, or ask the first backward to retain it");
}

Test(mistakes, a_model_used_before_it_is_built) {
    heed_model *model = heed_model_new();
    heed_embedding_layer tokens;
    heed_embedding_init(&tokens, heed_model_root(model), "tokens", 5, 2);
    heed_embedding_forward(&tokens, t, heed_input(t, HEED_I32, HEED_SHAPE(1), (int32_t[]){0}));
    TOLD("tokens: parameter: the model is not built yet: call heed_model_build after declaring its layers");
    heed_model_free(model);
}

Test(mistakes, a_step_without_a_backward) {
    heed_model *model = heed_model_new();
    heed_param_new(heed_model_root(model), "w", HEED_SHAPE(2), heed_init_constant(1));
    cr_assert_eq(heed_model_build(model, HEED_F32, 1), HEED_OK);
    heed_grads *g = heed_grads_new(model);
    heed_optim *opt = heed_adam_new(model, heed_adam_defaults(1e-3));
    cr_assert_eq(heed_optim_step(opt, g), HEED_STATE);
    cr_assert_str_eq(heed_optim_error_text(opt), "adam: step: the gradients are empty: run heed_backward first");
    heed_optim_free(opt);
    heed_grads_free(g);
    heed_model_free(model);
}
