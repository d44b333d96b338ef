/* An affine map of rows: y[.., o] = sum_i x[.., i] w[o, i] + b[o].
 *
 * For a loss L of y, with g = dL/dy and r running over all rows:
 *
 *     dL/dx[r, i] = sum_o g[r, o] w[o, i]             g w
 *     dL/dw[o, i] = sum_r g[r, o] x[r, i]             gᵀ x: one product whose terms are all rows of the batch
 *     dL/db[o]    = sum_r g[r, o]
 *
 * A bias whose elements are not neighbours is copied to the workspace first. */
#include <heed/op.h>
#include <heed/ops.h>

#include "contract.h"

enum { X, WEIGHT, BIAS };

/* The nest of y = x wᵀ + b; x, w or y may be a gradient. */
static heed_contraction nest_of(const heed_array *x, const heed_array *w, const heed_array *y, const void *bias) {
    heed_contraction nest;
    heed_contract_open(&nest, y->dtype, x->data, w->data, y->data);
    nest.bias = bias;
    int last = x->shape.rank - 1;
    for (int i = 0; i < last; i++)
        heed_contract_along(&nest, x->shape.n[i], x->stride[i], 0, y->stride[i]);
    heed_contract_along(&nest, w->shape.n[1], x->stride[last], w->stride[1], 0);
    heed_contract_along(&nest, w->shape.n[0], 0, w->stride[0], y->stride[last]);
    if (bias && w->shape.n[0] != 1)
        nest.axis[nest.n - 1].biased = true;
    return nest;
}

static bool bias_is_scattered(const heed_call *call) {
    return call->in[BIAS] && !heed_array_contiguous(call->in[BIAS]);
}

static size_t bias_copy_bytes(const heed_call *call) {
    size_t bytes = (size_t)heed_array_count(call->in[BIAS]) * heed_dtype_size(call->in[BIAS]->dtype);
    return (bytes + 63) / 64 * 64;
}

/* ---- the shape rule ---- */

static heed_status check(heed_call *call) {
    const heed_array *x = call->in[X], *w = call->in[WEIGHT], *bias = call->in[BIAS];
    if (w->dtype != x->dtype || (bias && bias->dtype != x->dtype))
        return heed_fail(call, "dtypes differ: x is %s, weight %s, bias %s", heed_dtype_name(x->dtype),
                         heed_dtype_name(w->dtype), bias ? heed_dtype_name(bias->dtype) : "absent");
    if (w->shape.rank != 2)
        return heed_fail(call, "weight is %s, must have 2 axes: (out, in)", HEED_SHAPE_STR(w->shape));
    if (x->shape.rank == 0)
        return heed_fail(call, "x is a scalar, must have the weight's %lld columns on its last axis",
                         (long long)w->shape.n[1]);
    if (x->shape.n[x->shape.rank - 1] != w->shape.n[1])
        return heed_fail(call, "inner sizes differ: x %s, weight %s", HEED_SHAPE_STR(x->shape),
                         HEED_SHAPE_STR(w->shape));
    if (bias && (bias->shape.rank != 1 || bias->shape.n[0] != w->shape.n[0]))
        return heed_fail(call, "bias is %s, must be %s: one for each row of the weight", HEED_SHAPE_STR(bias->shape),
                         HEED_SHAPE_STR(HEED_SHAPE(w->shape.n[0])));
    return HEED_OK;
}

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t rows_of(const heed_array *x) {
    int64_t rows = 1;
    for (int i = 0; i < x->shape.rank - 1; i++)
        rows *= x->shape.n[i];
    return rows;
}

static heed_array packed(const heed_array *like) {
    heed_array x = *like;
    heed_array_set_strides(&x);
    return x;
}

static size_t forward_bytes(const heed_call *call) {
    const heed_array y = packed(call->out[0]);
    const heed_contraction nest = nest_of(call->in[X], call->in[WEIGHT], &y, call->in[BIAS] ? call->in[BIAS]->data : NULL);
    return heed_contract_workspace(&nest, call->threads);
}

static size_t backward_bytes(const heed_call *call) {
    const heed_array dx = packed(call->in[X]), dw = packed(call->in[WEIGHT]), dy = packed(call->out[0]);
    heed_contraction for_x = nest_of(&dx, call->in[WEIGHT], &dy, NULL), for_w = nest_of(call->in[X], &dw, &dy, NULL);
    heed_contract_exchange(&for_x, CONTRACT_A);
    heed_contract_exchange(&for_w, CONTRACT_B);
    const size_t x = heed_contract_workspace(&for_x, call->threads), w = heed_contract_workspace(&for_w, call->threads);
    return x > w ? x : w;
}

/* Of a small product a bound is found sooner than what it takes, which needs a plan. */
static void ask_for_workspace(heed_call *call) {
    enum { LITTLE = 32 << 10 };
    const heed_array *x = call->in[X];
    const int64_t rows = rows_of(x), in = call->in[WEIGHT]->shape.n[1], out = call->in[WEIGHT]->shape.n[0];
    const int64_t across = larger(rows, larger(in, out)); /* of y, dx and dw, whichever way they are multiplied */
    const size_t room = heed_contract_room(x->dtype, across, across, (double)rows * (double)in * (double)out, call->threads);
    call->workspace_bytes = room <= LITTLE ? room : forward_bytes(call);
    if (bias_is_scattered(call))
        call->workspace_bytes += bias_copy_bytes(call);
    if (call->needs_grad)
        call->backward_workspace_bytes = room <= LITTLE ? room : backward_bytes(call);
}

static heed_status shape(heed_call *call) {
    if (check(call))
        return HEED_INVALID;
    heed_array *y = call->out[0];
    y->dtype = call->in[X]->dtype;
    y->shape = call->in[X]->shape;
    y->shape.n[y->shape.rank - 1] = call->in[WEIGHT]->shape.n[0];
    if (heed_array_count(y) >= 0) /* if not, the engine refuses it */
        ask_for_workspace(call);
    return HEED_OK;
}

/* ---- the kernels ---- */

static void forward(heed_call *call) {
    if (heed_array_count(call->out[0]) == 0)
        return;
    char *workspace = call->workspace;
    const void *bias = call->in[BIAS] ? call->in[BIAS]->data : NULL;
    if (bias_is_scattered(call)) {
        heed_array copy = *call->in[BIAS];
        heed_array_set_strides(&copy);
        copy.data = workspace;
        heed_array_copy(&copy, call->in[BIAS], 1);
        bias = workspace;
        workspace += bias_copy_bytes(call);
    }
    heed_contraction nest = nest_of(call->in[X], call->in[WEIGHT], call->out[0], bias);
    heed_contract(&nest, call->threads, workspace);
}

static void gradient_of(heed_call *call, const heed_array *x, const heed_array *w, int i) {
    heed_contraction nest = nest_of(x, w, call->dy[0], NULL);
    heed_contract_exchange(&nest, i == X ? CONTRACT_A : CONTRACT_B);
    nest.accumulate = call->accumulate[i];
    heed_contract(&nest, call->threads, call->workspace);
}

static void backward(heed_call *call) {
    const heed_array *dy = call->dy[0], *dx = call->dx[X], *dw = call->dx[WEIGHT];
    if (dx && heed_array_count(dx) > 0)
        gradient_of(call, dx, call->in[WEIGHT], X);
    if (dw && heed_array_count(dw) > 0)
        gradient_of(call, call->in[X], dw, WEIGHT);
    if (call->n_in > BIAS && call->dx[BIAS])
        heed_array_sum_to(call->dx[BIAS], dy, call->accumulate[BIAS], call->threads);
}

/* A product of as many terms for y as for each matrix's gradient. */
static void cost(const heed_call *call, heed_cost *cost) {
    int products = call->dx ? (call->dx[X] != NULL) + (call->dx[WEIGHT] != NULL) : 1;
    cost->flops = 2.0 * products * (double)heed_array_count(call->out[0]) * (double)call->in[WEIGHT]->shape.n[1];
}

/* ---- samples ---- */

static bool samples(int index, heed_sample *sample) {
    static const struct {
        heed_shape x;
        int64_t out;
        bool has_bias;
    } table[] = {
        {{1, {1}}, 1, true},              {{1, {2}}, 3, true},              {{1, {16}}, 17, false},
        {{1, {33}}, 2, true},             {{2, {1, 1}}, 1, false},          {{2, {2, 3}}, 4, true},
        {{2, {15, 16}}, 17, true},        {{2, {16, 17}}, 15, true},        {{2, {17, 15}}, 16, true},
        {{2, {33, 2}}, 33, true},         {{2, {2, 33}}, 2, false},         {{2, {1, 16}}, 1, true},
        {{2, {16, 1}}, 16, true},         {{2, {17, 1}}, 1, true},          {{2, {3, 33}}, 1, true},
        {{3, {2, 3, 4}}, 5, true},        {{3, {2, 3, 4}}, 5, false},       {{3, {1, 15, 2}}, 16, true},
        {{3, {5, 1, 16}}, 2, true},       {{3, {2, 17, 3}}, 1, false},      {{4, {2, 1, 3, 4}}, 2, true},
        {{4, {2, 2, 2, 2}}, 2, true},     {{4, {1, 1, 1, 5}}, 3, true},     {{5, {1, 2, 3, 1, 15}}, 4, true},
        {{2, {16, 16}}, 16, true},        {{2, {31, 15}}, 17, false},
    };
    if (index >= (int)(sizeof table / sizeof table[0]))
        return false;
    heed_shape x = table[index].x;
    int64_t out = table[index].out;
    *sample = (heed_sample){.n_in = 3};
    sample->in[X] = (heed_sample_input){.dtype = HEED_F64, .shape = x};
    sample->in[WEIGHT] = (heed_sample_input){.dtype = HEED_F64, .shape = HEED_SHAPE(out, x.n[x.rank - 1])};
    sample->in[BIAS] =
        (heed_sample_input){.dtype = HEED_F64, .shape = HEED_SHAPE(out), .absent = !table[index].has_bias};
    return true;
}

const heed_op heed_op_linear = {
    .size = sizeof(heed_op),
    .name = "linear",
    .min_in = 3,
    .max_in = 3,
    .n_out = 1,
    .optional = HEED_SAVE(BIAS),
    .flags = HEED_STRIDED | HEED_ACCUMULATES,
    .shape = shape,
    .forward = {[HEED_F32] = forward, [HEED_F64] = forward},
    .backward = {[HEED_F32] = backward, [HEED_F64] = backward},
    .save_in = HEED_SAVE(X) | HEED_SAVE(WEIGHT),
    .samples = samples,
    .cost = cost,
};

heed_tensor heed_linear(heed_tape *t, heed_tensor x, heed_tensor weight, heed_tensor bias) {
    return heed_apply(t, &heed_op_linear, (heed_tensor[]){x, weight, bias}, 3, NULL);
}
