/* A recurrent cell run over all steps of a sequence, as one op:
 *
 *     h_t = cell(x_t, y_t, h_{t-1}),     y_t = W h_{t-1} + b
 *
 * with x_t, what the inputs add to the gates, computed before. For a loss L, with a_t = dL/dy_t, which the formulas of
 * the cells give from dL/dh_t (kernels/recurrence_cells.h):
 *
 *     dL/dh_{t-1} = (what the cell passes on) + a_t W + (what comes to h_{t-1} from outside)
 *     dL/dW = sum over t of a_tᵀ h_{t-1}         dL/db = sum over t of a_t
 *
 * The states are outputs anyway, so besides them only the gates are saved; asked for, they are an output like another,
 * and a gradient that comes to them is added to theirs. This file brings shapes to (B, T, ...) and checks them; the
 * passes over time are in kernels/recurrence.h. */
#include <string.h>

#include <heed/op.h>
#include <heed/ops.h>

#include "../../kernels/recurrence.h"

enum { X, W, BIAS, H, C, PADDING, INPUTS };

typedef struct recurrence_attr {
    heed_cell_kind kind;
    bool reverse, with_gates;
} recurrence_attr;

/* ---- the kinds ---- */

static const heed_cell_rule *const rules[HEED_CELL_KINDS] = {
    [HEED_RNN_TANH] = &heed_cell_rnn_tanh,
    [HEED_RNN_RELU] = &heed_cell_rnn_relu,
    [HEED_GRU] = &heed_cell_gru,
    [HEED_LSTM] = &heed_cell_lstm,
};

static const heed_cell_rule *rule_of(heed_cell_kind kind) {
    return (int)kind >= 0 && (int)kind < HEED_CELL_KINDS ? rules[kind] : NULL;
}

int heed_cell_gates(heed_cell_kind kind) {
    const heed_cell_rule *rule = rule_of(kind);
    return rule ? heed_cell_rule_gates(rule) : 0;
}

/* Outputs: h; c, if the cell has it; the gates, if asked for. */
static int outputs(const void *attr) {
    const recurrence_attr *a = attr;
    return 1 + (a->kind == HEED_LSTM) + a->with_gates;
}

static int gates_output(const heed_call *call) {
    return call->n_out - 1;
}

/* ---- shapes ---- */

/* (.., wide) with the leading axes of x: (B, T) or (B). */
static heed_shape as_x(const heed_call *call, int64_t wide) {
    heed_shape shape = call->in[X]->shape;
    shape.n[shape.rank - 1] = wide;
    return shape;
}

static heed_status must_be(heed_call *call, int i, const char *name, heed_shape shape) {
    if (call->in[i] == NULL || heed_shape_equal(call->in[i]->shape, shape))
        return HEED_OK;
    return heed_fail(call, "%s is %s, must be %s", name, HEED_SHAPE_STR(call->in[i]->shape), HEED_SHAPE_STR(shape));
}

static heed_status check_options(heed_call *call) {
    const recurrence_attr *attr = call->attr;
    const heed_cell_rule *rule = rule_of(attr->kind);
    if (rule == NULL)
        return heed_fail(call, "%d is no kind of cell", (int)attr->kind);
    if (heed_cell_rule_has_c(rule) != (call->in[C] != NULL))
        return heed_fail(call, call->in[C] ? "c is given; only an lstm has it" : "an lstm needs c");
    if (attr->with_gates && heed_cell_rule_kept(rule) == 0)
        return heed_fail(call, "gates are asked for; an rnn has none");
    if (call->in[PADDING] && call->in[PADDING]->dtype != HEED_BOOL)
        return heed_fail(call, "padding is %s, must be bool", heed_dtype_name(call->in[PADDING]->dtype));
    return HEED_OK;
}

/* The engine sees to reals only. */
static heed_status check_dtypes(heed_call *call) {
    static const char *const names[INPUTS] = {"x", "w", "bias", "h", "c", "padding"};
    for (int i = W; i < PADDING; i++)
        if (call->in[i] && call->in[i]->dtype != call->in[X]->dtype)
            return heed_fail(call, "%s is %s, must be %s as x", names[i], heed_dtype_name(call->in[i]->dtype),
                             heed_dtype_name(call->in[X]->dtype));
    return HEED_OK;
}

static heed_status check_shapes(heed_call *call) {
    const recurrence_attr *attr = call->attr;
    const heed_shape x = call->in[X]->shape, w = call->in[W]->shape;
    const int64_t gates = heed_cell_gates(attr->kind);
    if (x.rank != 2 && x.rank != 3)
        return heed_fail(call, "x is %s, must be (batch, steps, %lld hidden), or without steps", HEED_SHAPE_STR(x),
                         (long long)gates);
    int64_t rows;
    if (w.rank != 2 || w.n[1] < 1 || __builtin_mul_overflow(gates, w.n[1], &rows) || w.n[0] != rows)
        return heed_fail(call, "w is %s, must be (%lld hidden, hidden)", HEED_SHAPE_STR(w), (long long)gates);
    const heed_shape state = HEED_SHAPE(x.n[0], w.n[1]);
    heed_shape places = x;
    places.rank--;
    if (must_be(call, X, "x", as_x(call, rows)) || must_be(call, BIAS, "bias", HEED_SHAPE(rows)) ||
        must_be(call, H, "h", state) || must_be(call, C, "c", state) || must_be(call, PADDING, "padding", places))
        return HEED_INVALID;
    return HEED_OK;
}

static void *data_of(const heed_array *array) {
    return array ? array->data : NULL;
}

static heed_recurrence_problem problem_of(const heed_call *call) {
    const recurrence_attr *attr = call->attr;
    const heed_array *x = call->in[X];
    return (heed_recurrence_problem){.cell = rules[attr->kind],
                             .batch = x->shape.n[0],
                             .steps = x->shape.rank == 3 ? x->shape.n[1] : 1,
                             .hidden = call->in[W]->shape.n[1],
                             .reverse = attr->reverse,
                             .in = x->data,
                             .w = call->in[W]->data,
                             .bias = data_of(call->in[BIAS]),
                             .h0 = call->in[H]->data,
                             .c0 = data_of(call->in[C]),
                             .padding = data_of(call->in[PADDING]),
                             .h = call->out[0]->data,
                             .c = call->in[C] ? call->out[1]->data : NULL,
                             .kept = attr->with_gates ? call->out[gates_output(call)]->data : call->saved};
}

/* ---- the shape rule ---- */

static size_t d_from_bytes(const heed_call *call) {
    const size_t bytes = (size_t)heed_array_count(call->in[X]) * heed_dtype_size(call->in[X]->dtype);
    return (bytes + 63) / 64 * 64;
}

static void ask_for_memory(heed_call *call) {
    const recurrence_attr *attr = call->attr;
    const size_t size = heed_dtype_size(call->in[X]->dtype);
    heed_recurrence_problem a = problem_of(call);
    if (call->needs_grad) {
        call->backward_workspace_bytes = d_from_bytes(call);
        call->backward_workspace_bytes += heed_recurrence_backward_workspace(&a, size, call->threads);
        const int64_t kept = heed_shape_count(as_x(call, heed_cell_rule_kept(a.cell) * a.hidden));
        if (!attr->with_gates)
            call->saved_bytes = (size_t)kept * size;
    }
    a.kept = NULL; /* at most: memory for what is not kept */
    call->workspace_bytes = heed_recurrence_workspace(&a, size, call->threads);
}

static heed_status shape(heed_call *call) {
    const recurrence_attr *attr = call->attr;
    if (check_options(call) || check_dtypes(call) || check_shapes(call))
        return HEED_INVALID;
    const int64_t hidden = call->in[W]->shape.n[1];
    int64_t widest;
    for (int i = 0; i < call->n_out; i++) {
        call->out[i]->shape = as_x(call, hidden);
        call->out[i]->dtype = call->in[X]->dtype;
    }
    if (__builtin_mul_overflow(hidden, 4, &widest) || heed_shape_count(as_x(call, widest)) < 0)
        return heed_fail(call, "x %s is too large", HEED_SHAPE_STR(call->in[X]->shape));
    if (attr->with_gates)
        call->out[gates_output(call)]->shape = as_x(call, heed_cell_rule_kept(rules[attr->kind]) * hidden);
    ask_for_memory(call);
    return HEED_OK;
}

/* ---- the kernels ---- */

static void forward(heed_call *call) {
    const heed_recurrence_problem a = problem_of(call);
    if (a.batch * a.steps == 0)
        return;
    if (call->in[X]->dtype == HEED_F64)
        heed_recurrence_f64(&a, call->threads, call->workspace);
    else
        heed_recurrence_f32(&a, call->threads, call->workspace);
}

static heed_recurrence_gradient gradient_of(const heed_call *call) {
    const recurrence_attr *attr = call->attr;
    return (heed_recurrence_gradient){.dh = data_of(call->dy[0]),
                                      .dc = call->in[C] ? data_of(call->dy[1]) : NULL,
                                      .d_kept = attr->with_gates ? data_of(call->dy[gates_output(call)]) : NULL,
                                      .d_from = call->workspace,
                                      .d_in = data_of(call->dx[X]),
                                      .d_w = data_of(call->dx[W]),
                                      .d_h0 = data_of(call->dx[H]),
                                      .d_c0 = data_of(call->dx[C]),
                                      .add_in = call->accumulate[X],
                                      .add_w = call->accumulate[W],
                                      .add_h0 = call->accumulate[H],
                                      .add_c0 = call->accumulate[C]};
}

/* No steps: the state goes nowhere, and neither do gradients. */
static void backward_of_nothing(heed_call *call) {
    for (int i = 0; i < PADDING; i++)
        if (call->dx[i] && !call->accumulate[i])
            heed_array_fill(call->dx[i], 0, call->threads);
}

static void backward(heed_call *call) {
    const heed_recurrence_problem a = problem_of(call);
    const heed_recurrence_gradient g = gradient_of(call);
    if (a.batch * a.steps == 0) {
        backward_of_nothing(call);
        return;
    }
    char *workspace = (char *)call->workspace + d_from_bytes(call);
    if (call->in[X]->dtype == HEED_F64)
        heed_recurrence_backward_f64(&a, &g, call->threads, workspace);
    else
        heed_recurrence_backward_f32(&a, &g, call->threads, workspace);
    if (call->dx[BIAS] == NULL)
        return;
    heed_array d_from = *call->in[X];
    d_from.data = g.d_from;
    heed_array_sum_to(call->dx[BIAS], &d_from, call->accumulate[BIAS], call->threads);
}

/* The product with W, and in backward one for the states and one for W. */
static void cost(const heed_call *call, heed_cost *cost) {
    const int products = call->dx ? 1 + (call->dx[W] != NULL) : 1;
    cost->flops = 2.0 * products * (double)heed_array_count(call->in[X]) * (double)call->in[W]->shape.n[1];
}

/* ---- samples ---- */

typedef struct recurrence_sample {
    int64_t batch, steps, hidden; /* steps 0: x has no such axis */
    bool biased, padded, reverse, with_gates;
} recurrence_sample;

/* Each with every kind in turn; the gates only where there are any. */
static const recurrence_sample table[] = {
    {1, 0, 1, true, false, false, false},  {2, 0, 3, true, false, false, true},  {3, 0, 16, false, false, false, false},
    {2, 0, 17, true, true, false, true},   {1, 1, 2, true, false, true, false},  {2, 3, 2, true, false, false, false},
    {2, 4, 3, false, false, true, true},   {3, 5, 2, true, true, false, true},   {3, 4, 2, true, true, true, false},
    {1, 7, 5, false, true, true, true},    {17, 2, 2, true, false, false, false}, {2, 33, 1, true, true, false, false},
    {16, 2, 15, true, false, true, false}, {5, 2, 33, true, true, false, false},
    {80, 2, 20, true, false, false, false}, /* so many rows that products pack what they read */
    {8, 4, 132, true, false, false, false}, /* so much that threads share the batch, the last of three with fewer rows */
};

static bool samples(int index, heed_sample *sample) {
    const int rows = (int)(sizeof table / sizeof table[0]);
    if (index >= rows * HEED_CELL_KINDS)
        return false;
    const recurrence_sample *from = &table[index / HEED_CELL_KINDS];
    const heed_cell_kind kind = (heed_cell_kind)(index % HEED_CELL_KINDS);
    const int64_t wide = heed_cell_gates(kind) * from->hidden;
    const recurrence_attr attr = {.kind = kind, .reverse = from->reverse,
                                  .with_gates = from->with_gates && heed_cell_rule_kept(rules[kind]) > 0};
    const heed_shape state = HEED_SHAPE(from->batch, from->hidden);
    *sample = (heed_sample){.n_in = INPUTS};
    for (int i = 0; i < INPUTS; i++)
        sample->in[i] = (heed_sample_input){.dtype = HEED_F64, .shape = state};
    sample->in[X].shape = from->steps ? HEED_SHAPE(from->batch, from->steps, wide) : HEED_SHAPE(from->batch, wide);
    sample->in[W].shape = HEED_SHAPE(wide, from->hidden);
    sample->in[W].low = -0.5;
    sample->in[W].high = 0.5;
    sample->in[BIAS].shape = HEED_SHAPE(wide);
    sample->in[BIAS].absent = !from->biased;
    sample->in[C].absent = kind != HEED_LSTM;
    sample->in[PADDING] = (heed_sample_input){.dtype = HEED_BOOL, .shape = sample->in[X].shape, .high = 2,
                                              .absent = !from->padded};
    sample->in[PADDING].shape.rank--;
    memcpy(sample->attr.bytes, &attr, sizeof attr);
    return true;
}

const heed_op heed_op_recurrence = {
    .size = sizeof(heed_op),
    .name = "recurrence",
    .min_in = INPUTS,
    .max_in = INPUTS,
    .outputs = outputs,
    .optional = HEED_SAVE(BIAS) | HEED_SAVE(C) | HEED_SAVE(PADDING),
    .flags = HEED_ACCUMULATES | HEED_PARTIAL_DY,
    .attr_size = sizeof(recurrence_attr),
    .shape = shape,
    .forward = {[HEED_F32] = forward, [HEED_F64] = forward},
    .backward = {[HEED_F32] = backward, [HEED_F64] = backward},
    .save_in = HEED_SAVE(W) | HEED_SAVE(H) | HEED_SAVE(C) | HEED_SAVE(PADDING),
    .save_out = (unsigned)HEED_SAVE_ALL,
    .samples = samples,
    .cost = cost,
};

heed_tensor heed_recurrence(heed_tape *t, heed_tensor x, heed_tensor w, heed_tensor bias,
                            heed_recurrence_options options) {
    const recurrence_attr attr = {.kind = options.kind, .reverse = options.reverse,
                                  .with_gates = options.gates != NULL};
    const heed_tensor in[] = {x, w, bias, options.h, options.c, options.padding};
    heed_tensor out[3] = {HEED_NIL, HEED_NIL, HEED_NIL};
    heed_apply_many(t, &heed_op_recurrence, in, INPUTS, &attr, out);
    if (options.cells)
        *options.cells = options.kind == HEED_LSTM ? out[1] : HEED_NIL;
    if (options.gates)
        *options.gates = out[outputs(&attr) - 1];
    return out[0];
}
