#include "values.h"

#include <stdlib.h>

heed_tensor values_on_tape(heed_tape *t, heed_dtype dtype, heed_shape shape, const double *values) {
    int64_t n = heed_shape_count(shape);
    void *all = malloc((size_t)(n + 1) * sizeof(double));
    for (int64_t i = 0; i < n; i++)
        switch (dtype) {
        case HEED_F32: ((float *)all)[i] = (float)values[i]; break;
        case HEED_F64: ((double *)all)[i] = values[i]; break;
        case HEED_I32: ((int32_t *)all)[i] = (int32_t)values[i]; break;
        default: ((bool *)all)[i] = values[i] != 0; break;
        }
    heed_tensor x = heed_dtype_real(dtype) ? heed_variable(t, dtype, shape, all) : heed_input(t, dtype, shape, all);
    free(all);
    return x;
}

void values_scatter(double *values, int64_t n, double low, double high, unsigned seed) {
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (float)(low + (high - low) * seed / 4294967296.0);
    }
}
