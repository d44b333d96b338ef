/* Softmax over the last axis of the entries that a mask keeps; the others are zero, whatever x has there:
 *
 *     y_i = kept_i e^(x_i - m) / s,     m = max over the kept, s = sum over the kept of e^(x_j - m)
 *
 * and a row without a kept entry above -inf is all zeros. The gradient is softmax's, over the kept entries:
 *
 *     dL/dx_j = kept_j y_j (g_j - sum_i kept_i g_i y_i),     g = dL/dy */
#ifndef REAL

#include "along.h"

#include <heed/ops.h>

#include "../../kernels/rows.h"
#include "../../kernels/vmath.h"

enum { X, MASK };

static heed_status shape(heed_call *call) {
    const heed_array *x = call->in[X], *mask = call->in[MASK];
    heed_shape both;
    if (mask->dtype != HEED_BOOL)
        return heed_fail(call, "the mask is %s, must be bool", heed_dtype_name(mask->dtype));
    if (x->shape.rank == 0)
        return heed_fail(call, "x is a scalar, must have at least one axis");
    if (!heed_shape_broadcast(x->shape, mask->shape, &both) || !heed_shape_equal(both, x->shape))
        return heed_fail(call, "the mask is %s, does not broadcast to %s", HEED_SHAPE_STR(mask->shape),
                         HEED_SHAPE_STR(x->shape));
    call->workspace_bytes = heed_along_workspace(call, x->shape, x->shape.rank - 1, 2);
    call->backward_workspace_bytes = heed_along_workspace(call, x->shape, x->shape.rank - 1, 3);
    return heed_shape_same(call);
}

/* Over arrays of out's shape, the mask expanded to it. */
static void run(const heed_call *call, int n_in, const heed_array *const *in, const heed_array *out,
                heed_row_kernel *kernel) {
    heed_along along = {.axis = out->shape.rank - 1, .n_in = n_in, .out = *out, .kernel = kernel};
    for (int i = 0; i < n_in; i++)
        along.in[i] = heed_array_expanded(in[i], out->shape);
    heed_along_run(call, &along);
}

static bool samples(int index, heed_sample *sample) {
    static const heed_shape table[][2] = {
        {{1, {2}}, {1, {2}}},                     {{1, {15}}, {1, {15}}},
        {{1, {16}}, {1, {16}}},                   {{1, {17}}, {1, {17}}},
        {{1, {33}}, {1, {33}}},                   {{2, {2, 3}}, {2, {2, 3}}},
        {{2, {15, 16}}, {2, {15, 16}}},           {{2, {16, 17}}, {1, {17}}},
        {{2, {17, 15}}, {2, {1, 15}}},            {{2, {33, 2}}, {2, {33, 2}}},
        {{2, {16, 5}}, {2, {16, 1}}},             {{2, {2, 33}}, {1, {33}}},
        {{2, {6, 2}}, {2, {6, 1}}},               {{3, {2, 3, 5}}, {3, {2, 3, 5}}},
        {{3, {2, 3, 5}}, {2, {3, 5}}},            {{3, {2, 3, 5}}, {3, {2, 1, 5}}},
        {{3, {2, 3, 5}}, {1, {5}}},               {{3, {4, 3, 5}}, {3, {4, 3, 1}}},
        {{3, {16, 1, 2}}, {3, {1, 1, 2}}},        {{4, {2, 2, 3, 4}}, {4, {2, 1, 1, 4}}},
        {{4, {2, 2, 3, 4}}, {2, {3, 4}}},         {{4, {2, 2, 3, 4}}, {4, {2, 2, 3, 1}}},
        {{4, {1, 2, 3, 15}}, {4, {1, 1, 3, 15}}}, {{4, {2, 2, 3, 4}}, {4, {2, 1, 3, 4}}},
        {{5, {2, 1, 2, 3, 4}}, {3, {2, 3, 4}}},   {{3, {2, 17, 16}}, {2, {17, 16}}},
        {{2, {3, 65}}, {2, {3, 65}}},             {{2, {31, 16}}, {2, {31, 16}}},
        {{2, {9, 9}}, {2, {9, 9}}},               {{3, {4, 5, 6}}, {3, {4, 5, 6}}},
        {{3, {4, 5, 6}}, {3, {1, 5, 6}}},         {{2, {20, 7}}, {2, {20, 7}}},
    };
    if (index >= (int)(sizeof table / sizeof table[0]))
        return false;
    *sample = (heed_sample){.n_in = 2};
    sample->in[X] = (heed_sample_input){.dtype = HEED_F64, .shape = table[index][0], .low = -3, .high = 3};
    sample->in[MASK] = (heed_sample_input){.dtype = HEED_BOOL, .shape = table[index][1], .low = 0, .high = 2};
    return true;
}

#include <heed/real_f32.h>
#include "masked_softmax.c"
#include <heed/real_f64.h>
#include "masked_softmax.c"
#include <heed/real_end.h>

const heed_op heed_op_masked_softmax = {
    .size = sizeof(heed_op),
    .name = "masked_softmax",
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .flags = HEED_STRIDED,
    .shape = shape,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_in = HEED_SAVE(MASK),
    .save_out = HEED_SAVE(0),
    .samples = samples,
};

heed_tensor heed_masked_softmax(heed_tape *t, heed_tensor x, heed_tensor mask) {
    return heed_apply(t, &heed_op_masked_softmax, (heed_tensor[]){x, mask}, 2, NULL);
}

#else

static void TYPED(values)(int64_t n, const void *const *in, void *out) {
    const REAL *restrict x = in[X];
    const bool *restrict kept = in[MASK];
    REAL *restrict y = out;
    for (int64_t i = 0; i < n; i++)
        y[i] = kept[i] ? x[i] : -(REAL)INFINITY;
    REAL max = TYPED(heed_row_max)(y, n);
    max = max == -(REAL)INFINITY ? 0 : max; /* then all exponentials are 0, unless one is of NaN */
    TYPED(heed_row_exp)(y, y, n, max, 1);
    REAL sum = (REAL)TYPED(heed_row_sum)(y, n);
    sum = sum == 0 ? 1 : sum;
    for (int64_t i = 0; i < n; i++)
        y[i] = kept[i] ? y[i] / sum : 0;
}

static void TYPED(gradients)(int64_t n, const void *const *in, void *out) {
    const REAL *restrict y = in[0], *restrict dy = in[2];
    const bool *restrict kept = in[MASK];
    REAL *restrict dx = out;
    for (int64_t i = 0; i < n; i++)
        dx[i] = kept[i] ? dy[i] : 0;
    const REAL mean = (REAL)TYPED(heed_row_dot)(y, dx, n);
    for (int64_t i = 0; i < n; i++)
        dx[i] = kept[i] ? y[i] * (dx[i] - mean) : 0;
}

static void TYPED(forward)(heed_call *call) {
    run(call, 2, call->in, call->out[0], TYPED(values));
}

static void TYPED(backward)(heed_call *call) {
    if (call->dx[X])
        run(call, 3, (const heed_array *[]){call->out[0], call->in[MASK], call->dy[0]}, call->dx[X], TYPED(gradients));
}

#endif
