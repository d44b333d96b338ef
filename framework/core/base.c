#include <stdio.h>

#include <string.h>

#include "tape_internal.h"

static const struct {
    size_t size;
    const char *name;
} dtypes[HEED_DTYPES] = {
    [HEED_F32] = {4, "f32"},   [HEED_F64] = {8, "f64"},   [HEED_I32] = {4, "i32"},
    [HEED_BOOL] = {1, "bool"}, [HEED_BF16] = {2, "bf16"},
};

size_t heed_dtype_size(heed_dtype dtype) {
    return (unsigned)dtype < HEED_DTYPES ? dtypes[dtype].size : 0;
}

const char *heed_dtype_name(heed_dtype dtype) {
    return (unsigned)dtype < HEED_DTYPES ? dtypes[dtype].name : "no dtype";
}

static bool rank_fits(const heed_shape *shape) {
    return shape->rank >= 0 && shape->rank <= HEED_MAX_RANK;
}

int64_t shape_count(const heed_shape *shape) {
    if (!rank_fits(shape))
        return -1;
    int64_t count = 1;
    bool zero = false;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->n[i] < 0)
            return -1;
        if (shape->n[i] == 0)
            zero = true;
        else if (__builtin_mul_overflow(count, shape->n[i], &count))
            return -1;
    }
    return zero ? 0 : count;
}

int64_t heed_shape_count(heed_shape shape) { return shape_count(&shape); }
int64_t heed_array_count(const heed_array *a) { return shape_count(&a->shape); }

bool heed_shape_equal(heed_shape a, heed_shape b) {
    if (a.rank != b.rank || !rank_fits(&a))
        return false;
    for (int i = 0; i < a.rank; i++)
        if (a.n[i] != b.n[i])
            return false;
    return true;
}

int heed_shape_axis(heed_shape shape, int axis) {
    if (!rank_fits(&shape) || axis < -shape.rank || axis >= shape.rank)
        return -1;
    return axis < 0 ? axis + shape.rank : axis;
}

bool heed_shape_broadcast(heed_shape a, heed_shape b, heed_shape *out) {
    if (!rank_fits(&a) || !rank_fits(&b))
        return false;
    heed_shape result = {.rank = a.rank > b.rank ? a.rank : b.rank};
    for (int i = 1; i <= result.rank; i++) {
        int64_t na = i <= a.rank ? a.n[a.rank - i] : 1;
        int64_t nb = i <= b.rank ? b.n[b.rank - i] : 1;
        if (na != nb && na != 1 && nb != 1)
            return false;
        result.n[result.rank - i] = na == 1 ? nb : na;
    }
    *out = result;
    return true;
}

const char *heed_shape_text(heed_shape shape, char *buffer) {
    size_t at = 0;
    at += (size_t)snprintf(buffer, HEED_SHAPE_TEXT, "(");
    for (int i = 0; i < shape.rank && i < HEED_MAX_RANK && at < HEED_SHAPE_TEXT; i++)
        at += (size_t)snprintf(buffer + at, HEED_SHAPE_TEXT - at, "%s%lld", i ? ", " : "", (long long)shape.n[i]);
    if (at < HEED_SHAPE_TEXT)
        snprintf(buffer + at, HEED_SHAPE_TEXT - at, shape.rank == 1 ? ",)" : ")");
    return buffer;
}

uint16_t heed_bf16_from_float(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(bits >> 16 | 0x40u); /* quiet, so that cutting the low bits cannot make it an inf */
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

float heed_bf16_to_float(uint16_t half) {
    uint32_t bits = (uint32_t)half << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
