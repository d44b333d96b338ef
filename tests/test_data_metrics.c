/* Metrics, by hand and by their laws. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <heed/heed.h>

static bool near(double a, double b) { return fabs(a - b) <= 1e-12 * (1 + fabs(b)); }

/* Logits that are logarithms of shares: -log p by hand. */
Test(data_metrics, nll_and_perplexity_are_by_their_formulas) {
    float logits[] = {logf(0.5f), logf(0.25f), logf(0.25f), 7, 7, 7, 0, 0, 0};
    int64_t counted;
    double nll = heed_nll_sum(logits, 3, 3, (int32_t[]){1, 2, -1}, -1, &counted);
    cr_assert(fabs(nll - (log(4) + log(3))) < 1e-7, "%.17g", nll);
    cr_assert_eq(counted, 2);
    cr_assert(near(heed_perplexity(log(4) + log(3), 2), sqrt(12)));
    cr_assert(isnan(heed_perplexity(0, 0)));
    cr_assert(isnan(heed_perplexity(NAN, 3)));
    cr_assert_eq(heed_perplexity(0, 5), 1);
    cr_assert_eq(heed_nll_sum(logits, 3, 3, (int32_t[]){5, 5, 5}, 5, &counted), 0);
    cr_assert_eq(counted, 0);
}

/* A uniform guess over V has perplexity V, wherever the logits lie. */
Test(data_metrics, a_uniform_guess_has_the_perplexity_of_its_classes) {
    enum { V = 1000 };
    static const float levels[] = {0, 1, -88, 3e38f, -3e38f};
    float logits[V];
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        for (int j = 0; j < V; j++)
            logits[j] = levels[i];
        cr_assert(near(heed_perplexity(heed_nll_sum(logits, 1, V, (int32_t[]){77}, -1, NULL), 1), V), "%g", levels[i]);
    }
}

Test(data_metrics, extreme_logits) {
    const float inf = INFINITY, big = 3e38f;
    static const int32_t zero[] = {0};
    cr_assert(near(heed_nll_sum((float[]){-big, big}, 1, 2, zero, -1, NULL), 2.0 * (double)big));
    cr_assert_eq(heed_nll_sum((float[]){big, -big}, 1, 2, zero, -1, NULL), 0);
    cr_assert(near(heed_nll_sum((float[]){1, -inf, 1}, 1, 3, zero, -1, NULL), log(2)));
    cr_assert_eq(heed_nll_sum((float[]){-inf, 0}, 1, 2, zero, -1, NULL), inf);
    cr_assert(isnan(heed_nll_sum((float[]){-inf, -inf}, 1, 2, zero, -1, NULL)));
    cr_assert(isnan(heed_nll_sum((float[]){0, inf}, 1, 2, zero, -1, NULL)));
    cr_assert(isnan(heed_nll_sum((float[]){0, NAN}, 1, 2, zero, -1, NULL)));
    cr_assert(isnan(heed_nll_sum((float[]){0, 0}, 1, 2, (int32_t[]){2}, -1, NULL)));
    cr_assert(isnan(heed_nll_sum((float[]){0, 0}, 1, 2, (int32_t[]){-2}, -1, NULL)));
    /* One certain class and another 40 below: log1p(e^-40), which 1 + e^-40 would lose, is 0 in this form; the target's
     * own is kept. */
    cr_assert(near(heed_nll_sum((float[]){-40, 0}, 1, 2, zero, -1, NULL), 40 + exp(-40)));
}

/* The loss and its metric agree. */
Test(data_metrics, nll_is_the_cross_entropy) {
    enum { ROWS = 50, V = 17 };
    float logits[ROWS * V];
    int32_t targets[ROWS];
    for (int i = 0; i < ROWS * V; i++)
        logits[i] = 5 * (float)heed_rng_normal(3, (uint64_t)i);
    for (int i = 0; i < ROWS; i++)
        targets[i] = i % 5 == 0 ? HEED_IGNORED : (int32_t)heed_rng_below(4, (uint64_t)i, V);
    heed_tape *t = heed_tape_new();
    heed_tensor loss = heed_cross_entropy_with(
        t, heed_input(t, HEED_F32, HEED_SHAPE(ROWS, V), logits), heed_input(t, HEED_I32, HEED_SHAPE(ROWS), targets),
        (heed_cross_entropy_options){.has_ignore_index = true, .ignore_index = HEED_IGNORED});
    int64_t counted;
    double nll = heed_nll_sum(logits, ROWS, V, targets, HEED_IGNORED, &counted);
    cr_assert_eq(counted, 40);
    cr_assert(fabs(nll / 40 - heed_item(t, loss)) < 1e-5 * nll / 40, "%s", heed_error_text(t));
    heed_tape_free(t);
}

Test(data_metrics, hits_are_where_the_first_largest_is_the_target) {
    static const float logits[] = {1, 3, 2, 3, 3, 1, NAN, 5, 1, -INFINITY, -INFINITY, -INFINITY, 0, 1, 0, 5, NAN, 1};
    int64_t counted;
    cr_assert_eq(heed_count_hits(logits, 6, 3, (int32_t[]){1, 0, 1, 0, -1, 0}, -1, &counted), 3);
    cr_assert_eq(counted, 5);
    cr_assert_eq(heed_count_hits(logits, 2, 3, (int32_t[]){2, 1}, -1, NULL), 0, "the second of two equals");
    cr_assert_eq(heed_count_hits(logits, 2, 3, (int32_t[]){3, -7}, -1, &counted), 0);
    cr_assert_eq(counted, 2);
}

Test(data_metrics, tokens_and_rows_that_are_equal) {
    static const int32_t predicted[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 1, 1},
                         targets[] = {1, 2, -1, 4, 0, 6, 7, 8, 9, -1, -1, -1};
    int64_t counted;
    cr_assert_eq(heed_count_equal(predicted, targets, 12, -1, &counted), 7);
    cr_assert_eq(counted, 8);
    cr_assert_eq(heed_count_exact(predicted, targets, 4, 3, -1), 3);
    cr_assert_eq(heed_count_exact(predicted, targets, 4, 3, -2), 1);
    cr_assert_eq(heed_count_equal(NULL, NULL, 0, -1, &counted), 0);
    cr_assert_eq(counted, 0);
}

static int64_t distance(const char *a, const char *b) {
    heed_error e = {.status = HEED_OK};
    int64_t there = heed_edit_distance_text(a, strlen(a), b, strlen(b), &e),
            back = heed_edit_distance_text(b, strlen(b), a, strlen(a), &e);
    cr_assert(there >= 0 && there == back, "%s", e.text);
    return there;
}

Test(data_metrics, edit_distances_that_are_known) {
    cr_assert_eq(distance("kitten", "sitting"), 3);
    cr_assert_eq(distance("Saturday", "Sunday"), 3);
    cr_assert_eq(distance("", ""), 0);
    cr_assert_eq(distance("", "abc"), 3);
    cr_assert_eq(distance("abc", "abc"), 0);
    cr_assert_eq(distance("flaw", "lawn"), 2);
    cr_assert_eq(distance("intention", "execution"), 5);
    cr_assert_eq(distance("d\u00e9j\u00e0 vu", "deja vu"), 2);
    cr_assert_eq(distance("\u4e2d\u6587", "\U0001F600"), 2);
    cr_assert(near(heed_edit_rate_text("sitting", 7, "kitten", 6, NULL), 3.0 / 7));
    cr_assert(near(heed_edit_rate_text("\u00e9", 2, "e", 1, NULL), 1));
    cr_assert_eq(heed_edit_rate_text("", 0, "", 0, NULL), 0);
    cr_assert_eq(heed_edit_rate(3, 6, 7), 3.0 / 7);
    heed_error e = {.status = HEED_OK};
    cr_assert_eq(heed_edit_distance_text("abc", 3, "a\xFF", 2, &e), -1);
    cr_assert_str_eq(e.text, "edit distance: byte 1 (0xFF) of a text is not UTF-8");
    cr_assert_eq(heed_edit_rate_text("abc", 3, "a\xFF", 2, NULL), -1);
    e.status = HEED_OK;
    cr_assert_eq(heed_edit_distance(NULL, -1, NULL, 0, &e), -1);
    cr_assert_eq(e.status, HEED_INVALID);
}

/* The definition itself, by recursion without a table. */
static int64_t naive(const int32_t *a, int64_t n, const int32_t *b, int64_t m) {
    if (n == 0 || m == 0)
        return n + m;
    int64_t substituted = naive(a + 1, n - 1, b + 1, m - 1) + (*a != *b), deleted = naive(a + 1, n - 1, b, m) + 1,
            inserted = naive(a, n, b + 1, m - 1) + 1;
    int64_t least = deleted < inserted ? deleted : inserted;
    return substituted < least ? substituted : least;
}

Test(data_metrics, edit_distances_are_those_of_the_definition) {
    for (uint64_t i = 0; i < 400; i++) {
        int32_t a[7], b[7];
        int64_t n = (int64_t)heed_rng_below(1, 2 * i, 8), m = (int64_t)heed_rng_below(1, 2 * i + 1, 8);
        for (uint64_t k = 0; k < 7; k++) {
            a[k] = (int32_t)heed_rng_below(heed_rng_mix(2, i), k, 3);
            b[k] = (int32_t)heed_rng_below(heed_rng_mix(3, i), k, 3);
        }
        cr_assert_eq(heed_edit_distance(a, n, b, m, NULL), naive(a, n, b, m), "%d", (int)i);
    }
}
