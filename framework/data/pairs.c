#include <stdlib.h>
#include <string.h>

#include <heed/pairs.h>
#include <heed/text.h>

#include "pairs_internal.h"

heed_pairs *heed_pairs_new(heed_error *error) {
    if (error)
        *error = (heed_error){.status = HEED_OK};
    heed_pairs *pairs = calloc(1, sizeof *pairs);
    if (pairs == NULL)
        heed_error_set(error, HEED_NO_MEMORY, "pairs: out of memory");
    return pairs;
}

void heed_pairs_free(heed_pairs *pairs) {
    if (pairs == NULL)
        return;
    heed_tokens_free(&pairs->tokens);
    free(pairs->begin);
    free(pairs);
}

static bool room_for_one(heed_pairs *pairs) {
    enum { SMALLEST = 256 };
    if (pairs->count < pairs->capacity)
        return true;
    int64_t capacity = pairs->capacity ? 2 * pairs->capacity : SMALLEST;
    size_t bytes;
    if (pairs->capacity > INT64_MAX / 8 ||
        __builtin_mul_overflow((size_t)(2 * capacity + 1), sizeof *pairs->begin, &bytes))
        return false;
    int64_t *begin = realloc(pairs->begin, bytes);
    if (begin == NULL)
        return false;
    begin[2 * pairs->count] = pairs->tokens.count;
    pairs->begin = begin;
    pairs->capacity = capacity;
    return true;
}

heed_status heed_pairs_add(heed_pairs *pairs, const int32_t *source, int64_t source_count, const int32_t *target,
                           int64_t target_count, heed_error *error) {
    int64_t before = pairs->tokens.count;
    if (source_count < 1 || target_count < 0)
        return heed_error_set(error, HEED_INVALID,
                              "pairs: the source has %lld tokens and the target %lld; they must be at least 1 and 0",
                              (long long)source_count, (long long)target_count);
    if (!room_for_one(pairs) || heed_tokens_add(&pairs->tokens, source, source_count) ||
        heed_tokens_add(&pairs->tokens, target, target_count)) {
        pairs->tokens.count = before;
        return heed_error_set(error, HEED_NO_MEMORY, "pairs: out of memory");
    }
    int64_t *begin = pairs->begin + 2 * pairs->count++;
    begin[1] = before + source_count;
    begin[2] = pairs->tokens.count;
    pairs->longest_source = source_count > pairs->longest_source ? source_count : pairs->longest_source;
    pairs->longest_target = target_count > pairs->longest_target ? target_count : pairs->longest_target;
    return HEED_OK;
}

int64_t heed_pairs_count(const heed_pairs *pairs) { return pairs->count; }

const int32_t *heed_pairs_source(const heed_pairs *pairs, int64_t i, int64_t *count) {
    *count = pairs->begin[2 * i + 1] - pairs->begin[2 * i];
    return pairs->tokens.ids + pairs->begin[2 * i];
}

const int32_t *heed_pairs_target(const heed_pairs *pairs, int64_t i, int64_t *count) {
    *count = pairs->begin[2 * i + 2] - pairs->begin[2 * i + 1];
    return pairs->tokens.ids + pairs->begin[2 * i + 1];
}

/* ---- files ---- */

typedef struct sides {
    const heed_vocabulary *source, *target;
    heed_tokens tokens; /* of one line: source, target */
} sides;

static bool add_line(heed_pairs *pairs, sides *s, const char *line, size_t n, heed_error *error) {
    const char *tab = memchr(line, '\t', n);
    if (tab == NULL || memchr(tab + 1, '\t', n - (size_t)(tab + 1 - line)))
        return heed_error_set(error, HEED_IO, "it must be a source, a tab, a target"), false;
    size_t source = (size_t)(tab - line), target = n - source - 1;
    s->tokens.count = 0;
    if (heed_encode(s->source, line, source, &s->tokens, error))
        return false;
    int64_t count = s->tokens.count;
    if (heed_encode(s->target, tab + 1, target, &s->tokens, error))
        return false;
    return !heed_pairs_add(pairs, s->tokens.ids, count, s->tokens.ids + count, s->tokens.count - count, error);
}

static bool add_lines(heed_pairs *pairs, sides *s, const char *text, size_t bytes, const char *path,
                      heed_error *error) {
    const char *line = text, *end = text + bytes;
    for (long long number = 1; line < end; number++) {
        heed_error why = {.status = HEED_OK};
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t n = (size_t)((stop ? stop : end) - line);
        bool good = add_line(pairs, s, line, n - (n > 0 && line[n - 1] == '\r'), &why);
        if (!good)
            return heed_error_set(error, why.status, "%s: line %lld: %s", path, number, why.text), false;
        line += n + 1;
    }
    return true;
}

heed_pairs *heed_pairs_open(const char *path, const heed_vocabulary *source, const heed_vocabulary *target,
                            heed_error *error) {
    size_t bytes;
    sides s = {.source = source, .target = target};
    char *text = heed_text_read(path, &bytes, error);
    heed_pairs *pairs = text ? heed_pairs_new(error) : NULL;
    bool good = pairs && add_lines(pairs, &s, text, bytes, path, error);
    heed_tokens_free(&s.tokens);
    free(text);
    if (good)
        return pairs;
    heed_pairs_free(pairs);
    return NULL;
}
