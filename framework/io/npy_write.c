/* Writing .npy, version 1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <heed/npy.h>

#include "atomic_file_internal.h"
#include "npy_header_internal.h"

/* What stands before the elements: a multiple of 64 bytes, so that they are aligned where the file is mapped. */
enum { ALIGN = 64, LONGEST_START = 512, PREFIX = NPY_MAGIC_BYTES + 4 };

static size_t start_of(const char *dtype, heed_shape shape, char start[LONGEST_START]) {
    char *literal = start + PREFIX;
    char order = file_dtype_size(dtype) == 1 ? '|' : NPY_NATIVE_ORDER;
    int used = snprintf(literal, LONGEST_START - PREFIX, "{'descr': '%c%s', 'fortran_order': False, 'shape': %s, }",
                        order, npy_kind(dtype), HEED_SHAPE_STR(shape));
    size_t bytes = (PREFIX + (size_t)used + 1 + ALIGN - 1) / ALIGN * ALIGN, length = bytes - PREFIX;
    memset(literal + used, ' ', length - (size_t)used);
    literal[length - 1] = '\n';
    memcpy(start, NPY_MAGIC "\1", NPY_MAGIC_BYTES + 2); /* version 1.0 */
    start[PREFIX - 2] = (char)(length & 255);
    start[PREFIX - 1] = (char)(length >> 8);
    return bytes;
}

static heed_status write(const char *path, const char *dtype, heed_shape shape, const void *data, heed_error *error) {
    char start[LONGEST_START];
    size_t start_bytes = start_of(dtype, shape, start);
    atomic_file file;
    heed_status status = atomic_file_open(&file, path, error);
    if (!status)
        status = atomic_file_write(&file, start, start_bytes);
    if (!status)
        status = atomic_file_write(&file, data, (size_t)heed_shape_count(shape) * file_dtype_size(dtype));
    if (!status)
        return atomic_file_commit(&file);
    atomic_file_abandon(&file);
    return status;
}

static heed_status check(const char *path, const char *file_dtype, heed_dtype dtype, heed_shape shape, const void *data,
                         heed_error *error) {
    const int64_t count = heed_shape_count(shape);
    size_t bytes;
    if (file_dtype == NULL || npy_kind(file_dtype) == NULL)
        return heed_error_set(error, HEED_INVALID, "%s: NumPy has no dtype for %s", path,
                              file_dtype && file_dtype != file_dtype_name(dtype) ? file_dtype : heed_dtype_name(dtype));
    if (!file_dtype_convert(file_dtype, NULL, file_dtype_name(dtype), NULL, 0))
        return heed_error_set(error, HEED_INVALID, "%s: %s cannot be written as %s", path, heed_dtype_name(dtype),
                              file_dtype);
    if (count < 0 || __builtin_mul_overflow((size_t)count, sizeof(double), &bytes) ||
        bytes > PTRDIFF_MAX) /* of the widest dtype */
        return heed_error_set(error, HEED_INVALID, "%s: shape %s cannot be", path, HEED_SHAPE_STR(shape));
    if (data == NULL && count > 0)
        return heed_error_set(error, HEED_INVALID, "%s: data is NULL, for shape %s", path, HEED_SHAPE_STR(shape));
    return HEED_OK;
}

heed_status heed_npy_write_as(const char *path, const char *file_dtype, heed_dtype dtype, heed_shape shape,
                              const void *data, heed_error *error) {
    heed_error unseen = {.status = HEED_OK};
    error = error ? error : &unseen;
    *error = (heed_error){.status = HEED_OK};
    if (check(path, file_dtype, dtype, shape, data, error))
        return error->status;
    const char *own = file_dtype_name(dtype);
    if (strcmp(file_dtype, own) == 0)
        return write(path, own, shape, data, error);
    const int64_t count = heed_shape_count(shape);
    void *converted = malloc((size_t)count * file_dtype_size(file_dtype) + 1);
    if (converted == NULL)
        return heed_error_set(error, HEED_NO_MEMORY, "%s: out of memory", path);
    file_dtype_convert(file_dtype, converted, own, data, count);
    heed_status status = write(path, file_dtype, shape, converted, error);
    free(converted);
    return status;
}

heed_status heed_npy_write(const char *path, heed_dtype dtype, heed_shape shape, const void *data, heed_error *error) {
    return heed_npy_write_as(path, file_dtype_name(dtype), dtype, shape, data, error);
}
