/* The two kinds that need no learning: characters and bytes. */
#include <stdlib.h>
#include <string.h>

#include <heed/text.h>

#include "vocabulary_internal.h"

/* ---- characters: the ids of code points are their ranks ---- */

typedef struct character_set {
    int32_t count;
    uint32_t points[]; /* ascending */
} character_set;

static int32_t rank_of(const character_set *set, uint32_t point) {
    int32_t low = 0, high = set->count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (set->points[middle] < point)
            low = middle + 1;
        else
            high = middle;
    }
    return low < set->count && set->points[low] == point ? low : -1;
}

static heed_status not_utf8(const char *text, size_t at, heed_error *error) {
    return heed_error_set(error, HEED_INVALID, "vocabulary: byte %zu (0x%02X) of the text is not UTF-8", at,
                          (unsigned char)text[at]);
}

static heed_status encode_characters(const heed_vocabulary *v, const char *text, size_t begin, size_t end,
                                     heed_tokens *tokens, heed_error *error) {
    int32_t unknown = heed_vocabulary_special(v, HEED_UNK);
    uint32_t point;
    for (size_t at = begin; at < end;) {
        int n = heed_utf8_read(text + at, end - at, &point);
        if (n < 0)
            return not_utf8(text, at, error);
        int32_t id = rank_of(v->own, point);
        if (id < 0 && unknown < 0)
            return heed_error_set(
                error, HEED_INVALID,
                "vocabulary: U+%04X at byte %zu of the text is none of its %d characters, and it has no <unk>",
                (unsigned)point, at, (int)((const character_set *)v->own)->count);
        id = id < 0 ? unknown : id;
        if (heed_tokens_add(tokens, &id, 1))
            return vocabulary_no_memory(error);
        at += (size_t)n;
    }
    return HEED_OK;
}

/* One bit a code point: which there are in a text. */
enum { POINTS = 0x110000, SET_BYTES = POINTS / 8 };

static bool has_point(const unsigned char *seen, uint32_t point) { return seen[point / 8] >> point % 8 & 1; }

static bool note_points(const char *text, size_t bytes, unsigned char *seen, int32_t *count, heed_error *error) {
    uint32_t point;
    for (size_t at = 0; at < bytes;) {
        int n = heed_utf8_read(text + at, bytes - at, &point);
        if (n < 0)
            return not_utf8(text, at, error), false;
        *count += !has_point(seen, point);
        seen[point / 8] |= (unsigned char)(1u << point % 8);
        at += (size_t)n;
    }
    return true;
}

static bool add_points(heed_vocabulary *v, const unsigned char *seen, int32_t count, heed_error *error) {
    character_set *set = malloc(sizeof *set + (size_t)count * sizeof *set->points);
    if (set == NULL)
        return vocabulary_no_memory(error), false;
    v->own = set;
    set->count = 0;
    for (uint32_t point = 0; point < POINTS; point++) {
        char bytes[HEED_UTF8_BYTES];
        if (!has_point(seen, point))
            continue;
        set->points[set->count++] = point;
        if (!vocabulary_add(v, bytes, (size_t)heed_utf8_write(point, bytes), false, error))
            return false;
    }
    return true;
}

static bool add_characters(heed_vocabulary *v, const char *text, size_t bytes, heed_error *error) {
    int32_t count = 0;
    unsigned char *seen = calloc(SET_BYTES, 1);
    if (seen == NULL)
        return vocabulary_no_memory(error), false;
    bool good = note_points(text, bytes, seen, &count, error) && add_points(v, seen, count, error);
    free(seen);
    return good;
}

static bool write_characters(const heed_vocabulary *v, json_t *to) {
    const character_set *set = v->own;
    return json_object_set_new(to, "characters", json_stringn(v->bytes, v->start[set->count])) == 0;
}

static bool read_characters(heed_vocabulary *v, const json_t *from, heed_error *error) {
    const json_t *text = json_object_get(from, "characters");
    if (!json_is_string(text) || json_string_length(text) == 0)
        return heed_error_set(error, HEED_IO, "\"characters\" must be a text that is not empty"), false;
    if (!add_characters(v, json_string_value(text), json_string_length(text), error))
        return false;
    /* The ids are ranks, so any other order, or a character twice, would be another vocabulary than this. */
    return (v->start[v->count] == json_string_length(text) &&
            memcmp(v->bytes, json_string_value(text), v->start[v->count]) == 0) ||
           (heed_error_set(error, HEED_IO, "\"characters\" must be in ascending order, each once"), false);
}

const vocabulary_kind heed_vocabulary_kind_characters = {.name = "characters",
                                                         .encode = encode_characters,
                                                         .write = write_characters,
                                                         .read = read_characters,
                                                         .free_own = free};

/* ---- bytes ---- */

static heed_status encode_bytes(const heed_vocabulary *v, const char *text, size_t begin, size_t end,
                                heed_tokens *tokens, heed_error *error) {
    (void)v;
    for (size_t at = begin; at < end; at++)
        if (heed_tokens_add(tokens, &(int32_t){(unsigned char)text[at]}, 1))
            return vocabulary_no_memory(error);
    return HEED_OK;
}

static bool add_bytes(heed_vocabulary *v, heed_error *error) {
    bool good = true;
    for (int byte = 0; byte < 256 && good; byte++)
        good = vocabulary_add(v, &(char){(char)byte}, 1, false, error);
    return good;
}

static bool write_bytes(const heed_vocabulary *v, json_t *to) {
    (void)v;
    (void)to;
    return true;
}

static bool read_bytes(heed_vocabulary *v, const json_t *from, heed_error *error) {
    (void)from;
    return add_bytes(v, error);
}

const vocabulary_kind heed_vocabulary_kind_bytes = {
    .name = "bytes", .encode = encode_bytes, .write = write_bytes, .read = read_bytes};

/* ---- both ---- */

heed_vocabulary *heed_vocabulary_characters(const char *text, size_t bytes, unsigned specials, heed_error *error) {
    if (error)
        *error = (heed_error){.status = HEED_OK};
    if (bytes == 0) {
        heed_error_set(error, HEED_INVALID, "vocabulary: the text is empty; it must have a character");
        return NULL;
    }
    heed_vocabulary *v = vocabulary_new(&heed_vocabulary_kind_characters, error);
    if (v && add_characters(v, text, bytes, error) && vocabulary_add_specials(v, specials, error))
        return v;
    heed_vocabulary_free(v);
    return NULL;
}

heed_vocabulary *heed_vocabulary_bytes(unsigned specials, heed_error *error) {
    if (error)
        *error = (heed_error){.status = HEED_OK};
    heed_vocabulary *v = vocabulary_new(&heed_vocabulary_kind_bytes, error);
    if (v && add_bytes(v, error) && vocabulary_add_specials(v, specials, error))
        return v;
    heed_vocabulary_free(v);
    return NULL;
}
