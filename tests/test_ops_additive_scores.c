/* Additive scores in one op, against numbers by hand and the same composed of broadcasts. */
#include "op_testing.h"

TestSuite(additive_scores, .init = ops_setup, .fini = ops_teardown);

Test(additive_scores, by_hand) {
    heed_tensor q = GIVEN(HEED_SHAPE(1, 1, 2), 0.5, -1), v = GIVEN(HEED_SHAPE(2), 3, 2);
    heed_tensor k = GIVEN(HEED_SHAPE(1, 2, 2), -0.5, 1, 0, 2);
    heed_tensor y = heed_additive_scores(t, q, k, v);
    const double a = tanh(0.5), b = tanh(1), in_a = 1 - a * a, in_b = 1 - b * b;
    EXPECT_NEAR(1e-15, y, HEED_SHAPE(1, 1, 2), 0, 3 * a + 2 * b);
    BACKWARD(y, 1, 10);
    EXPECT_NEAR(1e-14, heed_grad(t, q), HEED_SHAPE(1, 1, 2), 3 + 30 * in_a, 2 + 20 * in_b);
    EXPECT_NEAR(1e-14, heed_grad(t, k), HEED_SHAPE(1, 2, 2), 3, 2, 30 * in_a, 20 * in_b);
    EXPECT_NEAR(1e-14, heed_grad(t, v), HEED_SHAPE(2), 10 * a, 10 * b);
}

static heed_tensor composed(heed_tensor q, heed_tensor k, heed_tensor v) {
    const int64_t B = heed_size(t, q, 0), T = heed_size(t, q, 1), S = heed_size(t, k, 1), d = heed_size(t, q, 2);
    heed_tensor queries = heed_reshape(t, q, HEED_SHAPE(B, T, 1, d)), keys = heed_reshape(t, k, HEED_SHAPE(B, 1, S, d));
    heed_tensor sum = heed_add(t, queries, keys);
    return heed_sum(t, heed_mul(t, heed_tanh(t, sum), v), HEED_AXES(-1));
}

static void expect_near(heed_tensor a, heed_tensor b, double tolerance) {
    expect_shape(a, heed_shape_of(t, b));
    for (int64_t i = 0; i < heed_count(t, a); i++)
        cr_assert(agree(ops_value(a, i), ops_value(b, i), tolerance), "element %d is %.17g, not %.17g", (int)i,
                  ops_value(a, i), ops_value(b, i));
}

/* Rows longer than a block of the sum; v as the weight of a linear layer; gradients that are added to others. */
Test(additive_scores, are_the_composition) {
    const int64_t widths[] = {1, 15, 16, 17, 1023, 1025, 2100};
    for (int i = 0; i < LENGTH(widths); i++) {
        const int64_t d = widths[i];
        heed_tensor in[2][3], y[2];
        for (int way = 0; way < 2; way++) {
            in[way][0] = ops_random(HEED_F64, HEED_SHAPE(2, 3, d), 1);
            in[way][1] = ops_random(HEED_F64, HEED_SHAPE(2, 4, d), 2);
            in[way][2] = ops_random(HEED_F64, HEED_SHAPE(1, d), 3);
            heed_tensor q = in[way][0], k = in[way][1], v = in[way][2], again = heed_neg(t, q);
            heed_tensor first = way ? composed(q, k, v) : heed_additive_scores(t, q, k, v);
            y[way] = heed_add(t, first, way ? composed(again, k, v) : heed_additive_scores(t, again, k, v));
        }
        expect_near(y[0], y[1], 1e-12);
        heed_tensor seed = ops_random(HEED_F64, heed_shape_of(t, y[0]), 4);
        ops_backward(heed_sum(t, heed_mul(t, heed_add(t, y[0], y[1]), seed), HEED_ALL_AXES), HEED_NIL);
        for (int j = 0; j < 3; j++)
            expect_near(heed_grad(t, in[0][j]), heed_grad(t, in[1][j]), 1e-13);
        heed_tape_reset(t);
    }
}

static heed_tensor of_three(const heed_tensor *in, void *user) {
    (void)user;
    return heed_additive_scores(t, in[0], in[1], in[2]);
}

Test(additive_scores, bits_do_not_depend_on_threads) {
    ops_expect_same_for_any_threads(of_three, NULL, 3, (heed_shape[]){{3, {19, 2, 50}}, {3, {19, 11, 50}}, {1, {50}}});
}

/* One query alone has the bits it has among others. */
Test(additive_scores, a_query_alone) {
    heed_tensor q = ops_random(HEED_F32, HEED_SHAPE(2, 3, 40), 1), k = ops_random(HEED_F32, HEED_SHAPE(2, 5, 40), 2);
    heed_tensor v = ops_random(HEED_F32, HEED_SHAPE(40), 3), all = heed_additive_scores(t, q, k, v);
    for (int64_t i = 0; i < 3; i++)
        ops_expect_same_bits(heed_contiguous(t, heed_slice(t, all, 1, i, i + 1)),
                             heed_additive_scores(t, heed_slice(t, q, 1, i, i + 1), k, v));
}

Test(additive_scores, sizes_of_zero) {
    heed_tensor v = ops_random(HEED_F64, HEED_SHAPE(2), 1), none = ops_random(HEED_F64, HEED_SHAPE(0), 1);
    heed_tensor q = ops_random(HEED_F64, HEED_SHAPE(2, 0, 2), 2), k = ops_random(HEED_F64, HEED_SHAPE(2, 3, 2), 3);
    expect_shape(heed_additive_scores(t, q, k, v), HEED_SHAPE(2, 0, 3));
    heed_tensor y = heed_additive_scores(t, k, q, v);
    expect_shape(y, HEED_SHAPE(2, 3, 0));
    ops_backward(heed_sum(t, y, HEED_ALL_AXES), HEED_NIL);
    ops_expect_all(heed_grad(t, v), 0);
    ops_expect_all(heed_grad(t, k), 0);
    heed_tensor flat = heed_zeros(t, HEED_F64, HEED_SHAPE(2, 3, 0));
    ops_expect_all(heed_additive_scores(t, flat, flat, none), 0);
}

Test(additive_scores, messages) {
    ops_expect_error(heed_additive_scores(t, heed_zeros(t, HEED_F64, HEED_SHAPE(2, 3)),
                                          heed_zeros(t, HEED_F64, HEED_SHAPE(2, 1, 3)),
                                          heed_zeros(t, HEED_F64, HEED_SHAPE(3))),
                     "additive_scores: q is (2, 3), k (2, 1, 3); they must be (batch, queries, d) "
                     "and (batch, keys, d)");
    ops_expect_error(heed_additive_scores(t, heed_zeros(t, HEED_F64, HEED_SHAPE(2, 1, 3)),
                                          heed_zeros(t, HEED_F64, HEED_SHAPE(1, 1, 3)),
                                          heed_zeros(t, HEED_F64, HEED_SHAPE(3))),
                     "additive_scores: q is (2, 1, 3), k (1, 1, 3); they must be (batch, queries, d) "
                     "and (batch, keys, d)");
    ops_expect_error(heed_additive_scores(t, heed_zeros(t, HEED_F64, HEED_SHAPE(2, 1, 3)),
                                          heed_zeros(t, HEED_F64, HEED_SHAPE(2, 1, 3)),
                                          heed_zeros(t, HEED_F64, HEED_SHAPE(2, 3))),
                     "additive_scores: v is (2, 3), must be (3)");
    ops_expect_error(heed_additive_scores(t, heed_zeros(t, HEED_F64, HEED_SHAPE(2, 1, 3)),
                                          heed_zeros(t, HEED_I32, HEED_SHAPE(2, 1, 3)),
                                          heed_zeros(t, HEED_F64, HEED_SHAPE(3))),
                     "additive_scores: dtypes differ: q is f64, k i32");
}
