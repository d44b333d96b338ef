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
    double size = exponent == 31  ? (fraction ? NAN : INFINITY)
                  : exponent == 0 ? ldexp(fraction, -24)
                                  : ldexp(fraction + 1024, exponent - 25);
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

/* ---- the reverse ---- */

static void to_f64(double x, void *p) { memcpy(p, &x, sizeof x); }

static void to_f32(double x, void *p) {
    float y = (float)x;
    memcpy(p, &y, sizeof y);
}

/* A double in a sign, exponent_bits and fraction_bits, in one rounding: by way of a float there would be two. */
static uint16_t narrow(double x, int exponent_bits, int fraction_bits) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint32_t sign = (uint32_t)(bits >> 63) << (exponent_bits + fraction_bits),
                   infinite = ((1u << exponent_bits) - 1) << fraction_bits;
    const int bias = (1 << (exponent_bits - 1)) - 1, exponent = (int)(bits >> 52 & 2047) - 1023;
    const uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    if (exponent == 1024 && fraction) /* a NaN, quiet, with what fits of its payload */
        return (uint16_t)(sign | infinite | 1u << (fraction_bits - 1) | (uint32_t)(fraction >> (52 - fraction_bits)));
    if (exponent > bias)
        return (uint16_t)(sign | infinite);
    const int below = exponent < 1 - bias ? 1 - bias - exponent : 0; /* places under the smallest normal number */
    const int drop = 52 - fraction_bits + below;
    if (drop > 53) /* under half of the smallest number; a double's own subnormals are, too */
        return (uint16_t)sign;
    const uint64_t whole = fraction | UINT64_C(1) << 52, rest = whole & ((UINT64_C(1) << drop) - 1),
                   half = UINT64_C(1) << (drop - 1);
    uint64_t kept = whole >> drop;
    kept += rest > half || (rest == half && (kept & 1));
    /* The leading 1 of a normal number adds 1 to the exponent, as a carry does: past the largest that makes inf. */
    return (uint16_t)(sign |
                      (below ? (uint32_t)kept : ((uint32_t)(exponent + bias - 1) << fraction_bits) + (uint32_t)kept));
}

static void to_f16(double x, void *p) {
    uint16_t bits = narrow(x, 5, 10);
    memcpy(p, &bits, sizeof bits);
}

static void to_bf16(double x, void *p) {
    uint16_t bits = narrow(x, 8, 7);
    memcpy(p, &bits, sizeof bits);
}

typedef struct file_dtype {
    const char *name;
    size_t size;
    double (*read)(const void *);    /* NULL: only its bytes are known here */
    void (*write)(double x, void *); /* floats */
} file_dtype;

static const file_dtype dtypes[] = {
    {"F32", 4, from_f32, to_f32},    {"F64", 8, from_f64, to_f64}, {"F16", 2, from_f16, to_f16},
    {"BF16", 2, from_bf16, to_bf16}, {"BOOL", 1, from_bool, NULL}, {"U8", 1, from_u8, NULL},
    {"I8", 1, from_i8, NULL},        {"U16", 2, from_u16, NULL},   {"I16", 2, from_i16, NULL},
    {"U32", 4, from_u32, NULL},      {"I32", 4, from_i32, NULL},   {"U64", 8, from_u64, NULL},
    {"I64", 8, from_i64, NULL},      {"F8_E5M2", 1, NULL, NULL},   {"F8_E4M3", 1, NULL, NULL},
};

static const file_dtype *find(const char *name) {
    for (size_t i = 0; name && i < sizeof dtypes / sizeof *dtypes; i++)
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
    return d && d->write;
}

bool file_dtype_convert(const char *to_dtype, void *to, const char *from_dtype, const void *from, int64_t count) {
    const file_dtype *t = find(to_dtype), *f = find(from_dtype);
    if (t && t == f) {
        if (count)
            memcpy(to, from, (size_t)count * t->size);
        return true;
    }
    if (t == NULL || f == NULL || t->write == NULL || f->write == NULL)
        return false;
    for (int64_t i = 0; i < count; i++)
        t->write(f->read((const char *)from + (size_t)i * f->size), (char *)to + (size_t)i * t->size);
    return true;
}

bool heed_file_tensor_doubles(const heed_file_tensor *tensor, double *values, int64_t count) {
    const file_dtype *d = find(tensor->dtype);
    if (d == NULL || d->read == NULL || count != tensor->count)
        return false;
    for (int64_t i = 0; i < count; i++)
        values[i] = d->read((const char *)tensor->data + (size_t)i * d->size);
    return true;
}
