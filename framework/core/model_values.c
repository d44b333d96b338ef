/* A built model's parameters: looking them up, reading and writing them, bringing them to a tape. */
#include <string.h>

#include "model_internal.h"

bool model_extent(const heed_model *model, int index, extent *out) {
    if (index >= STACK_HANDLES && (size_t)(index - STACK_HANDLES) < model->n_stacks) {
        const stack *s = &model->stacks[index - STACK_HANDLES];
        *out = (extent){
            .shape = s->shape, .offset = model->entries[s->first].offset, .first = s->first, .entries = s->count};
    } else if (index >= 0 && (size_t)index < model->n_entries) {
        const entry *e = &model->entries[index];
        *out = (extent){
            .shape = e->shape, .offset = e->offset, .first = e->alias_of >= 0 ? e->alias_of : index, .entries = 1};
    } else {
        return false;
    }
    out->count = heed_shape_count(out->shape);
    for (int i = 0; i < out->entries; i++)
        out->trainable = out->trainable || model->entries[out->first + i].trainable;
    return true;
}

int heed_model_params(const heed_model *model) { return (int)model->n_entries; }
heed_dtype heed_model_dtype(const heed_model *model) { return model->dtype; }
int64_t heed_model_size(const heed_model *model) { return model->size; }
void *heed_model_data(heed_model *model) { return model->data; }

heed_param_info heed_model_param(const heed_model *model, int index) {
    if (index < 0 || (size_t)index >= model->n_entries)
        return (heed_param_info){.path = NULL, .alias_of = -1};
    const entry *e = &model->entries[index], *owner = e->alias_of >= 0 ? &model->entries[e->alias_of] : e;
    return (heed_param_info){.path = e->path,
                             .group = owner->group,
                             .shape = e->shape,
                             .offset = e->offset,
                             .count = e->count,
                             .trainable = owner->trainable,
                             .buffer = owner->buffer,
                             .alias_of = e->alias_of};
}

int64_t heed_model_trainable(const heed_model *model) {
    int64_t count = 0;
    for (size_t i = 0; i < model->n_entries; i++)
        if (model->entries[i].trainable && model->entries[i].alias_of < 0)
            count += model->entries[i].count;
    return count;
}

void heed_model_changed(heed_model *model) {
    if (!model->inert)
        model->version++;
}

void *heed_param_data(heed_param p) {
    extent e;
    if (p.model == NULL || p.model->data == NULL || !model_extent(p.model, p.index, &e))
        return NULL;
    return (char *)p.model->data + (size_t)e.offset * heed_dtype_size(p.model->dtype);
}

static heed_status check_count(heed_param p, const char *what, int64_t count, extent *e) {
    if (p.model == NULL)
        return HEED_INVALID;
    if (p.model->data == NULL || !model_extent(p.model, p.index, e) || e->count != count)
        return heed_error_set(NULL, HEED_INVALID,
                              "%s: the parameter does not have %lld elements, or its model is not built", what,
                              (long long)count);
    return HEED_OK;
}

heed_status heed_param_get(heed_param p, double *values, int64_t count) {
    extent e;
    heed_status status = check_count(p, "heed_param_get", count, &e);
    for (int64_t i = 0; i < count && !status; i++)
        values[i] = p.model->dtype == HEED_F64 ? ((double *)p.model->data)[e.offset + i]
                                               : (double)((float *)p.model->data)[e.offset + i];
    return status;
}

heed_status heed_param_set(heed_param p, const double *values, int64_t count) {
    extent e;
    heed_status status = check_count(p, "heed_param_set", count, &e);
    for (int64_t i = 0; i < count && !status; i++) {
        if (p.model->dtype == HEED_F64)
            ((double *)p.model->data)[e.offset + i] = values[i];
        else
            ((float *)p.model->data)[e.offset + i] = (float)values[i];
    }
    if (!status)
        heed_model_changed(p.model);
    return status;
}

int heed_model_set_trainable(heed_model *model, const char *pattern, bool trainable) {
    int matched = 0;
    for (size_t i = 0; i < model->n_entries; i++) {
        if (!path_matches(pattern, model->entries[i].path) || model->entries[i].buffer)
            continue;
        entry *e = &model->entries[model->entries[i].alias_of >= 0 ? (size_t)model->entries[i].alias_of : i];
        e->trainable = trainable;
        matched++;
    }
    return matched;
}

int heed_model_set_group(heed_model *model, const char *pattern, const char *group) {
    int matched = 0;
    for (size_t i = 0; i < model->n_entries; i++)
        if (path_matches(pattern, model->entries[i].path)) {
            heed_param_set_group((heed_param){.model = model, .index = (int)i}, group);
            matched++;
        }
    return matched;
}

bool model_twins(const heed_model *a, const heed_model *b) {
    bool same = a->n_entries == b->n_entries && a->n_stacks == b->n_stacks;
    for (size_t i = 0; i < a->n_entries && same; i++)
        same = strcmp(a->entries[i].path, b->entries[i].path) == 0 &&
               heed_shape_equal(a->entries[i].shape, b->entries[i].shape);
    return same;
}

heed_status heed_model_copy(heed_model *to, const heed_model *from) {
    if (!to->built || !from->built || !model_twins(to, from))
        return heed_error_set(NULL, HEED_INVALID,
                              "heed_model_copy: the models do not have the same parameters, or are not built");
    for (size_t i = 0; i < to->n_entries; i++) {
        int64_t a = to->entries[i].offset, b = from->entries[i].offset, n = to->entries[i].count;
        if (to->dtype == from->dtype) {
            size_t size = heed_dtype_size(to->dtype);
            memcpy((char *)to->data + (size_t)a * size, (const char *)from->data + (size_t)b * size, (size_t)n * size);
        } else {
            for (int64_t k = 0; k < n; k++)
                if (to->dtype == HEED_F64)
                    ((double *)to->data)[a + k] = (double)((const float *)from->data)[b + k];
                else
                    ((float *)to->data)[a + k] = (float)((const double *)from->data)[b + k];
        }
    }
    heed_model_changed(to);
    return HEED_OK;
}

/* ---- on a tape ---- */

heed_status heed_tape_bind(heed_tape *t, const heed_model *model, const heed_model *other) {
    if (t->inert)
        return t->error.status;
    if (other && (other->error.status || !model_twins(model, other)))
        return tape_fail(t, scope_root(), "bind", HEED_INVALID,
                         "the other model does not have the same parameters: clone it with heed_model_clone");
    size_t i = 0;
    while (i < t->n_bindings && t->bindings[i].model != model->id)
        i++;
    if (i == t->n_bindings) {
        binding *grown = arena_grow(&t->memory, t->bindings, &t->cap_bindings, i + 1, sizeof *grown);
        if (grown == NULL)
            return tape_no_memory(t, "bind", sizeof *grown);
        t->bindings = grown;
        t->n_bindings++;
    }
    t->bindings[i] = (binding){.model = model->id, .other = other};
    return HEED_OK;
}

static const heed_model *bound(const heed_tape *t, const heed_model *model) {
    for (size_t i = 0; i < t->n_bindings; i++)
        if (t->bindings[i].model == model->id && t->bindings[i].other)
            return t->bindings[i].other;
    return model;
}

/* The tape's note about one parameter: NULL when memory is out. Stacks come behind the entries. */
static known_param *known(heed_tape *t, const heed_model *model, int index) {
    size_t m = 0, count = model->n_entries + model->n_stacks;
    size_t at = index >= STACK_HANDLES ? model->n_entries + (size_t)(index - STACK_HANDLES) : (size_t)index;
    while (m < t->n_models && t->models[m].id != model->id)
        m++;
    if (m == t->n_models) {
        known_model *grown = arena_grow(&t->memory, t->models, &t->cap_models, m + 1, sizeof *grown);
        if (grown == NULL)
            return NULL;
        t->models = grown;
        t->models[t->n_models++] = (known_model){.id = model->id};
    }
    known_model *k = &t->models[m];
    if (k->params == NULL) {
        k->params = arena_grow(&t->memory, NULL, &k->capacity, count, sizeof *k->params);
        if (k->params)
            memset(k->params, 0, k->capacity * sizeof *k->params);
    }
    return k->params ? &k->params[at] : NULL;
}

static uint32_t bring(heed_tape *t, const heed_model *model, int index, const extent *e) {
    use *grown = arena_grow(&t->memory, t->uses, &t->cap_uses, t->n_uses + 1, sizeof *grown);
    uint32_t at = grown ? tape_new_packed(t, model->dtype, e->shape) : 0;
    if (grown)
        t->uses = grown;
    if (at == 0) {
        tape_no_memory(t, "parameter", sizeof(value));
        return 0;
    }
    value *v = &t->values[at];
    v->array.data = (char *)model->data + (size_t)e->offset * heed_dtype_size(model->dtype);
    v->use = (int32_t)t->n_uses;
    v->flags = e->trainable && t->recording ? VALUE_NEEDS_GRAD : 0u;
    t->uses[t->n_uses++] = (use){.param = {.model = (heed_model *)(uintptr_t)model, .index = index},
                                 .model_version = model->version,
                                 .offset = e->offset,
                                 .first = e->first,
                                 .entries = e->entries};
    return at;
}

heed_tensor heed_use(heed_tape *t, heed_param p) {
    if (t->error.status)
        return HEED_NIL;
    if (p.model == NULL)
        return heed_fail_tape(t, HEED_INVALID, "parameter: the handle was never set: initialise the layer first");
    const heed_model *model = bound(t, p.model);
    if (model->error.status)
        return heed_fail_tape(t, model->error.status, "%s", model->error.text);
    if (!model->built)
        return heed_fail_tape(
            t, HEED_STATE, "parameter: the model is not built yet: call heed_model_build after declaring its layers");
    extent e;
    if (!model_extent(model, p.index, &e))
        return heed_fail_tape(t, HEED_INVALID, "parameter: the handle names no parameter of its model");
    known_param *note = known(t, model, p.index);
    if (note == NULL) {
        tape_no_memory(t, "parameter", sizeof *note);
        return HEED_NIL;
    }
    bool needs = e.trainable && t->recording;
    bool fresh = note->epoch == t->epoch && ((t->values[note->value].flags & VALUE_NEEDS_GRAD) != 0) == needs &&
                 t->uses[t->values[note->value].use].model_version == model->version;
    if (!fresh)
        *note = (known_param){.epoch = t->epoch, .value = bring(t, model, p.index, &e)};
    return tape_handle(t, note->value);
}
