#include "npy_header_internal.h"

#include <string.h>

static const struct {
    const char *kind, *dtype;
} kinds[] = {
    {"f4", "F32"}, {"f8", "F64"}, {"f2", "F16"}, {"i4", "I32"}, {"i8", "I64"}, {"i2", "I16"},
    {"i1", "I8"},  {"u4", "U32"}, {"u8", "U64"}, {"u2", "U16"}, {"u1", "U8"},  {"b1", "BOOL"},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

const char *npy_kind(const char *dtype) {
    for (int i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].dtype, dtype) == 0)
            return kinds[i].kind;
    return NULL;
}

typedef struct literal {
    const file_reader *file;
    const char *begin, *at, *end;
} literal;

static bool wrong(const literal *l, const char *what) {
    return file_reader_refuse(l->file, "its header, at byte %lld: %s", (long long)(l->at - l->begin), what);
}

/* ---- words ---- */

/* The next character that is not space; '\0' at the end. */
static char peek(literal *l) {
    while (l->at < l->end && memchr(" \t\r\n", *l->at, 4))
        l->at++;
    return l->at < l->end ? *l->at : '\0';
}

static bool skip(literal *l, char c) {
    if (peek(l) != c)
        return false;
    l->at++;
    return true;
}

static bool skip_word(literal *l, const char *word) {
    size_t length = strlen(word);
    peek(l);
    if ((size_t)(l->end - l->at) < length || memcmp(l->at, word, length) != 0)
        return false;
    l->at += length;
    return true;
}

typedef struct quoted {
    const char *at;
    int length;
} quoted;

enum { LONGEST_TEXT = 64 }; /* no key or dtype that can be read comes near */

static bool is(quoted t, const char *word) {
    return (size_t)t.length == strlen(word) && memcmp(t.at, word, (size_t)t.length) == 0;
}

/* Printable ASCII without backslashes, so that it means what it shows and may stand in a message. */
static bool take_text(literal *l, quoted *out) {
    char quote = peek(l);
    if (quote != '\'' && quote != '"')
        return wrong(l, "a text in quotes is expected");
    *out = (quoted){.at = ++l->at};
    for (; l->at < l->end && *l->at != quote; l->at++, out->length++) {
        if (*l->at < ' ' || *l->at > '~' || *l->at == '\\')
            return wrong(l, "this character has no place in a text");
        if (out->length == LONGEST_TEXT)
            return wrong(l, "the text is too long");
    }
    return skip(l, quote) || wrong(l, "the text does not end");
}

static bool take_size(literal *l, int64_t *out) {
    peek(l);
    const char *first = l->at;
    for (*out = 0; l->at < l->end && *l->at >= '0' && *l->at <= '9'; l->at++)
        if (__builtin_mul_overflow(*out, 10, out) || __builtin_add_overflow(*out, *l->at - '0', out))
            return wrong(l, "this size is past int64");
    if (l->at == first || (*first == '0' && l->at > first + 1))
        return wrong(l, "shape must hold whole numbers, 0 or more");
    if (l->at < l->end && *l->at == 'L') /* a long, as Python 2 wrote it */
        l->at++;
    return true;
}

/* ---- values ---- */

/* "<f4": the byte order ('|': there is none), the kind, the bytes. */
static bool take_descr(literal *l, npy_header *out) {
    quoted descr;
    if (peek(l) == '[' || peek(l) == '(')
        return file_reader_refuse(l->file, "its dtype is a structure; only arrays of plain numbers can be read");
    if (!take_text(l, &descr))
        return false;
    if (descr.length >= 2 && descr.at[0] == '|' && descr.at[1] == 'O')
        return file_reader_refuse(l->file, "it holds Python objects ('|O'), which only Python can read");
    for (int i = 0; i < KINDS && descr.length == 3; i++) {
        bool single = file_dtype_size(kinds[i].dtype) == 1;
        if (memcmp(descr.at + 1, kinds[i].kind, 2) != 0 || !strchr(single ? "<>|" : "<>", descr.at[0]))
            continue;
        out->dtype = kinds[i].dtype;
        out->swap = !single && descr.at[0] != NPY_NATIVE_ORDER;
        return true;
    }
    return file_reader_refuse(l->file, "its dtype is '%.*s'; f2, f4, f8, i1 to i8, u1 to u8 and b1, "
                              "after their byte order, can be read", descr.length, descr.at);
}

static bool take_order(literal *l, npy_header *out) {
    out->fortran_order = skip_word(l, "True");
    return out->fortran_order || skip_word(l, "False") || wrong(l, "fortran_order must be True or False");
}

/* (), (3,), (2, 3), (2, 3,); but (3) is no tuple. */
static bool take_shape(literal *l, npy_header *out) {
    bool comma = true;
    heed_shape *shape = &out->shape;
    if (!skip(l, '('))
        return wrong(l, "shape must be a tuple");
    while (!skip(l, ')')) {
        if (!comma)
            return wrong(l, "a comma or ) is expected");
        if (shape->rank == HEED_MAX_RANK)
            return wrong(l, "its rank is above 8");
        if (!take_size(l, &shape->n[shape->rank]))
            return false;
        shape->rank++;
        comma = skip(l, ',');
    }
    return comma || shape->rank > 1 || wrong(l, "shape must be a tuple: (3,), not (3)");
}

/* ---- the dict ---- */

static const struct {
    const char *key;
    bool (*take)(literal *, npy_header *);
} entries[] = {{"descr", take_descr}, {"fortran_order", take_order}, {"shape", take_shape}};
enum { ENTRIES = sizeof entries / sizeof *entries };

static bool take_entry(literal *l, bool seen[ENTRIES], npy_header *out) {
    quoted key;
    int i = 0;
    if (!take_text(l, &key))
        return false;
    while (i < ENTRIES && !is(key, entries[i].key))
        i++;
    if (i == ENTRIES)
        return file_reader_refuse(l->file, "its header has '%.*s', which is none of the format's", key.length, key.at);
    if (seen[i])
        return file_reader_refuse(l->file, "its header has %s twice", entries[i].key);
    seen[i] = true;
    return (skip(l, ':') || wrong(l, "a colon is expected")) && entries[i].take(l, out);
}

bool npy_header_parse(const file_reader *file, const char *text, size_t length, npy_header *out) {
    literal l = {.file = file, .begin = text, .at = text, .end = text + length};
    bool seen[ENTRIES] = {false}, comma = true;
    *out = (npy_header){.dtype = NULL};
    if (!skip(&l, '{'))
        return wrong(&l, "a dict in braces is expected");
    while (!skip(&l, '}')) {
        if (!comma)
            return wrong(&l, "a comma or } is expected");
        if (!take_entry(&l, seen, out))
            return false;
        comma = skip(&l, ',');
    }
    peek(&l);
    if (l.at < l.end)
        return wrong(&l, "nothing may stand behind the dict");
    for (int i = 0; i < ENTRIES; i++)
        if (!seen[i])
            return file_reader_refuse(file, "its header lacks %s", entries[i].key);
    return true;
}
