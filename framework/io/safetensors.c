/* Reading safetensors: 8 bytes of header length, a JSON header, the data. Everything is checked before anything is used. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "file_dtypes_internal.h"

enum { LENGTH_BYTES = 8, LONGEST_HEADER = 100000000 };

struct heed_safetensors {
    json_t *header;
    char *data;
    size_t data_bytes;
    heed_file_tensor *tensors;
    int n;
};

/* What is needed to say what is wrong. */
typedef struct reading {
    const char *path;
    heed_error *error;
} reading;

static bool refuse(const reading *r, const char *what, const char *name) {
    heed_error_set(r->error, HEED_IO, "%s: not a good safetensors file: %s%s%s%s", r->path, name ? "tensor \"" : "", name ? name : "",
                   name ? "\": " : "", what);
    return false;
}

static bool system_error(const reading *r, const char *doing) {
    char reason[128] = "unknown error";
    if (strerror_r(errno, reason, sizeof reason) != 0)
        snprintf(reason, sizeof reason, "error %d", errno);
    heed_error_set(r->error, HEED_IO, "%s: cannot %s: %s", r->path, doing, reason);
    return false;
}

static bool no_memory(const reading *r) {
    heed_error_set(r->error, HEED_NO_MEMORY, "%s: out of memory", r->path);
    return false;
}

/* ---- bytes ---- */

/* A FIFO opened without O_NONBLOCK would wait for a writer. */
static int open_regular(const reading *r, size_t *size) {
    int fd = open(r->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat info;
    if (fd < 0) {
        system_error(r, "open");
        return -1;
    }
    if (fstat(fd, &info) != 0)
        system_error(r, "look at it");
    else if (!S_ISREG(info.st_mode))
        heed_error_set(r->error, HEED_IO, "%s: is %s, not a file", r->path, S_ISDIR(info.st_mode) ? "a directory" : "a pipe or device");
    else if (info.st_size < LENGTH_BYTES)
        refuse(r, info.st_size == 0 ? "it is empty" : "it is shorter than the 8 bytes of its header's length", NULL);
    else {
        *size = (size_t)info.st_size;
        return fd;
    }
    close(fd);
    return -1;
}

static bool read_all(const reading *r, int fd, void *to, size_t bytes) {
    char *at = to;
    while (bytes > 0) {
        ssize_t got = read(fd, at, bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return system_error(r, "read");
        if (got == 0)
            return refuse(r, "it became shorter while it was read", NULL);
        at += got;
        bytes -= (size_t)got;
    }
    return true;
}

static char *read_header(const reading *r, int fd, size_t file_bytes, size_t *length) {
    unsigned char prefix[LENGTH_BYTES];
    if (!read_all(r, fd, prefix, sizeof prefix))
        return NULL;
    uint64_t n = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--)
        n = n << 8 | prefix[i];
    char text[160];
    if (n > LONGEST_HEADER || n > file_bytes - LENGTH_BYTES) {
        snprintf(text, sizeof text, "its header would be %llu bytes; %s", (unsigned long long)n,
                 n > LONGEST_HEADER ? "at most 100 MB are allowed" : "the file is shorter");
        refuse(r, text, NULL);
        return NULL;
    }
    char *header = malloc((size_t)n + 1);
    if (header == NULL)
        no_memory(r);
    else if (!read_all(r, fd, header, (size_t)n)) {
        free(header);
        header = NULL;
    }
    *length = (size_t)n;
    return header;
}

/* ---- the header ---- */

static bool parse_header(const reading *r, const char *text, size_t length, heed_safetensors *file) {
    json_error_t why;
    file->header = json_loadb(text, length, JSON_REJECT_DUPLICATES, &why);
    if (file->header == NULL && *why.text == '\0') /* the parser's way of saying so */
        return no_memory(r);
    if (file->header == NULL) {
        char message[JSON_ERROR_TEXT_LENGTH + 32];
        snprintf(message, sizeof message, "its header: %s", why.text);
        return refuse(r, message, NULL);
    }
    if (length == 0 || text[0] != '{' || !json_is_object(file->header))
        return refuse(r, "its header must be a JSON object", NULL);
    return true;
}

static bool check_metadata(const reading *r, const json_t *metadata) {
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

static bool read_shape(const reading *r, const char *name, const json_t *shape, heed_shape *out) {
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

static bool read_offsets(const reading *r, const char *name, const json_t *offsets, size_t data_bytes, size_t *begin, size_t *end) {
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

static bool read_tensor(const reading *r, const char *name, const json_t *item, const heed_safetensors *file, heed_file_tensor *out) {
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
static bool check_places(const reading *r, const heed_safetensors *file) {
    const char *next = file->data;
    for (int i = 0; i < file->n; i++) {
        const heed_file_tensor *x = &file->tensors[i];
        if (x->data != next)
            return refuse(r, (const char *)x->data < next ? "its data overlaps another's" : "there is a hole before its data", x->name);
        next += x->bytes;
    }
    return next == file->data + file->data_bytes || refuse(r, "there are bytes after the last tensor", NULL);
}

static bool read_tensors(const reading *r, heed_safetensors *file) {
    const char *name;
    json_t *item;
    if (!check_metadata(r, json_object_get(file->header, "__metadata__")))
        return false;
    file->tensors = calloc(json_object_size(file->header) + 1, sizeof *file->tensors);
    if (file->tensors == NULL)
        return no_memory(r);
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

static bool read_file(const reading *r, int fd, size_t file_bytes, heed_safetensors *file) {
    size_t length;
    char *header = read_header(r, fd, file_bytes, &length);
    if (header == NULL)
        return false;
    bool good = parse_header(r, header, length, file);
    free(header);
    if (!good)
        return false;
    file->data_bytes = file_bytes - LENGTH_BYTES - length;
    file->data = aligned_alloc(64, (file->data_bytes + 64) / 64 * 64);
    if (file->data == NULL)
        return no_memory(r);
    return read_all(r, fd, file->data, file->data_bytes) && read_tensors(r, file);
}

heed_safetensors *heed_safetensors_open(const char *path, heed_error *error) {
    reading r = {.path = path, .error = error};
    if (error)
        *error = (heed_error){.status = HEED_OK};
    size_t size = 0;
    int fd = open_regular(&r, &size);
    if (fd < 0)
        return NULL;
    heed_safetensors *file = calloc(1, sizeof *file);
    bool good = file ? read_file(&r, fd, size, file) : no_memory(&r);
    close(fd);
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
