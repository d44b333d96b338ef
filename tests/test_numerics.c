/* Promises about ops (promises.c) that no other suite holds. Values are worked out by hand or by plain loops in double. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <heed/heed.h>

static heed_tape *t;

static void open_tape(void) {
    t = heed_tape_new();
}

static void close_tape(void) {
    heed_tape_free(t);
}

TestSuite(numerics, .init = open_tape, .fini = close_tape);

/* What is wrong is said in these words; then the tape is fresh again. */
#define REFUSED(y, text) refused(__LINE__, y, text)
static void refused(int line, heed_tensor y, const char *text) {
    cr_expect(heed_is_nil(y), "line %d", line);
    cr_expect_str_eq(heed_error_text(t), text, "line %d: \"%s\"", line, heed_error_text(t));
    heed_tape_reset(t);
}

static heed_tensor zeros(heed_shape shape) {
    return heed_zeros(t, HEED_F32, shape);
}

static heed_tensor draws(heed_dtype dtype, heed_shape shape, uint64_t seed) {
    heed_tape_set_seed(t, seed);
    heed_tensor x = heed_randn(t, dtype, shape);
    return dtype == HEED_F32 ? heed_variable(t, dtype, shape, heed_f32(t, x))
                             : heed_variable(t, dtype, shape, heed_f64(t, x));
}

static void back(heed_tensor y, heed_tensor seed) {
    heed_status status = heed_backward_with(t, y, NULL, (heed_backward_options){.seed = seed});
    cr_assert_eq(status, HEED_OK, "%s", heed_error_text(t));
}

/* ---- reductions ---- */

/* "f32 sum of 2^25 ones is exactly 2^25": the engine's own sums too, of what was broadcast, once past 2^24 where
 * floats stop counting. [promises: sums of ones] */
Test(numerics, gradients_of_what_was_broadcast_are_exact_sums) {
    enum { N = (1 << 24) + 8 };
    for (int turned = 0; turned < 2; turned++) {
        heed_tensor x = heed_variable(t, HEED_F32, HEED_SCALAR, (float[]){1});
        heed_tensor wide = zeros(turned ? HEED_SHAPE(N / 2, 2) : HEED_SHAPE(2, N / 2));
        back(heed_add(t, x, wide), heed_ones(t, HEED_F32, heed_shape_of(t, wide)));
        cr_expect_eq(heed_item(t, heed_grad(t, x)), N);
        heed_tape_reset(t);
    }
    heed_tensor x = heed_variable(t, HEED_F32, HEED_SHAPE(1), (float[]){1});
    back(heed_expand(t, x, HEED_SHAPE(N)), heed_ones(t, HEED_F32, HEED_SHAPE(N)));
    cr_expect_eq(heed_item(t, heed_grad(t, x)), N);
}

/* "Softmax finite at offsets of 1e30": where it stands in other ops, too. [promises: softmax far out] */
Test(numerics, every_softmax_is_finite_far_from_zero) {
    const float far[2][2] = {{1e30f, 1e30f}, {-1e30f, 1e30f}}, want[2][2] = {{0.5f, 0.5f}, {0, 1}};
    heed_tensor x = heed_variable(t, HEED_F32, HEED_SHAPE(2, 2), far), all = heed_full(t, HEED_BOOL, HEED_SCALAR, 1);
    heed_tensor q = heed_variable(t, HEED_F32, HEED_SHAPE(2, 1), (float[]){0, 1e15f}),
                k = heed_variable(t, HEED_F32, HEED_SHAPE(2, 1), (float[]){-1e15f, 1e15f});
    heed_tensor one = heed_input(t, HEED_F32, HEED_SHAPE(2, 2), (float[]){1, 0, 0, 1}), pattern;
    heed_attention(t, q, k, one, (heed_attention_options){.scale = 1, .pattern = &pattern});
    heed_tensor results[] = {heed_masked_softmax(t, x, all), heed_exp(t, heed_log_softmax(t, x, 1)), pattern};
    for (int r = 0; r < 3; r++) {
        const float *y = heed_f32(t, results[r]);
        for (int i = 0; i < 4; i++)
            cr_expect_eq(y[i], want[i / 2][i % 2], "result %d, element %d: %g", r, i, (double)y[i]);
        back(results[r], heed_ones(t, HEED_F32, HEED_SHAPE(2, 2)));
        const float *dx = heed_f32(t, heed_grad(t, r < 2 ? x : q));
        for (int i = 0; i < (r < 2 ? 4 : 2); i++)
            cr_expect(isfinite(dx[i]), "result %d: gradient %g", r, (double)dx[i]);
    }
}

/* Attention's own mask, put together of plain ops: 0 times the NaN behind the mask is NaN, as IEEE has it.
 * [promises: compositions leak] */
Test(numerics, a_composition_leaks_what_it_masks) {
    heed_tensor scores = heed_variable(t, HEED_F32, HEED_SHAPE(1, 2), (float[]){0, 0}),
                mask = heed_input(t, HEED_BOOL, HEED_SHAPE(1, 2), (bool[]){true, false}),
                v = heed_variable(t, HEED_F32, HEED_SHAPE(2, 1), (float[]){3, NAN});
    heed_tensor weights = heed_masked_softmax(t, scores, mask), y = heed_matmul(t, weights, v);
    cr_expect(heed_f32(t, weights)[0] == 1 && heed_f32(t, weights)[1] == 0);
    cr_expect(isnan(heed_item(t, y)));
    heed_tensor q = heed_variable(t, HEED_F32, HEED_SHAPE(1, 1), (float[]){0}),
                k = heed_variable(t, HEED_F32, HEED_SHAPE(2, 1), (float[]){0, 0});
    cr_expect_eq(heed_item(t, heed_attention(t, q, k, v, (heed_attention_options){.mask = mask})), 3);
}

/* ---- shapes ---- */

/* "Any dim 0 is fine": y has this shape, and a backward from it comes through. */
#define EMPTY(y, shape) empty(__LINE__, y, shape)
static void empty(int line, heed_tensor y, heed_shape shape) {
    cr_assert(heed_shape_equal(heed_shape_of(t, y), shape), "line %d: %s, %s", line,
              HEED_SHAPE_STR(heed_shape_of(t, y)), heed_error_text(t));
    if (heed_dtype_of(t, y) == HEED_F32)
        back(y, zeros(shape));
    heed_tape_reset(t);
}

static heed_tensor none(int64_t rows, int64_t columns) {
    return heed_variable(t, HEED_F32, HEED_SHAPE(rows, columns), (float[8]){0});
}

typedef heed_tensor unary_fn(heed_tape *, heed_tensor);
typedef heed_tensor binary_fn(heed_tape *, heed_tensor, heed_tensor);

/* [promises: sizes of 0] */
Test(numerics, elementwise_ops_of_nothing) {
    static unary_fn *const of_one[] = {heed_neg,     heed_abs,        heed_exp,       heed_log,  heed_sqrt,
                                       heed_rsqrt,   heed_square,     heed_sin,       heed_cos,  heed_tanh,
                                       heed_sigmoid, heed_logsigmoid, heed_relu,      heed_gelu, heed_gelu_tanh,
                                       heed_silu,    heed_softplus,   heed_contiguous};
    static binary_fn *const of_two[] = {heed_add, heed_sub, heed_mul, heed_div, heed_maximum, heed_minimum, heed_pow};
    for (int i = 0; i < 2; i++) {
        heed_shape shape = i ? HEED_SHAPE(0, 3) : HEED_SHAPE(3, 0);
        for (size_t k = 0; k < sizeof of_one / sizeof *of_one; k++)
            EMPTY(of_one[k](t, none(shape.n[0], shape.n[1])), shape);
        for (size_t k = 0; k < sizeof of_two / sizeof *of_two; k++)
            EMPTY(of_two[k](t, none(shape.n[0], shape.n[1]), none(1, 1)), shape);
        EMPTY(heed_leaky_relu(t, none(shape.n[0], shape.n[1]), 0.1), shape);
        EMPTY(heed_elu(t, none(shape.n[0], shape.n[1]), 1), shape);
        EMPTY(heed_clamp(t, none(shape.n[0], shape.n[1]), 0, 1), shape);
        EMPTY(heed_scale(t, none(shape.n[0], shape.n[1]), 2), shape);
        EMPTY(heed_dropout(t, none(shape.n[0], shape.n[1]), 0.5), shape);
        EMPTY(heed_cast(t, none(shape.n[0], shape.n[1]), HEED_F32), shape);
        EMPTY(heed_where(t, heed_zeros(t, HEED_BOOL, HEED_SCALAR), none(shape.n[0], shape.n[1]), none(1, 1)), shape);
        EMPTY(heed_masked_fill(t, none(shape.n[0], shape.n[1]), heed_zeros(t, HEED_BOOL, HEED_SCALAR), 1), shape);
        EMPTY(heed_lt(t, none(shape.n[0], shape.n[1]), none(1, 1)), shape);
    }
}

/* [promises: sizes of 0] */
Test(numerics, other_ops_of_nothing) {
    int64_t sizes[] = {0, 1, 1}, pads[] = {0, 1};
    heed_tensor parts[3], indices;
    EMPTY(heed_cumsum(t, none(3, 0), 1), HEED_SHAPE(3, 0));
    EMPTY(heed_var(t, none(3, 0), HEED_AXES(0), 0), HEED_SHAPE(0));
    EMPTY(heed_max(t, none(0, 3), HEED_AXES(1)), HEED_SHAPE(0));
    EMPTY(heed_logsumexp(t, none(0, 3), HEED_AXES(1)), HEED_SHAPE(0));
    EMPTY(heed_prod(t, none(0, 3), HEED_AXES(0)), HEED_SHAPE(3));
    EMPTY(heed_cast(t, heed_topk(t, none(3, 2), 0, &indices), HEED_BOOL), HEED_SHAPE(3, 0));
    EMPTY(heed_argmax(t, none(0, 3), 1, false), HEED_SHAPE(0));
    EMPTY(heed_reshape(t, none(0, 3), HEED_SHAPE(5, 0)), HEED_SHAPE(5, 0));
    EMPTY(heed_transpose(t, none(0, 3), 0, 1), HEED_SHAPE(3, 0));
    EMPTY(heed_slice(t, none(2, 3), 0, 1, 1), HEED_SHAPE(0, 3));
    EMPTY(heed_select(t, none(2, 0), 0, 1), HEED_SHAPE(0));
    EMPTY(heed_expand(t, none(0, 1), HEED_SHAPE(2, 0, 4)), HEED_SHAPE(2, 0, 4));
    EMPTY(heed_flip(t, none(0, 3), 0), HEED_SHAPE(0, 3));
    EMPTY(heed_split(t, none(2, 3), 0, 3, sizes, parts), HEED_SHAPE(0, 3));
    EMPTY(heed_concat(t, (heed_tensor[]){none(0, 3), none(0, 3)}, 2, 0), HEED_SHAPE(0, 3));
    EMPTY(heed_stack(t, (heed_tensor[]){none(0, 3), none(0, 3)}, 2, 0), HEED_SHAPE(2, 0, 3));
    EMPTY(heed_repeat(t, none(2, 3), (int64_t[]){0, 2}), HEED_SHAPE(0, 6));
    EMPTY(heed_pad(t, none(0, 3), pads, pads, 1), HEED_SHAPE(0, 5));
    EMPTY(heed_tril(t, none(0, 3), 0), HEED_SHAPE(0, 3));
    EMPTY(heed_one_hot(t, heed_zeros(t, HEED_I32, HEED_SHAPE(0)), 4, HEED_BOOL), HEED_SHAPE(0, 4));
    EMPTY(heed_gather(t, none(2, 3), heed_zeros(t, HEED_I32, HEED_SHAPE(2, 0)), 1), HEED_SHAPE(2, 0));
    EMPTY(heed_embedding(t, none(2, 3), heed_zeros(t, HEED_I32, HEED_SHAPE(0))), HEED_SHAPE(0, 3));
    EMPTY(heed_embedding(t, none(2, 0), heed_zeros(t, HEED_I32, HEED_SHAPE(4))), HEED_SHAPE(4, 0));
    EMPTY(heed_index_select(t, none(2, 3), heed_zeros(t, HEED_I32, HEED_SHAPE(0)), 0), HEED_SHAPE(0, 3));
    EMPTY(heed_scatter_add(t, none(2, 3), heed_zeros(t, HEED_I32, HEED_SHAPE(0, 3)), none(0, 3), 0), HEED_SHAPE(2, 3));
    EMPTY(heed_einsum(t, "ij,jk->ik", (heed_tensor[]){none(2, 0), none(0, 3)}, 2), HEED_SHAPE(2, 3));
    EMPTY(heed_softmax(t, none(0, 3), 0), HEED_SHAPE(0, 3));
    EMPTY(heed_masked_softmax(t, none(3, 0), heed_zeros(t, HEED_BOOL, HEED_SCALAR)), HEED_SHAPE(3, 0));
    EMPTY(heed_layernorm(t, none(3, 0), HEED_NIL, HEED_NIL, 1e-5), HEED_SHAPE(3, 0));
    EMPTY(heed_rmsnorm(t, none(0, 3), HEED_NIL, 1e-5), HEED_SHAPE(0, 3));
    EMPTY(heed_attention(t, none(0, 3), none(2, 3), none(2, 1), (heed_attention_options){.causal = true}),
          HEED_SHAPE(0, 1));
    EMPTY(heed_attention(t, none(2, 3), none(0, 3), none(0, 4), (heed_attention_options){.causal = false}),
          HEED_SHAPE(2, 4));
}

/* "axis out of range ... ERR", whichever the op; the error names it. */
static heed_tensor with_axis(int op, heed_tensor x, int axis) {
    heed_tensor index = heed_zeros(t, HEED_I32, HEED_SHAPE(1)), grid = heed_zeros(t, HEED_I32, HEED_SHAPE(2, 3)),
                parts[2];
    switch (op) {
    case 0: return heed_softmax(t, x, axis);
    case 1: return heed_log_softmax(t, x, axis);
    case 2: return heed_sum(t, x, HEED_AXES(axis));
    case 3: return heed_mean(t, x, HEED_AXES(axis));
    case 4: return heed_max(t, x, HEED_AXES(axis));
    case 5: return heed_min(t, x, HEED_AXES(axis));
    case 6: return heed_prod(t, x, HEED_AXES(axis));
    case 7: return heed_var(t, x, HEED_AXES(axis), 0);
    case 8: return heed_logsumexp(t, x, HEED_AXES(axis));
    case 9: return heed_cumsum(t, x, axis);
    case 10: return heed_argmax(t, x, axis, false);
    case 11: return heed_permute(t, x, (int[]){0, axis});
    case 12: return heed_transpose(t, x, 0, axis);
    case 13: return heed_slice(t, x, axis, 0, 1);
    case 14: return heed_select(t, x, axis, 0);
    case 15: return heed_flip(t, x, axis);
    case 16: return heed_split(t, x, axis, 1, NULL, parts);
    case 17: return heed_concat(t, &x, 1, axis);
    case 18: return heed_gather(t, x, grid, axis);
    case 19: return heed_index_select(t, x, index, axis);
    case 20: return heed_scatter_add(t, x, grid, x, axis);
    case 21:
        return heed_stack(t, &x, 1,
                          axis > 0            ? axis == INT32_MAX ? axis : axis + 1
                          : axis == INT32_MIN ? axis
                                              : axis - 1);
    default: return HEED_NIL;
    }
}

/* [promises: axes] */
Test(numerics, axes_out_of_range) {
    static const int axes[] = {2, -3, INT32_MAX, INT32_MIN};
    for (int op = 0; op < 22; op++)
        for (int i = 0; i < 4; i++) {
            cr_expect(heed_is_nil(with_axis(op, zeros(HEED_SHAPE(2, 3)), axes[i])), "op %d, axis %d", op, axes[i]);
            cr_expect_eq(heed_tape_status(t), HEED_INVALID, "op %d, axis %d", op, axes[i]);
            cr_expect(strstr(heed_error_text(t), "ax"), "op %d: \"%s\"", op, heed_error_text(t));
            heed_tape_reset(t);
        }
}

/* One element seen as many. */
static heed_tensor many(heed_dtype dtype, heed_shape shape) {
    heed_shape one = shape;
    for (int i = 0; i < shape.rank; i++)
        one.n[i] = 1;
    return heed_expand(t, heed_zeros(t, dtype, one), shape);
}

/* "a product past int64 (2^33 x 2^33): ERR, and no allocation tried", wherever sizes are multiplied or added up.
 * [promises: past int64] */
Test(numerics, sizes_that_cannot_be_counted, .timeout = 60) {
    const int64_t B = (int64_t)1 << 33, M = (int64_t)1 << 60;
    heed_tensor pattern;
    REFUSED(heed_add(t, many(HEED_F32, HEED_SHAPE(B, 1)), many(HEED_F32, HEED_SHAPE(1, B))),
            "add: output 0 of shape (8589934592, 8589934592) cannot be: too large, or rank above 8");
    REFUSED(heed_lt(t, many(HEED_F32, HEED_SHAPE(B, 1)), many(HEED_F32, HEED_SHAPE(1, B))),
            "lt: output 0 of shape (8589934592, 8589934592) cannot be: too large, or rank above 8");
    REFUSED(heed_einsum(t, "i,j->ij", (heed_tensor[]){many(HEED_F32, HEED_SHAPE(B)), many(HEED_F32, HEED_SHAPE(B))}, 2),
            "einsum: output 0 of shape (8589934592, 8589934592) cannot be: too large, or rank above 8");
    REFUSED(heed_one_hot(t, heed_zeros(t, HEED_I32, HEED_SHAPE(2)), INT64_MAX, HEED_F32),
            "one_hot: output 0 of shape (2, 9223372036854775807) cannot be: too large, or rank above 8");
    REFUSED(heed_cast(t, many(HEED_F32, HEED_SHAPE(M)), HEED_F64),
            "cast: output 0 of shape (1152921504606846976,) cannot be: too large, or rank above 8");
    REFUSED(heed_stack(t, (heed_tensor[]){many(HEED_F32, HEED_SHAPE(M)), many(HEED_F32, HEED_SHAPE(M))}, 2, 0),
            "stack: output 0 of shape (2, 1152921504606846976) cannot be: too large, or rank above 8");
    REFUSED(heed_attention(t, many(HEED_F32, HEED_SHAPE(B, 1)), many(HEED_F32, HEED_SHAPE(B, 1)),
                           many(HEED_F32, HEED_SHAPE(B, 1)),
                           (heed_attention_options){.causal = true, .pattern = &pattern}),
            "attention: a size is above 2^31 - 1: q (8589934592, 1), k (8589934592, 1), v (8589934592, 1)");
    REFUSED(heed_attention(t, many(HEED_F32, HEED_SHAPE(64, 1)), many(HEED_F32, HEED_SHAPE(M, 1)),
                           many(HEED_F32, HEED_SHAPE(M, 1)), (heed_attention_options){.causal = false}),
            "attention: a size is above 2^31 - 1: q (64, 1), k (1152921504606846976, 1), v (1152921504606846976, 1)");
}

#ifndef __SANITIZE_ADDRESS__ /* which ends the program instead of letting malloc say no */

#define NO_MEMORY(y) no_memory(__LINE__, y)
static void no_memory(int line, heed_tensor y) {
    cr_expect(heed_is_nil(y), "line %d", line);
    cr_expect_eq(heed_tape_status(t), HEED_NO_MEMORY, "line %d: \"%s\"", line, heed_error_text(t));
    heed_tape_reset(t);
}

/* The same where the numbers exist, but no memory for them. */
Test(numerics, sizes_that_no_memory_holds, .timeout = 60) {
    const int64_t M = (int64_t)1 << 60, I = INT32_MAX;
    NO_MEMORY(heed_relu(t, many(HEED_F32, HEED_SHAPE(M))));
    NO_MEMORY(heed_softmax(t, many(HEED_F32, HEED_SHAPE(M)), 0));
    NO_MEMORY(heed_layernorm(t, many(HEED_F32, HEED_SHAPE(M, 1)), HEED_NIL, HEED_NIL, 0));
    NO_MEMORY(heed_nll(t, many(HEED_F32, HEED_SHAPE(M)), heed_zeros(t, HEED_I32, HEED_SCALAR)));
    NO_MEMORY(heed_attention(
        t, many(HEED_F32, HEED_SHAPE(2, 1)), many(HEED_F32, HEED_SHAPE(I, 1)), many(HEED_F32, HEED_SHAPE(I, I / 8)),
        (heed_attention_options){.causal = true})); /* I x I / 8 elements beside two rows of results */
    NO_MEMORY(heed_dropout(t, many(HEED_F32, HEED_SHAPE(M)), 0.5));
    NO_MEMORY(heed_randn(t, HEED_F32, HEED_SHAPE(M)));
    heed_tensor x = heed_variable(t, HEED_F32, HEED_SHAPE(1), (float[]){1}), wide = heed_expand(t, x, HEED_SHAPE(M));
    cr_expect_eq(heed_backward(t, heed_sum(t, heed_slice(t, wide, 0, 0, 2), HEED_ALL_AXES), NULL), HEED_NO_MEMORY);
    heed_tape_reset(t);
    cr_expect_eq(heed_item(t, heed_full(t, HEED_F32, HEED_SCALAR, 3)), 3, "the tape goes on");
}

#endif

/* "rank above the maximum ... ERR" [promises: ranks] */
Test(numerics, ranks_above_the_maximum) {
    heed_shape eight = HEED_SHAPE(1, 1, 1, 1, 1, 1, 1, 1);
    heed_tensor x = zeros(eight);
    REFUSED(heed_stack(t, &x, 1, 0),
            "stack: (1, 1, 1, 1, 1, 1, 1, 1) has no room for a further axis: the rank is at most 8");
    REFUSED(heed_one_hot(t, heed_zeros(t, HEED_I32, eight), 2, HEED_F32),
            "one_hot: (1, 1, 1, 1, 1, 1, 1, 1) has no room for a further axis: the rank is at most 8");
    REFUSED(heed_embedding(t, zeros(HEED_SHAPE(2, 2)), heed_zeros(t, HEED_I32, eight)),
            "embedding: the index, (1, 1, 1, 1, 1, 1, 1, 1), has no room for a further axis: the rank is at most 8");
    heed_tensor wide = zeros(HEED_SHAPE(1, 1, 1, 1, 1));
    REFUSED(heed_einsum(t, "abcde,fghij->abcdefghij", (heed_tensor[]){wide, wide}, 2),
            "einsum: \"abcde,fghij->abcdefghij\": the result has more than 8 axes");
}

/* "Sizes 1, 15, 16, 17, 31, 33 all exact": ops over rows, against plain loops in double. */
static const int64_t sizes[] = {1, 15, 16, 17, 31, 33};
enum { ROWS = 3, LONGEST = 33 };

static void expect_rows(const char *what, heed_tensor y, const double *want, int64_t n) {
    const double *got = heed_f64(t, y);
    cr_assert(got, "%s: %s", what, heed_error_text(t));
    for (int64_t i = 0; i < ROWS * n; i++)
        cr_assert(fabs(got[i] - want[i]) <= 1e-13, "%s of %d: element %d is %.17g, not %.17g", what, (int)n, (int)i,
                  got[i], want[i]);
}

/* [promises: odd sizes] */
Test(numerics, norms_of_every_size) {
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int64_t n = sizes[s];
        heed_tensor x = draws(HEED_F64, HEED_SHAPE(ROWS, n), 1), gain = draws(HEED_F64, HEED_SHAPE(n), 2),
                    shift = draws(HEED_F64, HEED_SHAPE(n), 3);
        const double *v = heed_f64(t, x), *g = heed_f64(t, gain), *b = heed_f64(t, shift);
        double layer[ROWS * LONGEST], rms[ROWS * LONGEST];
        for (int r = 0; r < ROWS; r++) {
            double mean = 0, spread = 0, square = 0;
            for (int64_t i = 0; i < n; i++)
                mean += v[r * n + i] / (double)n;
            for (int64_t i = 0; i < n; i++) {
                spread += (v[r * n + i] - mean) * (v[r * n + i] - mean) / (double)n;
                square += v[r * n + i] * v[r * n + i] / (double)n;
            }
            for (int64_t i = 0; i < n; i++) {
                layer[r * n + i] = (v[r * n + i] - mean) / sqrt(spread + 0.01) * g[i] + b[i];
                rms[r * n + i] = v[r * n + i] / sqrt(square + 0.01) * g[i];
            }
        }
        expect_rows("layernorm", heed_layernorm(t, x, gain, shift, 0.01), layer, n);
        expect_rows("rmsnorm", heed_rmsnorm(t, x, gain, 0.01), rms, n);
        heed_tape_reset(t);
    }
}

/* [promises: odd sizes] */
Test(numerics, cross_entropy_of_every_size) {
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int64_t n = sizes[s];
        const int32_t labels[ROWS] = {0, (int32_t)(n / 2), (int32_t)(n - 1)};
        heed_tensor x = draws(HEED_F64, HEED_SHAPE(ROWS, n), 1), y = heed_input(t, HEED_I32, HEED_SHAPE(ROWS), labels);
        const double *v = heed_f64(t, x);
        double loss = 0, dx[ROWS * LONGEST];
        for (int r = 0; r < ROWS; r++) {
            double total = 0;
            for (int64_t i = 0; i < n; i++)
                total += exp(v[r * n + i]);
            loss += (log(total) - v[r * n + labels[r]]) / ROWS;
            for (int64_t i = 0; i < n; i++)
                dx[r * n + i] = (exp(v[r * n + i]) / total - (i == labels[r])) / ROWS;
        }
        heed_tensor got = heed_cross_entropy(t, x, y);
        cr_assert(fabs(heed_item(t, got) - loss) <= 1e-13, "%d: %.17g, not %.17g", (int)n, heed_item(t, got), loss);
        back(got, HEED_NIL);
        expect_rows("cross_entropy's gradient", heed_grad(t, x), dx, n);
        heed_tape_reset(t);
    }
}

/* "0·inf inside matmul stays NaN": in every place of a matrix larger than any block, and nowhere else. [promises:
 * 0·inf] */
Test(numerics, zeros_times_an_infinity_anywhere) {
    enum { M = 19, K = 301, N = 37 };
    static float values[K * N];
    const int places[][2] = {{0, 0}, {K - 1, N - 1}, {255, 16}, {256, 31}, {7, 36}, {300, 1}};
    for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
        memset(values, 0, sizeof values);
        values[places[p][0] * N + places[p][1]] = INFINITY;
        heed_tensor b = heed_input(t, HEED_F32, HEED_SHAPE(K, N), values);
        heed_tensor results[2] = {heed_matmul(t, zeros(HEED_SHAPE(M, K)), b),
                                  heed_linear(t, zeros(HEED_SHAPE(M, K)), heed_transpose(t, b, 0, 1), HEED_NIL)};
        for (int i = 0; i < 2 * M * N; i++) {
            float got = heed_f32(t, results[i / (M * N)])[i % (M * N)];
            cr_assert(i % N == places[p][1] ? isnan(got) : got == 0, "place %zu, element %d: %g", p, i % (M * N),
                      (double)got);
        }
        heed_tape_reset(t);
    }
}
