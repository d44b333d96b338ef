/* kernels/rows.h: rows of all lengths about a vector's, behind which nothing may be touched. */
#include <criterion/criterion.h>
#include <string.h>

#include "../framework/kernels/rows.h"

enum { LONGEST = 2 * HEED_ROW_BLOCK + 70, BEHIND = 16 };

static float x[LONGEST], y[LONGEST], out[LONGEST + BEHIND];
static double x64[LONGEST], out64[LONGEST + BEHIND];

static void fill(void) {
    for (int i = 0; i < LONGEST; i++) {
        x[i] = (float)((i * 7919 % 1009) - 500) / 173;
        y[i] = (float)((i * 104729 % 997) - 400) / 91;
        x64[i] = (double)x[i] + 1e-9 * i;
    }
}

/* Lengths 0 to 70, and some beside a block's. */
static int length(int k) {
    return k <= 70 ? k : HEED_ROW_BLOCK - 3 + (k - 71) * 61;
}
enum { LENGTHS = 71 + 18 };

/* The order that the header promises: element i in chain i modulo 16, the chains by halves, blocks in double. */
static double sum_in_order(const float *terms, int n) {
    double total = 0;
    for (int block = 0; block < n; block += HEED_ROW_BLOCK) {
        float chain[16] = {0};
        for (int i = block; i < n && i < block + HEED_ROW_BLOCK; i++)
            chain[i % 16] += terms[i];
        for (int half = 8; half > 0; half /= 2)
            for (int i = 0; i < half; i++)
                chain[i] += chain[i + half];
        total += (double)chain[0];
    }
    return total;
}

Test(rows, sums_run_in_the_documented_order) {
    fill();
    float products[LONGEST];
    for (int i = 0; i < LONGEST; i++)
        products[i] = x[i] * y[i];
    for (int k = 0; k < LENGTHS; k++) {
        cr_expect_eq(heed_row_sum_f32(x, length(k)), sum_in_order(x, length(k)), "sum of %d", length(k));
        cr_expect_eq(heed_row_dot_f32(x, y, length(k)), sum_in_order(products, length(k)), "dot of %d", length(k));
    }
}

Test(rows, the_largest_is_found_wherever_it_stands) {
    fill();
    cr_expect_eq(heed_row_max_f32(x, 0), -INFINITY);
    for (int n = 1; n <= 70; n++)
        for (int at = 0; at < n; at++) {
            const float was = x[at];
            x[at] = 100;
            cr_expect_eq(heed_row_max_f32(x, n), 100, "at %d of %d", at, n);
            x[at] = NAN;
            float most = -INFINITY;
            for (int i = 0; i < n; i++)
                most = x[i] > most ? x[i] : most;
            cr_expect_eq(heed_row_max_f32(x, n), most, "NaN at %d of %d", at, n);
            x[at] = was;
        }
}

Test(rows, exponentials_are_those_of_the_elements_and_nothing_behind_is_written) {
    fill();
    for (int k = 0; k < LENGTHS; k++) {
        const int n = length(k);
        memset(out, 0x5a, sizeof out);
        memset(out64, 0x5a, sizeof out64);
        heed_row_exp_f32(out, x, n, 1.25f, 3);
        heed_row_exp_f64(out64, x64, n, 1.25, 3);
        for (int i = 0; i < n; i++) {
            const float one = heed_exp_f32(x[i] - 1.25f) * 3;
            const double one64 = heed_exp_f64(x64[i] - 1.25) * 3;
            cr_assert_eq(memcmp(&out[i], &one, sizeof one), 0, "%d of %d", i, n);
            cr_assert_eq(memcmp(&out64[i], &one64, sizeof one64), 0, "f64: %d of %d", i, n);
            cr_assert_float_eq(one64, 3 * exp(x64[i] - 1.25), 1e-13 * one64);
        }
        for (size_t i = 0; i < BEHIND * sizeof *out; i++)
            cr_assert_eq(((const unsigned char *)(out + n))[i], 0x5a, "behind %d", n);
        for (size_t i = 0; i < BEHIND * sizeof *out64; i++)
            cr_assert_eq(((const unsigned char *)(out64 + n))[i], 0x5a, "f64: behind %d", n);
    }
}

Test(rows, a_row_may_be_its_own_result) {
    fill();
    for (int n = 1; n <= 70; n++) {
        heed_row_exp_f32(out, x, n, 0.5f, 1);
        memcpy(y, x, sizeof y);
        heed_row_exp_f32(y, y, n, 0.5f, 1);
        cr_assert_eq(memcmp(y, out, (size_t)n * sizeof *y), 0, "%d", n);
    }
}
