/* The table of tokens, and what follows from it alone: names, roles, decoding. */
#include <stdlib.h>
#include <string.h>

#include "vocabulary_internal.h"

heed_status vocabulary_no_memory(heed_error *error) {
    return heed_error_set(error, HEED_NO_MEMORY, "vocabulary: out of memory");
}

/* ---- lists ---- */

heed_status heed_tokens_add(heed_tokens *tokens, const int32_t *ids, int64_t n) {
    enum { SMALLEST = 64 };
    int64_t need;
    size_t bytes;
    if (n < 0 || __builtin_add_overflow(tokens->count, n, &need))
        return HEED_NO_MEMORY;
    if (need > tokens->capacity) {
        int64_t capacity = need < SMALLEST ? SMALLEST : need;
        if (tokens->capacity <= INT64_MAX / 2 && capacity < 2 * tokens->capacity)
            capacity = 2 * tokens->capacity;
        int32_t *grown = __builtin_mul_overflow(capacity, sizeof *grown, &bytes) ? NULL : realloc(tokens->ids, bytes);
        if (grown == NULL)
            return HEED_NO_MEMORY;
        tokens->ids = grown;
        tokens->capacity = capacity;
    }
    if (n > 0)
        memcpy(tokens->ids + tokens->count, ids, (size_t)n * sizeof *ids);
    tokens->count = need;
    return HEED_OK;
}

void heed_tokens_free(heed_tokens *tokens) {
    if (tokens)
        free(tokens->ids);
    if (tokens)
        *tokens = (heed_tokens){.ids = NULL};
}

/* ---- the table ---- */

/* The names by which special tokens are known, here and in files from elsewhere. */
static const struct {
    const char *name;
    unsigned roles;
} known_names[] = {
    {"<pad>", HEED_PAD}, {"<bos>", HEED_BOS}, {"<eos>", HEED_EOS},    {"<unk>", HEED_UNK},
    {"<s>", HEED_BOS},   {"</s>", HEED_EOS},  {"<|endoftext|>", HEED_BOS | HEED_EOS},
};

enum { KNOWN_NAMES = sizeof known_names / sizeof *known_names };

heed_vocabulary *vocabulary_new(const vocabulary_kind *kind, heed_error *error) {
    heed_vocabulary *v = calloc(1, sizeof *v);
    if (v)
        *v = (heed_vocabulary){.kind = kind, .role = {-1, -1, -1, -1}};
    else
        vocabulary_no_memory(error);
    return v;
}

void heed_vocabulary_free(heed_vocabulary *v) {
    if (v == NULL)
        return;
    if (v->kind->free_own)
        v->kind->free_own(v->own);
    free(v->bytes);
    free(v->start);
    free(v->special);
    heed_tokens_free(&v->special_ids);
    free(v);
}

static bool grow_table(heed_vocabulary *v) {
    enum { SMALLEST = 512 };
    int32_t capacity = v->capacity ? 2 * v->capacity : SMALLEST;
    if (v->capacity > INT32_MAX / 2 - 1)
        return false;
    size_t *start = realloc(v->start, ((size_t)capacity + 1) * sizeof *start);
    if (start)
        v->start = start;
    bool *special = start ? realloc(v->special, (size_t)capacity * sizeof *special) : NULL;
    if (special == NULL)
        return false;
    v->special = special;
    v->capacity = capacity;
    v->start[0] = 0;
    return true;
}

static bool grow_bytes(heed_vocabulary *v, size_t need) {
    enum { SMALLEST = 4096 };
    size_t capacity = v->bytes_capacity ? v->bytes_capacity : SMALLEST;
    while (capacity < need && capacity <= SIZE_MAX / 2)
        capacity *= 2;
    char *bytes = capacity >= need ? realloc(v->bytes, capacity) : NULL;
    if (bytes == NULL)
        return false;
    v->bytes = bytes;
    v->bytes_capacity = capacity;
    return true;
}

static void take_roles(heed_vocabulary *v, int32_t id) {
    const char *name = v->bytes + v->start[id];
    size_t n = vocabulary_length(v, id);
    v->begins_special[(unsigned char)name[0]] = true;
    for (int i = 0; i < KNOWN_NAMES; i++)
        if (strlen(known_names[i].name) == n && memcmp(known_names[i].name, name, n) == 0)
            for (int role = 0; role < SPECIALS; role++)
                if (known_names[i].roles >> role & 1 && v->role[role] < 0)
                    v->role[role] = id;
}

bool vocabulary_add(heed_vocabulary *v, const char *bytes, size_t n, bool special, heed_error *error) {
    size_t end;
    if ((v->count == v->capacity && !grow_table(v)) || __builtin_add_overflow(v->start[v->count], n, &end) ||
        (end > v->bytes_capacity && !grow_bytes(v, end)) || (special && heed_tokens_add(&v->special_ids, &v->count, 1)))
        return vocabulary_no_memory(error), false;
    memcpy(v->bytes + v->start[v->count], bytes, n);
    v->special[v->count] = special;
    v->start[++v->count] = end;
    if (special)
        take_roles(v, v->count - 1);
    return true;
}

bool vocabulary_add_specials(heed_vocabulary *v, unsigned specials, heed_error *error) {
    if (specials & ~(unsigned)HEED_ALL_SPECIALS)
        return heed_error_set(
                   error, HEED_INVALID,
                   "vocabulary: specials is 0x%x; it must be a mask of HEED_PAD, HEED_BOS, HEED_EOS, HEED_UNK",
                   specials),
               false;
    for (int role = 0; role < SPECIALS; role++)
        if (specials >> role & 1 &&
            !vocabulary_add(v, known_names[role].name, strlen(known_names[role].name), true, error))
            return false;
    return true;
}

/* ---- what is in it ---- */

int32_t heed_vocabulary_count(const heed_vocabulary *v) { return v->count; }
const char *heed_vocabulary_kind(const heed_vocabulary *v) { return v->kind->name; }

int32_t heed_vocabulary_special(const heed_vocabulary *v, unsigned special) {
    for (int role = 0; role < SPECIALS; role++)
        if (special == 1u << role)
            return v->role[role];
    return -1;
}

static bool is_id(const heed_vocabulary *v, int32_t id) { return id >= 0 && id < v->count; }

bool heed_vocabulary_is_special(const heed_vocabulary *v, int32_t id) { return is_id(v, id) && v->special[id]; }

const char *heed_vocabulary_token(const heed_vocabulary *v, int32_t id, size_t *bytes) {
    if (bytes)
        *bytes = is_id(v, id) ? vocabulary_length(v, id) : 0;
    return is_id(v, id) ? v->bytes + v->start[id] : NULL;
}

int32_t heed_vocabulary_find(const heed_vocabulary *v, const char *token, size_t bytes) {
    for (int32_t id = 0; id < v->count; id++)
        if (vocabulary_length(v, id) == bytes && memcmp(v->bytes + v->start[id], token, bytes) == 0)
            return id;
    return -1;
}

/* ---- ids to text ---- */

static size_t decode(const heed_vocabulary *v, const int32_t *ids, int64_t count, char *text, size_t size, bool names) {
    static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */
    size_t total = 0;
    for (int64_t i = 0; i < count; i++) {
        const char *from = replacement;
        size_t n = sizeof replacement - 1;
        if (is_id(v, ids[i]) && (names || ids[i] != v->role[3])) {
            from = v->bytes + v->start[ids[i]];
            n = v->special[ids[i]] && !names ? 0 : vocabulary_length(v, ids[i]);
        }
        if (total < size)
            memcpy(text + total, from, n < size - total ? n : size - total);
        total += n;
    }
    if (size > 0)
        text[total < size ? total : size - 1] = '\0';
    return total;
}

size_t heed_decode(const heed_vocabulary *v, const int32_t *ids, int64_t count, char *text, size_t size) {
    return decode(v, ids, count, text, size, false);
}

size_t heed_decode_with_specials(const heed_vocabulary *v, const int32_t *ids, int64_t count, char *text, size_t size) {
    return decode(v, ids, count, text, size, true);
}

/* ---- text to ids ---- */

static heed_status encode_part(const heed_vocabulary *v, const char *text, size_t begin, size_t end,
                               heed_tokens *tokens, heed_error *error) {
    return begin < end ? v->kind->encode(v, text, begin, end, tokens, error) : HEED_OK;
}

heed_status heed_encode(const heed_vocabulary *v, const char *text, size_t bytes, heed_tokens *tokens,
                        heed_error *error) {
    int64_t before = tokens->count;
    heed_status status = encode_part(v, text, 0, bytes, tokens, error);
    if (status)
        tokens->count = before;
    return status;
}

/* The special token whose name stands at the text's beginning, the longest, or -1. */
static int32_t special_at(const heed_vocabulary *v, const char *text, size_t bytes) {
    int32_t found = -1;
    for (int64_t i = 0; i < v->special_ids.count; i++) {
        int32_t id = v->special_ids.ids[i];
        size_t n = vocabulary_length(v, id);
        if (n <= bytes && memcmp(text, v->bytes + v->start[id], n) == 0 &&
            (found < 0 || n > vocabulary_length(v, found)))
            found = id;
    }
    return found;
}

heed_status heed_encode_with_specials(const heed_vocabulary *v, const char *text, size_t bytes, heed_tokens *tokens,
                                      heed_error *error) {
    int64_t before = tokens->count;
    heed_status status = HEED_OK;
    size_t begin = 0, at = 0;
    while (at < bytes && !status) {
        int32_t id = v->begins_special[(unsigned char)text[at]] ? special_at(v, text + at, bytes - at) : -1;
        if (id < 0) {
            at++;
            continue;
        }
        status = encode_part(v, text, begin, at, tokens, error);
        if (!status && heed_tokens_add(tokens, &id, 1))
            status = vocabulary_no_memory(error);
        begin = at += vocabulary_length(v, id);
    }
    if (!status)
        status = encode_part(v, text, begin, bytes, tokens, error);
    if (status)
        tokens->count = before;
    return status;
}
