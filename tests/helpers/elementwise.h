/* What the suites of elementwise ops share: a tape for each test, numbers in and out of it in either real dtype. */
#ifndef HEED_TESTS_ELEMENTWISE_H
#define HEED_TESTS_ELEMENTWISE_H

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <heed/op.h>
#include <heed/ops.h>

static heed_tape *t;

static inline void setup(void) {
    t = heed_tape_new();
}

static inline void teardown(void) {
    heed_tape_free(t);
}

/* NaN equals NaN, inf equals inf of its sign; other values agree to `tolerance` of 1 or of themselves. */
static inline bool agree(double got, double want, double tolerance) {
    if (isnan(want) || isinf(want))
        return isnan(want) ? isnan(got) : got == want;
    return fabs(got - want) <= tolerance * (1 + fabs(want));
}

static inline double tolerance_of(heed_dtype dtype) {
    return dtype == HEED_F32 ? 1e-6 : 1e-13;
}

/* n doubles as a variable of either real dtype. */
static inline heed_tensor variable(heed_dtype dtype, heed_shape shape, const double *values) {
    int64_t n = heed_shape_count(shape);
    if (dtype == HEED_F64)
        return heed_variable(t, dtype, shape, values);
    float *narrow = malloc((size_t)n * sizeof *narrow + 1);
    for (int64_t i = 0; i < n; i++)
        narrow[i] = (float)values[i];
    heed_tensor x = heed_variable(t, dtype, shape, narrow);
    free(narrow);
    return x;
}

static inline double value_at(heed_tensor x, int64_t i) {
    return heed_dtype_of(t, x) == HEED_F32 ? (double)heed_f32(t, x)[i] : heed_f64(t, x)[i];
}

static inline double gradient_at(heed_tensor x, int64_t i) {
    return value_at(heed_grad(t, x), i);
}

static inline void backward_from(heed_tensor y, heed_tensor seed) {
    heed_status status = heed_backward_with(t, y, NULL, (heed_backward_options){.seed = seed, .retain = false});
    cr_assert(status == HEED_OK, "%s", heed_error_text(t));
}

/* The tape's error, word for word; then it is forgotten. */
static inline void expect_error(const char *text) {
    cr_expect_str_eq(heed_error_text(t), text);
    heed_tape_reset(t);
}

/* Numbers of f32 precision, evenly spread over [low, high) in an order without pattern. */
static inline void scatter(double *values, int64_t n, double low, double high, unsigned seed) {
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (float)(low + (high - low) * seed / 4294967296.0);
    }
}

#endif
