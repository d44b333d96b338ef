/* Functions of one number, element by element: values by hand at the edges, twins in double elsewhere, and the same
 * bits for every place in memory and every number of threads. */
#include "op_testing.h"

TestSuite(functions, .init = ops_setup, .fini = ops_teardown);

/* ---- functions of one number, at the points where they need care ---- */

typedef heed_tensor unary_fn(heed_tape *, heed_tensor);

static heed_tensor leaky_relu(heed_tape *tape, heed_tensor x) { return heed_leaky_relu(tape, x, 0.25); }
static heed_tensor elu(heed_tape *tape, heed_tensor x) { return heed_elu(tape, x, 0.5); }
static heed_tensor clamp(heed_tape *tape, heed_tensor x) { return heed_clamp(tape, x, -0.5, 0.75); }
static heed_tensor clamp_crossed(heed_tape *tape, heed_tensor x) { return heed_clamp(tape, x, 2, 1); }
static heed_tensor scale(heed_tape *tape, heed_tensor x) { return heed_scale(tape, x, -2.5); }
static heed_tensor add_scalar(heed_tape *tape, heed_tensor x) { return heed_add_scalar(tape, x, 3.5); }

#define BIG 1e20

static const struct {
    const char *name;
    unary_fn *fn;
    double x, y, dx;
} points[] = {
    /* "log 0 = -inf, log(-1) NaN" */
    {"log", heed_log, 0, -INFINITY, INFINITY},
    {"log", heed_log, -1, NAN, -1},
    {"log", heed_log, 1, 0, 1},
    {"log", heed_log, INFINITY, INFINITY, 0},
    /* "sqrt 0 = 0 with gradient +inf" */
    {"sqrt", heed_sqrt, 0, 0, INFINITY},
    {"sqrt", heed_sqrt, 4, 2, 0.25},
    {"sqrt", heed_sqrt, -1, NAN, NAN},
    {"rsqrt", heed_rsqrt, 4, 0.5, -0.0625},
    {"rsqrt", heed_rsqrt, 0, INFINITY, -INFINITY},
    {"exp", heed_exp, 0, 1, 1},
    {"exp", heed_exp, -INFINITY, 0, 0},
    {"exp", heed_exp, NAN, NAN, NAN},
    /* "abs'(0) = relu'(0) = 0" */
    {"abs", heed_abs, 0, 0, 0},
    {"abs", heed_abs, -0.0, 0, 0},
    {"abs", heed_abs, -3, 3, -1},
    {"abs", heed_abs, 3, 3, 1},
    {"abs", heed_abs, -INFINITY, INFINITY, -1},
    {"relu", heed_relu, 0, 0, 0},
    {"relu", heed_relu, -0.0, 0, 0},
    {"relu", heed_relu, 2, 2, 1},
    {"relu", heed_relu, -2, 0, 0},
    {"relu", heed_relu, 1e-30, 1e-30, 1},
    /* "relu, max, min pass NaN on" */
    {"relu", heed_relu, NAN, NAN, 1},
    {"leaky_relu", leaky_relu, 0, 0, 0.25},
    {"leaky_relu", leaky_relu, -2, -0.5, 0.25},
    {"leaky_relu", leaky_relu, NAN, NAN, 0.25},
    {"elu", elu, 0, 0, 0.5},
    {"elu", elu, 1e4, 1e4, 1},
    {"elu", elu, -1e4, -0.5, 0},
    {"elu", elu, INFINITY, INFINITY, 1},
    {"elu", elu, -INFINITY, -0.5, 0},
    {"elu", elu, NAN, NAN, NAN},
    /* "clamp passes gradient at its bounds" */
    {"clamp", clamp, -0.5, -0.5, 1},
    {"clamp", clamp, 0.75, 0.75, 1},
    {"clamp", clamp, 0.5, 0.5, 1},
    {"clamp", clamp, -0.6, -0.5, 0},
    {"clamp", clamp, 0.8, 0.75, 0},
    {"clamp", clamp, -INFINITY, -0.5, 0},
    {"clamp", clamp, NAN, NAN, 0},
    {"clamp", clamp_crossed, 0, 1, 0},
    {"clamp", clamp_crossed, 3, 1, 0},
    /* "sigmoid(±1000) = 1/0 with gradient 0" */
    {"sigmoid", heed_sigmoid, 1000, 1, 0},
    {"sigmoid", heed_sigmoid, -1000, 0, 0},
    {"sigmoid", heed_sigmoid, 0, 0.5, 0.25},
    /* "gelu, silu, softplus, tanh, logsigmoid finite and right for |x| up to 1e20", and their gradients */
    {"gelu", heed_gelu, BIG, BIG, 1},
    {"gelu", heed_gelu, -BIG, 0, 0},
    {"gelu", heed_gelu, 0, 0, 0.5},
    {"gelu_tanh", heed_gelu_tanh, BIG, BIG, 1},
    {"gelu_tanh", heed_gelu_tanh, -BIG, 0, 0},
    {"gelu_tanh", heed_gelu_tanh, 0, 0, 0.5},
    {"silu", heed_silu, BIG, BIG, 1},
    {"silu", heed_silu, -BIG, 0, 0},
    {"silu", heed_silu, 0, 0, 0.5},
    {"softplus", heed_softplus, BIG, BIG, 1},
    {"softplus", heed_softplus, -BIG, 0, 0},
    {"softplus", heed_softplus, 0, 0.693147180559945309, 0.5},
    {"tanh", heed_tanh, BIG, 1, 0},
    {"tanh", heed_tanh, -BIG, -1, 0},
    {"tanh", heed_tanh, 0, 0, 1},
    {"logsigmoid", heed_logsigmoid, BIG, 0, 0},
    {"logsigmoid", heed_logsigmoid, -BIG, -BIG, 1},
    {"logsigmoid", heed_logsigmoid, 0, -0.693147180559945309, 0.5},
    {"neg", heed_neg, 1.5, -1.5, -1},
    {"square", heed_square, -3, 9, -6},
    {"sin", heed_sin, 0, 0, 1},
    {"cos", heed_cos, 0, 1, 0},
    {"scale", scale, 4, -10, -2.5},
    {"add_scalar", add_scalar, 4, 7.5, 1},
};

/* PyTorch's gelu_tanh has gradient NaN at ±1e20. [promises: log of 0; log of -1; sqrt of 0; abs at 0; relu at 0; NaN
 * goes on; clamp at its bounds; sigmoid far out; activations far out; at the kink] */
Test(functions, functions_at_their_edges) {
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
        for (heed_dtype dtype = HEED_F32; dtype <= HEED_F64; dtype++) {
            heed_tape_reset(t);
            heed_tensor x = ops_given(dtype, HEED_SCALAR, &points[i].x);
            heed_tensor y = points[i].fn(t, x);
            ops_backward(y, HEED_NIL);
            double got = ops_value(y, 0), slope = ops_gradient_at(x, 0), tolerance = ops_tolerance(dtype);
            cr_expect(agree(got, points[i].y, tolerance), "%s %s(%g) = %g, not %g", heed_dtype_name(dtype),
                      points[i].name, points[i].x, got, points[i].y);
            cr_expect(agree(slope, points[i].dx, tolerance), "%s %s'(%g) = %g, not %g", heed_dtype_name(dtype),
                      points[i].name, points[i].x, slope, points[i].dx);
        }
}

/* "exp overflows to inf past 88.72 (f32) and goes subnormal, not zero, near -100" [promises: exp overflows; exp goes
 * subnormal] */
Test(functions, exp_f32_at_the_ends_of_its_range) {
    const float x[] = {88.72f, 88.73f, -100.0f, -103.9f, -110.0f};
    const float *y = heed_f32(t, heed_exp(t, heed_input(t, HEED_F32, HEED_SHAPE(5), x)));
    cr_assert_not_null(y);
    cr_expect(isfinite(y[0]) && y[0] > 3.39e38f);
    cr_expect(y[1] == INFINITY);
    cr_expect(y[2] > 0 && y[2] < 0x1p-126f && fabs((double)y[2] - 3.7835058e-44) < 1e-45, "e^-100 = %g", (double)y[2]);
    cr_expect(y[3] > 0 && y[3] < 0x1p-126f);
    cr_expect(y[4] == 0);
}

/* sign's -1, 0, 1; backward stops at it. */
Test(functions, sign_has_no_gradient) {
    const double values[] = {-2.5, 0, 7, -0.0, INFINITY}, want[] = {-1, 0, 1, 0, 1};
    heed_tensor x = ops_given(HEED_F64, HEED_SHAPE(5), values);
    heed_tensor y = heed_sign(t, x);
    for (int i = 0; i < 5; i++)
        cr_expect(ops_value(y, i) == want[i]);
    heed_tensor loss = heed_mul(t, y, x);
    ops_backward(loss, heed_ones(t, HEED_F64, HEED_SHAPE(5)));
    for (int i = 0; i < 5; i++)
        cr_expect(ops_value(heed_grad(t, x), i) == want[i]); /* d (c x) = c: no more through c = sign x */
}

/* ---- functions of one number, against twins in double written from their textbook formulas ---- */

static const double sqrt_half = 0.70710678118654752440, sqrt_2_by_pi = 0.79788456080286535588;

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double phi(double x) { return 0.5 * sqrt_2_by_pi * exp(-x * x / 2); }
static double inner(double x) { return sqrt_2_by_pi * (x + 0.044715 * x * x * x); }
static double sech2(double x) { return 1 / (cosh(x) * cosh(x)); }

static double twin_neg(double x) { return -x; }
static double twin_neg_dx(double x) { return -1 + 0 * x; }
static double twin_abs_dx(double x) { return x > 0 ? 1 : -1; }
static double twin_log_dx(double x) { return 1 / x; }
static double twin_sqrt_dx(double x) { return 0.5 / sqrt(x); }
static double twin_rsqrt(double x) { return 1 / sqrt(x); }
static double twin_rsqrt_dx(double x) { return -0.5 * pow(x, -1.5); }
static double twin_square(double x) { return x * x; }
static double twin_square_dx(double x) { return 2 * x; }
static double twin_cos_dx(double x) { return -sin(x); }
static double twin_sigmoid_dx(double x) { return sigmoid(x) * sigmoid(-x); }
static double twin_logsigmoid(double x) { return log(sigmoid(x)); }
static double twin_logsigmoid_dx(double x) { return sigmoid(-x); }
static double twin_relu(double x) { return fmax(x, 0); }
static double twin_relu_dx(double x) { return x > 0; }
static double twin_leaky(double x) { return x > 0 ? x : 0.25 * x; }
static double twin_leaky_dx(double x) { return x > 0 ? 1 : 0.25; }
static double twin_elu(double x) { return x > 0 ? x : 0.5 * (exp(x) - 1); }
static double twin_elu_dx(double x) { return x > 0 ? 1 : 0.5 * exp(x); }
static double twin_gelu(double x) { return x / 2 * (1 + erf(x * sqrt_half)); }
static double twin_gelu_dx(double x) { return (1 + erf(x * sqrt_half)) / 2 + x * phi(x); }
static double twin_gelu_tanh(double x) { return x / 2 * (1 + tanh(inner(x))); }
static double twin_gelu_tanh_dx(double x) {
    return (1 + tanh(inner(x))) / 2 + x / 2 * sech2(inner(x)) * sqrt_2_by_pi * (1 + 3 * 0.044715 * x * x);
}
static double twin_silu(double x) { return x * sigmoid(x); }
static double twin_silu_dx(double x) { return sigmoid(x) + x * sigmoid(x) * sigmoid(-x); }
static double twin_softplus(double x) { return log(1 + exp(x)); }
static double twin_clamp(double x) { return fmin(fmax(x, -0.5), 0.75); }
static double twin_clamp_dx(double x) { return x >= -0.5 && x <= 0.75; }
static double twin_scale(double x) { return -2.5 * x; }
static double twin_scale_dx(double x) { return -2.5 + 0 * x; }
static double twin_add_scalar(double x) { return x + 3.5; }
static double twin_one(double x) { return 1 + 0 * x; }

static const struct {
    const char *name;
    unary_fn *fn;
    double (*value)(double), (*slope)(double);
    double low, high;
} functions[] = {
    {"neg", heed_neg, twin_neg, twin_neg_dx, -9, 9},
    {"abs", heed_abs, fabs, twin_abs_dx, -9, 9},
    {"exp", heed_exp, exp, exp, -5, 1},
    {"log", heed_log, log, twin_log_dx, 0.5, 9},
    {"sqrt", heed_sqrt, sqrt, twin_sqrt_dx, 0.5, 9},
    {"rsqrt", heed_rsqrt, twin_rsqrt, twin_rsqrt_dx, 0.5, 9},
    {"square", heed_square, twin_square, twin_square_dx, -9, 9},
    {"sin", heed_sin, sin, cos, -9, 9},
    {"cos", heed_cos, cos, twin_cos_dx, -9, 9},
    {"tanh", heed_tanh, tanh, sech2, -5, 5},
    {"sigmoid", heed_sigmoid, sigmoid, twin_sigmoid_dx, -9, 9},
    {"logsigmoid", heed_logsigmoid, twin_logsigmoid, twin_logsigmoid_dx, -9, 9},
    {"relu", heed_relu, twin_relu, twin_relu_dx, -9, 9},
    {"leaky_relu", leaky_relu, twin_leaky, twin_leaky_dx, -9, 9},
    {"elu", elu, twin_elu, twin_elu_dx, -9, 9},
    {"gelu", heed_gelu, twin_gelu, twin_gelu_dx, -5, 5},
    {"gelu_tanh", heed_gelu_tanh, twin_gelu_tanh, twin_gelu_tanh_dx, -5, 5},
    {"silu", heed_silu, twin_silu, twin_silu_dx, -9, 9},
    {"softplus", heed_softplus, twin_softplus, sigmoid, -9, 9},
    {"clamp", clamp, twin_clamp, twin_clamp_dx, -2, 2},
    {"scale", scale, twin_scale, twin_scale_dx, -9, 9},
    {"add_scalar", add_scalar, twin_add_scalar, twin_one, -9, 9},
};
enum { FUNCTIONS = sizeof functions / sizeof functions[0] };

Test(functions, functions_agree_with_twins_in_double) {
    enum { N = 33 * 31 };
    double x[N], seed[N];
    for (int f = 0; f < FUNCTIONS; f++)
        for (heed_dtype dtype = HEED_F32; dtype <= HEED_F64; dtype++) {
            heed_tape_reset(t);
            for (int i = 0; i < N; i++) {
                double place = (i + 0.37) / N;
                x[i] = (float)(functions[f].low + (functions[f].high - functions[f].low) * place); /* exact in f32 */
                seed[i] = i % 3 - 1.5;
            }
            heed_tensor in = ops_given(dtype, HEED_SHAPE(33, 31), x);
            heed_tensor y = functions[f].fn(t, in);
            ops_backward(y, ops_given(dtype, HEED_SHAPE(33, 31), seed));
            heed_tensor gradient = heed_grad(t, in);
            for (int i = 0; i < N; i++) {
                double want = functions[f].value(x[i]), slope = seed[i] * functions[f].slope(x[i]);
                double got = ops_value(y, i), dx = ops_value(gradient, i), tolerance = ops_tolerance(dtype);
                cr_assert(agree(got, want, tolerance), "%s(%.9g) = %.17g, not %.17g", functions[f].name, x[i],
                          got, want);
                cr_assert(agree(dx, slope, tolerance), "%s'(%.9g): %.17g, not %.17g", functions[f].name, x[i],
                          dx, slope);
            }
        }
}

/* "the same bits in a vector's body and tail": a value alone, and at each place of a longer row. [promises: body and
 * tail] */
Test(functions, bits_do_not_depend_on_the_place) {
    enum { N = 67 };
    float x[N];
    for (int f = 0; f < FUNCTIONS; f++) {
        heed_tape_reset(t);
        for (int i = 0; i < N; i++)
            x[i] = (float)(functions[f].low + (functions[f].high - functions[f].low) * i / N);
        const float *row = heed_f32(t, functions[f].fn(t, heed_input(t, HEED_F32, HEED_SHAPE(N), x)));
        heed_tensor twice = heed_expand(t, heed_input(t, HEED_F32, HEED_SHAPE(N, 1), x), HEED_SHAPE(N, 2));
        const float *strided = heed_f32(t, functions[f].fn(t, heed_transpose(t, twice, 0, 1)));
        for (int i = 0; i < N; i++) {
            const float *alone = heed_f32(t, functions[f].fn(t, heed_input(t, HEED_F32, HEED_SCALAR, &x[i])));
            cr_assert(memcmp(alone, row + i, sizeof *alone) == 0, "%s(%g)", functions[f].name, (double)x[i]);
            cr_assert(memcmp(alone, strided + i, sizeof *alone) == 0, "%s(%g) in a view", functions[f].name,
                      (double)x[i]);
        }
    }
}

/* ---- layouts, threads, mistakes ---- */

enum { ROWS = 35, COLUMNS = 18, SEEN = ROWS / 2 + 1 };

/* y, and the gradient of what is viewed, of a view that goes across and by twos, or of its packed copy. */
static void viewed_run(bool packed, unary_fn *fn, double *y, double *dx) {
    static double x[ROWS * COLUMNS];
    values_scatter(x, ROWS * COLUMNS, 0.5, 2, 4);
    heed_tape_reset(t);
    heed_tensor base = ops_given(HEED_F64, HEED_SHAPE(ROWS, COLUMNS), x);
    heed_tensor view = heed_slice_step(t, heed_transpose(t, base, 0, 1), 1, 0, ROWS, 2);
    heed_tensor out = fn(t, packed ? heed_contiguous(t, view) : view);
    cr_assert(heed_count(t, out) == COLUMNS * SEEN, "%s", heed_error_text(t));
    ops_backward(out, ops_given(HEED_F64, HEED_SHAPE(COLUMNS, SEEN), x));
    memcpy(y, heed_f64(t, out), COLUMNS * SEEN * sizeof *y);
    memcpy(dx, heed_f64(t, heed_grad(t, base)), sizeof x);
}

Test(functions, a_view_gives_what_its_packed_copy_gives) {
    static double y[2][COLUMNS * SEEN], dx[2][ROWS * COLUMNS];
    for (int f = 0; f < FUNCTIONS; f++) {
        for (int packed = 0; packed < 2; packed++)
            viewed_run(packed, functions[f].fn, y[packed], dx[packed]);
        cr_expect(memcmp(y[0], y[1], sizeof y[0]) == 0, "%s", functions[f].name);
        cr_expect(memcmp(dx[0], dx[1], sizeof dx[0]) == 0, "%s'", functions[f].name);
    }
}

enum { MANY = 150063 };

static void large_run(int threads, unary_fn *fn, float *y, float *dx) {
    static float x[MANY];
    for (int i = 0; i < MANY; i++)
        x[i] = 0.5f + (float)(i % 977) / 977;
    heed_tape_reset(t);
    heed_tape_set_threads(t, threads);
    heed_tensor in = heed_variable(t, HEED_F32, HEED_SHAPE(MANY), x), out = fn(t, in);
    ops_backward(out, heed_input(t, HEED_F32, HEED_SHAPE(MANY), x));
    memcpy(y, heed_f32(t, out), sizeof x);
    memcpy(dx, heed_f32(t, heed_grad(t, in)), sizeof x);
}

/* "same bits ... for every thread count" */
Test(functions, same_bits_for_every_number_of_threads) {
    static float y[2][MANY], dx[2][MANY];
    const int threads[] = {2, 3, 7};
    for (int f = 0; f < FUNCTIONS; f++) {
        large_run(1, functions[f].fn, y[0], dx[0]);
        for (int k = 0; k < 3; k++) {
            large_run(threads[k], functions[f].fn, y[1], dx[1]);
            cr_expect(memcmp(y[0], y[1], sizeof y[0]) == 0, "%s with %d threads", functions[f].name, threads[k]);
            cr_expect(memcmp(dx[0], dx[1], sizeof dx[0]) == 0, "%s' with %d threads", functions[f].name, threads[k]);
        }
    }
}

Test(functions, mistakes_are_explained) {
    heed_exp(t, heed_zeros(t, HEED_I32, HEED_SHAPE(2)));
    expect_error("exp: it does not compute on i32; see heed_cast");
    heed_clamp(t, heed_zeros(t, HEED_F32, HEED_SHAPE(2)), NAN, 1);
    expect_error("clamp: bounds must be numbers: low is nan, high is 1");
}
