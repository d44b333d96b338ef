/* Models saved to and loaded from safetensors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file_dtypes_internal.h"

heed_status heed_model_save(const heed_model *model, const char *path, int n, const char *const (*metadata)[2], heed_error *error) {
    heed_model *readable = (heed_model *)(uintptr_t)model;
    int count = heed_model_params(model), saved = 0;
    if (error)
        *error = (heed_error){.status = HEED_OK};
    if (heed_model_data(readable) == NULL)
        return heed_error_set(error, HEED_STATE, "%s: the model is not built yet, there is nothing to save", path);
    heed_file_tensor *tensors = calloc((size_t)count + 1, sizeof *tensors);
    if (tensors == NULL)
        return heed_error_set(error, HEED_NO_MEMORY, "%s: out of memory", path);
    for (int i = 0; i < count; i++) {
        heed_param_info info = heed_model_param(model, i);
        if (info.alias_of >= 0)
            continue;
        tensors[saved++] = (heed_file_tensor){.name = info.path,
                                              .dtype = file_dtype_name(heed_model_dtype(model)),
                                              .shape = info.shape,
                                              .data = heed_param_data((heed_param){.model = readable, .index = i})};
    }
    heed_status status = heed_safetensors_write(path, saved, tensors, n, metadata, error);
    free(tensors);
    return status;
}

/* ---- loading ---- */

/* Adds `name` to the list of what was left, as long as there is room. */
static void leave(heed_error *report, const char *what, const char *name) {
    if (report == NULL)
        return;
    size_t used = strlen(report->text);
    snprintf(report->text + used, sizeof report->text - used, "%s%s: %s", used ? "; " : "", what, name);
}

typedef struct loading {
    heed_model *model;
    const heed_safetensors *file;
    const char *path;
    heed_load_options options;
    heed_error *error;
    int *from; /* by parameter: which tensor of the file, or -1 */
} loading;

/* What is wrong with a tensor for a parameter, or NULL. */
static const char *mismatch(const heed_param_info *info, const heed_file_tensor *x, char *text, size_t size) {
    if (!heed_shape_equal(info->shape, x->shape)) {
        snprintf(text, size, "its shape is %s in the file, %s in the model", HEED_SHAPE_STR(x->shape), HEED_SHAPE_STR(info->shape));
        return text;
    }
    if (!file_dtype_is_float(x->dtype)) {
        snprintf(text, size, "its dtype is %s; F32, F64, F16 or BF16 can be loaded", x->dtype);
        return text;
    }
    return NULL;
}

static heed_status match_param(loading *l, int i) {
    heed_param_info info = heed_model_param(l->model, i);
    l->from[i] = -1;
    if (info.alias_of >= 0)
        return HEED_OK;
    int at = heed_safetensors_find(l->file, info.path);
    if (at < 0) {
        if (!l->options.partial)
            return heed_error_set(l->error, HEED_IO, "%s: %s is missing; the model is unchanged", l->path, info.path);
        leave(l->options.report, "missing", info.path);
        return HEED_OK;
    }
    heed_file_tensor x = heed_safetensors_at(l->file, at);
    char text[2 * HEED_SHAPE_TEXT + 64];
    const char *why = mismatch(&info, &x, text, sizeof text);
    if (why && !l->options.partial)
        return heed_error_set(l->error, HEED_IO, "%s: %s: %s; the model is unchanged", l->path, info.path, why);
    if (why)
        leave(l->options.report, "does not fit", info.path);
    else
        l->from[i] = at;
    return HEED_OK;
}

static heed_status check_extra(const loading *l) {
    for (int f = 0; f < heed_safetensors_count(l->file); f++) {
        const char *name = heed_safetensors_at(l->file, f).name;
        if (heed_model_find(l->model, name).model)
            continue;
        if (!l->options.partial)
            return heed_error_set(l->error, HEED_IO, "%s: tensor \"%s\" has no place in the model; the model is unchanged", l->path, name);
        leave(l->options.report, "not in the model", name);
    }
    return HEED_OK;
}

/* Same dtype: the very bits, NaN payloads too. */
static heed_status copy_in(loading *l, int i, double *scratch) {
    heed_param p = {.model = l->model, .index = i};
    heed_file_tensor x = heed_safetensors_at(l->file, l->from[i]);
    if (strcmp(x.dtype, file_dtype_name(heed_model_dtype(l->model))) == 0) {
        memcpy(heed_param_data(p), x.data, x.bytes);
        return HEED_OK;
    }
    if (!heed_file_tensor_doubles(&x, scratch, x.count))
        return HEED_IO;
    return heed_param_set(p, scratch, x.count);
}

static heed_status load(loading *l) {
    int count = heed_model_params(l->model);
    int64_t longest = 1;
    for (int i = 0; i < count; i++) {
        if (match_param(l, i))
            return l->error->status;
        if (heed_model_param(l->model, i).count > longest)
            longest = heed_model_param(l->model, i).count;
    }
    if (check_extra(l))
        return l->error->status;
    double *scratch = malloc((size_t)longest * sizeof *scratch);
    if (scratch == NULL)
        return heed_error_set(l->error, HEED_NO_MEMORY, "%s: out of memory; the model is unchanged", l->path);
    heed_status status = HEED_OK;
    for (int i = 0; i < count && !status; i++)
        if (l->from[i] >= 0)
            status = copy_in(l, i, scratch);
    free(scratch);
    heed_model_changed(l->model);
    return status;
}

heed_status heed_model_load(heed_model *model, const char *path, heed_load_options options, heed_error *error) {
    heed_error unseen = {.status = HEED_OK};
    error = error ? error : &unseen;
    *error = (heed_error){.status = HEED_OK};
    if (options.report)
        *options.report = (heed_error){.status = HEED_OK};
    if (heed_model_data(model) == NULL)
        return heed_error_set(error, HEED_STATE, "%s: the model is not built yet: build it, then load", path);
    heed_safetensors *file = heed_safetensors_open(path, error);
    if (file == NULL)
        return error->status;
    loading l = {.model = model, .file = file, .path = path, .options = options, .error = error};
    l.from = malloc(((size_t)heed_model_params(model) + 1) * sizeof *l.from);
    heed_status status = l.from ? load(&l) : heed_error_set(error, HEED_NO_MEMORY, "%s: out of memory", path);
    free(l.from);
    heed_safetensors_close(file);
    return status;
}
