/* The computing walk: each op's backward is called, and what it produced is settled where it belongs. */
#include "apply_internal.h"
#include "backward_internal.h"
#include "profile_internal.h"

/* The place of v's gradient, contiguous. */
static heed_array gradient_array(const walk *w, const value *v) {
    heed_array a = {.dtype = v->array.dtype, .shape = v->array.shape};
    if (v->use == NO_PARAM) {
        a.data = w->pool + v->grad_offset;
    } else {
        extent e;
        model_extent(w->grads->model, w->t->uses[v->use].param.index, &e);
        a.data = (char *)w->grads->data + (size_t)e.offset * heed_dtype_size(a.dtype);
    }
    heed_array_set_strides(&a);
    return a;
}

/* A stack written while some of its parts were and some were not: the others start from zero. */
static void zero_unwritten(walk *w, const value *v) {
    if (v->use == NO_PARAM)
        return;
    extent e;
    model_extent(w->grads->model, w->t->uses[v->use].param.index, &e);
    for (int i = e.first; i < e.first + e.entries; i++)
        if (!w->written[i])
            grads_zero_entry(w->grads, i);
}

heed_array open_gradient(walk *w, value *v, const route *r) {
    if (!r->first)
        zero_unwritten(w, v);
    heed_array a = gradient_array(w, v);
    mark_written(w, v);
    v->pass = w->pass;
    v->grad = keeps_grad(v) ? a.data : NULL; /* else its place is given to others */
    return a;
}

static heed_status check_gradient(walk *w, const node *n, int i, const heed_array *dx) {
    int bad = array_not_finite(dx);
    if (!bad)
        return HEED_OK;
    return tape_fail(w->t, n->scope, n->op->name, HEED_NOT_FINITE,
                     "backward: the gradient of its input %d, of shape %s, has %s", i, HEED_SHAPE_STR(dx->shape),
                     bad == 1 ? "a NaN" : "an inf");
}

/* Arrays of one node's backward, in the arena until it is done. */
typedef struct stage {
    heed_array *in, *out, *dy, *dx, *target;
    const heed_array **in_at, **dy_at;
    heed_array **out_at, **dx_at;
    route *routes;
    bool *accumulate;
} stage;

static bool take_stage(arena *a, const node *n, stage *s) {
    size_t in = (size_t)n->n_in, out = (size_t)n->n_out;
    s->in = arena_take(a, (3 * in + 2 * out) * sizeof *s->in);
    s->in_at = arena_take(a, (2 * in + 2 * out) * sizeof *s->in_at);
    s->routes = arena_take(a, in * sizeof *s->routes);
    s->accumulate = arena_take(a, in * sizeof *s->accumulate);
    if (!s->in || !s->in_at || !s->routes || !s->accumulate)
        return false;
    s->dx = s->in + in;
    s->target = s->dx + in;
    s->out = s->target + in;
    s->dy = s->out + out;
    s->dy_at = s->in_at + in;
    s->dx_at = (heed_array **)(s->dy_at + out);
    s->out_at = s->dx_at + in;
    return true;
}

static bool saves(unsigned mask, int i) {
    return mask == (unsigned)HEED_SAVE_ALL || (i < 32 && (mask >> i & 1));
}

/* What forward saw, without the data that the op has not declared. */
static void show_forward(const walk *w, const node *n, stage *s) {
    const value *values = w->t->values;
    for (int o = 0; o < n->n_out; o++) {
        s->out[o] = values[n->first_out + (uint32_t)o].array;
        if (!saves(n->op->save_out, o))
            s->out[o].data = NULL;
        s->out_at[o] = &s->out[o];
    }
    for (int i = 0; i < n->n_in; i++) {
        s->in_at[i] = NULL;
        if (n->inputs[i] == 0)
            continue;
        s->in[i] = values[n->inputs[i]].array;
        if (n->op->flags & HEED_BROADCASTS)
            s->in[i] = heed_array_expanded(&s->in[i], s->out[0].shape);
        if (!saves(n->op->save_in, i))
            s->in[i].data = NULL;
        s->in_at[i] = &s->in[i];
    }
}

static void show_dy(walk *w, const node *n, stage *s, char **scratch) {
    for (int o = 0; o < n->n_out; o++) {
        const value *v = &w->t->values[n->first_out + (uint32_t)o];
        s->dy_at[o] = NULL;
        if (v->pass == w->pass) {
            s->dy[o] = gradient_array(w, v);
            s->dy_at[o] = &s->dy[o];
        } else if (heed_dtype_real(v->array.dtype) && !(n->op->flags & (HEED_PARTIAL_DY | HEED_VIEW))) {
            s->dy[o] = (heed_array){.data = *scratch, .dtype = v->array.dtype, .shape = v->array.shape};
            heed_array_set_strides(&s->dy[o]);
            heed_array_fill(&s->dy[o], 0, w->threads);
            *scratch += aligned_bytes(value_bytes(v));
            s->dy_at[o] = &s->dy[o];
        }
    }
}

/* False where nobody asks for any: of a parameter, when there are no gradients to write to. */
static bool open_targets(walk *w, const node *n, stage *s, char **scratch) {
    bool any = false;
    for (int i = 0; i < n->n_in; i++) {
        route r = s->routes[i] = route_of(w, n, i);
        s->dx_at[i] = NULL;
        s->accumulate[i] = false;
        if (r.kind == ROUTE_NONE)
            continue;
        any = true;
        value *v = &w->t->values[n->inputs[i]];
        s->target[i] = open_gradient(w, v, &r);
        s->dx[i] = s->target[i];
        s->dx_at[i] = &s->dx[i];
        if (r.kind == ROUTE_DIRECT) {
            s->accumulate[i] = !r.first;
            continue;
        }
        s->dx[i] = (heed_array){.data = *scratch, .dtype = v->array.dtype, .shape = produced_shape(w, n, i)};
        heed_array_set_strides(&s->dx[i]);
        *scratch += aligned_bytes(r.scratch);
    }
    return any;
}

static heed_status settle(walk *w, const node *n, stage *s) {
    for (int i = 0; i < n->n_in; i++) {
        const route *r = &s->routes[i];
        if (r->kind == ROUTE_NONE)
            continue;
        if (w->t->anomaly && check_gradient(w, n, i, &s->dx[i]))
            return w->t->error.status;
        if (r->kind != ROUTE_ASIDE)
            continue;
        if (r->sums)
            heed_array_sum_to(&s->target[i], &s->dx[i], !r->first, w->threads);
        else
            heed_array_add(&s->target[i], &s->dx[i], w->threads);
    }
    return HEED_OK;
}

/* view += dy, where the view shows elements several times (strides 0). */
static void sum_repeats(const heed_array *view, const heed_array *dy, int threads) {
    heed_array once = *view;
    for (int axis = 0; axis < once.shape.rank; axis++)
        if (once.stride[axis] == 0)
            once.shape.n[axis] = once.shape.n[axis] == 0 ? 0 : 1;
    heed_array_sum_to(&once, dy, true, threads);
}

/* The gradient of a view is the same view of the gradient. */
static heed_status view_backward(walk *w, node *n, stage *s, heed_call *call) {
    route r = route_of(w, n, 0);
    if (r.kind == ROUTE_NONE)
        return HEED_OK;
    heed_array dx = open_gradient(w, &w->t->values[n->inputs[0]], &r), *outs = s->out;
    s->in_at[0] = &dx;
    if (call_shape_rule(w->t, n->scope, call))
        return w->t->error.status;
    int64_t covered = 0;
    for (int o = 0; o < n->n_out; o++)
        covered += call->dy[o] ? heed_array_count(&outs[o]) : 0;
    bool repeats = false;
    for (int axis = 0; axis < outs[0].shape.rank; axis++)
        repeats = repeats || (outs[0].stride[axis] == 0 && outs[0].shape.n[axis] != 1);
    bool writes = r.first && !repeats && covered == heed_array_count(&dx);
    if (r.first && !writes)
        heed_array_fill(&dx, 0, w->threads);
    for (int o = 0; o < n->n_out; o++) {
        if (call->dy[o] == NULL)
            continue;
        if (repeats)
            sum_repeats(&outs[o], call->dy[o], w->threads);
        else if (writes)
            heed_array_copy(&outs[o], call->dy[o], w->threads);
        else
            heed_array_add(&outs[o], call->dy[o], w->threads);
    }
    return HEED_OK;
}

static heed_status node_backward(walk *w, node *n, char *scratch) {
    heed_tape *t = w->t;
    heed_profile_mark begun = {.started = 0};
    if (t->profile)
        begun = heed_profile_begin(t->profile);
    stage s;
    arena_mark before = arena_note(&t->memory);
    if (!take_stage(&t->memory, n, &s))
        return tape_no_memory(t, n->op->name, sizeof s);
    heed_call call = {.op = n->op,
                      .attr = n->attr,
                      .n_in = n->n_in,
                      .n_out = n->n_out,
                      .in = s.in_at,
                      .out = s.out_at,
                      .dy = s.dy_at,
                      .dx = s.dx_at,
                      .accumulate = s.accumulate,
                      .saved = n->saved,
                      .saved_bytes = n->saved_bytes,
                      .workspace = scratch,
                      .backward_workspace_bytes = n->backward_workspace,
                      .weight = -1,
                      .rng_key = n->rng_key,
                      .threads = n->threads,
                      .training = n->training,
                      .needs_grad = true,
                      .error = &t->error};
    scratch += aligned_bytes(n->backward_workspace);
    show_forward(w, n, &s);
    show_dy(w, n, &s, &scratch);
    heed_status status;
    if (n->op->flags & HEED_VIEW) {
        status = view_backward(w, n, &s, &call);
    } else {
        const value *in0 =
            n->op->dispatch >= 0 && n->inputs[n->op->dispatch] ? &t->values[n->inputs[n->op->dispatch]] : NULL;
        heed_dtype dtype = in0 ? in0->array.dtype : t->values[n->first_out].array.dtype;
        if (open_targets(w, n, &s, &scratch))
            op_kernel(n->op->backward, n->op->backward_any, dtype)(&call);
        status = settle(w, n, &s);
    }
    n->walked = !w->retain;
    if (t->profile)
        profile_call(t->profile, begun, HEED_PHASE_BACKWARD, n->scope, &call);
    arena_rewind(&t->memory, before);
    return status;
}

heed_status compute_walk(walk *w, int32_t last) {
    heed_tape *t = w->t;
    for (int32_t i = last; i >= 0; i--)
        if (reached(w, &t->nodes[i]) && node_backward(w, &t->nodes[i], w->pool + w->scratch_at[i]))
            return t->error.status;
    return HEED_OK;
}
