/* Models saved to and loaded from safetensors: what stands where is in the plan. */
#include <stdlib.h>
#include <string.h>

#include "file_dtypes_internal.h"
#include "import_names_internal.h"
#include "import_plan_internal.h"

static heed_status no_memory(const import_plan *plan, const char *else_what) {
    return heed_error_set(plan->error, HEED_NO_MEMORY, "%s: out of memory%s", plan->path, else_what);
}

static const char *dtype_of(const import_plan *plan) { return file_dtype_name(heed_model_dtype(plan->model)); }

/* ---- saving ---- */

/* A target's numbers in the file's dtype, from malloc. */
static void *target_data(const import_plan *plan, const import_target *target, const char *dtype) {
    const size_t count = (size_t)heed_shape_count(target->shape), size = heed_dtype_size(heed_model_dtype(plan->model));
    char *own = malloc(count * size + 1), *data = malloc(count * file_dtype_size(dtype) + 1);
    if (own && data) {
        import_target_gather(plan, target, own);
        file_dtype_convert(dtype, data, dtype_of(plan), own, (int64_t)count);
        free(own);
        return data;
    }
    free(own);
    free(data);
    return NULL;
}

/* Whether a target's place in the file is byte by byte its place in the model. */
static bool as_it_is(const import_plan *plan, const import_target *target, const char *dtype) {
    return target->n == 1 && !target->piece->line->transpose && strcmp(dtype, dtype_of(plan)) == 0;
}

static heed_status write_targets(const import_plan *plan, heed_file_tensor *tensors, void **owned,
                                 heed_save_options options) {
    const char *dtype = options.dtype ? options.dtype : dtype_of(plan);
    for (int i = 0; i < plan->n_targets; i++) {
        const import_target *target = &plan->targets[i];
        heed_param p = {.model = (heed_model *)(uintptr_t)plan->model, .index = target->piece->param};
        bool same = as_it_is(plan, target, dtype);
        owned[i] = same ? NULL : target_data(plan, target, dtype);
        if (!same && owned[i] == NULL)
            return no_memory(plan, "");
        tensors[i] = (heed_file_tensor){.name = target->piece->name, .dtype = dtype, .shape = target->shape,
                                        .data = same ? heed_param_data(p) : owned[i]};
    }
    return heed_safetensors_write(plan->path, plan->n_targets, tensors, options.n_metadata, options.metadata,
                                  plan->error);
}

static heed_status save_plan(const import_plan *plan, heed_save_options options) {
    heed_file_tensor *tensors = calloc((size_t)plan->n_targets + 1, sizeof *tensors);
    void **owned = calloc((size_t)plan->n_targets + 1, sizeof *owned);
    heed_status status = tensors && owned ? write_targets(plan, tensors, owned, options) : no_memory(plan, "");
    for (int i = 0; owned && i < plan->n_targets; i++)
        free(owned[i]);
    free(owned);
    free(tensors);
    return status;
}

heed_status heed_model_save(const heed_model *model, const char *path, heed_save_options options, heed_error *error) {
    heed_error unseen = {.status = HEED_OK};
    error = error ? error : &unseen;
    *error = (heed_error){.status = HEED_OK};
    if (heed_model_data((heed_model *)(uintptr_t)model) == NULL)
        return heed_error_set(error, HEED_STATE, "%s: the model is not built yet, there is nothing to save", path);
    if (options.dtype && !file_dtype_is_float(options.dtype))
        return heed_error_set(error, HEED_INVALID, "%s: a model is saved as F32, F64, F16 or BF16, not as %s", path,
                              options.dtype);
    import_plan plan;
    heed_status status =
        import_plan_make(&plan, model, options.names, path, error) ? save_plan(&plan, options) : error->status;
    import_plan_free(&plan);
    return status;
}

/* ---- loading ---- */

typedef struct loading {
    import_plan plan;
    heed_model *model;
    const heed_safetensors *file;
    heed_load_options options;
    int *from; /* by target: which tensor of the file, or -1 */
} loading;

/* Something that is amiss: an error, or, when the load is partial, left. */
static heed_status leave(loading *l, const char *name, const char *why) {
    const import_plan *plan = &l->plan;
    if (!l->options.partial)
        return heed_error_set(plan->error, HEED_IO, "%s: %s%s%s; the model is unchanged", plan->path, name,
                              *why == ' ' ? "" : ": ", why);
    if (l->options.left)
        l->options.left(l->options.user, name, why + (*why == ' '));
    return HEED_OK;
}

/* What is wrong with a tensor for a target, or NULL. */
static const char *mismatch(const import_target *target, const heed_file_tensor *x, char *text, size_t size) {
    if (!heed_shape_equal(target->shape, x->shape)) {
        snprintf(text, size, "its shape is %s in the file, %s in the model", HEED_SHAPE_STR(x->shape),
                 HEED_SHAPE_STR(target->shape));
        return text;
    }
    if (!file_dtype_is_float(x->dtype)) {
        snprintf(text, size, "its dtype is %s; F32, F64, F16 or BF16 can be loaded", x->dtype);
        return text;
    }
    return NULL;
}

static heed_status match_target(loading *l, int i) {
    const import_target *target = &l->plan.targets[i];
    int at = heed_safetensors_find(l->file, target->piece->name);
    char text[2 * HEED_SHAPE_TEXT + 64];
    const char *why = " is missing";
    if (at >= 0) {
        heed_file_tensor x = heed_safetensors_at(l->file, at);
        why = mismatch(target, &x, text, sizeof text);
    }
    l->from[i] = why ? -1 : at;
    if (why == NULL)
        return HEED_OK;
    char *name = import_target_text(&l->plan, target);
    heed_status status = name ? leave(l, name, why) : no_memory(&l->plan, "; the model is unchanged");
    free(name);
    return status;
}

/* A tied weight's second place in the file must hold what its first one does. Sets *is_copy. */
static heed_status check_copy(loading *l, const heed_file_tensor *x, bool *is_copy) {
    const import_plan *plan = &l->plan;
    for (int k = plan->n_pieces - plan->n_copies; k < plan->n_pieces && !*is_copy; k++) {
        const import_piece *piece = &plan->pieces[k];
        if (strcmp(piece->name, x->name) != 0)
            continue;
        for (int i = 0; i < plan->n_targets; i++) {
            if (plan->targets[i].piece->param != piece->param || l->from[i] < 0)
                continue;
            heed_file_tensor first = heed_safetensors_at(l->file, l->from[i]);
            *is_copy = true;
            if (first.bytes != x->bytes || strcmp(first.dtype, x->dtype) != 0 ||
                memcmp(first.data, x->data, x->bytes) != 0)
                return heed_error_set(
                    plan->error, HEED_IO,
                    "%s: \"%s\" differs from \"%s\", but both are %s, which the model ties; the model is unchanged",
                    plan->path, x->name, first.name, heed_model_param(plan->model, piece->param).path);
        }
    }
    return HEED_OK;
}

static heed_status check_extra(loading *l) {
    for (int f = 0; f < heed_safetensors_count(l->file); f++) {
        heed_file_tensor x = heed_safetensors_at(l->file, f);
        bool is_copy = false;
        if (name_below(x.name, l->options.names.below) == NULL || import_plan_find(&l->plan, x.name) >= 0 ||
            import_plan_ignores(&l->plan, x.name))
            continue;
        if (check_copy(l, &x, &is_copy))
            return l->plan.error->status;
        name_text name = {.at = NULL};
        name_add(&name, "tensor \"", 8);
        name_add(&name, x.name, strlen(x.name));
        name_add(&name, "\"", 1);
        heed_status status = name.failed ? no_memory(&l->plan, "; the model is unchanged")
                             : is_copy   ? HEED_OK
                                         : leave(l, name.at, " has no place in the model");
        free(name.at);
        if (status)
            return status;
    }
    return HEED_OK;
}

/* Same dtype: the very bits, NaN payloads too. */
static void copy_in(loading *l, int i, void *scratch) {
    heed_file_tensor x = heed_safetensors_at(l->file, l->from[i]);
    file_dtype_convert(dtype_of(&l->plan), scratch, x.dtype, x.data, x.count);
    import_target_scatter(&l->plan, &l->plan.targets[i], scratch);
}

static heed_status load_plan(loading *l) {
    size_t longest = 1;
    for (int i = 0; i < l->plan.n_targets; i++) {
        if (match_target(l, i))
            return l->plan.error->status;
        size_t count = (size_t)heed_shape_count(l->plan.targets[i].shape);
        longest = count > longest ? count : longest;
    }
    if (check_extra(l))
        return l->plan.error->status;
    void *scratch = malloc(longest * heed_dtype_size(heed_model_dtype(l->model)));
    if (scratch == NULL)
        return no_memory(&l->plan, "; the model is unchanged");
    for (int i = 0; i < l->plan.n_targets; i++)
        if (l->from[i] >= 0)
            copy_in(l, i, scratch);
    free(scratch);
    heed_model_changed(l->model);
    return HEED_OK;
}

/* Whether no name in the file begins with the map's prefix. */
static bool is_bare(const heed_safetensors *file, const heed_file_names *names) {
    const char *prefix = names->map ? names->map->prefix : NULL;
    for (int f = 0; prefix && f < heed_safetensors_count(file); f++) {
        const char *name = name_below(heed_safetensors_at(file, f).name, names->below);
        if (name && strncmp(name, prefix, strlen(prefix)) == 0)
            return false;
    }
    return true;
}

static heed_status load(loading *l, const char *path, heed_error *error) {
    l->options.names.bare = is_bare(l->file, &l->options.names);
    bool made = import_plan_make(&l->plan, l->model, l->options.names, path, error);
    l->from = made ? malloc(((size_t)l->plan.n_targets + 1) * sizeof *l->from) : NULL;
    heed_status status = !made     ? error->status
                         : l->from ? load_plan(l)
                                   : no_memory(&l->plan, "; the model is unchanged");
    free(l->from);
    import_plan_free(&l->plan);
    return status;
}

heed_status heed_model_load(heed_model *model, const char *path, heed_load_options options, heed_error *error) {
    heed_error unseen = {.status = HEED_OK};
    error = error ? error : &unseen;
    *error = (heed_error){.status = HEED_OK};
    if (heed_model_data(model) == NULL)
        return heed_error_set(error, HEED_STATE, "%s: the model is not built yet: build it, then load", path);
    loading l = {.model = model, .options = options, .file = heed_safetensors_open(path, error)};
    if (l.file == NULL)
        return error->status;
    heed_status status = load(&l, path, error);
    heed_safetensors_close((heed_safetensors *)(uintptr_t)l.file);
    return status;
}
