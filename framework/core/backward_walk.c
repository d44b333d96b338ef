/* The computing walk: each op's backward is called, and what it produced is settled where it belongs. */
#include "apply_internal.h"
#include "backward_internal.h"
#include "profile_internal.h"

/* A stack written while some of its parts were and some were not: the others start from zero. */
static void zero_unwritten(walk *w, const value *v) {
    const use *u = &w->t->uses[v->use];
    for (int i = u->first; i < u->first + u->entries; i++)
        if (!w->written[i])
            grads_zero_entry(w->grads, i);
}

/* v's gradient has a place of its own from now on, which begins as a copy of what it shared. */
static void copy_gradient(const walk *w, const value *v, size_t from) {
    const heed_array to = gradient_array(w, v);
    heed_array shared = to;
    shared.data = w->pool + from;
    heed_array_copy(&to, &shared, w->threads);
}

heed_array open_gradient(walk *w, value *v, const route *r) {
    if (v->use != NO_PARAM) {
        if (!r->first)
            zero_unwritten(w, v);
        mark_written(w, v);
    } else {
        value *root = &w->t->values[v->root];
        const size_t before = root->grad_offset;
        root->grad_offset = r->offset;
        root->pass = w->pass;
        if (r->moves)
            copy_gradient(w, v, before);
    }
    v->pass = w->pass;
    const heed_array a = gradient_array(w, v);
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

/* Arrays of one node's backward: on the stack as a rule, in the arena for ops with many inputs. */
enum { FEW = 4 };
typedef struct stage {
    heed_array few[5 * FEW];
    const heed_array *few_at[4 * FEW];
    bool few_flags[FEW];
    heed_array *in, *out, *dy, *dx, *target;
    const heed_array **in_at, **dy_at;
    heed_array **out_at, **dx_at;
    bool *accumulate;
    const route *routes;
} stage;

static bool open_stage(arena *a, const node *n, const route *routes, stage *s) {
    const size_t in = (size_t)n->n_in, out = (size_t)n->n_out;
    const bool few = in <= FEW && out <= FEW;
    s->in = few ? s->few : arena_take(a, (3 * in + 2 * out) * sizeof *s->in);
    s->in_at = few ? s->few_at : arena_take(a, (2 * in + 2 * out) * sizeof *s->in_at);
    s->accumulate = few ? s->few_flags : arena_take(a, in * sizeof *s->accumulate);
    if (!s->in || !s->in_at || !s->accumulate)
        return false;
    s->routes = routes;
    s->dx = s->in + in;
    s->target = s->dx + in;
    s->out = s->target + in;
    s->dy = s->out + out;
    s->dy_at = s->in_at + in;
    s->dx_at = (heed_array **)(s->dy_at + out);
    s->out_at = s->dx_at + in;
    return true;
}

/* What forward saw, without the data that the op has not declared; nothing is asked for yet. */
static void show_forward(const walk *w, const node *n, stage *s) {
    const value *values = w->t->values;
    for (int o = 0; o < n->n_out; o++) {
        s->out[o] = values[n->first_out + (uint32_t)o].array;
        if (!op_saves(n->op->save_out, o))
            s->out[o].data = NULL;
        s->out_at[o] = &s->out[o];
    }
    for (int i = 0; i < n->n_in; i++) {
        s->in_at[i] = NULL;
        s->dx_at[i] = NULL;
        s->accumulate[i] = false;
        if (n->inputs[i] == 0)
            continue;
        s->in[i] = values[n->inputs[i]].array;
        if ((n->op->flags & HEED_BROADCASTS) && !heed_shape_equal(s->in[i].shape, s->out[0].shape))
            s->in[i] = heed_array_expanded(&s->in[i], s->out[0].shape);
        if (!op_saves(n->op->save_in, i))
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
            s->dy[o] = v->array;
            s->dy[o].data = *scratch;
            heed_array_fill(&s->dy[o], 0, w->threads);
            *scratch += aligned_bytes(value_bytes(v));
            s->dy_at[o] = &s->dy[o];
        }
    }
}

/* False where backward need not be called: nobody asks for a gradient (of a parameter, when there are none to write to), or
 * it is dy. */
static bool open_targets(walk *w, const node *n, stage *s, char **scratch) {
    bool any = false;
    for (int i = 0; i < n->n_in; i++) {
        const route *r = &s->routes[i];
        if (r->kind == ROUTE_NONE)
            continue;
        value *v = &w->t->values[n->inputs[i]];
        s->target[i] = open_gradient(w, v, r);
        if (r->kind == ROUTE_DIRECT) {
            s->dx_at[i] = &s->target[i];
            s->accumulate[i] = !r->first;
        } else if (r->kind == ROUTE_ASIDE) {
            s->dx[i] = (heed_array){.data = *scratch, .dtype = v->array.dtype, .shape = produced_shape(w, n, i)};
            heed_array_set_strides(&s->dx[i]);
            s->dx_at[i] = &s->dx[i];
            *scratch += aligned_bytes(r->scratch);
        }
        any = any || s->dx_at[i];
    }
    return any;
}

/* What was not written where it belongs is brought there. */
static heed_status settle(walk *w, const node *n, stage *s) {
    for (int i = 0; i < n->n_in; i++) {
        const route *r = &s->routes[i];
        const heed_array *from = r->kind == ROUTE_PASSED ? s->dy_at[0] : r->kind == ROUTE_ASIDE ? &s->dx[i] : NULL;
        if (r->kind != ROUTE_NONE && w->t->anomaly && check_gradient(w, n, i, from ? from : &s->target[i]))
            return w->t->error.status;
        if (from == NULL)
            continue;
        if (r->sums)
            heed_array_sum_to(&s->target[i], from, !r->first, w->threads);
        else if (r->first)
            heed_array_copy(&s->target[i], from, w->threads);
        else
            heed_array_add(&s->target[i], from, w->threads);
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

static bool repeats(const heed_array *view) {
    for (int axis = 0; axis < view->shape.rank; axis++)
        if (view->stride[axis] == 0 && view->shape.n[axis] != 1)
            return true;
    return false;
}

/* Whether all of the node's outputs have a gradient, and it lies where it is wanted. */
static bool lies_there(const walk *w, const node *n) {
    for (int o = 0; o < n->n_out; o++) {
        const value *v = &w->t->values[n->first_out + (uint32_t)o];
        if (v->pass != w->pass || !lies_in_another(w, v))
            return false;
    }
    return true;
}

/* Whether views show each element of dx once. */
static bool cover(const heed_array *views, int n, const heed_array *dx) {
    int64_t shown = 0;
    for (int o = 0; o < n; o++) {
        if (repeats(&views[o]))
            return false;
        shown += heed_array_count(&views[o]);
    }
    return shown == heed_array_count(dx);
}

/* The gradient of a view is the same view of the gradient. */
static heed_status view_backward(walk *w, const node *n, stage *s, heed_call *call) {
    const route *r = &s->routes[0];
    if (r->kind == ROUTE_NONE)
        return HEED_OK;
    heed_array dx = open_gradient(w, &w->t->values[n->inputs[0]], r), *views = s->out;
    if (lies_there(w, n))
        return HEED_OK;
    const heed_array *shown = s->in_at[0];
    s->in_at[0] = &dx;
    const heed_status shaped = call_shape_rule(w->t, n->scope, call);
    s->in_at[0] = shown; /* who looks at the call afterwards finds no dx any more */
    if (shaped)
        return w->t->error.status;
    const bool writes = r->first && cover(views, n->n_out, &dx);
    if (r->first && !writes)
        heed_array_fill(&dx, 0, w->threads);
    for (int o = 0; o < n->n_out; o++) {
        if (call->dy[o] == NULL && writes)
            heed_array_fill(&views[o], 0, w->threads);
        else if (call->dy[o] == NULL || lies_in_another(w, &w->t->values[n->first_out + (uint32_t)o]))
            continue;
        else if (repeats(&views[o]))
            sum_repeats(&views[o], call->dy[o], w->threads);
        else if (writes)
            heed_array_copy(&views[o], call->dy[o], w->threads);
        else
            heed_array_add(&views[o], call->dy[o], w->threads);
    }
    return HEED_OK;
}

static heed_status node_backward(walk *w, node *n, const node_plan *planned) {
    heed_tape *t = w->t;
    heed_profile_mark begun = {.started = 0};
    if (t->profile)
        begun = heed_profile_begin(t->profile);
    stage s;
    char *scratch = w->pool + planned->scratch;
    arena_mark before = arena_note(&t->memory);
    if (!open_stage(&t->memory, n, t->routes + planned->routes, &s))
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

static heed_status walk_nodes(walk *w, int32_t last, int32_t first) {
    heed_tape *t = w->t;
    for (int32_t i = last; i >= first; i--)
        if (reached(w, &t->nodes[i]) && node_backward(w, &t->nodes[i], &w->nodes[i]))
            return t->error.status;
    return HEED_OK;
}

/* What lies behind a block, then the block, whose inner values are there meanwhile. */
heed_status compute_walk(walk *w, int32_t last) {
    for (size_t at = w->t->n_blocks; at-- > 0;) {
        const tape_block *b = &w->t->blocks[at];
        if (b->first > last)
            continue;
        const int32_t in = last < b->end ? last : b->end - 1;
        if (walk_nodes(w, last, b->end) || rerun_block(w, b, in) || walk_nodes(w, in, b->first))
            return w->t->error.status;
        release_block(w, b);
        last = b->first - 1;
    }
    return walk_nodes(w, last, 0);
}
