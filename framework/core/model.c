/* Declaring and building a model. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error_internal.h"
#include "large_internal.h"
#include "model_internal.h"

enum { VALUE_ALIGN = 64 };

static uint64_t next_id(void) {
    static atomic_uint_fast64_t last;
    return atomic_fetch_add(&last, 1) + 1;
}

heed_model *heed_model_new(void) {
    static heed_model out_of_memory = {
        .inert = true,
        .error = {.status = HEED_NO_MEMORY,
                  .text = "heed_model_new: out of memory; free something and make a new model"}};
    heed_model *model = calloc(1, sizeof *model);
    if (model == NULL) {
        heed_error_raised(HEED_NO_MEMORY, out_of_memory.error.text);
        out_of_memory.root = (heed_module){.model = &out_of_memory, .scope = scope_root()};
        return &out_of_memory;
    }
    model->id = next_id();
    model->root = (heed_module){.model = model, .scope = scope_root()};
    return model;
}

void heed_model_free(heed_model *model) {
    if (model == NULL || model->inert)
        return;
    for (size_t i = 0; i < model->n_entries; i++)
        free(model->entries[i].path);
    for (size_t i = 0; i < model->n_scopes; i++)
        free(model->scopes[i]);
    for (size_t i = 0; i < model->n_blocks; i++)
        free(model->blocks[i]);
    free(model->entries);
    free(model->stacks);
    free(model->scopes);
    free(model->blocks);
    free(model->data);
    free(model);
}

const heed_module *heed_model_root(heed_model *model) { return &model->root; }
heed_status heed_model_status(const heed_model *model) { return model->error.status; }
const char *heed_model_error_text(const heed_model *model) { return model->error.text; }

static heed_status no_memory(heed_model *model) {
    return heed_error_set(&model->error, HEED_NO_MEMORY, "model: out of memory after %zu parameters", model->n_entries);
}

heed_status heed_module_fail(const heed_module *module, const char *format, ...) {
    char path[256], text[HEED_ERROR_TEXT];
    va_list arguments;
    va_start(arguments, format);
    error_text(text, format, arguments);
    va_end(arguments);
    size_t length = scope_path(module->scope, path, sizeof path);
    return heed_error_set(&module->model->error, HEED_INVALID, "%s%s%s", length ? path : "", length ? ": " : "", text);
}

/* ---- names ---- */

static bool good_name(const char *name) {
    const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    return name && *name && name[strspn(name, allowed)] == '\0';
}

static bool may_declare(const heed_module *parent, const char *what, const char *name) {
    heed_model *model = parent->model;
    if (model->error.status)
        return false;
    if (model->built)
        heed_module_fail(parent, "%s %s is declared after heed_model_build: declare every layer first", what,
                         name ? name : "(null)");
    else if (!good_name(name))
        heed_module_fail(parent, "%s name \"%s\" must be letters, digits and _", what, name ? name : "");
    return model->error.status == HEED_OK;
}

void heed_module_init(heed_module *module, const heed_module *parent, const char *name) {
    *module = *parent;
    heed_model *model = parent->model;
    if (!may_declare(parent, "module", name))
        return;
    for (size_t i = 0; i < model->n_scopes; i++)
        if (model->scopes[i]->parent == parent->scope && strcmp(model->scopes[i]->name, name) == 0) {
            heed_module_fail(parent, "two modules are called %s: give each a name of its own", name);
            return;
        }
    heed_scope **grown =
        arena_grow(&model->memory, model->scopes, &model->cap_scopes, model->n_scopes + 1, sizeof *grown);
    size_t length = strlen(name) + 1;
    heed_scope *scope = grown ? malloc(sizeof *scope + length) : NULL;
    if (grown)
        model->scopes = grown;
    if (scope == NULL) {
        no_memory(model);
        return;
    }
    char *copy = (char *)(scope + 1);
    memcpy(copy, name, length);
    *scope = (heed_scope){
        .parent = parent->scope, .hash = heed_rng_mix(parent->scope->hash, heed_rng_hash(name)), .name = copy};
    model->scopes[model->n_scopes++] = scope;
    module->scope = scope;
}

/* "encoder.0.w_q", from malloc. */
static char *joined_path(const heed_module *module, const char *name) {
    size_t length = scope_path(module->scope, (char[1]){0}, 1), n = strlen(name);
    char *path = malloc(length + n + 2);
    if (path == NULL)
        return NULL;
    scope_path(module->scope, path, length + 1);
    if (length)
        path[length++] = '.';
    memcpy(path + length, name, n + 1);
    return path;
}

static int find_path(const heed_model *model, const char *path) {
    for (size_t i = 0; i < model->n_entries; i++)
        if (strcmp(model->entries[i].path, path) == 0)
            return (int)i;
    return -1;
}

heed_param heed_model_find(const heed_model *model, const char *path) {
    int index = path ? find_path(model, path) : -1;
    return (heed_param){.model = index < 0 ? NULL : (heed_model *)(uintptr_t)model, .index = index};
}

/* ---- declaring ---- */

static heed_param declare(const heed_module *module, const char *name, entry e) {
    heed_model *model = module->model;
    const heed_param none = {.model = model, .index = -1};
    if (!may_declare(module, e.buffer ? "buffer" : "parameter", name))
        return none;
    e.count = heed_shape_count(e.shape);
    if (e.count < 0) {
        heed_module_fail(module, "%s: shape %s cannot be", name, HEED_SHAPE_STR(e.shape));
        return none;
    }
    if (e.init.fill == NULL) {
        heed_module_fail(module, "%s: its initialiser is empty: see heed_init_constant and its like", name);
        return none;
    }
    char *path = joined_path(module, name);
    if (path && find_path(model, path) >= 0) {
        heed_module_fail(module, "two parameters are called %s: give each a name of its own", name);
        free(path);
        return none;
    }
    bool room = path && model->n_entries < STACK_HANDLES;
    entry *grown =
        room ? arena_grow(&model->memory, model->entries, &model->cap_entries, model->n_entries + 1, sizeof *grown)
             : NULL;
    if (grown == NULL) {
        free(path);
        no_memory(model);
        return none;
    }
    model->entries = grown;
    e.path = path;
    model->entries[model->n_entries] = e;
    return (heed_param){.model = model, .index = (int)model->n_entries++};
}

heed_param heed_param_new(const heed_module *module, const char *name, heed_shape shape, heed_init init) {
    return declare(module, name, (entry){.shape = shape, .init = init, .trainable = true, .alias_of = -1});
}

heed_param heed_buffer_new(const heed_module *module, const char *name, heed_shape shape, heed_init init) {
    return declare(module, name, (entry){.shape = shape, .init = init, .buffer = true, .alias_of = -1});
}

heed_param heed_param_tie(const heed_module *module, const char *name, heed_param other) {
    heed_model *model = module->model;
    if (other.model != model || other.index < 0 || (size_t)other.index >= model->n_entries) {
        if (model->error.status == HEED_OK)
            heed_module_fail(module, "%s cannot be tied: the other is no parameter of this model", name);
        return (heed_param){.model = model, .index = -1};
    }
    entry e = model->entries[other.index];
    e.alias_of = e.alias_of >= 0 ? e.alias_of : other.index;
    e.follows = false;
    return declare(module, name, e);
}

static bool same_rest(heed_shape a, heed_shape b) {
    if (a.rank != b.rank || a.rank == 0)
        return false;
    for (int i = 1; i < a.rank; i++)
        if (a.n[i] != b.n[i])
            return false;
    return true;
}

/* The shape of all parts together. */
static heed_status join_parts(heed_model *model, int count, const heed_param *parts, heed_shape *shape) {
    if (model->built)
        return heed_error_set(&model->error, HEED_STATE, "stack: declared after heed_model_build");
    for (int i = 0; i < count; i++) {
        heed_param p = parts[i];
        if (p.model != model || p.index < 0 || (size_t)p.index >= model->n_entries ||
            model->entries[p.index].alias_of >= 0)
            return heed_error_set(&model->error, HEED_INVALID,
                                  "stack: part %d is no parameter of this model, or a stack or a second name itself",
                                  i);
        const entry *e = &model->entries[p.index];
        if (i == 0)
            *shape = e->shape;
        else if (p.index != parts[i - 1].index + 1 || !same_rest(*shape, e->shape))
            return heed_error_set(&model->error, HEED_INVALID,
                                  "stack: %s must be declared right after %s, with the same sizes but the first",
                                  e->path, model->entries[parts[i - 1].index].path);
        else if (__builtin_add_overflow(shape->n[0], e->shape.n[0], &shape->n[0]))
            return heed_error_set(&model->error, HEED_INVALID,
                                  "stack: %s does not fit: the sum of the first sizes is above 2^63 - 1", e->path);
    }
    return HEED_OK;
}

heed_param heed_param_stack(int count, const heed_param *parts) {
    heed_model *model = count > 0 ? parts[0].model : NULL;
    const heed_param none = {.model = model, .index = -1};
    heed_shape shape;
    if (model == NULL || model->error.status || join_parts(model, count, parts, &shape))
        return none;
    stack *grown = arena_grow(&model->memory, model->stacks, &model->cap_stacks, model->n_stacks + 1, sizeof *grown);
    if (grown == NULL) {
        no_memory(model);
        return none;
    }
    for (int i = 1; i < count; i++)
        model->entries[parts[i].index].follows = true;
    model->stacks = grown;
    model->stacks[model->n_stacks] = (stack){.first = parts[0].index, .count = count, .shape = shape};
    return (heed_param){.model = model, .index = STACK_HANDLES + (int)model->n_stacks++};
}

void heed_param_set_group(heed_param p, const char *group) {
    extent e;
    if (p.model == NULL || p.model->error.status || !model_extent(p.model, p.index, &e))
        return;
    group = group ? group : "";
    size_t length = strlen(group);
    if (length >= GROUP_NAME)
        heed_error_set(&p.model->error, HEED_INVALID, "group \"%s\" is longer than %d characters", group,
                       GROUP_NAME - 1);
    else
        for (int i = 0; i < e.entries; i++)
            memcpy(p.model->entries[e.first + i].group, group, length + 1);
}

void heed_param_set_init(heed_param p, heed_init init) {
    extent e;
    if (p.model == NULL || p.model->error.status || !model_extent(p.model, p.index, &e))
        return;
    if (p.model->built || init.fill == NULL)
        heed_error_set(&p.model->error, p.model->built ? HEED_STATE : HEED_INVALID, "%s: %s",
                       p.model->entries[e.first].path,
                       p.model->built ? "its initialiser is set after heed_model_build"
                                      : "its initialiser is empty: see heed_init_constant and its like");
    else
        for (int i = 0; i < e.entries; i++)
            p.model->entries[e.first + i].init = init;
}

void *heed_module_alloc(const heed_module *module, size_t count, size_t size) {
    heed_model *model = module->model;
    if (model->error.status)
        return NULL;
    void **grown = arena_grow(&model->memory, model->blocks, &model->cap_blocks, model->n_blocks + 1, sizeof *grown);
    if (grown)
        model->blocks = grown;
    void *block = grown ? calloc(count ? count : 1, size ? size : 1) : NULL;
    if (block == NULL) {
        no_memory(model);
        return NULL;
    }
    return model->blocks[model->n_blocks++] = block;
}

/* ---- building ---- */

static bool lay_out(heed_model *model, size_t element) {
    int64_t at = 0, align = (int64_t)(VALUE_ALIGN / element);
    for (size_t i = 0; i < model->n_entries; i++) {
        entry *e = &model->entries[i];
        if (e->alias_of >= 0) {
            e->offset = model->entries[e->alias_of].offset;
            continue;
        }
        if (!e->follows && (__builtin_add_overflow(at, align - 1, &at)))
            return false;
        if (!e->follows)
            at = at / align * align;
        e->offset = at;
        if (__builtin_add_overflow(at, e->count, &at))
            return false;
    }
    if (__builtin_add_overflow(at, align - 1, &at))
        return false;
    model->size = at / align * align;
    size_t bytes;
    return !__builtin_mul_overflow((size_t)model->size, element, &bytes) && bytes <= PTRDIFF_MAX;
}

static void *zeroed(int64_t elements, size_t size) {
    const size_t bytes = (size_t)elements * size;
    void *data = large_take(bytes);
    if (data)
        memset(data, 0, bytes);
    return data;
}

static heed_status initialise(heed_model *model, uint64_t seed) {
    int64_t longest = 1;
    for (size_t i = 0; i < model->n_entries; i++)
        if (model->entries[i].count > longest)
            longest = model->entries[i].count;
    double *values = (size_t)longest > SIZE_MAX / sizeof *values ? NULL : malloc((size_t)longest * sizeof *values);
    if (values == NULL)
        return no_memory(model);
    for (size_t i = 0; i < model->n_entries; i++) {
        const entry *e = &model->entries[i];
        if (e->alias_of >= 0)
            continue;
        e->init.fill(&e->init, e->shape, heed_rng_mix(seed, heed_rng_hash(e->path)), values, e->count);
        for (int64_t k = 0; k < e->count; k++) {
            if (model->dtype == HEED_F64)
                ((double *)model->data)[e->offset + k] = values[k];
            else
                ((float *)model->data)[e->offset + k] = (float)values[k];
        }
    }
    free(values);
    return HEED_OK;
}

heed_status heed_model_build(heed_model *model, heed_dtype dtype, uint64_t seed) {
    if (model->error.status)
        return model->error.status;
    if (model->built)
        return heed_error_set(&model->error, HEED_STATE, "heed_model_build: the model is built already");
    if (!heed_dtype_real(dtype))
        return heed_error_set(&model->error, HEED_INVALID, "heed_model_build: dtype is %s; it must be f32 or f64",
                              heed_dtype_name(dtype));
    size_t element = heed_dtype_size(dtype);
    if (!lay_out(model, element) || (model->data = zeroed(model->size, element)) == NULL)
        return no_memory(model);
    model->dtype = dtype;
    if (initialise(model, seed)) {
        free(model->data);
        model->data = NULL;
        return model->error.status;
    }
    model->built = true;
    return HEED_OK;
}

heed_model *heed_model_clone(const heed_model *from, heed_dtype dtype) {
    heed_model *to = heed_model_new();
    if (to->inert)
        return to;
    if (from->error.status || !from->built || !heed_dtype_real(dtype)) {
        heed_error_set(&to->error, HEED_STATE, "heed_model_clone: %s",
                       from->error.status ? from->error.text
                       : from->built      ? "dtype must be f32 or f64"
                                          : "the model is not built yet");
        return to;
    }
    entry *entries = calloc(from->n_entries + 1, sizeof *entries);
    stack *stacks = calloc(from->n_stacks + 1, sizeof *stacks);
    to->entries = entries;
    to->stacks = stacks;
    bool whole = entries && stacks;
    for (size_t i = 0; i < from->n_entries && whole; i++) {
        entries[i] = from->entries[i];
        whole = (entries[i].path = strdup(from->entries[i].path)) != NULL;
        to->n_entries = i + 1;
    }
    if (whole && from->n_stacks)
        memcpy(stacks, from->stacks, from->n_stacks * sizeof *stacks);
    to->n_stacks = whole ? from->n_stacks : 0;
    if (!whole || !lay_out(to, heed_dtype_size(dtype)) ||
        (to->data = zeroed(to->size, heed_dtype_size(dtype))) == NULL) {
        no_memory(to);
        return to;
    }
    to->dtype = dtype;
    to->built = true;
    if (heed_model_copy(to, from))
        heed_error_set(&to->error, HEED_STATE, "heed_model_clone: the values do not fit");
    return to;
}
