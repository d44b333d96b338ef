/* What the suites about layers have in common. */
#ifndef LAYERS_COMMON_H
#define LAYERS_COMMON_H

#include <heed/heed.h>

#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Normal numbers; to be freed. */
static inline double *normals(int64_t count, uint64_t key) {
    double *values = malloc((size_t)count * sizeof *values);
    for (int64_t i = 0; i < count; i++)
        values[i] = heed_rng_normal(key, (uint64_t)i);
    return values;
}

static inline heed_model *built(heed_model *model) {
    cr_assert(heed_model_build(model, HEED_F64, 5) == HEED_OK, "%s", heed_model_error_text(model));
    return model;
}

static inline const double *values_of(heed_tape *t, heed_tensor x) {
    const double *values = heed_f64(t, x);
    cr_assert(values != NULL, "%s", heed_error_text(t));
    return values;
}

static inline void expect_near(const double *got, const double *want, int64_t count, double tolerance,
                               const char *what) {
    for (int64_t i = 0; i < count; i++)
        cr_assert(fabs(got[i] - want[i]) <= tolerance, "%s: element %lld is %.17g, not %.17g", what, (long long)i,
                  got[i], want[i]);
}

static inline void expect_shape(heed_tape *t, heed_tensor x, heed_shape shape, const char *what) {
    cr_assert(heed_shape_equal(heed_shape_of(t, x), shape), "%s is %s, not %s: %s", what,
              HEED_SHAPE_STR(heed_shape_of(t, x)), HEED_SHAPE_STR(shape), heed_error_text(t));
}

static inline void expect_same_bits(heed_tape *t, heed_tensor a, heed_tensor b, const char *what) {
    expect_shape(t, a, heed_shape_of(t, b), what);
    const double *x = values_of(t, a), *y = values_of(t, b);
    cr_expect(memcmp(x, y, (size_t)heed_count(t, a) * sizeof *x) == 0, "%s: bits differ", what);
}

#endif
