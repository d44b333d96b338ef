/* y = x in another dtype. dL/dx = dy in x's dtype, where both are real; i32 and bool are flat, and bf16 only stores.
 * Every dtype fits into a double without loss, so a cast is a load to double and a store from it: ten loops instead of
 * twenty-five. */
#include <string.h>

#include <heed/op.h>
#include <heed/ops.h>

#include "samples.h"
#include "span.h"

typedef struct cast_attr {
    heed_dtype dtype;
} cast_attr;

/* from[0], from[step], ... */
typedef void load_loop(const void *from, int64_t step, int64_t n, double *restrict to);
typedef void store_loop(const double *restrict from, int64_t n, void *to);

static void load_f32(const void *from, int64_t step, int64_t n, double *restrict to) {
    const float *x = from;
    for (int64_t i = 0; i < n; i++)
        to[i] = (double)x[i * step];
}

static void load_f64(const void *from, int64_t step, int64_t n, double *restrict to) {
    const double *x = from;
    for (int64_t i = 0; i < n; i++)
        to[i] = x[i * step];
}

static void load_i32(const void *from, int64_t step, int64_t n, double *restrict to) {
    const int32_t *x = from;
    for (int64_t i = 0; i < n; i++)
        to[i] = (double)x[i * step];
}

static void load_bool(const void *from, int64_t step, int64_t n, double *restrict to) {
    const bool *x = from;
    for (int64_t i = 0; i < n; i++)
        to[i] = x[i * step];
}

static void load_bf16(const void *from, int64_t step, int64_t n, double *restrict to) {
    const uint16_t *x = from;
    for (int64_t i = 0; i < n; i++)
        to[i] = (double)heed_bf16_to_float(x[i * step]);
}

static void store_f32(const double *restrict from, int64_t n, void *to) {
    float *y = to;
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)from[i];
}

static void store_f64(const double *restrict from, int64_t n, void *to) {
    memcpy(to, from, (size_t)n * sizeof *from);
}

/* Truncated towards zero; what no i32 is near, NaN included, becomes 0. */
static void store_i32(const double *restrict from, int64_t n, void *to) {
    int32_t *y = to;
    for (int64_t i = 0; i < n; i++)
        y[i] = from[i] > INT32_MIN - 1.0 && from[i] < INT32_MAX + 1.0 ? (int32_t)from[i] : 0;
}

static void store_bool(const double *restrict from, int64_t n, void *to) {
    bool *y = to;
    for (int64_t i = 0; i < n; i++)
        y[i] = from[i] != 0;
}

static void store_bf16(const double *restrict from, int64_t n, void *to) {
    uint16_t *y = to;
    for (int64_t i = 0; i < n; i++)
        y[i] = heed_bf16_from_float((float)from[i]);
}

static load_loop *const load[HEED_DTYPES] = {
    [HEED_F32] = load_f32,   [HEED_F64] = load_f64,   [HEED_I32] = load_i32,
    [HEED_BOOL] = load_bool, [HEED_BF16] = load_bf16,
};
static store_loop *const store[HEED_DTYPES] = {
    [HEED_F32] = store_f32,   [HEED_F64] = store_f64,   [HEED_I32] = store_i32,
    [HEED_BOOL] = store_bool, [HEED_BF16] = store_bf16,
};

enum { BLOCK = 256 }; /* doubles between load and store: they stay in the first cache */

static void convert(const void *from, heed_dtype from_dtype, int64_t step, const heed_array *to, int64_t to_at,
                    int64_t n) {
    const char *x = from;
    char *y = to->data;
    int64_t x_size = (int64_t)heed_dtype_size(from_dtype), y_size = (int64_t)heed_dtype_size(to->dtype);
    double block[BLOCK];
    for (int64_t i = 0; i < n; i += BLOCK) {
        int64_t length = n - i < BLOCK ? n - i : BLOCK;
        load[from_dtype](x + i * step * x_size, step, length, block);
        store[to->dtype](block, length, y + (to_at + i) * y_size);
    }
}

static void values(const heed_span *s) {
    convert(s->in[0], s->call->in[0]->dtype, s->step[0], s->call->out[0], s->at, s->n);
}

static void forward(heed_call *call) {
    heed_each_span(call, HEED_SPAN_GRAIN, values);
}

static void gradients(const heed_span *s) {
    const heed_array *dy = s->call->dy[0];
    const char *from = (const char *)dy->data + s->at * (int64_t)heed_dtype_size(dy->dtype);
    convert(from, dy->dtype, 1, s->call->dx[0], s->at, s->n);
}

static void backward(heed_call *call) {
    if (call->dx[0])
        heed_each_span(call, HEED_SPAN_GRAIN, gradients);
}

static heed_status shape_rule(heed_call *call) {
    heed_dtype dtype = ((const cast_attr *)call->attr)->dtype;
    if (heed_dtype_size(dtype) == 0)
        return heed_fail(call, "%d is no dtype", (int)dtype);
    call->out[0]->shape = call->in[0]->shape;
    call->out[0]->dtype = dtype;
    return HEED_OK;
}

/* Rounding is no function with a derivative: what the check in f64 may cast to is f64. */
static bool samples(int index, heed_sample *sample) {
    if (!heed_sample_unary(index, &(heed_draw){.low = -2, .high = 2}, sample))
        return false;
    memcpy(sample->attr.bytes, &(cast_attr){HEED_F64}, sizeof(cast_attr));
    return true;
}

const heed_op heed_op_cast = {
    .size = sizeof(heed_op),
    .name = "cast",
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .flags = HEED_STRIDED,
    .attr_size = sizeof(cast_attr),
    .shape = shape_rule,
    .forward_any = forward,
    .backward = {[HEED_F32] = backward, [HEED_F64] = backward},
    .samples = samples,
};

heed_tensor heed_cast(heed_tape *t, heed_tensor x, heed_dtype dtype) {
    return heed_apply(t, &heed_op_cast, &x, 1, &(cast_attr){dtype});
}
