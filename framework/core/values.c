/* Values brought into a tape from outside, and read out again. */
#include <math.h>
#include <string.h>

#include "tape_internal.h"

/* ---- bringing data in ---- */

/* Data may be missing where there is none to read. */
static bool given(heed_tape *t, heed_shape shape, const void *data) {
    if (data == NULL && heed_shape_count(shape) > 0)
        heed_fail_tape(t, HEED_INVALID, "input: the data of shape %s is NULL", HEED_SHAPE_STR(shape));
    return t->error.status == HEED_OK;
}

heed_tensor heed_input(heed_tape *t, heed_dtype dtype, heed_shape shape, const void *data) {
    uint32_t index = given(t, shape, data) ? tape_new_leaf(t, "input", dtype, shape) : 0;
    if (index) {
        size_t bytes = (size_t)heed_shape_count(shape) * heed_dtype_size(dtype);
        if (bytes)
            memcpy(t->values[index].array.data, data, bytes);
    }
    return tape_handle(t, index);
}

heed_tensor heed_input_borrowed(heed_tape *t, heed_dtype dtype, heed_shape shape, const void *data) {
    size_t bytes;
    if (!given(t, shape, data))
        return HEED_NIL;
    if (heed_dtype_size(dtype) == 0 || !array_bytes(&shape, dtype, &bytes))
        return tape_handle(t, tape_new_leaf(t, "input", dtype, shape)); /* says what is wrong */
    uint32_t index = tape_new_packed(t, dtype, shape);
    if (index)
        t->values[index].array.data = (void *)(uintptr_t)data; /* values are never written: the const is kept */
    else
        tape_no_memory(t, "input", sizeof *t->values);
    return tape_handle(t, index);
}

heed_tensor heed_variable(heed_tape *t, heed_dtype dtype, heed_shape shape, const void *data) {
    if (t->error.status == HEED_OK && !heed_dtype_real(dtype))
        return heed_fail_tape(t, HEED_INVALID, "variable: dtype %s has no gradient: use f32 or f64",
                              heed_dtype_name(dtype));
    heed_tensor x = heed_input(t, dtype, shape, data);
    if (!heed_is_nil(x))
        t->values[x.index].flags |= VALUE_KEEP_GRAD | (t->recording ? VALUE_NEEDS_GRAD : 0u);
    return x;
}

heed_tensor heed_full(heed_tape *t, heed_dtype dtype, heed_shape shape, double number) {
    if (dtype == HEED_I32 && !(number >= INT32_MIN && number <= INT32_MAX && number == floor(number)))
        return heed_fail_tape(t, HEED_INVALID, "full: dtype is i32, and %g is no i32", number);
    uint32_t index = tape_new_leaf(t, "full", dtype, shape);
    if (index)
        heed_array_fill(&t->values[index].array, number, tape_thread_count(t));
    return tape_handle(t, index);
}

heed_tensor heed_zeros(heed_tape *t, heed_dtype dtype, heed_shape shape) { return heed_full(t, dtype, shape, 0); }
heed_tensor heed_ones(heed_tape *t, heed_dtype dtype, heed_shape shape) { return heed_full(t, dtype, shape, 1); }

static heed_tensor only_for(heed_tape *t, const char *name, const char *dtypes, heed_dtype dtype) {
    return heed_fail_tape(t, HEED_INVALID, "%s: dtype is %s; it must be %s", name, heed_dtype_name(dtype), dtypes);
}

heed_tensor heed_arange(heed_tape *t, heed_dtype dtype, int64_t count) {
    if (!heed_dtype_real(dtype) && dtype != HEED_I32)
        return only_for(t, "arange", "f32, f64 or i32", dtype);
    if (dtype == HEED_I32 && count - 1 > INT32_MAX)
        return heed_fail_tape(t, HEED_INVALID, "arange: %lld is no i32", (long long)count - 1);
    uint32_t index = tape_new_leaf(t, "arange", dtype, HEED_SHAPE(count));
    if (index == 0)
        return HEED_NIL;
    void *data = t->values[index].array.data;
    for (int64_t i = 0; i < count; i++) {
        if (dtype == HEED_F32)
            ((float *)data)[i] = (float)i;
        else if (dtype == HEED_F64)
            ((double *)data)[i] = (double)i;
        else
            ((int32_t *)data)[i] = (int32_t)i;
    }
    return tape_handle(t, index);
}

static heed_tensor drawn(heed_tape *t, const char *name, heed_dtype dtype, heed_shape shape,
                         double (*draw_one)(uint64_t, uint64_t)) {
    if (!heed_dtype_real(dtype))
        return only_for(t, name, "f32 or f64", dtype);
    uint32_t index = tape_new_leaf(t, name, dtype, shape);
    if (index == 0)
        return HEED_NIL;
    uint64_t key = tape_next_key(t);
    void *data = t->values[index].array.data;
    int64_t count = heed_shape_count(shape);
    for (int64_t i = 0; i < count; i++) {
        double x = draw_one(key, (uint64_t)i);
        if (dtype == HEED_F32) {
            float narrow = (float)x; /* a uniform just below 1 may round up to it */
            ((float *)data)[i] = narrow >= 1 && x < 1 ? 0x1.fffffep-1f : narrow;
        } else {
            ((double *)data)[i] = x;
        }
    }
    return tape_handle(t, index);
}

heed_tensor heed_randn(heed_tape *t, heed_dtype dtype, heed_shape shape) {
    return drawn(t, "randn", dtype, shape, heed_rng_normal);
}
heed_tensor heed_rand(heed_tape *t, heed_dtype dtype, heed_shape shape) {
    return drawn(t, "rand", dtype, shape, heed_rng_uniform);
}

/* ---- reading values ---- */

/* Reading a shape never raises an error: nil flows through code that only asks for sizes. */
static const heed_array *peek(const heed_tape *t, heed_tensor x) {
    return x.epoch == t->epoch && x.index > 0 && x.index < t->n_values ? &t->values[x.index].array : NULL;
}

heed_shape heed_shape_of(const heed_tape *t, heed_tensor x) {
    const heed_array *a = peek(t, x);
    return a ? a->shape : HEED_SCALAR;
}

int heed_rank(const heed_tape *t, heed_tensor x) {
    const heed_array *a = peek(t, x);
    return a ? a->shape.rank : -1;
}

int64_t heed_size(const heed_tape *t, heed_tensor x, int axis) {
    const heed_array *a = peek(t, x);
    int at = a ? heed_shape_axis(a->shape, axis) : -1;
    return at < 0 ? -1 : a->shape.n[at];
}

int64_t heed_count(const heed_tape *t, heed_tensor x) {
    const heed_array *a = peek(t, x);
    return a ? heed_array_count(a) : -1;
}

heed_dtype heed_dtype_of(const heed_tape *t, heed_tensor x) {
    const heed_array *a = peek(t, x);
    return a ? a->dtype : HEED_DTYPES;
}

double heed_weight(const heed_tape *t, heed_tensor loss) {
    return peek(t, loss) ? t->values[loss.index].weight : -1;
}

heed_tensor heed_set_weight(heed_tape *t, heed_tensor loss, double weight) {
    if (!isfinite(weight))
        return heed_fail_tape(t, HEED_INVALID, "set_weight: the weight is %g; it must be finite, and negative for none",
                              weight);
    if (tape_resolve(t, "set_weight", loss, "the loss"))
        t->values[loss.index].weight = weight;
    return loss;
}

const void *heed_data(heed_tape *t, heed_tensor x) {
    uint32_t index = tape_resolve(t, "data", x, "the tensor");
    if (index == 0)
        return NULL;
    const heed_array *array = &t->values[index].array;
    if (heed_array_contiguous(array))
        return array->data;
    if (t->values[index].packed == 0) {
        uint32_t packed = tape_new_leaf(t, "data", array->dtype, array->shape);
        if (packed == 0)
            return NULL;
        heed_array_copy(&t->values[packed].array, &t->values[index].array, tape_thread_count(t));
        t->values[index].packed = packed;
    }
    return t->values[t->values[index].packed].array.data;
}

static const void *data_of(heed_tape *t, heed_tensor x, heed_dtype dtype) {
    const heed_array *a = peek(t, x);
    if (a && a->dtype != dtype && t->error.status == HEED_OK) {
        heed_fail_tape(t, HEED_INVALID, "data: the tensor is %s, not %s; see heed_cast", heed_dtype_name(a->dtype),
                       heed_dtype_name(dtype));
        return NULL;
    }
    return heed_data(t, x);
}

const float *heed_f32(heed_tape *t, heed_tensor x) { return data_of(t, x, HEED_F32); }
const double *heed_f64(heed_tape *t, heed_tensor x) { return data_of(t, x, HEED_F64); }
const int32_t *heed_i32(heed_tape *t, heed_tensor x) { return data_of(t, x, HEED_I32); }
const bool *heed_bool(heed_tape *t, heed_tensor x) { return data_of(t, x, HEED_BOOL); }

double heed_item(heed_tape *t, heed_tensor x) {
    uint32_t index = tape_resolve(t, "item", x, "the tensor");
    if (index == 0)
        return NAN;
    const heed_array *a = &t->values[index].array;
    if (heed_array_count(a) != 1) {
        heed_fail_tape(t, HEED_INVALID, "item: shape is %s; it must have one element", HEED_SHAPE_STR(a->shape));
        return NAN;
    }
    switch (a->dtype) {
    case HEED_F32: return (double)*(const float *)a->data;
    case HEED_F64: return *(const double *)a->data;
    case HEED_I32: return *(const int32_t *)a->data;
    case HEED_BOOL: return *(const bool *)a->data;
    default: heed_fail_tape(t, HEED_INVALID, "item: dtype is %s; cast it first", heed_dtype_name(a->dtype)); return NAN;
    }
}
