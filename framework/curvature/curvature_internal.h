/* curvature_internal.h: what hvp.c and lanczos.c share. */
#ifndef HEED_CURVATURE_INTERNAL_H
#define HEED_CURVATURE_INTERNAL_H

#include <heed/curvature.h>

/* What two gradients beside the point say along v, at one step h. */
typedef struct rung {
    double *slope; /* (g(θ + h v) - g(θ - h v)) / 2h */
    double falls;  /* (L(θ + h v) - L(θ - h v)) / 2h ... */
    double owed;   /* ... and what the gradient says of it, v · (g(θ + h v) + g(θ - h v)) / 2 */
    double turned; /* sum |v_i (g_i(θ + h v) - g_i(θ - h v))|: how far the gradient moves */
    double doubt;  /* what one rounding may do to falls and owed */
} rung;

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
    rung rungs[3];  /* one and the two below it */
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
