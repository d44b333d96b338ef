/* The promises of gemm.h about the edges of arithmetic, bits and memory. */
#include "gemm_testing.h"

/* ---- the edges of arithmetic ---- */

Test(gemm_promises, small_integers_are_exact) {
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

/* Of no terms: zeros, the bias, or c to the bit. [promises: empty sums] */
Test(gemm_promises, an_empty_sum) {
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

Test(gemm_promises, nothing_to_do_touches_nothing) {
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
Test(gemm_promises, a_nan_spoils_its_row_only) {
    for (int64_t at = 0; at < 37 * 19; at += 5) {
        trial t = trial_new(F32, 37, 35, 19, plain);
        put(t.a.data, F32, at, NAN);
        run(&t.g, F32, 1);
        for (int64_t i = 0; i < 37 * 35; i++)
            cr_assert_eq(isnan(get(t.c.data, F32, i)) != 0, i / 35 == at / 19);
        trial_free(t);
    }
}

Test(gemm_promises, an_infinity_in_b_spoils_its_column_only) {
    for (int64_t at = 0; at < 19 * 35; at += 5) {
        trial t = trial_new(F64, 37, 35, 19, plain);
        put(t.b.data, F64, at, INFINITY);
        run(&t.g, F64, 1);
        for (int64_t i = 0; i < 37 * 35; i++)
            cr_assert_eq(isfinite(get(t.c.data, F64, i)) == 0, i % 35 == at % 35);
        trial_free(t);
    }
}

/* [promises: 0·inf] */
Test(gemm_promises, zero_times_infinity_is_nan) {
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

/* ---- bits ---- */

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

Test(gemm_promises, the_same_bits_for_every_number_of_threads) {
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
Test(gemm_promises, a_row_or_column_alone_is_the_same_bits) {
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

/* And where the row's elements lie apart, and each column of b in one piece. */
Test(gemm_promises, a_row_alone_by_columns_in_one_piece_is_the_same_bits) {
    enum { M = 3, N = 70, K = 530 };
    options o = plain;
    o.a_transposed = o.b_transposed = o.biased = true;
    o.alpha = 0.3;
    static const size_t sizes[] = {F32, F64};
    for (int s = 0; s < 2; s++) {
        trial t = trial_new(sizes[s], M, N, K, o);
        run(&t.g, t.size, 1);
        double row[N];
        for (int64_t i = 0; i < M; i++) {
            heed_gemm alone = t.g;
            alone.m = 1;
            alone.a = (const char *)t.a.data + i * (int64_t)t.size;
            alone.c = row;
            run(&alone, t.size, 2);
            cr_assert_eq(memcmp(row, (const char *)t.c.data + i * N * (int64_t)t.size, N * t.size), 0, "row %ld",
                         (long)i);
        }
        trial_free(t);
    }
}

/* The same bits whatever the layout: the operands stored transposed, c strided, c transposed. */
Test(gemm_promises, the_layout_does_not_change_bits) {
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
Test(gemm_promises, the_order_of_the_sum_is_the_documented_one) {
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

/* ---- memory ---- */

Test(gemm_promises, the_workspace_is_small_and_aligned) {
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
