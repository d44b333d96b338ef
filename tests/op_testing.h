/* What the suites of ops have in common: a tape each test, tensors from doubles, results compared, errors word for
 * word. A header, since it needs Criterion, which only suites are compiled with. */
#ifndef OP_TESTING_H
#define OP_TESTING_H

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <heed/op.h>
#include <heed/ops.h>
#include <heed/rng.h>

#include "helpers/golden.h"
#include "helpers/values.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define GIVEN(shape, ...) ops_given(HEED_F64, (shape), (const double[]){__VA_ARGS__})
#define GIVEN_F32(shape, ...) ops_given(HEED_F32, (shape), (const double[]){__VA_ARGS__})
#define INDICES(shape, ...) ops_labels((shape), (const int32_t[]){__VA_ARGS__})
#define BACKWARD(y, ...) ops_backward_seeded((y), (const double[]){__VA_ARGS__})
#define GRADIENT(y, x, ...) ops_gradient((y), (x), (const double[]){__VA_ARGS__})
#define EXPECT(y, shape, ...) ops_expect((y), (shape), (const double[]){__VA_ARGS__}, 0)
#define EXPECT_NEAR(tolerance, y, shape, ...) ops_expect((y), (shape), (const double[]){__VA_ARGS__}, (tolerance))
#define EXPECT_GOLDEN(name, fn, user, ...)                                                                             \
    ops_expect_golden((name), (fn), (user), LENGTH(((const char *[]){__VA_ARGS__})), (const char *[]){__VA_ARGS__})

static heed_tape *t;

/* The tape's memory is full of NaN, so that what an op forgets to write shows. */
static inline void ops_setup(void) {
    t = heed_tape_new();
    heed_full(t, HEED_F64, HEED_SHAPE(1 << 17), NAN);
    heed_tape_reset(t);
}

static inline void ops_teardown(void) {
    heed_tape_free(t);
}

/* ---- bringing values in ---- */

/* A variable with these values; one with values in [-1, 1) that follow from the seed. */
static inline heed_tensor ops_given(heed_dtype dtype, heed_shape shape, const double *values) {
    return values_on_tape(t, dtype, shape, values);
}

/* A random number in [-1, 1). */
static inline double ops_draw(uint64_t seed, int64_t i) {
    return 2 * heed_rng_uniform(seed, (uint64_t)i) - 1;
}

static inline heed_tensor ops_random(heed_dtype dtype, heed_shape shape, uint64_t seed) {
    int64_t n = heed_shape_count(shape);
    double *values = malloc((size_t)(n + 1) * sizeof *values);
    for (int64_t i = 0; i < n; i++)
        values[i] = ops_draw(seed, i);
    heed_tensor x = values_on_tape(t, dtype, shape, values);
    free(values);
    return x;
}

/* 0, 1, 2, .. of that shape, an f64 variable. */
static inline heed_tensor ops_counted(heed_shape shape) {
    int64_t n = heed_shape_count(shape);
    double *values = malloc((size_t)(n + 1) * sizeof *values);
    for (int64_t i = 0; i < n; i++)
        values[i] = (double)i;
    heed_tensor x = values_on_tape(t, HEED_F64, shape, values);
    free(values);
    return x;
}

static inline heed_tensor ops_labels(heed_shape shape, const int32_t *values) {
    return heed_input(t, HEED_I32, shape, values);
}

static inline heed_tensor ops_mask(heed_shape shape, const bool *values) {
    return heed_input(t, HEED_BOOL, shape, values);
}

/* ---- looking at values ---- */

static inline double ops_value(heed_tensor x, int64_t i) {
    switch (heed_dtype_of(t, x)) {
    case HEED_F32:
        return (double)heed_f32(t, x)[i];
    case HEED_F64:
        return heed_f64(t, x)[i];
    case HEED_I32:
        return heed_i32(t, x)[i];
    default:
        return heed_bool(t, x)[i];
    }
}

static inline void expect_shape(heed_tensor y, heed_shape shape) {
    cr_assert_eq(heed_tape_status(t), HEED_OK, "%s", heed_error_text(t));
    cr_assert(heed_shape_equal(heed_shape_of(t, y), shape), "shape is %s, not %s", HEED_SHAPE_STR(heed_shape_of(t, y)),
              HEED_SHAPE_STR(shape));
}

static inline bool close_to(double got, double want, double tolerance) {
    if (isnan(want) || isinf(want))
        return isnan(want) ? isnan(got) : got == want;
    return fabs(got - want) <= tolerance;
}

/* NaN agrees with NaN, inf with inf of its sign; other values to `tolerance` of 1 or of themselves. */
static inline bool agree(double got, double want, double tolerance) {
    return close_to(got, want, tolerance * (1 + fabs(want)));
}

static inline double ops_tolerance(heed_dtype dtype) {
    return dtype == HEED_F32 ? 1e-6 : 1e-13;
}

/* y has this shape and these values, to within tolerance; NaN stands for NaN. */
static inline void ops_expect(heed_tensor y, heed_shape shape, const double *want, double tolerance) {
    expect_shape(y, shape);
    for (int64_t i = 0; i < heed_shape_count(shape); i++)
        cr_assert(close_to(ops_value(y, i), want[i], tolerance), "element %d is %.17g, not %.17g to within %g", (int)i,
                  ops_value(y, i), want[i], tolerance);
}

static inline void ops_expect_same_bits(heed_tensor a, heed_tensor b) {
    expect_shape(a, heed_shape_of(t, b));
    size_t bytes = (size_t)heed_count(t, a) * heed_dtype_size(heed_dtype_of(t, a));
    const void *x = heed_data(t, a), *y = heed_data(t, b);
    for (int64_t i = 0; i < heed_count(t, a); i++)
        cr_assert(memcmp(x, y, bytes) == 0 || ops_value(a, i) == ops_value(b, i), "element %d is %.17g, not %.17g",
                  (int)i, ops_value(a, i), ops_value(b, i));
    cr_assert(memcmp(x, y, bytes) == 0);
}

static inline void ops_expect_all(heed_tensor x, double want) {
    cr_assert_eq(heed_tape_status(t), HEED_OK, "%s", heed_error_text(t));
    for (int64_t i = 0; i < heed_count(t, x); i++)
        cr_assert(close_to(ops_value(x, i), want, 0), "element %d is %.17g, not %.17g", (int)i, ops_value(x, i), want);
}

static inline void ops_expect_finite(heed_tensor x) {
    cr_assert_eq(heed_tape_status(t), HEED_OK, "%s", heed_error_text(t));
    for (int64_t i = 0; i < heed_count(t, x); i++)
        cr_assert(isfinite(ops_value(x, i)), "element %d is %g", (int)i, ops_value(x, i));
}

/* y's elements are some of x's own, where x keeps them. */
static inline bool ops_is_view_of(heed_tensor y, heed_tensor x) {
    const char *begin = heed_tensor_array(t, x)->data, *at = heed_tensor_array(t, y)->data;
    size_t bytes = (size_t)heed_count(t, x) * heed_dtype_size(heed_dtype_of(t, x));
    return at >= begin && at < begin + bytes;
}

/* The tape's error is this text, word for word; the tape is reset behind that. */
static inline void expect_error(const char *text) {
    cr_assert_str_eq(heed_error_text(t), text);
    heed_tape_reset(t);
}

/* ... and the op that made the error gave nil. */
static inline void ops_expect_error(heed_tensor y, const char *text) {
    cr_assert(heed_is_nil(y));
    expect_error(text);
}

/* ---- backward ---- */

/* Backward from y, from sum(y * seed) if there is a seed. */
static inline void ops_backward(heed_tensor y, heed_tensor seed) {
    heed_status status = heed_is_nil(seed) ? heed_backward(t, y, NULL)
                                           : heed_backward_with(t, y, NULL, (heed_backward_options){.seed = seed});
    cr_assert_eq(status, HEED_OK, "%s", heed_error_text(t));
}

/* Backward from sum(y * seed), the seed of y's shape and dtype; y stays for another seed. */
static inline void ops_backward_seeded(heed_tensor y, const double *seed) {
    heed_tensor given = heed_detach(t, ops_given(heed_dtype_of(t, y), heed_shape_of(t, y), seed));
    heed_status status = heed_backward_with(t, y, NULL, (heed_backward_options){.seed = given, .retain = true});
    cr_assert_eq(status, HEED_OK, "%s", heed_error_text(t));
}

/* dL/dx for L = sum(y * seed). */
static inline heed_tensor ops_gradient(heed_tensor y, heed_tensor x, const double *seed) {
    ops_backward_seeded(y, seed);
    return heed_grad(t, x);
}

/* dL/dx for L = sum of i y_i, i the flat index in y, from 1: each element's gradient says where it came from. */
static inline heed_tensor ops_counted_gradient(heed_tensor y, heed_tensor x) {
    heed_tensor seed = heed_detach(t, ops_counted(heed_shape_of(t, y)));
    ops_backward(y, heed_add_scalar(t, seed, 1));
    return heed_grad(t, x);
}

static inline double ops_gradient_at(heed_tensor x, int64_t i) {
    return ops_value(heed_grad(t, x), i);
}

/* ---- PyTorch's results ---- */

/* A call of the op under test. */
typedef heed_tensor ops_fn(const heed_tensor *in, void *user);

static inline void compare_with(heed_tensor got, const golden_tensor *want, double relative) {
    double largest = golden_largest(want);
    ops_expect(got, want->shape, want->values, relative * (largest > 0 ? largest : 1));
}

static inline void run_golden(const golden *g, ops_fn *fn, void *user, int n, const char *const *names,
                              heed_dtype dtype, double relative) {
    heed_tensor in[8];
    for (int i = 0; i < n; i++) {
        const golden_tensor *x = golden_find(g, "in", names[i]);
        cr_assert_not_null(x, "no input %s", names[i]);
        in[i] = values_on_tape(t, x->dtype == HEED_F64 ? dtype : x->dtype, x->shape, x->values);
    }
    heed_tensor y = fn(in, user);
    compare_with(y, golden_find(g, "out", "y"), relative);
    const golden_tensor *seed = golden_find(g, "seed", "y");
    ops_backward(y, values_on_tape(t, dtype, seed->shape, seed->values));
    for (int i = 0; i < n; i++)
        if (golden_find(g, "grad", names[i]))
            compare_with(heed_grad(t, in[i]), golden_find(g, "grad", names[i]), relative);
    heed_tape_reset(t);
}

/* tests/golden/ops.txt's case: the output and every gradient, in f64 and in f32. names: of the inputs, as the file has
 * them. */
static inline void ops_expect_golden(const char *name, ops_fn *fn, void *user, int n, const char *const *names) {
    golden g;
    cr_assert(golden_read(&g, "tests/golden/ops.txt", name));
    run_golden(&g, fn, user, n, names, HEED_F64, 1e-13);
    run_golden(&g, fn, user, n, names, HEED_F32, 2e-6);
    golden_free(&g);
}

/* ---- threads ---- */

/* The bytes of the output and of all gradients, one after another. */
static inline void *run_with_threads(int threads, ops_fn *fn, void *user, int n, const heed_shape *shapes,
                                     size_t *bytes) {
    heed_tape_reset(t);
    heed_tape_set_step(t, 5); /* random ops draw the same */
    heed_tape_set_threads(t, threads);
    heed_tensor in[8], results[9];
    for (int i = 0; i < n; i++)
        in[i] = ops_random(HEED_F32, shapes[i], 11 + (uint64_t)i);
    results[0] = fn(in, user);
    ops_backward(results[0], ops_random(HEED_F32, heed_shape_of(t, results[0]), 3));
    *bytes = 0;
    for (int i = 0; i <= n; i++) {
        results[i] = i == 0 ? results[0] : heed_grad(t, in[i - 1]);
        *bytes += (size_t)heed_count(t, results[i]) * sizeof(float);
    }
    char *all = malloc(*bytes), *at = all;
    for (int i = 0; i <= n; i++) {
        size_t part = (size_t)heed_count(t, results[i]) * sizeof(float);
        memcpy(at, heed_f32(t, results[i]), part);
        at += part;
    }
    return all;
}

/* The output and the gradients of n random f32 inputs of these shapes, for 1, 2, 3, 7 and 16 threads: the same bits. */
static inline void ops_expect_same_for_any_threads(ops_fn *fn, void *user, int n, const heed_shape *shapes) {
    size_t bytes, again;
    void *one = run_with_threads(1, fn, user, n, shapes, &bytes);
    for (int i = 0; i < 4; i++) {
        int threads = (int[]){2, 3, 7, 16}[i];
        void *many = run_with_threads(threads, fn, user, n, shapes, &again);
        cr_assert_eq(bytes, again);
        cr_assert(memcmp(one, many, bytes) == 0, "%d threads give other bits than one", threads);
        free(many);
    }
    free(one);
}

#endif
