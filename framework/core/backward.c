/* Backward: the tape walked in reverse, twice.
 *
 * The first walk is dry: it finds what is reached, and gives every gradient its place for the time between the first op
 * that writes it and the op whose output it belongs to. The second computes. Both ask route() what happens to each
 * gradient an op produces:
 *
 *     direct      the op writes (or, if it can, adds) where the gradient lives
 *     by the side the op writes into scratch, and the engine adds, or sums broadcast axes back, from there
 *
 * Parameters' gradients live in the heed_grads, all others in the plan's pool. */
#include <string.h>

#include "apply_internal.h"
#include "backward_internal.h"

/* ---- where a gradient goes ---- */

static heed_shape produced_shape(const walk *w, const node *n, int i) {
    bool expands = (n->op->flags & HEED_BROADCASTS) != 0;
    return w->t->values[expands ? n->first_out : n->inputs[i]].array.shape;
}

static bool entries_written(const bool *written, const extent *e) {
    for (int i = 0; i < e->entries; i++)
        if (written[e->first + i])
            return true;
    return false;
}

/* Whether a gradient of this value is asked for at all. */
static bool wanted(const walk *w, const node *n, int i) {
    if (n->inputs[i] == 0)
        return false;
    const value *v = &w->t->values[n->inputs[i]];
    if (!(v->flags & VALUE_NEEDS_GRAD) || !op_differentiates(n->op, &v->array, i))
        return false;
    return v->use == NO_PARAM || (w->grads && w->t->uses[v->use].param.model == w->grads->model);
}

/* Whether the op makes a gradient for the same value twice, and this is not the first. */
static bool comes_again(const walk *w, const node *n, int i) {
    for (int j = 0; j < i; j++)
        if (n->inputs[j] == n->inputs[i] && wanted(w, n, j))
            return true;
    return false;
}

route route_of(const walk *w, const node *n, int i) {
    route r = {.kind = ROUTE_NONE};
    if (!wanted(w, n, i))
        return r;
    const value *v = &w->t->values[n->inputs[i]];
    bool again = comes_again(w, n, i);
    if (v->use == NO_PARAM) {
        r.first = !again && v->pass != w->pass;
    } else {
        extent e;
        model_extent(w->grads->model, w->t->uses[v->use].param.index, &e);
        r.first = !again && !entries_written(w->written, &e);
    }
    heed_shape shape = produced_shape(w, n, i);
    r.sums = !heed_shape_equal(shape, v->array.shape);
    bool adds_itself = (n->op->flags & HEED_ACCUMULATES) != 0 && !again;
    r.kind = n->op->flags & HEED_VIEW                    ? ROUTE_VIEW
             : !r.sums && (r.first || adds_itself) ? ROUTE_DIRECT
                                                   : ROUTE_ASIDE;
    size_t bytes = 0;
    if (r.kind == ROUTE_ASIDE)
        array_bytes(shape, v->array.dtype, &bytes);
    r.scratch = bytes;
    return r;
}

/* Notes that the gradient has been written, in whichever walk this is. */
static void mark_written(walk *w, const value *v) {
    if (v->use == NO_PARAM)
        return;
    extent e;
    model_extent(w->grads->model, w->t->uses[v->use].param.index, &e);
    for (int i = 0; i < e.entries; i++)
        w->written[e.first + i] = true;
}

static size_t value_bytes(const value *v) {
    return (size_t)heed_array_count(&v->array) * heed_dtype_size(v->array.dtype);
}

/* ---- the dry walk ---- */

static size_t aligned(size_t bytes) {
    return (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
}

static bool reached(const walk *w, const node *n) {
    for (int o = 0; o < n->n_out; o++)
        if (w->t->values[n->first_out + (uint32_t)o].pass == w->pass)
            return true;
    return false;
}

/* Bytes beside the gradients themselves: sums, zeros for outputs nobody used, workspace. */
static size_t node_scratch(const walk *w, const node *n) {
    size_t bytes = aligned(n->backward_workspace);
    for (int i = 0; i < n->n_in; i++)
        bytes += aligned(route_of(w, n, i).scratch);
    for (int o = 0; o < n->n_out && !(n->op->flags & (HEED_PARTIAL_DY | HEED_VIEW)); o++) {
        const value *v = &w->t->values[n->first_out + (uint32_t)o];
        if (v->pass != w->pass && heed_dtype_real(v->array.dtype))
            bytes += aligned(value_bytes(v));
    }
    return bytes;
}

static heed_status plan_gradient(walk *w, value *v) {
    if (v->use != NO_PARAM) {
        const use *u = &w->t->uses[v->use];
        if (u->model_version != u->param.model->version)
            return tape_fail(w->t, scope_root(), "backward", HEED_STATE,
                             "parameters of the model have changed since the forward pass used them: record it again");
        mark_written(w, v);
    } else if (v->pass != w->pass) {
        v->grad_offset = plan_take(&w->t->gradients, value_bytes(v));
    }
    v->pass = w->pass;
    return HEED_OK;
}

static bool kept(const value *v) {
    return (v->flags & VALUE_KEEP_GRAD) != 0;
}

static heed_status plan_node(walk *w, node *n, size_t *scratch_at) {
    heed_tape *t = w->t;
    if (n->walked)
        return tape_fail(t, scope_root(), "backward", HEED_STATE,
                         "this recording was walked before: sum the losses first, or ask the first backward to retain it");
    size_t scratch = node_scratch(w, n);
    *scratch_at = plan_take(&t->gradients, scratch);
    for (int i = 0; i < n->n_in; i++)
        if (wanted(w, n, i) && plan_gradient(w, &t->values[n->inputs[i]]))
            return t->error.status;
    bool room = plan_give_back(&t->gradients, *scratch_at, scratch);
    for (int o = 0; o < n->n_out && room; o++) {
        const value *v = &t->values[n->first_out + (uint32_t)o];
        if (v->pass == w->pass && !kept(v))
            room = plan_give_back(&t->gradients, v->grad_offset, value_bytes(v));
    }
    return room ? HEED_OK : tape_no_memory(t, "backward", sizeof(plan_range));
}

static heed_status dry_walk(walk *w, value *y, int32_t last) {
    heed_tape *t = w->t;
    t->gradients.memory = &t->memory;
    t->gradients.n_free = t->gradients.end = t->gradients.peak = t->gradients.total = 0;
    if (plan_gradient(w, y))
        return t->error.status;
    for (int32_t i = last; i >= 0; i--)
        if (reached(w, &t->nodes[i]) && plan_node(w, &t->nodes[i], &w->scratch_at[i]))
            return t->error.status;
    if ((w->pool = arena_take(&t->memory, t->gradients.peak)) == NULL)
        return tape_no_memory(t, "backward", t->gradients.peak);
    t->gradient_bytes = t->gradients.peak;
    t->gradients_unplanned = t->gradients.total;
    return HEED_OK;
}

/* ---- computing ---- */

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

static heed_array opened(walk *w, value *v, const route *r) {
    if (!r->first)
        zero_unwritten(w, v);
    heed_array a = gradient_array(w, v);
    mark_written(w, v);
    v->pass = w->pass;
    v->grad = a.data;
    return a;
}

/* The gradient of a view is the same view of the gradient. */
static heed_status view_backward(walk *w, node *n, heed_call *call) {
    heed_tape *t = w->t;
    route r = route_of(w, n, 0);
    if (r.kind == ROUTE_NONE)
        return HEED_OK;
    value *x = &t->values[n->inputs[0]];
    heed_array dx = opened(w, x, &r), outs[HEED_MAX_OUTPUTS], *out_at[HEED_MAX_OUTPUTS];
    int64_t covered = 0;
    for (int o = 0; o < n->n_out; o++) {
        outs[o] = (heed_array){.data = NULL};
        out_at[o] = &outs[o];
    }
    call->in = (const heed_array *const[]){&dx};
    call->out = out_at;
    if (call_shape_rule(t, n->scope, call))
        return t->error.status;
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

/* view += dy, where the view shows elements several times (strides 0). */
void sum_repeats(const heed_array *view, const heed_array *dy, int threads) {
    heed_array once = *view;
    for (int axis = 0; axis < once.shape.rank; axis++)
        if (once.stride[axis] == 0)
            once.shape.n[axis] = once.shape.n[axis] == 0 ? 0 : 1;
    heed_array_sum_to(&once, dy, true, threads);
}

static heed_status check_gradient(walk *w, const node *n, int i, const heed_array *dx) {
    int bad = array_not_finite(dx);
    if (!bad)
        return HEED_OK;
    return tape_fail(w->t, n->scope, n->op->name, HEED_NOT_FINITE, "backward: the gradient of its input %d, of shape %s, has %s", i,
                     HEED_SHAPE_STR(dx->shape), bad == 1 ? "a NaN" : "an inf");
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
            *scratch += aligned(value_bytes(v));
            s->dy_at[o] = &s->dy[o];
        }
    }
}

static void open_targets(walk *w, const node *n, stage *s, char **scratch) {
    for (int i = 0; i < n->n_in; i++) {
        route r = s->routes[i] = route_of(w, n, i);
        s->dx_at[i] = NULL;
        s->accumulate[i] = false;
        if (r.kind == ROUTE_NONE)
            continue;
        value *v = &w->t->values[n->inputs[i]];
        s->target[i] = opened(w, v, &r);
        s->dx[i] = s->target[i];
        s->dx_at[i] = &s->dx[i];
        if (r.kind == ROUTE_DIRECT) {
            s->accumulate[i] = !r.first;
            continue;
        }
        s->dx[i] = (heed_array){.data = *scratch, .dtype = v->array.dtype, .shape = produced_shape(w, n, i)};
        heed_array_set_strides(&s->dx[i]);
        *scratch += aligned(r.scratch);
    }
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

static heed_status node_backward(walk *w, node *n, char *scratch) {
    heed_tape *t = w->t;
    stage s;
    arena_mark before = arena_note(&t->memory);
    if (!take_stage(&t->memory, n, &s))
        return tape_no_memory(t, n->op->name, sizeof s);
    heed_call call = {.op = n->op, .attr = n->attr, .n_in = n->n_in, .n_out = n->n_out, .in = s.in_at, .out = s.out_at, .dy = s.dy_at,
                      .dx = s.dx_at, .accumulate = s.accumulate, .saved = n->saved, .saved_bytes = n->saved_bytes, .workspace = scratch,
                      .backward_workspace_bytes = n->backward_workspace, .weight = -1, .rng_key = n->rng_key, .threads = w->threads,
                      .training = n->training, .needs_grad = true, .error = &t->error};
    scratch += aligned(n->backward_workspace);
    show_forward(w, n, &s);
    show_dy(w, n, &s, &scratch);
    heed_status status;
    if (n->op->flags & HEED_VIEW) {
        status = view_backward(w, n, &call);
    } else {
        const value *in0 = n->op->dispatch >= 0 && n->inputs[n->op->dispatch] ? &t->values[n->inputs[n->op->dispatch]] : NULL;
        heed_dtype dtype = in0 ? in0->array.dtype : t->values[n->first_out].array.dtype;
        open_targets(w, n, &s, &scratch);
        op_kernel(n->op->backward, n->op->backward_any, dtype)(&call);
        status = settle(w, n, &s);
    }
    n->walked = !w->retain;
    arena_rewind(&t->memory, before);
    return status;
}

static heed_status compute_walk(walk *w, int32_t last) {
    heed_tape *t = w->t;
    for (int32_t i = last; i >= 0; i--)
        if (reached(w, &t->nodes[i]) && node_backward(w, &t->nodes[i], w->pool + w->scratch_at[i]))
            return t->error.status;
    return HEED_OK;
}

/* ---- the whole ---- */

/* dL/dy: ones (y has one element) or the seed, times this loss's share. */
static void seed_gradient(walk *w, value *y, heed_tensor seed, double share) {
    route r = {.kind = ROUTE_DIRECT, .first = true};
    heed_array dy = opened(w, y, &r);
    if (heed_is_nil(seed)) {
        heed_array_fill(&dy, share, w->threads);
        return;
    }
    heed_array_copy(&dy, &w->t->values[seed.index].array, w->threads);
    if (share == 1)
        return;
    int64_t count = heed_array_count(&dy);
    for (int64_t i = 0; i < count; i++) {
        if (dy.dtype == HEED_F64)
            ((double *)dy.data)[i] *= share;
        else
            ((float *)dy.data)[i] *= (float)share;
    }
}

static heed_status check_start(heed_tape *t, uint32_t index, heed_tensor seed, heed_grads *g) {
    const value *y = &t->values[index];
    const heed_scope *root = scope_root();
    if (!(y->flags & VALUE_NEEDS_GRAD) || y->use != NO_PARAM)
        return tape_fail(t, root, "backward", HEED_INVALID,
                         y->use != NO_PARAM ? "the loss is a parameter itself: compute something from it"
                                            : "the loss does not depend on any trainable parameter or variable, or recording was off");
    if (heed_is_nil(seed)) {
        if (heed_array_count(&y->array) != 1)
            return tape_fail(t, root, "backward", HEED_INVALID, "the loss has shape %s; it must have one element, or a seed of its shape",
                             HEED_SHAPE_STR(y->array.shape));
    } else {
        uint32_t at = tape_resolve(t, "backward", seed, "the seed");
        if (at == 0)
            return t->error.status;
        const heed_array *s = &t->values[at].array;
        if (!heed_shape_equal(s->shape, y->array.shape) || s->dtype != y->array.dtype)
            return tape_fail(t, root, "backward", HEED_INVALID, "the seed is %s %s; it must be like the value it seeds, %s %s",
                             heed_dtype_name(s->dtype), HEED_SHAPE_STR(s->shape), heed_dtype_name(y->array.dtype), HEED_SHAPE_STR(y->array.shape));
    }
    if (g && g->error.status)
        return tape_fail(t, root, "backward", g->error.status, "%s", g->error.text);
    if (g && g->poisoned)
        return tape_fail(t, root, "backward", HEED_STATE, "the gradients are poisoned by a backward that failed: heed_grads_clear them first");
    return HEED_OK;
}

static heed_status walk_back(heed_tape *t, heed_tensor loss, heed_grads *g, heed_backward_options options) {
    uint32_t index = tape_resolve(t, "backward", loss, "the loss");
    if (index == 0 || check_start(t, index, options.seed, g))
        return t->error.status;
    walk w = {.t = t, .grads = g, .retain = options.retain, .threads = tape_thread_count(t)};
    int32_t last = t->values[index].node;
    w.scratch_at = arena_take(&t->memory, (size_t)(last + 1) * sizeof *w.scratch_at);
    bool *planned = g ? arena_take(&t->memory, g->n_entries * sizeof *planned) : NULL;
    if (w.scratch_at == NULL || (g && planned == NULL))
        return tape_no_memory(t, "backward", (size_t)(last + 1) * sizeof *w.scratch_at);
    double share = 1;
    if (g && grads_open(g, t->values[index].weight, w.threads, &share))
        return tape_fail(t, scope_root(), "backward", g->error.status, "%s", g->error.text);
    if (g)
        memcpy(planned, g->written, g->n_entries * sizeof *planned);
    w.written = planned;
    w.pass = ++t->passes;
    if (dry_walk(&w, &t->values[index], last))
        return t->error.status;
    w.written = g ? g->written : NULL;
    /* The computing walk counts as a pass of its own: route_of() must see each gradient unwritten again. */
    w.pass = ++t->passes;
    seed_gradient(&w, &t->values[index], options.seed, share);
    if (compute_walk(&w, last))
        return t->error.status;
    if (g)
        grads_close(g, t->values[index].weight);
    return HEED_OK;
}

heed_status heed_backward_with(heed_tape *t, heed_tensor y, heed_grads *g, heed_backward_options options) {
    heed_status status = t->error.status ? t->error.status : walk_back(t, y, g, options);
    if (status && g)
        grads_poison(g);
    return status;
}

heed_status heed_backward(heed_tape *t, heed_tensor loss, heed_grads *g) {
    return heed_backward_with(t, loss, g, (heed_backward_options){.retain = false});
}

heed_tensor heed_keep_grad(heed_tape *t, heed_tensor x) {
    uint32_t index = tape_resolve(t, "keep_grad", x, "the tensor");
    if (index)
        t->values[index].flags |= VALUE_KEEP_GRAD;
    return x;
}

heed_tensor heed_grad(heed_tape *t, heed_tensor x) {
    uint32_t index = tape_resolve(t, "grad", x, "the tensor");
    if (index == 0)
        return HEED_NIL;
    const value *v = &t->values[index];
    if (!kept(v) || !(v->flags & VALUE_NEEDS_GRAD) || v->use != NO_PARAM)
        return heed_fail_tape(t, HEED_INVALID, "grad: no gradient of this tensor is kept: make it a variable, or heed_keep_grad it before backward%s",
                              v->use != NO_PARAM ? " (a parameter's is in the heed_grads)" : "");
    if (t->passes == 0)
        return heed_fail_tape(t, HEED_STATE, "grad: no backward has run on this tape yet");
    heed_array shape = v->array;
    bool reached_it = v->pass == t->passes;
    void *data = v->grad;
    if (!reached_it)
        return heed_zeros(t, shape.dtype, shape.shape);
    uint32_t at = tape_new_value(t, shape.dtype, shape.shape);
    if (at == 0)
        tape_no_memory(t, "grad", sizeof(value));
    else
        t->values[at].array.data = data;
    return tape_handle(t, at);
}
