/* Element by element, continued: what compares, converts, chooses and drops. */
#include "op_testing.h"

TestSuite(choice, .init = ops_setup, .fini = ops_teardown);

/* A row of n elements. */
static heed_tensor input(heed_dtype dtype, int64_t n, const void *data) {
    return heed_input(t, dtype, HEED_SHAPE(n), data);
}

/* ---- comparisons and logic ---- */

typedef heed_tensor binary_fn(heed_tape *, heed_tensor, heed_tensor);

static void expect_bools(const char *what, heed_tensor y, const bool *want, int n) {
    const bool *got = heed_bool(t, y);
    cr_assert(got != NULL, "%s: %s", what, heed_error_text(t));
    for (int i = 0; i < n; i++)
        cr_expect(got[i] == want[i], "%s, element %d", what, i);
}

static const struct {
    const char *name;
    binary_fn *fn;
    bool less, same, more, nan;
} comparisons[] = {
    {"eq", heed_eq, 0, 1, 0, 0}, {"ne", heed_ne, 1, 0, 1, 1}, {"lt", heed_lt, 1, 0, 0, 0},
    {"le", heed_le, 1, 1, 0, 0}, {"gt", heed_gt, 0, 0, 1, 0}, {"ge", heed_ge, 0, 1, 1, 0},
};

Test(choice, comparisons_of_every_dtype) {
    const double wide[] = {1, 2, 3, NAN};
    const float narrow[] = {1, 2, 3, NAN};
    const int32_t whole[] = {-3, 2, 3}, two = 2;
    for (size_t i = 0; i < sizeof comparisons / sizeof comparisons[0]; i++) {
        const bool want[] = {comparisons[i].less, comparisons[i].same, comparisons[i].more, comparisons[i].nan};
        const char *name = comparisons[i].name;
        heed_tape_reset(t);
        heed_tensor two_f64 = heed_full(t, HEED_F64, HEED_SCALAR, 2);
        heed_tensor two_f32 = heed_full(t, HEED_F32, HEED_SHAPE(4), 2);
        expect_bools(name, comparisons[i].fn(t, input(HEED_F64, 4, wide), two_f64), want, 4);
        expect_bools(name, comparisons[i].fn(t, input(HEED_F32, 4, narrow), two_f32), want, 4);
        expect_bools(name, comparisons[i].fn(t, input(HEED_I32, 3, whole), input(HEED_I32, 1, &two)), want, 3);
    }
}

Test(choice, comparisons_broadcast) {
    const int32_t rows[] = {0, 1, 2}, columns[] = {0, 1, 2, 3};
    heed_tensor row = heed_input(t, HEED_I32, HEED_SHAPE(3, 1), rows), column = input(HEED_I32, 4, columns);
    heed_tensor causal = heed_le(t, column, row); /* key j <= query i */
    cr_assert(heed_shape_equal(heed_shape_of(t, causal), HEED_SHAPE(3, 4)), "%s", heed_error_text(t));
    expect_bools("causal", causal, (const bool[]){1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0}, 12);
}

Test(choice, logic) {
    const bool a[] = {0, 0, 1, 1}, b[] = {0, 1, 0, 1};
    heed_tensor x = input(HEED_BOOL, 4, a), y = input(HEED_BOOL, 4, b);
    expect_bools("and", heed_and(t, x, y), (const bool[]){0, 0, 0, 1}, 4);
    expect_bools("or", heed_or(t, x, y), (const bool[]){0, 1, 1, 1}, 4);
    expect_bools("xor", heed_xor(t, x, y), (const bool[]){0, 1, 1, 0}, 4);
    expect_bools("eq", heed_eq(t, x, y), (const bool[]){1, 0, 0, 1}, 4);
    expect_bools("ne", heed_ne(t, x, y), (const bool[]){0, 1, 1, 0}, 4);
    expect_bools("not", heed_not(t, x), (const bool[]){1, 1, 0, 0}, 4);
    expect_bools("not of a reversed view", heed_not(t, heed_flip(t, x, 0)), (const bool[]){0, 0, 1, 1}, 4);
}

/* ---- cast ---- */

static void expect_i32(heed_tensor y, const int32_t *want, int n) {
    const int32_t *got = heed_i32(t, y);
    cr_assert(got != NULL, "%s", heed_error_text(t));
    for (int i = 0; i < n; i++)
        cr_expect(got[i] == want[i], "element %d: %d, not %d", i, got[i], want[i]);
}

Test(choice, cast_to_i32_truncates) {
    const double x[] = {2.9,           -2.9,          2147483647.0,  2147483647.5, 2147483648.0,
                        -2147483648.0, -2147483648.5, -2147483649.0, NAN,          INFINITY};
    const int32_t want[] = {2, -2, INT32_MAX, INT32_MAX, 0, INT32_MIN, INT32_MIN, 0, 0, 0};
    expect_i32(heed_cast(t, input(HEED_F64, 10, x), HEED_I32), want, 10);
    const float narrow[] = {1.5f, -0.5f, 2147483648.0f, 2147483520.0f};
    expect_i32(heed_cast(t, input(HEED_F32, 4, narrow), HEED_I32), (const int32_t[]){1, 0, 0, 2147483520}, 4);
    const bool bools[] = {0, 1};
    expect_i32(heed_cast(t, input(HEED_BOOL, 2, bools), HEED_I32), (const int32_t[]){0, 1}, 2);
}

Test(choice, cast_to_bool_asks_for_zero) {
    const double x[] = {0, -0.0, 1e-300, NAN, -3};
    expect_bools("f64", heed_cast(t, input(HEED_F64, 5, x), HEED_BOOL), (const bool[]){0, 0, 1, 1, 1}, 5);
    const int32_t whole[] = {0, 256, -1};
    expect_bools("i32", heed_cast(t, input(HEED_I32, 3, whole), HEED_BOOL), (const bool[]){0, 1, 1}, 3);
}

Test(choice, cast_rounds_to_nearest_even) {
    const double x[] = {1 + 0x1p-24, 1 + 0x3p-24, 1 + 0x1.8p-24, 1e300};
    const float want[] = {1, 1 + 0x1p-22f, 1 + 0x1p-23f, INFINITY};
    const float *y = heed_f32(t, heed_cast(t, input(HEED_F64, 4, x), HEED_F32));
    cr_assert(y != NULL, "%s", heed_error_text(t));
    cr_expect(memcmp(y, want, sizeof want) == 0);
    const int32_t whole[] = {16777217, 16777219, -5};
    const float *z = heed_f32(t, heed_cast(t, input(HEED_I32, 3, whole), HEED_F32));
    cr_expect(z && z[0] == 16777216 && z[1] == 16777220 && z[2] == -5);
    const float wide[] = {1 + 0x1p-8f, 1 + 0x3p-8f, -3.4e38f, 1 + 0x1.8p-8f};
    const uint16_t bits[] = {0x3f80, 0x3f82, 0xff80, 0x3f81};
    const uint16_t *half = heed_data(t, heed_cast(t, input(HEED_F32, 4, wide), HEED_BF16));
    cr_expect(half && memcmp(half, bits, sizeof bits) == 0);
    const double twice = 1 + 0x1p-8 + 0x1p-40; /* f32 first, where the last bit is lost, so that the tie goes to even */
    const uint16_t *rounded = heed_data(t, heed_cast(t, heed_input(t, HEED_F64, HEED_SCALAR, &twice), HEED_BF16));
    cr_expect(rounded && *rounded == 0x3f80);
}

Test(choice, bf16_survives_f32_and_back) {
    static uint16_t all[65536];
    for (int i = 0; i < 65536; i++)
        all[i] = (uint16_t)i;
    heed_tensor wide = heed_cast(t, input(HEED_BF16, 65536, all), HEED_F32);
    const float *values = heed_f32(t, wide);
    const uint16_t *back = heed_data(t, heed_cast(t, wide, HEED_BF16));
    cr_assert(values && back, "%s", heed_error_text(t));
    cr_expect(values[0x4049] == 3.140625f);
    for (int i = 0; i < 65536; i++)
        cr_assert(isnan(values[i]) ? (back[i] & 0x7fff) > 0x7f80 : back[i] == all[i], "0x%04x came back as 0x%04x",
                  (unsigned)i, (unsigned)back[i]);
}

Test(choice, cast_carries_gradients_between_real_dtypes) {
    const float x[] = {1.5f, -2, 3};
    const double seed[] = {0.5, 1e-3, -7};
    heed_tensor in = heed_variable(t, HEED_F32, HEED_SHAPE(3), x);
    ops_backward(heed_cast(t, in, HEED_F64), input(HEED_F64, 3, seed));
    const float *dx = heed_f32(t, heed_grad(t, in));
    for (int i = 0; i < 3; i++)
        cr_expect(dx[i] == (float)seed[i]);
}

/* ---- where, masked_fill ---- */

Test(choice, where_of_every_dtype) {
    const bool c[] = {1, 0, 1};
    const double f64[] = {1, 2, 3};
    const int32_t i32[] = {1, 2, 3};
    const uint16_t bf16[] = {0x3f80, 0x4000, 0x4040};
    const bool flags[] = {0, 1, 1};
    heed_tensor condition = input(HEED_BOOL, 3, c);
    heed_tensor nine_f64 = heed_full(t, HEED_F64, HEED_SCALAR, 9), nine_f32 = heed_full(t, HEED_F32, HEED_SCALAR, 9);
    const double *d = heed_f64(t, heed_where(t, condition, input(HEED_F64, 3, f64), nine_f64));
    cr_expect(d && d[0] == 1 && d[1] == 9 && d[2] == 3);
    const float *f = heed_f32(t, heed_where(t, condition, nine_f32, heed_arange(t, HEED_F32, 3)));
    cr_expect(f && f[0] == 9 && f[1] == 1 && f[2] == 9);
    expect_i32(heed_where(t, condition, input(HEED_I32, 3, i32), heed_full(t, HEED_I32, HEED_SHAPE(3), -1)),
               (const int32_t[]){1, -1, 3}, 3);
    heed_tensor halves = input(HEED_BF16, 3, bf16);
    const uint16_t *h = heed_data(t, heed_where(t, condition, halves, heed_zeros(t, HEED_BF16, HEED_SHAPE(1))));
    cr_expect(h && h[0] == 0x3f80 && h[1] == 0 && h[2] == 0x4040);
    expect_bools("where", heed_where(t, condition, input(HEED_BOOL, 3, flags), condition), (const bool[]){0, 0, 1}, 3);
}

/* "where's unselected branch gets gradient zero, never NaN" [promises: where's other branch] */
Test(choice, where_sends_nothing_to_the_branch_not_chosen) {
    const bool c[] = {1, 0};
    const double a[] = {1, NAN}, b[] = {INFINITY, 2}, seed[] = {NAN, INFINITY};
    heed_tensor x = heed_variable(t, HEED_F64, HEED_SHAPE(2), a), y = heed_variable(t, HEED_F64, HEED_SHAPE(2), b);
    heed_tensor z = heed_where(t, input(HEED_BOOL, 2, c), x, y);
    ops_backward(z, input(HEED_F64, 2, seed));
    const double *values = heed_f64(t, z), *dx = heed_f64(t, heed_grad(t, x)), *dy = heed_f64(t, heed_grad(t, y));
    cr_expect(values[0] == 1 && values[1] == 2);
    cr_expect(isnan(dx[0]) && dx[1] == 0);
    cr_expect(dy[0] == 0 && dy[1] == INFINITY);
}

Test(choice, where_broadcasts_all_three) {
    const bool c[] = {1, 0};
    const double a[] = {1, 2, 3}, b = 9, seed[] = {1, 10, 100, 1000, 10000, 100000};
    heed_tensor x = heed_variable(t, HEED_F64, HEED_SHAPE(3), a), y = heed_variable(t, HEED_F64, HEED_SCALAR, &b);
    heed_tensor z = heed_where(t, heed_input(t, HEED_BOOL, HEED_SHAPE(2, 1), c), x, y);
    cr_assert(heed_shape_equal(heed_shape_of(t, z), HEED_SHAPE(2, 3)), "%s", heed_error_text(t));
    ops_backward(z, heed_input(t, HEED_F64, HEED_SHAPE(2, 3), seed));
    const double *values = heed_f64(t, z), *dx = heed_f64(t, heed_grad(t, x));
    for (int i = 0; i < 3; i++)
        cr_expect(values[i] == a[i] && values[3 + i] == 9 && dx[i] == seed[i]);
    cr_expect(heed_item(t, heed_grad(t, y)) == 111000);
}

Test(choice, masked_fill_by_hand) {
    const bool m[] = {0, 1, 0};
    const float x[] = {1, NAN, 3, 4, 5, 6}, seed[] = {1, NAN, 3, 4, INFINITY, 6};
    heed_tensor mask = input(HEED_BOOL, 3, m), in = heed_variable(t, HEED_F32, HEED_SHAPE(2, 3), x);
    heed_tensor y = heed_masked_fill(t, in, mask, -INFINITY);
    ops_backward(y, heed_input(t, HEED_F32, HEED_SHAPE(2, 3), seed));
    const float *values = heed_f32(t, y), *dx = heed_f32(t, heed_grad(t, in));
    for (int i = 0; i < 6; i++)
        cr_expect(values[i] == (m[i % 3] ? -INFINITY : x[i]) && dx[i] == (m[i % 3] ? 0 : seed[i]), "element %d", i);
    expect_i32(heed_masked_fill(t, heed_full(t, HEED_I32, HEED_SHAPE(3), 7), mask, -1), (const int32_t[]){7, -1, 7}, 3);
    expect_bools("masked_fill", heed_masked_fill(t, heed_not(t, mask), mask, 1), (const bool[]){1, 1, 1}, 3);
    const uint16_t *half = heed_data(t, heed_masked_fill(t, heed_zeros(t, HEED_BF16, HEED_SHAPE(3)), mask, 2));
    cr_expect(half && half[0] == 0 && half[1] == 0x4000 && half[2] == 0);
}

/* ---- dropout ---- */

enum { MANY = 100003 };

/* "Dropout p = 0 is bit-identity", and so it is out of training. [promises: dropout of none] */
Test(choice, dropout_of_nothing_is_the_input_itself) {
    const float x[] = {-0.0f, NAN, 0x1p-149f, INFINITY};
    heed_tensor in = heed_variable(t, HEED_F32, HEED_SHAPE(4), x);
    heed_tensor y = heed_dropout(t, in, 0);
    cr_expect(y.index == in.index && y.epoch == in.epoch);
    cr_expect(memcmp(heed_f32(t, y), x, sizeof x) == 0);
    heed_tape_set_training(t, false);
    cr_expect(memcmp(heed_f32(t, heed_dropout(t, in, 0.9)), x, sizeof x) == 0);
}

/* "p = 1 zeros" */
/* Also where there is nothing to do. */
Test(choice, dropout_refuses_what_it_cannot_take) {
    heed_tensor stale = heed_zeros(t, HEED_F32, HEED_SHAPE(3));
    heed_tape_reset(t);
    ops_expect_error(heed_dropout(t, stale, 0), "dropout: input 0 is not of this tape, or from before its last reset");
    ops_expect_error(heed_dropout(t, heed_zeros(t, HEED_I32, HEED_SHAPE(3)), 0),
                     "dropout: it does not compute on i32; see heed_cast");
}

/* PyTorch multiplies by 0, and keeps NaN and inf as NaN. [promises: dropout of all] */
Test(choice, dropout_of_everything_is_zero) {
    const float x[] = {1, NAN, -INFINITY, 0};
    heed_tensor in = heed_variable(t, HEED_F32, HEED_SHAPE(4), x), y = heed_dropout(t, in, 1);
    ops_backward(y, heed_ones(t, HEED_F32, HEED_SHAPE(4)));
    for (int i = 0; i < 4; i++)
        cr_expect(heed_f32(t, y)[i] == 0 && heed_f32(t, heed_grad(t, in))[i] == 0);
}

/* Each element is 0 or x / (1 - p), in the promised proportion, and backward drops what forward dropped. */
Test(choice, dropout_keeps_its_proportion_and_its_mask) {
    const double p = 0.3;
    heed_tensor ones = heed_ones(t, HEED_F64, HEED_SHAPE(MANY));
    heed_tensor x = heed_variable(t, HEED_F64, HEED_SHAPE(MANY), heed_f64(t, ones)), y = heed_dropout(t, x, p);
    ops_backward(y, ones);
    const double *values = heed_f64(t, y), *dx = heed_f64(t, heed_grad(t, x));
    int64_t kept = 0;
    for (int i = 0; i < MANY; i++) {
        cr_assert(values[i] == 0 || values[i] == 1 / (1 - p));
        kept += values[i] != 0;
    }
    double deviation = ((double)kept - MANY * (1 - p)) / sqrt(MANY * p * (1 - p));
    cr_expect(fabs(deviation) < 4, "%d of %d kept", (int)kept, MANY);
    cr_expect(memcmp(values, dx, MANY * sizeof *values) == 0);
}

Test(choice, dropout_masks_differ_between_calls_and_steps_but_not_between_runs) {
    static float run[3][MANY];
    for (int i = 0; i < 3; i++) {
        heed_tape_reset(t);
        heed_tape_set_step(t, i == 2 ? 8 : 7);
        heed_tensor ones = heed_ones(t, HEED_F32, HEED_SHAPE(MANY));
        memcpy(run[i], heed_f32(t, heed_dropout(t, ones, 0.5)), sizeof run[i]);
        cr_expect(memcmp(run[i], heed_f32(t, heed_dropout(t, ones, 0.5)), sizeof run[i]) != 0);
    }
    cr_expect(memcmp(run[0], run[1], sizeof run[0]) == 0);
    cr_expect(memcmp(run[0], run[2], sizeof run[0]) != 0);
}

/* Element i is dropped where number i of the stream says so, in any shape. */
Test(choice, dropout_draws_from_the_stream_in_row_major_order) {
    extern const heed_op heed_op_dropout;
    static float ones[MANY], out[MANY];
    for (int i = 0; i < MANY; i++)
        ones[i] = 1;
    const double p = 0.25;
    const uint64_t key = 0x0123456789abcdefu;
    heed_array x = {.data = ones, .dtype = HEED_F32, .shape = HEED_SHAPE(MANY), .stride = {1}}, y = x;
    y.data = out;
    heed_call call = {.op = &heed_op_dropout, .attr = &p, .n_in = 1, .n_out = 1, .in = (const heed_array *const[]){&x},
                      .out = (heed_array *const[]){&y}, .rng_key = key, .threads = 3, .training = true};
    heed_op_dropout.forward[HEED_F32](&call);
    for (int i = 0; i < MANY; i++)
        cr_assert((out[i] == 0) == (heed_rng_u32(key, (uint64_t)i) < (1u << 30)), "element %d", i);
}

/* "same bits ... for every thread count" */
Test(choice, same_bits_for_every_number_of_threads) {
    static float x[3 * MANY], first[3][3 * MANY];
    for (int i = 0; i < 3 * MANY; i++)
        x[i] = (float)(i % 1013) - 500;
    for (int threads = 1; threads <= 7; threads += 1 + threads / 2) { /* 1, 2, 4, 7 */
        heed_tape_reset(t);
        heed_tape_set_step(t, 1);
        heed_tape_set_threads(t, threads);
        heed_tensor in = heed_input(t, HEED_F32, HEED_SHAPE(3, MANY), x);
        heed_tensor above = heed_gt(t, in, heed_slice(t, in, 0, 0, 1));
        heed_tensor three = heed_full(t, HEED_F32, HEED_SCALAR, 3);
        heed_tensor results[] = {heed_dropout(t, in, 0.4), heed_where(t, above, in, three),
                                 heed_masked_fill(t, in, above, 0.5)};
        for (int i = 0; i < 3; i++) {
            if (threads == 1)
                memcpy(first[i], heed_f32(t, results[i]), sizeof first[i]);
            cr_expect(memcmp(first[i], heed_f32(t, results[i]), sizeof first[i]) == 0, "result %d with %d threads", i,
                      threads);
        }
    }
}

/* ---- mistakes ---- */

/* [promises: dropout's p] */
Test(choice, mistakes_are_explained) {
    /* "p outside [0,1] or NaN ERR", in training and out of it */
    for (int training = 0; training < 2; training++) {
        heed_tape_set_training(t, training);
        heed_dropout(t, heed_zeros(t, HEED_F32, HEED_SHAPE(2)), 1.5);
        expect_error("dropout: p must be in [0, 1], is 1.5");
        heed_dropout(t, heed_zeros(t, HEED_F32, HEED_SHAPE(2)), -0.1);
        expect_error("dropout: p must be in [0, 1], is -0.1");
        heed_dropout(t, heed_zeros(t, HEED_F32, HEED_SHAPE(2)), NAN);
        expect_error("dropout: p must be in [0, 1], is nan");
    }
    heed_tensor x = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3));
    heed_where(t, x, x, x);
    expect_error("where: condition must be bool, is f32");
    x = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3));
    heed_where(t, heed_gt(t, x, x), x, heed_zeros(t, HEED_I32, HEED_SCALAR));
    expect_error("where: dtypes differ: input 1 is f32, input 2 is i32; see heed_cast");
    heed_masked_fill(t, heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3)), heed_zeros(t, HEED_BOOL, HEED_SHAPE(4, 2, 3)), 0);
    expect_error("masked_fill: mask (4, 2, 3) does not broadcast to x (2, 3)");
    heed_masked_fill(t, heed_zeros(t, HEED_F32, HEED_SHAPE(2)), heed_zeros(t, HEED_I32, HEED_SHAPE(2)), 0);
    expect_error("masked_fill: mask must be bool, is i32");
    heed_masked_fill(t, heed_zeros(t, HEED_I32, HEED_SHAPE(2)), heed_zeros(t, HEED_BOOL, HEED_SHAPE(2)), 0.5);
    expect_error("masked_fill: x is i32, and 0.5 is no i32");
    heed_and(t, heed_zeros(t, HEED_F32, HEED_SHAPE(2)), heed_zeros(t, HEED_F32, HEED_SHAPE(2)));
    expect_error("and: it does not compute on f32; see heed_cast");
    heed_lt(t, heed_zeros(t, HEED_BOOL, HEED_SHAPE(2)), heed_zeros(t, HEED_BOOL, HEED_SHAPE(2)));
    expect_error("lt: it does not compute on bool; see heed_cast");
    heed_cast(t, heed_zeros(t, HEED_F32, HEED_SHAPE(2)), (heed_dtype)9);
    expect_error("cast: 9 is no dtype");
}
