/* Losses: by hand, against PyTorch, and at every edge that is promised; comments quote the promise. */
#include "op_testing.h"

TestSuite(loss, .init = ops_setup, .fini = ops_teardown);

static heed_tensor scalar(double value) {
    return ops_given(HEED_F64, HEED_SCALAR, &value);
}

/* ---- cross-entropy ---- */

static heed_tensor cross_entropy(const heed_tensor *in, void *user) {
    heed_cross_entropy_options options = *(heed_cross_entropy_options *)user;
    return heed_cross_entropy_with(t, in[0], in[1], options);
}

static heed_tensor weighted_cross_entropy(const heed_tensor *in, void *user) {
    heed_cross_entropy_options options = *(heed_cross_entropy_options *)user;
    options.class_weights = in[2];
    return heed_cross_entropy_with(t, in[0], in[1], options);
}

/* Ignore index, label smoothing and class weights, alone and together. [promises: else as PyTorch] */
Test(loss, cross_entropy_as_pytorch) {
    heed_cross_entropy_options plain = {.label_smoothing = 0}, ignore = {.has_ignore_index = true, .ignore_index = 2},
                               smooth = {.label_smoothing = 0.1};
    heed_cross_entropy_options all = {.label_smoothing = 0.3, .has_ignore_index = true, .ignore_index = 1};
    EXPECT_GOLDEN("cross_entropy", cross_entropy, &plain, "x", "y");
    EXPECT_GOLDEN("cross_entropy_ignore", cross_entropy, &ignore, "x", "y");
    EXPECT_GOLDEN("cross_entropy_smooth", cross_entropy, &smooth, "x", "y");
    EXPECT_GOLDEN("cross_entropy_weights", weighted_cross_entropy, &plain, "x", "y", "w");
    EXPECT_GOLDEN("cross_entropy_all", weighted_cross_entropy, &all, "x", "y", "w");
}

Test(loss, cross_entropy_by_hand) {
    heed_tensor x = GIVEN(HEED_SHAPE(2, 2), 0, 0, 0, log(3)), y = ops_labels(HEED_SHAPE(2), (int32_t[]){1, 1});
    heed_tensor loss = heed_cross_entropy(t, x, y);
    EXPECT_NEAR(1e-15, loss, HEED_SCALAR, (log(2) + log(4.0 / 3)) / 2);
    cr_assert_eq(heed_weight(t, loss), 2);
    ops_backward(loss, HEED_NIL);
    EXPECT_NEAR(1e-15, heed_grad(t, x), HEED_SHAPE(2, 2), 0.25, -0.25, 0.125, -0.125);
}

/* "Cross-entropy finite at logits of 1e4"; and right, gradient too, at logits that differ by little there.
 * [promises: large logits] */
Test(loss, cross_entropy_of_large_logits) {
    heed_tensor x = GIVEN_F32(HEED_SHAPE(3, 3), 1e4, -1e4, 0, 10000, 10001, 10000, -1e4, -1e4, -1e4),
                y = ops_labels(HEED_SHAPE(3), (int32_t[]){1, 1, 0});
    heed_tensor loss = heed_cross_entropy(t, x, y);
    double e = exp(-1), s = 1 + 2 * e;
    EXPECT_NEAR(1e-3, loss, HEED_SCALAR, (2e4 + log(s) + log(3)) / 3);
    ops_backward(loss, HEED_NIL);
    EXPECT_NEAR(1e-7, heed_grad(t, x), HEED_SHAPE(3, 3), 1.0 / 3, -1.0 / 3, 0, e / s / 3, (1 / s - 1) / 3, e / s / 3,
                -2.0 / 9, 1.0 / 9, 1.0 / 9);
}

/* "label outside 0..V-1 and not the ignore index ERR" [promises: labels out of range] */
Test(loss, labels_out_of_range) {
    heed_tensor x = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3));
    ops_expect_error(heed_cross_entropy(t, x, ops_labels(HEED_SHAPE(2), (int32_t[]){0, 3})),
                     "cross_entropy: label 3 of row 1 is outside 0..2");
    x = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3));
    ops_expect_error(heed_cross_entropy(t, x, ops_labels(HEED_SHAPE(2), (int32_t[]){-1, 0})),
                     "cross_entropy: label -1 of row 0 is outside 0..2");
    x = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3));
    heed_cross_entropy_options ignore = {.has_ignore_index = true, .ignore_index = -100};
    ops_expect_error(heed_cross_entropy_with(t, x, ops_labels(HEED_SHAPE(2), (int32_t[]){-100, -1}), ignore),
                     "cross_entropy: label -1 of row 1 is outside 0..2");
    x = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3));
    cr_assert(!heed_is_nil(heed_cross_entropy_with(t, x, ops_labels(HEED_SHAPE(2), (int32_t[]){-100, 1}), ignore)));
    heed_tensor down = heed_select(t, ops_labels(HEED_SHAPE(2, 2), (int32_t[]){9, 1, 9, 7}), 1, 1); /* a view: 1, 7 */
    ops_expect_error(heed_nll(t, x, down), "nll: label 7 of row 1 is outside 0..2");
}

/* "mean over the labels that count", and they are the loss's weight. [promises: labels that count] */
Test(loss, ignored_labels_do_not_count) {
    heed_tensor x = ops_random(HEED_F64, HEED_SHAPE(3, 4), 1), first = heed_slice(t, x, 0, 0, 1);
    heed_cross_entropy_options ignore = {.has_ignore_index = true, .ignore_index = 3};
    heed_tensor loss = heed_cross_entropy_with(t, x, ops_labels(HEED_SHAPE(3), (int32_t[]){2, 3, 3}), ignore);
    ops_expect_same_bits(loss, heed_cross_entropy(t, first, ops_labels(HEED_SHAPE(1), (int32_t[]){2})));
    cr_assert_eq(heed_weight(t, loss), 1);
    ignore.class_weights = GIVEN(HEED_SHAPE(4), 1, 1, 2.5, 1);
    cr_assert_eq(heed_weight(t, heed_cross_entropy_with(t, x, ops_labels(HEED_SHAPE(3), (int32_t[]){2, 3, 1}), ignore)),
                 3.5);
}

/* "all ignored: loss 0, gradient 0; an ignored row of -inf logits: gradient 0". PyTorch's loss is NaN where all are
 * ignored. PyTorch's gradient of an ignored row of -inf is NaN. [promises: all ignored; ignored -inf] */
Test(loss, all_ignored) {
    heed_cross_entropy_options ignore = {.has_ignore_index = true, .ignore_index = -1, .label_smoothing = 0.1};
    heed_tensor x = GIVEN_F32(HEED_SHAPE(2, 2), 1, 2, -INFINITY, -INFINITY);
    heed_tensor loss = heed_cross_entropy_with(t, x, ops_labels(HEED_SHAPE(2), (int32_t[]){-1, -1}), ignore);
    EXPECT(loss, HEED_SCALAR, 0);
    cr_assert_eq(heed_weight(t, loss), 0);
    ops_backward(loss, HEED_NIL);
    ops_expect_all(heed_grad(t, x), 0);
    heed_tape_reset(t);
    x = GIVEN_F32(HEED_SHAPE(2, 2), 0, 0, -INFINITY, -INFINITY);
    loss = heed_cross_entropy_with(t, x, ops_labels(HEED_SHAPE(2), (int32_t[]){0, -1}), ignore);
    ops_backward(loss, HEED_NIL);
    EXPECT_NEAR(1e-7, heed_grad(t, x), HEED_SHAPE(2, 2), -0.45, 0.45, 0, 0);
    heed_tape_reset(t);
    x = heed_variable(t, HEED_F32, HEED_SHAPE(0, 3), NULL);
    EXPECT(heed_cross_entropy(t, x, ops_labels(HEED_SHAPE(0), NULL)), HEED_SCALAR, 0);
}

/* A logit of -inf is a class that cannot be: with another label it costs nothing. */
Test(loss, impossible_classes) {
    heed_tensor x = GIVEN_F32(HEED_SHAPE(1, 3), 0, -INFINITY, 0), y = ops_labels(HEED_SHAPE(1), (int32_t[]){2});
    heed_tensor loss = heed_cross_entropy(t, x, y);
    EXPECT_NEAR(1e-7, loss, HEED_SCALAR, log(2));
    ops_backward(loss, HEED_NIL);
    EXPECT_NEAR(1e-7, heed_grad(t, x), HEED_SHAPE(1, 3), 0.5, 0, -0.5);
}

/* "smoothing outside [0,1] ERR", and other messages. PyTorch takes NaN for no smoothing. [promises: smoothing] */
Test(loss, cross_entropy_messages) {
    static const double wrong[] = {-0.1, 1.5, NAN};
    static const char *const text[] = {"cross_entropy: label smoothing is -0.1, must be in [0, 1]",
                                       "cross_entropy: label smoothing is 1.5, must be in [0, 1]",
                                       "cross_entropy: label smoothing is nan, must be in [0, 1]"};
    for (int i = 0; i < 3; i++) {
        heed_tensor x = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3)), y = ops_labels(HEED_SHAPE(2), (int32_t[]){0, 1});
        ops_expect_error(heed_cross_entropy_with(t, x, y, (heed_cross_entropy_options){.label_smoothing = wrong[i]}),
                         text[i]);
    }
    heed_tensor x = heed_zeros(t, HEED_F32, HEED_SHAPE(3, 4, 10));
    ops_expect_error(heed_cross_entropy(t, x, ops_labels(HEED_SHAPE(3), (int32_t[]){0, 1, 2})),
                     "cross_entropy: the labels are (3,), must be (3, 4): one for each row of the logits (3, 4, 10)");
    x = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3));
    ops_expect_error(heed_cross_entropy(t, x, heed_zeros(t, HEED_F32, HEED_SHAPE(2))),
                     "cross_entropy: the labels are f32, must be i32");
    x = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3));
    heed_cross_entropy_options options = {.class_weights = heed_zeros(t, HEED_F32, HEED_SHAPE(2))};
    ops_expect_error(heed_cross_entropy_with(t, x, ops_labels(HEED_SHAPE(2), (int32_t[]){0, 1}), options),
                     "cross_entropy: the class weights are f32 (2,), must be f32 (3,): one for each class");
    x = heed_zeros(t, HEED_F32, HEED_SCALAR);
    ops_expect_error(heed_nll(t, x, ops_labels(HEED_SCALAR, (int32_t[]){0})),
                     "nll: the log-probabilities are a scalar, must have the classes on their last axis");
}

static heed_tensor entropy_of_many(const heed_tensor *in, void *user) {
    (void)user;
    heed_tensor labels = heed_argmax(t, in[1], 1, false);
    return heed_cross_entropy_with(t, in[0], labels, (heed_cross_entropy_options){.label_smoothing = 0.1});
}

Test(loss, cross_entropy_of_long_rows) {
    ops_expect_same_for_any_threads(entropy_of_many, NULL, 2, (heed_shape[]){{2, {37, 1500}}, {2, {37, 1500}}});
    heed_tape_reset(t);
    heed_tensor x = heed_zeros(t, HEED_F32, HEED_SHAPE(3, 50257)),
                loss = heed_cross_entropy(t, x, ops_labels(HEED_SHAPE(3), (int32_t[]){0, 50256, 700}));
    EXPECT_NEAR(1e-6, loss, HEED_SCALAR, log(50257));
}

/* ---- nll ---- */

static heed_tensor nll(const heed_tensor *in, void *user) {
    (void)user;
    return heed_nll(t, in[0], in[1]);
}

Test(loss, nll_of_log_softmax_is_cross_entropy) {
    EXPECT_GOLDEN("nll", nll, NULL, "x", "y");
    heed_tensor x = ops_random(HEED_F64, HEED_SHAPE(4, 5), 1), y = ops_labels(HEED_SHAPE(4), (int32_t[]){0, 4, 2, 2});
    heed_tensor loss = heed_nll(t, heed_log_softmax(t, x, 1), y);
    EXPECT_NEAR(1e-15, loss, HEED_SCALAR, heed_item(t, heed_cross_entropy(t, x, y)));
    cr_assert_eq(heed_weight(t, loss), 4);
    EXPECT(heed_nll(t, heed_zeros(t, HEED_F32, HEED_SHAPE(0, 3)), ops_labels(HEED_SHAPE(0), NULL)), HEED_SCALAR, 0);
}

/* ---- pairs ---- */

typedef heed_tensor pair_fn(heed_tape *tape, heed_tensor x, heed_tensor target);

static heed_tensor huber_07(heed_tape *tape, heed_tensor x, heed_tensor target) {
    return heed_huber(tape, x, target, 0.7);
}

static const struct pair_loss {
    const char *name;
    pair_fn *fn;
} pairs[] = {{"mse", heed_mse},
             {"l1", heed_l1},
             {"huber", huber_07},
             {"bce_with_logits", heed_bce_with_logits},
             {"kl_div", heed_kl_div}};

static heed_tensor pair(const heed_tensor *in, void *user) {
    return ((const struct pair_loss *)user)->fn(t, in[0], in[1]);
}

/* Away from zero, for kl_div's logarithm. */
static heed_tensor pair_of_positive(const heed_tensor *in, void *user) {
    return ((const struct pair_loss *)user)->fn(t, in[0], heed_add_scalar(t, in[1], 2));
}

Test(loss, pairs_as_pytorch) {
    for (int i = 0; i < LENGTH(pairs); i++) {
        struct pair_loss loss = pairs[i];
        EXPECT_GOLDEN(loss.name, pair, &loss, "x", "target");
        ops_expect_same_for_any_threads(pair_of_positive, &loss, 2, (heed_shape[]){{2, {150, 301}}, {2, {150, 301}}});
    }
}

Test(loss, pairs_by_hand) {
    heed_tensor x = GIVEN(HEED_SHAPE(4), 0, 1, -3, 2), target = GIVEN(HEED_SHAPE(4), 0, 3, 1, 1.5);
    heed_tensor mse = heed_mse(t, x, target), l1 = heed_l1(t, x, target), huber = heed_huber(t, x, target, 1);
    EXPECT(mse, HEED_SCALAR, (4 + 16 + 0.25) / 4);
    EXPECT(l1, HEED_SCALAR, 6.5 / 4);
    EXPECT(huber, HEED_SCALAR, (1.5 + 3.5 + 0.125) / 4);
    cr_assert_eq(heed_weight(t, mse), 4);
    cr_assert_eq(heed_weight(t, l1), 4);
    cr_assert_eq(heed_weight(t, huber), 4);
    ops_backward(heed_add(t, mse, heed_add(t, heed_scale(t, l1, 10), heed_scale(t, huber, 100))), HEED_NIL);
    EXPECT(heed_grad(t, x), HEED_SHAPE(4), 0, -1 - 2.5 - 25, -2 - 2.5 - 25, 0.25 + 2.5 + 12.5); /* at 0 all are flat */
    EXPECT(heed_grad(t, target), HEED_SHAPE(4), 0, 28.5, 29.5, -15.25);
}

Test(loss, bce_is_finite_and_exact_far_out) {
    heed_tensor x = GIVEN_F32(HEED_SHAPE(4), 1e4, -1e4, 1e4, 10), target = GIVEN_F32(HEED_SHAPE(4), 1, 0, 0, 1);
    heed_tensor loss = heed_bce_with_logits(t, x, target);
    EXPECT_NEAR(1e-3, loss, HEED_SCALAR, 2500);
    ops_backward(loss, HEED_NIL);
    EXPECT_NEAR(1e-7, heed_grad(t, x), HEED_SHAPE(4), 0, 0, 0.25, -1 / (1 + exp(10)) / 4);
    heed_tape_reset(t);
    x = GIVEN_F32(HEED_SHAPE(1), 10), target = GIVEN_F32(HEED_SHAPE(1), 1);
    EXPECT_NEAR(1e-11, heed_bce_with_logits(t, x, target), HEED_SCALAR, log1p(exp(-10)));
}

/* "batchmean": over the first axis; a target of 0 adds nothing, even where the prediction is impossible. */
Test(loss, kl_div_by_hand) {
    heed_tensor x = GIVEN(HEED_SHAPE(2, 2), log(0.5), log(0.5), -INFINITY, 0),
                target = GIVEN(HEED_SHAPE(2, 2), 0.25, 0.75, 0, 1);
    heed_tensor loss = heed_kl_div(t, x, target);
    EXPECT_NEAR(1e-15, loss, HEED_SCALAR, (0.25 * log(0.5) + 0.75 * log(1.5)) / 2);
    cr_assert_eq(heed_weight(t, loss), 2);
    ops_backward(loss, HEED_NIL);
    EXPECT(heed_grad(t, x), HEED_SHAPE(2, 2), -0.125, -0.375, 0, -0.5);
}

/* NaN is not hidden by a comparison; "mean of nothing NaN"; a scalar is a pair too. */
Test(loss, pairs_at_the_edges) {
    for (int i = 0; i < LENGTH(pairs); i++) {
        heed_tensor x = GIVEN_F32(HEED_SHAPE(2), NAN, 0), target = GIVEN_F32(HEED_SHAPE(2), 0.5, 0.5);
        ops_expect_all(pairs[i].fn(t, x, target), NAN);
        ops_expect_all(
            pairs[i].fn(t, heed_zeros(t, HEED_F32, HEED_SHAPE(0, 3)), heed_zeros(t, HEED_F32, HEED_SHAPE(0, 3))), NAN);
        cr_assert(isfinite(heed_item(t, pairs[i].fn(t, scalar(0.5), scalar(0.25)))));
        if (i < 3) {
            ops_backward(pairs[i].fn(t, x, target), HEED_NIL);
            cr_assert(isnan(ops_value(heed_grad(t, x), 0)));
        }
        heed_tape_reset(t);
    }
}

/* 2^22 equal terms in f32: their mean is one term, to the last bit. */
Test(loss, long_sums_keep_their_digits) {
    heed_tensor x = heed_full(t, HEED_F32, HEED_SHAPE(1 << 22), 0.3),
                zero = heed_zeros(t, HEED_F32, HEED_SHAPE(1 << 22));
    heed_tensor one = heed_mse(t, heed_full(t, HEED_F32, HEED_SHAPE(1), 0.3), heed_zeros(t, HEED_F32, HEED_SHAPE(1)));
    ops_expect_same_bits(heed_mse(t, x, zero), one);
}

Test(loss, pair_messages) {
    heed_tensor x = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 1)), y = heed_zeros(t, HEED_F32, HEED_SHAPE(2));
    ops_expect_error(heed_mse(t, x, y), "mse: shapes differ: the prediction is (2, 1), the target (2,)");
    x = heed_zeros(t, HEED_F32, HEED_SHAPE(2)), y = heed_zeros(t, HEED_I32, HEED_SHAPE(2));
    ops_expect_error(heed_bce_with_logits(t, x, y),
                     "bce_with_logits: the target is i32, must be f32 as the prediction");
    x = heed_zeros(t, HEED_F32, HEED_SHAPE(2)), y = heed_zeros(t, HEED_F64, HEED_SHAPE(2));
    ops_expect_error(heed_l1(t, x, y), "l1: dtypes differ: input 0 is f32, input 1 is f64; see heed_cast");
    static const double wrong[] = {0, -1, NAN};
    static const char *const text[] = {"huber: delta is 0, must be above 0", "huber: delta is -1, must be above 0",
                                       "huber: delta is nan, must be above 0"};
    for (int i = 0; i < 3; i++) {
        x = heed_zeros(t, HEED_F32, HEED_SHAPE(2));
        ops_expect_error(heed_huber(t, x, x, wrong[i]), text[i]);
    }
}
