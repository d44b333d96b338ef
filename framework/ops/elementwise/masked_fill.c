/* y = mask ? value : x, so dL/dx = 0 where the mask is set and dy elsewhere, by choice: a NaN from behind stays out. */
#ifndef REAL
#include <string.h>

#include <heed/op.h>
#include <heed/ops.h>

#include "samples.h"
#include "span.h"

typedef struct masked_fill_attr {
    double value;
} masked_fill_attr;

/* The value as bits of a dtype that is not computed on. */
static uint32_t value_bits(const heed_call *call) {
    double value = ((const masked_fill_attr *)call->attr)->value;
    switch (call->out[0]->dtype) {
    case HEED_I32: return (uint32_t)(int32_t)value;
    case HEED_BF16: return heed_bf16_from_float((float)value);
    default: return value != 0;
    }
}

#define OP_FILE "masked_fill.c"
#include "every_dtype.h"

static heed_status shape_rule(heed_call *call) {
    const heed_array *x = call->in[0], *mask = call->in[1];
    double value = ((const masked_fill_attr *)call->attr)->value;
    if (mask->dtype != HEED_BOOL)
        return heed_fail(call, "mask must be bool, is %s", heed_dtype_name(mask->dtype));
    if (x->dtype == HEED_I32 && !(value >= INT32_MIN && value <= INT32_MAX && value == (int32_t)value))
        return heed_fail(call, "x is i32, and %g is no i32", value);
    heed_shape shape;
    if (!heed_shape_broadcast(x->shape, mask->shape, &shape) || !heed_shape_equal(shape, x->shape))
        return heed_fail(call, "mask %s does not broadcast to x %s", HEED_SHAPE_STR(mask->shape),
                         HEED_SHAPE_STR(x->shape));
    return heed_shape_same(call);
}

/* Pairs that broadcast the other way are turned round, those that broadcast both ways get the common shape. */
static bool samples(int index, heed_sample *sample) {
    static const heed_draw wide = {.low = -2, .high = 2};
    if (!heed_sample_binary(index, &wide, &wide, sample))
        return false;
    heed_shape x = sample->in[0].shape, mask = sample->in[1].shape, shape = x;
    heed_shape_broadcast(x, mask, &shape);
    sample->in[0].shape = shape;
    sample->in[1] = heed_sample_integer(heed_shape_equal(shape, mask) ? x : mask, HEED_BOOL);
    memcpy(sample->attr.bytes, &(masked_fill_attr){index % 2 ? 0.5 : -3}, sizeof(masked_fill_attr));
    return true;
}

const heed_op heed_op_masked_fill = {
    .size = sizeof(heed_op),
    .name = "masked_fill",
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .flags = HEED_BROADCASTS,
    .attr_size = sizeof(masked_fill_attr),
    .shape = shape_rule,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64, [HEED_I32] = forward_4, [HEED_BF16] = forward_2,
                [HEED_BOOL] = forward_1},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_in = HEED_SAVE(1),
    .samples = samples,
};

heed_tensor heed_masked_fill(heed_tape *t, heed_tensor x, heed_tensor mask, double value) {
    return heed_apply(t, &heed_op_masked_fill, (heed_tensor[]){x, mask}, 2, &(masked_fill_attr){value});
}

#else

static REAL TYPED(fill_of)(const heed_call *call) {
#ifdef BITS_ONLY
    return (REAL)value_bits(call);
#else
    return (REAL)((const masked_fill_attr *)call->attr)->value;
#endif
}

/* to = the mask ? fill : from, where from is x in forward and dy in backward. */
HEED_SPECIALISED void TYPED(fill_loop)(const heed_span *s, REAL *restrict to, const REAL *restrict from,
                                       const int64_t step_from, const int64_t step_mask, const REAL fill) {
    const uint8_t *restrict mask = s->in[1]; /* bytes: compilers make masks of comparisons, not of bools */
    const int64_t n = s->n;
    for (int64_t i = 0; i < n; i++) {
        REAL kept = from[i * step_from];
        to[i] = mask[i * step_mask] != 0 ? fill : kept;
    }
}

static void TYPED(values)(const heed_span *s) {
    REAL *y = (REAL *)s->call->out[0]->data + s->at;
    const REAL fill = TYPED(fill_of)(s->call);
    if (s->step[0] == 1 && s->step[1] == 1)
        TYPED(fill_loop)(s, y, s->in[0], 1, 1, fill);
    else
        TYPED(fill_loop)(s, y, s->in[0], s->step[0], s->step[1], fill);
}

static void TYPED(forward)(heed_call *call) {
    heed_each_span(call, HEED_SPAN_GRAIN, TYPED(values));
}

#ifndef BITS_ONLY
static void TYPED(gradients)(const heed_span *s) {
    REAL *dx = (REAL *)s->call->dx[0]->data + s->at;
    const REAL *dy = (const REAL *)s->call->dy[0]->data + s->at;
    if (s->step[1] == 1)
        TYPED(fill_loop)(s, dx, dy, 1, 1, 0);
    else
        TYPED(fill_loop)(s, dx, dy, 1, s->step[1], 0);
}

static void TYPED(backward)(heed_call *call) {
    if (call->dx[0])
        heed_each_span(call, HEED_SPAN_GRAIN, TYPED(gradients));
}
#endif
#endif
