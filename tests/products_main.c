/* The matrix product by itself, against its definition in gemm.h, to the bit, and against a naive sum in doubles: for
 * machines of which only a compiler and an emulator are at hand (make check-neon). */
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../framework/kernels/gemm.h"

typedef enum layout { NN, NT, TN, TT, LAYOUTS } layout;

typedef struct trial {
    heed_gemm g;
    size_t size; /* of an element */
    void *before; /* what c held */
} trial;

static double at(const void *data, size_t size, int64_t i) {
    return size == sizeof(float) ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

/* ---- what is expected ---- */

static double a_of(const trial *t, int64_t i, int64_t p) {
    return at(t->g.a, t->size, i * t->g.a_row + p * t->g.a_col);
}

static double b_of(const trial *t, int64_t p, int64_t j) {
    return at(t->g.b, t->size, p * t->g.b_row + j * t->g.b_col);
}

static double rounded(const trial *t, double x) {
    return t->size == sizeof(float) ? (double)(float)x : x;
}

/* a * b + c, rounded once. */
static double fused(const trial *t, double a, double b, double c) {
    return t->size == sizeof(float) ? (double)fmaf((float)a, (float)b, (float)c) : fma(a, b, c);
}

/* As gemm.h says it. A sum or product of two floats that is rounded to double and then to float is rounded right. */
static double defined(const trial *t, int64_t i, int64_t j) {
    const heed_gemm *g = &t->g;
    double value = g->accumulate ? at(t->before, t->size, i * g->c_row + j) : 0;
    for (int64_t first = 0; first < g->k; first += HEED_GEMM_BLOCK_K) {
        double sum = 0;
        for (int64_t p = first; p < g->k && p < first + HEED_GEMM_BLOCK_K; p++)
            sum = fused(t, a_of(t, i, p), b_of(t, p, j), sum);
        sum = rounded(t, rounded(t, g->alpha) * sum);
        if (first == 0 && g->bias)
            sum = rounded(t, sum + at(g->bias, t->size, j));
        value = rounded(t, sum + value);
    }
    return value;
}

/* The formula in doubles, and how far rounding may lead from it: one rounding a term, and a few at the end. */
static double naive(const trial *t, int64_t i, int64_t j, double *bound) {
    const heed_gemm *g = &t->g;
    double sum = 0, magnitude = 0;
    for (int64_t p = 0; p < g->k; p++) {
        double term = g->alpha * a_of(t, i, p) * b_of(t, p, j);
        sum += term;
        magnitude += fabs(term);
    }
    double bias = g->bias ? at(g->bias, t->size, j) : 0;
    double before = g->accumulate ? at(t->before, t->size, i * g->c_row + j) : 0;
    double unit = (t->size == sizeof(float) ? FLT_EPSILON : DBL_EPSILON) / 2 + DBL_EPSILON / 2;
    *bound = unit * (double)(g->k + 8) * (magnitude + fabs(bias) + fabs(before));
    return sum + bias + before;
}

/* ---- one product ---- */

static void *random_values(size_t size, int64_t n) {
    static uint64_t state = 1;
    void *values = malloc((size_t)n * size);
    for (int64_t i = 0; values && i < n; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        double x = (double)(int64_t)(state >> 11) * 0x1p-52 - 1;
        if (size == sizeof(float))
            ((float *)values)[i] = (float)x;
        else
            ((double *)values)[i] = x;
    }
    return values;
}

static bool multiply(const trial *t, int threads) {
    void *workspace = aligned_alloc(64, (heed_gemm_workspace(&t->g, t->size, threads) + 64) / 64 * 64);
    if (workspace == NULL)
        return false;
    memcpy(t->g.c, t->before, (size_t)(t->g.m * t->g.n) * t->size);
    if (t->size == sizeof(float))
        heed_gemm_f32(&t->g, threads, workspace);
    else
        heed_gemm_f64(&t->g, threads, workspace);
    free(workspace);
    return true;
}

static bool element_is_right(const trial *t, int64_t i, int64_t j) {
    double got = at(t->g.c, t->size, i * t->g.c_row + j), bound;
    double expected = defined(t, i, j), exact = naive(t, i, j, &bound);
    if (got == expected && fabs(got - exact) <= bound)
        return true;
    printf("%lld x %lld x %lld, %d bits: c(%lld, %lld) is %.17g, by definition %.17g, exactly %.17g\n",
           (long long)t->g.m, (long long)t->g.n, (long long)t->g.k, 8 * (int)t->size, (long long)i, (long long)j, got,
           expected, exact);
    return false;
}

static bool all_are_right(const trial *t) {
    for (int64_t i = 0; i < t->g.m; i++)
        for (int64_t j = 0; j < t->g.n; j++)
            if (!element_is_right(t, i, j))
                return false;
    return true;
}

/* On one thread; and on three the same to the bit. */
static bool is_right(const trial *t) {
    const size_t bytes = (size_t)(t->g.m * t->g.n) * t->size;
    void *once = malloc(bytes);
    bool right = once && multiply(t, 1) && all_are_right(t);
    if (right) {
        memcpy(once, t->g.c, bytes);
        right = multiply(t, 3) && memcmp(once, t->g.c, bytes) == 0;
    }
    free(once);
    return right;
}

static bool try_product(size_t size, layout how, const int64_t sizes[3], bool more) {
    const int64_t m = sizes[0], n = sizes[1], k = sizes[2];
    bool a_transposed = how == TN || how == TT, b_transposed = how == NT || how == TT;
    void *a = random_values(size, m * k), *b = random_values(size, k * n), *bias = random_values(size, n);
    trial t = {.size = size, .before = random_values(size, m * n)};
    t.g = (heed_gemm){.m = m, .n = n, .k = k, .batch = 1,
                      .a = a, .a_row = a_transposed ? 1 : k, .a_col = a_transposed ? m : 1,
                      .b = b, .b_row = b_transposed ? 1 : n, .b_col = b_transposed ? k : 1,
                      .c = malloc((size_t)(m * n) * size), .c_row = n, .c_col = 1,
                      .bias = more ? bias : NULL, .alpha = more ? 0.7 : 1, .accumulate = more};
    bool right = a && b && bias && t.before && t.g.c && is_right(&t);
    free(a);
    free(b);
    free(bias);
    free(t.before);
    free(t.g.c);
    return right;
}

int main(void) {
    static const int64_t sizes[][3] = {{1, 1, 1}, {1, 70, 33}, {2, 61, 300}, {70, 1, 33}, {5, 9, 3}, {13, 8, 16},
                                       {14, 16, 17}, {15, 33, 31}, {29, 65, 257}, {64, 64, 64}, {30, 20, 600},
                                       {9, 530, 12}};
    static const size_t bytes[] = {sizeof(float), sizeof(double)};
    int tried = 0, wrong = 0;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int way = 0; way < 2 * 2 * LAYOUTS; way++, tried++)
            wrong += !try_product(bytes[way % 2], (layout)(way / 4), sizes[s], way / 2 % 2);
    printf("%d products, %d wrong\n", tried, wrong);
    return wrong > 0;
}
