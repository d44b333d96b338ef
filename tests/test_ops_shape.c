/* Ops that move elements about: where each element goes, that views copy nothing, where each gradient goes, and what is refused.
 * Most values are numbers 0, 1, 2, .. so that an element's value says where it came from. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <heed/op.h>
#include <heed/ops.h>
#include <heed/rng.h>

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
    static const heed_shape shapes[] = {{1, {96}}, {2, {6, 16}}, {2, {2, 48}}, {3, {4, 3, 8}}, {3, {1, 96, 1}}, {4, {2, 3, 4, 4}}, {6, {2, 2, 3, 2, 2, 2}}, {2, {32, 3}}};
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

/* numerics.md, Shapes: a product past int64 (2^33 x 2^33): ERR, and no allocation tried. */
Test(shape, products_past_int64_are_refused_without_an_allocation) {
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
    expect_error("expand: (8589934592, 8589934592) cannot be: a size is negative, or it has more than 2^63 - 1 elements");
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

/* ---- detach, contiguous ---- */

Test(shape, detach_cuts_the_gradient) {
    heed_tensor x = counted(HEED_SHAPE(3)), cut = heed_detach(t, x);
    EXPECT(cut, HEED_SHAPE(3), 0, 1, 2);
    cr_assert(is_view_of(cut, x));
    EXPECT(gradient(heed_add(t, x, heed_scale(t, cut, 100)), x), HEED_SHAPE(3), 1, 2, 3);
}

Test(shape, contiguous_is_x_itself_where_it_can) {
    heed_tensor x = counted(HEED_SHAPE(2, 3)), turned = heed_transpose(t, x, 0, 1);
    heed_tensor same = heed_contiguous(t, x), packed = heed_contiguous(t, turned);
    cr_assert(same.index == x.index && same.epoch == x.epoch);
    cr_assert_not(is_view_of(packed, x));
    cr_assert(heed_array_contiguous(heed_tensor_array(t, packed)));
    EXPECT(packed, HEED_SHAPE(3, 2), 0, 3, 1, 4, 2, 5);
    EXPECT(gradient(packed, x), HEED_SHAPE(2, 3), 1, 3, 5, 2, 4, 6);
}

/* ---- concat, stack ---- */

Test(shape, concat_lays_inputs_side_by_side) {
    heed_tensor a = counted(HEED_SHAPE(2, 2)), b = heed_neg(t, counted(HEED_SHAPE(2, 1))), none = counted(HEED_SHAPE(2, 0));
    EXPECT(heed_concat(t, (heed_tensor[]){a, none, b}, 3, 1), HEED_SHAPE(2, 3), 0, 1, 0, 2, 3, -1);
    EXPECT(heed_concat(t, (heed_tensor[]){heed_transpose(t, a, 0, 1), a}, 2, -2), HEED_SHAPE(4, 2), 0, 2, 1, 3, 0, 1, 2, 3);
    EXPECT(heed_concat(t, &a, 1, 0), HEED_SHAPE(2, 2), 0, 1, 2, 3);
    heed_tensor x = counted(HEED_SHAPE(2, 1)), y = heed_concat(t, (heed_tensor[]){x, a, x}, 3, 1);
    EXPECT(gradient(y, x), HEED_SHAPE(2, 1), 1 + 4, 5 + 8);
    EXPECT(heed_grad(t, a), HEED_SHAPE(2, 2), 2, 3, 6, 7);
}

Test(shape, stack_makes_an_axis) {
    heed_tensor a = counted(HEED_SHAPE(2)), b = heed_add_scalar(t, a, 10);
    EXPECT(heed_stack(t, (heed_tensor[]){a, b}, 2, 0), HEED_SHAPE(2, 2), 0, 1, 10, 11);
    EXPECT(heed_stack(t, (heed_tensor[]){a, b}, 2, -1), HEED_SHAPE(2, 2), 0, 10, 1, 11);
    heed_tensor one = heed_select(t, a, 0, 1);
    EXPECT(heed_stack(t, (heed_tensor[]){one, one, one}, 3, 0), HEED_SHAPE(3), 1, 1, 1);
    EXPECT(gradient(heed_stack(t, (heed_tensor[]){a, b, a}, 3, 1), a), HEED_SHAPE(2), 1 + 2 + 3, 4 + 5 + 6);
}

Test(shape, concat_and_stack_refuse) {
    heed_tensor a = counted(HEED_SHAPE(2, 3)), b = counted(HEED_SHAPE(3, 3));
    heed_concat(t, (heed_tensor[]){a, b}, 2, 1);
    expect_error("concat: input 1 is (3, 3), input 0 is (2, 3): only axis 1 may differ");
    heed_concat(t, (heed_tensor[]){counted(HEED_SHAPE(2)), counted(HEED_SHAPE(2, 1))}, 2, 0);
    expect_error("concat: input 1 is (2, 1), input 0 is (2,): only axis 0 may differ");
    heed_concat(t, (heed_tensor[]){heed_ones(t, HEED_I32, HEED_SHAPE(2)), heed_ones(t, HEED_BOOL, HEED_SHAPE(2))}, 2, 0);
    expect_error("concat: dtypes differ: input 0 is i32, input 1 is bool; see heed_cast");
    heed_concat(t, NULL, 0, 0);
    expect_error("concat: 0 inputs are given, it takes at least 1");
    heed_stack(t, (heed_tensor[]){counted(HEED_SHAPE(2)), counted(HEED_SHAPE(3))}, 2, 0);
    expect_error("stack: input 1 is (3,), input 0 is (2,): shapes must be equal");
    heed_stack(t, (heed_tensor[]){counted(HEED_SHAPE(2))}, 1, 2);
    expect_error("stack: axis 2 is outside -2..1 of (2, 1)");
    heed_tensor deep = heed_ones(t, HEED_F32, HEED_SHAPE(1, 1, 1, 1, 1, 1, 1, 1));
    heed_stack(t, &deep, 1, 0);
    expect_error("stack: (1, 1, 1, 1, 1, 1, 1, 1) has no room for a further axis: the rank is at most 8");
}

/* ---- repeat, pad ---- */

Test(shape, repeat_tiles) {
    heed_tensor x = counted(HEED_SHAPE(2, 2));
    EXPECT(heed_repeat(t, x, (int64_t[]){2, 3}), HEED_SHAPE(4, 6), 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3);
    EXPECT(heed_repeat(t, x, (int64_t[]){1, 0}), HEED_SHAPE(2, 0), 0);
    EXPECT(heed_repeat(t, counted(HEED_SHAPE(2, 0)), (int64_t[]){3, INT64_MAX}), HEED_SHAPE(6, 0), 0);
    EXPECT(heed_repeat(t, heed_full(t, HEED_F64, HEED_SCALAR, 4), NULL), HEED_SCALAR, 4);
    EXPECT(gradient(heed_repeat(t, x, (int64_t[]){2, 2}), x), HEED_SHAPE(2, 2), 1 + 3 + 9 + 11, 2 + 4 + 10 + 12, 5 + 7 + 13 + 15, 6 + 8 + 14 + 16);
    heed_tensor unused = counted(HEED_SHAPE(2));
    EXPECT(gradient(heed_repeat(t, unused, (int64_t[]){0}), unused), HEED_SHAPE(2), 0, 0);
    heed_repeat(t, counted(HEED_SHAPE(2, 2)), (int64_t[]){1, -1});
    expect_error("repeat: axis 1 cannot be repeated -1 times");
}

Test(shape, pad_borders_and_crops) {
    heed_tensor x = counted(HEED_SHAPE(2, 3));
    EXPECT(heed_pad(t, x, (int64_t[]){1, 0}, (int64_t[]){0, 2}, -7), HEED_SHAPE(3, 5), -7, -7, -7, -7, -7, 0, 1, 2, -7, -7, 3, 4, 5, -7, -7);
    EXPECT(heed_pad(t, x, (int64_t[]){0, -1}, (int64_t[]){-1, 1}, 9), HEED_SHAPE(1, 3), 1, 2, 9);
    EXPECT(heed_pad(t, x, (int64_t[]){0, -3}, (int64_t[]){0, 2}, 9), HEED_SHAPE(2, 2), 9, 9, 9, 9);
    EXPECT(heed_pad(t, x, (int64_t[]){0, -2}, (int64_t[]){0, -1}, 9), HEED_SHAPE(2, 0), 0);
    EXPECT(heed_pad(t, counted(HEED_SHAPE(0)), (int64_t[]){1}, (int64_t[]){1}, 5), HEED_SHAPE(2), 5, 5);
    EXPECT(heed_pad(t, heed_full(t, HEED_BOOL, HEED_SHAPE(1), 1), (int64_t[]){1}, (int64_t[]){0}, 0), HEED_SHAPE(2), 0, 1);
    EXPECT(gradient(heed_pad(t, x, (int64_t[]){1, -1}, (int64_t[]){0, 1}, 0), x), HEED_SHAPE(2, 3), 0, 4, 5, 0, 7, 8);
    heed_pad(t, counted(HEED_SHAPE(2, 3)), (int64_t[]){0, -2}, (int64_t[]){0, -2}, 0);
    expect_error("pad: axis 1 of (2, 3) cannot get -2 before and -2 after");
    heed_pad(t, counted(HEED_SHAPE(2, 3)), (int64_t[]){0, INT64_MIN}, (int64_t[]){0, INT64_MAX}, 0);
    expect_error("pad: axis 1 of (2, 3) cannot get -9223372036854775808 before and 9223372036854775807 after");
}

/* ---- tril, triu ---- */

Test(shape, triangles) {
    heed_tensor x = heed_add_scalar(t, counted(HEED_SHAPE(3, 3)), 1);
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
    heed_tensor a = counted(HEED_SHAPE(2, 3));
    EXPECT(gradient(heed_triu(t, a, 1), a), HEED_SHAPE(2, 3), 0, 2, 3, 0, 0, 6);
    heed_tril(t, counted(HEED_SHAPE(3)), 0);
    expect_error("tril: it takes the last two axes, (3,) has none to take");
}

/* What is masked away is zero, be it NaN, and its gradient too. */
Test(shape, a_triangle_forgets_what_it_masks) {
    heed_tensor x = heed_variable(t, HEED_F64, HEED_SHAPE(2, 2), (double[]){1, NAN, 2, 3});
    EXPECT(heed_tril(t, x, 0), HEED_SHAPE(2, 2), 1, 0, 2, 3);
    EXPECT(gradient(heed_tril(t, x, 0), x), HEED_SHAPE(2, 2), 1, 0, 3, 4);
}

/* ---- all sizes, all dtypes ---- */

/* numerics.md, Shapes: sizes 1, 15, 16, 17, 31, 33 all exact; any dim 0 is fine. */
Test(shape, every_size_is_exact) {
    static const int64_t sizes[] = {0, 1, 2, 15, 16, 17, 31, 33};
    for (int a = 0; a < LENGTH(sizes); a++)
        for (int b = 0; b < LENGTH(sizes); b++) {
            int64_t m = sizes[a], n = sizes[b];
            heed_tensor x = counted(HEED_SHAPE(m, n));
            heed_tensor turned = heed_contiguous(t, heed_transpose(t, x, 0, 1));
            heed_tensor beside = heed_concat(t, (heed_tensor[]){x, x}, 2, 1), tiled = heed_repeat(t, x, (int64_t[]){2, 2});
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
    heed_tensor y = heed_concat(t, (heed_tensor[]){x, heed_flip(t, x, 0)}, 2, 0);                  /* (4, 2) */
    y = heed_repeat(t, heed_transpose(t, y, 0, 1), (int64_t[]){2, 1});                             /* (4, 4) */
    y = heed_pad(t, heed_triu(t, heed_tril(t, y, 2), -2), (int64_t[]){0, 1}, (int64_t[]){0, 1}, 0); /* (4, 6) */
    y = heed_reshape(t, heed_slice_step(t, heed_contiguous(t, y), 0, 0, 4, 2), HEED_SHAPE(3, 4));
    heed_split(t, y, 1, 2, NULL, parts);
    y = heed_stack(t, (heed_tensor[]){parts[1], heed_detach(t, parts[0])}, 2, 0); /* (2, 3, 2) */
    y = heed_permute(t, heed_expand(t, heed_select(t, y, 1, 1), HEED_SHAPE(2, 2, 2)), (int[]){2, 0, 1});
    return heed_contiguous(t, y);
}

/* Every dtype takes the same way. */
Test(shape, every_dtype_is_moved_alike) {
    heed_tensor x = heed_input(t, HEED_F32, HEED_SHAPE(2, 2), (float[]){1, 0, 0, 1});
    heed_tensor want = through_every_op(x);
    static const heed_dtype dtypes[] = {HEED_F64, HEED_I32, HEED_BOOL, HEED_BF16};
    for (int d = 0; d < LENGTH(dtypes); d++) {
        heed_tensor got = through_every_op(heed_cast(t, x, dtypes[d]));
        cr_assert_eq(heed_tape_status(t), HEED_OK, "%s", heed_error_text(t));
        cr_assert_eq(heed_dtype_of(t, got), dtypes[d]);
        heed_tensor back = heed_cast(t, got, HEED_F32);
        cr_assert_eq(memcmp(heed_f32(t, back), heed_f32(t, want), 8 * sizeof(float)), 0, "%s", heed_dtype_name(dtypes[d]));
    }
}

/* numerics.md, Determinism: the same bits for every thread count. Sizes at which threads do share the work. */
Test(shape, the_same_bits_for_any_number_of_threads) {
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
        y = heed_concat(t, (heed_tensor[]){y, heed_pad(t, heed_flip(t, y, 1), (int64_t[]){1, 0}, (int64_t[]){-1, 0}, 2)}, 2, 1);
        heed_tensor seed = heed_input(t, HEED_F32, HEED_SHAPE(2 * ROWS, 6 * COLUMNS), seeds);
        cr_assert_eq(heed_backward_with(t, y, NULL, (heed_backward_options){.seed = seed}), HEED_OK, "%s", heed_error_text(t));
        const float *g = heed_f32(t, heed_grad(t, x));
        if (k == 0)
            memcpy(first, g, sizeof first);
        cr_assert_eq(memcmp(first, g, sizeof first), 0, "%d threads", threads[k]);
    }
}
