/* Backward: the tape walked in reverse, twice. A dry walk (backward_plan.c, backward_route.c) finds what is reached, and gives
 * every gradient its place for the time between the first op that writes it and the op whose output it belongs to. Then a
 * walk that computes (backward_walk.c), which runs what it needs of a recomputed block again when it comes there
 * (backward_rerun.c). */
#include <string.h>

#include "backward_internal.h"
#include "profile_internal.h"

static void scale_elements(const heed_array *a, double factor) {
    int64_t count = heed_array_count(a);
    for (int64_t i = 0; i < count; i++) {
        if (a->dtype == HEED_F64)
            ((double *)a->data)[i] *= factor;
        else
            ((float *)a->data)[i] *= (float)factor;
    }
}

/* dL/dy: ones (y has one element) or the seed, times this loss's share. */
static void seed_gradient(walk *w, value *y, heed_tensor seed, double share) {
    heed_array dy = open_gradient(w, y, &w->seed);
    if (heed_is_nil(seed)) {
        heed_array_fill(&dy, share, w->threads);
        return;
    }
    heed_array_copy(&dy, &w->t->values[seed.index].array, w->threads);
    if (share != 1)
        scale_elements(&dy, share);
}

static heed_status check_grads(heed_tape *t, const heed_grads *g, double weight) {
    const heed_scope *root = scope_root();
    if (g->error.status)
        return tape_fail(t, root, "backward", g->error.status, "%s", g->error.text);
    if (g->poisoned)
        return tape_fail(t, root, "backward", HEED_STATE,
                         "the gradients are poisoned by a backward that failed: heed_grads_clear them first");
    if (!grads_may_add(g, weight))
        return tape_fail(t, root, "backward", HEED_STATE,
                         "a loss that averages items and one that does not cannot be accumulated: give both a weight "
                         "(heed_set_weight), or neither");
    return HEED_OK;
}

static heed_status check_start(heed_tape *t, uint32_t index, heed_tensor seed, const heed_grads *g) {
    const value *y = &t->values[index];
    const heed_scope *root = scope_root();
    if (!(y->flags & VALUE_NEEDS_GRAD) || y->use != NO_PARAM)
        return tape_fail(t, root, "backward", HEED_INVALID,
                         y->use != NO_PARAM
                             ? "the loss is a parameter itself: compute something from it"
                             : "the loss does not depend on any trainable parameter or variable, or recording was off");
    if (heed_is_nil(seed)) {
        if (heed_array_count(&y->array) != 1)
            return tape_fail(t, root, "backward", HEED_INVALID,
                             "the loss has shape %s; it must have one element, or a seed of its shape",
                             HEED_SHAPE_STR(y->array.shape));
    } else {
        uint32_t at = tape_resolve(t, "backward", seed, "the seed");
        if (at == 0)
            return t->error.status;
        const heed_array *s = &t->values[at].array;
        if (!heed_shape_equal(s->shape, y->array.shape) || s->dtype != y->array.dtype)
            return tape_fail(t, root, "backward", HEED_INVALID,
                             "the seed is %s %s; it must be like the value it seeds, %s %s", heed_dtype_name(s->dtype),
                             HEED_SHAPE_STR(s->shape), heed_dtype_name(y->array.dtype), HEED_SHAPE_STR(y->array.shape));
    }
    return g ? check_grads(t, g, y->weight) : HEED_OK;
}

static heed_status walk_back(heed_tape *t, heed_tensor loss, heed_grads *g, heed_backward_options options) {
    if (t->open_blocks)
        return tape_fail(t, tape_scope(t), "backward", HEED_STATE,
                         "a recomputed block is open: heed_recompute_end comes first");
    uint32_t index = tape_resolve(t, "backward", loss, "the loss");
    if (index == 0 || check_start(t, index, options.seed, g))
        return t->error.status;
    walk w = {.t = t, .grads = g, .retain = options.retain, .threads = tape_thread_count(t)};
    int32_t last = t->values[index].node;
    w.nodes = arena_take(&t->memory, (size_t)(last + 1) * sizeof *w.nodes);
    bool *planned = g ? arena_take(&t->memory, g->n_entries * sizeof *planned) : NULL;
    if (w.nodes == NULL || (g && planned == NULL))
        return tape_no_memory(t, "backward", (size_t)(last + 1) * sizeof *w.nodes);
    if (g)
        memcpy(planned, g->written, g->n_entries * sizeof *planned);
    w.written = planned;
    w.pass = ++t->passes;
    heed_profile_mark begun = heed_profile_begin(t->profile);
    if (dry_walk(&w, index, last))
        return t->error.status;
    profile_engine(t->profile, begun, HEED_PHASE_BACKWARD, "plan");
    double share = 1;
    if (g)
        grads_open(g, t->values[index].weight, w.threads, &share);
    t->share = share;
    w.written = g ? g->written : NULL;
    /* The computing walk counts as a pass of its own, in which no gradient is there yet. */
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
    uint32_t index = tape_find(t, "keep_grad", x, "the tensor");
    if (index)
        t->values[index].flags |= VALUE_KEEP_GRAD;
    return x;
}

/* What is accumulated is a loss's share of the whole, so the walk began with that; a variable's gradient is the loss's own.
 * It is scaled in a copy, as its memory may be others', too. */
static heed_tensor whole_gradient(heed_tape *t, const heed_array *shared) {
    uint32_t at = tape_new_leaf(t, "grad", shared->dtype, shared->shape);
    if (at == 0)
        return HEED_NIL;
    heed_array_copy(&t->values[at].array, shared, tape_thread_count(t));
    scale_elements(&t->values[at].array, 1 / t->share);
    return tape_handle(t, at);
}

heed_tensor heed_grad(heed_tape *t, heed_tensor x) {
    uint32_t index = tape_find(t, "grad", x, "the tensor");
    if (index == 0)
        return HEED_NIL;
    const value *v = &t->values[index];
    bool too_late = v->pass == t->passes && t->passes > 0 && v->grad == NULL;
    if (!keeps_grad(v) || too_late || !(v->flags & VALUE_NEEDS_GRAD) || v->use != NO_PARAM)
        return heed_fail_tape(
            t, HEED_INVALID,
            "grad: no gradient of this tensor is kept: make it a variable, or heed_keep_grad it before backward%s",
            v->use != NO_PARAM ? " (a parameter's is in the heed_grads)" : "");
    if (t->passes == 0)
        return heed_fail_tape(t, HEED_STATE, "grad: no backward has run on this tape yet");
    heed_array like = v->array;
    if (v->flags & VALUE_VIEW)
        heed_array_set_strides(&like);
    like.data = v->grad;
    if (v->pass != t->passes)
        return heed_zeros(t, like.dtype, like.shape);
    if (t->share != 1 && t->share != 0)
        return whole_gradient(t, &like);
    uint32_t at = tape_new_value(t, &like);
    if (at == 0)
        tape_no_memory(t, "grad", sizeof(value));
    return tape_handle(t, at);
}
