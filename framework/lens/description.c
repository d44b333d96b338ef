#include "description_internal.h"

#include <stdlib.h>
#include <string.h>

#include "../core/tape_internal.h"
#include "recording_check_internal.h"
#include "text_internal.h"

static heed_status no_memory(heed_error *error) {
    return heed_error_set(error, HEED_NO_MEMORY, "recorder: out of memory");
}

/* ---- JSON of what was handed over ---- */

/* A text, or null for NULL. A NULL of the library's, out of memory, makes whoever takes it fail. */
static json_t *text(const char *string) {
    if (string == NULL)
        return json_null();
    char *clean = lens_utf8(string);
    json_t *x = clean ? json_string(clean) : NULL;
    free(clean);
    return x;
}

static json_t *texts(int n, const char *const *strings) {
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        if (json_array_append_new(list, text(strings[i] ? strings[i] : "")) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *numbers(int n, const int *values) {
    json_t *list = values ? json_array() : json_null();
    for (int i = 0; i < n && values; i++)
        if (json_array_append_new(list, json_integer(values[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *named(const lens_description *d, const char *list, const char *key, const char *name) {
    json_t *all = json_object_get(d->header, list), *wanted = text(name), *found = NULL;
    for (size_t i = 0; i < json_array_size(all) && !found; i++)
        if (json_equal(json_object_get(json_array_get(all, i), key), wanted))
            found = json_array_get(all, i);
    json_decref(wanted);
    return found;
}

/* Takes item. */
static heed_status append(lens_description *d, const char *list, json_t *item, heed_error *error) {
    return item && json_array_append_new(json_object_get(d->header, list), item) == 0 ? HEED_OK : no_memory(error);
}

heed_status lens_description_init(lens_description *d, const heed_model *model, const heed_recorder_options *options,
                                  heed_error *error) {
    *d = (lens_description){.model = model, .patterns = options->params ? strdup(options->params) : NULL};
    d->header =
        json_pack("{s:i, s:o, s:s, s:[], s:[], s:[], s:[], s:o, s:n}", "heed_recording", 1, "title",
                  text(options->title ? options->title : ""), "dtype", heed_dtype_name(heed_model_dtype(model)),
                  "parameters", "attention", "spaces", "probes", "optimizer", text(options->optimizer), "story");
    return d->header && (d->patterns || !options->params) ? HEED_OK : no_memory(error);
}

void lens_description_free(lens_description *d) {
    free(d->patterns);
    json_decref(d->header);
    *d = (lens_description){.model = NULL};
}

/* ---- probes ---- */

static heed_status check_rows(const char *name, const heed_probe *p, heed_error *error) {
    if (p->n_queries < 0 || p->n_keys < 0 || (p->n_queries > 0 && !p->queries) || (p->n_keys > 0 && !p->keys))
        return heed_error_set(error, HEED_INVALID,
                              "recorder: probe \"%s\": %d queries and %d keys, or their names are NULL", name,
                              p->n_queries, p->n_keys);
    for (int i = 0; i < p->n_queries && p->alignment; i++)
        if (p->alignment[i] < -1 || p->alignment[i] >= p->n_keys)
            return heed_error_set(
                error, HEED_INVALID,
                "recorder: probe \"%s\": query %d is aligned with key %d; there are %d (-1: with none)", name, i,
                p->alignment[i], p->n_keys);
    return HEED_OK;
}

static bool is_plain(const char *name) {
    return *name && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_- ") == strlen(name);
}

heed_status lens_describe_probe(lens_description *d, const heed_probe *p, heed_error *error) {
    if (p->name == NULL || p->loss == NULL || !is_plain(p->name))
        return heed_error_set(error, HEED_INVALID, "recorder: probe \"%s\": %s", p->name ? p->name : "",
                              p->name && p->loss ? "its name must be of letters, digits, _ - and space"
                                                 : "its name or loss is NULL");
    if (named(d, "probes", "name", p->name))
        return heed_error_set(error, HEED_INVALID, "recorder: there is a probe \"%s\" already", p->name);
    if (check_rows(p->name, p, error))
        return error->status;
    return append(d, "probes",
                  json_pack("{s:s, s:o, s:o, s:o, s:{}}", "name", p->name, "queries", texts(p->n_queries, p->queries),
                            "keys", texts(p->n_keys, p->keys), "alignment", numbers(p->n_queries, p->alignment),
                            "attention"),
                  error);
}

heed_status lens_describe_names(lens_description *d, const char *probe, const char *path, const heed_probe *p,
                                heed_error *error) {
    json_t *known = probe && path ? named(d, "probes", "name", probe) : NULL;
    if (known == NULL)
        return heed_error_set(error, HEED_INVALID, "recorder: there is no probe \"%s\", or the path is NULL",
                              probe ? probe : "");
    if (check_rows(probe, p, error))
        return error->status;
    json_t *rows = json_pack("{s:o, s:o, s:o}", "queries", texts(p->n_queries, p->queries), "keys",
                             texts(p->n_keys, p->keys), "alignment", numbers(p->n_queries, p->alignment));
    char *clean = lens_utf8(path);
    int failed = !clean || !rows || json_object_set(json_object_get(known, "attention"), clean, rows) != 0;
    json_decref(rows);
    free(clean);
    return failed ? no_memory(error) : HEED_OK;
}

/* ---- attention, spaces, story ---- */

static heed_status check_parameter(const lens_description *d, const char *whose, const char *what, const char *path,
                                   heed_error *error) {
    if (path == NULL || heed_model_find(d->model, path).model)
        return HEED_OK;
    return heed_error_set(error, HEED_INVALID, "recorder: %s: its %s is \"%s\"; the model has no such parameter", whose,
                          what, path);
}

static bool is_kind(const char *kind) {
    static const char *const all[] = {"self", "causal", "cross", "states"};
    for (size_t i = 0; i < sizeof all / sizeof *all && kind; i++)
        if (strcmp(kind, all[i]) == 0)
            return true;
    return false;
}

heed_status lens_describe_attention(lens_description *d, const heed_recorded_attention *a, heed_error *error) {
    const char *path = a->path ? a->path : "";
    if (a->path == NULL || !is_kind(a->kind) || a->heads < 0 || a->d_k < 1)
        return heed_error_set(error, HEED_INVALID,
                              "recorder: attention \"%s\": kind \"%s\", %d heads, d_k %lld; kind must be self, causal, "
                              "cross or states, d_k positive",
                              path, a->kind ? a->kind : "", a->heads, (long long)a->d_k);
    if (named(d, "attention", "path", path))
        return heed_error_set(error, HEED_INVALID, "recorder: attention \"%s\" is there already", path);
    if (check_parameter(d, path, "w_q", a->w_q, error) || check_parameter(d, path, "w_k", a->w_k, error) ||
        check_parameter(d, path, "w_v", a->w_v, error) || check_parameter(d, path, "w_o", a->w_o, error))
        return error->status;
    return append(d, "attention",
                  json_pack("{s:o, s:s, s:i, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "path", text(path), "kind",
                            a->kind, "heads", a->heads ? a->heads : 1, "d_k", (json_int_t)a->d_k, "w_q", text(a->w_q),
                            "w_k", text(a->w_k), "w_v", text(a->w_v), "w_o", text(a->w_o), "query_space",
                            text(a->query_space), "key_space", text(a->key_space), "out_space", text(a->out_space)),
                  error);
}

heed_status lens_describe_space(lens_description *d, const heed_recorded_space *s, heed_error *error) {
    const char *name = s->name ? s->name : "";
    if (s->name == NULL || s->n < 0 || (s->n > 0 && s->names == NULL))
        return heed_error_set(error, HEED_INVALID, "recorder: space \"%s\": its name or its %d names are NULL", name,
                              s->n);
    if (named(d, "spaces", "name", name))
        return heed_error_set(error, HEED_INVALID, "recorder: there is a space \"%s\" already", name);
    if (check_parameter(d, name, "embedding", s->embedding, error) ||
        check_parameter(d, name, "positions", s->positions, error))
        return error->status;
    if (s->embedding) {
        heed_shape shape = heed_model_param(d->model, heed_model_find(d->model, s->embedding).index).shape;
        if (shape.rank != 2 || shape.n[0] < s->n)
            return heed_error_set(
                error, HEED_INVALID,
                "recorder: space \"%s\": its embedding %s is %s; it must have a row for each of %d names", name,
                s->embedding, HEED_SHAPE_STR(shape), s->n);
    }
    return append(d, "spaces",
                  json_pack("{s:o, s:o, s:o, s:o}", "name", text(name), "names", texts(s->n, s->names), "embedding",
                            text(s->embedding), "positions", text(s->positions)),
                  error);
}

heed_status lens_describe_story(lens_description *d, const char *json, heed_error *error) {
    json_error_t why = {.text = "it is NULL"};
    json_t *story = json ? json_loads(json, JSON_REJECT_DUPLICATES, &why) : NULL;
    if (!json_is_object(story)) {
        heed_status status = heed_error_set(error, HEED_INVALID, "recorder: the story: %s",
                                            story ? "it must be a JSON object" : why.text);
        json_decref(story);
        return status;
    }
    return json_object_set_new(d->header, "story", story) == 0 ? HEED_OK : no_memory(error);
}

/* ---- which parameters ---- */

/* Patterns apart by commas; spaces beside them do not count. */
static bool matches_any(const char *patterns, const char *path) {
    char one[512];
    while (*patterns) {
        patterns += strspn(patterns, " ,");
        size_t length = strcspn(patterns, ","), used = length;
        while (used > 0 && patterns[used - 1] == ' ')
            used--;
        if (used > 0 && used < sizeof one) {
            memcpy(one, patterns, used);
            one[used] = '\0';
            if (path_matches(one, path))
                return true;
        }
        patterns += length;
    }
    return false;
}

/* Whether some text in x, however deep, is this. */
static bool says(const json_t *x, const char *path) {
    const char *key;
    json_t *item;
    if (json_is_string(x))
        return strcmp(json_string_value(x), path) == 0;
    for (size_t i = 0; i < json_array_size(x); i++)
        if (says(json_array_get(x, i), path))
            return true;
    json_object_foreach((json_t *)(uintptr_t)x, key, item) if (says(item, path))
        return true;
    return false;
}

static bool is_named(const lens_description *d, const char *path) {
    static const char *const lists[] = {"attention", "spaces"}, *const keys[] = {"w_q", "w_k",       "w_v",
                                                                                 "w_o", "embedding", "positions"};
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++) {
        const json_t *list = json_object_get(d->header, lists[l]);
        for (size_t i = 0; i < json_array_size(list); i++)
            for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
                const char *named_path = json_string_value(json_object_get(json_array_get(list, i), keys[k]));
                if (named_path && strcmp(named_path, path) == 0)
                    return true;
            }
    }
    return says(json_object_get(d->header, "story"), path);
}

static json_t *shape_json(heed_shape shape) {
    json_t *list = json_array();
    for (int i = 0; i < shape.rank; i++)
        if (json_array_append_new(list, json_integer(shape.n[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static heed_status choose(lens_description *d, int *n, int *parameters, heed_error *error) {
    for (int i = 0; i < heed_model_params(d->model); i++) {
        const heed_param_info info = heed_model_param(d->model, i);
        if (info.buffer || !(d->patterns ? matches_any(d->patterns, info.path) : is_named(d, info.path)))
            continue;
        if (append(d, "parameters", json_pack("{s:s, s:o}", "name", info.path, "shape", shape_json(info.shape)), error))
            return error->status;
        parameters[(*n)++] = i;
    }
    if (*n == 0 && d->patterns)
        return heed_error_set(error, HEED_INVALID, "recorder: params is \"%s\"; no parameter of the model is called so",
                              d->patterns);
    return HEED_OK;
}

heed_status lens_description_close(lens_description *d, int *n, int **parameters, char **line, heed_error *error) {
    *n = 0;
    *line = NULL;
    *parameters = calloc((size_t)heed_model_params(d->model) + 1, sizeof **parameters);
    if (*parameters == NULL)
        return no_memory(error);
    if (choose(d, n, *parameters, error))
        return error->status;
    if (!check_header(&(place){.file = "recorder", .error = error}, d->header)) {
        error->status = HEED_INVALID; /* of the caller's making, not of a file's */
        return HEED_INVALID;
    }
    *line = json_dumps(d->header, JSON_COMPACT);
    return *line ? HEED_OK : no_memory(error);
}
