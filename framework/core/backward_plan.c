/* The dry walk: what is reached, and where each gradient and each op's scratch will lie (backward_route.c decides which
 * gradients share memory). */
#include "apply_internal.h"
#include "backward_internal.h"

bool reached(const walk *w, const node *n) {
    for (int o = 0; o < n->n_out; o++)
        if (w->t->values[n->first_out + (uint32_t)o].pass == w->pass)
            return true;
    return false;
}

/* Bytes beside the gradients themselves: what does not go where it belongs at once, zeros for outputs nobody used, workspace. */
static size_t node_scratch(const walk *w, const node *n, const route *routes) {
    size_t bytes = aligned_bytes(n->backward_workspace);
    for (int i = 0; i < n->n_in; i++)
        bytes += aligned_bytes(routes[i].scratch);
    for (int o = 0; o < n->n_out && !(n->op->flags & (HEED_PARTIAL_DY | HEED_VIEW)); o++) {
        const value *v = &w->t->values[n->first_out + (uint32_t)o];
        if (v->pass != w->pass && heed_dtype_real(v->array.dtype))
            bytes += aligned_bytes(value_bytes(v));
    }
    return bytes;
}

/* Backward, and what runs again, reads parameters where they lie, those too that get no gradient. */
static bool as_forward_saw_it(const heed_tape *t, uint32_t input) {
    int32_t at = t->values[input].use;
    return at == NO_PARAM || t->uses[at].model_version == t->uses[at].param.model->version;
}

static heed_status check_walked(heed_tape *t, const node *n) {
    if (!n->walked)
        return HEED_OK;
    return tape_fail(t, scope_root(), "backward", HEED_STATE,
                     "this recording was walked before: sum the losses first, or ask the first backward to retain it");
}

static heed_status check_parameters(heed_tape *t, const node *n) {
    for (int i = 0; i < n->n_in; i++)
        if (!as_forward_saw_it(t, n->inputs[i]))
            return tape_fail(t, scope_root(), "backward", HEED_STATE,
                             "parameters of the model have changed since the forward pass used them: record it again");
    return HEED_OK;
}

/* One route an input; those behind a view's first input bring nothing. */
static bool take_routes(walk *w, const node *n, node_plan *planned) {
    heed_tape *t = w->t;
    const size_t count = t->n_routes + (size_t)n->n_in;
    route *grown = arena_grow(&t->memory, t->routes, &t->cap_routes, count, sizeof *grown);
    if (grown == NULL)
        return false;
    t->routes = grown;
    planned->routes = (uint32_t)t->n_routes;
    route *routes = t->routes + t->n_routes;
    t->n_routes = count;
    for (int i = 0; i < n->n_in; i++) {
        if (i > 0 && (n->op->flags & HEED_VIEW))
            routes[i] = (route){.kind = ROUTE_NONE};
        else if (!take_route(w, n, i, &routes[i]))
            return false;
    }
    return true;
}

static heed_status plan_node(walk *w, const node *n, node_plan *planned) {
    heed_tape *t = w->t;
    if (check_walked(t, n))
        return t->error.status;
    bool room = take_routes(w, n, planned);
    if (room) {
        const size_t scratch = node_scratch(w, n, t->routes + planned->routes);
        planned->scratch = plan_take(&t->gradients, scratch);
        room = plan_give_back(&t->gradients, planned->scratch, scratch);
    }
    for (int o = 0; o < n->n_out && room; o++)
        room = leave_place(w, &t->values[n->first_out + (uint32_t)o]);
    return room ? HEED_OK : tape_no_memory(t, "backward", sizeof(plan_range));
}

heed_status dry_walk(walk *w, uint32_t start, int32_t last) {
    heed_tape *t = w->t;
    t->gradients.memory = &t->memory;
    t->gradients.n_free = t->gradients.end = t->gradients.peak = 0;
    t->n_places = t->n_routes = 0;
    t->gradients_unplanned = 0;
    find_roots(w, start, last);
    w->seed = (route){.kind = ROUTE_DIRECT, .first = true};
    if (!take_place(w, NULL, &t->values[start], &w->seed))
        return tape_no_memory(t, "backward", sizeof(grad_place));
    for (int32_t i = last; i >= 0; i--) {
        const node *n = &t->nodes[i];
        const bool walks = reached(w, n);
        if (walks && plan_node(w, n, &w->nodes[i]))
            return t->error.status;
        if (n->inner)
            plan_rerun(w, n, &w->nodes[i]);
        if ((walks || (n->inner && w->nodes[i].rerun)) && check_parameters(t, n))
            return t->error.status;
    }
    if ((w->pool = arena_take(&t->memory, t->gradients.peak)) == NULL)
        return tape_no_memory(t, "backward", t->gradients.peak);
    t->gradient_bytes = t->gradients.peak;
    return HEED_OK;
}
