/* matmul, linear, einsum: against plain loops over whole numbers, where f32 is exact; against PyTorch; and at the
 * edges. Comments quote the promise of the catalogue that a test holds them to. */
#include "op_testing.h"

TestSuite(product, .init = ops_setup, .fini = ops_teardown);

/* ---- plain loops ---- */

/* Whole numbers of -8..8, so that sums of some hundred products are exact in f32. */
static heed_tensor whole(heed_dtype dtype, heed_shape shape, uint64_t seed) {
    int64_t n = heed_shape_count(shape);
    double *values = malloc((size_t)(n + 1) * sizeof *values);
    for (int64_t i = 0; i < n; i++)
        values[i] = floor(ops_draw(seed, i) * 8);
    heed_tensor x = ops_given(dtype, shape, values);
    free(values);
    return x;
}

/* y (m, n) is a (m, k) times b (k, n), either of them given transposed. */
static void expect_product(heed_tensor y, heed_tensor a, bool a_turned, heed_tensor b, bool b_turned, int64_t m,
                           int64_t n, int64_t k) {
    double *want = malloc((size_t)(m * n + 1) * sizeof *want);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            want[i * n + j] = 0;
            for (int64_t p = 0; p < k; p++)
                want[i * n + j] +=
                    ops_value(a, a_turned ? p * m + i : i * k + p) * ops_value(b, b_turned ? j * k + p : p * n + j);
        }
    ops_expect(y, HEED_SHAPE(m, n), want, 0);
    free(want);
}

/* Sizes 1, 15, 16, 17, 31, 33 all exact: product and both gradients, plain and transposed. [promises: odd sizes] */
Test(product, every_size_and_transpose_is_exact) {
    static const int64_t sizes[] = {1, 2, 15, 16, 17, 31, 33};
    for (int i = 0; i < 7 * 7 * 7; i++) {
        int64_t m = sizes[i % 7], n = sizes[i / 7 % 7], k = sizes[i / 49];
        bool a_turned = i % 2, b_turned = i / 3 % 2;
        heed_dtype dtype = i % 5 ? HEED_F32 : HEED_F64;
        heed_tensor a = whole(dtype, a_turned ? HEED_SHAPE(k, m) : HEED_SHAPE(m, k), 1);
        heed_tensor b = whole(dtype, b_turned ? HEED_SHAPE(n, k) : HEED_SHAPE(k, n), 2);
        heed_tensor y = heed_matmul_t(t, a, a_turned, b, b_turned);
        expect_product(y, a, a_turned, b, b_turned, m, n, k);
        heed_tensor dy = whole(dtype, HEED_SHAPE(m, n), 3);
        ops_backward(y, dy);
        if (a_turned)
            expect_product(heed_grad(t, a), b, b_turned, dy, true, k, m, n);
        else
            expect_product(heed_grad(t, a), dy, false, b, !b_turned, m, k, n);
        if (b_turned)
            expect_product(heed_grad(t, b), dy, true, a, a_turned, n, k, m);
        else
            expect_product(heed_grad(t, b), a, !a_turned, dy, false, k, n, m);
        heed_tape_reset(t);
    }
}

Test(product, by_hand) {
    heed_tensor a = GIVEN(HEED_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), b = GIVEN(HEED_SHAPE(3, 2), 1, 0, 0, 1, 2, 2);
    heed_tensor y = heed_matmul(t, a, b);
    EXPECT(y, HEED_SHAPE(2, 2), 7, 8, 16, 17);
    ops_backward(y, GIVEN(HEED_SHAPE(2, 2), 1, 0, 0, 10));
    EXPECT(heed_grad(t, a), HEED_SHAPE(2, 3), 1, 0, 2, 0, 10, 20);
    EXPECT(heed_grad(t, b), HEED_SHAPE(3, 2), 1, 40, 2, 50, 3, 60);
}

/* "Rank 1 as in NumPy's matmul." */
Test(product, vectors_lose_their_axis) {
    heed_tensor v = GIVEN(HEED_SHAPE(3), 1, 2, 3), m = GIVEN(HEED_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    EXPECT(heed_matmul(t, v, v), HEED_SCALAR, 14);
    EXPECT(heed_matmul(t, m, v), HEED_SHAPE(2), 14, 32);
    EXPECT(heed_matmul_t(t, v, false, m, true), HEED_SHAPE(2), 14, 32);
    EXPECT(heed_matmul_t(t, v, true, m, true), HEED_SHAPE(2), 14, 32);
    heed_tensor batch = heed_reshape(t, m, HEED_SHAPE(2, 1, 3));
    EXPECT(heed_matmul(t, batch, v), HEED_SHAPE(2, 1), 14, 32);
}

/* x.x: an operand used twice gets both gradients. */
Test(product, used_twice_adds_up) {
    heed_tensor x = GIVEN(HEED_SHAPE(2, 2), 1, 2, 3, 4);
    heed_tensor y = heed_matmul(t, x, x);
    EXPECT(y, HEED_SHAPE(2, 2), 7, 10, 15, 22);
    ops_backward(y, GIVEN(HEED_SHAPE(2, 2), 1, 0, 0, 0));
    EXPECT(heed_grad(t, x), HEED_SHAPE(2, 2), 2, 3, 2, 0); /* dy xᵀ + xᵀ dy */
}

/* "batch axes broadcast", their gradients summed in the product itself. */
static heed_tensor matmul(const heed_tensor *in, void *user) {
    (void)user;
    return heed_matmul(t, in[0], in[1]);
}

/* [promises: else as PyTorch] */
Test(product, broadcast_as_pytorch) {
    EXPECT_GOLDEN("matmul_broadcast", matmul, NULL, "a", "b");
}

/* An operand of two, three and four axes shared by all of a batch is the sum over what it was used for. */
Test(product, shared_operand_is_one_long_sum) {
    heed_tensor x = whole(HEED_F32, HEED_SHAPE(5, 3, 4), 1), w = whole(HEED_F32, HEED_SHAPE(4, 2), 2);
    heed_tensor dy = whole(HEED_F32, HEED_SHAPE(5, 3, 2), 3);
    ops_backward(heed_matmul(t, x, w), dy);
    expect_product(heed_grad(t, w), x, true, dy, false, 4, 2, 15);
    heed_tape_reset(t);
    heed_tensor a = whole(HEED_F64, HEED_SHAPE(1, 2, 3), 1), b = whole(HEED_F64, HEED_SHAPE(2, 2, 3, 2), 2);
    heed_tensor ones = heed_ones(t, HEED_F64, HEED_SHAPE(2, 2, 2, 2));
    ops_backward(heed_matmul(t, a, b), ones);
    for (int k = 0; k < 3; k++) {
        double sum = 0;
        for (int i = 0; i < 8; i++)
            sum += ops_value(b, i / 2 * 6 + k * 2 + i % 2);
        cr_assert_eq(ops_value(heed_grad(t, a), k), sum);
        cr_assert_eq(ops_value(heed_grad(t, a), 3 + k), sum);
    }
}

/* "no copy is made": heads split off by views, as every attention layer does; also with steps of 0 and backwards. */
Test(product, views_give_the_same_as_copies) {
    heed_tensor q = ops_random(HEED_F32, HEED_SHAPE(2, 5, 3, 4), 1),
                k = ops_random(HEED_F32, HEED_SHAPE(2, 6, 3, 4), 2);
    heed_tensor q_heads = heed_transpose(t, q, 1, 2), k_heads = heed_transpose(t, k, 1, 2);
    heed_tensor y = heed_matmul_t(t, q_heads, false, k_heads, true);
    ops_expect_same_bits(y, heed_matmul_t(t, heed_contiguous(t, q_heads), false, heed_contiguous(t, k_heads), true));
    ops_expect_same_bits(y, heed_matmul(t, q_heads, heed_transpose(t, k_heads, 2, 3)));
    heed_tensor flipped = heed_flip(t, q, 3);
    heed_tensor shared = heed_expand(t, heed_slice(t, heed_slice(t, k, 0, 0, 1), 1, 0, 5), HEED_SHAPE(2, 5, 3, 4));
    ops_expect_same_bits(heed_matmul_t(t, flipped, true, shared, false),
                         heed_matmul_t(t, heed_contiguous(t, flipped), true, heed_contiguous(t, shared), false));
}

/* "K = 0 matmul gives zeros; any dim 0 is fine." [promises: empty sums; sizes of 0] */
Test(product, sizes_of_zero) {
    heed_tensor y = heed_matmul(t, heed_variable(t, HEED_F32, HEED_SHAPE(2, 0), NULL),
                                heed_variable(t, HEED_F32, HEED_SHAPE(0, 3), NULL));
    EXPECT(y, HEED_SHAPE(2, 3), 0, 0, 0, 0, 0, 0);
    heed_tensor a = GIVEN(HEED_SHAPE(1, 2, 3), 1, 2, 3, 4, 5, 6);
    EXPECT(heed_matmul(t, a, heed_zeros(t, HEED_F64, HEED_SHAPE(3, 0))), HEED_SHAPE(1, 2, 0), 0);
    EXPECT(heed_matmul(t, heed_zeros(t, HEED_F64, HEED_SHAPE(0, 3)), heed_zeros(t, HEED_F64, HEED_SHAPE(3, 4))),
           HEED_SHAPE(0, 4), 0);
    heed_tensor none = heed_matmul(t, a, heed_zeros(t, HEED_F64, HEED_SHAPE(0, 3, 2)));
    ops_backward(none, heed_zeros(t, HEED_F64, HEED_SHAPE(0, 2, 2)));
    EXPECT(heed_grad(t, a), HEED_SHAPE(1, 2, 3), 0, 0, 0, 0, 0, 0); /* a sum over no batch */
    heed_tape_reset(t);
    heed_tensor x = heed_variable(t, HEED_F64, HEED_SHAPE(0, 3), NULL), w = GIVEN(HEED_SHAPE(1, 3), 1, 2, 3),
                b = GIVEN(HEED_SHAPE(1), 5);
    ops_backward(heed_linear(t, x, w, b), heed_zeros(t, HEED_F64, HEED_SHAPE(0, 1)));
    EXPECT(heed_grad(t, w), HEED_SHAPE(1, 3), 0, 0, 0);
    EXPECT(heed_grad(t, b), HEED_SHAPE(1), 0);
    EXPECT(heed_linear(t, heed_zeros(t, HEED_F64, HEED_SHAPE(2, 0)), heed_zeros(t, HEED_F64, HEED_SHAPE(1, 0)), b),
           HEED_SHAPE(2, 1), 5, 5);
}

/* A sum over two axes, one of them empty, is a sum of nothing, whatever the memory held before. */
Test(product, empty_sums_write_their_zeros) {
    heed_full(t, HEED_F64, HEED_SHAPE(4096), NAN);
    heed_tape_reset(t);
    heed_tensor in[] = {heed_zeros(t, HEED_F64, HEED_SHAPE(2, 3, 0)), heed_zeros(t, HEED_F64, HEED_SHAPE(0, 2, 4))};
    ops_expect_all(heed_einsum(t, "ijk,kil->jl", in, 2), 0);
    ops_expect_all(heed_einsum(t, "ijk->j", in, 1), 0);
}

/* So is one over two axes that both are empty: here the gradient of what no batch uses. */
Test(product, empty_batches_give_gradients_of_zero) {
    heed_full(t, HEED_F64, HEED_SHAPE(4096), NAN);
    heed_tape_reset(t);
    heed_tensor b = GIVEN(HEED_SHAPE(2, 2), 1, 2, 3, 4);
    ops_backward(heed_matmul(t, heed_zeros(t, HEED_F64, HEED_SHAPE(0, 0, 3, 2)), b),
                 heed_zeros(t, HEED_F64, HEED_SHAPE(0, 0, 3, 2)));
    ops_expect_all(heed_grad(t, b), 0);
}

/* "0·inf inside matmul stays NaN." [promises: 0·inf] */
Test(product, zero_times_infinity) {
    heed_tensor a = GIVEN_F32(HEED_SHAPE(1, 2), 0, 1), b = GIVEN_F32(HEED_SHAPE(2, 1), INFINITY, 1);
    ops_expect_all(heed_matmul(t, a, b), NAN);
    ops_expect_all(heed_linear(t, a, heed_transpose(t, b, 0, 1), HEED_NIL), NAN);
    ops_expect_all(heed_einsum(t, "ij,jk->ik", (heed_tensor[]){a, b}, 2), NAN);
}

/* "Bit-identical for every thread count", and a row by itself has the bits it has in a matrix. */
Test(product, bits_do_not_depend_on_threads) {
    ops_expect_same_for_any_threads(matmul, NULL, 2, (heed_shape[]){{3, {5, 67, 300}}, {2, {300, 65}}});
    ops_expect_same_for_any_threads(matmul, NULL, 2, (heed_shape[]){{4, {3, 4, 33, 70}}, {4, {3, 1, 70, 31}}});
}

static heed_tensor linear(const heed_tensor *in, void *user) {
    (void)user;
    return heed_linear(t, in[0], in[1], in[2]);
}

Test(product, a_row_alone_has_the_same_bits) {
    heed_tensor x = ops_random(HEED_F32, HEED_SHAPE(9, 301), 1), w = ops_random(HEED_F32, HEED_SHAPE(35, 301), 2),
                b = ops_random(HEED_F32, HEED_SHAPE(35), 3);
    heed_tensor y = heed_linear(t, x, w, b);
    for (int64_t i = 0; i < 9; i++)
        ops_expect_same_bits(heed_linear(t, heed_slice(t, x, 0, i, i + 1), w, b),
                             heed_contiguous(t, heed_slice(t, y, 0, i, i + 1)));
}

/* ---- linear ---- */

Test(product, linear_as_pytorch) {
    EXPECT_GOLDEN("linear", linear, NULL, "x", "weight", "bias");
    ops_expect_same_for_any_threads(linear, NULL, 3, (heed_shape[]){{3, {6, 50, 130}}, {2, {70, 130}}, {1, {70}}});
}

Test(product, linear_takes_views) {
    heed_tensor x = ops_random(HEED_F32, HEED_SHAPE(3, 5, 4, 6), 1), w = ops_random(HEED_F32, HEED_SHAPE(6, 7), 2),
                b = ops_random(HEED_F32, HEED_SHAPE(14), 3);
    heed_tensor turned = heed_transpose(t, x, 1, 2), w_turned = heed_transpose(t, w, 0, 1),
                b_every_other = heed_slice_step(t, b, 0, 0, 14, 2);
    ops_expect_same_bits(
        heed_linear(t, turned, w_turned, b_every_other),
        heed_linear(t, heed_contiguous(t, turned), heed_contiguous(t, w_turned), heed_contiguous(t, b_every_other)));
    ops_expect_same_bits(heed_linear(t, turned, w_turned, HEED_NIL), heed_matmul(t, turned, w));
}

/* All rows of the weight are one, which only the bias tells apart. */
Test(product, linear_takes_an_expanded_weight) {
    heed_tensor x = GIVEN(HEED_SHAPE(2, 1), 3, 4), b = GIVEN(HEED_SHAPE(3), 10, 20, 30);
    heed_tensor w = heed_expand(t, GIVEN(HEED_SHAPE(1), 2), HEED_SHAPE(3, 1));
    EXPECT(heed_linear(t, x, w, b), HEED_SHAPE(2, 3), 16, 26, 36, 18, 28, 38);
    heed_tensor wide = GIVEN(HEED_SHAPE(2, 2), 1, 2, 3, 4), rows = heed_expand(t, GIVEN(HEED_SHAPE(2), 5, 6), HEED_SHAPE(3, 2));
    EXPECT(heed_linear(t, wide, rows, b), HEED_SHAPE(2, 3), 27, 37, 47, 49, 59, 69);
}

/* ---- einsum ---- */

static heed_tensor einsum(const heed_tensor *in, void *user) {
    const char *equation = user;
    int n = 1;
    for (const char *c = equation; *c; c++)
        n += *c == ',';
    return heed_einsum(t, equation, in, n);
}

Test(product, einsum_as_pytorch) {
    EXPECT_GOLDEN("einsum_scores", einsum, "bthd,bshd->bhts", "a", "b");
    EXPECT_GOLDEN("einsum_diagonal", einsum, "iji->j", "a");
    EXPECT_GOLDEN("einsum_three", einsum, "ij,jk,kl->li", "a", "b", "c");
    EXPECT_GOLDEN("einsum_dots", einsum, "...ij,...jk->...ik", "a", "b");
    EXPECT_GOLDEN("einsum_implicit", einsum, " cb , ab ", "a", "b");
    EXPECT_GOLDEN("einsum_bilinear", einsum, "bi,oij,bj->bo", "a", "b", "c");
    ops_expect_same_for_any_threads(einsum, "bthd,bshd->bhts", 2,
                                    (heed_shape[]){{4, {3, 40, 5, 16}}, {4, {3, 50, 5, 16}}});
    ops_expect_same_for_any_threads(einsum, "iij,jk->ki", 2, (heed_shape[]){{3, {9, 9, 40}}, {2, {40, 33}}});
}

Test(product, einsum_by_hand) {
    heed_tensor m = GIVEN(HEED_SHAPE(2, 2), 1, 2, 3, 4), v = GIVEN(HEED_SHAPE(2), 10, 100);
    EXPECT(heed_einsum(t, "ii", &m, 1), HEED_SCALAR, 5);
    EXPECT(heed_einsum(t, "ii->i", &m, 1), HEED_SHAPE(2), 1, 4);
    EXPECT(heed_einsum(t, "ij->ji", &m, 1), HEED_SHAPE(2, 2), 1, 3, 2, 4);
    EXPECT(heed_einsum(t, "ba", &m, 1), HEED_SHAPE(2, 2), 1, 3, 2, 4); /* sorted: ab */
    EXPECT(heed_einsum(t, "ij->", &m, 1), HEED_SCALAR, 10);
    EXPECT(heed_einsum(t, "...j->...", &m, 1), HEED_SHAPE(2), 3, 7);
    EXPECT(heed_einsum(t, "...j->j", &m, 1), HEED_SHAPE(2), 4, 6); /* "..." left out is summed, as PyTorch does */
    EXPECT(heed_einsum(t, "ij,j", (heed_tensor[]){m, v}, 2), HEED_SHAPE(2), 210, 430);
    EXPECT(heed_einsum(t, "ij,j->ij", (heed_tensor[]){m, v}, 2), HEED_SHAPE(2, 2), 10, 200, 30, 400);
    EXPECT(heed_einsum(t, "i,j->ij", (heed_tensor[]){v, v}, 2), HEED_SHAPE(2, 2), 100, 1000, 1000, 10000);
    EXPECT(heed_einsum(t, "i,Z->", (heed_tensor[]){v, v}, 2), HEED_SCALAR, 12100);
    EXPECT(heed_einsum(t, "i,ij,j->", (heed_tensor[]){v, m, v}, 3), HEED_SCALAR, 45100);
    EXPECT(heed_einsum(t, ",i->i", (heed_tensor[]){GIVEN(HEED_SCALAR, 2), v}, 2), HEED_SHAPE(2), 20, 200);
}

/* ---- messages ---- */

/* [promises: inner sizes] */
Test(product, messages) {
    heed_tensor a = heed_zeros(t, HEED_F32, HEED_SHAPE(32, 64)), b = heed_zeros(t, HEED_F32, HEED_SHAPE(128, 16));
    ops_expect_error(heed_matmul(t, a, b), "matmul: inner sizes differ: (32, 64) x (128, 16)");
    a = heed_zeros(t, HEED_F32, HEED_SHAPE(64, 32)), b = heed_zeros(t, HEED_F32, HEED_SHAPE(16, 128));
    ops_expect_error(heed_matmul_t(t, a, true, b, true),
                     "matmul: inner sizes differ: (64, 32) transposed x (16, 128) transposed");
    a = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3, 4)), b = heed_zeros(t, HEED_F32, HEED_SHAPE(5, 4, 6));
    ops_expect_error(heed_matmul(t, a, b), "matmul: batch axes do not broadcast: (2, 3, 4) x (5, 4, 6)");
    a = heed_zeros(t, HEED_F32, HEED_SCALAR), b = heed_zeros(t, HEED_F32, HEED_SHAPE(3));
    ops_expect_error(heed_matmul(t, a, b), "matmul: a scalar is no matrix: () x (3,)");
    a = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3)), b = heed_zeros(t, HEED_I32, HEED_SHAPE(3, 2));
    ops_expect_error(heed_matmul(t, a, b), "matmul: dtypes differ: f32 and i32");
    a = heed_zeros(t, HEED_I32, HEED_SHAPE(2, 3)), b = heed_zeros(t, HEED_I32, HEED_SHAPE(3, 2));
    ops_expect_error(heed_matmul(t, a, b), "matmul: it does not compute on i32; see heed_cast");
    a = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 10)), b = heed_zeros(t, HEED_F32, HEED_SHAPE(64, 12));
    ops_expect_error(heed_linear(t, a, b, HEED_NIL), "linear: inner sizes differ: x (2, 10), weight (64, 12)");
    a = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 10)), b = heed_zeros(t, HEED_F32, HEED_SHAPE(64, 10));
    ops_expect_error(heed_linear(t, a, b, heed_zeros(t, HEED_F32, HEED_SHAPE(3))),
                     "linear: bias is (3,), must be (64,): one for each row of the weight");
    b = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 2, 2));
    ops_expect_error(heed_linear(t, b, b, HEED_NIL), "linear: weight is (2, 2, 2), must have 2 axes: (out, in)");
    a = heed_zeros(t, HEED_F32, HEED_SCALAR), b = heed_zeros(t, HEED_F32, HEED_SHAPE(4, 2));
    ops_expect_error(heed_linear(t, a, b, HEED_NIL),
                     "linear: x is a scalar, must have the weight's 2 columns on its last axis");
}

/* "a product past int64 (2^33 x 2^33): ERR, and no allocation tried." [promises: past int64; no allocation tried] */
Test(product, impossible_sizes) {
    int64_t huge = (int64_t)1 << 33;
    heed_tensor one = heed_zeros(t, HEED_F32, HEED_SHAPE(1, 1));
    heed_tensor a = heed_expand(t, one, HEED_SHAPE(huge, 1)), b = heed_expand(t, one, HEED_SHAPE(1, huge));
    heed_tape_stats before = heed_tape_statistics(t);
    heed_tensor y = heed_matmul(t, a, b);
    cr_assert(heed_is_nil(y));
    cr_assert_eq(heed_tape_statistics(t).allocations, before.allocations);
    ops_expect_error(y, "matmul: output 0 of shape (8589934592, 8589934592) cannot be: too large, or rank above 8");
    one = heed_zeros(t, HEED_F32, HEED_SHAPE(1, 1));
    a = heed_expand(t, one, HEED_SHAPE(huge, 1));
    ops_expect_error(heed_linear(t, a, heed_expand(t, one, HEED_SHAPE(huge, 1)), HEED_NIL),
                     "linear: output 0 of shape (8589934592, 8589934592) cannot be: too large, or rank above 8");
}

Test(product, einsum_of_handles_that_are_none) {
    heed_tensor stale = GIVEN(HEED_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    heed_tape_reset(t);
    heed_tensor a = GIVEN(HEED_SHAPE(2, 2), 1, 2, 3, 4);
    ops_expect_error(
        heed_einsum(t, "ij,jk->ik", (heed_tensor[]){a, stale}, 2),
        "einsum: \"ij,jk->ik\": operand 1 is nil, or not of this tape, or from before its last reset");
}

Test(product, einsum_messages) {
    static const struct {
        const char *equation, *text;
    } table[] = {
        {"bhtd,bhsd->bhts", "einsum: \"bhtd,bhsd->bhts\": operand 0 is (2, 3), its term \"bhtd\" names 4 axes"},
        {"ij,jk->ik", "einsum: axis 'j' is 3 in one place and 4 in another"},
        {"ij->ji", "einsum: \"ij->ji\": 2 operands are given, the equation names 1"},
        {"ij,kl,mn->i", "einsum: \"ij,kl,mn->i\": 2 operands are given, the equation names more"},
        {"ij,kl->iz", "einsum: \"ij,kl->iz\": the result's axis 'z' is in no operand"},
        {"ij,kl->ii", "einsum: \"ij,kl->ii\": the result names axis 'i' twice"},
        {"ij,k1->i", "einsum: \"ij,k1->i\": operand 1 is (4, 3), its term \"k1\" names 1 axes"},
        {"ij,kl->i;", "einsum: \"ij,kl->i;\": ';' at \";\" is no letter; axes are a-z, A-Z and one \"...\" a term"},
        {"ij,kl-i", "einsum: \"ij,kl-i\": '-' at \"-i\" is not \"->\""},
        {"ij,kl->i,j", "einsum: \"ij,kl->i,j\": ',' at \",j\" comes after the result"},
        {"...i,...i->", "einsum: the axes of \"...\" do not broadcast: (2, 3) and (4, 3)"},
        {"ij,jij->j", "einsum: \"ij,jij->j\": operand 1 is (4, 3), its term \"jij\" names 3 axes"},
        {"ij,..kl->j",
         "einsum: \"ij,..kl->j\": '.' at \"..kl->j\" is no letter; axes are a-z, A-Z and one \"...\" a term"},
    };
    for (int i = 0; i < LENGTH(table); i++) {
        heed_tensor in[2] = {heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3)), heed_zeros(t, HEED_F32, HEED_SHAPE(4, 3))};
        ops_expect_error(heed_einsum(t, table[i].equation, in, 2), table[i].text);
    }
    ops_expect_error(heed_einsum(t, "", NULL, 0), "einsum: 0 operands are given, it takes at least 1");
    heed_tensor diagonal = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3));
    ops_expect_error(heed_einsum(t, "ii", &diagonal, 1), "einsum: axis 'i' is 2 in one place and 3 in another");
    heed_tensor wide[3] = {heed_zeros(t, HEED_F32, HEED_SHAPE(1, 1, 1, 1, 1)),
                           heed_zeros(t, HEED_F32, HEED_SHAPE(1, 1, 1, 1)),
                           heed_zeros(t, HEED_F32, HEED_SHAPE(1, 1, 1, 1, 1, 1, 1, 1))};
    ops_expect_error(heed_einsum(t, "abcde,fghi,abcdefgh->i", wide, 3),
                     "einsum: \"abcde,fghi,abcdefgh->i\": the product of its first 2 operands has more than 8 axes");
}
