/* Reading safetensors: 8 bytes of header length, a JSON header, the data. Everything is checked before anything is used. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "file_dtypes_internal.h"
#include "file_reader_internal.h"

enum { LENGTH_BYTES = 8, LONGEST_HEADER = 100000000 };

struct heed_safetensors {
    json_t *header;
    char *data;
    size_t data_bytes;
    heed_file_tensor *tensors;
    int n;
};

static bool refuse(const file_reader *r, const char *what, const char *name) {
    file_reader_refuse(r, "%s%s%s%s", name ? "tensor \"" : "", name ? name : "", name ? "\": " : "", what);
    return false;
}

static char *read_header(file_reader *r, size_t *length) {
    unsigned char prefix[LENGTH_BYTES];
    if (r->left < LENGTH_BYTES)
        refuse(r, "it is shorter than the 8 bytes of its header's length", NULL);
    if (r->left < LENGTH_BYTES || !file_reader_read(r, prefix, sizeof prefix))
        return NULL;
    uint64_t n = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--)
        n = n << 8 | prefix[i];
    if (n > LONGEST_HEADER || n > r->left) {
        file_reader_refuse(r, "its header would be %llu bytes; %s", (unsigned long long)n,
                           n > LONGEST_HEADER ? "at most 100 MB are allowed" : "the file is shorter");
        return NULL;
    }
    *length = (size_t)n;
    return file_reader_block(r, (size_t)n);
}

/* ---- the header ---- */

static bool parse_header(const file_reader *r, const char *text, size_t length, heed_safetensors *file) {
    json_error_t why;
    file->header = json_loadb(text, length, JSON_REJECT_DUPLICATES, &why);
    if (file->header == NULL && *why.text == '\0') /* the parser's way of saying so */
        return file_reader_no_memory(r);
    if (file->header == NULL)
        return file_reader_refuse(r, "its header: %s", why.text);
    if (length == 0 || text[0] != '{' || !json_is_object(file->header))
        return refuse(r, "its header must be a JSON object", NULL);
    return true;
}

static bool check_metadata(const file_reader *r, const json_t *metadata) {
    const char *key;
    json_t *item;
    if (metadata == NULL)
        return true;
    if (!json_is_object(metadata))
        return refuse(r, "__metadata__ must be an object", NULL);
    json_object_foreach((json_t *)(uintptr_t)metadata, key, item) if (!json_is_string(item))
        return refuse(r, "__metadata__ must hold strings only", NULL);
    return true;
}

static bool read_shape(const file_reader *r, const char *name, const json_t *shape, heed_shape *out) {
    if (!json_is_array(shape))
        return refuse(r, "shape must be a list", name);
    if (json_array_size(shape) > HEED_MAX_RANK)
        return refuse(r, "its rank is above 8", name);
    *out = (heed_shape){.rank = (int)json_array_size(shape)};
    for (int i = 0; i < out->rank; i++) {
        const json_t *n = json_array_get(shape, (size_t)i);
        if (!json_is_integer(n) || json_integer_value(n) < 0)
            return refuse(r, "shape must hold whole numbers, 0 or more", name);
        out->n[i] = json_integer_value(n);
    }
    return true;
}

static bool read_offsets(const file_reader *r, const char *name, const json_t *offsets, size_t data_bytes,
                         size_t *begin, size_t *end) {
    const json_t *b = json_array_get(offsets, 0), *e = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(b) || !json_is_integer(e) || json_integer_value(b) < 0)
        return refuse(r, "data_offsets must be two whole numbers", name);
    if (json_integer_value(b) > json_integer_value(e))
        return refuse(r, "data_offsets end before they begin", name);
    if ((uint64_t)json_integer_value(e) > data_bytes)
        return refuse(r, "its data would lie past the end of the file", name);
    *begin = (size_t)json_integer_value(b);
    *end = (size_t)json_integer_value(e);
    return true;
}

static bool read_tensor(const file_reader *r, const char *name, const json_t *item, const heed_safetensors *file,
                        heed_file_tensor *out) {
    const json_t *dtype = json_object_get(item, "dtype");
    size_t begin, end, bytes;
    if (!json_is_object(item) || json_object_size(item) != 3 || !json_is_string(dtype))
        return refuse(r, "it must have dtype, shape and data_offsets, and nothing else", name);
    size_t element = file_dtype_size(json_string_value(dtype));
    if (element == 0)
        return refuse(r, "its dtype is none of the format's", name);
    *out = (heed_file_tensor){.name = name, .dtype = json_string_value(dtype)};
    if (!read_shape(r, name, json_object_get(item, "shape"), &out->shape) ||
        !read_offsets(r, name, json_object_get(item, "data_offsets"), file->data_bytes, &begin, &end))
        return false;
    out->count = heed_shape_count(out->shape);
    if (out->count < 0 || __builtin_mul_overflow((size_t)out->count, element, &bytes) || bytes != end - begin)
        return refuse(r, "its shape and dtype do not make the bytes its data_offsets say", name);
    out->bytes = bytes;
    out->data = file->data + begin;
    return true;
}

static int by_place(const void *a, const void *b) {
    const heed_file_tensor *x = a, *y = b;
    if (x->data != y->data)
        return (const char *)x->data < (const char *)y->data ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

/* Tensors must fill the data from end to end. */
static bool check_places(const file_reader *r, const heed_safetensors *file) {
    const char *next = file->data;
    for (int i = 0; i < file->n; i++) {
        const heed_file_tensor *x = &file->tensors[i];
        if (x->data != next)
            return refuse(
                r, (const char *)x->data < next ? "its data overlaps another's" : "there is a hole before its data",
                x->name);
        next += x->bytes;
    }
    return next == file->data + file->data_bytes || refuse(r, "there are bytes after the last tensor", NULL);
}

static bool read_tensors(const file_reader *r, heed_safetensors *file) {
    const char *name;
    json_t *item;
    if (!check_metadata(r, json_object_get(file->header, "__metadata__")))
        return false;
    file->tensors = calloc(json_object_size(file->header) + 1, sizeof *file->tensors);
    if (file->tensors == NULL)
        return file_reader_no_memory(r);
    json_object_foreach(file->header, name, item) {
        if (strcmp(name, "__metadata__") == 0)
            continue;
        if (!read_tensor(r, name, item, file, &file->tensors[file->n]))
            return false;
        file->n++;
    }
    qsort(file->tensors, (size_t)file->n, sizeof *file->tensors, by_place);
    return check_places(r, file);
}

/* ---- the whole ---- */

static bool read_file(file_reader *r, heed_safetensors *file) {
    size_t length;
    char *header = read_header(r, &length);
    if (header == NULL)
        return false;
    bool good = parse_header(r, header, length, file);
    free(header);
    if (!good)
        return false;
    file->data_bytes = r->left;
    file->data = file_reader_block(r, r->left);
    return file->data && read_tensors(r, file);
}

heed_safetensors *heed_safetensors_open(const char *path, heed_error *error) {
    file_reader r;
    if (error)
        *error = (heed_error){.status = HEED_OK};
    if (!file_reader_open(&r, path, "safetensors", error))
        return NULL;
    heed_safetensors *file = calloc(1, sizeof *file);
    bool good = file ? read_file(&r, file) : file_reader_no_memory(&r);
    file_reader_close(&r);
    if (!good) {
        heed_safetensors_close(file);
        return NULL;
    }
    return file;
}

void heed_safetensors_close(heed_safetensors *file) {
    if (file == NULL)
        return;
    json_decref(file->header);
    free(file->tensors);
    free(file->data);
    free(file);
}

int heed_safetensors_count(const heed_safetensors *file) { return file->n; }

heed_file_tensor heed_safetensors_at(const heed_safetensors *file, int index) {
    return index >= 0 && index < file->n ? file->tensors[index] : (heed_file_tensor){.name = NULL};
}

int heed_safetensors_find(const heed_safetensors *file, const char *name) {
    for (int i = 0; i < file->n; i++)
        if (strcmp(file->tensors[i].name, name) == 0)
            return i;
    return -1;
}

const char *heed_safetensors_metadata(const heed_safetensors *file, const char *key) {
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}
