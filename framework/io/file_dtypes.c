#include "file_dtypes_internal.h"

#include <math.h>
#include <string.h>

#include <heed/array.h>

/* Elements may stand at any address in a file: each is copied out. */
static double from_f32(const void *p) {
    float x;
    memcpy(&x, p, sizeof x);
    return (double)x;
}

static double from_f64(const void *p) {
    double x;
    memcpy(&x, p, sizeof x);
    return x;
}

static double from_bf16(const void *p) {
    uint16_t bits;
    memcpy(&bits, p, sizeof bits);
    return (double)heed_bf16_to_float(bits);
}

/* IEEE half: 1 sign bit, 5 exponent bits, 10 fraction bits. */
static double from_f16(const void *p) {
    uint16_t bits;
    memcpy(&bits, p, sizeof bits);
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double size = exponent == 31 ? (fraction ? NAN : INFINITY) : exponent == 0 ? ldexp(fraction, -24) : ldexp(fraction + 1024, exponent - 25);
    return bits >> 15 ? -size : size;
}

static double from_bool(const void *p) { return *(const unsigned char *)p != 0; }
static double from_u8(const void *p) { return *(const unsigned char *)p; }
static double from_i8(const void *p) { return *(const signed char *)p; }

static double from_i16(const void *p) {
    int16_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

static double from_u16(const void *p) {
    uint16_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

static double from_i32(const void *p) {
    int32_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

static double from_u32(const void *p) {
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

static double from_i64(const void *p) {
    int64_t x;
    memcpy(&x, p, sizeof x);
    return (double)x;
}

static double from_u64(const void *p) {
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return (double)x;
}

typedef struct file_dtype {
    const char *name;
    size_t size;
    bool is_float;
    double (*read)(const void *); /* NULL: only its bytes are known here */
} file_dtype;

static const file_dtype dtypes[] = {
    {"F32", 4, true, from_f32},   {"F64", 8, true, from_f64},    {"F16", 2, true, from_f16},    {"BF16", 2, true, from_bf16},
    {"BOOL", 1, false, from_bool}, {"U8", 1, false, from_u8},     {"I8", 1, false, from_i8},     {"U16", 2, false, from_u16},
    {"I16", 2, false, from_i16},  {"U32", 4, false, from_u32},   {"I32", 4, false, from_i32},   {"U64", 8, false, from_u64},
    {"I64", 8, false, from_i64},  {"F8_E5M2", 1, false, NULL},   {"F8_E4M3", 1, false, NULL},
};

static const file_dtype *find(const char *name) {
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (strcmp(dtypes[i].name, name) == 0)
            return &dtypes[i];
    return NULL;
}

size_t file_dtype_size(const char *name) {
    const file_dtype *d = find(name);
    return d ? d->size : 0;
}

const char *file_dtype_name(heed_dtype dtype) {
    static const char *const names[HEED_DTYPES] = {
        [HEED_F32] = "F32", [HEED_F64] = "F64", [HEED_I32] = "I32", [HEED_BOOL] = "BOOL", [HEED_BF16] = "BF16"};
    return (unsigned)dtype < HEED_DTYPES ? names[dtype] : NULL;
}

bool file_dtype_is_number(const char *name) {
    const file_dtype *d = find(name);
    return d && d->read;
}

bool file_dtype_is_float(const char *name) {
    const file_dtype *d = find(name);
    return d && d->is_float;
}

bool heed_file_tensor_doubles(const heed_file_tensor *tensor, double *values, int64_t count) {
    const file_dtype *d = find(tensor->dtype);
    if (d == NULL || d->read == NULL || count != tensor->count)
        return false;
    for (int64_t i = 0; i < count; i++)
        values[i] = d->read((const char *)tensor->data + (size_t)i * d->size);
    return true;
}
