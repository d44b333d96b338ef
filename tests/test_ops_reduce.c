/* Reductions: values and edges by hand, sums that lose nothing, and what is refused. */
#include "op_testing.h"

TestSuite(reduce, .init = ops_setup, .fini = ops_teardown);

/* ---- sum, mean ---- */

Test(reduce, sums_over_axes) {
    heed_tensor x = GIVEN(HEED_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    EXPECT(heed_sum(t, x, HEED_ALL_AXES), HEED_SCALAR, 21);
    EXPECT(heed_sum(t, x, HEED_AXES(0)), HEED_SHAPE(3), 5, 7, 9);
    EXPECT(heed_sum(t, x, HEED_AXES(-1)), HEED_SHAPE(2), 6, 15);
    EXPECT(heed_sum(t, x, HEED_KEEP(1)), HEED_SHAPE(2, 1), 6, 15);
    EXPECT(heed_sum(t, x, HEED_KEEP(1, 0)), HEED_SHAPE(1, 1), 21);
    EXPECT(heed_sum(t, x, ((heed_axes){.keepdim = true})), HEED_SHAPE(1, 1), 21);
    EXPECT(heed_sum(t, GIVEN(HEED_SCALAR, 5), HEED_ALL_AXES), HEED_SCALAR, 5);
    EXPECT(heed_sum(t, heed_transpose(t, x, 0, 1), HEED_AXES(0)), HEED_SHAPE(2), 6, 15);
    EXPECT(heed_mean(t, x, HEED_AXES(0)), HEED_SHAPE(3), 2.5, 3.5, 4.5);
    EXPECT(GRADIENT(heed_sum(t, x, HEED_AXES(0)), x, 1, 2, 3), HEED_SHAPE(2, 3), 1, 2, 3, 1, 2, 3);
    EXPECT(GRADIENT(heed_mean(t, x, HEED_AXES(1)), x, 3, 6), HEED_SHAPE(2, 3), 1, 1, 1, 2, 2, 2);
}

/* Sum of nothing 0, mean of nothing NaN. [promises: sum of nothing; mean of nothing] */
Test(reduce, of_nothing) {
    heed_tensor none = GIVEN(HEED_SHAPE(2, 0, 3), 0);
    EXPECT(heed_sum(t, none, HEED_ALL_AXES), HEED_SCALAR, 0);
    EXPECT(heed_sum(t, none, HEED_AXES(1)), HEED_SHAPE(2, 3), 0, 0, 0, 0, 0, 0);
    EXPECT(heed_sum(t, none, HEED_AXES(0)), HEED_SHAPE(0, 3), 0);
    EXPECT(heed_mean(t, none, HEED_ALL_AXES), HEED_SCALAR, NAN);
    EXPECT(heed_mean(t, none, HEED_AXES(1)), HEED_SHAPE(2, 3), NAN, NAN, NAN, NAN, NAN, NAN);
    EXPECT(heed_prod(t, none, HEED_AXES(1, 2)), HEED_SHAPE(2), 1, 1);
    EXPECT(heed_var(t, none, HEED_ALL_AXES, 0), HEED_SCALAR, NAN);
    EXPECT(heed_logsumexp(t, none, HEED_AXES(1)), HEED_SHAPE(2, 3), -INFINITY, -INFINITY, -INFINITY, -INFINITY,
           -INFINITY, -INFINITY);
    EXPECT(heed_max(t, none, HEED_AXES(0)), HEED_SHAPE(0, 3), 0);
    EXPECT(heed_cumsum(t, none, 1), HEED_SHAPE(2, 0, 3), 0);
    EXPECT(GRADIENT(heed_sum(t, none, HEED_AXES(1)), none, 1, 2, 3, 4, 5, 6), HEED_SHAPE(2, 0, 3), 0);
}

/* Max of nothing ERR. [promises: max of nothing] */
Test(reduce, max_of_nothing_is_refused) {
    heed_max(t, GIVEN(HEED_SHAPE(2, 0), 0), HEED_AXES(1));
    expect_error("max: there is no element to choose from in (2, 0)");
    heed_min(t, GIVEN(HEED_SHAPE(0), 0), HEED_ALL_AXES);
    expect_error("min: there is no element to choose from in (0,)");
    heed_argmax(t, GIVEN(HEED_SHAPE(0, 0), 0), 0, false);
    expect_error("argmax: there is no element to choose from in (0, 0)");
}

/* f32 sum of 2^25 ones is exactly 2^25. Summed all together, along, and across. [promises: sums of ones] */
Test(reduce, f32_sums_of_ones_are_exact) {
    enum { ALL = 1 << 25, ROWS = (1 << 24) + 4 };
    heed_tensor ones = heed_ones(t, HEED_F32, HEED_SHAPE(ALL));
    EXPECT(heed_sum(t, ones, HEED_ALL_AXES), HEED_SCALAR, ALL);
    EXPECT(heed_mean(t, ones, HEED_ALL_AXES), HEED_SCALAR, 1);
    heed_tape_reset(t);
    ones = heed_ones(t, HEED_F32, HEED_SHAPE(2, ROWS));
    EXPECT(heed_sum(t, ones, HEED_AXES(1)), HEED_SHAPE(2), ROWS, ROWS);
    EXPECT(heed_sum(t, heed_reshape(t, ones, HEED_SHAPE(ROWS, 2)), HEED_AXES(0)), HEED_SHAPE(2), ROWS, ROWS);
}

Test(reduce, a_mean_carries_its_weight) {
    heed_tensor x = heed_ones(t, HEED_F32, HEED_SHAPE(3, 4));
    cr_assert_eq(heed_weight(t, heed_mean(t, x, HEED_ALL_AXES)), 12);
    cr_assert_eq(heed_weight(t, heed_mean(t, x, HEED_KEEP(0, 1))), 12);
    cr_assert_lt(heed_weight(t, heed_mean(t, x, HEED_AXES(0))), 0);
    cr_assert_lt(heed_weight(t, heed_sum(t, x, HEED_ALL_AXES)), 0);
}

/* Axis out of range: ERR. [promises: axes] */
Test(reduce, axes_are_checked) {
    heed_tensor x = GIVEN(HEED_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    heed_sum(t, x, HEED_AXES(2));
    expect_error("sum: axis 2 is outside -2..1 of (2, 3)");
    heed_mean(t, GIVEN(HEED_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), HEED_AXES(0, -2));
    expect_error("mean: axis 0 is given twice");
    heed_max(t, GIVEN(HEED_SHAPE(2), 1, 2), HEED_AXES(0, 0));
    expect_error("max: 2 axes are given, (2,) has 1");
    heed_sum(t, GIVEN(HEED_SCALAR, 1), HEED_AXES(0));
    expect_error("sum: 1 axes are given, () has 0");
    heed_argmax(t, GIVEN(HEED_SHAPE(2), 1, 2), 1, false);
    expect_error("argmax: axis 1 is outside -1..0 of (2,)");
    heed_cumsum(t, GIVEN(HEED_SHAPE(2), 1, 2), -2);
    expect_error("cumsum: axis -2 is outside -1..0 of (2,)");
    heed_sum(t, heed_ones(t, HEED_I32, HEED_SHAPE(2)), HEED_ALL_AXES);
    expect_error("sum: it does not compute on i32; see heed_cast");
}

/* ---- max, min, argmax ---- */

/* max's ties take the first index. "First" is in row-major order over the axes reduced. PyTorch's max and amax share
 * the gradient among ties. [promises: ties] */
Test(reduce, ties_go_to_the_first) {
    heed_tensor x = GIVEN(HEED_SHAPE(2, 3), 1, 7, 7, 7, 0, 7);
    EXPECT(heed_max(t, x, HEED_AXES(1)), HEED_SHAPE(2), 7, 7);
    EXPECT(heed_argmax(t, x, 1, false), HEED_SHAPE(2), 1, 0);
    EXPECT(heed_argmax(t, x, 0, true), HEED_SHAPE(1, 3), 1, 0, 0);
    EXPECT(GRADIENT(heed_max(t, x, HEED_AXES(1)), x, 10, 20), HEED_SHAPE(2, 3), 0, 10, 0, 20, 0, 0);
    EXPECT(GRADIENT(heed_max(t, x, HEED_AXES(0)), x, 1, 2, 3), HEED_SHAPE(2, 3), 0, 2, 3, 1, 0, 0);
    EXPECT(GRADIENT(heed_max(t, x, HEED_ALL_AXES), x, 5), HEED_SHAPE(2, 3), 0, 5, 0, 0, 0, 0);
    heed_tensor y = GIVEN(HEED_SHAPE(2, 1, 2), 3, -1, -1, 3);
    EXPECT(GRADIENT(heed_min(t, y, HEED_AXES(0, 2)), y, 5), HEED_SHAPE(2, 1, 2), 0, 5, 0, 0);
    EXPECT(heed_argmax(t, heed_transpose(t, x, 0, 1), 0, false), HEED_SHAPE(2), 1, 0);
}

/* relu, max, min pass NaN on. The first NaN is the one taken. [promises: NaN goes on] */
Test(reduce, max_and_min_pass_nan_on) {
    heed_tensor x = GIVEN(HEED_SHAPE(2, 4), 1, NAN, 9, NAN, -INFINITY, -INFINITY, -INFINITY, -INFINITY);
    EXPECT(heed_max(t, x, HEED_AXES(1)), HEED_SHAPE(2), NAN, -INFINITY);
    EXPECT(heed_min(t, x, HEED_AXES(1)), HEED_SHAPE(2), NAN, -INFINITY);
    EXPECT(heed_argmax(t, x, 1, false), HEED_SHAPE(2), 1, 0);
    EXPECT(GRADIENT(heed_max(t, x, HEED_AXES(1)), x, 3, 4), HEED_SHAPE(2, 4), 0, 3, 0, 0, 4, 0, 0, 0);
}

/* ---- prod ---- */

Test(reduce, prod_gradient_is_right_beside_zeros) {
    heed_tensor x = GIVEN(HEED_SHAPE(4, 3), 2, 3, 4, 2, 0, 4, 0, 3, 0, 0, 0, 0);
    heed_tensor y = heed_prod(t, x, HEED_AXES(1));
    EXPECT(y, HEED_SHAPE(4), 24, 0, 0, 0);
    EXPECT(GRADIENT(y, x, 1, 10, 1, 1), HEED_SHAPE(4, 3), 12, 8, 6, 0, 80, 0, 0, 0, 0, 0, 0, 0);
    EXPECT(GRADIENT(heed_prod(t, x, HEED_AXES(0)), x, 1, 1, 1), HEED_SHAPE(4, 3), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

/* In f32 the product of the others is right though the product of all those before is not a float. */
Test(reduce, prod_keeps_range_in_between) {
    heed_tensor x = ops_given(HEED_F32, HEED_SHAPE(4), (double[]){1e30, 1e30, 1e-30, 1e-30});
    heed_tensor y = heed_prod(t, x, HEED_ALL_AXES);
    cr_assert(agree(heed_item(t, y), 1, 1e-6));
    const float *g = heed_f32(t, GRADIENT(y, x, 1));
    cr_assert(agree(g[0] * 1e30, 1, 1e-6) && agree(g[3] * 1e-30, 1, 1e-6));
}

/* ---- var ---- */

Test(reduce, var_with_either_correction) {
    heed_tensor x = GIVEN(HEED_SHAPE(4), 1, 2, 3, 6);
    EXPECT(heed_var(t, x, HEED_ALL_AXES, 0), HEED_SCALAR, 3.5);
    EXPECT(GRADIENT(heed_var(t, x, HEED_ALL_AXES, 0), x, 2), HEED_SHAPE(4), -2, -1, 0, 3);
    EXPECT(heed_var(t, x, HEED_ALL_AXES, 2), HEED_SCALAR, 7);
    EXPECT(heed_var(t, heed_slice(t, x, 0, 0, 1), HEED_ALL_AXES, 0), HEED_SCALAR, 0);
    EXPECT(heed_var(t, heed_slice(t, x, 0, 0, 1), HEED_ALL_AXES, 1), HEED_SCALAR, NAN);
    EXPECT(heed_var(t, x, HEED_ALL_AXES, 5), HEED_SCALAR, INFINITY);
}

/* An offset common to all costs no digits: two passes. */
Test(reduce, var_at_an_offset) {
    enum { N = 10000 };
    static double x[N];
    for (int i = 0; i < N; i++)
        x[i] = 1e6 + i % 5;
    EXPECT(heed_var(t, ops_given(HEED_F32, HEED_SHAPE(N), x), HEED_ALL_AXES, 0), HEED_SCALAR, 2);
    heed_tensor rows = heed_var(t, ops_given(HEED_F32, HEED_SHAPE(N / 5, 5), x), HEED_AXES(1), 0);
    for (int i = 0; i < N / 5; i++)
        cr_assert_eq(heed_f32(t, rows)[i], 2);
}

/* ---- logsumexp ---- */

/* logsumexp of all -inf is -inf; and nothing overflows on the way. PyTorch's gradient there is NaN, ours is 0.
 * [promises: logsumexp of -inf] */
Test(reduce, logsumexp_at_the_edges) {
    const double inf = INFINITY;
    static const heed_dtype dtypes[] = {HEED_F32, HEED_F64};
    for (int d = 0; d < LENGTH(dtypes); d++) {
        heed_tensor x = ops_given(dtypes[d], HEED_SHAPE(7, 2),
                                  (double[]){-inf, -inf, -inf, 3, 1e30, 1e30, -1e30, -1e30, inf, 0, NAN, 0, 7, -inf});
        heed_tensor y = heed_logsumexp(t, x, HEED_AXES(1));
        const double want[] = {-inf, 3, 1e30, -1e30, inf, NAN, 7};
        for (int i = 0; i < 7; i++)
            cr_assert(agree(ops_value(y, i), want[i], 1e-6), "row %d: %g", i, ops_value(y, i));
        heed_tensor g = GRADIENT(heed_slice(t, y, 0, 0, 4), x, 1, 1, 1, 1);
        const double slope[] = {0, 0, 0, 1, 1, 1, 1, 1}; /* at 1e30 log 2 is lost, and e^(x - y) is 1 */
        for (int i = 0; i < 8; i++)
            cr_assert(agree(ops_value(g, i), slope[i], 1e-6), "gradient %d: %g", i, ops_value(g, i));
    }
}

/* ---- cumsum ---- */

Test(reduce, cumsum_along_any_axis) {
    heed_tensor x = GIVEN(HEED_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    EXPECT(heed_cumsum(t, x, 1), HEED_SHAPE(2, 3), 1, 3, 6, 4, 9, 15);
    EXPECT(heed_cumsum(t, x, -2), HEED_SHAPE(2, 3), 1, 2, 3, 5, 7, 9);
    EXPECT(GRADIENT(heed_cumsum(t, x, 1), x, 1, 2, 3, 4, 5, 6), HEED_SHAPE(2, 3), 6, 5, 3, 15, 11, 6);
    EXPECT(GRADIENT(heed_cumsum(t, x, 0), x, 1, 2, 3, 4, 5, 6), HEED_SHAPE(2, 3), 5, 7, 9, 4, 5, 6);
    enum { N = (1 << 24) + 4 };
    heed_tensor sums = heed_cumsum(t, heed_ones(t, HEED_F32, HEED_SHAPE(N)), 0);
    cr_assert_eq(heed_f32(t, sums)[N - 1], N);
}

/* ---- topk ---- */

Test(reduce, topk_sorts_and_ties_take_the_lower_index) {
    heed_tensor x = GIVEN(HEED_SHAPE(2, 5), 3, 1, 3, 5, 2, NAN, -1, INFINITY, NAN, -INFINITY), where;
    EXPECT(heed_topk(t, x, 3, &where), HEED_SHAPE(2, 3), 5, 3, 3, NAN, NAN, INFINITY);
    EXPECT(where, HEED_SHAPE(2, 3), 3, 0, 2, 0, 3, 2);
    EXPECT(heed_topk(t, x, 0, &where), HEED_SHAPE(2, 0), 0);
    EXPECT(heed_topk(t, x, 5, &where), HEED_SHAPE(2, 5), 5, 3, 3, 2, 1, NAN, NAN, INFINITY, -1, -INFINITY);
    EXPECT(where, HEED_SHAPE(2, 5), 3, 0, 2, 4, 1, 0, 3, 2, 1, 4);
    heed_topk(t, x, 6, &where);
    cr_assert(heed_is_nil(where));
    expect_error("topk: k is 6; it must be 0 to 5, the last axis of (2, 5)");
    heed_topk(t, GIVEN(HEED_SCALAR, 1), 1, &where);
    expect_error("topk: a scalar has no last axis");
}

/* Against counting: element i's place is how many stand before it. */
Test(reduce, topk_agrees_with_counting) {
    static const int64_t sizes[] = {1, 2, 15, 16, 17, 31, 33, 500};
    for (int s = 0; s < LENGTH(sizes); s++)
        for (int64_t k = 1; k <= sizes[s]; k += 1 + sizes[s] / 7) {
            double values[500];
            for (int64_t i = 0; i < sizes[s]; i++)
                values[i] = (double)heed_rng_below((uint64_t)s, (uint64_t)i, 1 + (uint64_t)sizes[s] / 2);
            heed_tensor where, top = heed_topk(t, heed_variable(t, HEED_F64, HEED_SHAPE(sizes[s]), values), k, &where);
            for (int64_t i = 0; i < sizes[s]; i++) {
                int64_t place = 0;
                for (int64_t j = 0; j < sizes[s]; j++)
                    place += values[j] > values[i] || (values[j] == values[i] && j < i);
                if (place < k)
                    cr_assert(heed_i32(t, where)[place] == i && heed_f64(t, top)[place] == values[i]);
            }
        }
}
