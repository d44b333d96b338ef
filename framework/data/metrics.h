/* How good predictions are, on plain arrays. Sums and counts rather than means, so that parts of a data set can be
 * added. */
#ifndef HEED_METRICS_H
#define HEED_METRICS_H

#include <heed/error.h>

HEED_BEGIN_DECLS

/* ---- token by token ----
 *
 * logits (rows, classes), targets (rows); rows whose target is `ignored` (HEED_IGNORED) count for nothing. */

/* sum -log softmax(logits)[target], in double: log sum_j exp(l_j - m) - (l_target - m), m the largest logit, so no
 * logit is too large. Logits of -inf are choices that cannot be. NaN where a row has NaN, +inf or only -inf, or its
 * target is no class. counted (may be NULL): how many rows counted. */
double heed_nll_sum(const float *logits, int64_t rows, int64_t classes, const int32_t *targets, int32_t ignored,
                    int64_t *counted);
/* exp(nll_sum / counted): as many equally likely choices would be as hard. NaN where nothing counted. */
double heed_perplexity(double nll_sum, int64_t counted);

/* Rows whose largest logit is the target's; of equal ones the first counts, and a row with NaN never. */
int64_t heed_count_hits(const float *logits, int64_t rows, int64_t classes, const int32_t *targets, int32_t ignored,
                        int64_t *counted);
/* Places where predicted = targets. */
int64_t heed_count_equal(const int32_t *predicted, const int32_t *targets, int64_t n, int32_t ignored,
                         int64_t *counted);
/* Rows of (rows, T) that are equal at every place that counts. A row of ignored places only is one. */
int64_t heed_count_exact(const int32_t *predicted, const int32_t *targets, int64_t rows, int64_t T, int32_t ignored);

/* ---- sequence by sequence ---- */

/* Levenshtein's distance: how few insertions, deletions and substitutions make one of the other. O(a_count b_count)
 * time, O(the shorter) memory. -1 and the reason on an error: out of memory, a negative count. */
int64_t heed_edit_distance(const int32_t *a, int64_t a_count, const int32_t *b, int64_t b_count, heed_error *error);
/* The same over the code points of two texts; also an error: bytes that are no UTF-8. */
int64_t heed_edit_distance_text(const char *a, size_t a_bytes, const char *b, size_t b_bytes, heed_error *error);
/* The same, divided by the longer's code points: 0 for equal texts (two empty ones, too), 1 where nothing is shared. -1
 * on an error. */
double heed_edit_rate_text(const char *a, size_t a_bytes, const char *b, size_t b_bytes, heed_error *error);
/* distance / max(a_count, b_count), 0 for two empty sequences. */
double heed_edit_rate(int64_t distance, int64_t a_count, int64_t b_count);

HEED_END_DECLS
#endif
