/* Reading .npy: magic, version, length of the header, the header, the elements. Everything is checked before memory is
 * taken for the elements. */
#include <stdlib.h>
#include <string.h>

#include <heed/npy.h>

#include "npy_header_internal.h"

/* A plain array's header has some 70 to 250 bytes; version 1 has no room for more than this. */
enum { LONGEST_HEADER = 65535 };

struct heed_npy {
    heed_file_tensor tensor;
    char *data;
};

/* ---- the header ---- */

/* The bytes of the header's length: 2 in version 1, 4 in versions 2 and 3; 0 on an error. */
static int read_version(file_reader *r) {
    unsigned char start[NPY_MAGIC_BYTES + 2];
    size_t there = r->left < sizeof start ? r->left : sizeof start;
    if (!file_reader_read(r, start, there))
        return 0;
    if (there < sizeof start || memcmp(start, NPY_MAGIC, NPY_MAGIC_BYTES) != 0) {
        file_reader_refuse(r, "it does not begin with \\x93NUMPY and a version");
        return 0;
    }
    int major = start[NPY_MAGIC_BYTES], minor = start[NPY_MAGIC_BYTES + 1];
    if (major < 1 || major > 3 || minor != 0) {
        file_reader_refuse(r, "its version is %d.%d; 1.0, 2.0 and 3.0 can be read", major, minor);
        return 0;
    }
    return major == 1 ? 2 : 4;
}

static bool read_header(file_reader *r, npy_header *header) {
    unsigned char bytes[4];
    int n = read_version(r);
    if (n == 0 || !file_reader_read(r, bytes, (size_t)n))
        return false;
    size_t length = 0;
    while (n-- > 0)
        length = length << 8 | bytes[n];
    if (length > LONGEST_HEADER || length > r->left)
        return file_reader_refuse(r, "its header would be %zu bytes; %s", length,
                                  length > LONGEST_HEADER ? "a plain array's has at most 65535"
                                                          : "the file is shorter");
    char *text = file_reader_block(r, length);
    bool good = text && npy_header_parse(r, text, length, header);
    free(text);
    return good;
}

/* The tensor without its data, whose bytes are known to be there. */
static bool describe(const file_reader *r, const npy_header *header, heed_file_tensor *out) {
    *out = (heed_file_tensor){.dtype = header->dtype, .shape = header->shape, .count = heed_shape_count(header->shape)};
    if (out->count < 0 || __builtin_mul_overflow((size_t)out->count, file_dtype_size(out->dtype), &out->bytes))
        return file_reader_refuse(r, "its shape %s of %s is past int64", HEED_SHAPE_STR(out->shape),
                                  npy_kind(out->dtype));
    if (out->bytes != r->left)
        return file_reader_refuse(r, "its shape %s of %s makes %zu bytes; %zu stand behind the header",
                                  HEED_SHAPE_STR(out->shape), npy_kind(out->dtype), out->bytes, r->left);
    return true;
}

/* ---- the elements ---- */

static void swap_bytes(char *data, int64_t count, size_t size) {
    for (char *x = data, *end = data + (size_t)count * size; x < end; x += size)
        for (size_t i = 0; i < size / 2; i++) {
            char byte = x[i];
            x[i] = x[size - 1 - i];
            x[size - 1 - i] = byte;
        }
}

/* Any byte but 0 is true to NumPy; in memory a bool is 0 or 1. */
static void settle_bools(unsigned char *data, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        data[i] = data[i] != 0;
}

/* Counts through the indexes in row-major order, `from` following in an array whose first axis is the closest. */
static void to_row_major(const heed_file_tensor *t, const char *from, char *to) {
    size_t size = file_dtype_size(t->dtype), stride[HEED_MAX_RANK];
    int64_t index[HEED_MAX_RANK] = {0};
    int rank = t->shape.rank;
    size_t step = size;
    for (int axis = 0; axis < rank; axis++) {
        stride[axis] = step;
        step *= (size_t)t->shape.n[axis];
    }
    for (int64_t i = 0; i < t->count; i++, to += size) {
        memcpy(to, from, size);
        int axis = rank - 1;
        for (; axis >= 0 && ++index[axis] == t->shape.n[axis]; axis--) {
            from -= stride[axis] * (size_t)(t->shape.n[axis] - 1);
            index[axis] = 0;
        }
        if (axis >= 0)
            from += stride[axis];
    }
}

static bool read_elements(file_reader *r, const npy_header *header, heed_npy *file) {
    heed_file_tensor *t = &file->tensor;
    file->data = file_reader_block(r, t->bytes);
    if (file->data == NULL)
        return false;
    if (header->swap)
        swap_bytes(file->data, t->count, file_dtype_size(t->dtype));
    if (strcmp(t->dtype, "BOOL") == 0)
        settle_bools((unsigned char *)file->data, t->count);
    if (header->fortran_order && t->shape.rank > 1 && t->count > 0) {
        char *rows = aligned_alloc(64, (t->bytes / 64 + 1) * 64);
        if (rows == NULL)
            return file_reader_no_memory(r);
        to_row_major(t, file->data, rows);
        free(file->data);
        file->data = rows;
    }
    t->data = file->data;
    return true;
}

/* ---- the whole ---- */

static bool read_file(file_reader *r, heed_npy *file) {
    npy_header header;
    return read_header(r, &header) && describe(r, &header, &file->tensor) && read_elements(r, &header, file);
}

heed_npy *heed_npy_open(const char *path, heed_error *error) {
    file_reader r;
    if (error)
        *error = (heed_error){.status = HEED_OK};
    if (!file_reader_open(&r, path, "npy", error))
        return NULL;
    heed_npy *file = calloc(1, sizeof *file);
    bool good = file ? read_file(&r, file) : file_reader_no_memory(&r);
    file_reader_close(&r);
    if (!good) {
        heed_npy_close(file);
        return NULL;
    }
    return file;
}

void heed_npy_close(heed_npy *file) {
    if (file == NULL)
        return;
    free(file->data);
    free(file);
}

heed_file_tensor heed_npy_tensor(const heed_npy *file) { return file->tensor; }
