#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <heed/rng.h>
#include <heed/text.h>
#include <heed/windows.h>

struct heed_windows {
    int32_t *tokens;
    int64_t length;
    int64_t begin[2], count[2]; /* by part */
};

/* ---- making ---- */

/* How many of the tokens train; -1 and the reason on an error. */
static int64_t training_count(int64_t count, heed_windows_options o, heed_error *error) {
    if (!(o.validation >= 0 && o.validation < 1)) {
        heed_error_set(error, HEED_INVALID, "windows: validation is %g; it must be in [0, 1)", o.validation);
        return -1;
    }
    if (o.validation_count < 0 || o.validation_count > count) {
        heed_error_set(error, HEED_INVALID,
                       "windows: validation_count is %lld; it must be in 0 .. %lld, the tokens there are",
                       (long long)o.validation_count, (long long)count);
        return -1;
    }
    if (o.validation_count > 0)
        return count - o.validation_count;
    return o.validation > 0 ? (int64_t)floor((1 - o.validation) * (double)count) : count;
}

static bool check_part(const char *name, int64_t count, int64_t length, heed_error *error) {
    if (count == 0 || count > length)
        return true;
    heed_error_set(error, HEED_INVALID,
                   "windows: the %s part has %lld tokens; a window of %lld and its last target need %lld", name,
                   (long long)count, (long long)length, (long long)length + 1);
    return false;
}

static bool cut(heed_windows *w, int64_t count, heed_windows_options o, heed_error *error) {
    if (o.length < 1 || o.length == INT64_MAX)
        return heed_error_set(error, HEED_INVALID, "windows: length is %lld; it must be 1 or more",
                              (long long)o.length),
               false;
    if (count < 1)
        return heed_error_set(error, HEED_INVALID, "windows: there are no tokens"), false;
    int64_t training = training_count(count, o, error);
    if (training < 0)
        return false;
    *w = (heed_windows){.length = o.length, .begin = {0, training}, .count = {training, count - training}};
    return check_part("training", training, o.length, error) &&
           check_part("validation", count - training, o.length, error);
}

heed_windows *heed_windows_new(const int32_t *tokens, int64_t count, heed_windows_options options, heed_error *error) {
    heed_windows w;
    size_t bytes;
    if (error)
        *error = (heed_error){.status = HEED_OK};
    if (!cut(&w, count, options, error))
        return NULL;
    heed_windows *made = malloc(sizeof *made);
    w.tokens = made && !__builtin_mul_overflow((size_t)count, sizeof *tokens, &bytes) ? malloc(bytes) : NULL;
    if (w.tokens == NULL) {
        free(made);
        heed_error_set(error, HEED_NO_MEMORY, "windows: out of memory");
        return NULL;
    }
    memcpy(w.tokens, tokens, bytes);
    *made = w;
    return made;
}

heed_windows *heed_windows_open(const char *path, const heed_vocabulary *v, heed_windows_options options,
                                heed_error *error) {
    heed_error why = {.status = HEED_OK};
    heed_tokens tokens = {.ids = NULL};
    size_t bytes;
    char *text = heed_text_read(path, &bytes, error);
    if (text == NULL)
        return NULL;
    heed_windows *w = NULL;
    if (heed_encode(v, text, bytes, &tokens, &why) == HEED_OK)
        w = heed_windows_new(tokens.ids, tokens.count, options, &why);
    if (w == NULL)
        heed_error_set(error, why.status, "%s: %s", path, why.text);
    heed_tokens_free(&tokens);
    free(text);
    return w;
}

void heed_windows_free(heed_windows *w) {
    if (w)
        free(w->tokens);
    free(w);
}

/* ---- reading ---- */

int64_t heed_windows_length(const heed_windows *w) { return w->length; }

const int32_t *heed_windows_tokens(const heed_windows *w, heed_part part, int64_t *count) {
    int p = part == HEED_PART_VALIDATION;
    *count = w->count[p];
    return w->tokens + w->begin[p];
}

/* Of the possible starts 0 .. starts - 1, that of window `index` of an endless walk: pass after pass over the text, each from
 * a start of its own, around its end, and in an order of its own. */
static int64_t start_of(uint64_t seed, uint64_t index, uint64_t starts, uint64_t T) {
    uint64_t in_a_pass = starts > T ? starts / T : 1;
    uint64_t key = heed_rng_mix(seed, index / in_a_pass);
    uint64_t first = heed_rng_below(heed_rng_mix(key, 1), 0, starts);
    return (int64_t)((first + T * heed_rng_permuted(key, index % in_a_pass, in_a_pass)) % starts);
}

heed_status heed_windows_draw(const heed_windows *w, heed_part part, uint64_t seed, uint64_t batch, int64_t B,
                              int32_t *x, int32_t *y) {
    int64_t count, T = w->length;
    const int32_t *tokens = heed_windows_tokens(w, part, &count);
    if (count == 0 || B < 1)
        return HEED_INVALID;
    for (int64_t row = 0; row < B; row++) {
        const int32_t *from =
            tokens + start_of(seed, batch * (uint64_t)B + (uint64_t)row, (uint64_t)(count - T), (uint64_t)T);
        memcpy(x + row * T, from, (size_t)T * sizeof *x);
        memcpy(y + row * T, from + 1, (size_t)T * sizeof *y);
    }
    return HEED_OK;
}

int64_t heed_windows_count(const heed_windows *w, heed_part part) {
    int64_t count;
    heed_windows_tokens(w, part, &count);
    return count > 0 ? (count - 2) / w->length + 1 : 0;
}

int64_t heed_windows_read(const heed_windows *w, heed_part part, int64_t first, int64_t B, int32_t *x, int32_t *y) {
    int64_t count, T = w->length, windows = heed_windows_count(w, part), targets = 0;
    const int32_t *tokens = heed_windows_tokens(w, part, &count);
    for (int64_t row = 0; row < B; row++, x += T, y += T) {
        int64_t window = first + row, start = window * T;
        int64_t here = window < 0 || window >= windows ? 0 : count - 1 - start < T ? count - 1 - start : T;
        if (here > 0)
            memcpy(x, tokens + start, (size_t)here * sizeof *x);
        if (here > 0)
            memcpy(y, tokens + start + 1, (size_t)here * sizeof *y);
        for (int64_t i = here; i < T; i++)
            x[i] = 0, y[i] = HEED_IGNORED;
        targets += here;
    }
    return targets;
}

/* ---- for a loader ---- */

size_t heed_window_bytes(const heed_window_batches *batches) {
    size_t bytes;
    if (batches->B < 1 || __builtin_mul_overflow((size_t)batches->B, (size_t)batches->windows->length, &bytes) ||
        __builtin_mul_overflow(bytes, 2 * sizeof(int32_t), &bytes))
        return 0;
    return bytes;
}

heed_status heed_window_fill(void *batches, uint64_t seed, uint64_t batch, void *buffer, heed_error *error) {
    const heed_window_batches *b = batches;
    int32_t *x = buffer;
    if (heed_windows_draw(b->windows, b->part, seed, batch, b->B, x, x + b->B * b->windows->length))
        return heed_error_set(error, HEED_INVALID, "windows: the part has no tokens, or B is below 1");
    return HEED_OK;
}
