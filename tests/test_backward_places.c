/* Where gradients lie: in one place where an op only passes them on, in the gradient of what a view shows, as an op has laid
 * out its output. Nothing of it may show in a gradient's value. Expected values by hand. */
#include <criterion/criterion.h>
#include <string.h>

#include <heed/heed.h>
#include <heed/layers/gpt.h>
#include <heed/layers/multi_head_attention.h>

static heed_tape *t;

static void open_tape(void) {
    t = heed_tape_new();
}

static void close_tape(void) {
    heed_tape_free(t);
}

TestSuite(gradient_places, .init = open_tape, .fini = close_tape);

static heed_tensor variable(heed_shape shape) {
    double x[64];
    for (int i = 0; i < 64; i++)
        x[i] = i + 1;
    return heed_variable(t, HEED_F64, shape, x);
}

static heed_tensor constant(heed_shape shape, const double *x) {
    return heed_input(t, HEED_F64, shape, x);
}

static heed_tensor total(heed_tensor x) {
    return heed_sum(t, x, HEED_ALL_AXES);
}

static void walk(heed_tensor loss) {
    cr_assert_eq(heed_backward(t, loss, NULL), HEED_OK, "%s", heed_error_text(t));
}

static void gradient_is(heed_tensor x, const double *expected) {
    const double *g = heed_f64(t, heed_grad(t, x));
    cr_assert_not_null(g, "%s", heed_error_text(t));
    for (int64_t i = 0; i < heed_count(t, x); i++)
        cr_assert_eq(g[i], expected[i], "element %d: %g, must be %g", (int)i, g[i], expected[i]);
}

/* ---- passed on ---- */

/* The gradients of x and x² begin as one memory, which x's own is added to while x²'s is still to be read. */
Test(gradient_places, a_residual_block) {
    heed_tensor x = variable(HEED_SHAPE(3)), y = heed_add(t, x, heed_square(t, x));
    walk(total(heed_mul(t, y, constant(HEED_SHAPE(3), (double[]){1, 10, 100}))));
    gradient_is(x, (double[]){3, 50, 700}); /* c (1 + 2 x) */
}

Test(gradient_places, kept_gradients_that_were_passed_on) {
    heed_tensor x = variable(HEED_SHAPE(2));
    heed_tensor a = heed_keep_grad(t, heed_scale(t, x, 2)), b = heed_keep_grad(t, heed_scale(t, x, 3));
    heed_tensor squares = heed_square(t, a), sum = heed_keep_grad(t, heed_add(t, a, b));
    walk(heed_add(t, total(squares), total(heed_mul(t, sum, constant(HEED_SHAPE(2), (double[]){5, 7})))));
    gradient_is(sum, (double[]){5, 7});
    gradient_is(b, (double[]){5, 7});
    gradient_is(a, (double[]){5 + 2 * 2, 7 + 2 * 4});
    gradient_is(x, (double[]){2 * 9 + 3 * 5, 2 * 15 + 3 * 7});
}

/* [promises: diamonds] */
Test(gradient_places, to_a_value_twice_and_through_a_chain) {
    heed_tensor x = variable(HEED_SHAPE(2)), y = heed_add(t, x, x);
    y = heed_add_scalar(t, heed_add(t, y, x), 4);
    walk(total(heed_mul(t, heed_add(t, y, y), constant(HEED_SHAPE(2), (double[]){1, 10}))));
    gradient_is(x, (double[]){6, 60});
}

Test(gradient_places, to_operands_that_were_broadcast) {
    heed_tensor row = variable(HEED_SHAPE(2)), x = variable(HEED_SHAPE(3, 2));
    heed_tensor y = heed_add(t, heed_add(t, x, row), row);
    walk(total(heed_mul(t, y, constant(HEED_SHAPE(3, 2), (double[]){1, 2, 3, 4, 5, 6}))));
    gradient_is(x, (double[]){1, 2, 3, 4, 5, 6});
    gradient_is(row, (double[]){18, 24});
}

/* However many sums a residual stream runs through, two places do: its own, and x's, which every sum adds to; beside them
 * lie the seed, and what scale, which does not add by itself, brings to x. */
Test(gradient_places, a_residual_stream_has_one_gradient) {
    heed_tensor x = variable(HEED_SHAPE(64)), y = heed_scale(t, x, 1);
    for (int i = 0; i < 100; i++)
        y = heed_add(t, y, x);
    walk(total(y));
    const heed_tape_stats s = heed_tape_statistics(t);
    cr_assert_leq(s.gradient_bytes, 3 * 64 * sizeof(double) + 64, "%zu", s.gradient_bytes);
    cr_assert_geq(s.gradients_unplanned, 100 * 64 * sizeof(double));
    double expected[64];
    for (int i = 0; i < 64; i++)
        expected[i] = 101;
    gradient_is(x, expected);
}

/* ---- views ---- */

Test(gradient_places, a_part_that_nobody_uses_has_gradient_zero) {
    heed_tensor x = variable(HEED_SHAPE(2, 3)), parts[3];
    heed_split(t, heed_scale(t, x, 2), 1, 3, NULL, parts);
    heed_tensor first = heed_square(t, heed_reshape(t, parts[0], HEED_SHAPE(2)));
    walk(heed_add(t, total(first), total(heed_scale(t, parts[2], 5))));
    gradient_is(x, (double[]){2 * 2 * 2, 0, 10, 2 * 2 * 8, 0, 10}); /* d (2 x)² = 8 x */
}

Test(gradient_places, a_view_of_a_view_that_is_used_twice) {
    heed_tensor x = variable(HEED_SHAPE(6)), y = heed_reshape(t, heed_scale(t, x, 1), HEED_SHAPE(2, 3));
    heed_tensor turned = heed_transpose(t, y, 0, 1), ones = heed_ones(t, HEED_F64, HEED_SHAPE(3, 2));
    heed_tensor weights = constant(HEED_SHAPE(3, 2), (double[]){1, 2, 3, 4, 5, 6});
    walk(heed_add(t, total(heed_mul(t, turned, weights)), total(heed_mul(t, turned, ones))));
    gradient_is(x, (double[]){2, 4, 6, 3, 5, 7});
}

Test(gradient_places, a_view_between_others_that_is_kept) {
    heed_tensor x = variable(HEED_SHAPE(4)), y = heed_scale(t, x, 3);
    heed_tensor turned = heed_keep_grad(t, heed_transpose(t, heed_reshape(t, y, HEED_SHAPE(2, 2)), 0, 1));
    heed_tensor flat = heed_reshape(t, heed_transpose(t, turned, 0, 1), HEED_SHAPE(4));
    walk(total(heed_mul(t, flat, constant(HEED_SHAPE(4), (double[]){1, 2, 3, 4}))));
    gradient_is(turned, (double[]){1, 3, 2, 4});
    gradient_is(x, (double[]){3, 6, 9, 12});
}

Test(gradient_places, one_part_is_kept_and_one_is_not_used) {
    heed_tensor x = variable(HEED_SHAPE(3)), parts[3];
    heed_split(t, heed_scale(t, x, 2), 0, 3, NULL, parts);
    heed_keep_grad(t, parts[1]);
    heed_keep_grad(t, parts[2]);
    walk(total(heed_add(t, heed_scale(t, parts[0], 5), heed_scale(t, parts[1], 7))));
    gradient_is(parts[1], (double[]){7});
    gradient_is(parts[2], (double[]){0});
    gradient_is(x, (double[]){10, 14, 0});
}

Test(gradient_places, a_view_that_backward_starts_from) {
    heed_tensor x = variable(HEED_SHAPE(2, 2)), y = heed_transpose(t, heed_scale(t, x, 2), 0, 1);
    heed_tensor seed = constant(HEED_SHAPE(2, 2), (double[]){1, 2, 3, 4});
    cr_assert_eq(heed_backward_with(t, y, NULL, (heed_backward_options){.seed = seed}), HEED_OK);
    gradient_is(x, (double[]){2, 6, 4, 8});
}

Test(gradient_places, a_value_that_is_shown_and_used) {
    heed_tensor x = variable(HEED_SHAPE(4)), y = heed_scale(t, x, 1), squares = heed_square(t, y);
    heed_tensor turned = heed_transpose(t, heed_reshape(t, y, HEED_SHAPE(2, 2)), 0, 1);
    heed_tensor weights = constant(HEED_SHAPE(2, 2), (double[]){1, 2, 3, 4});
    walk(heed_add(t, total(squares), total(heed_mul(t, turned, weights))));
    gradient_is(x, (double[]){2 + 1, 4 + 3, 6 + 2, 8 + 4});
}

/* ---- layouts of an op's own ---- */

/* y = 2 x, (a, b), laid out column by column. */
static heed_status columns(heed_call *call) {
    heed_array *y = call->out[0];
    y->shape = call->in[0]->shape;
    y->dtype = call->in[0]->dtype;
    y->stride[0] = 1;
    y->stride[1] = y->shape.n[0];
    return HEED_OK;
}

static void double_into(const heed_array *to, const heed_array *from) {
    heed_array_copy(to, from, 1);
    heed_array_add(to, from, 1);
}

static void columns_forward(heed_call *call) {
    double_into(call->out[0], call->in[0]);
}

static void columns_backward(heed_call *call) {
    cr_assert_eq(call->dy[0]->stride[0], call->out[0]->stride[0], "a gradient is laid out as its value");
    double_into(call->dx[0], call->dy[0]);
}

static bool no_samples(int index, heed_sample *sample) {
    (void)index, (void)sample;
    return false;
}

static const heed_op columns_op = {.size = sizeof(heed_op), .name = "columns", .min_in = 1, .max_in = 1, .n_out = 1,
                                   .flags = HEED_STRIDED | HEED_LAYS_OUT, .shape = columns, .strided_dx = HEED_SAVE(0),
                                   .forward_any = columns_forward, .backward_any = columns_backward,
                                   .samples = no_samples};

Test(gradient_places, an_op_that_lays_out_its_output) {
    heed_tensor x = variable(HEED_SHAPE(2, 3)), y = heed_apply(t, &columns_op, &x, 1, NULL);
    cr_assert_eq(heed_tensor_array(t, y)->stride[1], 2);
    heed_keep_grad(t, y);
    heed_tensor weights = constant(HEED_SHAPE(2, 3), (double[]){1, 2, 3, 4, 5, 6});
    walk(heed_add(t, total(heed_mul(t, y, weights)), total(heed_contiguous(t, y))));
    gradient_is(y, (double[]){2, 3, 4, 5, 6, 7});
    gradient_is(x, (double[]){4, 6, 8, 10, 12, 14});
}

Test(gradient_places, an_op_that_writes_into_part_of_a_gradient) {
    heed_tensor x = variable(HEED_SHAPE(2, 4)), parts[2];
    heed_split(t, heed_scale(t, x, 1), 1, 2, NULL, parts); /* (2, 2) each */
    heed_tensor left = heed_apply(t, &columns_op, &parts[0], 1, NULL);
    heed_tensor right = heed_apply(t, &columns_op, (heed_tensor[]){heed_transpose(t, parts[1], 0, 1)}, 1, NULL);
    heed_tensor weights = constant(HEED_SHAPE(2, 2), (double[]){1, 2, 3, 4});
    walk(total(heed_add(t, heed_mul(t, left, weights), heed_mul(t, right, weights))));
    gradient_is(x, (double[]){2, 4, 2, 6, 6, 8, 4, 8});
}

/* ---- what it is for ---- */

static void count_copies(void *user, heed_tape *tape, const heed_tape_item *item) {
    (void)tape;
    *(int *)user += item->op && strcmp(item->op, "contiguous") == 0;
}

/* Between attention's projections nothing is copied: heads are views of both products. */
Test(gradient_places, attention_between_its_projections) {
    heed_model *model = heed_model_new();
    heed_multi_head_attention attn;
    heed_multi_head_attention_init(&attn, heed_model_root(model), "attn",
                                   (heed_multi_head_options){.d_model = 32, .n_heads = 4});
    cr_assert_eq(heed_model_build(model, HEED_F64, 1), HEED_OK);
    heed_tensor x = heed_randn(t, HEED_F64, HEED_SHAPE(2, 16, 32));
    heed_tensor y = heed_multi_head_attention_forward(&attn, t, x, x, (heed_attend){.causal = true});
    cr_assert(heed_needs_grad(t, y), "%s", heed_error_text(t));
    int copies = 0;
    cr_assert_eq(heed_tape_visit(t, count_copies, &copies), HEED_OK);
    cr_assert_eq(copies, 0);
    heed_model_free(model);
}

/* The lifetime plan: a training step of a GPT takes at most 60 % of what it would if every gradient were kept. */
Test(gradient_places, a_gpt_in_sixty_percent) {
    heed_model *model = heed_model_new();
    heed_gpt gpt;
    heed_gpt_init(&gpt, heed_model_root(model), "gpt",
                  (heed_gpt_options){.vocabulary = 65, .context = 64, .d_model = 96, .n_heads = 6, .n_layers = 6,
                                     .activation = HEED_GELU, .no_bias = true});
    cr_assert_eq(heed_model_build(model, HEED_F32, 1), HEED_OK);
    heed_grads *g = heed_grads_new(model);
    heed_tape_set_threads(t, 2);
    int32_t tokens[8 * 64];
    for (int i = 0; i < 8 * 64; i++)
        tokens[i] = i * 7 % 65;
    heed_tensor x = heed_input(t, HEED_I32, HEED_SHAPE(8, 64), tokens);
    cr_assert_eq(heed_backward(t, heed_gpt_loss(&gpt, t, x, x), g), HEED_OK, "%s", heed_error_text(t));
    const heed_tape_stats s = heed_tape_statistics(t);
    const double kept = (double)(s.used_bytes - s.gradient_bytes + s.gradients_unplanned);
    cr_assert_leq((double)s.used_bytes, 0.6 * kept, "%.3f", (double)s.used_bytes / kept);
    heed_grads_free(g);
    heed_model_free(model);
}
