/* Values for tests, written as doubles whatever the dtype they become. */
#ifndef HELPERS_VALUES_H
#define HELPERS_VALUES_H

#include <heed/tape.h>

/* A variable with these values, in row-major order; an input, where the dtype has no gradient. */
heed_tensor values_on_tape(heed_tape *t, heed_dtype dtype, heed_shape shape, const double *values);

/* n numbers of f32 precision, evenly spread over [low, high) in an order without pattern. */
void values_scatter(double *values, int64_t n, double low, double high, unsigned seed);

#endif
