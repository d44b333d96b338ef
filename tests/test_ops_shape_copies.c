/* Ops that copy elements to other places: where each goes, where its gradient goes, and what is refused; then all of the
 * family in every awkward size, every dtype, and with any number of threads. Most values are numbers 0, 1, 2, .. so that
 * an element's value says where it came from. */
#include "op_testing.h"

TestSuite(shape_copies, .init = ops_setup, .fini = ops_teardown);

/* ---- contiguous ---- */

Test(shape_copies, contiguous_is_x_itself_where_it_can) {
    heed_tensor x = ops_counted(HEED_SHAPE(2, 3)), turned = heed_transpose(t, x, 0, 1);
    heed_tensor same = heed_contiguous(t, x), packed = heed_contiguous(t, turned);
    cr_assert(same.index == x.index && same.epoch == x.epoch);
    cr_assert_not(ops_is_view_of(packed, x));
    cr_assert(heed_array_contiguous(heed_tensor_array(t, packed)));
    EXPECT(packed, HEED_SHAPE(3, 2), 0, 3, 1, 4, 2, 5);
    EXPECT(ops_counted_gradient(packed, x), HEED_SHAPE(2, 3), 1, 3, 5, 2, 4, 6);
}

/* ---- concat, stack ---- */

Test(shape_copies, concat_lays_inputs_side_by_side) {
    heed_tensor a = ops_counted(HEED_SHAPE(2, 2)), b = heed_neg(t, ops_counted(HEED_SHAPE(2, 1))),
                none = ops_counted(HEED_SHAPE(2, 0));
    EXPECT(heed_concat(t, (heed_tensor[]){a, none, b}, 3, 1), HEED_SHAPE(2, 3), 0, 1, 0, 2, 3, -1);
    EXPECT(heed_concat(t, (heed_tensor[]){heed_transpose(t, a, 0, 1), a}, 2, -2), HEED_SHAPE(4, 2), 0, 2, 1, 3, 0, 1, 2,
           3);
    EXPECT(heed_concat(t, &a, 1, 0), HEED_SHAPE(2, 2), 0, 1, 2, 3);
    heed_tensor x = ops_counted(HEED_SHAPE(2, 1)), y = heed_concat(t, (heed_tensor[]){x, a, x}, 3, 1);
    EXPECT(ops_counted_gradient(y, x), HEED_SHAPE(2, 1), 1 + 4, 5 + 8);
    EXPECT(heed_grad(t, a), HEED_SHAPE(2, 2), 2, 3, 6, 7);
}

Test(shape_copies, stack_makes_an_axis) {
    heed_tensor a = ops_counted(HEED_SHAPE(2)), b = heed_add_scalar(t, a, 10);
    EXPECT(heed_stack(t, (heed_tensor[]){a, b}, 2, 0), HEED_SHAPE(2, 2), 0, 1, 10, 11);
    EXPECT(heed_stack(t, (heed_tensor[]){a, b}, 2, -1), HEED_SHAPE(2, 2), 0, 10, 1, 11);
    heed_tensor one = heed_select(t, a, 0, 1);
    EXPECT(heed_stack(t, (heed_tensor[]){one, one, one}, 3, 0), HEED_SHAPE(3), 1, 1, 1);
    EXPECT(ops_counted_gradient(heed_stack(t, (heed_tensor[]){a, b, a}, 3, 1), a), HEED_SHAPE(2), 1 + 2 + 3, 4 + 5 + 6);
}

Test(shape_copies, concat_and_stack_refuse) {
    heed_tensor a = ops_counted(HEED_SHAPE(2, 3)), b = ops_counted(HEED_SHAPE(3, 3));
    heed_concat(t, (heed_tensor[]){a, b}, 2, 1);
    expect_error("concat: input 1 is (3, 3), input 0 is (2, 3): only axis 1 may differ");
    heed_concat(t, (heed_tensor[]){ops_counted(HEED_SHAPE(2)), ops_counted(HEED_SHAPE(2, 1))}, 2, 0);
    expect_error("concat: input 1 is (2, 1), input 0 is (2,): only axis 0 may differ");
    heed_concat(t, (heed_tensor[]){heed_ones(t, HEED_I32, HEED_SHAPE(2)), heed_ones(t, HEED_BOOL, HEED_SHAPE(2))}, 2,
                0);
    expect_error("concat: dtypes differ: input 0 is i32, input 1 is bool; see heed_cast");
    heed_concat(t, NULL, 0, 0);
    expect_error("concat: 0 inputs are given, it takes at least 1");
    heed_stack(t, (heed_tensor[]){ops_counted(HEED_SHAPE(2)), ops_counted(HEED_SHAPE(3))}, 2, 0);
    expect_error("stack: input 1 is (3,), input 0 is (2,): shapes must be equal");
    heed_stack(t, (heed_tensor[]){ops_counted(HEED_SHAPE(2))}, 1, 2);
    expect_error("stack: axis 2 is outside -2..1 of (2, 1)");
    heed_tensor deep = heed_ones(t, HEED_F32, HEED_SHAPE(1, 1, 1, 1, 1, 1, 1, 1));
    heed_stack(t, &deep, 1, 0);
    expect_error("stack: (1, 1, 1, 1, 1, 1, 1, 1) has no room for a further axis: the rank is at most 8");
}

/* ---- repeat, pad ---- */

Test(shape_copies, repeat_tiles) {
    heed_tensor x = ops_counted(HEED_SHAPE(2, 2));
    EXPECT(heed_repeat(t, x, (int64_t[]){2, 3}), HEED_SHAPE(4, 6), 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 0, 1, 0, 1, 0, 1,
           2, 3, 2, 3, 2, 3);
    EXPECT(heed_repeat(t, x, (int64_t[]){1, 0}), HEED_SHAPE(2, 0), 0);
    EXPECT(heed_repeat(t, ops_counted(HEED_SHAPE(2, 0)), (int64_t[]){3, INT64_MAX}), HEED_SHAPE(6, 0), 0);
    EXPECT(heed_repeat(t, heed_full(t, HEED_F64, HEED_SCALAR, 4), NULL), HEED_SCALAR, 4);
    EXPECT(ops_counted_gradient(heed_repeat(t, x, (int64_t[]){2, 2}), x), HEED_SHAPE(2, 2), 1 + 3 + 9 + 11,
           2 + 4 + 10 + 12, 5 + 7 + 13 + 15, 6 + 8 + 14 + 16);
    heed_tensor unused = ops_counted(HEED_SHAPE(2));
    EXPECT(ops_counted_gradient(heed_repeat(t, unused, (int64_t[]){0}), unused), HEED_SHAPE(2), 0, 0);
    heed_repeat(t, ops_counted(HEED_SHAPE(2, 2)), (int64_t[]){1, -1});
    expect_error("repeat: axis 1 cannot be repeated -1 times");
}

Test(shape_copies, pad_borders_and_crops) {
    heed_tensor x = ops_counted(HEED_SHAPE(2, 3));
    EXPECT(heed_pad(t, x, (int64_t[]){1, 0}, (int64_t[]){0, 2}, -7), HEED_SHAPE(3, 5), -7, -7, -7, -7, -7, 0, 1, 2, -7,
           -7, 3, 4, 5, -7, -7);
    EXPECT(heed_pad(t, x, (int64_t[]){0, -1}, (int64_t[]){-1, 1}, 9), HEED_SHAPE(1, 3), 1, 2, 9);
    EXPECT(heed_pad(t, x, (int64_t[]){0, -3}, (int64_t[]){0, 2}, 9), HEED_SHAPE(2, 2), 9, 9, 9, 9);
    EXPECT(heed_pad(t, x, (int64_t[]){0, -2}, (int64_t[]){0, -1}, 9), HEED_SHAPE(2, 0), 0);
    EXPECT(heed_pad(t, ops_counted(HEED_SHAPE(0)), (int64_t[]){1}, (int64_t[]){1}, 5), HEED_SHAPE(2), 5, 5);
    EXPECT(heed_pad(t, heed_full(t, HEED_BOOL, HEED_SHAPE(1), 1), (int64_t[]){1}, (int64_t[]){0}, 0), HEED_SHAPE(2), 0,
           1);
    EXPECT(ops_counted_gradient(heed_pad(t, x, (int64_t[]){1, -1}, (int64_t[]){0, 1}, 0), x), HEED_SHAPE(2, 3), 0, 4, 5,
           0, 7, 8);
    heed_pad(t, ops_counted(HEED_SHAPE(2, 3)), (int64_t[]){0, -2}, (int64_t[]){0, -2}, 0);
    expect_error("pad: axis 1 of (2, 3) cannot get -2 before and -2 after");
    heed_pad(t, ops_counted(HEED_SHAPE(2, 3)), (int64_t[]){0, INT64_MIN}, (int64_t[]){0, INT64_MAX}, 0);
    expect_error("pad: axis 1 of (2, 3) cannot get -9223372036854775808 before and 9223372036854775807 after");
}

/* ---- tril, triu ---- */

Test(shape_copies, triangles) {
    heed_tensor x = heed_add_scalar(t, ops_counted(HEED_SHAPE(3, 3)), 1);
    EXPECT(heed_tril(t, x, 0), HEED_SHAPE(3, 3), 1, 0, 0, 4, 5, 0, 7, 8, 9);
    EXPECT(heed_triu(t, x, 0), HEED_SHAPE(3, 3), 1, 2, 3, 0, 5, 6, 0, 0, 9);
    EXPECT(heed_tril(t, x, -1), HEED_SHAPE(3, 3), 0, 0, 0, 4, 0, 0, 7, 8, 0);
    EXPECT(heed_triu(t, x, 1), HEED_SHAPE(3, 3), 0, 2, 3, 0, 0, 6, 0, 0, 0);
    EXPECT(heed_tril(t, x, 1), HEED_SHAPE(3, 3), 1, 2, 0, 4, 5, 6, 7, 8, 9);
    EXPECT(heed_tril(t, heed_ones(t, HEED_BOOL, HEED_SHAPE(2, 1, 2)), 0), HEED_SHAPE(2, 1, 2), 1, 0, 1, 0);
    static const int64_t far[] = {INT64_MIN, -4, 4, INT64_MAX};
    for (int i = 0; i < LENGTH(far); i++) {
        heed_tensor lower = heed_tril(t, x, far[i]), upper = heed_triu(t, x, far[i]);
        for (int j = 0; j < 9; j++) {
            cr_assert_eq(heed_f64(t, lower)[j], far[i] > 0 ? j + 1 : 0);
            cr_assert_eq(heed_f64(t, upper)[j], far[i] < 0 ? j + 1 : 0);
        }
    }
    heed_tensor a = ops_counted(HEED_SHAPE(2, 3));
    EXPECT(ops_counted_gradient(heed_triu(t, a, 1), a), HEED_SHAPE(2, 3), 0, 2, 3, 0, 0, 6);
    heed_tril(t, ops_counted(HEED_SHAPE(3)), 0);
    expect_error("tril: it takes the last two axes, (3,) has none to take");
}

/* What is masked away is zero, be it NaN, and its gradient too. */
Test(shape_copies, a_triangle_forgets_what_it_masks) {
    heed_tensor x = heed_variable(t, HEED_F64, HEED_SHAPE(2, 2), (double[]){1, NAN, 2, 3});
    EXPECT(heed_tril(t, x, 0), HEED_SHAPE(2, 2), 1, 0, 2, 3);
    EXPECT(ops_counted_gradient(heed_tril(t, x, 0), x), HEED_SHAPE(2, 2), 1, 0, 3, 4);
}

/* ---- all sizes, all dtypes ---- */

/* A product past int64 (2^33 x 2^33): ERR, and no allocation tried. [promises: past int64; no allocation tried] */
Test(shape_copies, products_past_int64_are_refused_without_an_allocation) {
    const int64_t big = (int64_t)1 << 33;
    heed_tensor x = heed_ones(t, HEED_F32, HEED_SHAPE(1, 1));
    heed_reshape(t, x, HEED_SHAPE(1, 1));
    uint64_t before = heed_tape_statistics(t).allocations;
    heed_reshape(t, x, HEED_SHAPE(big, big));
    cr_assert_eq(heed_tape_statistics(t).allocations, before);
    expect_error("reshape: (1, 1), of 1 elements, to (8589934592, 8589934592): it has more than 2^63 - 1 elements");
    x = heed_ones(t, HEED_F32, HEED_SHAPE(1, 1));
    before = heed_tape_statistics(t).allocations;
    heed_expand(t, x, HEED_SHAPE(big, big));
    cr_assert_eq(heed_tape_statistics(t).allocations, before);
    expect_error(
        "expand: (8589934592, 8589934592) cannot be: a size is negative, or it has more than 2^63 - 1 elements");
    x = heed_ones(t, HEED_F32, HEED_SHAPE(1, 1));
    before = heed_tape_statistics(t).allocations;
    heed_repeat(t, x, (int64_t[]){big, big});
    cr_assert_eq(heed_tape_statistics(t).allocations, before);
    cr_assert_neq(heed_tape_status(t), HEED_OK);
    heed_tape_reset(t);
    heed_repeat(t, heed_ones(t, HEED_F32, HEED_SHAPE(4, 1)), (int64_t[]){INT64_MAX, 1});
    expect_error("repeat: axis 0 of (4, 1) repeated 9223372036854775807 times is above 2^63 - 1");
    heed_pad(t, heed_ones(t, HEED_F32, HEED_SHAPE(4)), (int64_t[]){INT64_MAX}, (int64_t[]){0}, 0);
    expect_error("pad: axis 0 of (4,) cannot get 9223372036854775807 before and 0 after");
    heed_tensor wide = heed_expand(t, heed_ones(t, HEED_BOOL, HEED_SHAPE(1)), HEED_SHAPE(INT64_MAX));
    before = heed_tape_statistics(t).allocations;
    heed_concat(t, (heed_tensor[]){wide, wide}, 2, 0);
    cr_assert_eq(heed_tape_statistics(t).allocations, before);
    expect_error("concat: the sum of the sizes is above 2^63 - 1");
}

/* Sizes 1, 15, 16, 17, 31, 33 all exact; any dim 0 is fine. [promises: odd sizes] */
Test(shape_copies, every_size_is_exact) {
    static const int64_t sizes[] = {0, 1, 2, 15, 16, 17, 31, 33};
    for (int a = 0; a < LENGTH(sizes); a++)
        for (int b = 0; b < LENGTH(sizes); b++) {
            int64_t m = sizes[a], n = sizes[b];
            heed_tensor x = ops_counted(HEED_SHAPE(m, n));
            heed_tensor turned = heed_contiguous(t, heed_transpose(t, x, 0, 1));
            heed_tensor beside = heed_concat(t, (heed_tensor[]){x, x}, 2, 1),
                        tiled = heed_repeat(t, x, (int64_t[]){2, 2});
            heed_tensor lower = heed_tril(t, x, 1), padded = heed_pad(t, x, (int64_t[]){0, 1}, (int64_t[]){1, 0}, -1);
            heed_tensor above = heed_stack(t, (heed_tensor[]){x, heed_flip(t, x, 1)}, 2, 1);
            cr_assert_eq(heed_tape_status(t), HEED_OK, "%s", heed_error_text(t));
            for (int64_t i = 0; i < m; i++)
                for (int64_t j = 0; j < n; j++) {
                    double want = (double)(i * n + j);
                    cr_assert_eq(heed_f64(t, turned)[j * m + i], want);
                    cr_assert_eq(heed_f64(t, beside)[i * 2 * n + j], want);
                    cr_assert_eq(heed_f64(t, beside)[i * 2 * n + n + j], want);
                    for (int k = 0; k < 4; k++)
                        cr_assert_eq(heed_f64(t, tiled)[(i + k / 2 * m) * 2 * n + j + k % 2 * n], want);
                    cr_assert_eq(heed_f64(t, lower)[i * n + j], j - i <= 1 ? want : 0);
                    cr_assert_eq(heed_f64(t, padded)[i * (n + 1) + j + 1], want);
                    cr_assert_eq(heed_f64(t, above)[i * 2 * n + j], want);
                    cr_assert_eq(heed_f64(t, above)[i * 2 * n + n + (n - 1 - j)], want);
                }
            heed_tape_reset(t);
        }
}

static heed_tensor through_every_op(heed_tensor x) {
    heed_tensor parts[2];
    heed_tensor y = heed_concat(t, (heed_tensor[]){x, heed_flip(t, x, 0)}, 2, 0);                   /* (4, 2) */
    y = heed_repeat(t, heed_transpose(t, y, 0, 1), (int64_t[]){2, 1});                              /* (4, 4) */
    y = heed_pad(t, heed_triu(t, heed_tril(t, y, 2), -2), (int64_t[]){0, 1}, (int64_t[]){0, 1}, 0); /* (4, 6) */
    y = heed_reshape(t, heed_slice_step(t, heed_contiguous(t, y), 0, 0, 4, 2), HEED_SHAPE(3, 4));
    heed_split(t, y, 1, 2, NULL, parts);
    y = heed_stack(t, (heed_tensor[]){parts[1], heed_detach(t, parts[0])}, 2, 0); /* (2, 3, 2) */
    y = heed_permute(t, heed_expand(t, heed_select(t, y, 1, 1), HEED_SHAPE(2, 2, 2)), (int[]){2, 0, 1});
    return heed_contiguous(t, y);
}

/* Every dtype takes the same way. */
Test(shape_copies, every_dtype_is_moved_alike) {
    heed_tensor x = heed_input(t, HEED_F32, HEED_SHAPE(2, 2), (float[]){1, 0, 0, 1});
    heed_tensor want = through_every_op(x);
    static const heed_dtype dtypes[] = {HEED_F64, HEED_I32, HEED_BOOL, HEED_BF16};
    for (int d = 0; d < LENGTH(dtypes); d++) {
        heed_tensor got = through_every_op(heed_cast(t, x, dtypes[d]));
        cr_assert_eq(heed_tape_status(t), HEED_OK, "%s", heed_error_text(t));
        cr_assert_eq(heed_dtype_of(t, got), dtypes[d]);
        heed_tensor back = heed_cast(t, got, HEED_F32);
        cr_assert_eq(memcmp(heed_f32(t, back), heed_f32(t, want), 8 * sizeof(float)), 0, "%s",
                     heed_dtype_name(dtypes[d]));
    }
}

/* The same bits for every thread count. Sizes at which threads do share the work. */
Test(shape_copies, the_same_bits_for_any_number_of_threads) {
    enum { ROWS = 300, COLUMNS = 170, N = ROWS * COLUMNS };
    static const int threads[] = {1, 2, 3, 7};
    static float values[N], seeds[12 * N], first[N];
    for (int i = 0; i < 12 * N; i++)
        seeds[i] = (float)heed_rng_normal(1, (uint64_t)i);
    memcpy(values, seeds + N, sizeof values);
    for (int k = 0; k < LENGTH(threads); k++) {
        heed_tape_reset(t);
        heed_tape_set_threads(t, threads[k]);
        heed_tensor x = heed_variable(t, HEED_F32, HEED_SHAPE(ROWS, COLUMNS), values);
        heed_tensor y = heed_repeat(t, heed_tril(t, x, 20), (int64_t[]){2, 3});
        y = heed_concat(
            t, (heed_tensor[]){y, heed_pad(t, heed_flip(t, y, 1), (int64_t[]){1, 0}, (int64_t[]){-1, 0}, 2)}, 2, 1);
        heed_tensor seed = heed_input(t, HEED_F32, HEED_SHAPE(2 * ROWS, 6 * COLUMNS), seeds);
        cr_assert_eq(heed_backward_with(t, y, NULL, (heed_backward_options){.seed = seed}), HEED_OK, "%s",
                     heed_error_text(t));
        const float *g = heed_f32(t, heed_grad(t, x));
        if (k == 0)
            memcpy(first, g, sizeof first);
        cr_assert_eq(memcmp(first, g, sizeof first), 0, "%d threads", threads[k]);
    }
}
