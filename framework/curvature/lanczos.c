/* The largest eigenvalue of the Hessian: Lanczos 1950, with every new vector made orthogonal to all before it.
 *
 * After k products, Hq_j = b_{j-1} q_{j-1} + a_j q_j + b_j q_{j+1}: in the space of q_1 ... q_k, H is the tridiagonal T of a
 * and b. T's largest eigenvalue, with unit vector s, is at most H's, and its x = sum s_j q_j has |H x - value x| = b_k |s_k|. */
#include "curvature_internal.h"

#include <heed/rng.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_STEPS = 20, SWEEPS = 60 };
static const double ENOUGH = 1e-3; /* residual / value */

typedef struct krylov {
    int64_t n;
    int most, k;         /* vectors that there is room for, that there are */
    double *q;           /* (most + 1, n): orthonormal rows */
    double *a, *b;       /* most each: T's diagonal, and beside it */
    double *t, *s;       /* (most, most): scratch, and T's eigenvectors as columns */
} krylov;

static double *row(const krylov *space, int i) {
    return space->q + i * space->n;
}

/* ---- T ---- */

/* One of Jacobi's rotations: t(p, r) becomes 0. t and s are (n, n). */
static void rotate(double *t, double *s, int n, int p, int r) {
    if (t[p * n + r] == 0)
        return;
    const double theta = (t[r * n + r] - t[p * n + p]) / (2 * t[p * n + r]);
    const double tangent = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1));
    const double cosine = 1 / sqrt(tangent * tangent + 1), sine = tangent * cosine;
    for (int i = 0; i < n; i++) {
        const double x = t[i * n + p], y = t[i * n + r], u = s[i * n + p], w = s[i * n + r];
        t[i * n + p] = cosine * x - sine * y;
        t[i * n + r] = sine * x + cosine * y;
        s[i * n + p] = cosine * u - sine * w;
        s[i * n + r] = sine * u + cosine * w;
    }
    for (int i = 0; i < n; i++) {
        const double x = t[p * n + i], y = t[r * n + i];
        t[p * n + i] = cosine * x - sine * y;
        t[r * n + i] = sine * x + cosine * y;
    }
}

static double beside_the_diagonal(const double *t, int n) {
    double sum = 0;
    for (int p = 0; p < n; p++)
        for (int r = p + 1; r < n; r++)
            sum += t[p * n + r] * t[p * n + r];
    return sum;
}

static void fill_t(const krylov *space) {
    const int n = space->k;
    memset(space->t, 0, (size_t)(n * n) * sizeof *space->t);
    memset(space->s, 0, (size_t)(n * n) * sizeof *space->s);
    for (int i = 0; i < n; i++) {
        space->t[i * n + i] = space->a[i];
        space->s[i * n + i] = 1;
        if (i + 1 < n)
            space->t[i * n + i + 1] = space->t[(i + 1) * n + i] = space->b[i];
    }
}

/* The column of s that belongs to T's largest eigenvalue, which is set. */
static int largest_of_t(const krylov *space, double *value) {
    const int n = space->k;
    fill_t(space);
    for (int sweep = 0; sweep < SWEEPS && beside_the_diagonal(space->t, n) > 0; sweep++)
        for (int p = 0; p < n; p++)
            for (int r = p + 1; r < n; r++)
                rotate(space->t, space->s, n, p, r);
    int best = 0;
    for (int i = 1; i < n; i++)
        if (space->t[i * n + i] > space->t[best * n + best])
            best = i;
    *value = space->t[best * n + best];
    return best;
}

/* ---- q ---- */

static void scale(double *x, double factor, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        x[i] *= factor;
}

static void subtract_projection(double *x, const double *q, int64_t n) {
    const double part = curvature_dot(x, q, n);
    for (int64_t i = 0; i < n; i++)
        x[i] -= part * q[i];
}

static void start(const krylov *space) {
    double *q = row(space, 0);
    for (int64_t i = 0; i < space->n; i++)
        q[i] = heed_rng_u32(1, (uint64_t)i) & 1 ? 1 : -1;
    scale(q, 1 / sqrt((double)space->n), space->n);
}

/* One more row and column of T, and the next q. False once q's space holds all that H makes of it. */
static heed_status extend(heed_curvature *c, krylov *space, bool *goes_on) {
    const int k = space->k;
    double *next = row(space, k + 1);
    const heed_status status = heed_hvp(c, row(space, k), next, NULL);
    if (status)
        return status;
    const double size = sqrt(curvature_dot(next, next, space->n));
    space->a[k] = curvature_dot(next, row(space, k), space->n);
    for (int twice = 0; twice < 2; twice++)
        for (int i = 0; i <= k; i++)
            subtract_projection(next, row(space, i), space->n);
    space->b[k] = sqrt(curvature_dot(next, next, space->n));
    space->k++;
    *goes_on = space->b[k] > 1e-12 * size;
    if (*goes_on)
        scale(next, 1 / space->b[k], space->n);
    else
        space->b[k] = 0;
    return HEED_OK;
}

static void put_vector(const krylov *space, int column, double *vector) {
    memset(vector, 0, (size_t)space->n * sizeof *vector);
    for (int j = 0; j < space->k; j++)
        for (int64_t i = 0; i < space->n; i++)
            vector[i] += space->s[j * space->k + column] * row(space, j)[i];
}

static heed_status climb(heed_curvature *c, krylov *space, heed_eigenvalue *largest, double *vector) {
    bool goes_on = true;
    int column = 0;
    start(space);
    while (goes_on && space->k < space->most && space->k < space->n) {
        const heed_status status = extend(c, space, &goes_on);
        if (status)
            return status;
        column = largest_of_t(space, &largest->value);
        largest->residual = space->b[space->k - 1] * fabs(space->s[(space->k - 1) * space->k + column]);
        goes_on = goes_on && !(largest->residual <= ENOUGH * fabs(largest->value));
    }
    largest->products = space->k;
    if (vector)
        put_vector(space, column, vector);
    return HEED_OK;
}

heed_status heed_hessian_largest(heed_curvature *c, int steps, heed_eigenvalue *largest, double *vector) {
    heed_status status = curvature_ready(c);
    *largest = (heed_eigenvalue){.value = NAN, .residual = INFINITY};
    if (status)
        return status;
    if (steps < 0 || steps > 1000)
        return curvature_fail(c, HEED_INVALID, "heed_hessian_largest: steps is %d; it must be 0 (for %d) to 1000", steps,
                              DEFAULT_STEPS);
    if (c->n == 0)
        return curvature_fail(c, HEED_INVALID, "heed_hessian_largest: the model has no trainable parameters");
    krylov space = {.n = c->n, .most = steps ? steps : DEFAULT_STEPS};
    const size_t most = (size_t)space.most;
    space.q = malloc((most + 1) * (size_t)c->n * sizeof *space.q);
    space.a = malloc((2 * most + 2 * most * most) * sizeof *space.a);
    if (space.q && space.a) {
        space.b = space.a + most;
        space.t = space.b + most;
        space.s = space.t + most * most;
        status = climb(c, &space, largest, vector);
    } else {
        status = curvature_fail(c, HEED_NO_MEMORY, "heed_hessian_largest: out of memory");
    }
    free(space.q);
    free(space.a);
    return status;
}
