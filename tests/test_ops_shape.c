/* Views: where each element goes, that nothing is copied, where each gradient goes, and what is refused. Most values are numbers
 * 0, 1, 2, .. so that an element's value says where it came from. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <heed/op.h>
#include <heed/ops.h>

static heed_tape *t;

/* The tape's memory is full of NaN, so that what an op forgets to write shows. */
static void setup(void) {
    t = heed_tape_new();
    heed_full(t, HEED_F64, HEED_SHAPE(1 << 17), NAN);
    heed_tape_reset(t);
}

static void teardown(void) {
    heed_tape_free(t);
}

TestSuite(shape, .init = setup, .fini = teardown);

#define LENGTH(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* ---- helpers ---- */

static double value_at(heed_tensor x, int64_t i) {
    switch (heed_dtype_of(t, x)) {
    case HEED_F32: return (double)heed_f32(t, x)[i];
    case HEED_F64: return heed_f64(t, x)[i];
    case HEED_I32: return heed_i32(t, x)[i];
    default: return heed_bool(t, x)[i];
    }
}

static void expect(heed_tensor y, heed_shape shape, const double *want) {
    cr_assert_eq(heed_tape_status(t), HEED_OK, "%s", heed_error_text(t));
    cr_assert(heed_shape_equal(heed_shape_of(t, y), shape), "shape is %s, not %s", HEED_SHAPE_STR(heed_shape_of(t, y)), HEED_SHAPE_STR(shape));
    for (int64_t i = 0; i < heed_shape_count(shape); i++)
        cr_assert_eq(value_at(y, i), want[i], "element %d is %g, not %g", (int)i, value_at(y, i), want[i]);
}
#define EXPECT(y, shape, ...) expect((y), (shape), (const double[]){__VA_ARGS__})

static void expect_error(const char *text) {
    cr_assert_str_eq(heed_error_text(t), text);
    heed_tape_reset(t);
}

/* 0, 1, 2, .. of that shape, an f64 variable. */
static heed_tensor counted(heed_shape shape) {
    int64_t n = heed_shape_count(shape);
    double *values = malloc((size_t)(n + 1) * sizeof *values);
    for (int64_t i = 0; i < n; i++)
        values[i] = (double)i;
    heed_tensor x = heed_variable(t, HEED_F64, shape, values);
    free(values);
    return x;
}

/* dL/dx for L = sum of i y_i, i the flat index in y, from 1. */
static heed_tensor gradient(heed_tensor y, heed_tensor x) {
    heed_tensor seed = heed_add_scalar(t, heed_reshape(t, heed_arange(t, HEED_F64, heed_count(t, y)), heed_shape_of(t, y)), 1);
    heed_status status = heed_backward_with(t, y, NULL, (heed_backward_options){.seed = seed});
    cr_assert_eq(status, HEED_OK, "%s", heed_error_text(t));
    return heed_grad(t, x);
}

static const void *data_of(heed_tensor x) {
    return heed_tensor_array(t, x)->data;
}

static bool is_view_of(heed_tensor y, heed_tensor x) {
    const char *begin = data_of(x);
    size_t bytes = (size_t)heed_count(t, x) * heed_dtype_size(heed_dtype_of(t, x));
    const char *at = data_of(y);
    return at >= begin && at < begin + bytes;
}

/* ---- reshape ---- */

Test(shape, reshape_keeps_row_major_order) {
    heed_tensor x = counted(HEED_SHAPE(2, 3));
    EXPECT(heed_reshape(t, x, HEED_SHAPE(3, 2)), HEED_SHAPE(3, 2), 0, 1, 2, 3, 4, 5);
    EXPECT(heed_reshape(t, x, HEED_SHAPE(6)), HEED_SHAPE(6), 0, 1, 2, 3, 4, 5);
    EXPECT(heed_reshape(t, x, HEED_SHAPE(-1, 2)), HEED_SHAPE(3, 2), 0, 1, 2, 3, 4, 5);
    EXPECT(heed_reshape(t, x, HEED_SHAPE(1, -1, 1)), HEED_SHAPE(1, 6, 1), 0, 1, 2, 3, 4, 5);
    EXPECT(heed_reshape(t, heed_slice(t, heed_reshape(t, x, HEED_SHAPE(6)), 0, 4, 5), HEED_SCALAR), HEED_SCALAR, 4);
    cr_assert(is_view_of(heed_reshape(t, x, HEED_SHAPE(3, 2)), x));
}

Test(shape, reshape_of_a_view_copies_only_where_it_must) {
    heed_tensor x = counted(HEED_SHAPE(4, 6));
    heed_tensor turned = heed_transpose(t, x, 0, 1);
    heed_tensor flat = heed_reshape(t, turned, HEED_SHAPE(24));
    cr_assert_not(is_view_of(flat, x));
    for (int i = 0; i < 24; i++)
        cr_assert_eq(heed_f64(t, flat)[i], i % 4 * 6 + i / 4);
    /* an axis cut in two, and two that memory steps through evenly put together, are views whatever the strides */
    heed_tensor cut = heed_reshape(t, turned, HEED_SHAPE(2, 3, 4));
    cr_assert(is_view_of(cut, x));
    for (int i = 0; i < 24; i++)
        cr_assert_eq(heed_f64(t, cut)[i], i % 4 * 6 + i / 4);
    cr_assert(is_view_of(heed_reshape(t, heed_slice_step(t, x, 1, 1, 6, 2), HEED_SHAPE(12)), x));
    cr_assert(is_view_of(heed_reshape(t, heed_flip(t, heed_reshape(t, x, HEED_SHAPE(24)), 0), HEED_SHAPE(4, 6)), x));
    cr_assert_not(is_view_of(heed_reshape(t, heed_slice(t, x, 1, 1, 5), HEED_SHAPE(16)), x));
    heed_tensor wide = heed_expand(t, counted(HEED_SHAPE(3, 1)), HEED_SHAPE(3, 4));
    EXPECT(heed_reshape(t, wide, HEED_SHAPE(12)), HEED_SHAPE(12), 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2);
    EXPECT(heed_reshape(t, wide, HEED_SHAPE(3, 2, 2)), HEED_SHAPE(3, 2, 2), 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2);
}

/* Every way to cut and join the axes of a permuted array gives the packed array's elements. */
Test(shape, reshape_agrees_with_a_packed_copy_for_every_layout) {
    static const int orders[][4] = {{0, 1, 2, 3}, {0, 2, 1, 3}, {3, 2, 1, 0}, {1, 0, 3, 2}, {2, 3, 0, 1}, {0, 1, 3, 2}, {0, 3, 1, 2}};
    static const heed_shape shapes[] = {{1, {96}}, {2, {6, 16}}, {2, {2, 48}}, {3, {4, 3, 8}},
                                        {3, {1, 96, 1}}, {4, {2, 3, 4, 4}}, {6, {2, 2, 3, 2, 2, 2}}, {2, {32, 3}}};
    for (int o = 0; o < LENGTH(orders); o++)
        for (int s = 0; s < LENGTH(shapes); s++) {
            heed_tensor x = heed_permute(t, counted(HEED_SHAPE(2, 3, 4, 4)), orders[o]);
            heed_tensor y = heed_reshape(t, x, shapes[s]);
            cr_assert(heed_shape_equal(heed_shape_of(t, y), shapes[s]));
            cr_assert_eq(memcmp(heed_f64(t, y), heed_f64(t, x), 96 * sizeof(double)), 0, "order %d, shape %d", o, s);
        }
}

Test(shape, reshape_gradient_flows_back_through_a_copy) {
    heed_tensor x = counted(HEED_SHAPE(2, 3));
    EXPECT(gradient(heed_reshape(t, heed_transpose(t, x, 0, 1), HEED_SHAPE(6)), x), HEED_SHAPE(2, 3), 1, 3, 5, 2, 4, 6);
}

/* numerics.md, Shapes: negative dims, rank above the maximum, two -1s in a reshape: ERR. */
Test(shape, reshape_refuses) {
    heed_reshape(t, counted(HEED_SHAPE(2, 3)), HEED_SHAPE(4, 2));
    expect_error("reshape: (2, 3), of 6 elements, to (4, 2): the numbers of elements differ");
    heed_reshape(t, counted(HEED_SHAPE(2, 3)), HEED_SHAPE(4, -1));
    expect_error("reshape: (2, 3), of 6 elements, to (4, -1): no size for -1 gives that many elements");
    heed_reshape(t, counted(HEED_SHAPE(2, 3)), HEED_SHAPE(-1, -1));
    expect_error("reshape: (2, 3), of 6 elements, to (-1, -1): two sizes are -1");
    heed_reshape(t, counted(HEED_SHAPE(2, 3)), HEED_SHAPE(-2, -3));
    expect_error("reshape: (2, 3), of 6 elements, to (-2, -3): a size is negative");
    heed_reshape(t, counted(HEED_SHAPE(0, 3)), HEED_SHAPE(0, -1));
    expect_error("reshape: (0, 3), of 0 elements, to (0, -1): any size would do for -1");
    heed_reshape(t, counted(HEED_SHAPE(1)), (heed_shape){.rank = 9});
    expect_error("reshape: rank 9 is outside 0..8");
    heed_reshape(t, HEED_NIL, HEED_SHAPE(1));
    cr_assert_eq(strncmp(heed_error_text(t), "reshape: input 0 is nil", 23), 0, "%s", heed_error_text(t));
}

/* ---- permute, transpose ---- */

Test(shape, permute_and_transpose_are_views) {
    heed_tensor x = counted(HEED_SHAPE(2, 3, 2));
    heed_tensor y = heed_permute(t, x, (int[]){2, 0, 1});
    EXPECT(y, HEED_SHAPE(2, 2, 3), 0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11);
    EXPECT(heed_permute(t, x, (int[]){-1, -3, -2}), HEED_SHAPE(2, 2, 3), 0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11);
    EXPECT(heed_transpose(t, x, 0, -1), HEED_SHAPE(2, 3, 2), 0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11);
    EXPECT(heed_transpose(t, x, 1, 1), HEED_SHAPE(2, 3, 2), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    cr_assert(is_view_of(y, x));
    EXPECT(heed_permute(t, heed_full(t, HEED_I32, HEED_SCALAR, 7), NULL), HEED_SCALAR, 7);
    EXPECT(gradient(y, x), HEED_SHAPE(2, 3, 2), 1, 7, 2, 8, 3, 9, 4, 10, 5, 11, 6, 12);
}

/* Splitting heads off, (B, T, H d) -> (B, H, T, d), copies nothing; merging them back copies once. */
Test(shape, heads_split_off_without_a_copy) {
    heed_tensor x = counted(HEED_SHAPE(2, 3, 8));
    heed_tensor heads = heed_transpose(t, heed_reshape(t, x, HEED_SHAPE(2, 3, 4, 2)), 1, 2);
    cr_assert(is_view_of(heads, x));
    for (int b = 0, i = 0; b < 2; b++)
        for (int h = 0; h < 4; h++)
            for (int row = 0; row < 3; row++)
                for (int d = 0; d < 2; d++, i++)
                    cr_assert_eq(heed_f64(t, heads)[i], ((b * 3 + row) * 4 + h) * 2 + d);
    heed_tensor merged = heed_reshape(t, heed_transpose(t, heed_contiguous(t, heads), 1, 2), HEED_SHAPE(2, 3, 8));
    cr_assert_eq(memcmp(heed_f64(t, merged), heed_f64(t, x), 48 * sizeof(double)), 0);
}

/* numerics.md, Shapes: axis out of range: ERR. */
Test(shape, permute_and_transpose_refuse) {
    heed_permute(t, counted(HEED_SHAPE(2, 3, 2)), (int[]){0, 1, 1});
    expect_error("permute: axes (0, 1, 1) are no order of the 3 axes of (2, 3, 2)");
    heed_permute(t, counted(HEED_SHAPE(2, 3)), (int[]){0, 2});
    expect_error("permute: axes (0, 2) are no order of the 2 axes of (2, 3)");
    heed_transpose(t, counted(HEED_SHAPE(2, 3)), 0, 2);
    expect_error("transpose: axis 2 is outside -2..1 of (2, 3)");
    heed_transpose(t, heed_ones(t, HEED_F32, HEED_SCALAR), 0, 0);
    expect_error("transpose: axis 0: a scalar has no axes");
}

/* ---- slice, select, flip ---- */

Test(shape, slice_counts_from_both_ends) {
    heed_tensor x = counted(HEED_SHAPE(5));
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
    EXPECT(heed_slice(t, counted(HEED_SHAPE(2, 3)), 1, 1, 3), HEED_SHAPE(2, 2), 1, 2, 4, 5);
}

Test(shape, slice_gradient_is_zero_outside) {
    heed_tensor x = counted(HEED_SHAPE(2, 3));
    EXPECT(gradient(heed_slice_step(t, x, 1, 0, 3, 2), x), HEED_SHAPE(2, 3), 1, 0, 2, 3, 0, 4);
    x = counted(HEED_SHAPE(3, 2));
    EXPECT(gradient(heed_select(t, x, 0, -2), x), HEED_SHAPE(3, 2), 0, 0, 1, 2, 0, 0);
    x = counted(HEED_SHAPE(4));
    EXPECT(gradient(heed_slice(t, x, 0, 2, 2), x), HEED_SHAPE(4), 0, 0, 0, 0);
}

Test(shape, select_drops_its_axis) {
    heed_tensor x = counted(HEED_SHAPE(2, 3));
    EXPECT(heed_select(t, x, 0, 1), HEED_SHAPE(3), 3, 4, 5);
    EXPECT(heed_select(t, x, 1, -1), HEED_SHAPE(2), 2, 5);
    EXPECT(heed_select(t, heed_select(t, x, 1, 0), 0, 1), HEED_SCALAR, 3);
    cr_assert(is_view_of(heed_select(t, x, 1, 2), x));
}

Test(shape, flip_reads_backwards) {
    heed_tensor x = counted(HEED_SHAPE(2, 3));
    EXPECT(heed_flip(t, x, 1), HEED_SHAPE(2, 3), 2, 1, 0, 5, 4, 3);
    EXPECT(heed_flip(t, heed_flip(t, x, 0), 1), HEED_SHAPE(2, 3), 5, 4, 3, 2, 1, 0);
    EXPECT(heed_slice_step(t, heed_flip(t, x, 1), 1, 0, 3, 2), HEED_SHAPE(2, 2), 2, 0, 5, 3);
    EXPECT(heed_flip(t, counted(HEED_SHAPE(0, 3)), 0), HEED_SHAPE(0, 3), 0);
    cr_assert(is_view_of(heed_flip(t, x, 0), x));
    EXPECT(gradient(heed_flip(t, x, 1), x), HEED_SHAPE(2, 3), 3, 2, 1, 6, 5, 4);
}

Test(shape, slice_select_and_flip_refuse) {
    heed_slice(t, counted(HEED_SHAPE(2, 3)), 2, 0, 1);
    expect_error("slice: axis 2 is outside -2..1 of (2, 3)");
    heed_slice_step(t, counted(HEED_SHAPE(2, 3)), 1, 0, 3, -1);
    expect_error("slice: step -1 is not positive; see heed_flip");
    heed_select(t, counted(HEED_SHAPE(2, 3)), 1, 3);
    expect_error("select: index 3 is outside -3..2: axis 1 of (2, 3)");
    heed_select(t, counted(HEED_SHAPE(2, 0)), 1, 0);
    expect_error("select: index 0 is outside 0..-1: axis 1 of (2, 0)");
    heed_flip(t, counted(HEED_SHAPE(2, 3)), -3);
    expect_error("flip: axis -3 is outside -2..1 of (2, 3)");
}

/* ---- expand ---- */

Test(shape, expand_repeats_without_a_copy) {
    heed_tensor x = counted(HEED_SHAPE(3, 1));
    heed_tensor y = heed_expand(t, x, HEED_SHAPE(2, 3, 2));
    EXPECT(y, HEED_SHAPE(2, 3, 2), 0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2);
    cr_assert(is_view_of(y, x));
    EXPECT(gradient(y, x), HEED_SHAPE(3, 1), 1 + 2 + 7 + 8, 3 + 4 + 9 + 10, 5 + 6 + 11 + 12);
    EXPECT(heed_expand(t, heed_full(t, HEED_BOOL, HEED_SCALAR, 1), HEED_SHAPE(3)), HEED_SHAPE(3), 1, 1, 1);
    EXPECT(heed_expand(t, counted(HEED_SHAPE(1)), HEED_SHAPE(0)), HEED_SHAPE(0), 0);
}

/* numerics.md, Shapes: NumPy's broadcasting, strictly; (0)+(3) ERR. */
Test(shape, expand_refuses) {
    heed_expand(t, counted(HEED_SHAPE(4)), HEED_SHAPE(2, 6));
    expect_error("expand: (4,) does not expand to (2, 6)");
    heed_expand(t, counted(HEED_SHAPE(2, 3)), HEED_SHAPE(3));
    expect_error("expand: (2, 3) does not expand to (3,)");
    heed_expand(t, counted(HEED_SHAPE(3)), HEED_SHAPE(1));
    expect_error("expand: (3,) does not expand to (1,)");
    heed_expand(t, counted(HEED_SHAPE(0)), HEED_SHAPE(3));
    expect_error("expand: (0,) does not expand to (3,)");
    heed_expand(t, counted(HEED_SHAPE(1)), HEED_SHAPE(-3));
    expect_error("expand: (-3,) cannot be: a size is negative, or it has more than 2^63 - 1 elements");
}

/* ---- split ---- */

Test(shape, split_cuts_into_views) {
    heed_tensor x = counted(HEED_SHAPE(2, 5)), parts[3];
    heed_tensor first = heed_split(t, x, -1, 3, (int64_t[]){2, 0, 3}, parts);
    EXPECT(first, HEED_SHAPE(2, 2), 0, 1, 5, 6);
    EXPECT(parts[1], HEED_SHAPE(2, 0), 0);
    EXPECT(parts[2], HEED_SHAPE(2, 3), 2, 3, 4, 7, 8, 9);
    cr_assert(is_view_of(parts[2], x));
    heed_split(t, x, 0, 2, NULL, parts);
    EXPECT(parts[1], HEED_SHAPE(1, 5), 5, 6, 7, 8, 9);
}

Test(shape, split_parts_that_nobody_uses_get_gradient_zero) {
    heed_tensor x = counted(HEED_SHAPE(2, 3)), parts[3];
    heed_split(t, x, 1, 3, NULL, parts);
    EXPECT(gradient(parts[1], x), HEED_SHAPE(2, 3), 0, 1, 0, 0, 2, 0);
    x = counted(HEED_SHAPE(2, 3));
    heed_split(t, x, 1, 3, NULL, parts);
    EXPECT(gradient(heed_add(t, parts[2], heed_scale(t, parts[0], 10)), x), HEED_SHAPE(2, 3), 10, 0, 1, 20, 0, 2);
}

/* As many parts as one likes, though one call of the op has at most HEED_MAX_OUTPUTS. */
Test(shape, split_into_many_parts) {
    enum { MANY = 1000 };
    static heed_tensor parts[MANY];
    static int64_t sizes[MANY];
    int64_t total = 0;
    for (int p = 0; p < MANY; p++)
        total += sizes[p] = p % 3;
    heed_tensor x = counted(HEED_SHAPE(total));
    heed_split(t, x, 0, MANY, sizes, parts);
    cr_assert_eq(heed_tape_status(t), HEED_OK, "%s", heed_error_text(t));
    for (int64_t p = 0, at = 0; p < MANY; at += sizes[p], p++) {
        cr_assert_eq(heed_count(t, parts[p]), sizes[p]);
        for (int64_t i = 0; i < sizes[p]; i++)
            cr_assert_eq(heed_f64(t, parts[p])[i], at + i);
    }
    heed_tensor y = counted(HEED_SHAPE(2, 2 * MANY));
    heed_split(t, y, 1, MANY, NULL, parts);
    for (int p = 0; p < MANY; p++)
        EXPECT(parts[p], HEED_SHAPE(2, 2), 2 * p, 2 * p + 1, 2 * MANY + 2 * p, 2 * MANY + 2 * p + 1);
    const double *g = heed_f64(t, gradient(heed_concat(t, parts + MANY / 2, 2, 1), y));
    for (int i = 0; i < 4 * MANY; i++)
        cr_assert_eq(g[i], i / 4 == MANY / 4 ? i % 4 + 1 : i / 4 == MANY * 3 / 4 ? i % 4 + 5 : 0, "element %d: %g", i, g[i]);
}

Test(shape, split_refuses) {
    heed_tensor parts[100];
    heed_split(t, counted(HEED_SHAPE(2, 5)), 1, 2, NULL, parts);
    cr_assert(heed_is_nil(parts[0]) && heed_is_nil(parts[1]));
    expect_error("split: 5, axis 1 of (2, 5), cannot be cut into 2 equal parts");
    heed_split(t, counted(HEED_SHAPE(2, 5)), 1, 2, (int64_t[]){2, 2}, parts);
    expect_error("split: the sizes add up to 4, axis 1 of (2, 5) has 5");
    heed_split(t, counted(HEED_SHAPE(2, 5)), 1, 2, (int64_t[]){6, -1}, parts);
    expect_error("split: size -1 of part 1 is negative");
    heed_split(t, counted(HEED_SHAPE(2, 5)), 1, 0, NULL, parts);
    expect_error("split: the number of parts is 0; there must be at least one");
    heed_split(t, counted(HEED_SHAPE(2, 150)), 1, 100, NULL, parts);
    expect_error("split: 150, axis 1 of (2, 150), cannot be cut into 100 equal parts");
    heed_split(t, counted(HEED_SHAPE(2, 5)), 2, 100, NULL, parts);
    expect_error("split: axis 2 is outside -2..1 of (2, 5)");
}

/* ---- detach ---- */

Test(shape, detach_cuts_the_gradient) {
    heed_tensor x = counted(HEED_SHAPE(3)), cut = heed_detach(t, x);
    EXPECT(cut, HEED_SHAPE(3), 0, 1, 2);
    cr_assert(is_view_of(cut, x));
    EXPECT(gradient(heed_add(t, x, heed_scale(t, cut, 100)), x), HEED_SHAPE(3), 1, 2, 3);
}
