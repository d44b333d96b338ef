/* Writing safetensors. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "atomic_file_internal.h"
#include "file_dtypes_internal.h"
#include "safetensors_internal.h"

enum { LENGTH_BYTES = 8, ALIGN = 8 };

static json_t *shape_json(heed_shape shape) {
    json_t *list = json_array();
    for (int i = 0; i < shape.rank; i++)
        if (json_array_append_new(list, json_integer(shape.n[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *metadata_json(int n, const char *const (*metadata)[2]) {
    json_t *object = json_object();
    for (int i = 0; i < n; i++)
        if (json_object_set_new(object, metadata[i][0], json_string(metadata[i][1])) != 0) {
            json_decref(object);
            return NULL;
        }
    return object;
}

static size_t tensor_bytes(const heed_file_tensor *x) {
    int64_t count = heed_shape_count(x->shape);
    size_t bytes;
    if (count < 0 || __builtin_mul_overflow((size_t)count, file_dtype_size(x->dtype), &bytes))
        return SIZE_MAX;
    return bytes;
}

/* NULL where a name or metadata is not UTF-8, a name comes twice, or memory is out. */
static json_t *header_json(int n, const heed_file_tensor *tensors, int n_metadata, const char *const (*metadata)[2]) {
    json_t *header = json_object();
    size_t at = 0;
    bool good = header && (n_metadata == 0 ||
                           json_object_set_new(header, "__metadata__", metadata_json(n_metadata, metadata)) == 0);
    for (int i = 0; i < n && good; i++) {
        size_t end = at + tensor_bytes(&tensors[i]);
        good = json_object_get(header, tensors[i].name) == NULL &&
               json_object_set_new(header, tensors[i].name,
                                   json_pack("{s:s, s:o, s:[I, I]}", "dtype", tensors[i].dtype, "shape",
                                             shape_json(tensors[i].shape), "data_offsets", (json_int_t)at,
                                             (json_int_t)end)) == 0;
        at = end;
    }
    if (!good) {
        json_decref(header);
        return NULL;
    }
    return header;
}

/* From malloc. Short of memory, the library's writer leaves things out and does not say so: the text is read again. */
static char *text_of(json_t *header) {
    char *text = header ? json_dumps(header, JSON_COMPACT) : NULL;
    json_t *again = text ? json_loads(text, 0, NULL) : NULL;
    if (again == NULL || !json_equal(header, again)) {
        free(text);
        text = NULL;
    }
    json_decref(again);
    return text;
}

/* The header, padded with spaces so that the data behind it is aligned; from malloc, NULL as header_json. */
static char *header_text(int n, const heed_file_tensor *tensors, int n_metadata, const char *const (*metadata)[2],
                         size_t *length) {
    json_t *header = header_json(n, tensors, n_metadata, metadata);
    char *text = text_of(header);
    json_decref(header);
    if (text == NULL)
        return NULL;
    size_t used = strlen(text);
    *length = (used + ALIGN - 1) / ALIGN * ALIGN;
    char *padded = realloc(text, *length + 1);
    if (padded == NULL) {
        free(text);
        return NULL;
    }
    memset(padded + used, ' ', *length - used);
    return padded;
}

static heed_status check(const char *path, int n, const heed_file_tensor *tensors, heed_error *error) {
    size_t all = 0;
    for (int i = 0; i < n; i++) {
        const heed_file_tensor *x = &tensors[i];
        if (x->name == NULL || x->dtype == NULL || (x->data == NULL && heed_shape_count(x->shape) > 0))
            return heed_error_set(error, HEED_INVALID, "%s: tensor %d: its name, dtype or data is NULL", path, i);
        if (strcmp(x->name, "__metadata__") == 0)
            return heed_error_set(error, HEED_INVALID, "%s: tensor \"%s\": the name is the format's own", path,
                                  x->name);
        if (file_dtype_size(x->dtype) == 0)
            return heed_error_set(error, HEED_INVALID, "%s: tensor \"%s\": %s is no dtype of safetensors", path,
                                  x->name, x->dtype);
        size_t bytes = tensor_bytes(x);
        if (bytes > PTRDIFF_MAX || __builtin_add_overflow(all, bytes, &all))
            return heed_error_set(error, HEED_INVALID, "%s: tensor \"%s\": shape %s cannot be", path, x->name,
                                  HEED_SHAPE_STR(x->shape));
    }
    return HEED_OK;
}

typedef heed_status commit_fn(atomic_file *file);
static heed_status write_file(const char *path, int n, const heed_file_tensor *tensors, int n_metadata,
                              const char *const (*metadata)[2], commit_fn *commit, uint64_t *bytes, heed_error *error) {
    if (check(path, n, tensors, error))
        return error->status;
    size_t length;
    char *header = header_text(n, tensors, n_metadata, metadata, &length);
    if (header == NULL)
        return heed_error_set(error, HEED_INVALID,
                              "%s: names and metadata must be UTF-8, each name once (or memory is out)", path);
    unsigned char prefix[LENGTH_BYTES];
    for (int i = 0; i < LENGTH_BYTES; i++)
        prefix[i] = (unsigned char)(length >> (8 * i) & 255);
    *bytes = sizeof prefix + length;
    atomic_file file;
    heed_status status = atomic_file_open(&file, path, error);
    if (!status)
        status = atomic_file_write(&file, prefix, sizeof prefix);
    if (!status)
        status = atomic_file_write(&file, header, length);
    for (int i = 0; i < n && !status; i++) {
        status = atomic_file_write(&file, tensors[i].data, tensor_bytes(&tensors[i]));
        *bytes += tensor_bytes(&tensors[i]);
    }
    free(header);
    if (!status)
        return commit(&file);
    atomic_file_abandon(&file);
    return status;
}

/* The error, or one that nobody sees; empty. */
static heed_error *cleared(heed_error *error, heed_error *unseen) {
    error = error ? error : unseen;
    *error = (heed_error){.status = HEED_OK};
    return error;
}

heed_status heed_safetensors_write(const char *path, int n, const heed_file_tensor *tensors, int n_metadata,
                                   const char *const (*metadata)[2], heed_error *error) {
    heed_error unseen;
    uint64_t bytes;
    return write_file(path, n, tensors, n_metadata, metadata, atomic_file_commit, &bytes, cleared(error, &unseen));
}

heed_status safetensors_write_unsynced(const char *path, int n, const heed_file_tensor *tensors, int n_metadata,
                                       const char *const (*metadata)[2], uint64_t *bytes, heed_error *error) {
    heed_error unseen;
    return write_file(path, n, tensors, n_metadata, metadata, atomic_file_commit_unsynced, bytes,
                      cleared(error, &unseen));
}
