/* Reductions: the edges by hand, twins in double over all sets of axes, sums that lose nothing, and the same bits for any number
 * of threads. */
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

TestSuite(reduce, .init = setup, .fini = teardown);

#define LENGTH(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* ---- helpers ---- */

static double value_at(heed_tensor x, int64_t i) {
    switch (heed_dtype_of(t, x)) {
    case HEED_F32: return (double)heed_f32(t, x)[i];
    case HEED_F64: return heed_f64(t, x)[i];
    default: return heed_i32(t, x)[i];
    }
}

/* NaN equals NaN, inf equals inf of its sign; other values agree to `tolerance` of 1 or of themselves. */
static bool agree(double got, double want, double tolerance) {
    if (isnan(want) || isinf(want))
        return isnan(want) ? isnan(got) : got == want;
    return fabs(got - want) <= tolerance * (1 + fabs(want));
}

static void expect(heed_tensor y, heed_shape shape, const double *want) {
    cr_assert_eq(heed_tape_status(t), HEED_OK, "%s", heed_error_text(t));
    cr_assert(heed_shape_equal(heed_shape_of(t, y), shape), "shape is %s, not %s", HEED_SHAPE_STR(heed_shape_of(t, y)), HEED_SHAPE_STR(shape));
    for (int64_t i = 0; i < heed_shape_count(shape); i++)
        cr_assert(agree(value_at(y, i), want[i], 0), "element %d is %g, not %g", (int)i, value_at(y, i), want[i]);
}
#define EXPECT(y, shape, ...) expect((y), (shape), (const double[]){__VA_ARGS__})

static void expect_error(const char *text) {
    cr_assert_str_eq(heed_error_text(t), text);
    heed_tape_reset(t);
}

/* n doubles as a variable of either real dtype. */
static heed_tensor variable(heed_dtype dtype, heed_shape shape, const double *values) {
    int64_t n = heed_shape_count(shape);
    if (dtype == HEED_F64)
        return heed_variable(t, dtype, shape, values);
    float *narrow = malloc((size_t)(n + 1) * sizeof *narrow);
    for (int64_t i = 0; i < n; i++)
        narrow[i] = (float)values[i];
    heed_tensor x = heed_variable(t, dtype, shape, narrow);
    free(narrow);
    return x;
}
#define VARIABLE(shape, ...) variable(HEED_F64, (shape), (const double[]){__VA_ARGS__})

static heed_tensor gradient(heed_tensor y, const double *seed, heed_tensor x) {
    heed_tensor given = heed_detach(t, variable(heed_dtype_of(t, y), heed_shape_of(t, y), seed));
    heed_status status = heed_backward_with(t, y, NULL, (heed_backward_options){.seed = given, .retain = true});
    cr_assert_eq(status, HEED_OK, "%s", heed_error_text(t));
    return heed_grad(t, x);
}
#define GRADIENT(y, x, ...) gradient((y), (const double[]){__VA_ARGS__}, (x))

/* ---- sum, mean ---- */

Test(reduce, sums_over_axes) {
    heed_tensor x = VARIABLE(HEED_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    EXPECT(heed_sum(t, x, HEED_ALL_AXES), HEED_SCALAR, 21);
    EXPECT(heed_sum(t, x, HEED_AXES(0)), HEED_SHAPE(3), 5, 7, 9);
    EXPECT(heed_sum(t, x, HEED_AXES(-1)), HEED_SHAPE(2), 6, 15);
    EXPECT(heed_sum(t, x, HEED_KEEP(1)), HEED_SHAPE(2, 1), 6, 15);
    EXPECT(heed_sum(t, x, HEED_KEEP(1, 0)), HEED_SHAPE(1, 1), 21);
    EXPECT(heed_sum(t, x, ((heed_axes){.keepdim = true})), HEED_SHAPE(1, 1), 21);
    EXPECT(heed_sum(t, VARIABLE(HEED_SCALAR, 5), HEED_ALL_AXES), HEED_SCALAR, 5);
    EXPECT(heed_sum(t, heed_transpose(t, x, 0, 1), HEED_AXES(0)), HEED_SHAPE(2), 6, 15);
    EXPECT(heed_mean(t, x, HEED_AXES(0)), HEED_SHAPE(3), 2.5, 3.5, 4.5);
    EXPECT(GRADIENT(heed_sum(t, x, HEED_AXES(0)), x, 1, 2, 3), HEED_SHAPE(2, 3), 1, 2, 3, 1, 2, 3);
    EXPECT(GRADIENT(heed_mean(t, x, HEED_AXES(1)), x, 3, 6), HEED_SHAPE(2, 3), 1, 1, 1, 2, 2, 2);
}

/* numerics.md, Reductions: sum of nothing 0, mean of nothing NaN. */
Test(reduce, of_nothing) {
    heed_tensor none = VARIABLE(HEED_SHAPE(2, 0, 3), 0);
    EXPECT(heed_sum(t, none, HEED_ALL_AXES), HEED_SCALAR, 0);
    EXPECT(heed_sum(t, none, HEED_AXES(1)), HEED_SHAPE(2, 3), 0, 0, 0, 0, 0, 0);
    EXPECT(heed_sum(t, none, HEED_AXES(0)), HEED_SHAPE(0, 3), 0);
    EXPECT(heed_mean(t, none, HEED_ALL_AXES), HEED_SCALAR, NAN);
    EXPECT(heed_mean(t, none, HEED_AXES(1)), HEED_SHAPE(2, 3), NAN, NAN, NAN, NAN, NAN, NAN);
    EXPECT(heed_prod(t, none, HEED_AXES(1, 2)), HEED_SHAPE(2), 1, 1);
    EXPECT(heed_var(t, none, HEED_ALL_AXES, 0), HEED_SCALAR, NAN);
    EXPECT(heed_logsumexp(t, none, HEED_AXES(1)), HEED_SHAPE(2, 3), -INFINITY, -INFINITY, -INFINITY, -INFINITY, -INFINITY, -INFINITY);
    EXPECT(heed_max(t, none, HEED_AXES(0)), HEED_SHAPE(0, 3), 0);
    EXPECT(heed_cumsum(t, none, 1), HEED_SHAPE(2, 0, 3), 0);
    EXPECT(GRADIENT(heed_sum(t, none, HEED_AXES(1)), none, 1, 2, 3, 4, 5, 6), HEED_SHAPE(2, 0, 3), 0);
}

/* numerics.md, Reductions: max of nothing ERR. */
Test(reduce, max_of_nothing_is_refused) {
    heed_max(t, VARIABLE(HEED_SHAPE(2, 0), 0), HEED_AXES(1));
    expect_error("max: there is no element to choose from in (2, 0)");
    heed_min(t, VARIABLE(HEED_SHAPE(0), 0), HEED_ALL_AXES);
    expect_error("min: there is no element to choose from in (0,)");
    heed_argmax(t, VARIABLE(HEED_SHAPE(0, 0), 0), 0, false);
    expect_error("argmax: there is no element to choose from in (0, 0)");
}

/* numerics.md, Reductions: f32 sum of 2^25 ones is exactly 2^25. Summed all together, along, and across. */
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

/* numerics.md, Shapes: axis out of range: ERR. */
Test(reduce, axes_are_checked) {
    heed_tensor x = VARIABLE(HEED_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    heed_sum(t, x, HEED_AXES(2));
    expect_error("sum: axis 2 is outside -2..1 of (2, 3)");
    heed_mean(t, VARIABLE(HEED_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), HEED_AXES(0, -2));
    expect_error("mean: axis 0 is given twice");
    heed_max(t, VARIABLE(HEED_SHAPE(2), 1, 2), HEED_AXES(0, 0));
    expect_error("max: 2 axes are given, (2,) has 1");
    heed_sum(t, VARIABLE(HEED_SCALAR, 1), HEED_AXES(0));
    expect_error("sum: 1 axes are given, () has 0");
    heed_argmax(t, VARIABLE(HEED_SHAPE(2), 1, 2), 1, false);
    expect_error("argmax: axis 1 is outside -1..0 of (2,)");
    heed_cumsum(t, VARIABLE(HEED_SHAPE(2), 1, 2), -2);
    expect_error("cumsum: axis -2 is outside -1..0 of (2,)");
    heed_sum(t, heed_ones(t, HEED_I32, HEED_SHAPE(2)), HEED_ALL_AXES);
    expect_error("sum: it does not compute on i32; see heed_cast");
}

/* ---- max, min, argmax ---- */

/* numerics.md, Reductions: max's ties take the first index. "First" is in row-major order over the axes reduced. */
Test(reduce, ties_go_to_the_first) {
    heed_tensor x = VARIABLE(HEED_SHAPE(2, 3), 1, 7, 7, 7, 0, 7);
    EXPECT(heed_max(t, x, HEED_AXES(1)), HEED_SHAPE(2), 7, 7);
    EXPECT(heed_argmax(t, x, 1, false), HEED_SHAPE(2), 1, 0);
    EXPECT(heed_argmax(t, x, 0, true), HEED_SHAPE(1, 3), 1, 0, 0);
    EXPECT(GRADIENT(heed_max(t, x, HEED_AXES(1)), x, 10, 20), HEED_SHAPE(2, 3), 0, 10, 0, 20, 0, 0);
    EXPECT(GRADIENT(heed_max(t, x, HEED_AXES(0)), x, 1, 2, 3), HEED_SHAPE(2, 3), 0, 2, 3, 1, 0, 0);
    EXPECT(GRADIENT(heed_max(t, x, HEED_ALL_AXES), x, 5), HEED_SHAPE(2, 3), 0, 5, 0, 0, 0, 0);
    heed_tensor y = VARIABLE(HEED_SHAPE(2, 1, 2), 3, -1, -1, 3);
    EXPECT(GRADIENT(heed_min(t, y, HEED_AXES(0, 2)), y, 5), HEED_SHAPE(2, 1, 2), 0, 5, 0, 0);
    EXPECT(heed_argmax(t, heed_transpose(t, x, 0, 1), 0, false), HEED_SHAPE(2), 1, 0);
}

/* numerics.md, Elementwise: relu, max, min pass NaN on. The first NaN is the one taken. */
Test(reduce, max_and_min_pass_nan_on) {
    heed_tensor x = VARIABLE(HEED_SHAPE(2, 4), 1, NAN, 9, NAN, -INFINITY, -INFINITY, -INFINITY, -INFINITY);
    EXPECT(heed_max(t, x, HEED_AXES(1)), HEED_SHAPE(2), NAN, -INFINITY);
    EXPECT(heed_min(t, x, HEED_AXES(1)), HEED_SHAPE(2), NAN, -INFINITY);
    EXPECT(heed_argmax(t, x, 1, false), HEED_SHAPE(2), 1, 0);
    EXPECT(GRADIENT(heed_max(t, x, HEED_AXES(1)), x, 3, 4), HEED_SHAPE(2, 4), 0, 3, 0, 0, 4, 0, 0, 0);
}

/* ---- prod ---- */

Test(reduce, prod_gradient_is_right_beside_zeros) {
    heed_tensor x = VARIABLE(HEED_SHAPE(4, 3), 2, 3, 4, 2, 0, 4, 0, 3, 0, 0, 0, 0);
    heed_tensor y = heed_prod(t, x, HEED_AXES(1));
    EXPECT(y, HEED_SHAPE(4), 24, 0, 0, 0);
    EXPECT(GRADIENT(y, x, 1, 10, 1, 1), HEED_SHAPE(4, 3), 12, 8, 6, 0, 80, 0, 0, 0, 0, 0, 0, 0);
    EXPECT(GRADIENT(heed_prod(t, x, HEED_AXES(0)), x, 1, 1, 1), HEED_SHAPE(4, 3), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

/* In f32 the product of the others is right though the product of all those before is not a float. */
Test(reduce, prod_keeps_range_in_between) {
    heed_tensor x = variable(HEED_F32, HEED_SHAPE(4), (double[]){1e30, 1e30, 1e-30, 1e-30});
    heed_tensor y = heed_prod(t, x, HEED_ALL_AXES);
    cr_assert(agree(heed_item(t, y), 1, 1e-6));
    const float *g = heed_f32(t, GRADIENT(y, x, 1));
    cr_assert(agree(g[0] * 1e30, 1, 1e-6) && agree(g[3] * 1e-30, 1, 1e-6));
}

/* ---- var ---- */

Test(reduce, var_with_either_correction) {
    heed_tensor x = VARIABLE(HEED_SHAPE(4), 1, 2, 3, 6);
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
    EXPECT(heed_var(t, variable(HEED_F32, HEED_SHAPE(N), x), HEED_ALL_AXES, 0), HEED_SCALAR, 2);
    heed_tensor rows = heed_var(t, variable(HEED_F32, HEED_SHAPE(N / 5, 5), x), HEED_AXES(1), 0);
    for (int i = 0; i < N / 5; i++)
        cr_assert_eq(heed_f32(t, rows)[i], 2);
}

/* ---- logsumexp ---- */

/* numerics.md, Reductions: logsumexp of all -inf is -inf; and nothing overflows on the way. */
Test(reduce, logsumexp_at_the_edges) {
    const double inf = INFINITY;
    static const heed_dtype dtypes[] = {HEED_F32, HEED_F64};
    for (int d = 0; d < LENGTH(dtypes); d++) {
        heed_tensor x = variable(dtypes[d], HEED_SHAPE(7, 2), (double[]){-inf, -inf, -inf, 3, 1e30, 1e30, -1e30, -1e30, inf, 0, NAN, 0, 7, -inf});
        heed_tensor y = heed_logsumexp(t, x, HEED_AXES(1));
        const double want[] = {-inf, 3, 1e30, -1e30, inf, NAN, 7};
        for (int i = 0; i < 7; i++)
            cr_assert(agree(value_at(y, i), want[i], 1e-6), "row %d: %g", i, value_at(y, i));
        heed_tensor g = GRADIENT(heed_slice(t, y, 0, 0, 4), x, 1, 1, 1, 1);
        const double slope[] = {0, 0, 0, 1, 1, 1, 1, 1}; /* at 1e30 log 2 is lost, and e^(x - y) is 1 */
        for (int i = 0; i < 8; i++)
            cr_assert(agree(value_at(g, i), slope[i], 1e-6), "gradient %d: %g", i, value_at(g, i));
    }
}

/* ---- cumsum ---- */

Test(reduce, cumsum_along_any_axis) {
    heed_tensor x = VARIABLE(HEED_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
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
    heed_tensor x = VARIABLE(HEED_SHAPE(2, 5), 3, 1, 3, 5, 2, NAN, -1, INFINITY, NAN, -INFINITY), where;
    EXPECT(heed_topk(t, x, 3, &where), HEED_SHAPE(2, 3), 5, 3, 3, NAN, NAN, INFINITY);
    EXPECT(where, HEED_SHAPE(2, 3), 3, 0, 2, 0, 3, 2);
    EXPECT(heed_topk(t, x, 0, &where), HEED_SHAPE(2, 0), 0);
    EXPECT(heed_topk(t, x, 5, &where), HEED_SHAPE(2, 5), 5, 3, 3, 2, 1, NAN, NAN, INFINITY, -1, -INFINITY);
    EXPECT(where, HEED_SHAPE(2, 5), 3, 0, 2, 4, 1, 0, 3, 2, 1, 4);
    heed_topk(t, x, 6, &where);
    cr_assert(heed_is_nil(where));
    expect_error("topk: k is 6; it must be 0 to 5, the last axis of (2, 5)");
    heed_topk(t, VARIABLE(HEED_SCALAR, 1), 1, &where);
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

/* ---- twins over all sets of axes ---- */

typedef heed_tensor reduce_fn(heed_tape *, heed_tensor, heed_axes);
static heed_tensor var_0(heed_tape *tape, heed_tensor x, heed_axes axes) { return heed_var(tape, x, axes, 0); }

static double twin_sum(const double *x, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += x[i];
    return sum;
}
static double twin_mean(const double *x, int n) { return twin_sum(x, n) / n; }
static double twin_max(const double *x, int n) {
    double best = x[0];
    for (int i = 1; i < n; i++)
        best = fmax(best, x[i]);
    return best;
}
static double twin_min(const double *x, int n) {
    double best = x[0];
    for (int i = 1; i < n; i++)
        best = fmin(best, x[i]);
    return best;
}
static double twin_prod(const double *x, int n) {
    double product = 1;
    for (int i = 0; i < n; i++)
        product *= x[i];
    return product;
}
static double twin_var(const double *x, int n) {
    double mean = twin_mean(x, n), sum = 0;
    for (int i = 0; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return sum / n;
}
static double twin_logsumexp(const double *x, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += exp(x[i]);
    return log(sum);
}

static double slope_sum(const double *x, int n, int i) { return (void)x, (void)n, (void)i, 1; }
static double slope_mean(const double *x, int n, int i) { return (void)x, (void)i, 1.0 / n; }
static double slope_max(const double *x, int n, int i) { return x[i] == twin_max(x, n); }
static double slope_min(const double *x, int n, int i) { return x[i] == twin_min(x, n); }
static double slope_prod(const double *x, int n, int i) { return twin_prod(x, i) * twin_prod(x + i + 1, n - i - 1); }
static double slope_var(const double *x, int n, int i) { return 2 * (x[i] - twin_mean(x, n)) / n; }
static double slope_logsumexp(const double *x, int n, int i) { return exp(x[i] - twin_logsumexp(x, n)); }

static const struct {
    const char *name;
    reduce_fn *op;
    double (*value)(const double *x, int n);
    double (*slope)(const double *x, int n, int i);
} twins[] = {
    {"sum", heed_sum, twin_sum, slope_sum},
    {"mean", heed_mean, twin_mean, slope_mean},
    {"max", heed_max, twin_max, slope_max},
    {"min", heed_min, twin_min, slope_min},
    {"prod", heed_prod, twin_prod, slope_prod},
    {"var", var_0, twin_var, slope_var},
    {"logsumexp", heed_logsumexp, twin_logsumexp, slope_logsumexp},
};

enum { MOST = 2000 };

/* Which output each element of x belongs to. */
static void find_owners(heed_shape x, unsigned reduced, int *owner) {
    int64_t n = heed_shape_count(x);
    for (int64_t flat = 0; flat < n; flat++) {
        int64_t rest = flat, at = 0, stride = 1;
        for (int i = x.rank - 1; i >= 0; i--) {
            if (!(reduced >> i & 1)) {
                at += rest % x.n[i] * stride;
                stride *= x.n[i];
            }
            rest /= x.n[i];
        }
        owner[flat] = (int)at;
    }
}

static void check_twin(int which, heed_dtype dtype, heed_shape shape, unsigned reduced, bool keepdim) {
    static double values[MOST], seed[MOST], row[MOST];
    static int owner[MOST], place[MOST];
    heed_axes axes = {.keepdim = keepdim};
    for (int i = 0; i < shape.rank; i++)
        if (reduced >> i & 1)
            axes.axis[axes.n++] = i % 2 ? i - shape.rank : i;
    int n = (int)heed_shape_count(shape), outputs = 0;
    find_owners(shape, reduced, owner);
    for (int i = 0; i < n; i++) {
        values[i] = (double)(float)heed_rng_normal((uint64_t)which, (uint64_t)i);
        seed[i] = (double)(float)heed_rng_normal(99, (uint64_t)i);
        outputs = owner[i] >= outputs ? owner[i] + 1 : outputs;
    }
    heed_tensor x = variable(dtype, shape, values), y = twins[which].op(t, x, axes);
    cr_assert_eq(heed_tape_status(t), HEED_OK, "%s", heed_error_text(t));
    cr_assert_eq(heed_count(t, y), outputs);
    cr_assert_eq(heed_rank(t, y), keepdim ? shape.rank : shape.rank - axes.n);
    heed_tensor g = gradient(y, seed, x);
    double tolerance = dtype == HEED_F32 ? 2e-6 : 1e-12;
    for (int o = 0; o < outputs; o++) {
        int m = 0;
        for (int i = 0; i < n; i++)
            if (owner[i] == o) {
                place[m] = i;
                row[m++] = values[i];
            }
        double want = twins[which].value(row, m);
        cr_assert(agree(value_at(y, o), want, tolerance), "%s of %s, axes %x, output %d: %.17g, not %.17g", twins[which].name,
                  HEED_SHAPE_STR(shape), reduced, o, value_at(y, o), want);
        for (int i = 0; i < m; i++) {
            double slope = seed[o] * twins[which].slope(row, m, i);
            cr_assert(agree(value_at(g, place[i]), slope, tolerance), "%s of %s, axes %x, gradient %d: %.17g, not %.17g", twins[which].name,
                      HEED_SHAPE_STR(shape), reduced, place[i], value_at(g, place[i]), slope);
        }
    }
    heed_tape_reset(t);
}

/* numerics.md, Shapes: sizes 1, 15, 16, 17, 31, 33 all exact. */
Test(reduce, every_set_of_axes_agrees_with_its_twin) {
    static const heed_shape shapes[] = {{1, {1}},        {1, {15}},       {1, {16}},       {1, {17}},          {1, {31}},          {1, {33}},
                                        {2, {16, 33}},   {2, {31, 1}},    {2, {3, 129}},   {3, {2, 3, 4}},     {3, {5, 1, 17}},    {3, {15, 2, 16}},
                                        {4, {2, 3, 2, 5}}, {4, {3, 1, 4, 1}}, {5, {2, 3, 2, 3, 2}}};
    for (int which = 0; which < LENGTH(twins); which++)
        for (int s = 0; s < LENGTH(shapes); s++)
            for (unsigned reduced = 1; reduced < 1u << shapes[s].rank; reduced++) {
                check_twin(which, HEED_F64, shapes[s], reduced, reduced % 2);
                check_twin(which, HEED_F32, shapes[s], reduced, reduced % 2 == 0);
            }
}

/* Rows longer than a block, and columns with more rows than one. */
Test(reduce, long_reductions_agree_with_their_twins) {
    enum { N = 300000 };
    static double values[N];
    for (int i = 0; i < N; i++)
        values[i] = heed_rng_normal(5, (uint64_t)i);
    static const heed_shape shapes[] = {{3, {1, 300000, 1}}, {3, {3, 100000, 1}}, {3, {1, 10000, 30}}, {3, {2, 1500, 100}}, {3, {1, 257, 65}}};
    for (int s = 0; s < LENGTH(shapes); s++) {
        int64_t n = shapes[s].n[1], inner = shapes[s].n[2];
        heed_tensor x = heed_input(t, HEED_F64, shapes[s], values);
        heed_tensor sum = heed_sum(t, x, HEED_AXES(1)), var = heed_var(t, x, HEED_AXES(1), 0), lse = heed_logsumexp(t, x, HEED_AXES(1));
        static double column[N];
        for (int64_t o = 0; o < shapes[s].n[0] * inner; o++) {
            for (int64_t i = 0; i < n; i++)
                column[i] = values[(o / inner * n + i) * inner + o % inner];
            cr_assert(agree(heed_f64(t, sum)[o], twin_sum(column, (int)n), 1e-10));
            cr_assert(agree(heed_f64(t, var)[o], twin_var(column, (int)n), 1e-11));
            cr_assert(agree(heed_f64(t, lse)[o], twin_logsumexp(column, (int)n), 1e-12));
        }
    }
}

/* ---- threads ---- */

static void each_reduction(heed_tensor x, heed_axes axes, float *results, int64_t *n) {
    heed_tensor ys[] = {heed_sum(t, x, axes), heed_mean(t, x, axes), heed_max(t, x, axes), heed_var(t, x, axes, 1), heed_logsumexp(t, x, axes),
                        heed_prod(t, x, axes), heed_cumsum(t, x, axes.n ? axes.axis[0] : 0)};
    for (int k = 0; k < LENGTH(ys); k++) {
        int64_t count = heed_count(t, ys[k]);
        heed_tensor g = heed_ones(t, HEED_F32, heed_shape_of(t, ys[k]));
        heed_status status = heed_backward_with(t, ys[k], NULL, (heed_backward_options){.seed = g});
        cr_assert_eq(status, HEED_OK, "%s", heed_error_text(t));
        memcpy(results + *n, heed_f32(t, ys[k]), (size_t)count * sizeof *results);
        *n += count;
        memcpy(results + *n, heed_f32(t, heed_grad(t, x)), (size_t)heed_count(t, x) * sizeof *results);
        *n += heed_count(t, x);
    }
}

/* numerics.md, Determinism: the same bits for every thread count. */
Test(reduce, the_same_bits_for_any_number_of_threads) {
    enum { N = 40 * 50 * 60, ROOM = 20 * N };
    static const int threads[] = {1, 2, 3, 7};
    static const heed_axes sets[] = {{0}, {1, {0}, false}, {1, {1}, false}, {1, {2}, false}, {2, {0, 2}, false}, {2, {0, 1}, true}};
    static float values[N], first[ROOM], now[ROOM];
    for (int i = 0; i < N; i++)
        values[i] = (float)heed_rng_normal(1, (uint64_t)i);
    for (int s = 0; s < LENGTH(sets); s++)
        for (int k = 0; k < LENGTH(threads); k++) {
            int64_t n = 0;
            heed_tape_reset(t);
            heed_tape_set_threads(t, threads[k]);
            each_reduction(heed_variable(t, HEED_F32, HEED_SHAPE(40, 50, 60), values), sets[s], k ? now : first, &n);
            cr_assert(k == 0 || memcmp(now, first, (size_t)n * sizeof *now) == 0, "axes %d, %d threads", s, threads[k]);
        }
}
