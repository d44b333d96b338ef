#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <heed/metrics.h>
#include <heed/text.h>

/* ---- token by token ---- */

static double row_nll(const float *logits, int64_t classes, int32_t target) {
    double largest = -INFINITY, sum = 0;
    if (target < 0 || target >= classes)
        return NAN;
    for (int64_t j = 0; j < classes; j++)
        largest = logits[j] > largest ? logits[j] : largest;
    for (int64_t j = 0; j < classes; j++)
        sum += exp(logits[j] - largest); /* inf - inf, and NaN, make NaN */
    return log(sum) - (logits[target] - largest);
}

double heed_nll_sum(const float *logits, int64_t rows, int64_t classes, const int32_t *targets, int32_t ignored,
                    int64_t *counted) {
    double sum = 0;
    int64_t count = 0;
    for (int64_t i = 0; i < rows; i++) {
        if (targets[i] == ignored)
            continue;
        sum += row_nll(logits + i * classes, classes, targets[i]);
        count++;
    }
    if (counted)
        *counted = count;
    return sum;
}

double heed_perplexity(double nll_sum, int64_t counted) { return counted > 0 ? exp(nll_sum / (double)counted) : NAN; }

static bool is_hit(const float *logits, int64_t classes, int32_t target) {
    if (target < 0 || target >= classes)
        return false;
    float chosen = logits[target];
    for (int64_t j = 0; j < classes; j++)
        if (!(j < target ? logits[j] < chosen : logits[j] <= chosen)) /* false for NaN, too */
            return false;
    return true;
}

int64_t heed_count_hits(const float *logits, int64_t rows, int64_t classes, const int32_t *targets, int32_t ignored,
                        int64_t *counted) {
    int64_t hits = 0, count = 0;
    for (int64_t i = 0; i < rows; i++)
        if (targets[i] != ignored) {
            hits += is_hit(logits + i * classes, classes, targets[i]);
            count++;
        }
    if (counted)
        *counted = count;
    return hits;
}

int64_t heed_count_equal(const int32_t *predicted, const int32_t *targets, int64_t n, int32_t ignored,
                         int64_t *counted) {
    int64_t equal = 0, count = 0;
    for (int64_t i = 0; i < n; i++)
        if (targets[i] != ignored) {
            equal += predicted[i] == targets[i];
            count++;
        }
    if (counted)
        *counted = count;
    return equal;
}

int64_t heed_count_exact(const int32_t *predicted, const int32_t *targets, int64_t rows, int64_t T, int32_t ignored) {
    int64_t exact = 0, counted;
    for (int64_t row = 0; row < rows; row++)
        exact += heed_count_equal(predicted + row * T, targets + row * T, T, ignored, &counted) == counted;
    return exact;
}

/* ---- sequence by sequence ---- */

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* One row of the table of distances after another: row[j] is that of a's first i and b's first j. */
static void fill_rows(const int32_t *a, int64_t n, const int32_t *b, int64_t m, int64_t *row) {
    for (int64_t j = 0; j <= m; j++)
        row[j] = j;
    for (int64_t i = 1; i <= n; i++) {
        int64_t above_left = row[0];
        row[0] = i;
        for (int64_t j = 1; j <= m; j++) {
            int64_t substituted = above_left + (a[i - 1] != b[j - 1]);
            above_left = row[j];
            row[j] = least(substituted, 1 + least(row[j], row[j - 1]));
        }
    }
}

int64_t heed_edit_distance(const int32_t *a, int64_t a_count, const int32_t *b, int64_t b_count, heed_error *error) {
    if (a_count < 0 || b_count < 0) {
        heed_error_set(error, HEED_INVALID, "edit distance: the counts are %lld and %lld; they must be 0 or more",
                       (long long)a_count, (long long)b_count);
        return -1;
    }
    if (a_count < b_count)
        return heed_edit_distance(b, b_count, a, a_count, error);
    while (b_count > 0 && a[0] == b[0]) /* what both begin and end with changes nothing */
        a++, b++, a_count--, b_count--;
    while (b_count > 0 && a[a_count - 1] == b[b_count - 1])
        a_count--, b_count--;
    if (b_count == 0)
        return a_count;
    int64_t *row = b_count < INT64_MAX / 16 ? malloc(((size_t)b_count + 1) * sizeof *row) : NULL;
    if (row == NULL) {
        heed_error_set(error, HEED_NO_MEMORY, "edit distance: out of memory");
        return -1;
    }
    fill_rows(a, a_count, b, b_count, row);
    int64_t distance = row[b_count];
    free(row);
    return distance;
}

/* For free(); NULL and the reason. */
static int32_t *code_points(const char *text, size_t bytes, int64_t *count, heed_error *error) {
    int32_t *points = bytes < SIZE_MAX / sizeof *points ? malloc((bytes + 1) * sizeof *points) : NULL;
    size_t at = 0;
    uint32_t point;
    int n;
    if (points == NULL) {
        heed_error_set(error, HEED_NO_MEMORY, "edit distance: out of memory");
        return NULL;
    }
    for (*count = 0; (n = heed_utf8_read(text + at, bytes - at, &point)) > 0; at += (size_t)n)
        points[(*count)++] = (int32_t)point;
    if (n == 0)
        return points;
    heed_error_set(error, HEED_INVALID, "edit distance: byte %zu (0x%02X) of a text is not UTF-8", at,
                   (unsigned char)text[at]);
    free(points);
    return NULL;
}

static int64_t text_distance(const char *a, size_t a_bytes, const char *b, size_t b_bytes, int64_t *longer,
                             heed_error *error) {
    int64_t n = 0, m = 0;
    int32_t *x = code_points(a, a_bytes, &n, error), *y = x ? code_points(b, b_bytes, &m, error) : NULL;
    int64_t distance = y ? heed_edit_distance(x, n, y, m, error) : -1;
    *longer = n > m ? n : m;
    free(x);
    free(y);
    return distance;
}

int64_t heed_edit_distance_text(const char *a, size_t a_bytes, const char *b, size_t b_bytes, heed_error *error) {
    int64_t longer;
    return text_distance(a, a_bytes, b, b_bytes, &longer, error);
}

double heed_edit_rate_text(const char *a, size_t a_bytes, const char *b, size_t b_bytes, heed_error *error) {
    int64_t longer, distance = text_distance(a, a_bytes, b, b_bytes, &longer, error);
    return distance < 0 ? -1 : heed_edit_rate(distance, longer, 0);
}

double heed_edit_rate(int64_t distance, int64_t a_count, int64_t b_count) {
    int64_t longer = a_count > b_count ? a_count : b_count;
    return longer > 0 ? (double)distance / (double)longer : 0;
}
