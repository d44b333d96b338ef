#include "recording_check_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { WHAT = 160 }; /* names in messages */

bool place_refuse(const place *at, const char *format, ...) {
    char what[HEED_ERROR_TEXT], line[32] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    if (at->line)
        snprintf(line, sizeof line, "line %lld: ", (long long)at->line);
    heed_error_set(at->error, HEED_IO, "%s: %s%s", at->file, line, what);
    return false;
}

bool place_no_memory(const place *at) {
    heed_error_set(at->error, HEED_NO_MEMORY, "%s: out of memory", at->file);
    return false;
}

json_t *place_parse(const place *at, const char *text, size_t bytes) {
    json_error_t why;
    json_t *object = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &why);
    if (json_is_object(object))
        return object;
    if (object == NULL && *why.text == '\0') /* the parser's way of saying so */
        place_no_memory(at);
    else
        place_refuse(at, "%s", object ? "it must be a JSON object" : why.text);
    json_decref(object);
    return NULL;
}

/* ---- members ---- */

static bool is_count(const json_t *x) { return json_is_integer(x) && json_integer_value(x) >= 0; }
static bool is_positive(const json_t *x) { return json_is_integer(x) && json_integer_value(x) >= 1; }
static bool is_text(const json_t *x) { return json_is_string(x); }
static bool is_list(const json_t *x) { return json_is_array(x); }
static bool is_object(const json_t *x) { return json_is_object(x); }
static bool is_number(const json_t *x) { return json_is_number(x); }

static const struct kind {
    bool (*is)(const json_t *x);
    bool or_null;
    const char *says;
} kinds[MEMBER_KINDS] = {
    [MEMBER_TEXT] = {is_text, false, "a text"},
    [MEMBER_TEXT_OR_NULL] = {is_text, true, "a text or null"},
    [MEMBER_POSITIVE] = {is_positive, false, "a whole number, 1 or more"},
    [MEMBER_COUNT] = {is_count, false, "a whole number, 0 or more"},
    [MEMBER_NUMBER_OR_NULL] = {is_number, true, "a number or null"},
    [MEMBER_LIST] = {is_list, false, "a list"},
    [MEMBER_LIST_OR_NULL] = {is_list, true, "a list or null"},
    [MEMBER_OBJECT] = {is_object, false, "an object"},
    [MEMBER_OBJECT_OR_NULL] = {is_object, true, "an object or null"},
};

bool check_members(const place *at, const char *what, const json_t *object, int n, const member *members) {
    if (!json_is_object(object))
        return place_refuse(at, "%s must be an object", what);
    for (int i = 0; i < n; i++) {
        const struct kind *kind = &kinds[members[i].kind];
        const json_t *x = json_object_get(object, members[i].name);
        if (!(kind->is(x) || (kind->or_null && json_is_null(x))))
            return place_refuse(at, "%s: \"%s\" %s %s", what, members[i].name, x ? "must be" : "is missing; it must be",
                                kind->says);
    }
    return true;
}

bool check_shape(const place *at, const char *what, const json_t *list, heed_shape *out) {
    size_t rank = json_array_size(list);
    if (!json_is_array(list) || rank > HEED_MAX_RANK)
        return place_refuse(at, "%s: its shape must be a list of at most %d sizes", what, HEED_MAX_RANK);
    *out = (heed_shape){.rank = (int)rank};
    for (size_t i = 0; i < rank; i++) {
        if (!is_count(json_array_get(list, i)))
            return place_refuse(at, "%s: its shape must hold whole numbers, 0 or more", what);
        out->n[i] = json_integer_value(json_array_get(list, i));
    }
    return heed_shape_count(*out) >= 0 || place_refuse(at, "%s: its shape is larger than can be counted", what);
}

/* check each of object's list `name`, whose items are called "name 0", "name 1". */
typedef bool check_item(const place *at, const char *what, const json_t *item, const json_t *header);
static bool check_list(const place *at, const json_t *header, const char *name, check_item *check) {
    const json_t *list = json_object_get(header, name);
    for (size_t i = 0; i < json_array_size(list); i++) {
        char what[WHAT];
        snprintf(what, sizeof what, "%s %zu", name, i);
        if (!check(at, what, json_array_get(list, i), header))
            return false;
    }
    return true;
}

static bool check_texts(const place *at, const char *what, const json_t *object, const char *name) {
    const json_t *list = json_object_get(object, name);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!json_is_string(json_array_get(list, i)))
            return place_refuse(at, "%s: \"%s\" must hold texts only", what, name);
    return true;
}

/* ---- the header ---- */

static bool is_named_twice(const json_t *list, const json_t *item, const char *key) {
    const char *name = json_string_value(json_object_get(item, key));
    for (size_t i = 0; json_array_get(list, i) && json_array_get(list, i) != item; i++) {
        const char *other = json_string_value(json_object_get(json_array_get(list, i), key));
        if (other && strcmp(other, name) == 0)
            return true;
    }
    return false;
}

static bool check_parameter(const place *at, const char *what, const json_t *item, const json_t *header) {
    static const member members[] = {{"name", MEMBER_TEXT}, {"shape", MEMBER_LIST}};
    heed_shape shape;
    (void)header;
    return check_members(at, what, item, 2, members) && check_shape(at, what, json_object_get(item, "shape"), &shape);
}

static bool is_kind(const char *kind) {
    static const char *const all[] = {"self", "causal", "cross", "states"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(kind, all[i]) == 0)
            return true;
    return false;
}

static bool has_space(const json_t *header, const json_t *name) {
    const json_t *spaces = json_object_get(header, "spaces");
    for (size_t i = 0; i < json_array_size(spaces); i++)
        if (json_equal(json_object_get(json_array_get(spaces, i), "name"), name))
            return true;
    return json_is_null(name);
}

static bool check_attention(const place *at, const char *what, const json_t *item, const json_t *header) {
    static const member members[] = {
        {"path", MEMBER_TEXT},       {"kind", MEMBER_TEXT},        {"heads", MEMBER_POSITIVE},
        {"d_k", MEMBER_POSITIVE},    {"w_q", MEMBER_TEXT_OR_NULL}, {"w_k", MEMBER_TEXT_OR_NULL},
        {"w_v", MEMBER_TEXT_OR_NULL}, {"w_o", MEMBER_TEXT_OR_NULL},
        {"query_space", MEMBER_TEXT_OR_NULL}, {"key_space", MEMBER_TEXT_OR_NULL}, {"out_space", MEMBER_TEXT_OR_NULL}};
    enum { MEMBERS = sizeof members / sizeof *members, SPACES = 3 };
    if (!check_members(at, what, item, MEMBERS, members))
        return false;
    if (!is_kind(json_string_value(json_object_get(item, "kind"))))
        return place_refuse(at, "%s: \"kind\" must be self, causal, cross or states", what);
    for (int i = MEMBERS - SPACES; i < MEMBERS; i++)
        if (!has_space(header, json_object_get(item, members[i].name)))
            return place_refuse(at, "%s: its \"%s\" is none of the spaces", what, members[i].name);
    return !is_named_twice(json_object_get(header, "attention"), item, "path") ||
           place_refuse(at, "%s: another has its path", what);
}

static bool check_space(const place *at, const char *what, const json_t *item, const json_t *header) {
    static const member members[] = {{"name", MEMBER_TEXT},
                                     {"names", MEMBER_LIST},
                                     {"embedding", MEMBER_TEXT_OR_NULL},
                                     {"positions", MEMBER_TEXT_OR_NULL}};
    if (!check_members(at, what, item, 4, members) || !check_texts(at, what, item, "names"))
        return false;
    return !is_named_twice(json_object_get(header, "spaces"), item, "name") ||
           place_refuse(at, "%s: another has its name", what);
}

static bool check_names(const place *at, const char *what, const json_t *item) {
    static const member members[] = {
        {"queries", MEMBER_LIST}, {"keys", MEMBER_LIST}, {"alignment", MEMBER_LIST_OR_NULL}};
    if (!check_members(at, what, item, 3, members) || !check_texts(at, what, item, "queries") ||
        !check_texts(at, what, item, "keys"))
        return false;
    const json_t *alignment = json_object_get(item, "alignment");
    const size_t queries = json_array_size(json_object_get(item, "queries")),
                 keys = json_array_size(json_object_get(item, "keys"));
    if (json_is_array(alignment) && json_array_size(alignment) != queries)
        return place_refuse(at, "%s: \"alignment\" must have a number for each of the %zu queries", what, queries);
    for (size_t i = 0; i < json_array_size(alignment); i++) {
        const json_t *x = json_array_get(alignment, i);
        if (!json_is_integer(x) || json_integer_value(x) < -1 || json_integer_value(x) >= (json_int_t)keys)
            return place_refuse(at, "%s: \"alignment\" must hold numbers of its %zu keys, or -1", what, keys);
    }
    return true;
}

static bool check_probe(const place *at, const char *what, const json_t *item, const json_t *header) {
    static const member members[] = {{"name", MEMBER_TEXT}, {"attention", MEMBER_OBJECT}};
    const char *path;
    json_t *names;
    if (!check_members(at, what, item, 2, members) || !check_names(at, what, item))
        return false;
    json_object_foreach((json_t *)(uintptr_t)json_object_get(item, "attention"), path, names) {
        char which[2 * WHAT];
        snprintf(which, sizeof which, "%.100s: %.100s", what, path);
        if (!check_names(at, which, names))
            return false;
    }
    const char *name = json_string_value(json_object_get(item, "name"));
    if (*name == '\0' || strchr(name, '/'))
        return place_refuse(at, "%s: its name must be a text without /", what);
    return !is_named_twice(json_object_get(header, "probes"), item, "name") ||
           place_refuse(at, "%s: another has its name", what);
}

bool check_said(const place *at, const json_t *said) {
    const char *probe;
    json_t *texts;
    if (!json_is_object(said))
        return place_refuse(at, "\"said\" must be an object");
    json_object_foreach((json_t *)(uintptr_t)said, probe, texts) {
        if (!json_is_array(texts) || !check_texts(at, "said", said, probe))
            return place_refuse(at, "\"said\" must hold lists of texts");
    }
    return true;
}

bool check_header(const place *at, const json_t *header) {
    static const member members[] = {{"heed_recording", MEMBER_POSITIVE},
                                     {"title", MEMBER_TEXT},
                                     {"dtype", MEMBER_TEXT},
                                     {"parameters", MEMBER_LIST},
                                     {"attention", MEMBER_LIST},
                                     {"spaces", MEMBER_LIST},
                                     {"probes", MEMBER_LIST},
                                     {"optimizer", MEMBER_TEXT_OR_NULL},
                                     {"story", MEMBER_OBJECT_OR_NULL}};
    if (!check_members(at, "the recording", header, sizeof members / sizeof *members, members))
        return false;
    if (json_integer_value(json_object_get(header, "heed_recording")) != 1)
        return place_refuse(at, "the recording is of version %lld; this library reads version 1",
                            (long long)json_integer_value(json_object_get(header, "heed_recording")));
    const char *dtype = json_string_value(json_object_get(header, "dtype"));
    if (strcmp(dtype, "f32") != 0 && strcmp(dtype, "f64") != 0)
        return place_refuse(at, "\"dtype\" must be f32 or f64");
    return check_list(at, header, "parameters", check_parameter) && check_list(at, header, "spaces", check_space) &&
           check_list(at, header, "attention", check_attention) && check_list(at, header, "probes", check_probe);
}

/* ---- the graph ---- */

/* An op may take what leaves and the ops before it give. */
static bool check_inputs(const place *at, const char *what, const json_t *inputs, size_t op, size_t leaves) {
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        const json_t *x = json_array_get(inputs, i);
        if (json_is_null(x))
            continue;
        if (!json_is_integer(x) || json_integer_value(x) >= (json_int_t)op ||
            json_integer_value(x) < -(json_int_t)leaves)
            return place_refuse(at, "%s: its inputs must be ops before it, or -1-i for one of %zu leaves", what,
                                leaves);
    }
    return true;
}

bool check_graph(const place *at, const json_t *graph) {
    static const member both[] = {{"ops", MEMBER_LIST}, {"leaves", MEMBER_LIST}},
                        leaf[] = {{"name", MEMBER_TEXT}, {"shape", MEMBER_LIST}},
                        op[] = {
                            {"op", MEMBER_TEXT}, {"path", MEMBER_TEXT}, {"out", MEMBER_LIST}, {"inputs", MEMBER_LIST}};
    heed_shape shape;
    char what[WHAT];
    if (!check_members(at, "the graph", graph, 2, both))
        return false;
    const json_t *leaves = json_object_get(graph, "leaves"), *ops = json_object_get(graph, "ops");
    for (size_t i = 0; i < json_array_size(leaves); i++) {
        snprintf(what, sizeof what, "leaves %zu", i);
        const json_t *item = json_array_get(leaves, i);
        if (!check_members(at, what, item, 2, leaf) || !check_shape(at, what, json_object_get(item, "shape"), &shape))
            return false;
    }
    for (size_t i = 0; i < json_array_size(ops); i++) {
        snprintf(what, sizeof what, "ops %zu", i);
        const json_t *item = json_array_get(ops, i);
        if (!check_members(at, what, item, 4, op) || !check_shape(at, what, json_object_get(item, "out"), &shape) ||
            !check_inputs(at, what, json_object_get(item, "inputs"), i, json_array_size(leaves)))
            return false;
    }
    return true;
}
