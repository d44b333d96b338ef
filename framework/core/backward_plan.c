/* The dry walk: what is reached, and where each gradient and each op's scratch will lie.
 *
 * route_of() decides, for the dry walk and the computing one alike, what happens to a gradient an op produces:
 *
 *     direct      the op writes (or, if it can, adds) where the gradient lives
 *     by the side the op writes into scratch, and the engine adds, or sums broadcast axes back, from there
 *
 * Parameters' gradients live in the heed_grads, all others in the plan's pool. */
#include "apply_internal.h"
#include "backward_internal.h"

/* ---- where a gradient goes ---- */

heed_shape produced_shape(const walk *w, const node *n, int i) {
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

/* Whether the gradients of two values share memory: one value, or parameters of which one is part or another name of the other. */
static bool overlap(const walk *w, uint32_t a, uint32_t b) {
    const value *x = &w->t->values[a], *y = &w->t->values[b];
    if (a == b || x->use == NO_PARAM || y->use == NO_PARAM)
        return a == b;
    extent e, f;
    model_extent(w->grads->model, w->t->uses[x->use].param.index, &e);
    model_extent(w->grads->model, w->t->uses[y->use].param.index, &f);
    return e.first < f.first + f.entries && f.first < e.first + e.entries;
}

/* Whether the op makes a gradient for the same memory twice, and this is not the first. */
static bool comes_again(const walk *w, const node *n, int i) {
    bool param = w->t->values[n->inputs[i]].use != NO_PARAM;
    for (int j = 0; j < i; j++)
        if ((param || n->inputs[j] == n->inputs[i]) && wanted(w, n, j) && overlap(w, n->inputs[j], n->inputs[i]))
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

void mark_written(walk *w, const value *v) {
    if (v->use == NO_PARAM)
        return;
    extent e;
    model_extent(w->grads->model, w->t->uses[v->use].param.index, &e);
    for (int i = 0; i < e.entries; i++)
        w->written[e.first + i] = true;
}

size_t value_bytes(const value *v) {
    return (size_t)heed_array_count(&v->array) * heed_dtype_size(v->array.dtype);
}

/* ---- the dry walk ---- */

size_t aligned_bytes(size_t bytes) {
    return (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
}

bool reached(const walk *w, const node *n) {
    for (int o = 0; o < n->n_out; o++)
        if (w->t->values[n->first_out + (uint32_t)o].pass == w->pass)
            return true;
    return false;
}

/* Bytes beside the gradients themselves: sums, zeros for outputs nobody used, workspace. */
static size_t node_scratch(const walk *w, const node *n) {
    size_t bytes = aligned_bytes(n->backward_workspace);
    for (int i = 0; i < n->n_in; i++)
        bytes += aligned_bytes(route_of(w, n, i).scratch);
    for (int o = 0; o < n->n_out && !(n->op->flags & (HEED_PARTIAL_DY | HEED_VIEW)); o++) {
        const value *v = &w->t->values[n->first_out + (uint32_t)o];
        if (v->pass != w->pass && heed_dtype_real(v->array.dtype))
            bytes += aligned_bytes(value_bytes(v));
    }
    return bytes;
}

static void plan_gradient(walk *w, value *v) {
    if (v->use != NO_PARAM)
        mark_written(w, v);
    else if (v->pass != w->pass)
        v->grad_offset = plan_take(&w->t->gradients, value_bytes(v));
    v->pass = w->pass;
}

/* Backward reads parameters where they lie, those too that get no gradient. */
static bool as_forward_saw_it(const heed_tape *t, uint32_t input) {
    int32_t at = t->values[input].use;
    return at == NO_PARAM || t->uses[at].model_version == t->uses[at].param.model->version;
}

bool keeps_grad(const value *v) {
    return (v->flags & VALUE_KEEP_GRAD) != 0;
}

static heed_status plan_node(walk *w, node *n, size_t *scratch_at) {
    heed_tape *t = w->t;
    if (n->walked)
        return tape_fail(
            t, scope_root(), "backward", HEED_STATE,
            "this recording was walked before: sum the losses first, or ask the first backward to retain it");
    for (int i = 0; i < n->n_in; i++)
        if (!as_forward_saw_it(t, n->inputs[i]))
            return tape_fail(t, scope_root(), "backward", HEED_STATE,
                             "parameters of the model have changed since the forward pass used them: record it again");
    size_t scratch = node_scratch(w, n);
    *scratch_at = plan_take(&t->gradients, scratch);
    for (int i = 0; i < n->n_in; i++)
        if (wanted(w, n, i))
            plan_gradient(w, &t->values[n->inputs[i]]);
    bool room = plan_give_back(&t->gradients, *scratch_at, scratch);
    for (int o = 0; o < n->n_out && room; o++) {
        const value *v = &t->values[n->first_out + (uint32_t)o];
        if (v->pass == w->pass && !keeps_grad(v))
            room = plan_give_back(&t->gradients, v->grad_offset, value_bytes(v));
    }
    return room ? HEED_OK : tape_no_memory(t, "backward", sizeof(plan_range));
}

heed_status dry_walk(walk *w, value *y, int32_t last) {
    heed_tape *t = w->t;
    t->gradients.memory = &t->memory;
    t->gradients.n_free = t->gradients.end = t->gradients.peak = t->gradients.total = 0;
    plan_gradient(w, y);
    for (int32_t i = last; i >= 0; i--)
        if (reached(w, &t->nodes[i]) && plan_node(w, &t->nodes[i], &w->scratch_at[i]))
            return t->error.status;
    if ((w->pool = arena_take(&t->memory, t->gradients.peak)) == NULL)
        return tape_no_memory(t, "backward", t->gradients.peak);
    t->gradient_bytes = t->gradients.peak;
    t->gradients_unplanned = t->gradients.total;
    return HEED_OK;
}
