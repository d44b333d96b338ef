/* Running an op: checks, layouts, memory, the kernel, and the record of it.
 *
 *     resolve inputs -> check dtypes -> pack layouts -> shape rule -> take memory -> forward -> record
 *
 * Everything that can fail stands before forward. */
#include <stdio.h>
#include <string.h>

#include "../kernels/parallel.h"
#include "apply_internal.h"
#include "error_internal.h"
#include "profile_internal.h"

/* Not raised yet: it is once it is the tape's, with path and name before it. */
heed_status heed_fail(heed_call *call, const char *format, ...) {
    if (call->error->status == HEED_OK) {
        va_list arguments;
        va_start(arguments, format);
        error_text(call->error->text, format, arguments);
        va_end(arguments);
        call->error->status = HEED_INVALID;
    }
    return call->error->status;
}

void heed_parallel(const heed_call *call, int64_t n, int64_t grain, heed_range_body *body, void *context) {
    heed_parallel_for(call->threads, n, grain, body, context);
}

heed_status heed_shape_same(heed_call *call) {
    call->out[0]->shape = call->in[0]->shape;
    call->out[0]->dtype = call->in[0]->dtype;
    return HEED_OK;
}

heed_status heed_shape_elementwise(heed_call *call) {
    heed_shape shape = call->in[0]->shape;
    for (int i = 1; i < call->n_in; i++)
        if (call->in[i] && !heed_shape_broadcast(shape, call->in[i]->shape, &shape))
            return heed_fail(call, "shapes do not broadcast: %s and %s", HEED_SHAPE_STR(shape),
                             HEED_SHAPE_STR(call->in[i]->shape));
    call->out[0]->shape = shape;
    call->out[0]->dtype = call->in[call->op->dispatch >= 0 ? call->op->dispatch : 0]->dtype;
    return HEED_OK;
}

/* ---- what both directions need ---- */

bool op_strided(const heed_op *op) {
    return (op->flags & (HEED_VIEW | HEED_BROADCASTS | HEED_STRIDED)) != 0;
}

bool op_differentiates(const heed_op *op, const heed_array *input, int i) {
    return !(op->flags & HEED_NO_GRADIENT) && heed_dtype_real(input->dtype) && !(i < 32 && (op->no_gradient >> i & 1));
}

bool op_saves(unsigned mask, int i) {
    return mask == (unsigned)HEED_SAVE_ALL || (i < 32 && (mask >> i & 1));
}

heed_kernel *op_kernel(heed_kernel *const *by_dtype, heed_kernel *any, heed_dtype dtype) {
    return by_dtype[dtype] ? by_dtype[dtype] : any;
}

heed_dtype op_dispatch(const heed_op *op, const heed_array *const *in, heed_array *const *out) {
    if (op->dispatch < 0 || in[op->dispatch] == NULL)
        return out[0]->dtype;
    return in[op->dispatch]->dtype;
}

/* ---- forward ---- */

/* The arrays of one call: on the stack as a rule, in the arena for ops with many inputs. */
enum { FEW = 8 };
typedef struct frame {
    const heed_op *op;
    uint32_t few_inputs[FEW], *inputs;
    const heed_array *few_in[FEW], **in;
    heed_array few_out[FEW], *out;
    heed_array *few_out_at[FEW], **out_at;
    int n_in, n_out;
    bool needs_grad;
} frame;

static heed_status wrong_op(heed_tape *t, const heed_op *op) {
    if (op == NULL)
        return tape_fail(t, tape_scope(t), NULL, HEED_INVALID, "apply: the op is NULL");
    const char *name = op->size == sizeof *op && op->name ? op->name : "apply";
    if (op->size != sizeof *op)
        return tape_fail(t, tape_scope(t), name, HEED_INVALID,
                         "the descriptor's size is %zu, this library's is %zu: compile against its headers", op->size,
                         sizeof *op);
    if (op->name == NULL || op->shape == NULL)
        return tape_fail(t, tape_scope(t), name, HEED_INVALID, "the descriptor has no %s",
                         op->name ? "shape rule" : "name");
    if (op->n_out <= 0 && op->outputs == NULL)
        return tape_fail(t, tape_scope(t), name, HEED_INVALID,
                         "the descriptor says neither how many outputs there are nor how to ask");
    if (op->samples == NULL)
        return tape_fail(t, tape_scope(t), name, HEED_INVALID, "the descriptor has no samples for the gradient check");
    bool has_backward = op->backward_any || op->passes_dy || (op->flags & (HEED_VIEW | HEED_NO_GRADIENT));
    for (int d = 0; d < HEED_DTYPES && !has_backward; d++)
        has_backward = op->backward[d] != NULL;
    if (!has_backward)
        return tape_fail(t, tape_scope(t), name, HEED_INVALID,
                         "the descriptor has no backward: write one, or say HEED_NO_GRADIENT");
    return HEED_OK;
}

static heed_status open_frame(heed_tape *t, frame *f, const heed_op *op, int n_in, const void *attr) {
    if (op->attr_size && attr == NULL)
        return tape_fail(t, tape_scope(t), op->name, HEED_INVALID, "its attributes are NULL");
    f->op = op;
    f->n_in = n_in;
    f->n_out = op->n_out > 0 ? op->n_out : op->outputs(attr);
    if (n_in < op->min_in || (op->max_in >= 0 && n_in > op->max_in))
        return tape_fail(t, tape_scope(t), op->name, HEED_INVALID, "%d inputs are given, it takes %s%d", n_in,
                         op->max_in == op->min_in ? ""
                         : n_in < op->min_in      ? "at least "
                                                  : "at most ",
                         n_in < op->min_in ? op->min_in : op->max_in);
    if (f->n_out < 1 || f->n_out > HEED_MAX_OUTPUTS)
        return tape_fail(t, tape_scope(t), op->name, HEED_INVALID, "%d outputs are asked for, there can be 1 to %d",
                         f->n_out, HEED_MAX_OUTPUTS);
    if (op->dispatch >= n_in)
        return tape_fail(t, tape_scope(t), op->name, HEED_INVALID, "input %d is to pick the kernel; there are %d",
                         op->dispatch, n_in);
    bool few = n_in <= FEW && f->n_out <= FEW;
    size_t n = (size_t)n_in, m = (size_t)f->n_out;
    f->inputs = n_in <= FEW ? f->few_inputs : arena_take(t->data, n * sizeof *f->inputs);
    f->in = n_in <= FEW ? f->few_in : arena_take(t->data, n * sizeof *f->in);
    f->out = f->n_out <= FEW ? f->few_out : arena_take(t->data, m * sizeof *f->out);
    f->out_at = f->n_out <= FEW ? f->few_out_at : arena_take(t->data, m * sizeof *f->out_at);
    if (!few && (!f->inputs || !f->in || !f->out || !f->out_at))
        return tape_no_memory(t, op->name, n * sizeof *f->in + m * sizeof *f->out);
    for (int i = 0; i < f->n_out; i++) {
        f->out[i] = (heed_array){.data = NULL};
        f->out_at[i] = &f->out[i];
    }
    return HEED_OK;
}

/* The value's index, or 0 and the error: its text is written only when it is needed. */
static uint32_t resolve_input(heed_tape *t, const heed_op *op, heed_tensor x, int i) {
    if (x.epoch == t->epoch && x.index > 0 && x.index < t->n_values && !(t->values[x.index].flags & VALUE_GONE))
        return (uint32_t)x.index;
    char what[32];
    snprintf(what, sizeof what, "input %d", i);
    return tape_resolve(t, op->name, x, what);
}

static heed_status resolve_inputs(heed_tape *t, frame *f, const heed_tensor *in) {
    const heed_op *op = f->op;
    const heed_array *first_real = NULL;
    int first = 0;
    for (int i = 0; i < f->n_in; i++) {
        f->inputs[i] = 0;
        if (heed_is_nil(in[i]) && i < 32 && (op->optional >> i & 1))
            continue;
        if ((f->inputs[i] = resolve_input(t, op, in[i], i)) == 0)
            return t->error.status;
        const value *v = &t->values[f->inputs[i]];
        if (!heed_dtype_real(v->array.dtype))
            continue;
        if (first_real && v->array.dtype != first_real->dtype && !(op->flags & HEED_MIXED))
            return tape_fail(t, tape_scope(t), op->name, HEED_INVALID,
                             "dtypes differ: input %d is %s, input %d is %s; see heed_cast", first,
                             heed_dtype_name(first_real->dtype), i, heed_dtype_name(v->array.dtype));
        if (first_real == NULL) {
            first_real = &v->array;
            first = i;
        }
        f->needs_grad = f->needs_grad || ((v->flags & VALUE_NEEDS_GRAD) && op_differentiates(op, &v->array, i));
    }
    f->needs_grad = f->needs_grad && t->recording;
    return HEED_OK;
}

/* Whether v's packed copy is there and can stand for it: one made off the record would lose the gradient. */
static bool packed_already(const heed_tape *t, const value *v) {
    bool needs = t->recording && (v->flags & VALUE_NEEDS_GRAD);
    return v->packed && needs == ((t->values[v->packed].flags & VALUE_NEEDS_GRAD) != 0);
}

/* Ops that take packed inputs only get them packed by a recorded copy, once a value. */
static heed_status pack_inputs(heed_tape *t, frame *f) {
    for (int i = 0; i < f->n_in && !op_strided(f->op); i++) {
        uint32_t index = f->inputs[i];
        if (index == 0 || heed_array_contiguous(&t->values[index].array))
            continue;
        if (!packed_already(t, &t->values[index])) {
            heed_tensor strided = tape_handle(t, index), packed = heed_apply(t, &heed_op_contiguous, &strided, 1, NULL);
            if (heed_is_nil(packed))
                return t->error.status;
            t->values[index].packed = (uint32_t)packed.index;
        }
        f->inputs[i] = t->values[index].packed;
    }
    return HEED_OK;
}

static void point_at_inputs(heed_tape *t, frame *f) {
    for (int i = 0; i < f->n_in; i++)
        f->in[i] = f->inputs[i] ? &t->values[f->inputs[i]].array : NULL;
}

heed_status call_shape_rule(heed_tape *t, const heed_scope *scope, heed_call *call) {
    heed_error error; /* whose text is long, and written only if there is an error */
    error.status = HEED_OK;
    call->error = &error;
    heed_status status = call->op->shape(call);
    call->error = &t->error;
    if (status == HEED_OK && error.status == HEED_OK)
        return HEED_OK;
    return tape_fail(t, scope, call->op->name, error.status ? error.status : status, "%s",
                     error.status ? error.text : "the shape rule refused its inputs");
}

static heed_status check_outputs(heed_tape *t, const heed_call *call) {
    for (int o = 0; o < call->n_out; o++) {
        size_t bytes;
        if (heed_dtype_size(call->out[o]->dtype) == 0 || !array_bytes(&call->out[o]->shape, call->out[o]->dtype, &bytes))
            return tape_fail(t, tape_scope(t), call->op->name, HEED_INVALID,
                             "output %d of shape %s cannot be: too large, or rank above %d", o,
                             HEED_SHAPE_STR(call->out[o]->shape), HEED_MAX_RANK);
    }
    if (call->op->flags & HEED_VIEW)
        return HEED_OK;
    heed_dtype dtype = op_dispatch(call->op, call->in, call->out);
    if (op_kernel(call->op->forward, call->op->forward_any, dtype) == NULL)
        return tape_fail(t, tape_scope(t), call->op->name, HEED_INVALID, "it does not compute on %s; see heed_cast",
                         heed_dtype_name(dtype));
    if (call->needs_grad && !call->op->passes_dy && op_kernel(call->op->backward, call->op->backward_any, dtype) == NULL)
        return tape_fail(t, tape_scope(t), call->op->name, HEED_INVALID, "it has no gradient on %s; see heed_cast",
                         heed_dtype_name(dtype));
    return HEED_OK;
}

static heed_status take_outputs(heed_tape *t, heed_call *call) {
    size_t bytes = 0;
    for (int o = 0; o < call->n_out && !(call->op->flags & HEED_VIEW); o++) {
        heed_array *out = call->out[o];
        if (!(call->op->flags & HEED_LAYS_OUT))
            heed_array_set_strides(out);
        bytes = (size_t)heed_array_count(out) * heed_dtype_size(out->dtype);
        if ((out->data = arena_take(t->data, bytes)) == NULL)
            return tape_no_memory(t, call->op->name, bytes);
    }
    if (call->saved_bytes && (call->saved = arena_take(t->data, call->saved_bytes)) == NULL)
        return tape_no_memory(t, call->op->name, call->saved_bytes);
    return HEED_OK;
}

bool call_forward(heed_tape *t, heed_call *call) {
    if (call->op->flags & HEED_VIEW)
        return true;
    arena_mark before = arena_note(t->data);
    heed_array few[FEW], *expanded = few;
    const heed_array *few_in[FEW], **in = few_in;
    if (call->n_in > FEW) {
        expanded = arena_take(t->data, (size_t)call->n_in * sizeof *expanded);
        in = arena_take(t->data, (size_t)call->n_in * sizeof *in);
    }
    if (call->workspace_bytes)
        call->workspace = arena_take(t->data, call->workspace_bytes);
    if (expanded == NULL || in == NULL || (call->workspace_bytes && call->workspace == NULL))
        return false;
    const heed_array *const *given = call->in;
    heed_dtype dtype = op_dispatch(call->op, call->in, call->out);
    if (call->op->flags & HEED_BROADCASTS) {
        expand_inputs(call, expanded, in);
        call->in = in;
    }
    op_kernel(call->op->forward, call->op->forward_any, dtype)(call);
    call->in = given;
    arena_rewind(t->data, before);
    return true;
}

static heed_status run_forward(heed_tape *t, heed_call *call) {
    return call_forward(t, call) ? HEED_OK : tape_no_memory(t, call->op->name, call->workspace_bytes);
}

void expand_inputs(const heed_call *call, heed_array *expanded, const heed_array **in) {
    for (int i = 0; i < call->n_in; i++) {
        in[i] = call->in[i];
        if (in[i] == NULL || heed_shape_equal(in[i]->shape, call->out[0]->shape))
            continue;
        expanded[i] = heed_array_expanded(in[i], call->out[0]->shape);
        in[i] = &expanded[i];
    }
}

/* A loss keeps its weight through ops on scalars (scaling it, adding two of one weight); an op that averages sets it. */
static double weight_of(const heed_tape *t, const frame *f, const heed_call *call) {
    if (call->weight >= 0 || heed_array_count(call->out[0]) != 1)
        return call->weight;
    double weight = -1;
    for (int i = 0; i < f->n_in; i++) {
        double w = f->inputs[i] ? t->values[f->inputs[i]].weight : -1;
        if (w >= 0 && weight >= 0 && w != weight)
            return -1;
        weight = w >= 0 ? w : weight;
    }
    return weight;
}

/* What backward walks, and what a block runs again, whether it can be differentiated or not. */
static heed_status record_node(heed_tape *t, const frame *f, const heed_call *call, uint32_t first_out) {
    node *grown =
        t->n_nodes < INT32_MAX ? arena_grow(&t->memory, t->nodes, &t->cap_nodes, t->n_nodes + 1, sizeof *grown) : NULL;
    uint32_t *inputs = grown ? arena_take(&t->memory, (size_t)f->n_in * sizeof *inputs) : NULL;
    if (grown)
        t->nodes = grown;
    if (inputs == NULL)
        return tape_no_memory(t, f->op->name, sizeof(node));
    for (int i = 0; i < f->n_in; i++) {
        inputs[i] = f->inputs[i];
        t->values[inputs[i]].users += f->needs_grad;
    }
    t->nodes[t->n_nodes++] = (node){.op = f->op,
                                    .attr = call->attr,
                                    .inputs = inputs,
                                    .n_in = f->n_in,
                                    .n_out = f->n_out,
                                    .first_out = first_out,
                                    .saved = call->saved,
                                    .saved_bytes = call->saved_bytes,
                                    .workspace = call->workspace_bytes,
                                    .backward_workspace = call->backward_workspace_bytes,
                                    .rng_key = call->rng_key,
                                    .scope = tape_scope(t),
                                    .threads = call->threads,
                                    .training = call->training,
                                    .inner = t->open_blocks > 0,
                                    .constant = !f->needs_grad};
    return HEED_OK;
}

static heed_status record(heed_tape *t, const frame *f, const heed_call *call, heed_tensor *outs) {
    const uint32_t first = (uint32_t)t->n_values;
    const bool view = (f->op->flags & HEED_VIEW) != 0;
    double weight = weight_of(t, f, call);
    for (int o = 0; o < f->n_out; o++) {
        uint32_t index = tape_new_value(t, &f->out[o]);
        if (index == 0)
            return tape_no_memory(t, f->op->name, sizeof(value));
        value *v = &t->values[index];
        v->weight = o == 0 ? weight : -1;
        if (view)
            v->shown_at = (char *)v->array.data - (char *)t->values[f->inputs[0]].array.data;
        if (f->needs_grad && heed_dtype_real(v->array.dtype)) {
            v->flags = VALUE_NEEDS_GRAD | (view ? VALUE_VIEW : 0);
            v->node = (int32_t)t->n_nodes;
        }
        outs[o] = tape_handle(t, index);
    }
    return f->needs_grad || t->open_blocks ? record_node(t, f, call, first) : HEED_OK;
}

static heed_status check_finite(heed_tape *t, const heed_call *call) {
    for (int o = 0; o < call->n_out && !(call->op->flags & HEED_VIEW); o++) {
        int bad = array_not_finite(call->out[o]);
        if (bad)
            return tape_fail(t, tape_scope(t), call->op->name, HEED_NOT_FINITE, "its output %d, of shape %s, has %s", o,
                             HEED_SHAPE_STR(call->out[o]->shape), bad == 1 ? "a NaN" : "an inf");
    }
    return HEED_OK;
}

static heed_status run(heed_tape *t, const heed_op *op, const heed_tensor *in, int n_in, const void *attr,
                       heed_tensor *outs) {
    heed_profile_mark begun = {.started = 0};
    if (t->profile)
        begun = heed_profile_begin(t->profile);
    frame f; /* what is there of it is set by open_frame() */
    f.needs_grad = false;
    if (wrong_op(t, op) || open_frame(t, &f, op, n_in, attr) || resolve_inputs(t, &f, in) || pack_inputs(t, &f))
        return t->error.status;
    point_at_inputs(t, &f);
    void *own_attr = NULL;
    if (op->attr_size) {
        if ((own_attr = arena_take(&t->memory, op->attr_size)) == NULL)
            return tape_no_memory(t, op->name, op->attr_size);
        memcpy(own_attr, attr, op->attr_size);
    }
    heed_call call = {.op = op,
                      .attr = own_attr,
                      .n_in = n_in,
                      .n_out = f.n_out,
                      .in = f.in,
                      .out = f.out_at,
                      .weight = -1,
                      .threads = tape_thread_count(t),
                      .training = t->training,
                      .needs_grad = f.needs_grad,
                      .error = &t->error};
    if (op->flags & HEED_RANDOM)
        call.rng_key = tape_next_key(t);
    if (t->error.status || call_shape_rule(t, tape_scope(t), &call) || check_outputs(t, &call) ||
        take_outputs(t, &call) || run_forward(t, &call) || (t->anomaly && check_finite(t, &call)))
        return t->error.status;
    if (t->profile) /* record() may move what call.in points at */
        profile_call(t->profile, begun, t->recording ? HEED_PHASE_FORWARD : HEED_PHASE_ASIDE, tape_scope(t), &call);
    return record(t, &f, &call, outs);
}

heed_tensor heed_apply_many(heed_tape *t, const heed_op *op, const heed_tensor *in, int n_in, const void *attr,
                            heed_tensor *outs) {
    if (t->error.status == HEED_OK && run(t, op, in, n_in, attr, outs) == HEED_OK)
        return outs[0];
    bool may_ask = op && op->size == sizeof *op && op->outputs && (attr || op->attr_size == 0);
    int n_out = op && op->size == sizeof *op && op->n_out > 0 ? op->n_out : may_ask ? op->outputs(attr) : 1;
    for (int o = 0; o < n_out && o < HEED_MAX_OUTPUTS; o++)
        outs[o] = HEED_NIL;
    return HEED_NIL;
}

heed_tensor heed_apply(heed_tape *t, const heed_op *op, const heed_tensor *in, int n_in, const void *attr) {
    heed_tensor outs[HEED_MAX_OUTPUTS];
    return heed_apply_many(t, op, in, n_in, attr, outs);
}
