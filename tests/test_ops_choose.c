/* Choosing by index: one_hot, gather, embedding, index_select, scatter_add. Values by hand, twins in double, sums in
 * index order, the same bits for any number of threads, and what is refused. */
#include "op_testing.h"

TestSuite(choose, .init = ops_setup, .fini = ops_teardown);

/* ---- one_hot ---- */

Test(choose, one_hot_marks_its_class) {
    heed_tensor index = INDICES(HEED_SHAPE(3), 2, 0, 1);
    EXPECT(heed_one_hot(t, index, 3, HEED_F32), HEED_SHAPE(3, 3), 0, 0, 1, 1, 0, 0, 0, 1, 0);
    EXPECT(heed_one_hot(t, INDICES(HEED_SCALAR, 1), 2, HEED_F64), HEED_SHAPE(2), 0, 1);
    EXPECT(heed_one_hot(t, INDICES(HEED_SHAPE(1, 2), 0, 0), 1, HEED_I32), HEED_SHAPE(1, 2, 1), 1, 1);
    EXPECT(heed_one_hot(t, index, 3, HEED_BOOL), HEED_SHAPE(3, 3), 0, 0, 1, 1, 0, 0, 0, 1, 0);
    EXPECT(heed_cast(t, heed_one_hot(t, index, 3, HEED_BF16), HEED_F32), HEED_SHAPE(3, 3), 0, 0, 1, 1, 0, 0, 0, 1, 0);
    EXPECT(heed_one_hot(t, INDICES(HEED_SHAPE(0), 0), 4, HEED_F32), HEED_SHAPE(0, 4), 0);
    heed_one_hot(t, INDICES(HEED_SHAPE(2), 0, 3), 3, HEED_F32);
    expect_error("one_hot: index 3 at position 1 is outside 0..2");
    heed_one_hot(t, INDICES(HEED_SHAPE(1), 0), 0, HEED_F32);
    expect_error("one_hot: 0 classes are asked for; there must be at least one");
    heed_one_hot(t, ops_counted(HEED_SHAPE(1)), 2, HEED_F32);
    expect_error("one_hot: the index, input 0, is f64; it must be i32");
}

/* ---- embedding ---- */

Test(choose, embedding_looks_rows_up) {
    heed_tensor table = ops_counted(HEED_SHAPE(3, 2));
    heed_tensor y = heed_embedding(t, table, INDICES(HEED_SHAPE(2, 2), 2, 0, 2, 2));
    EXPECT(y, HEED_SHAPE(2, 2, 2), 4, 5, 0, 1, 4, 5, 4, 5);
    BACKWARD(y, 1, 2, 3, 4, 5, 6, 7, 8);
    EXPECT(heed_grad(t, table), HEED_SHAPE(3, 2), 3, 4, 0, 0, 1 + 5 + 7, 2 + 6 + 8);
    EXPECT(heed_embedding(t, table, INDICES(HEED_SCALAR, 1)), HEED_SHAPE(2), 2, 3);
    heed_tensor none = heed_embedding(t, table, INDICES(HEED_SHAPE(0), 0));
    EXPECT(none, HEED_SHAPE(0, 2), 0);
    BACKWARD(none, 0);
    EXPECT(heed_grad(t, table), HEED_SHAPE(3, 2), 0, 0, 0, 0, 0, 0);
    EXPECT(heed_embedding(t, ops_counted(HEED_SHAPE(3, 0)), INDICES(HEED_SHAPE(2), 0, 2)), HEED_SHAPE(2, 0), 0);
    EXPECT(heed_embedding(t, ops_counted(HEED_SHAPE(0, 3)), INDICES(HEED_SHAPE(0), 0)), HEED_SHAPE(0, 3), 0);
    EXPECT(heed_embedding(t, heed_ones(t, HEED_BOOL, HEED_SHAPE(2, 1)), INDICES(HEED_SHAPE(3), 1, 1, 0)),
           HEED_SHAPE(3, 1), 1, 1, 1);
}

/* Embedding index outside 0..V-1 ERR. [promises: embedding's index] */
Test(choose, embedding_refuses) {
    heed_embedding(t, ops_counted(HEED_SHAPE(5, 2)), INDICES(HEED_SHAPE(2, 3), 0, 1, 2, 7, 9, 0));
    expect_error("embedding: index 7 at position 3 is outside 0..4");
    heed_embedding(t, ops_counted(HEED_SHAPE(5, 2)), INDICES(HEED_SHAPE(2), 4, -1));
    expect_error("embedding: index -1 at position 1 is outside 0..4");
    heed_embedding(t, ops_counted(HEED_SHAPE(5)), INDICES(HEED_SHAPE(2), 0, 1));
    expect_error("embedding: the table is (5,); it must be (V, D)");
    heed_embedding(t, ops_counted(HEED_SHAPE(5, 2)), ops_counted(HEED_SHAPE(2)));
    expect_error("embedding: the index, input 1, is f64; it must be i32");
    heed_tensor turned = heed_transpose(t, INDICES(HEED_SHAPE(2, 2), 0, 5, 0, 0), 0, 1); /* positions are the view's */
    heed_embedding(t, ops_counted(HEED_SHAPE(5, 2)), turned);
    expect_error("embedding: index 5 at position 2 is outside 0..4");
}

/* An error leaves outputs and gradients as they were, and the failed op gives nil. [promises: errors stick] */
Test(choose, a_refused_index_changes_nothing) {
    heed_tensor table = ops_counted(HEED_SHAPE(2, 1));
    BACKWARD(heed_embedding(t, table, INDICES(HEED_SHAPE(1), 1)), 3);
    const double *g = heed_f64(t, heed_grad(t, table));
    cr_assert(heed_is_nil(heed_embedding(t, table, INDICES(HEED_SHAPE(1), 2))));
    cr_assert(g[0] == 0 && g[1] == 3);
}

/* Repeated indexes summed in index order. 1 is lost beside 1e16, so the order shows. [promises: repeated indexes] */
Test(choose, repeated_indices_are_summed_in_index_order) {
    static const double early[] = {1e16, 1, -1e16, 5}, late[] = {1e16, -1e16, 1, 5};
    heed_tensor same = INDICES(HEED_SHAPE(4), 0, 0, 0, 1);
    heed_tensor table = ops_counted(HEED_SHAPE(2, 1)), x = ops_counted(HEED_SHAPE(2)),
                zeros = heed_zeros(t, HEED_F64, HEED_SHAPE(2));
    heed_tensor picks[] = {heed_embedding(t, table, same), heed_index_select(t, x, same, 0),
                           heed_gather(t, x, same, 0)};
    heed_tensor from[] = {table, x, x};
    for (int k = 0; k < LENGTH(picks); k++) {
        ops_backward_seeded(picks[k], early);
        cr_assert_eq(ops_value(heed_grad(t, from[k]), 0), 0, "op %d", k);
        cr_assert_eq(ops_value(heed_grad(t, from[k]), 1), 5, "op %d", k);
        ops_backward_seeded(picks[k], late);
        cr_assert_eq(ops_value(heed_grad(t, from[k]), 0), 1, "op %d", k);
    }
    EXPECT(heed_scatter_add(t, zeros, same, heed_input(t, HEED_F64, HEED_SHAPE(4), early), 0), HEED_SHAPE(2), 0, 5);
    EXPECT(heed_scatter_add(t, zeros, same, heed_input(t, HEED_F64, HEED_SHAPE(4), late), 0), HEED_SHAPE(2), 1, 5);
}

/* One table looked up twice (tied weights) gets both gradients, and only the rows that occur. */
Test(choose, a_table_used_twice_adds_up) {
    heed_tensor table = ops_counted(HEED_SHAPE(50000, 2));
    heed_tensor a = heed_embedding(t, table, INDICES(HEED_SHAPE(2), 7, 49999)),
                b = heed_embedding(t, table, INDICES(HEED_SHAPE(3), 7, 0, 7));
    heed_tensor y = heed_concat(t, (heed_tensor[]){a, b}, 2, 0);
    BACKWARD(y, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    const double *g = heed_f64(t, heed_grad(t, table));
    for (int i = 0; i < 100000; i++) {
        double want = i == 0       ? 7
                      : i == 1     ? 8
                      : i == 14    ? 1 + 5 + 9
                      : i == 15    ? 2 + 6 + 10
                      : i == 99998 ? 3
                      : i == 99999 ? 4
                                   : 0;
        cr_assert_eq(g[i], want, "element %d: %g", i, g[i]);
    }
}

/* f32 gradients of a token that is everywhere do not stall: 2^24 + 3 ones are counted in full. */
Test(choose, a_frequent_token_loses_no_gradient) {
    enum { N = (1 << 24) + 4 };
    heed_tensor table = heed_variable(t, HEED_F32, HEED_SHAPE(2, 1), (float[]){0, 0});
    heed_tensor y = heed_embedding(t, table, heed_zeros(t, HEED_I32, HEED_SHAPE(N)));
    heed_status status =
        heed_backward_with(t, y, NULL, (heed_backward_options){.seed = heed_ones(t, HEED_F32, HEED_SHAPE(N, 1))});
    cr_assert_eq(status, HEED_OK);
    EXPECT(heed_grad(t, table), HEED_SHAPE(2, 1), N, 0);
}

/* ---- index_select ---- */

Test(choose, index_select_along_any_axis) {
    heed_tensor x = ops_counted(HEED_SHAPE(2, 3, 2)), index = INDICES(HEED_SHAPE(4), 2, 0, 2, 1);
    heed_tensor y = heed_index_select(t, x, index, 1);
    EXPECT(y, HEED_SHAPE(2, 4, 2), 4, 5, 0, 1, 4, 5, 2, 3, 10, 11, 6, 7, 10, 11, 8, 9);
    BACKWARD(y, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
    EXPECT(heed_grad(t, x), HEED_SHAPE(2, 3, 2), 3, 4, 7, 8, 6, 8, 11, 12, 15, 16, 22, 24);
    EXPECT(heed_index_select(t, ops_counted(HEED_SHAPE(2, 3)), INDICES(HEED_SHAPE(2), 2, 2), -1), HEED_SHAPE(2, 2), 2,
           2, 5, 5);
    EXPECT(heed_index_select(t, x, INDICES(HEED_SHAPE(0), 0), 0), HEED_SHAPE(0, 3, 2), 0);
    heed_index_select(t, ops_counted(HEED_SHAPE(2, 3)), INDICES(HEED_SHAPE(1, 1), 0), 0);
    expect_error("index_select: the index is (1, 1); it must have one axis");
    heed_index_select(t, ops_counted(HEED_SHAPE(2, 3)), INDICES(HEED_SHAPE(1), 2), 0);
    expect_error("index_select: index 2 at position 0 is outside 0..1");
    heed_index_select(t, ops_counted(HEED_SHAPE(2, 3)), INDICES(HEED_SHAPE(1), 0), 2);
    expect_error("index_select: axis 2 is outside -2..1 of (2, 3)");
}

/* ---- gather, scatter_add ---- */

/* PyTorch's documentation example, and one with an index smaller than x off the axis. */
Test(choose, gather_picks_elements) {
    heed_tensor x = heed_variable(t, HEED_F64, HEED_SHAPE(2, 2), (double[]){1, 2, 3, 4});
    heed_tensor y = heed_gather(t, x, INDICES(HEED_SHAPE(2, 2), 0, 0, 1, 0), 1);
    EXPECT(y, HEED_SHAPE(2, 2), 1, 1, 4, 3);
    BACKWARD(y, 10, 20, 30, 40);
    EXPECT(heed_grad(t, x), HEED_SHAPE(2, 2), 30, 0, 40, 30);
    heed_tensor wide = ops_counted(HEED_SHAPE(3, 4));
    heed_tensor part = heed_gather(t, wide, INDICES(HEED_SHAPE(5, 2), 2, 0, 1, 1, 0, 2, 2, 2, 2, 1), 0);
    EXPECT(part, HEED_SHAPE(5, 2), 8, 1, 4, 5, 0, 9, 8, 9, 8, 5);
    BACKWARD(part, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    EXPECT(heed_grad(t, wide), HEED_SHAPE(3, 4), 5, 2, 0, 0, 3, 14, 0, 0, 17, 14, 0, 0);
    EXPECT(heed_gather(t, wide, INDICES(HEED_SHAPE(2, 0), 0), 1), HEED_SHAPE(2, 0), 0);
    EXPECT(heed_gather(t, INDICES(HEED_SHAPE(3), 7, 8, 9), INDICES(HEED_SHAPE(2), 2, 0), 0), HEED_SHAPE(2), 9, 7);
    EXPECT(
        heed_gather(t, heed_tril(t, heed_ones(t, HEED_BOOL, HEED_SHAPE(2, 2)), 0), INDICES(HEED_SHAPE(2, 1), 1, 1), 1),
        HEED_SHAPE(2, 1), 0, 1);
}

Test(choose, scatter_add_adds_where_it_is_told) {
    heed_tensor x = heed_variable(t, HEED_F64, HEED_SHAPE(3, 2), (double[]){1, 2, 3, 4, 5, 6});
    heed_tensor src = heed_variable(t, HEED_F64, HEED_SHAPE(3, 3), (double[]){10, 20, 30, 40, 50, 60, 70, 80, 90});
    heed_tensor y = heed_scatter_add(t, x, INDICES(HEED_SHAPE(2, 2), 0, 2, 0, 1), src, 0);
    EXPECT(y, HEED_SHAPE(3, 2), 1 + 10 + 40, 2, 3, 4 + 50, 5, 6 + 20);
    BACKWARD(y, 1, 2, 3, 4, 5, 6);
    EXPECT(heed_grad(t, x), HEED_SHAPE(3, 2), 1, 2, 3, 4, 5, 6);
    EXPECT(heed_grad(t, src), HEED_SHAPE(3, 3), 1, 6, 0, 1, 4, 0, 0, 0, 0);
}

Test(choose, gather_and_scatter_add_refuse) {
    heed_gather(t, ops_counted(HEED_SHAPE(2, 3)), INDICES(HEED_SHAPE(2), 0, 1), 0);
    expect_error("gather: the index is (2,), x is (2, 3): ranks must be equal, and the index no larger off the axis");
    heed_gather(t, ops_counted(HEED_SHAPE(2, 3)), INDICES(HEED_SHAPE(3, 1), 0, 1, 0), 1);
    expect_error("gather: the index is (3, 1), x is (2, 3): ranks must be equal, and the index no larger off the axis");
    heed_gather(t, ops_counted(HEED_SHAPE(2, 3)), INDICES(HEED_SHAPE(2, 1), 0, 3), 1);
    expect_error("gather: index 3 at position 1 is outside 0..2");
    heed_gather(t, ops_counted(HEED_SCALAR), INDICES(HEED_SCALAR, 0), 0);
    expect_error("gather: axis 0: a scalar has no axes");
    heed_tensor index = INDICES(HEED_SHAPE(2), 0, 1);
    heed_scatter_add(t, ops_counted(HEED_SHAPE(2)), index, ops_counted(HEED_SHAPE(1)), 0);
    expect_error("scatter_add: the index is (2,), src is (1,): ranks must be equal, and the index no larger");
    index = INDICES(HEED_SHAPE(2), 0, 2);
    heed_scatter_add(t, ops_counted(HEED_SHAPE(2)), index, ops_counted(HEED_SHAPE(2)), 0);
    expect_error("scatter_add: index 2 at position 1 is outside 0..1");
    index = INDICES(HEED_SHAPE(1), 0);
    heed_scatter_add(t, ops_counted(HEED_SHAPE(2)), index, heed_ones(t, HEED_I32, HEED_SHAPE(1)), 0);
    expect_error("scatter_add: dtypes differ: input 0 is f64, input 2 is i32; see heed_cast");
}

/* ---- twins: every axis, every awkward size ---- */

static heed_tensor drawn_indices(heed_shape shape, int64_t below, uint64_t key) {
    int64_t n = heed_shape_count(shape);
    int32_t *values = malloc((size_t)(n + 1) * sizeof *values);
    for (int64_t i = 0; i < n; i++)
        values[i] = (int32_t)heed_rng_below(key, (uint64_t)i, (uint64_t)below);
    heed_tensor index = ops_labels(shape, values);
    free(values);
    return index;
}

/* The flat place, in an array of shape `in`, of the element that stands at `flat` in `shape`, with coordinate `to` on
 * the axis. */
static int64_t moved(heed_shape shape, int64_t flat, heed_shape in, int axis, int64_t to) {
    int64_t at = 0, stride = 1;
    for (int i = in.rank - 1; i >= 0; i--) {
        at += (i == axis ? to : flat % shape.n[i]) * stride;
        flat /= shape.n[i];
        stride *= in.n[i];
    }
    return at;
}

/* Sizes 1, 15, 16, 17, 31, 33 all exact. */
Test(choose, gather_and_scatter_add_agree_with_their_twins) {
    static const heed_shape shapes[] = {{1, {33}},       {2, {1, 15}},     {2, {16, 17}},     {2, {31, 2}},
                                        {3, {2, 3, 33}}, {3, {15, 1, 16}}, {4, {2, 3, 2, 17}}};
    for (int s = 0; s < LENGTH(shapes); s++)
        for (int axis = 0; axis < shapes[s].rank; axis++) {
            heed_shape small = shapes[s];
            for (int i = 0; i < small.rank; i++)
                small.n[i] = i == axis ? 19 : (small.n[i] + 1) / 2;
            heed_tensor x = ops_counted(shapes[s]), src = ops_counted(small),
                        index = drawn_indices(small, shapes[s].n[axis], (uint64_t)(s * 8 + axis));
            heed_tensor picked = heed_gather(t, x, index, axis), added = heed_scatter_add(t, x, index, src, axis);
            cr_assert_eq(heed_tape_status(t), HEED_OK, "%s", heed_error_text(t));
            int64_t n = heed_shape_count(small), all = heed_shape_count(shapes[s]);
            double *sum = malloc((size_t)all * sizeof *sum);
            for (int64_t i = 0; i < all; i++)
                sum[i] = (double)i;
            for (int64_t i = 0; i < n; i++) {
                int64_t at = moved(small, i, shapes[s], axis, heed_i32(t, index)[i]);
                cr_assert_eq(heed_f64(t, picked)[i], at);
                sum[at] += (double)i;
            }
            cr_assert_eq(memcmp(heed_f64(t, added), sum, (size_t)all * sizeof *sum), 0);
            free(sum);
            heed_tape_reset(t);
        }
}

Test(choose, index_select_and_embedding_agree_with_their_twins) {
    static const int64_t widths[] = {1, 2, 15, 16, 17, 31, 33, 64, 65, 130};
    for (int w = 0; w < LENGTH(widths); w++)
        for (int64_t outer = 1; outer <= 3; outer += 2) {
            int64_t n = widths[LENGTH(widths) - 1 - w], v = 1 + n / 3, d = widths[w];
            heed_tensor x = ops_counted(HEED_SHAPE(outer, v, d)), index = drawn_indices(HEED_SHAPE(n), v, (uint64_t)w);
            heed_tensor y = heed_index_select(t, x, index, 1);
            double *seed = malloc((size_t)(outer * n * d) * sizeof *seed),
                   *dx = calloc((size_t)(outer * v * d), sizeof *dx);
            for (int64_t i = 0; i < outer * n * d; i++) {
                int64_t from = (i / d / n * v + heed_i32(t, index)[i / d % n]) * d + i % d;
                cr_assert_eq(heed_f64(t, y)[i], from);
                seed[i] = heed_rng_normal(3, (uint64_t)i);
                dx[from] += seed[i];
            }
            ops_backward_seeded(y, seed);
            cr_assert_eq(memcmp(heed_f64(t, heed_grad(t, x)), dx, (size_t)(outer * v * d) * sizeof *dx), 0);
            if (outer == 1) {
                heed_tensor table = ops_counted(HEED_SHAPE(v, d));
                ops_backward_seeded(heed_embedding(t, table, index), seed);
                cr_assert_eq(memcmp(heed_f64(t, heed_grad(t, table)), dx, (size_t)(v * d) * sizeof *dx), 0);
            }
            free(seed);
            free(dx);
            heed_tape_reset(t);
        }
}

/* ---- threads ---- */

static const float *gradient_with(int threads, int which, const float *values, const int32_t *index, const float *seeds,
                                  int64_t *count) {
    enum { V = 90, D = 300, N = 1500 };
    heed_tape_reset(t);
    heed_tape_set_threads(t, threads);
    heed_tensor x = heed_variable(t, HEED_F32, HEED_SHAPE(V, D), values), y;
    heed_tensor long_index = ops_labels(HEED_SHAPE(N), index), square_index = ops_labels(HEED_SHAPE(N, D), index);
    heed_tensor src = heed_input(t, HEED_F32, HEED_SHAPE(N, D), seeds);
    *count = V * D;
    switch (which) {
    case 0:
        y = heed_embedding(t, x, long_index);
        break;
    case 1:
        y = heed_gather(t, x, square_index, 0);
        break;
    case 2:
        y = heed_index_select(t, heed_transpose(t, x, 0, 1), long_index, 1);
        break;
    default:
        return heed_f32(t, heed_scatter_add(t, x, square_index, src, 0));
    }
    src = heed_reshape(t, src, heed_shape_of(t, y));
    cr_assert_eq(heed_backward_with(t, y, NULL, (heed_backward_options){.seed = src}), HEED_OK, "%s",
                 heed_error_text(t));
    return heed_f32(t, heed_grad(t, x));
}

/* The same bits for every thread count; repeated indexes, no atomics. [promises: repeated indexes] */
Test(choose, the_same_bits_for_any_number_of_threads) {
    enum { N = 1500 * 300 };
    static const int threads[] = {1, 2, 3, 7};
    static float values[N], seeds[N], first[90 * 300];
    static int32_t index[N];
    for (int i = 0; i < N; i++) {
        values[i] = (float)heed_rng_normal(1, (uint64_t)i);
        seeds[i] = (float)heed_rng_normal(2, (uint64_t)i);
        index[i] = i % 3 ? (int32_t)heed_rng_below(3, (uint64_t)i, 90) : 5;
    }
    for (int which = 0; which < 4; which++)
        for (int k = 0; k < LENGTH(threads); k++) {
            int64_t count;
            const float *g = gradient_with(threads[k], which, values, index, seeds, &count);
            cr_assert_eq(heed_tape_status(t), HEED_OK, "%s", heed_error_text(t));
            if (k == 0)
                memcpy(first, g, (size_t)count * sizeof *first);
            cr_assert_eq(memcmp(first, g, (size_t)count * sizeof *first), 0, "case %d, %d threads", which, threads[k]);
        }
}
