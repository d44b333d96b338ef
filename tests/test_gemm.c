/* The matrix product, against a naive triple loop; and the promises of gemm.h about bits, memory and the edges of
 * arithmetic. */
#define _DEFAULT_SOURCE
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../framework/kernels/gemm.h"

enum { F32 = sizeof(float), F64 = sizeof(double) };

/* Memory that ends, or begins, where the readable world does: one element too far is a fault. */
typedef struct fenced {
    void *data;
    void *map;
    size_t map_size;
} fenced;

typedef enum fence { FENCE_AFTER, FENCE_BEFORE } fence;

static fenced fenced_new(size_t bytes, fence side) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t inner = (bytes + page - 1) / page * page;
    fenced f = {.map_size = inner + 2 * page};
    f.map = mmap(NULL, f.map_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(f.map, MAP_FAILED);
    char *begin = (char *)f.map + page;
    if (inner > 0)
        cr_assert_eq(mprotect(begin, inner, PROT_READ | PROT_WRITE), 0);
    f.data = side == FENCE_AFTER ? begin + inner - bytes : begin;
    return f;
}

static void fenced_free(fenced f) {
    munmap(f.map, f.map_size);
}

/* Elements of either type. */

static double get(const void *data, size_t size, int64_t index) {
    return size == F32 ? (double)((const float *)data)[index] : ((const double *)data)[index];
}

static void put(void *data, size_t size, int64_t index, double value) {
    if (size == F32)
        ((float *)data)[index] = (float)value;
    else
        ((double *)data)[index] = value;
}

static double random_value(uint64_t *state) {
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

static fenced filled(size_t size, int64_t count, fence side, uint64_t *state) {
    fenced f = fenced_new((size_t)count * size, side);
    for (int64_t i = 0; i < count; i++)
        put(f.data, size, i, random_value(state));
    return f;
}

static trial trial_new(size_t size, int64_t m, int64_t n, int64_t k, options o) {
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

static void trial_free(trial t) {
    fenced_free(t.a);
    fenced_free(t.b);
    fenced_free(t.c);
    fenced_free(t.before);
    fenced_free(t.bias);
}

static void run(const heed_gemm *g, size_t size, int threads) {
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
static long double naive(const trial *t, int64_t batch, int64_t i, int64_t j, long double *magnitude) {
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

/* A sum of k terms with one rounding each, and a few more for alpha, bias and c, is off by at most (k + 8) u of
 * their magnitudes, u half an ulp of 1. */
static void check_values(const trial *t) {
    const heed_gemm *g = &t->g;
    long double u = t->size == F32 ? FLT_EPSILON / 2.0L : DBL_EPSILON / 2.0L;
    for (int64_t batch = 0; batch < g->batch; batch++)
        for (int64_t i = 0; i < g->m; i++)
            for (int64_t j = 0; j < g->n; j++) {
                long double magnitude, expected = naive(t, batch, i, j, &magnitude);
                double actual = get(g->c, t->size, batch * g->c_batch + i * g->c_row + j * g->c_col);
                cr_assert(fabsl(actual - expected) <= (long double)(g->k + 8) * u * magnitude,
                          "f%zu %ldx%ldx%ld batch %ld: c(%ld, %ld) is %.17g, not %.17Lg", 8 * t->size, (long)g->m,
                          (long)g->n, (long)g->k, (long)batch, (long)i, (long)j, actual, expected);
            }
}

/* Whatever lies between c's elements is as it was. */
static void check_gaps(const trial *t) {
    const heed_gemm *g = &t->g;
    for (int64_t index = 0; index < t->c_count; index++) {
        int64_t in_row = index % g->c_batch % g->c_row;
        if (in_row % g->c_col == 0 && in_row / g->c_col < g->n)
            continue;
        cr_assert_eq(memcmp((char *)t->c.data + index * (int64_t)t->size,
                            (char *)t->before.data + index * (int64_t)t->size, t->size),
                     0, "written between elements, at %ld", (long)index);
    }
}

static void check(int64_t m, int64_t n, int64_t k, options o, int threads) {
    static const size_t sizes[] = {F32, F64};
    for (int s = 0; s < 2; s++) {
        trial t = trial_new(sizes[s], m, n, k, o);
        run(&t.g, t.size, threads);
        check_values(&t);
        check_gaps(&t);
        trial_free(t);
    }
}

static const int64_t odd_sizes[] = {0, 1, 15, 16, 17, 31, 33, 64, 129};
enum { ODD_SIZES = sizeof odd_sizes / sizeof *odd_sizes };

static void check_odd_sizes(options o) {
    for (int m = 0; m < ODD_SIZES; m++)
        for (int n = 0; n < ODD_SIZES; n++)
            for (int k = 0; k < ODD_SIZES; k++)
                check(odd_sizes[m], odd_sizes[n], odd_sizes[k], o, 1);
}

Test(gemm, odd_sizes) {
    check_odd_sizes(plain);
}

Test(gemm, odd_sizes_a_transposed) {
    options o = plain;
    o.a_transposed = true;
    check_odd_sizes(o);
}

Test(gemm, odd_sizes_b_transposed) {
    options o = plain;
    o.b_transposed = true;
    check_odd_sizes(o);
}

Test(gemm, odd_sizes_both_transposed) {
    options o = plain;
    o.a_transposed = o.b_transposed = true;
    check_odd_sizes(o);
}

Test(gemm, odd_sizes_with_everything) {
    check_odd_sizes((options){
        .b_transposed = true, .batch = 1, .c_col = 1, .c_gap = 3, .alpha = -0.75, .biased = true, .accumulate = true});
}

Test(gemm, no_read_before_the_operands) {
    options o = plain;
    o.side = FENCE_BEFORE;
    check_odd_sizes(o);
}

Test(gemm, every_small_size) {
    options o = plain;
    for (int64_t m = 1; m < 20; m++)
        for (int64_t n = 1; n < 36; n++) {
            o.b_transposed = !o.b_transposed;
            check(m, n, 1 + (m * n) % 5, o, 1);
        }
}

/* Past every block: 256 terms, 168 rows, 512 columns. */
Test(gemm, several_blocks) {
    options o = plain;
    check(181, 545, 600, o, 2);
    o.a_transposed = o.accumulate = true;
    check(353, 33, 257, o, 1);
    o.b_transposed = o.biased = true;
    check(17, 1100, 512, o, 1);
}

Test(gemm, alpha_bias_and_accumulate_in_every_combination) {
    static const double alphas[] = {1.0, 0.125, -3.3, 0.0};
    for (int a = 0; a < 4; a++)
        for (int flags = 0; flags < 4; flags++) {
            options o = plain;
            o.alpha = alphas[a];
            o.biased = flags & 1;
            o.accumulate = flags & 2;
            check(30, 47, 300, o, 1);
            check(40, 3, 70, o, 1);
        }
}

Test(gemm, strided_c) {
    for (int flags = 0; flags < 4; flags++) {
        options o = plain;
        o.c_col = 3;
        o.c_gap = 5;
        o.biased = flags & 1;
        o.accumulate = flags & 2;
        check(33, 65, 40, o, 1);
        check(65, 2, 40, o, 1);
        o.c_col = 1;
        check(33, 65, 40, o, 1);
    }
}

Test(gemm, batches) {
    static const int64_t counts[] = {0, 1, 2, 5, 48};
    for (int b = 0; b < 5; b++)
        for (int flags = 0; flags < 16; flags++) {
            options o = plain;
            o.batch = counts[b];
            o.a_shared = flags & 1;
            o.b_shared = flags & 2;
            o.accumulate = flags & 4;
            o.biased = flags & 8;
            check(16, 16, 16, o, 2);
            check(19, 2, 33, o, 2);
            check(3, 40, 17, o, 2);
        }
}

/* Batches joined into one product must not be where rows do not follow one another. */
Test(gemm, batches_with_gaps_that_share_b) {
    options o = plain;
    o.batch = 3;
    o.b_shared = true;
    o.c_gap = 2;
    check(9, 33, 20, o, 1);
    o.a_transposed = true;
    check(9, 33, 20, o, 1);
}

Test(gemm, batches_large_enough_for_threads) {
    options o = plain;
    o.batch = 5;
    check(65, 70, 80, o, 3);
    o.a_shared = true;
    check(65, 70, 80, o, 16);
}

Test(gemm, strides_may_be_zero_or_negative) {
    const double a[] = {1, 2, 3}, b[] = {10, 20, 30, 40};
    double c[6];
    /* a's three elements as one row, read backwards, repeated for both rows of c; b's columns are the windows of its
     * four elements */
    heed_gemm g = {.m = 2,
                   .n = 2,
                   .k = 3,
                   .a = a + 2,
                   .a_row = 0,
                   .a_col = -1,
                   .b = b,
                   .b_row = 1,
                   .b_col = 1,
                   .c = c + 5,
                   .c_row = -3,
                   .c_col = -1,
                   .batch = 1,
                   .alpha = 1.0};
    run(&g, F64, 1);
    cr_assert_eq(c[5], 3 * 10 + 2 * 20 + 1 * 30);
    cr_assert_eq(c[4], 3 * 20 + 2 * 30 + 1 * 40);
    cr_assert_eq(c[2], c[5]);
    cr_assert_eq(c[1], c[4]);
}

Test(gemm, small_integers_are_exact) {
    for (int64_t n = 1; n <= 70; n += 3) {
        trial t = trial_new(F32, n, n + 1, 2 * n, plain);
        for (int64_t i = 0; i < 2 * n * n; i++)
            put(t.a.data, F32, i, (double)(i * 7 % 17 - 8));
        for (int64_t i = 0; i < 2 * n * (n + 1); i++)
            put(t.b.data, F32, i, (double)(i * 5 % 19 - 9));
        run(&t.g, F32, 1);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j <= n; j++) {
                long double magnitude;
                cr_assert_eq(get(t.c.data, F32, i * (n + 1) + j), (double)naive(&t, 0, i, j, &magnitude));
            }
        trial_free(t);
    }
}

/* Of no terms: zeros, the bias, or c to the bit. */
Test(gemm, an_empty_sum) {
    float c[2] = {NAN, -0.0f}, bias[2] = {2.5f, -1.0f};
    heed_gemm g = {.m = 1, .n = 2, .k = 0, .c = c, .c_row = 2, .c_col = 1, .batch = 1, .alpha = 1.0};
    run(&g, F32, 1);
    cr_assert(c[0] == 0.0f && c[1] == 0.0f);
    g.bias = bias;
    run(&g, F32, 1);
    cr_assert(c[0] == 2.5f && c[1] == -1.0f);
    g.accumulate = true;
    run(&g, F32, 1);
    cr_assert(c[0] == 5.0f && c[1] == -2.0f);
    g.bias = NULL;
    c[1] = -0.0f;
    run(&g, F32, 1);
    cr_assert(c[0] == 5.0f && c[1] == 0.0f && signbit(c[1]));
}

Test(gemm, nothing_to_do_touches_nothing) {
    heed_gemm g = {.m = 3, .n = 3, .k = 3, .alpha = 1.0};
    cr_assert_eq(heed_gemm_workspace(&g, F32, 1), 0);
    heed_gemm_f32(&g, 1, NULL);
    g.batch = 2;
    g.m = 0;
    heed_gemm_f32(&g, 1, NULL);
    g.m = 3;
    g.n = 0;
    heed_gemm_f64(&g, 1, NULL);
}

/* A NaN reaches its own row of c and no other, wherever in the tiles it stands. */
Test(gemm, a_nan_spoils_its_row_only) {
    for (int64_t at = 0; at < 37 * 19; at += 5) {
        trial t = trial_new(F32, 37, 35, 19, plain);
        put(t.a.data, F32, at, NAN);
        run(&t.g, F32, 1);
        for (int64_t i = 0; i < 37 * 35; i++)
            cr_assert_eq(isnan(get(t.c.data, F32, i)) != 0, i / 35 == at / 19);
        trial_free(t);
    }
}

Test(gemm, an_infinity_in_b_spoils_its_column_only) {
    for (int64_t at = 0; at < 19 * 35; at += 5) {
        trial t = trial_new(F64, 37, 35, 19, plain);
        put(t.b.data, F64, at, INFINITY);
        run(&t.g, F64, 1);
        for (int64_t i = 0; i < 37 * 35; i++)
            cr_assert_eq(isfinite(get(t.c.data, F64, i)) == 0, i % 35 == at % 35);
        trial_free(t);
    }
}

Test(gemm, zero_times_infinity_is_nan) {
    float a[2] = {0.0f, 1.0f}, b[2] = {INFINITY, 1.0f}, c = 0.0f;
    heed_gemm g = {.m = 1,
                   .n = 1,
                   .k = 2,
                   .a = a,
                   .a_row = 2,
                   .a_col = 1,
                   .b = b,
                   .b_row = 1,
                   .b_col = 1,
                   .c = &c,
                   .c_row = 1,
                   .c_col = 1,
                   .batch = 1,
                   .alpha = 1.0};
    run(&g, F32, 1);
    cr_assert(isnan(c));
    a[0] = 1.0f;
    run(&g, F32, 1);
    cr_assert(isinf(c) && c > 0);
    g.alpha = 0.0;
    run(&g, F32, 1);
    cr_assert(isnan(c));
}

/* The same bits for every number of threads, for shapes cut by rows, by columns, by both, by batch, and in blocks of
 * the sum. */

static void check_threads(size_t size, int64_t m, int64_t n, int64_t k, options o) {
    static const int threads[] = {2, 3, 7, 16, 0};
    o.accumulate = true;
    trial t = trial_new(size, m, n, k, o);
    run(&t.g, size, 1);
    fenced once = fenced_new((size_t)t.c_count * size, FENCE_AFTER);
    memcpy(once.data, t.c.data, (size_t)t.c_count * size);
    for (int i = 0; i < 5; i++) {
        memcpy(t.c.data, t.before.data, (size_t)t.c_count * size);
        run(&t.g, size, threads[i]);
        cr_assert_eq(memcmp(t.c.data, once.data, (size_t)t.c_count * size), 0,
                     "%ldx%ldx%ld batch %ld differs with %d threads", (long)m, (long)n, (long)k, (long)o.batch,
                     threads[i]);
    }
    fenced_free(once);
    trial_free(t);
}

Test(gemm, the_same_bits_for_every_number_of_threads) {
    options o = plain;
    o.biased = true;
    static const size_t sizes[] = {F32, F64};
    for (int s = 0; s < 2; s++) {
        o.batch = 1;
        check_threads(sizes[s], 257, 261, 300, o);
        check_threads(sizes[s], 1, 2049, 2100, o);
        check_threads(sizes[s], 2049, 1, 2100, o);
        check_threads(sizes[s], 1031, 17, 257, o);
        check_threads(sizes[s], 2500, 2, 900, (options){.batch = 1, .c_col = 1, .alpha = 0.3});
        o.batch = 5;
        check_threads(sizes[s], 65, 80, 192, o);
        o.b_transposed = o.b_shared = true;
        check_threads(sizes[s], 65, 80, 192, o);
        o.b_transposed = o.b_shared = false;
    }
}

/* The same bits wherever an element stands: one row, or one column, multiplied alone. */
Test(gemm, a_row_or_column_alone_is_the_same_bits) {
    enum { M = 45, N = 70, K = 520 };
    options o = plain;
    o.biased = true;
    o.alpha = 0.3;
    trial t = trial_new(F32, M, N, K, o);
    run(&t.g, F32, 1);
    const float *c = t.c.data;
    float row[N], column[M];
    for (int64_t i = 0; i < M; i++) {
        heed_gemm alone = t.g;
        alone.m = 1;
        alone.a = (const float *)t.a.data + i * K;
        alone.c = row;
        run(&alone, F32, 1);
        cr_assert_eq(memcmp(row, c + i * N, sizeof row), 0, "row %ld", (long)i);
    }
    for (int64_t j = 0; j < N; j++) {
        heed_gemm alone = t.g;
        alone.n = 1;
        alone.b = (const float *)t.b.data + j;
        alone.bias = (const float *)t.bias.data + j;
        alone.c = column;
        alone.c_row = 1;
        run(&alone, F32, 1);
        for (int64_t i = 0; i < M; i++)
            cr_assert_eq(memcmp(&column[i], &c[i * N + j], sizeof(float)), 0, "column %ld", (long)j);
    }
    trial_free(t);
}

/* The same bits whatever the layout: the operands stored transposed, c strided, c transposed. */
Test(gemm, the_layout_does_not_change_bits) {
    enum { M = 45, N = 35, K = 300 };
    trial t = trial_new(F32, M, N, K, plain);
    run(&t.g, F32, 1);
    const float *a = t.a.data, *b = t.b.data, *c = t.c.data;
    static float a_stored[K * M], b_stored[N * K], strided[M * N * 2], transposed[N * M];
    for (int64_t i = 0; i < M * K; i++)
        a_stored[i % K * M + i / K] = a[i];
    for (int64_t i = 0; i < K * N; i++)
        b_stored[i % N * K + i / N] = b[i];

    heed_gemm other = t.g;
    other.a = a_stored;
    other.a_row = 1;
    other.a_col = M;
    other.b = b_stored;
    other.b_row = 1;
    other.b_col = K;
    other.c = strided;
    other.c_row = 2 * N;
    other.c_col = 2;
    run(&other, F32, 1);
    other.c = transposed;
    other.c_row = 1;
    other.c_col = M;
    run(&other, F32, 1);
    for (int64_t i = 0; i < M * N; i++) {
        cr_assert_eq(memcmp(&c[i], &strided[2 * i], sizeof *c), 0);
        cr_assert_eq(memcmp(&c[i], &transposed[i % N * M + i / N], sizeof *c), 0);
    }
    trial_free(t);
}

/* The definition in gemm.h, element by element: one chain of fused multiply-adds per block of the sum. */
Test(gemm, the_order_of_the_sum_is_the_documented_one) {
#ifndef __FMA__
    cr_skip("each step rounds twice here");
#endif
    enum { M = 20, N = 37, K = 600 };
    options o = plain;
    o.alpha = 0.7;
    o.biased = o.accumulate = true;
    trial t = trial_new(F32, M, N, K, o);
    run(&t.g, F32, 1);
    const float *a = t.a.data, *b = t.b.data, *bias = t.bias.data;
    for (int64_t i = 0; i < M; i++)
        for (int64_t j = 0; j < N; j++) {
            float expected = ((const float *)t.before.data)[i * N + j];
            for (int64_t first = 0; first < K; first += HEED_GEMM_BLOCK_K) {
                float sum = 0;
                for (int64_t p = first; p < K && p < first + HEED_GEMM_BLOCK_K; p++)
                    sum = fmaf(a[i * K + p], b[p * N + j], sum);
                float value = 0.7f * sum;
                if (first == 0)
                    value += bias[j];
                expected = value + expected;
            }
            cr_assert_eq(get(t.c.data, F32, i * N + j), expected, "c(%ld, %ld)", (long)i, (long)j);
        }
    trial_free(t);
}

Test(gemm, the_workspace_is_small_and_aligned) {
    for (int64_t n = 1; n < 5000; n = n * 3 / 2 + 1)
        for (int threads = 1; threads <= 16; threads *= 2) {
            heed_gemm g = {.m = n, .n = n, .k = n, .batch = 1};
            size_t bytes = heed_gemm_workspace(&g, F64, threads);
            cr_assert_eq(bytes % 64, 0);
            cr_assert_leq(bytes, (size_t)threads << 20);
        }
    heed_gemm small = {.m = 16, .n = 16, .k = 16, .batch = 1};
    cr_assert_leq(heed_gemm_workspace(&small, F32, 16), 4096);
}
