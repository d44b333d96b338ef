/* A vocabulary's file: a JSON object that says its kind, what makes the tokens of that kind, and its special tokens.
 *
 *     {"format": "heed vocabulary 1", "kind": "characters", "characters": "\n abc", "specials": ["<pad>"]} */
#include <string.h>

#include "json_file_internal.h"
#include "vocabulary_internal.h"

static const char format[] = "heed vocabulary 1";

static const vocabulary_kind *const kinds[] = {&heed_vocabulary_kind_characters, &heed_vocabulary_kind_bytes,
                                               &heed_vocabulary_kind_bpe};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* ---- writing ---- */

static bool add_special_names(const heed_vocabulary *v, json_t *to) {
    json_t *names = json_array();
    bool good = json_object_set(to, "specials", names) == 0;
    for (int64_t i = 0; i < v->special_ids.count && good; i++) {
        size_t n;
        const char *name = heed_vocabulary_token(v, v->special_ids.ids[i], &n);
        good = json_array_append_new(names, json_stringn(name, n)) == 0;
    }
    json_decref(names);
    return good;
}

heed_status heed_vocabulary_save(const heed_vocabulary *v, const char *path, heed_error *error) {
    if (error)
        *error = (heed_error){.status = HEED_OK};
    json_t *object = json_object();
    bool good = object && json_object_set_new(object, "format", json_string(format)) == 0 &&
                json_object_set_new(object, "kind", json_string(v->kind->name)) == 0 && v->kind->write(v, object) &&
                (v->kind->own_specials || add_special_names(v, object));
    heed_status status =
        good ? json_file_write(object, path, error) : heed_error_set(error, HEED_NO_MEMORY, "%s: out of memory", path);
    json_decref(object);
    return status;
}

/* ---- reading ---- */

static const vocabulary_kind *kind_named(const char *name) {
    for (int i = 0; i < KINDS; i++)
        if (name && strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

static bool read_special_names(heed_vocabulary *v, const json_t *names, heed_error *error) {
    size_t i;
    json_t *name;
    if (names && !json_is_array(names))
        return heed_error_set(error, HEED_IO, "\"specials\" must be a list"), false;
    json_array_foreach(names, i, name) {
        if (!json_is_string(name) || json_string_length(name) == 0)
            return heed_error_set(error, HEED_IO, "\"specials\" must hold names"), false;
        int32_t id = heed_vocabulary_find(v, json_string_value(name), json_string_length(name));
        if (heed_vocabulary_is_special(v, id))
            return heed_error_set(error, HEED_IO, "special token \"%s\" is there twice", json_string_value(name)),
                   false;
        if (!vocabulary_add(v, json_string_value(name), json_string_length(name), true, error))
            return false;
    }
    return true;
}

static heed_vocabulary *read_object(const json_t *object, heed_error *error) {
    const char *is = json_string_value(json_object_get(object, "format")),
               *kind_name = json_string_value(json_object_get(object, "kind"));
    const vocabulary_kind *kind = kind_named(kind_name);
    if (is == NULL || strcmp(is, format) != 0) {
        heed_error_set(error, HEED_IO, "its \"format\" must be \"%s\"", format);
        return NULL;
    }
    if (kind == NULL) {
        heed_error_set(error, HEED_IO, "its kind is \"%s\", which is none that is known", kind_name ? kind_name : "");
        return NULL;
    }
    heed_vocabulary *v = vocabulary_new(kind, error);
    if (v && kind->read(v, object, error) &&
        (kind->own_specials || read_special_names(v, json_object_get(object, "specials"), error)))
        return v;
    heed_vocabulary_free(v);
    return NULL;
}

heed_vocabulary *heed_vocabulary_load(const char *path, heed_error *error) {
    heed_error why = {.status = HEED_OK};
    if (error)
        *error = why;
    json_t *object = json_file_read(path, "vocabulary", error);
    heed_vocabulary *v = object ? read_object(object, &why) : NULL;
    if (object && v == NULL)
        heed_error_set(error, why.status, "%s: %s", path, why.text);
    json_decref(object);
    return v;
}
