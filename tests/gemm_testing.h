/* What the suites of the matrix product share: one product in fenced memory, and the naive sum to hold it to. */
#ifndef GEMM_TESTING_H
#define GEMM_TESTING_H

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../framework/kernels/gemm.h"
#include "helpers/fenced.h"

enum { F32 = sizeof(float), F64 = sizeof(double) };

/* Elements of either type. */

static inline double get(const void *data, size_t size, int64_t index) {
    return size == F32 ? (double)((const float *)data)[index] : ((const double *)data)[index];
}

static inline void put(void *data, size_t size, int64_t index, double value) {
    if (size == F32)
        ((float *)data)[index] = (float)value;
    else
        ((double *)data)[index] = value;
}

static inline double random_value(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(int64_t)(*state >> 11) * 0x1p-52 - 1.0;
}

/* One product, its memory, and what c held before. */
typedef struct trial {
    size_t size;
    heed_gemm g;
    fenced a, b, c, before, bias;
    int64_t c_count;
} trial;

typedef struct options {
    bool a_transposed, b_transposed;
    int64_t batch;
    bool a_shared, b_shared;
    int64_t c_col, c_gap; /* c's elements this far apart, its rows c_gap elements further than they need be */
    double alpha;
    bool biased, accumulate;
    fence side;
} options;

static const options plain = {.batch = 1, .c_col = 1, .alpha = 1.0};

static inline fenced filled(size_t size, int64_t count, fence side, uint64_t *state) {
    fenced f = fenced_new((size_t)count * size, side);
    for (int64_t i = 0; i < count; i++)
        put(f.data, size, i, random_value(state));
    return f;
}

static inline trial trial_new(size_t size, int64_t m, int64_t n, int64_t k, options o) {
    uint64_t state = (uint64_t)(m * 1000003 + n * 1009 + k);
    int64_t c_row = n * o.c_col + o.c_gap;
    int64_t c_batch = m * c_row;
    trial t = {.size = size,
               .c_count = o.batch > 0 && m > 0 && n > 0 ? o.batch * c_batch - o.c_gap - (o.c_col - 1) : 0};
    t.a = filled(size, o.a_shared ? m * k : o.batch * m * k, o.side, &state);
    t.b = filled(size, o.b_shared ? k * n : o.batch * k * n, o.side, &state);
    t.bias = filled(size, n, o.side, &state);
    t.c = filled(size, t.c_count, o.side, &state);
    for (int64_t i = 0; i < t.c_count && !o.accumulate; i++)
        put(t.c.data, size, i, NAN); /* must not be read */
    t.before = fenced_new((size_t)t.c_count * size, o.side);
    memcpy(t.before.data, t.c.data, (size_t)t.c_count * size);
    t.g = (heed_gemm){.m = m,
                      .n = n,
                      .k = k,
                      .a = t.a.data,
                      .a_row = o.a_transposed ? 1 : k,
                      .a_col = o.a_transposed ? m : 1,
                      .b = t.b.data,
                      .b_row = o.b_transposed ? 1 : n,
                      .b_col = o.b_transposed ? k : 1,
                      .c = t.c.data,
                      .c_row = c_row,
                      .c_col = o.c_col,
                      .batch = o.batch,
                      .a_batch = o.a_shared ? 0 : m * k,
                      .b_batch = o.b_shared ? 0 : k * n,
                      .c_batch = c_batch,
                      .bias = o.biased ? t.bias.data : NULL,
                      .alpha = o.alpha,
                      .accumulate = o.accumulate};
    return t;
}

static inline void trial_free(trial t) {
    fenced_free(t.a);
    fenced_free(t.b);
    fenced_free(t.c);
    fenced_free(t.before);
    fenced_free(t.bias);
}

static inline void run(const heed_gemm *g, size_t size, int threads) {
    fenced workspace = fenced_new(heed_gemm_workspace(g, size, threads), FENCE_AFTER);
    memset(workspace.data, 0xff, heed_gemm_workspace(g, size, threads)); /* NaNs */
    if (size == F32)
        heed_gemm_f32(g, threads, workspace.data);
    else
        heed_gemm_f64(g, threads, workspace.data);
    fenced_free(workspace);
}

/* c(i, j) of one of the batch by the formula, in extended precision where there is one, and the sum of the
 * magnitudes of its terms. */
static inline long double naive(const trial *t, int64_t batch, int64_t i, int64_t j, long double *magnitude) {
    const heed_gemm *g = &t->g;
    long double sum = 0, absolute = 0;
    for (int64_t p = 0; p < g->k; p++) {
        long double term = (long double)get(g->a, t->size, batch * g->a_batch + i * g->a_row + p * g->a_col) *
                           get(g->b, t->size, batch * g->b_batch + p * g->b_row + j * g->b_col);
        sum += term;
        absolute += fabsl(term);
    }
    long double bias = g->bias ? get(g->bias, t->size, j) : 0;
    long double before =
        g->accumulate ? get(t->before.data, t->size, batch * g->c_batch + i * g->c_row + j * g->c_col) : 0;
    *magnitude = fabsl(g->alpha) * absolute + fabsl(bias) + fabsl(before);
    return g->alpha * sum + bias + before;
}

#endif
