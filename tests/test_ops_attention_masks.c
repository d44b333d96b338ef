/* What attention leaves out, keys behind a mask and weights dropped, at every edge that is promised; comments
 * quote the promise. */
#include "attention_testing.h"

TestSuite(attention_masks, .init = ops_setup, .fini = ops_teardown);

/* ---- masks ---- */

/* "T = 1 returns V", to the bit; and its weight has no gradient. [promises: T = 1] */
Test(attention_masks, of_one_key_returns_its_value) {
    qkv x = random_qkv(HEED_F32, 2, 2, 1, 1);
    heed_tensor y = attend(x, (heed_attention_options){.causal = true});
    ops_expect_same_bits(y, x.v);
    ops_backward(y, ops_random(HEED_F32, HEED_SHAPE(2, 2, 1, 5), 4));
    ops_expect_all(heed_grad(t, x.q), 0);
    ops_expect_all(heed_grad(t, x.k), 0);
    ops_expect_same_bits(heed_grad(t, x.v), ops_random(HEED_F32, HEED_SHAPE(2, 2, 1, 5), 4));
}

/* Query 1 of 3 sees nothing: through a bool mask, through -inf in an additive one, causally, or by scores that are all
 * -inf. */
static void expect_blind_query(heed_tensor mask, double q, double k, bool gradient_of_k) {
    heed_tensor x = GIVEN_F32(HEED_SHAPE(3, 1), 1, q, 2), y = GIVEN_F32(HEED_SHAPE(2, 1), k, k),
                v = GIVEN_F32(HEED_SHAPE(2, 1), 3, 3), pattern;
    heed_tensor z = heed_attention(t, x, y, v, (heed_attention_options){.mask = mask, .pattern = &pattern});
    cr_assert_eq(ops_value(z, 1), 0);
    cr_assert_eq(ops_value(pattern, 2), 0);
    cr_assert_eq(ops_value(pattern, 3), 0);
    ops_backward(z, GIVEN_F32(HEED_SHAPE(3, 1), 1, 1, 1));
    cr_assert_eq(ops_value(heed_grad(t, x), 1), 0);
    ops_expect_finite(heed_grad(t, v));
    if (gradient_of_k)
        ops_expect_finite(heed_grad(t, y));
    heed_tape_reset(t);
}

/* "a row with every key masked, or whose scores are all -inf, gives zeros with finite gradients" [promises: rows all
 * masked; rows of -inf] */
Test(attention_masks, a_query_that_sees_nothing_gives_zeros) {
    expect_blind_query(ops_mask(HEED_SHAPE(3, 2), (bool[]){true, true, false, false, false, true}), 1, 1, true);
    expect_blind_query(GIVEN_F32(HEED_SHAPE(3, 2), 0, 1, -INFINITY, -INFINITY, -INFINITY, 0), 1, 1, true);
    expect_blind_query(GIVEN_F32(HEED_SHAPE(3, 1), 0, -INFINITY, 0), 1, 1, true);
    expect_blind_query(HEED_NIL, -INFINITY, 1, false);
    heed_tensor x = ops_random(HEED_F32, HEED_SHAPE(5, 4), 1), k = ops_random(HEED_F32, HEED_SHAPE(2, 4), 2);
    heed_tensor y = heed_attention(
        t, x, k, k, (heed_attention_options){.causal = true}); /* queries 0 .. 2 of 5 come before both keys */
    ops_expect_all(heed_slice(t, y, 0, 0, 3), 0);
    ops_backward(y, heed_ones(t, HEED_F32, HEED_SHAPE(5, 4)));
    ops_expect_all(heed_slice(t, heed_grad(t, x), 0, 0, 3), 0);
    ops_expect_finite(heed_grad(t, k));
}

/* The gradient of a mask that hides everything somewhere is finite too. [promises: rows of -inf] */
Test(attention_masks, an_additive_mask_of_minus_infinity_has_a_gradient) {
    qkv x = random_qkv(HEED_F32, 1, 1, 3, 2);
    heed_tensor mask = GIVEN_F32(HEED_SHAPE(3, 2), 0, 1, -INFINITY, -INFINITY, -INFINITY, 0);
    ops_backward(attend(x, (heed_attention_options){.mask = mask}), ops_random(HEED_F32, HEED_SHAPE(1, 1, 3, 5), 1));
    ops_expect_finite(heed_grad(t, mask));
    ops_expect_all(heed_slice(t, heed_grad(t, mask), 0, 1, 3), 0);
    cr_assert_neq(ops_value(heed_grad(t, mask), 0), 0);
}

/* "a key masked for a query adds nothing to that query's output nor gradient, be it NaN or inf": the same bits as
 * without it. In PyTorch a NaN behind the mask spoils every query. [promises: masked keys] */
Test(attention_masks, masked_keys_add_nothing_be_they_nan) {
    enum { S = 7 };
    heed_tensor seed = ops_random(HEED_F32, HEED_SHAPE(1, 2, 4, 5), 9), results[3][4];
    for (int i = 0; i < 3; i++) {
        float k[2 * S * 8], v[2 * S * 5];
        bool seen[S];
        float added[S];
        for (int j = 0; j < 2 * S * 8; j++)
            k[j] = j / 8 % S < 4 || i == 0 ? (float)ops_draw(2, j) : i == 1 ? NAN : INFINITY;
        for (int j = 0; j < 2 * S * 5; j++)
            v[j] = j / 5 % S < 4 || i == 0 ? (float)ops_draw(3, j) : i == 1 ? -INFINITY : NAN;
        for (int j = 0; j < S; j++) {
            seen[j] = j < 4;
            added[j] = j < 4 ? 0 : -INFINITY;
        }
        heed_tensor q = ops_random(HEED_F32, HEED_SHAPE(1, 2, 4, 8), 1),
                    key = heed_variable(t, HEED_F32, HEED_SHAPE(1, 2, S, 8), k);
        heed_tensor value = heed_variable(t, HEED_F32, HEED_SHAPE(1, 2, S, 5), v);
        heed_tensor mask = i == 2 ? heed_input(t, HEED_F32, HEED_SHAPE(S), added) : ops_mask(HEED_SHAPE(S), seen);
        results[i][0] = heed_attention(t, q, key, value, (heed_attention_options){.mask = mask});
        ops_backward(results[i][0], seed);
        results[i][1] = heed_contiguous(t, heed_grad(t, q));
        results[i][2] = heed_contiguous(t, heed_grad(t, key));
        results[i][3] = heed_contiguous(t, heed_grad(t, value));
        for (int r = 0; r < 4 && i > 0; r++)
            ops_expect_same_bits(results[i][r], results[0][r]);
    }
}

/* ... while a query that does see it, does. */
Test(attention_masks, seen_keys_may_be_nan) {
    heed_tensor q = GIVEN_F32(HEED_SHAPE(2, 1), 1, 1), k = GIVEN_F32(HEED_SHAPE(2, 1), 0, 0),
                v = GIVEN_F32(HEED_SHAPE(2, 2), 2, 4, INFINITY, 6);
    heed_tensor y = heed_attention(t, q, k, v, (heed_attention_options){.causal = true});
    EXPECT(y, HEED_SHAPE(2, 2), 2, 4, INFINITY, 5);
}

Test(attention_masks, masks_broadcast) {
    qkv x = random_qkv(HEED_F32, 2, 3, 4, 5);
    heed_tensor small[] = {ops_random(HEED_F32, HEED_SHAPE(5), 5), ops_random(HEED_F32, HEED_SHAPE(4, 1), 6),
                           ops_random(HEED_F32, HEED_SHAPE(3, 1, 5), 7),
                           ops_random(HEED_F32, HEED_SHAPE(2, 1, 1, 5), 8), ops_random(HEED_F32, HEED_SCALAR, 9)};
    for (int i = 0; i < LENGTH(small); i++) {
        heed_tensor wide = heed_contiguous(t, heed_expand(t, small[i], HEED_SHAPE(2, 3, 4, 5)));
        ops_expect_same_bits(attend(x, (heed_attention_options){.mask = small[i]}),
                             attend(x, (heed_attention_options){.mask = wide}));
        heed_tensor zero = heed_zeros(t, HEED_F32, HEED_SCALAR);
        ops_expect_same_bits(attend(x, (heed_attention_options){.mask = heed_gt(t, small[i], zero)}),
                             attend(x, (heed_attention_options){.mask = heed_gt(t, wide, zero)}));
    }
}

/* ---- dropout ---- */

/* "p = 0 is bit-identity, p = 1 zeros"; not training: identity. [promises: dropout of none; dropout of all] */
Test(attention_masks, dropout_of_none_and_of_all) {
    qkv x = random_qkv(HEED_F32, 2, 3, 4, 5);
    heed_tensor plain = attend(x, (heed_attention_options){.causal = false});
    ops_expect_same_bits(attend(x, (heed_attention_options){.dropout = 0}), plain);
    heed_tensor none = attend(x, (heed_attention_options){.dropout = 1});
    ops_expect_all(none, 0);
    ops_backward(none, ops_random(HEED_F32, HEED_SHAPE(2, 3, 4, 5), 1));
    ops_expect_all(heed_grad(t, x.q), 0);
    ops_expect_all(heed_grad(t, x.v), 0);
    heed_tape_set_training(t, false);
    ops_expect_same_bits(attend(x, (heed_attention_options){.dropout = 0.5}), plain);
}

/* Weights are 0 or a / (1 - p), about p of them 0; the context is made of them, and backward goes through the same
 * ones. */
Test(attention_masks, dropout_of_some) {
    enum { T = 64, HEADS = 6 };
    qkv x = random_qkv(HEED_F64, 1, HEADS, T, T);
    heed_tensor clean, pattern, seed = ops_random(HEED_F64, HEED_SHAPE(1, HEADS, T, 5), 9);
    attend(x, (heed_attention_options){.pattern = &clean});
    heed_tensor y = attend(x, (heed_attention_options){.dropout = 0.25, .pattern = &pattern});
    int dropped = 0;
    for (int64_t i = 0; i < heed_count(t, pattern); i++) {
        double a = ops_value(pattern, i);
        dropped += a == 0;
        cr_assert(a == 0 || fabs(a - ops_value(clean, i) / 0.75) < 1e-15);
    }
    for (int64_t j = 0; j < T; j++) { /* each query draws for itself */
        int in_column = 0;
        for (int64_t i = 0; i < T; i++)
            in_column += ops_value(pattern, i * T + j) == 0;
        cr_assert(in_column > 0 && in_column < T, "%d of %d queries dropped key %d", in_column, (int)T, (int)j);
    }
    double share = (double)dropped / (HEADS * T * T);
    cr_assert(fabs(share - 0.25) < 4 * sqrt(0.25 * 0.75 / (HEADS * T * T)), "%g were dropped", share);
    heed_tensor want = heed_matmul_t(t, heed_detach(t, pattern), true, seed, false),
                again = heed_matmul(t, heed_detach(t, pattern), x.v);
    for (int64_t i = 0; i < heed_count(t, y); i++)
        cr_assert(fabs(ops_value(y, i) - ops_value(again, i)) < 1e-14);
    ops_backward(y, seed);
    for (int64_t i = 0; i < heed_count(t, x.v); i++)
        cr_assert(fabs(ops_value(heed_grad(t, x.v), i) - ops_value(want, i)) < 1e-13);
}

/* Another step, another call, another row: other numbers; the same step again: the same. */
Test(attention_masks, dropout_depends_on_step_and_call) {
    heed_tensor patterns[4];
    uint64_t sums[4] = {0};
    for (int i = 0; i < 4; i++) {
        heed_tape_reset(t);
        heed_tape_set_step(t, i == 3 ? 1 : (uint64_t)(i + 1) / 2); /* steps 0, 1, 1 again after another call, 1 */
        qkv x = random_qkv(HEED_F32, 1, 1, 16, 16);
        if (i == 2)
            attend(x, (heed_attention_options){.dropout = 0.5});
        attend(x, (heed_attention_options){.dropout = 0.5, .pattern = &patterns[i]});
        for (int64_t j = 0; j < 256; j++)
            sums[i] = sums[i] * 31 + (ops_value(patterns[i], j) == 0);
    }
    cr_assert_neq(sums[0], sums[1]);
    cr_assert_neq(sums[1], sums[2]);
    cr_assert_eq(sums[1], sums[3]);
}
