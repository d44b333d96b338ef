/* curvature_internal.h: what hvp.c and lanczos.c share. */
#ifndef HEED_CURVATURE_INTERNAL_H
#define HEED_CURVATURE_INTERNAL_H

#include <heed/curvature.h>

struct heed_curvature {
    bool inert; /* the static one that stands for "out of memory" */
    heed_model *model, *twin;
    heed_loss_fn *loss;
    void *user;
    double tolerance;
    heed_tape *tape;
    heed_grads *grads;
    int64_t n;      /* trainable elements */
    double *memory; /* of all vectors below, n elements each */
    double *origin; /* the twin's values, where it stands when it isn't moved */
    double *slope[3]; /* (g(θ + h v) - g(θ - h v)) / 2h, of a rung and the two below it */
    heed_error error;
};

heed_status curvature_fail(heed_curvature *c, heed_status status, const char *format, ...) HEED_PRINTF(3, 4);
/* Whether c can be used; notes why not. */
heed_status curvature_ready(heed_curvature *c);

static inline double curvature_dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

#endif
