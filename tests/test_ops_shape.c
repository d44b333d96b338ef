/* Views: where each element goes, that nothing is copied, where each gradient goes, and what is refused. Most values
 * are numbers 0, 1, 2, .. so that an element's value says where it came from. */
#include "op_testing.h"

TestSuite(shape, .init = ops_setup, .fini = ops_teardown);

/* ---- reshape ---- */

Test(shape, reshape_keeps_row_major_order) {
    heed_tensor x = ops_counted(HEED_SHAPE(2, 3));
    EXPECT(heed_reshape(t, x, HEED_SHAPE(3, 2)), HEED_SHAPE(3, 2), 0, 1, 2, 3, 4, 5);
    EXPECT(heed_reshape(t, x, HEED_SHAPE(6)), HEED_SHAPE(6), 0, 1, 2, 3, 4, 5);
    EXPECT(heed_reshape(t, x, HEED_SHAPE(-1, 2)), HEED_SHAPE(3, 2), 0, 1, 2, 3, 4, 5);
    EXPECT(heed_reshape(t, x, HEED_SHAPE(1, -1, 1)), HEED_SHAPE(1, 6, 1), 0, 1, 2, 3, 4, 5);
    EXPECT(heed_reshape(t, heed_slice(t, heed_reshape(t, x, HEED_SHAPE(6)), 0, 4, 5), HEED_SCALAR), HEED_SCALAR, 4);
    cr_assert(ops_is_view_of(heed_reshape(t, x, HEED_SHAPE(3, 2)), x));
}

Test(shape, reshape_of_a_view_copies_only_where_it_must) {
    heed_tensor x = ops_counted(HEED_SHAPE(4, 6));
    heed_tensor turned = heed_transpose(t, x, 0, 1);
    heed_tensor flat = heed_reshape(t, turned, HEED_SHAPE(24));
    cr_assert_not(ops_is_view_of(flat, x));
    for (int i = 0; i < 24; i++)
        cr_assert_eq(heed_f64(t, flat)[i], i % 4 * 6 + i / 4);
    /* an axis cut in two, and two that memory steps through evenly put together, are views whatever the strides */
    heed_tensor cut = heed_reshape(t, turned, HEED_SHAPE(2, 3, 4));
    cr_assert(ops_is_view_of(cut, x));
    for (int i = 0; i < 24; i++)
        cr_assert_eq(heed_f64(t, cut)[i], i % 4 * 6 + i / 4);
    cr_assert(ops_is_view_of(heed_reshape(t, heed_slice_step(t, x, 1, 1, 6, 2), HEED_SHAPE(12)), x));
    cr_assert(
        ops_is_view_of(heed_reshape(t, heed_flip(t, heed_reshape(t, x, HEED_SHAPE(24)), 0), HEED_SHAPE(4, 6)), x));
    cr_assert_not(ops_is_view_of(heed_reshape(t, heed_slice(t, x, 1, 1, 5), HEED_SHAPE(16)), x));
    heed_tensor wide = heed_expand(t, ops_counted(HEED_SHAPE(3, 1)), HEED_SHAPE(3, 4));
    EXPECT(heed_reshape(t, wide, HEED_SHAPE(12)), HEED_SHAPE(12), 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2);
    EXPECT(heed_reshape(t, wide, HEED_SHAPE(3, 2, 2)), HEED_SHAPE(3, 2, 2), 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2);
}

/* Every way to cut and join the axes of a permuted array gives the packed array's elements. */
Test(shape, reshape_agrees_with_a_packed_copy_for_every_layout) {
    static const int orders[][4] = {{0, 1, 2, 3}, {0, 2, 1, 3}, {3, 2, 1, 0}, {1, 0, 3, 2},
                                    {2, 3, 0, 1}, {0, 1, 3, 2}, {0, 3, 1, 2}};
    static const heed_shape shapes[] = {{1, {96}},
                                        {2, {6, 16}},
                                        {2, {2, 48}},
                                        {3, {4, 3, 8}},
                                        {3, {1, 96, 1}},
                                        {4, {2, 3, 4, 4}},
                                        {6, {2, 2, 3, 2, 2, 2}},
                                        {2, {32, 3}}};
    for (int o = 0; o < LENGTH(orders); o++)
        for (int s = 0; s < LENGTH(shapes); s++) {
            heed_tensor x = heed_permute(t, ops_counted(HEED_SHAPE(2, 3, 4, 4)), orders[o]);
            heed_tensor y = heed_reshape(t, x, shapes[s]);
            cr_assert(heed_shape_equal(heed_shape_of(t, y), shapes[s]));
            cr_assert_eq(memcmp(heed_f64(t, y), heed_f64(t, x), 96 * sizeof(double)), 0, "order %d, shape %d", o, s);
        }
}

Test(shape, reshape_gradient_flows_back_through_a_copy) {
    heed_tensor x = ops_counted(HEED_SHAPE(2, 3));
    EXPECT(ops_counted_gradient(heed_reshape(t, heed_transpose(t, x, 0, 1), HEED_SHAPE(6)), x), HEED_SHAPE(2, 3), 1, 3,
           5, 2, 4, 6);
}

/* Negative dims, rank above the maximum, two -1s in a reshape: ERR. [promises: negative sizes; ranks; two -1s] */
Test(shape, reshape_refuses) {
    heed_reshape(t, ops_counted(HEED_SHAPE(2, 3)), HEED_SHAPE(4, 2));
    expect_error("reshape: (2, 3), of 6 elements, to (4, 2): the numbers of elements differ");
    heed_reshape(t, ops_counted(HEED_SHAPE(2, 3)), HEED_SHAPE(4, -1));
    expect_error("reshape: (2, 3), of 6 elements, to (4, -1): no size for -1 gives that many elements");
    heed_reshape(t, ops_counted(HEED_SHAPE(2, 3)), HEED_SHAPE(-1, -1));
    expect_error("reshape: (2, 3), of 6 elements, to (-1, -1): two sizes are -1");
    heed_reshape(t, ops_counted(HEED_SHAPE(2, 3)), HEED_SHAPE(-2, -3));
    expect_error("reshape: (2, 3), of 6 elements, to (-2, -3): a size is negative");
    heed_reshape(t, ops_counted(HEED_SHAPE(0, 3)), HEED_SHAPE(0, -1));
    expect_error("reshape: (0, 3), of 0 elements, to (0, -1): any size would do for -1");
    heed_reshape(t, ops_counted(HEED_SHAPE(1)), (heed_shape){.rank = 9});
    expect_error("reshape: rank 9 is outside 0..8");
    heed_reshape(t, HEED_NIL, HEED_SHAPE(1));
    cr_assert_eq(strncmp(heed_error_text(t), "reshape: input 0 is nil", 23), 0, "%s", heed_error_text(t));
}

/* ---- permute, transpose ---- */

Test(shape, permute_and_transpose_are_views) {
    heed_tensor x = ops_counted(HEED_SHAPE(2, 3, 2));
    heed_tensor y = heed_permute(t, x, (int[]){2, 0, 1});
    EXPECT(y, HEED_SHAPE(2, 2, 3), 0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11);
    EXPECT(heed_permute(t, x, (int[]){-1, -3, -2}), HEED_SHAPE(2, 2, 3), 0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11);
    EXPECT(heed_transpose(t, x, 0, -1), HEED_SHAPE(2, 3, 2), 0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11);
    EXPECT(heed_transpose(t, x, 1, 1), HEED_SHAPE(2, 3, 2), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    cr_assert(ops_is_view_of(y, x));
    EXPECT(heed_permute(t, heed_full(t, HEED_I32, HEED_SCALAR, 7), NULL), HEED_SCALAR, 7);
    EXPECT(ops_counted_gradient(y, x), HEED_SHAPE(2, 3, 2), 1, 7, 2, 8, 3, 9, 4, 10, 5, 11, 6, 12);
}

/* Splitting heads off, (B, T, H d) -> (B, H, T, d), copies nothing; merging them back copies once. */
Test(shape, heads_split_off_without_a_copy) {
    heed_tensor x = ops_counted(HEED_SHAPE(2, 3, 8));
    heed_tensor heads = heed_transpose(t, heed_reshape(t, x, HEED_SHAPE(2, 3, 4, 2)), 1, 2);
    cr_assert(ops_is_view_of(heads, x));
    for (int b = 0, i = 0; b < 2; b++)
        for (int h = 0; h < 4; h++)
            for (int row = 0; row < 3; row++)
                for (int d = 0; d < 2; d++, i++)
                    cr_assert_eq(heed_f64(t, heads)[i], ((b * 3 + row) * 4 + h) * 2 + d);
    heed_tensor merged = heed_reshape(t, heed_transpose(t, heed_contiguous(t, heads), 1, 2), HEED_SHAPE(2, 3, 8));
    cr_assert_eq(memcmp(heed_f64(t, merged), heed_f64(t, x), 48 * sizeof(double)), 0);
}

/* Axis out of range: ERR. */
Test(shape, permute_and_transpose_refuse) {
    heed_permute(t, ops_counted(HEED_SHAPE(2, 3, 2)), (int[]){0, 1, 1});
    expect_error("permute: axes (0, 1, 1) are no order of the 3 axes of (2, 3, 2)");
    heed_permute(t, ops_counted(HEED_SHAPE(2, 3)), (int[]){0, 2});
    expect_error("permute: axes (0, 2) are no order of the 2 axes of (2, 3)");
    heed_transpose(t, ops_counted(HEED_SHAPE(2, 3)), 0, 2);
    expect_error("transpose: axis 2 is outside -2..1 of (2, 3)");
    heed_transpose(t, heed_ones(t, HEED_F32, HEED_SCALAR), 0, 0);
    expect_error("transpose: axis 0: a scalar has no axes");
}

/* ---- slice, select, flip ---- */

Test(shape, slice_counts_from_both_ends) {
    heed_tensor x = ops_counted(HEED_SHAPE(5));
    EXPECT(heed_slice(t, x, 0, 1, 4), HEED_SHAPE(3), 1, 2, 3);
    EXPECT(heed_slice(t, x, -1, -2, INT64_MAX), HEED_SHAPE(2), 3, 4);
    EXPECT(heed_slice(t, x, 0, 0, -1), HEED_SHAPE(4), 0, 1, 2, 3);
    EXPECT(heed_slice(t, x, 0, INT64_MIN, 2), HEED_SHAPE(2), 0, 1);
    EXPECT(heed_slice(t, x, 0, 3, 3), HEED_SHAPE(0), 0);
    EXPECT(heed_slice(t, x, 0, 4, 2), HEED_SHAPE(0), 0);
    EXPECT(heed_slice(t, x, 0, 9, 12), HEED_SHAPE(0), 0);
    EXPECT(heed_slice_step(t, x, 0, 0, 5, 2), HEED_SHAPE(3), 0, 2, 4);
    EXPECT(heed_slice_step(t, x, 0, 1, 5, 2), HEED_SHAPE(2), 1, 3);
    EXPECT(heed_slice_step(t, x, 0, 0, 5, INT64_MAX), HEED_SHAPE(1), 0);
    EXPECT(heed_slice(t, ops_counted(HEED_SHAPE(2, 3)), 1, 1, 3), HEED_SHAPE(2, 2), 1, 2, 4, 5);
}

Test(shape, slice_gradient_is_zero_outside) {
    heed_tensor x = ops_counted(HEED_SHAPE(2, 3));
    EXPECT(ops_counted_gradient(heed_slice_step(t, x, 1, 0, 3, 2), x), HEED_SHAPE(2, 3), 1, 0, 2, 3, 0, 4);
    x = ops_counted(HEED_SHAPE(3, 2));
    EXPECT(ops_counted_gradient(heed_select(t, x, 0, -2), x), HEED_SHAPE(3, 2), 0, 0, 1, 2, 0, 0);
    x = ops_counted(HEED_SHAPE(4));
    EXPECT(ops_counted_gradient(heed_slice(t, x, 0, 2, 2), x), HEED_SHAPE(4), 0, 0, 0, 0);
}

Test(shape, select_drops_its_axis) {
    heed_tensor x = ops_counted(HEED_SHAPE(2, 3));
    EXPECT(heed_select(t, x, 0, 1), HEED_SHAPE(3), 3, 4, 5);
    EXPECT(heed_select(t, x, 1, -1), HEED_SHAPE(2), 2, 5);
    EXPECT(heed_select(t, heed_select(t, x, 1, 0), 0, 1), HEED_SCALAR, 3);
    cr_assert(ops_is_view_of(heed_select(t, x, 1, 2), x));
}

Test(shape, flip_reads_backwards) {
    heed_tensor x = ops_counted(HEED_SHAPE(2, 3));
    EXPECT(heed_flip(t, x, 1), HEED_SHAPE(2, 3), 2, 1, 0, 5, 4, 3);
    EXPECT(heed_flip(t, heed_flip(t, x, 0), 1), HEED_SHAPE(2, 3), 5, 4, 3, 2, 1, 0);
    EXPECT(heed_slice_step(t, heed_flip(t, x, 1), 1, 0, 3, 2), HEED_SHAPE(2, 2), 2, 0, 5, 3);
    EXPECT(heed_flip(t, ops_counted(HEED_SHAPE(0, 3)), 0), HEED_SHAPE(0, 3), 0);
    cr_assert(ops_is_view_of(heed_flip(t, x, 0), x));
    EXPECT(ops_counted_gradient(heed_flip(t, x, 1), x), HEED_SHAPE(2, 3), 3, 2, 1, 6, 5, 4);
}

/* [promises: axes] */
Test(shape, slice_select_and_flip_refuse) {
    heed_slice(t, ops_counted(HEED_SHAPE(2, 3)), 2, 0, 1);
    expect_error("slice: axis 2 is outside -2..1 of (2, 3)");
    heed_slice_step(t, ops_counted(HEED_SHAPE(2, 3)), 1, 0, 3, -1);
    expect_error("slice: step -1 is not positive; see heed_flip");
    heed_select(t, ops_counted(HEED_SHAPE(2, 3)), 1, 3);
    expect_error("select: index 3 is outside -3..2: axis 1 of (2, 3)");
    heed_select(t, ops_counted(HEED_SHAPE(2, 0)), 1, 0);
    expect_error("select: index 0 is outside 0..-1: axis 1 of (2, 0)");
    heed_flip(t, ops_counted(HEED_SHAPE(2, 3)), -3);
    expect_error("flip: axis -3 is outside -2..1 of (2, 3)");
}

/* ---- expand ---- */

Test(shape, expand_repeats_without_a_copy) {
    heed_tensor x = ops_counted(HEED_SHAPE(3, 1));
    heed_tensor y = heed_expand(t, x, HEED_SHAPE(2, 3, 2));
    EXPECT(y, HEED_SHAPE(2, 3, 2), 0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2);
    cr_assert(ops_is_view_of(y, x));
    EXPECT(ops_counted_gradient(y, x), HEED_SHAPE(3, 1), 1 + 2 + 7 + 8, 3 + 4 + 9 + 10, 5 + 6 + 11 + 12);
    EXPECT(heed_expand(t, heed_full(t, HEED_BOOL, HEED_SCALAR, 1), HEED_SHAPE(3)), HEED_SHAPE(3), 1, 1, 1);
    EXPECT(heed_expand(t, ops_counted(HEED_SHAPE(1)), HEED_SHAPE(0)), HEED_SHAPE(0), 0);
}

/* NumPy's broadcasting, strictly; (0)+(3) ERR. [promises: (0) + (3)] */
Test(shape, expand_refuses) {
    heed_expand(t, ops_counted(HEED_SHAPE(4)), HEED_SHAPE(2, 6));
    expect_error("expand: (4,) does not expand to (2, 6)");
    heed_expand(t, ops_counted(HEED_SHAPE(2, 3)), HEED_SHAPE(3));
    expect_error("expand: (2, 3) does not expand to (3,)");
    heed_expand(t, ops_counted(HEED_SHAPE(3)), HEED_SHAPE(1));
    expect_error("expand: (3,) does not expand to (1,)");
    heed_expand(t, ops_counted(HEED_SHAPE(0)), HEED_SHAPE(3));
    expect_error("expand: (0,) does not expand to (3,)");
    heed_expand(t, ops_counted(HEED_SHAPE(1)), HEED_SHAPE(-3));
    expect_error("expand: (-3,) cannot be: a size is negative, or it has more than 2^63 - 1 elements");
}

/* ---- split ---- */

Test(shape, split_cuts_into_views) {
    heed_tensor x = ops_counted(HEED_SHAPE(2, 5)), parts[3];
    heed_tensor first = heed_split(t, x, -1, 3, (int64_t[]){2, 0, 3}, parts);
    EXPECT(first, HEED_SHAPE(2, 2), 0, 1, 5, 6);
    EXPECT(parts[1], HEED_SHAPE(2, 0), 0);
    EXPECT(parts[2], HEED_SHAPE(2, 3), 2, 3, 4, 7, 8, 9);
    cr_assert(ops_is_view_of(parts[2], x));
    heed_split(t, x, 0, 2, NULL, parts);
    EXPECT(parts[1], HEED_SHAPE(1, 5), 5, 6, 7, 8, 9);
}

Test(shape, split_parts_that_nobody_uses_get_gradient_zero) {
    heed_tensor x = ops_counted(HEED_SHAPE(2, 3)), parts[3];
    heed_split(t, x, 1, 3, NULL, parts);
    EXPECT(ops_counted_gradient(parts[1], x), HEED_SHAPE(2, 3), 0, 1, 0, 0, 2, 0);
    x = ops_counted(HEED_SHAPE(2, 3));
    heed_split(t, x, 1, 3, NULL, parts);
    EXPECT(ops_counted_gradient(heed_add(t, parts[2], heed_scale(t, parts[0], 10)), x), HEED_SHAPE(2, 3), 10, 0, 1, 20,
           0, 2);
}

/* As many parts as one likes, though one call of the op has at most HEED_MAX_OUTPUTS. */
Test(shape, split_into_many_parts) {
    enum { MANY = 1000 };
    static heed_tensor parts[MANY];
    static int64_t sizes[MANY];
    int64_t total = 0;
    for (int p = 0; p < MANY; p++)
        total += sizes[p] = p % 3;
    heed_tensor x = ops_counted(HEED_SHAPE(total));
    heed_split(t, x, 0, MANY, sizes, parts);
    cr_assert_eq(heed_tape_status(t), HEED_OK, "%s", heed_error_text(t));
    for (int64_t p = 0, at = 0; p < MANY; at += sizes[p], p++) {
        cr_assert_eq(heed_count(t, parts[p]), sizes[p]);
        for (int64_t i = 0; i < sizes[p]; i++)
            cr_assert_eq(heed_f64(t, parts[p])[i], at + i);
    }
    heed_tensor y = ops_counted(HEED_SHAPE(2, 2 * MANY));
    heed_split(t, y, 1, MANY, NULL, parts);
    for (int p = 0; p < MANY; p++)
        EXPECT(parts[p], HEED_SHAPE(2, 2), 2 * p, 2 * p + 1, 2 * MANY + 2 * p, 2 * MANY + 2 * p + 1);
    const double *g = heed_f64(t, ops_counted_gradient(heed_concat(t, parts + MANY / 2, 2, 1), y));
    for (int i = 0; i < 4 * MANY; i++)
        cr_assert_eq(g[i],
                     i / 4 == MANY / 4       ? i % 4 + 1
                     : i / 4 == MANY * 3 / 4 ? i % 4 + 5
                                             : 0,
                     "element %d: %g", i, g[i]);
}

Test(shape, split_refuses) {
    heed_tensor parts[100];
    heed_split(t, ops_counted(HEED_SHAPE(2, 5)), 1, 2, NULL, parts);
    cr_assert(heed_is_nil(parts[0]) && heed_is_nil(parts[1]));
    expect_error("split: 5, axis 1 of (2, 5), cannot be cut into 2 equal parts");
    heed_split(t, ops_counted(HEED_SHAPE(2, 5)), 1, 2, (int64_t[]){2, 2}, parts);
    expect_error("split: the sizes add up to 4, axis 1 of (2, 5) has 5");
    heed_split(t, ops_counted(HEED_SHAPE(2, 5)), 1, 2, (int64_t[]){6, -1}, parts);
    expect_error("split: size -1 of part 1 is negative");
    heed_split(t, ops_counted(HEED_SHAPE(2, 5)), 1, 0, NULL, parts);
    expect_error("split: the number of parts is 0; there must be at least one");
    heed_split(t, ops_counted(HEED_SHAPE(2, 150)), 1, 100, NULL, parts);
    expect_error("split: 150, axis 1 of (2, 150), cannot be cut into 100 equal parts");
    heed_split(t, ops_counted(HEED_SHAPE(2, 5)), 2, 100, NULL, parts);
    expect_error("split: axis 2 is outside -2..1 of (2, 5)");
}

/* ---- detach ---- */

Test(shape, detach_cuts_the_gradient) {
    heed_tensor x = ops_counted(HEED_SHAPE(3)), cut = heed_detach(t, x);
    EXPECT(cut, HEED_SHAPE(3), 0, 1, 2);
    cr_assert(ops_is_view_of(cut, x));
    EXPECT(ops_counted_gradient(heed_add(t, x, heed_scale(t, cut, 100)), x), HEED_SHAPE(3), 1, 2, 3);
}
