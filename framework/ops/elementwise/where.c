/* y = condition ? a : b, so dL/da = dy where the condition holds and 0 elsewhere, dL/db the reverse. The branch not
 * chosen gets 0 by choice, not by a product: whatever NaN or inf comes from behind stays out of it. */
#ifndef REAL
#include <heed/op.h>
#include <heed/ops.h>

#include "samples.h"
#include "span.h"

#define OP_FILE "where.c"
#include "every_dtype.h"

static heed_status shape_rule(heed_call *call) {
    heed_dtype condition = call->in[0]->dtype, a = call->in[1]->dtype, b = call->in[2]->dtype;
    if (condition != HEED_BOOL)
        return heed_fail(call, "condition must be bool, is %s", heed_dtype_name(condition));
    if (a != b)
        return heed_fail(call, "dtypes differ: input 1 is %s, input 2 is %s; see heed_cast", heed_dtype_name(a),
                         heed_dtype_name(b));
    return heed_shape_elementwise(call);
}

/* The condition takes part in every kind of broadcast: with a against b, and against both. */
static bool samples(int index, heed_sample *sample) {
    static const heed_draw wide = {.low = -2, .high = 2};
    heed_sample pair = {0};
    if (!heed_sample_binary(index, &wide, &wide, &pair))
        return false;
    heed_sample_input first = pair.in[0], second = pair.in[1];
    *sample = (heed_sample){.n_in = 3, .in = {first, first, second}};
    if (index % 2)
        sample->in[0] = second;
    if (index % 3 == 2)
        sample->in[2] = first;
    sample->in[0] = heed_sample_integer(sample->in[0].shape, HEED_BOOL);
    return true;
}

const heed_op heed_op_where = {
    .size = sizeof(heed_op),
    .name = "where",
    .min_in = 3,
    .max_in = 3,
    .n_out = 1,
    .flags = HEED_BROADCASTS,
    .shape = shape_rule,
    .dispatch = 1,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64, [HEED_I32] = forward_4, [HEED_BF16] = forward_2,
                [HEED_BOOL] = forward_1},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_in = HEED_SAVE(0),
    .samples = samples,
};

heed_tensor heed_where(heed_tape *t, heed_tensor condition, heed_tensor a, heed_tensor b) {
    return heed_apply(t, &heed_op_where, (heed_tensor[]){condition, a, b}, 3, NULL);
}

#else

HEED_SPECIALISED void TYPED(value_loop)(const heed_span *s, const int64_t step_c, const int64_t step_a,
                                        const int64_t step_b) {
    REAL *restrict y = (REAL *)s->call->out[0]->data + s->at;
    const uint8_t *restrict condition = s->in[0]; /* bytes: compilers make masks of comparisons, not of bools */
    const REAL *restrict a = s->in[1], *restrict b = s->in[2];
    const int64_t n = s->n;
    for (int64_t i = 0; i < n; i++) {
        REAL yes = a[i * step_a], no = b[i * step_b];
        y[i] = condition[i * step_c] != 0 ? yes : no;
    }
}

static void TYPED(values)(const heed_span *s) {
    const int64_t c = s->step[0], a = s->step[1], b = s->step[2];
    if (c == 1 && a == 1 && b == 1)
        TYPED(value_loop)(s, 1, 1, 1);
    else if (c == 1 && a == 1 && b == 0)
        TYPED(value_loop)(s, 1, 1, 0);
    else if (c == 1 && a == 0 && b == 1)
        TYPED(value_loop)(s, 1, 0, 1);
    else
        TYPED(value_loop)(s, c, a, b);
}

static void TYPED(forward)(heed_call *call) {
    heed_each_span(call, HEED_SPAN_GRAIN, TYPED(values));
}

#ifndef BITS_ONLY
/* dx = dy where the condition is `chosen`. */
HEED_SPECIALISED void TYPED(gradient_loop)(const heed_span *s, const heed_array *gradient, const uint8_t chosen,
                                           const int64_t step) {
    REAL *restrict dx = (REAL *)gradient->data + s->at;
    const REAL *restrict dy = (const REAL *)s->call->dy[0]->data + s->at;
    const uint8_t *restrict condition = s->in[0];
    const int64_t n = s->n;
    for (int64_t i = 0; i < n; i++) {
        REAL passed = dy[i];
        dx[i] = condition[i * step] == chosen ? passed : 0;
    }
}

HEED_SPECIALISED void TYPED(branch)(const heed_span *s, const heed_array *gradient, const uint8_t chosen) {
    if (gradient && s->step[0] == 1)
        TYPED(gradient_loop)(s, gradient, chosen, 1);
    else if (gradient)
        TYPED(gradient_loop)(s, gradient, chosen, s->step[0]);
}

static void TYPED(gradients)(const heed_span *s) {
    TYPED(branch)(s, s->call->dx[1], true);
    TYPED(branch)(s, s->call->dx[2], false);
}

static void TYPED(backward)(heed_call *call) {
    heed_each_span(call, HEED_SPAN_GRAIN, TYPED(gradients));
}
#endif
#endif
