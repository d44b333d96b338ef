/* The matrix product over broadcast batch axes:
 *
 *     y[.., i, j] = sum_k a[.., i, k] b[.., k, j]
 *
 * For a loss L of y, with g = dL/dy:
 *
 *     dL/da[.., i, k] = sum_j g[.., i, j] b[.., k, j]                 g bᵀ
 *     dL/db[.., k, j] = sum_i a[.., i, k] g[.., i, j]                 aᵀ g
 *
 * and where an operand is shared by a batch axis, that axis is summed over too. All three are the same nest of loops
 * over batch, i, j and k (contract.h): a gradient differs in which operand is written. Reading an operand transposed
 * exchanges its two steps; an operand of rank 1 has no i, or no j, and transposing it does nothing. */
#include <string.h>

#include <heed/op.h>
#include <heed/ops.h>

#include "contract.h"

typedef struct matmul_attr {
    bool transposed[2]; /* a, b: read transposed in its last two axes */
} matmul_attr;

/* ---- which axis is what ---- */

/* Where an operand keeps its rows and columns as the product reads them; -1: it has none. */
typedef struct matrix_axes {
    int row, column;
} matrix_axes;

static matrix_axes matrix_of(const heed_call *call, int i, int rank) {
    const matmul_attr *attr = call->attr;
    if (rank == 1)
        return i == 0 ? (matrix_axes){-1, 0} : (matrix_axes){0, -1};
    return attr->transposed[i] ? (matrix_axes){rank - 1, rank - 2} : (matrix_axes){rank - 2, rank - 1};
}

static int batch_rank(const heed_array *x) {
    return x->shape.rank > 2 ? x->shape.rank - 2 : 0;
}

static int64_t size_at(const heed_array *x, int axis) {
    return axis < 0 ? 1 : x->shape.n[axis];
}

static int64_t step_at(const heed_array *x, int axis) {
    return axis < 0 ? 0 : x->stride[axis];
}

/* The step of x along the product's batch axis that is `from_end` axes before the matrices; 0 where x is the same
 * along it. */
static int64_t batch_step(const heed_array *x, int from_end) {
    int axis = batch_rank(x) - from_end;
    return size_at(x, axis) == 1 ? 0 : step_at(x, axis);
}

/* The nest of y = a b; a, b or y may be a gradient, of the shape of what it is the gradient of. */
static heed_contraction nest_of(const heed_call *call, const heed_array *a, const heed_array *b, const heed_array *y) {
    matrix_axes in_a = matrix_of(call, 0, a->shape.rank), in_b = matrix_of(call, 1, b->shape.rank);
    int batch = y->shape.rank - (in_a.row >= 0) - (in_b.column >= 0);
    int row = in_a.row < 0 ? -1 : batch, column = in_b.column < 0 ? -1 : y->shape.rank - 1;
    heed_contraction nest;
    heed_contract_open(&nest, y->dtype, a->data, b->data, y->data);
    for (int i = 0; i < batch; i++)
        heed_contract_along(&nest, y->shape.n[i], batch_step(a, batch - i), batch_step(b, batch - i), y->stride[i]);
    heed_contract_along(&nest, size_at(a, in_a.row), step_at(a, in_a.row), 0, step_at(y, row));
    heed_contract_along(&nest, size_at(b, in_b.column), 0, step_at(b, in_b.column), step_at(y, column));
    heed_contract_along(&nest, size_at(a, in_a.column), step_at(a, in_a.column), step_at(b, in_b.row), 0);
    return nest;
}

/* ---- the shape rule ---- */

static heed_status fail_with_shapes(heed_call *call, const char *what) {
    const matmul_attr *attr = call->attr;
    return heed_fail(call, "%s: %s%s x %s%s", what, HEED_SHAPE_STR(call->in[0]->shape),
                     attr->transposed[0] ? " transposed" : "", HEED_SHAPE_STR(call->in[1]->shape),
                     attr->transposed[1] ? " transposed" : "");
}

static heed_status output_shape(heed_call *call) {
    const heed_array *a = call->in[0], *b = call->in[1];
    if (a->dtype != b->dtype)
        return heed_fail(call, "dtypes differ: %s and %s", heed_dtype_name(a->dtype), heed_dtype_name(b->dtype));
    if (a->shape.rank == 0 || b->shape.rank == 0)
        return fail_with_shapes(call, "a scalar is no matrix");
    matrix_axes in_a = matrix_of(call, 0, a->shape.rank), in_b = matrix_of(call, 1, b->shape.rank);
    if (size_at(a, in_a.column) != size_at(b, in_b.row))
        return fail_with_shapes(call, "inner sizes differ");
    heed_shape batch_a = a->shape, batch_b = b->shape, shape;
    batch_a.rank = batch_rank(a);
    batch_b.rank = batch_rank(b);
    if (!heed_shape_broadcast(batch_a, batch_b, &shape))
        return fail_with_shapes(call, "batch axes do not broadcast");
    if (in_a.row >= 0)
        shape.n[shape.rank++] = size_at(a, in_a.row);
    if (in_b.column >= 0)
        shape.n[shape.rank++] = size_at(b, in_b.column);
    call->out[0]->shape = shape;
    call->out[0]->dtype = a->dtype;
    return HEED_OK;
}

static heed_array packed(const heed_array *like) {
    heed_array x = *like;
    heed_array_set_strides(&x);
    return x;
}

static size_t gradient_bytes(const heed_call *call, int operand) {
    const heed_array *in[2] = {call->in[0], call->in[1]};
    heed_array dx = packed(in[operand]), dy = packed(call->out[0]);
    in[operand] = &dx;
    heed_contraction nest = nest_of(call, in[0], in[1], &dy);
    heed_contract_exchange(&nest, operand);
    return heed_contract_workspace(&nest, call->threads);
}

static heed_status shape(heed_call *call) {
    if (output_shape(call))
        return HEED_INVALID;
    if (heed_shape_count(call->out[0]->shape) < 0)
        return HEED_OK; /* which the engine refuses */
    heed_array y = packed(call->out[0]);
    heed_contraction nest = nest_of(call, call->in[0], call->in[1], &y);
    call->workspace_bytes = heed_contract_workspace(&nest, call->threads);
    if (!call->needs_grad)
        return HEED_OK;
    size_t a = gradient_bytes(call, 0), b = gradient_bytes(call, 1);
    call->backward_workspace_bytes = a > b ? a : b;
    return HEED_OK;
}

/* ---- the kernels ---- */

static void forward(heed_call *call) {
    if (heed_array_count(call->out[0]) == 0)
        return;
    heed_contraction nest = nest_of(call, call->in[0], call->in[1], call->out[0]);
    heed_contract(&nest, call->threads, call->workspace);
}

static void backward(heed_call *call) {
    for (int i = 0; i < 2; i++) {
        if (call->dx[i] == NULL || heed_array_count(call->dx[i]) == 0)
            continue;
        const heed_array *in[2] = {call->in[0], call->in[1]};
        in[i] = call->dx[i];
        heed_contraction nest = nest_of(call, in[0], in[1], call->dy[0]);
        heed_contract_exchange(&nest, i);
        nest.accumulate = call->accumulate[i];
        heed_contract(&nest, call->threads, call->workspace);
    }
}

/* A product of as many terms for y as for each gradient. */
static void cost(const heed_call *call, heed_cost *cost) {
    int products = call->dx ? (call->dx[0] != NULL) + (call->dx[1] != NULL) : 1;
    const heed_array *a = call->in[0];
    cost->flops =
        2.0 * products * (double)heed_array_count(call->out[0]) * (double)size_at(a, matrix_of(call, 0, a->shape.rank).column);
}

/* ---- samples ---- */

static bool samples(int index, heed_sample *sample) {
    static const struct {
        heed_shape a, b;
        bool transposed[2];
    } table[] = {
        {{2, {1, 1}}, {2, {1, 1}}, {0}},
        {{2, {2, 3}}, {2, {3, 2}}, {0}},
        {{2, {15, 16}}, {2, {16, 17}}, {0}},
        {{2, {17, 15}}, {2, {15, 16}}, {0}},
        {{2, {33, 2}}, {2, {2, 33}}, {0}},
        {{2, {2, 33}}, {2, {33, 2}}, {0}},
        {{2, {1, 16}}, {2, {16, 1}}, {0}},
        {{2, {16, 1}}, {2, {1, 17}}, {0}},
        {{2, {16, 15}}, {2, {16, 17}}, {true, false}},
        {{2, {15, 16}}, {2, {17, 16}}, {false, true}},
        {{2, {16, 2}}, {2, {33, 16}}, {true, true}},
        {{2, {3, 1}}, {2, {3, 1}}, {true, false}},
        {{1, {17}}, {1, {17}}, {0}},
        {{1, {16}}, {2, {16, 5}}, {0}},
        {{2, {5, 16}}, {1, {16}}, {0}},
        {{1, {3}}, {3, {2, 3, 4}}, {0}},
        {{3, {2, 4, 3}}, {1, {3}}, {0}},
        {{1, {3}}, {3, {2, 4, 3}}, {true, true}},
        {{3, {2, 3, 4}}, {3, {2, 4, 5}}, {0}},
        {{3, {2, 3, 4}}, {2, {4, 5}}, {0}},
        {{2, {3, 4}}, {3, {2, 4, 5}}, {0}},
        {{3, {1, 3, 4}}, {3, {5, 4, 2}}, {0}},
        {{4, {2, 1, 3, 4}}, {3, {3, 4, 2}}, {0}},
        {{4, {2, 1, 3, 4}}, {4, {1, 3, 4, 2}}, {0}},
        {{4, {2, 3, 5, 4}}, {4, {2, 3, 7, 4}}, {false, true}},
        {{4, {2, 3, 5, 7}}, {4, {2, 3, 5, 4}}, {true, false}},
        {{3, {17, 2, 3}}, {2, {3, 2}}, {0}},
        {{4, {1, 2, 3, 4}}, {3, {1, 3, 5}}, {true, false}},
    };
    if (index >= (int)(sizeof table / sizeof table[0]))
        return false;
    *sample = (heed_sample){.n_in = 2};
    sample->in[0] = (heed_sample_input){.dtype = HEED_F64, .shape = table[index].a};
    sample->in[1] = (heed_sample_input){.dtype = HEED_F64, .shape = table[index].b};
    memcpy(sample->attr.bytes, table[index].transposed, sizeof(matmul_attr));
    return true;
}

const heed_op heed_op_matmul = {
    .size = sizeof(heed_op),
    .name = "matmul",
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .flags = HEED_STRIDED | HEED_ACCUMULATES,
    .attr_size = sizeof(matmul_attr),
    .shape = shape,
    .forward = {[HEED_F32] = forward, [HEED_F64] = forward},
    .backward = {[HEED_F32] = backward, [HEED_F64] = backward},
    .save_in = HEED_SAVE(0) | HEED_SAVE(1),
    .samples = samples,
    .cost = cost,
};

heed_tensor heed_matmul_t(heed_tape *t, heed_tensor a, bool transpose_a, heed_tensor b, bool transpose_b) {
    const matmul_attr attr = {.transposed = {transpose_a, transpose_b}};
    return heed_apply(t, &heed_op_matmul, (heed_tensor[]){a, b}, 2, &attr);
}

heed_tensor heed_matmul(heed_tape *t, heed_tensor a, heed_tensor b) {
    return heed_matmul_t(t, a, false, b, false);
}
