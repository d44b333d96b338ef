/* GPT-2's files, and byte pair encoding inside a vocabulary's own file:
 *
 *     vocab.json    {"!": 0, ..., "\u0120t": 256, ...}         merges.txt    #version: 0.2
 *                                                                            Ġ t */
#include <stdlib.h>
#include <string.h>

#include <heed/text.h>

#include "../io/atomic_file_internal.h"
#include "../io/file_reader_internal.h"
#include "bpe_internal.h"
#include "json_file_internal.h"

/* ---- keys: a token's bytes as visible characters ---- */

/* A token's key, NUL behind it, into memory of 2 bytes a byte and one more. A special token's name stands as it is. */
static void write_key(const heed_vocabulary *v, int32_t id, char *key) {
    size_t n;
    const char *token = heed_vocabulary_token(v, id, &n);
    if (v->special[id]) {
        memcpy(key, token, n);
        key += n;
    } else
        for (size_t i = 0; i < n; i++)
            key += heed_utf8_write(bpe_point_of((unsigned char)token[i]), key);
    *key = '\0';
}

/* The bytes that a key stands for, into memory of its own length; -1 where one of its characters is none of the
 * table's. */
static ptrdiff_t read_key(const char *key, char *bytes) {
    size_t n = strlen(key), at = 0;
    ptrdiff_t count = 0;
    uint32_t point;
    for (int length; (length = heed_utf8_read(key + at, n - at, &point)) > 0; at += (size_t)length) {
        int byte = bpe_byte_of(point);
        if (byte < 0)
            return -1;
        bytes[count++] = (char)byte;
    }
    return at == n ? count : -1;
}

static bool has_key(const heed_vocabulary *v, int32_t id, const char *key) {
    size_t n;
    const char *token = heed_vocabulary_token(v, id, &n);
    for (size_t i = 0; i < n; i++) {
        char character[HEED_UTF8_BYTES];
        size_t length = (size_t)heed_utf8_write(bpe_point_of((unsigned char)token[i]), character);
        if (strncmp(key, character, length) != 0)
            return false;
        key += length;
    }
    return *key == '\0';
}

bool bpe_is_token_key(const heed_vocabulary *v, const char *key) {
    bool found = false;
    for (int32_t id = 0; id < v->count && !found; id++)
        found = !v->special[id] && has_key(v, id, key);
    return found;
}

/* The longest token's, in bytes of its key. */
static char *memory_for_keys(const heed_vocabulary *v) {
    size_t longest = 0;
    for (int32_t id = 0; id < v->count; id++)
        longest = vocabulary_length(v, id) > longest ? vocabulary_length(v, id) : longest;
    return malloc(2 * longest + 1);
}

/* ---- writing ---- */

static json_t *vocab_object(const heed_vocabulary *v, char *key) {
    json_t *ids = json_object();
    bool good = ids != NULL;
    for (int32_t id = 0; id < v->count && good; id++) {
        write_key(v, id, key);
        good = json_object_set_new(ids, key, json_integer(id)) == 0;
    }
    if (good)
        return ids;
    json_decref(ids);
    return NULL;
}

/* "left right", for free(); NULL: out of memory. */
static char *merge_line(const heed_vocabulary *v, const bpe_merge *merge, const char *end) {
    size_t left = 2 * vocabulary_length(v, merge->left), right = 2 * vocabulary_length(v, merge->right);
    char *line = malloc(left + right + strlen(end) + 2);
    if (line == NULL)
        return NULL;
    write_key(v, merge->left, line);
    strcat(line, " ");
    write_key(v, merge->right, line + strlen(line));
    return strcat(line, end);
}

static json_t *merges_array(const heed_vocabulary *v) {
    const bpe *b = v->own;
    json_t *lines = json_array();
    bool good = lines != NULL;
    for (int32_t i = 0; i < b->n_merges && good; i++) {
        char *line = merge_line(v, &b->merges[i], "");
        good = json_array_append_new(lines, json_string(line)) == 0;
        free(line);
    }
    if (good)
        return lines;
    json_decref(lines);
    return NULL;
}

bool bpe_write(const heed_vocabulary *v, json_t *to) {
    char *key = memory_for_keys(v);
    bool good = key && json_object_set_new(to, "vocab", vocab_object(v, key)) == 0 &&
                json_object_set_new(to, "merges", merges_array(v)) == 0;
    free(key);
    return good;
}

static heed_status write_merges(const heed_vocabulary *v, const char *path, heed_error *error) {
    static const char version[] = "#version: 0.2\n";
    const bpe *b = v->own;
    atomic_file file;
    heed_status status = atomic_file_open(&file, path, error);
    if (status)
        return status;
    status = atomic_file_write(&file, version, sizeof version - 1);
    for (int32_t i = 0; i < b->n_merges && !status; i++) {
        char *line = merge_line(v, &b->merges[i], "\n");
        status = line ? atomic_file_write(&file, line, strlen(line))
                      : heed_error_set(error, HEED_NO_MEMORY, "%s: out of memory", path);
        free(line);
    }
    if (!status)
        return atomic_file_commit(&file);
    atomic_file_abandon(&file);
    return status;
}

heed_status heed_bpe_save(const heed_vocabulary *v, const char *vocab, const char *merges, heed_error *error) {
    if (error)
        *error = (heed_error){.status = HEED_OK};
    if (v->kind != &heed_vocabulary_kind_bpe)
        return heed_error_set(error, HEED_INVALID, "bpe: a vocabulary of %s has no merges to save", v->kind->name);
    char *key = memory_for_keys(v);
    json_t *ids = key ? vocab_object(v, key) : NULL;
    free(key);
    heed_status status =
        ids ? json_file_write(ids, vocab, error) : heed_error_set(error, HEED_NO_MEMORY, "%s: out of memory", vocab);
    json_decref(ids);
    return status ? status : write_merges(v, merges, error);
}

/* ---- reading ---- */

typedef struct reading {
    heed_vocabulary *v;
    bpe *b;
    const json_t *ids;
    int32_t n;
    const char **key; /* (n) by id */
    bool *made;       /* (n) a byte, or what a merge makes */
    heed_error *error;
} reading;

static bool refuse(reading *r, const char *what, const char *name, const char *why) {
    heed_error_set(r->error, HEED_IO, "%s \"%s\" %s", what, name, why);
    return false;
}

static int32_t id_of(const reading *r, const char *key) {
    const json_t *id = json_object_get(r->ids, key);
    return id ? (int32_t)json_integer_value(id) : -1;
}

/* Ids are 0 .. n - 1, each once: as there are n of them, none twice and none outside means no hole. */
static bool index_keys(reading *r) {
    const char *key;
    json_t *id;
    json_object_foreach((json_t *)(uintptr_t)r->ids, key, id) {
        if (!json_is_integer(id) || json_integer_value(id) < 0)
            return refuse(r, "token", key, "must have a whole number, 0 or more, as its id");
        if (json_integer_value(id) >= r->n) {
            heed_error_set(r->error, HEED_IO, "token \"%s\" has the id %lld; %d tokens must have the ids 0 .. %d", key,
                           (long long)json_integer_value(id), (int)r->n, (int)r->n - 1);
            return false;
        }
        if (*key == '\0')
            return refuse(r, "token", key, "has no text");
        if (r->key[json_integer_value(id)])
            return refuse(r, "token", key, "has an id that another has, too");
        r->key[json_integer_value(id)] = key;
    }
    return true;
}

static bool find_bytes(reading *r) {
    for (int byte = 0; byte < 256; byte++) {
        char key[HEED_UTF8_BYTES + 1] = {0};
        heed_utf8_write(bpe_point_of(byte), key);
        r->b->byte_id[byte] = id_of(r, key);
        if (r->b->byte_id[byte] < 0) {
            heed_error_set(r->error, HEED_IO, "byte 0x%02X has no token; it should be \"%s\"", (unsigned)byte, key);
            return false;
        }
        r->made[r->b->byte_id[byte]] = true;
    }
    return true;
}

static bool reading_begin(reading *r, heed_vocabulary *v, const json_t *ids, heed_error *error) {
    *r = (reading){.v = v, .ids = ids, .error = error};
    if (!bpe_begin(v, error))
        return false;
    r->b = v->own;
    if (!json_is_object(ids) || json_object_size(ids) >= INT32_MAX)
        return heed_error_set(error, HEED_IO, "\"vocab\" must be an object of tokens and their ids"), false;
    r->n = (int32_t)json_object_size(ids);
    r->key = calloc((size_t)r->n + 1, sizeof *r->key);
    r->made = calloc((size_t)r->n + 1, sizeof *r->made);
    if (r->key == NULL || r->made == NULL)
        return vocabulary_no_memory(error), false;
    return index_keys(r) && find_bytes(r);
}

static void reading_end(reading *r) {
    free(r->key);
    free(r->made);
}

/* "left right"; the line is written over. */
static bool read_merge(reading *r, char *line) {
    char *left = line, *space = strchr(line, ' ');
    if (space == NULL || space == line || space[1] == '\0' || strchr(space + 1, ' '))
        return refuse(r, "merge", line, "must be two tokens with one space between them");
    char *right = space + 1;
    *space = '\0';
    bpe_merge merge = {id_of(r, left), id_of(r, right), -1};
    if (merge.left < 0 || merge.right < 0)
        return refuse(r, "a merge names", merge.left < 0 ? left : right, "which is no token of the vocabulary");
    memmove(space, right, strlen(right) + 1);
    merge.made = id_of(r, line);
    if (merge.made < 0)
        return refuse(r, "a merge makes", line, "which is no token of the vocabulary");
    if (pair_table_get(&r->b->ranks, merge.left, merge.right) >= 0)
        return refuse(r, "the merge that makes", line, "of the same two tokens is there twice");
    r->made[merge.made] = true;
    return bpe_add_merge(r->b, merge, r->error);
}

/* With each merge's parts made, by induction over their lengths all are made of bytes in the end. */
static bool check_parts(reading *r) {
    for (int32_t i = 0; i < r->b->n_merges; i++) {
        const bpe_merge *m = &r->b->merges[i];
        if (!r->made[m->left] || !r->made[m->right])
            return refuse(r, "a merge names", r->key[r->made[m->left] ? m->right : m->left],
                          "which is no byte, and which no merge makes");
    }
    return true;
}

static bool add_tokens(reading *r) {
    bool good = true;
    for (int32_t id = 0; id < r->n && good; id++) {
        size_t n = strlen(r->key[id]);
        char *bytes = r->made[id] ? malloc(n) : NULL;
        if (r->made[id])
            good = bytes ? vocabulary_add(r->v, bytes, (size_t)read_key(r->key[id], bytes), false, r->error)
                         : (vocabulary_no_memory(r->error), false);
        else
            good = vocabulary_add(r->v, r->key[id], n, true, r->error);
        free(bytes);
    }
    return good;
}

static bool read_merges_array(reading *r, const json_t *lines) {
    size_t i;
    json_t *line;
    if (!json_is_array(lines))
        return heed_error_set(r->error, HEED_IO, "\"merges\" must be a list"), false;
    json_array_foreach(lines, i, line) {
        if (!json_is_string(line) || strlen(json_string_value(line)) != json_string_length(line))
            return heed_error_set(r->error, HEED_IO, "\"merges\" must hold texts"), false;
        char *copy = strdup(json_string_value(line));
        if (copy == NULL)
            return vocabulary_no_memory(r->error), false;
        bool good = read_merge(r, copy);
        free(copy);
        if (!good)
            return false;
    }
    return true;
}

bool bpe_read(heed_vocabulary *v, const json_t *from, heed_error *error) {
    reading r;
    bool good = reading_begin(&r, v, json_object_get(from, "vocab"), error) &&
                read_merges_array(&r, json_object_get(from, "merges")) && check_parts(&r) && add_tokens(&r);
    reading_end(&r);
    return good;
}

/* ---- GPT-2's two files ---- */

static bool read_merges_text(reading *r, char *text, size_t bytes) {
    static const char version[] = "#version";
    char *line = text, *end = text + bytes;
    if (memchr(text, '\0', bytes))
        return heed_error_set(r->error, HEED_IO, "it must be lines of text, without NUL"), false;
    if (strncmp(text, version, sizeof version - 1) == 0)
        line += strcspn(text, "\n") + 1;
    while (line < end) {
        size_t n = strcspn(line, "\n");
        char *next = line + n + 1;
        n -= n > 0 && line[n - 1] == '\r';
        line[n] = '\0';
        if (!read_merge(r, line))
            return false;
        line = next;
    }
    return true;
}

/* The path that an error is about comes before its text. */
static bool load_files(heed_vocabulary *v, const json_t *ids, const char *vocab, char *text, size_t bytes,
                       const char *merges, heed_error *error) {
    reading r;
    heed_error why = {.status = HEED_OK};
    bool known = reading_begin(&r, v, ids, &why);
    bool good = known && read_merges_text(&r, text, bytes) && check_parts(&r) && add_tokens(&r);
    if (!good)
        heed_error_set(error, why.status, "%s: %s", known ? merges : vocab, why.text);
    reading_end(&r);
    return good;
}

heed_vocabulary *heed_bpe_load(const char *vocab, const char *merges, heed_error *error) {
    size_t bytes;
    if (error)
        *error = (heed_error){.status = HEED_OK};
    json_t *ids = json_file_read(vocab, "vocab.json", error);
    char *text = ids ? heed_text_read(merges, &bytes, error) : NULL;
    heed_vocabulary *v = text ? vocabulary_new(&heed_vocabulary_kind_bpe, error) : NULL;
    bool good = v && load_files(v, ids, vocab, text, bytes, merges, error);
    free(text);
    json_decref(ids);
    if (good)
        return v;
    heed_vocabulary_free(v);
    return NULL;
}
