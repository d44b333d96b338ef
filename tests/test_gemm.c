/* The matrix product against a naive triple loop: every awkward size, layout and batch. */
#include "gemm_testing.h"

#include <float.h>

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

/* [promises: odd sizes] */
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

/* One row by columns that lie in one piece each, whole squares of them and parts, with all that a product can have. */
Test(gemm, a_row_by_columns) {
    for (int flags = 0; flags < 16; flags++) {
        options o = plain;
        o.b_transposed = true;
        o.alpha = flags & 1 ? -0.7 : 1;
        o.biased = flags & 2;
        o.accumulate = flags & 4;
        o.c_col = flags & 8 ? 3 : 1;
        o.batch = 2;
        for (int64_t n = 1; n < 50; n += 3)
            check(1, n, 290 + n % 5 * 64, o, 1);
        check(1, 300, 7, o, 3);
        check(1, 1100, 600, o, 3);
    }
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
