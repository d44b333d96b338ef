/* Arithmetic of two operands: values by hand at the edges, NumPy's broadcasting against a naive twin in double, and the
 * same bits for every layout and every number of threads. */
#include "op_testing.h"

TestSuite(operators, .init = ops_setup, .fini = ops_teardown);

typedef heed_tensor binary_fn(heed_tape *, heed_tensor, heed_tensor);

static const struct {
    const char *name;
    binary_fn *fn;
    double a, b, y, da, db;
} pairs[] = {
    {"add", heed_add, 2, 3, 5, 1, 1},
    {"sub", heed_sub, 2, 3, -1, 1, -1},
    {"mul", heed_mul, 2, 3, 6, 3, 2},
    {"div", heed_div, 3, 4, 0.75, 0.25, -0.1875},
    /* "1/±0 = ±inf; 0/0 NaN" */
    {"div", heed_div, 1, 0.0, INFINITY, INFINITY, -INFINITY},
    {"div", heed_div, 1, -0.0, -INFINITY, -INFINITY, -INFINITY},
    {"div", heed_div, 0, 0, NAN, INFINITY, NAN},
    {"maximum", heed_maximum, 2, 3, 3, 0, 1},
    {"maximum", heed_maximum, 3, 2, 3, 1, 0},
    {"maximum", heed_maximum, 2, 2, 2, 0.5, 0.5},
    {"minimum", heed_minimum, 2, 3, 2, 1, 0},
    {"minimum", heed_minimum, 3, 2, 2, 0, 1},
    {"minimum", heed_minimum, 2, 2, 2, 0.5, 0.5},
    /* "relu, max, min pass NaN on" */
    {"maximum", heed_maximum, NAN, 2, NAN, 1, 1},
    {"maximum", heed_maximum, 2, NAN, NAN, 1, 1},
    {"minimum", heed_minimum, NAN, 2, NAN, 1, 1},
    {"minimum", heed_minimum, 2, NAN, NAN, 1, 1},
    {"pow", heed_pow, 2, 3, 8, 12, 5.545177444479562475},
    {"pow", heed_pow, -2, 3, -8, 12, NAN},
    /* "pow(0,0) = 1 with d/dx 0; d/dy 0^y = 0 for y > 0" */
    {"pow", heed_pow, 0, 0, 1, 0, 0},
    {"pow", heed_pow, 0, 2.5, 0, 0, 0},
    {"pow", heed_pow, 0, 1, 0, 1, 0},
    {"pow", heed_pow, 0, -1, INFINITY, -INFINITY, -INFINITY},
    {"pow", heed_pow, -1.5, 0, 1, 0, NAN},
};

/* [promises: 1/0; 0/0; pow(0, 0); 0^y; NaN goes on; at the kink] */
Test(operators, pairs_by_hand) {
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        for (heed_dtype dtype = HEED_F32; dtype <= HEED_F64; dtype++) {
            heed_tape_reset(t);
            heed_tensor a = ops_given(dtype, HEED_SCALAR, &pairs[i].a), b = ops_given(dtype, HEED_SCALAR, &pairs[i].b);
            heed_tensor y = pairs[i].fn(t, a, b);
            ops_backward(y, HEED_NIL);
            const double got[] = {ops_value(y, 0), ops_gradient_at(a, 0), ops_gradient_at(b, 0)};
            const double want[] = {pairs[i].y, pairs[i].da, pairs[i].db};
            const char *const parts[] = {"y", "da", "db"};
            for (int part = 0; part < 3; part++)
                cr_expect(agree(got[part], want[part], ops_tolerance(dtype)), "%s %s(%g, %g): %s = %g, not %g",
                          heed_dtype_name(dtype), pairs[i].name, pairs[i].a, pairs[i].b, parts[part],
                          got[part], want[part]);
        }
}

static double twin_add(double a, double b) { return a + b; }
static double twin_sub(double a, double b) { return a - b; }
static double twin_mul(double a, double b) { return a * b; }
static double twin_div(double a, double b) { return a / b; }
static double one(double a, double b) { return 1 + 0 * a * b; }
static double minus_one(double a, double b) { return -1 + 0 * a * b; }
static double first(double a, double b) { return a + 0 * b; }
static double second(double a, double b) { return b + 0 * a; }
static double div_da(double a, double b) { return 1 / b + 0 * a; }
static double div_db(double a, double b) { return -a / (b * b); }
static double above(double a, double b) { return a > b; }
static double below(double a, double b) { return a < b; }
static double pow_da(double a, double b) { return b * pow(a, b - 1); }
static double pow_db(double a, double b) { return pow(a, b) * log(a); }

static const struct {
    const char *name;
    binary_fn *fn;
    double (*value)(double, double), (*da)(double, double), (*db)(double, double);
} operators[] = {
    {"add", heed_add, twin_add, one, one},          {"sub", heed_sub, twin_sub, one, minus_one},
    {"mul", heed_mul, twin_mul, second, first},     {"div", heed_div, twin_div, div_da, div_db},
    {"maximum", heed_maximum, fmax, above, below},  {"minimum", heed_minimum, fmin, below, above},
    {"pow", heed_pow, pow, pow_da, pow_db},
};
enum { OPERATORS = sizeof operators / sizeof operators[0] };

/* Element `at` of a shape, in row-major order, seen in a smaller shape that broadcasts to it. */
static int64_t seen_in(heed_shape small, heed_shape shape, int64_t at) {
    int64_t index = 0, stride = 1;
    for (int i = 1; i <= small.rank; i++) {
        int64_t size = shape.n[shape.rank - i], n = small.n[small.rank - i];
        index += n == 1 ? 0 : at % size * stride;
        stride *= n;
        at /= size;
    }
    return index;
}

enum { MOST = 4096 };

static void check_broadcast(int op, heed_dtype dtype, heed_shape sa, heed_shape sb) {
    static double a[MOST], b[MOST], seed[MOST], da[MOST], db[MOST];
    heed_shape shape;
    cr_assert(heed_shape_broadcast(sa, sb, &shape));
    int64_t n = heed_shape_count(shape), na = heed_shape_count(sa), nb = heed_shape_count(sb);
    values_scatter(a, na, 0.25, 2, 1);
    values_scatter(b, nb, 0.25, 2, 2);
    values_scatter(seed, n, -1, 1, 3);
    memset(da, 0, sizeof da);
    memset(db, 0, sizeof db);
    heed_tape_reset(t);
    heed_tensor ta = ops_given(dtype, sa, a), tb = ops_given(dtype, sb, b);
    heed_tensor y = operators[op].fn(t, ta, tb);
    cr_assert(heed_shape_equal(heed_shape_of(t, y), shape), "%s", heed_error_text(t));
    ops_backward(y, ops_given(dtype, shape, seed));
    for (int64_t i = 0; i < n; i++) {
        int64_t ia = seen_in(sa, shape, i), ib = seen_in(sb, shape, i);
        double want = operators[op].value(a[ia], b[ib]);
        da[ia] += seed[i] * operators[op].da(a[ia], b[ib]);
        db[ib] += seed[i] * operators[op].db(a[ia], b[ib]);
        cr_assert(agree(ops_value(y, i), want, ops_tolerance(dtype)), "%s %s %s: y[%d] = %g, not %g",
                  operators[op].name, HEED_SHAPE_STR(sa), HEED_SHAPE_STR(sb), (int)i, ops_value(y, i), want);
    }
    double tolerance = ops_tolerance(dtype) * (double)(1 + n / (na < nb ? na : nb)); /* of sums of so many terms */
    for (int64_t i = 0; i < na; i++)
        cr_assert(agree(ops_gradient_at(ta, i), da[i], tolerance), "%s: da[%d]", operators[op].name, (int)i);
    for (int64_t i = 0; i < nb; i++)
        cr_assert(agree(ops_gradient_at(tb, i), db[i], tolerance), "%s: db[%d]", operators[op].name, (int)i);
}

/* "NumPy's broadcasting"; "Sizes 1, 15, 16, 17, 31, 33 all exact" [promises: broadcasting] */
Test(operators, broadcasting_agrees_with_a_naive_twin) {
    const heed_shape shapes[][2] = {
        {HEED_SCALAR, HEED_SCALAR},
        {HEED_SHAPE(1), HEED_SCALAR},
        {HEED_SCALAR, HEED_SHAPE(31)},
        {HEED_SHAPE(15), HEED_SHAPE(15)},
        {HEED_SHAPE(16), HEED_SHAPE(16)},
        {HEED_SHAPE(17), HEED_SHAPE(1)},
        {HEED_SHAPE(33), HEED_SHAPE(33)},
        {HEED_SHAPE(7, 33), HEED_SHAPE(33)},
        {HEED_SHAPE(33), HEED_SHAPE(7, 33)},
        {HEED_SHAPE(7, 1), HEED_SHAPE(7, 33)},
        {HEED_SHAPE(7, 33), HEED_SHAPE(7, 1)},
        {HEED_SHAPE(31, 1), HEED_SHAPE(1, 17)},
        {HEED_SHAPE(2, 1, 3, 1), HEED_SHAPE(4, 1, 5)},
        {HEED_SHAPE(3, 4, 5, 6), HEED_SHAPE(4, 1, 6)},
        {HEED_SHAPE(2, 3, 1), HEED_SHAPE(2, 1, 5)},
        {HEED_SHAPE(64, 33), HEED_SHAPE(64, 33)},
    };
    for (int op = 0; op < OPERATORS; op++)
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
            for (heed_dtype dtype = HEED_F32; dtype <= HEED_F64; dtype++)
                check_broadcast(op, dtype, shapes[i][0], shapes[i][1]);
}

/* "x+x, x·x ... accumulate" [promises: used twice] */
Test(operators, both_operands_may_be_one) {
    static const struct {
        binary_fn *fn;
        double y, dx;
    } same[] = {{heed_add, -4, 2}, {heed_sub, 0, 0}, {heed_mul, 4, -4}, {heed_div, 1, 0}, {heed_maximum, -2, 1}};
    const double x = -2;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        heed_tape_reset(t);
        heed_tensor in = ops_given(HEED_F64, HEED_SCALAR, &x), y = same[i].fn(t, in, in);
        ops_backward(y, HEED_NIL);
        cr_expect(ops_value(y, 0) == same[i].y, "case %d: %g", (int)i, ops_value(y, 0));
        cr_expect(ops_gradient_at(in, 0) == same[i].dx, "case %d: gradient %g", (int)i, ops_gradient_at(in, 0));
    }
}

/* "any dim 0 is fine", "(0)+(1) is (0)" [promises: (0) + (1)] */
Test(operators, empty_tensors) {
    heed_tensor none = heed_variable(t, HEED_F32, HEED_SHAPE(0), NULL);
    heed_tensor y = heed_relu(t, heed_add(t, none, heed_ones(t, HEED_F32, HEED_SHAPE(1))));
    cr_expect(heed_count(t, y) == 0 && heed_rank(t, y) == 1, "%s", heed_error_text(t));
    heed_tensor column = heed_ones(t, HEED_F32, HEED_SHAPE(3, 1, 1));
    heed_tensor wide = heed_mul(t, heed_zeros(t, HEED_F32, HEED_SHAPE(3, 0, 2)), column);
    cr_expect(heed_shape_equal(heed_shape_of(t, wide), HEED_SHAPE(3, 0, 2)), "%s", heed_error_text(t));
    ops_backward(y, heed_ones(t, HEED_F32, HEED_SHAPE(0)));
    cr_expect(heed_count(t, heed_grad(t, none)) == 0);
}

Test(operators, i32_arithmetic_wraps_around) {
    const int32_t a[] = {7, -7, INT32_MAX, INT32_MIN}, b[] = {3, 3, 1, 1};
    heed_tensor x = heed_input(t, HEED_I32, HEED_SHAPE(4), a), y = heed_input(t, HEED_I32, HEED_SHAPE(4), b);
    const int32_t *sum = heed_i32(t, heed_add(t, x, y)), *difference = heed_i32(t, heed_sub(t, x, y));
    const int32_t *product = heed_i32(t, heed_mul(t, x, heed_input(t, HEED_I32, HEED_SCALAR, &b[0])));
    const int32_t sums[] = {10, -4, INT32_MIN, INT32_MIN + 1}, differences[] = {4, -10, INT32_MAX - 1, INT32_MAX};
    const int32_t products[] = {21, -21, 2147483645, INT32_MIN};
    cr_assert(sum && difference && product, "%s", heed_error_text(t));
    for (int i = 0; i < 4; i++)
        cr_expect(sum[i] == sums[i] && difference[i] == differences[i] && product[i] == products[i], "element %d", i);
}

/* ---- layouts, threads, mistakes ---- */

enum { ROWS = 35, COLUMNS = 18, SEEN = ROWS / 2 + 1 };

/* y, and the gradient of what is viewed, of two views, across and backwards by twos, or of their packed copies. */
static void viewed_run(bool packed, binary_fn *fn, double *y, double *dx) {
    static double x[ROWS * COLUMNS];
    values_scatter(x, ROWS * COLUMNS, 0.5, 2, 4);
    heed_tape_reset(t);
    heed_tensor base = ops_given(HEED_F64, HEED_SHAPE(ROWS, COLUMNS), x);
    heed_tensor across = heed_transpose(t, base, 0, 1);
    heed_tensor back = heed_flip(t, heed_reshape(t, base, HEED_SHAPE(COLUMNS, ROWS)), 1);
    heed_tensor a = heed_slice_step(t, across, 1, 0, ROWS, 2), b = heed_slice_step(t, back, 1, 0, ROWS, 2);
    heed_tensor out = packed ? fn(t, heed_contiguous(t, a), heed_contiguous(t, b)) : fn(t, a, b);
    cr_assert(heed_count(t, out) == COLUMNS * SEEN, "%s", heed_error_text(t));
    ops_backward(out, ops_given(HEED_F64, HEED_SHAPE(COLUMNS, SEEN), x));
    memcpy(y, heed_f64(t, out), COLUMNS * SEEN * sizeof *y);
    memcpy(dx, heed_f64(t, heed_grad(t, base)), sizeof x);
}

Test(operators, views_give_what_their_packed_copies_give) {
    static double y[2][COLUMNS * SEEN], dx[2][ROWS * COLUMNS];
    for (int op = 0; op < OPERATORS; op++) {
        for (int packed = 0; packed < 2; packed++)
            viewed_run(packed, operators[op].fn, y[packed], dx[packed]);
        cr_expect(memcmp(y[0], y[1], sizeof y[0]) == 0, "%s", operators[op].name);
        cr_expect(memcmp(dx[0], dx[1], sizeof dx[0]) == 0, "gradients of %s", operators[op].name);
    }
}

enum { LONG = 50021, MANY = 3 * LONG };
typedef struct large_result {
    float y[MANY], da[MANY], db[LONG];
} large_result;

/* Rows of a against one row b. */
static void large_run(int threads, binary_fn *fn, large_result *result) {
    static float a[MANY];
    for (int i = 0; i < MANY; i++)
        a[i] = 0.5f + (float)(i % 977) / 977;
    heed_tape_reset(t);
    heed_tape_set_threads(t, threads);
    heed_tensor x = heed_variable(t, HEED_F32, HEED_SHAPE(3, LONG), a);
    heed_tensor z = heed_variable(t, HEED_F32, HEED_SHAPE(LONG), a + 100);
    heed_tensor out = fn(t, x, z);
    ops_backward(out, heed_input(t, HEED_F32, HEED_SHAPE(3, LONG), a));
    memcpy(result->y, heed_f32(t, out), sizeof result->y);
    memcpy(result->da, heed_f32(t, heed_grad(t, x)), sizeof result->da);
    memcpy(result->db, heed_f32(t, heed_grad(t, z)), sizeof result->db);
}

/* "same bits ... for every thread count" */
Test(operators, same_bits_for_every_number_of_threads) {
    static large_result one_thread, several;
    const int threads[] = {2, 3, 7};
    for (int op = 0; op < OPERATORS; op++) {
        large_run(1, operators[op].fn, &one_thread);
        for (int k = 0; k < 3; k++) {
            large_run(threads[k], operators[op].fn, &several);
            cr_expect(memcmp(&one_thread, &several, sizeof several) == 0, "%s with %d threads", operators[op].name,
                      threads[k]);
        }
    }
}

/* [promises: broadcasting; (0) + (3)] */
Test(operators, mistakes_are_explained) {
    /* "(2,6)+(4) ERR", "(0)+(3) ERR" */
    heed_add(t, heed_zeros(t, HEED_F32, HEED_SHAPE(2, 6)), heed_zeros(t, HEED_F32, HEED_SHAPE(4)));
    expect_error("add: shapes do not broadcast: (2, 6) and (4,)");
    heed_mul(t, heed_zeros(t, HEED_F32, HEED_SHAPE(0)), heed_zeros(t, HEED_F32, HEED_SHAPE(3)));
    expect_error("mul: shapes do not broadcast: (0,) and (3,)");
    heed_sub(t, heed_zeros(t, HEED_F32, HEED_SHAPE(2)), heed_zeros(t, HEED_F64, HEED_SHAPE(2)));
    expect_error("sub: dtypes differ: input 0 is f32, input 1 is f64; see heed_cast");
    heed_div(t, heed_zeros(t, HEED_F32, HEED_SHAPE(2)), heed_zeros(t, HEED_I32, HEED_SHAPE(2)));
    expect_error("div: dtypes differ: input 0 is f32, input 1 is i32; see heed_cast");
    heed_div(t, heed_zeros(t, HEED_I32, HEED_SHAPE(2)), heed_zeros(t, HEED_I32, HEED_SHAPE(2)));
    expect_error("div: it does not compute on i32; see heed_cast");
}
