/* Rotary positions: the formula by hand, its laws, its edges. */
#include "op_testing.h"

TestSuite(rope, .init = ops_setup, .fini = ops_teardown);

/* Row i of x (T, d) at place first + i, as complex numbers times e^(i angle). */
static void naive(const double *x, int T, int d, heed_rope_options o, double *y) {
    for (int i = 0; i < T; i++)
        for (int n = 0; n < d / 2; n++) {
            int a = o.interleaved ? 2 * n : n, b = o.interleaved ? 2 * n + 1 : n + d / 2;
            double angle = (double)(o.first + i) / pow(o.base, 2.0 * n / d);
            y[i * d + a] = x[i * d + a] * cos(angle) - x[i * d + b] * sin(angle);
            y[i * d + b] = x[i * d + a] * sin(angle) + x[i * d + b] * cos(angle);
        }
}

Test(rope, turns_pairs_as_the_paper_says) {
    static const heed_rope_options all[] = {{0, 10000, false}, {0, 10000, true}, {70, 500000, false}, {-3, 100, true}};
    static const int64_t widths[] = {2, 4, 16, 30, 34, 66};
    for (int o = 0; o < LENGTH(all); o++)
        for (int w = 0; w < LENGTH(widths); w++) {
            int T = 17, d = (int)widths[w];
            double x[17 * 66], y[17 * 66];
            for (int i = 0; i < T * d; i++)
                x[i] = ops_draw(1, i);
            naive(x, T, d, all[o], y);
            ops_expect(heed_rope(t, ops_given(HEED_F64, HEED_SHAPE(T, d), x), all[o]), HEED_SHAPE(T, d), y, 1e-13);
            ops_expect(heed_rope(t, ops_given(HEED_F32, HEED_SHAPE(T, d), x), all[o]), HEED_SHAPE(T, d), y, 5e-7);
        }
}

/* A base that makes the second pair turn by a quarter a place; the first turns by 1. */
Test(rope, by_hand) {
    const double quarter = acos(0);
    heed_tensor x = GIVEN(HEED_SHAPE(2, 4), 1, 2, 3, 4, 1, 2, 3, 4);
    double base = pow(quarter, -2); /* theta_1 = base^(-1/2) = pi/2 */
    double c = cos(1), s = sin(1);
    heed_tensor halves = heed_rope(t, x, (heed_rope_options){.base = base}); /* pairs (1, 3) and (2, 4) */
    EXPECT_NEAR(1e-15, halves, HEED_SHAPE(2, 4), 1, 2, 3, 4, c - 3 * s, -4, s + 3 * c, 2);
    heed_tensor next = heed_rope(t, x, (heed_rope_options){.base = base, .interleaved = true}); /* (1, 2) and (3, 4) */
    EXPECT_NEAR(1e-15, next, HEED_SHAPE(2, 4), 1, 2, 3, 4, c - 2 * s, s + 2 * c, -4, 3);
    EXPECT_NEAR(1e-15, heed_rope(t, heed_slice(t, x, 0, 1, 2), (heed_rope_options){.first = 1}), HEED_SHAPE(1, 4),
                c - 3 * s, 2 * cos(0.01) - 4 * sin(0.01), s + 3 * c,
                2 * sin(0.01) + 4 * cos(0.01)); /* base 10000 unless told otherwise */
}

/* "RoPE at position 0 is identity", to the bit and for inf. [promises: RoPE at 0] */
Test(rope, is_the_identity_at_position_0) {
    heed_tensor x = GIVEN(HEED_SHAPE(2, 1, 4), INFINITY, -0.0, 1e-310, NAN, 1, -INFINITY, -0.0, 3);
    for (int interleaved = 0; interleaved < 2; interleaved++)
        ops_expect_same_bits(heed_rope(t, x, (heed_rope_options){.interleaved = interleaved}), x);
}

/* q_i k_j depends on i - j. */
Test(rope, products_depend_on_the_distance_only) {
    heed_tensor q = ops_random(HEED_F64, HEED_SHAPE(1, 16), 1), k = ops_random(HEED_F64, HEED_SHAPE(1, 16), 2);
    for (int interleaved = 0; interleaved < 2; interleaved++) {
        double want = NAN;
        for (int64_t place = -40; place < 400; place += 55) {
            heed_tensor a = heed_rope(t, q, (heed_rope_options){.first = place + 7, .interleaved = interleaved});
            heed_tensor b = heed_rope(t, k, (heed_rope_options){.first = place, .interleaved = interleaved});
            double product = ops_value(heed_matmul_t(t, a, false, b, true), 0);
            want = isnan(want) ? product : want;
            cr_assert(fabs(product - want) < 1e-13, "at %d: %.17g, not %.17g", (int)place, product, want);
        }
    }
}

/* A layer's heads are views; a chunk further on is a chunk of the whole. */
Test(rope, takes_views_and_starts_anywhere) {
    heed_tensor x = ops_random(HEED_F32, HEED_SHAPE(2, 9, 3, 8), 1),
                heads = heed_flip(t, heed_transpose(t, x, 1, 2), 3);
    heed_tensor whole = heed_rope(t, heed_contiguous(t, heads), (heed_rope_options){.first = 2});
    ops_expect_same_bits(heed_rope(t, heads, (heed_rope_options){.first = 2}), whole);
    ops_expect_same_bits(heed_rope(t, heed_slice(t, heads, 2, 4, 7), (heed_rope_options){.first = 6}),
                         heed_contiguous(t, heed_slice(t, whole, 2, 4, 7)));
}

static heed_tensor turned(const heed_tensor *in, void *user) {
    return heed_rope(t, in[0], *(heed_rope_options *)user);
}

Test(rope, bits_do_not_depend_on_threads) {
    heed_rope_options options = {.first = 3};
    ops_expect_same_for_any_threads(turned, &options, 1, (heed_shape[]){{4, {2, 3, 130, 32}}});
    ops_expect_same_for_any_threads(turned, &options, 1, (heed_shape[]){{2, {700, 34}}});
}

Test(rope, sizes_of_zero) {
    EXPECT(heed_rope(t, heed_zeros(t, HEED_F32, HEED_SHAPE(0, 4)), (heed_rope_options){.first = 1}), HEED_SHAPE(0, 4),
           0);
    EXPECT(heed_rope(t, heed_zeros(t, HEED_F32, HEED_SHAPE(3, 0)), (heed_rope_options){.first = 1}), HEED_SHAPE(3, 0),
           0);
    EXPECT(heed_rope(t, heed_zeros(t, HEED_F32, HEED_SHAPE(0, 3, 2)), (heed_rope_options){.first = 1}),
           HEED_SHAPE(0, 3, 2), 0);
}

/* "odd dim ERR" [promises: RoPE's width] */
Test(rope, of_an_odd_width_is_an_error) {
    ops_expect_error(heed_rope(t, heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3)), (heed_rope_options){.first = 0}),
                     "rope: x is (2, 3); its last axis is turned in pairs, so its size must be even");
}

Test(rope, messages) {
    heed_rope_options plain = {.first = 0};
    ops_expect_error(heed_rope(t, heed_zeros(t, HEED_F32, HEED_SHAPE(4)), plain),
                     "rope: x is (4,), must have at least 2 axes: (..., time, d)");
    ops_expect_error(heed_rope(t, heed_zeros(t, HEED_F32, HEED_SHAPE(2, 4)), (heed_rope_options){.base = -1}),
                     "rope: base is -1, must be positive");
    ops_expect_error(heed_rope(t, heed_zeros(t, HEED_F32, HEED_SHAPE(2, 4)), (heed_rope_options){.base = NAN}),
                     "rope: base is nan, must be positive");
}
