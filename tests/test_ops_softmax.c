/* softmax, log_softmax, masked_softmax, layernorm, rmsnorm: by hand, against doubles, against PyTorch, and at every
 * edge that is promised; comments quote the promise. */
#include "op_testing.h"

TestSuite(softmax, .init = ops_setup, .fini = ops_teardown);

/* In double, row by row: `log` tells which of the two is meant. */
static void expect_softmax(heed_tensor y, heed_tensor x, int axis, bool log, double tolerance) {
    heed_shape shape = heed_shape_of(t, x);
    int64_t n = shape.n[axis], inner = 1, outer = 1;
    for (int i = 0; i < shape.rank; i++)
        *(i < axis ? &outer : &inner) *= i == axis ? 1 : shape.n[i];
    cr_assert(heed_shape_equal(heed_shape_of(t, y), shape));
    for (int64_t row = 0; row < outer * inner; row++) {
        int64_t start = row / inner * n * inner + row % inner;
        double max = -INFINITY, sum = 0;
        for (int64_t i = 0; i < n; i++)
            max = fmax(max, ops_value(x, start + i * inner));
        for (int64_t i = 0; i < n; i++)
            sum += exp(ops_value(x, start + i * inner) - max);
        for (int64_t i = 0; i < n; i++) {
            double centred = ops_value(x, start + i * inner) - max,
                   want = log ? centred - log1p(sum - 1) : exp(centred) / sum;
            double got = ops_value(y, start + i * inner);
            cr_assert(fabs(got - want) <= tolerance * fmax(fabs(want), log ? 1 : 1e-30), "%.9g, not %.9g", got, want);
        }
    }
}

/* [promises: odd sizes] */
Test(softmax, every_axis_and_size_against_doubles) {
    static const int64_t sizes[] = {1, 2, 15, 16, 17, 31, 33, 129};
    for (int i = 0; i < 8; i++)
        for (int axis = 0; axis < 3; axis++) {
            heed_shape shape = HEED_SHAPE(2, 3, 4);
            shape.n[axis] = sizes[i];
            heed_tensor x = heed_scale(t, ops_random(HEED_F32, shape, (uint64_t)i), 6);
            expect_softmax(heed_softmax(t, x, axis), x, axis, false, 1e-6);
            expect_softmax(heed_log_softmax(t, x, axis - 3), x, axis, true, 1e-6);
            heed_tape_reset(t);
        }
}

static heed_tensor softmax(const heed_tensor *in, void *axis) {
    return heed_softmax(t, in[0], *(int *)axis);
}

static heed_tensor log_softmax(const heed_tensor *in, void *axis) {
    return heed_log_softmax(t, in[0], *(int *)axis);
}

Test(softmax, as_pytorch) {
    EXPECT_GOLDEN("softmax_middle", softmax, &(int){1}, "x");
    EXPECT_GOLDEN("log_softmax_first", log_softmax, &(int){0}, "x");
    ops_expect_same_for_any_threads(softmax, &(int){2}, 1, (heed_shape[]){{3, {9, 30, 200}}});
    ops_expect_same_for_any_threads(log_softmax, &(int){0}, 1, (heed_shape[]){{2, {200, 300}}});
}

/* Along another axis, and over a view, a row has the bits it has by itself. */
Test(softmax, layout_changes_no_bit) {
    heed_tensor x = ops_random(HEED_F32, HEED_SHAPE(17, 33), 1);
    heed_tensor down = heed_softmax(t, x, 0), turned = heed_softmax(t, heed_transpose(t, x, 0, 1), 1);
    ops_expect_same_bits(down, heed_contiguous(t, heed_transpose(t, turned, 0, 1)));
    ops_expect_same_bits(heed_contiguous(t, heed_slice(t, heed_softmax(t, x, 1), 0, 5, 6)),
                         heed_softmax(t, heed_slice(t, x, 0, 5, 6), 1));
}

/* "softmax finite at offsets of 1e30" [promises: softmax far out] */
Test(softmax, finite_far_from_zero) {
    heed_tensor x = GIVEN_F32(HEED_SHAPE(2, 3), 1e30, 1e30, 1e30, -1e30, -1e30, 0);
    EXPECT_NEAR(1e-7, heed_softmax(t, x, 1), HEED_SHAPE(2, 3), 1.0 / 3, 1.0 / 3, 1.0 / 3, 0, 0, 1);
    EXPECT_NEAR(1e23, heed_log_softmax(t, x, 1), HEED_SHAPE(2, 3), 0, 0, 0, -1e30, -1e30, 0);
    ops_backward(heed_softmax(t, x, 1), ops_random(HEED_F32, HEED_SHAPE(2, 3), 1));
    ops_expect_finite(heed_grad(t, x));
}

/* "a plain softmax row wholly -inf is NaN", and other rows are what they were; NaN spoils its own row. [promises:
 * softmax of -inf] */
Test(softmax, rows_without_an_answer) {
    heed_tensor x = GIVEN_F32(HEED_SHAPE(4, 2), -INFINITY, -INFINITY, 0, 0, NAN, 0, -INFINITY, 3);
    EXPECT(heed_softmax(t, x, 1), HEED_SHAPE(4, 2), NAN, NAN, 0.5, 0.5, NAN, NAN, 0, 1);
    heed_tensor y = heed_log_softmax(t, x, 1);
    cr_assert(isnan(ops_value(y, 0)) && isnan(ops_value(y, 5)));
    cr_assert_eq(ops_value(y, 6), -INFINITY);
}

/* "length-1 softmax is 1 with gradient 0" [promises: softmax of one] */
Test(softmax, of_one) {
    heed_tensor x = GIVEN_F32(HEED_SHAPE(3, 1), 5, -80, 1e20), seed = ops_random(HEED_F32, HEED_SHAPE(3, 1), 1);
    heed_tensor y = heed_softmax(t, x, 1);
    ops_expect_all(y, 1);
    ops_backward(y, seed);
    ops_expect_all(heed_grad(t, x), 0);
}

Test(softmax, long_rows_keep_their_digits) {
    heed_tensor y = heed_softmax(t, heed_zeros(t, HEED_F32, HEED_SHAPE(1 << 20)), 0);
    ops_expect_all(y, 0x1p-20);
}

Test(softmax, sizes_of_zero_and_messages) {
    cr_assert_eq(heed_count(t, heed_softmax(t, heed_zeros(t, HEED_F32, HEED_SHAPE(3, 0)), 1)), 0);
    cr_assert_eq(heed_count(t, heed_softmax(t, heed_zeros(t, HEED_F32, HEED_SHAPE(0, 3)), 1)), 0);
    heed_tensor x = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3));
    ops_expect_error(heed_softmax(t, x, 2), "softmax: axis 2 is out of range for (2, 3)");
    x = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3));
    ops_expect_error(heed_log_softmax(t, x, -3), "log_softmax: axis -3 is out of range for (2, 3)");
    ops_expect_error(heed_softmax(t, heed_zeros(t, HEED_F32, HEED_SCALAR), -1),
                     "softmax: axis -1 is out of range for ()");
    ops_expect_error(heed_softmax(t, heed_zeros(t, HEED_I32, HEED_SHAPE(3)), -1),
                     "softmax: it does not compute on i32; see heed_cast");
}

/* ---- masked ---- */

/* "in masked_softmax a row with every key masked, or whose scores are all -inf, gives zeros with finite gradients";
 * what is masked adds nothing. PyTorch's MultiheadAttention gives NaN where all keys are masked. [promises: rows all
 * masked; rows of -inf] */
Test(softmax, masked_rows) {
    heed_tensor x = GIVEN_F32(HEED_SHAPE(5, 3), 1, 2, 3, 0, 0, NAN, 7, 8, 9, -INFINITY, -INFINITY, 5, INFINITY, 0, 0);
    heed_tensor mask = ops_mask(HEED_SHAPE(5, 3), (bool[]){true, true, true, true, true, false, false, false, false,
                                                           true, true, false, false, true, true});
    heed_tensor y = heed_masked_softmax(t, x, mask);
    EXPECT_NEAR(1e-7, y, HEED_SHAPE(5, 3), 0.09003057, 0.24472847, 0.66524096, 0.5, 0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0.5,
                0.5);
    ops_backward(y, GIVEN_F32(HEED_SHAPE(5, 3), 1, 0, 0, 1, 0, NAN, 1, 2, 3, 1, 2, 3, NAN, 1, 1));
    heed_tensor dx = heed_grad(t, x);
    ops_expect_finite(dx);
    EXPECT_NEAR(1e-7, heed_slice(t, dx, 0, 1, 5), HEED_SHAPE(4, 3), 0.25, -0.25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

Test(softmax, mask_broadcasts_and_takes_views) {
    heed_tensor x = ops_random(HEED_F32, HEED_SHAPE(2, 3, 4, 5), 1),
                all = heed_masked_softmax(t, x, ops_mask(HEED_SCALAR, (bool[]){true}));
    ops_expect_same_bits(all, heed_softmax(t, x, 3));
    heed_tensor padding =
        ops_mask(HEED_SHAPE(2, 1, 1, 5), (bool[]){true, true, false, false, true, false, true, true, true, true});
    heed_tensor wide = heed_contiguous(t, heed_expand(t, padding, HEED_SHAPE(2, 3, 4, 5)));
    ops_expect_same_bits(heed_masked_softmax(t, x, padding), heed_masked_softmax(t, x, wide));
    heed_tensor turned = heed_transpose(t, heed_transpose(t, x, 2, 3), 2, 3),
                by_query = ops_mask(HEED_SHAPE(4, 1), (bool[]){true, false, true, true});
    ops_expect_all(heed_select(t, heed_masked_softmax(t, turned, by_query), 2, 1), 0);
}

static heed_tensor masked(const heed_tensor *in, void *user) {
    (void)user;
    return heed_masked_softmax(t, in[0], heed_gt(t, heed_detach(t, in[1]), heed_zeros(t, HEED_F32, HEED_SCALAR)));
}

Test(softmax, masked_bits_do_not_depend_on_threads) {
    ops_expect_same_for_any_threads(masked, NULL, 2, (heed_shape[]){{3, {7, 40, 130}}, {2, {40, 130}}});
}

Test(softmax, mask_messages) {
    heed_tensor x = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3));
    ops_expect_error(heed_masked_softmax(t, x, heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3))),
                     "masked_softmax: the mask is f32, must be bool");
    x = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3));
    ops_expect_error(heed_masked_softmax(t, x, heed_zeros(t, HEED_BOOL, HEED_SHAPE(2))),
                     "masked_softmax: the mask is (2,), does not broadcast to (2, 3)");
    x = heed_zeros(t, HEED_F32, HEED_SHAPE(1, 3));
    ops_expect_error(heed_masked_softmax(t, x, heed_zeros(t, HEED_BOOL, HEED_SHAPE(2, 3))),
                     "masked_softmax: the mask is (2, 3), does not broadcast to (1, 3)");
}

/* ---- norms ---- */

static heed_tensor layernorm(const heed_tensor *in, void *user) {
    (void)user;
    return heed_layernorm(t, in[0], in[1], in[2], 1e-5);
}

static heed_tensor rmsnorm(const heed_tensor *in, void *user) {
    (void)user;
    return heed_rmsnorm(t, in[0], in[1], 1e-6);
}

Test(softmax, layernorm_as_pytorch) {
    EXPECT_GOLDEN("layernorm", layernorm, NULL, "x", "gain", "shift");
    ops_expect_same_for_any_threads(layernorm, NULL, 3, (heed_shape[]){{3, {9, 50, 130}}, {1, {130}}, {1, {130}}});
    ops_expect_same_for_any_threads(rmsnorm, NULL, 2, (heed_shape[]){{3, {9, 50, 130}}, {1, {130}}});
}

Test(softmax, layernorm_by_hand) {
    heed_tensor x = GIVEN(HEED_SHAPE(1, 4), 1, 3, 5, 7); /* mean 4, variance 5 */
    double r = 1 / sqrt(5.0);
    EXPECT_NEAR(1e-15, heed_layernorm(t, x, HEED_NIL, HEED_NIL, 0), HEED_SHAPE(1, 4), -3 * r, -r, r, 3 * r);
    heed_tensor gain = GIVEN(HEED_SHAPE(4), 1, 2, 3, 4), shift = GIVEN(HEED_SHAPE(4), 10, 20, 30, 40);
    EXPECT_NEAR(1e-14, heed_layernorm(t, x, gain, shift, 4), HEED_SHAPE(1, 4), 9, 20 - 2.0 / 3, 31, 44);
}

Test(softmax, rmsnorm_by_hand) {
    heed_tensor x = GIVEN(HEED_SHAPE(2, 2), 3, 4, 0, 0), gain = GIVEN(HEED_SHAPE(2), 1, 10);
    heed_tensor y = heed_rmsnorm(t, x, gain, 0); /* sqrt(mean x²) = sqrt(12.5) */
    EXPECT_NEAR(1e-15, y, HEED_SHAPE(2, 2), 3 / sqrt(12.5), 40 / sqrt(12.5), 0, 0);
    ops_backward(y, heed_ones(t, HEED_F64, HEED_SHAPE(2, 2)));
    ops_expect_finite(heed_grad(t, x));
    EXPECT_NEAR(1e-15, heed_grad(t, gain), HEED_SHAPE(2), 3 / sqrt(12.5), 4 / sqrt(12.5));
}

/* "layernorm of a constant row gives beta, gradients finite", with eps 0 too. PyTorch leaves rounding over, and with
 * eps 0 gives NaN. [promises: constant rows] */
Test(softmax, layernorm_of_a_constant_row) {
    for (int i = 0; i < 4; i++) {
        double c = (double[]){0, 0.1, -1e6, 3e-30}[i], eps = i % 2 ? 0 : 1e-5;
        heed_dtype dtype = i < 2 ? HEED_F32 : HEED_F64;
        heed_tensor x = ops_given(dtype, HEED_SHAPE(2, 5), (double[]){c, c, c, c, c, c, c, c, c, c});
        heed_tensor shift = ops_given(dtype, HEED_SHAPE(5), (double[]){1, 2, 3, 4, 5}),
                    gain = ops_random(dtype, HEED_SHAPE(5), 1);
        heed_tensor y = heed_layernorm(t, x, gain, shift, eps);
        EXPECT(y, HEED_SHAPE(2, 5), 1, 2, 3, 4, 5, 1, 2, 3, 4, 5);
        ops_backward(y, ops_random(dtype, HEED_SHAPE(2, 5), 2));
        ops_expect_finite(heed_grad(t, x));
        ops_expect_finite(heed_grad(t, gain));
        heed_tape_reset(t);
    }
}

/* "layernorm at offset 1e6 accurate (two passes)": compared with the same row at offset 0, which f32 has exactly.
 * [promises: layernorm far out] */
Test(softmax, layernorm_far_from_zero) {
    double near[64], far[64];
    for (int i = 0; i < 64; i++) {
        near[i] = floor(ops_draw(4, i) * 40) / 8;
        far[i] = 1e6 + near[i];
    }
    heed_tensor a = ops_given(HEED_F32, HEED_SHAPE(64), near), b = ops_given(HEED_F32, HEED_SHAPE(64), far);
    heed_tensor y = heed_layernorm(t, a, HEED_NIL, HEED_NIL, 1e-5), z = heed_layernorm(t, b, HEED_NIL, HEED_NIL, 1e-5);
    for (int i = 0; i < 64; i++)
        cr_assert(fabs(ops_value(y, i) - ops_value(z, i)) <= 1e-6, "%.9g, not %.9g", ops_value(z, i), ops_value(y, i));
}

/* "eps < 0 or NaN ERR", and other messages. PyTorch takes any eps. [promises: eps of norms] */
Test(softmax, norm_messages) {
    ops_expect_error(heed_layernorm(t, heed_zeros(t, HEED_F32, HEED_SHAPE(2)), HEED_NIL, HEED_NIL, -1e-5),
                     "layernorm: eps is -1e-05, must be 0 or more");
    ops_expect_error(heed_layernorm(t, heed_zeros(t, HEED_F32, HEED_SHAPE(2)), HEED_NIL, HEED_NIL, NAN),
                     "layernorm: eps is nan, must be 0 or more");
    ops_expect_error(heed_rmsnorm(t, heed_zeros(t, HEED_F32, HEED_SHAPE(2)), HEED_NIL, NAN),
                     "rmsnorm: eps is nan, must be 0 or more");
    heed_tensor x = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3)), two = heed_zeros(t, HEED_F32, HEED_SHAPE(2));
    ops_expect_error(heed_layernorm(t, x, two, HEED_NIL, 0),
                     "layernorm: gain is f32 (2,), must be f32 (3,): one for each element of x's last axis");
    x = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3)), two = heed_zeros(t, HEED_F32, HEED_SHAPE(1, 3));
    ops_expect_error(heed_layernorm(t, x, HEED_NIL, two, 0),
                     "layernorm: shift is f32 (1, 3), must be f32 (3,): one for each element of x's last axis");
    ops_expect_error(heed_rmsnorm(t, heed_zeros(t, HEED_F32, HEED_SCALAR), HEED_NIL, 0),
                     "rmsnorm: x is a scalar, must have at least one axis");
}

Test(softmax, norms_of_nothing) {
    heed_tensor x = heed_variable(t, HEED_F32, HEED_SHAPE(0, 3), NULL), gain = ops_random(HEED_F32, HEED_SHAPE(3), 1),
                shift = ops_random(HEED_F32, HEED_SHAPE(3), 2);
    ops_backward(heed_layernorm(t, x, gain, shift, 1e-5), heed_zeros(t, HEED_F32, HEED_SHAPE(0, 3)));
    ops_expect_all(heed_grad(t, gain), 0);
    ops_expect_all(heed_grad(t, shift), 0);
    cr_assert_eq(heed_count(t, heed_rmsnorm(t, heed_zeros(t, HEED_F32, HEED_SHAPE(3, 0)), HEED_NIL, 1e-5)), 0);
}
