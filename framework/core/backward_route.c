/* Where each gradient lies, and what becomes of what an op's backward produces. A gradient lies
 *
 *     in the heed_grads       a parameter's
 *     in another gradient     a view's, where views are all that the value they show is used for: they lie in that value's
 *                             gradient as they lie in the value, and the view's own backward has nothing to do
 *     in the plan's pool      any other's, packed or laid out as its value is. Where an op only passes its gradient on,
 *                             several values have one place, until one of them is added to: that one then moves
 *
 * The dry walk decides; the computing walk follows the routes it has left. */
#include "apply_internal.h"
#include "backward_internal.h"

/* ---- whose gradient lies in another's ---- */

/* Whether the views that n makes show each element of its input once, all together. */
static bool shows_all_once(const heed_tape *t, const node *n) {
    int64_t shown = 0;
    for (int o = 0; o < n->n_out; o++) {
        const heed_array *view = &t->values[n->first_out + (uint32_t)o].array;
        for (int axis = 0; axis < view->shape.rank; axis++)
            if (view->stride[axis] == 0 && view->shape.n[axis] != 1)
                return false;
        shown += heed_array_count(view);
    }
    return shown == heed_array_count(&t->values[n->inputs[0]].array);
}

static uint32_t index_of(const walk *w, const value *v) {
    return (uint32_t)(v - w->t->values);
}

bool lies_in_another(const walk *w, const value *v) {
    return v->root != index_of(w, v);
}

/* A view with a place of its own has its gradient packed there; every other gradient is laid out as its value. */
static bool packed_by_itself(const walk *w, const value *v) {
    return v->use != NO_PARAM || ((v->flags & VALUE_VIEW) && !lies_in_another(w, v));
}

static bool packed(const walk *w, const value *v) {
    return packed_by_itself(w, v) || heed_array_contiguous(&v->array);
}

void find_roots(walk *w, uint32_t start, int32_t last) {
    value *values = w->t->values;
    for (int32_t i = 0; i <= last; i++) {
        const node *n = &w->t->nodes[i];
        if (!(n->op->flags & HEED_VIEW) || n->constant)
            continue;
        const value *shown = &values[n->inputs[0]];
        bool room = shown->use == NO_PARAM && shown->users == 1 && (shown->flags & VALUE_NEEDS_GRAD) &&
                    (!packed_by_itself(w, shown) || heed_array_contiguous(&shown->array)) && shows_all_once(w->t, n);
        for (uint32_t at = n->first_out; at < n->first_out + (uint32_t)n->n_out; at++) {
            const bool lies = room && !keeps_grad(&values[at]) && at != start;
            values[at].root = lies ? shown->root : at;
            values[at].root_at = lies ? shown->root_at + values[at].shown_at : 0;
        }
    }
}

heed_array gradient_array(const walk *w, const value *v) {
    heed_array a = v->array;
    if (v->use != NO_PARAM) {
        a.data = (char *)w->grads->data + (size_t)w->t->uses[v->use].offset * heed_dtype_size(a.dtype);
    } else {
        a.data = w->pool + w->t->values[v->root].grad_offset + v->root_at;
    }
    if (packed_by_itself(w, v))
        heed_array_set_strides(&a);
    return a;
}

/* ---- what is asked for ---- */

heed_shape produced_shape(const walk *w, const node *n, int i) {
    bool expands = (n->op->flags & HEED_BROADCASTS) != 0;
    return w->t->values[expands ? n->first_out : n->inputs[i]].array.shape;
}

static bool entries_written(const walk *w, const use *u) {
    for (int i = u->first; i < u->first + u->entries; i++)
        if (w->written[i])
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
    const use *u = &w->t->uses[x->use], *v = &w->t->uses[y->use];
    return u->first < v->first + v->entries && v->first < u->first + u->entries;
}

/* Whether the op makes a gradient for the same memory twice, and this is not the first. */
static bool comes_again(const walk *w, const node *n, int i) {
    bool param = w->t->values[n->inputs[i]].use != NO_PARAM;
    for (int j = 0; j < i; j++)
        if ((param || n->inputs[j] == n->inputs[i]) && wanted(w, n, j) && overlap(w, n->inputs[j], n->inputs[i]))
            return true;
    return false;
}

bool keeps_grad(const value *v) {
    return (v->flags & VALUE_KEEP_GRAD) != 0;
}

/* ---- places ---- */

size_t value_bytes(const value *v) {
    return (size_t)heed_array_count(&v->array) * heed_dtype_size(v->array.dtype);
}

size_t aligned_bytes(size_t bytes) {
    return (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
}

void mark_written(walk *w, const value *v) {
    if (v->use == NO_PARAM)
        return;
    const use *u = &w->t->uses[v->use];
    for (int i = u->first; i < u->first + u->entries; i++)
        w->written[i] = true;
}

static bool new_place(walk *w, value *v) {
    heed_tape *t = w->t;
    grad_place *grown = arena_grow(&t->memory, t->places, &t->cap_places, t->n_places + 1, sizeof *grown);
    if (grown == NULL)
        return false;
    t->places = grown;
    const size_t bytes = value_bytes(v);
    v->grad_offset = plan_take(&t->gradients, bytes);
    v->place = (uint32_t)t->n_places;
    t->places[t->n_places++] = (grad_place){.offset = v->grad_offset, .bytes = bytes, .holders = 1};
    return true;
}

bool take_place(walk *w, const node *n, value *v, route *r) {
    heed_tape *t = w->t;
    bool room = true;
    if (v->use != NO_PARAM) {
        mark_written(w, v);
    } else {
        value *root = &t->values[v->root];
        if (v->pass != w->pass)
            t->gradients_unplanned += aligned_bytes(value_bytes(v));
        if (r->kind == ROUTE_SHARED) {
            const value *dy = &t->values[n->first_out];
            v->place = dy->place;
            v->grad_offset = dy->grad_offset;
            t->places[v->place].holders++;
        } else if (root->pass != w->pass) {
            room = new_place(w, root);
        } else if (t->places[root->place].holders > 1) {
            r->moves = true;
            t->places[root->place].holders--;
            room = new_place(w, root);
        }
        root->pass = w->pass;
        r->offset = root->grad_offset;
    }
    v->pass = w->pass;
    return room;
}

bool leave_place(walk *w, const value *v) {
    if (v->pass != w->pass || keeps_grad(v) || lies_in_another(w, v))
        return true;
    grad_place *p = &w->t->places[v->place];
    return --p->holders > 0 || plan_give_back(&w->t->gradients, p->offset, p->bytes);
}

/* ---- routes ---- */

/* Whether v's gradient can be n's dy, in the same memory. */
static bool can_share(const walk *w, const node *n, const value *v) {
    const value *dy = &w->t->values[n->first_out];
    return v->use == NO_PARAM && !lies_in_another(w, v) && !lies_in_another(w, dy) && packed(w, v) && packed(w, dy);
}

static route_kind kind_of(const walk *w, const node *n, int i, const route *r, bool again) {
    const value *v = &w->t->values[n->inputs[i]];
    if (n->op->flags & HEED_VIEW)
        return ROUTE_VIEW;
    if (n->op->passes_dy)
        return r->first && !r->sums && can_share(w, n, v) ? ROUTE_SHARED : ROUTE_PASSED;
    bool adds_itself = (n->op->flags & HEED_ACCUMULATES) != 0 && !again;
    bool fits = packed(w, v) || (i < 32 && (n->op->strided_dx >> i & 1));
    return !r->sums && fits && (r->first || adds_itself) ? ROUTE_DIRECT : ROUTE_ASIDE;
}

/* Whether this is the first gradient that comes to v: to what a view shows it comes when the last of its views is done. */
static bool is_first(const walk *w, const node *n, const value *v) {
    if (v->use == NO_PARAM)
        return v->pass != w->pass || ((n->op->flags & HEED_VIEW) && v->users == 1);
    return !entries_written(w, &w->t->uses[v->use]);
}

bool take_route(walk *w, const node *n, int i, route *r) {
    *r = (route){.kind = ROUTE_NONE};
    if (!wanted(w, n, i))
        return true;
    value *v = &w->t->values[n->inputs[i]];
    const bool again = comes_again(w, n, i);
    const heed_shape shape = produced_shape(w, n, i);
    r->first = !again && is_first(w, n, v);
    r->sums = !heed_shape_equal(shape, v->array.shape);
    r->kind = kind_of(w, n, i, r, again);
    if (r->kind == ROUTE_ASIDE)
        array_bytes(&shape, v->array.dtype, &r->scratch);
    return take_place(w, n, v, r);
}
