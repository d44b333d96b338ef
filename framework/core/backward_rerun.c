/* What backward computes again: of a recomputed block (recompute.c) the ops whose results are gone and are read, in the order
 * of recording, from the record alone. The same kernels, inputs and random keys give the same bits.
 *
 *     is read    a value whose data a node that is walked has saved, or that a node which runs again takes
 *     runs       a node of which a result is read, or whose saved bytes are
 *
 * So what only the last ops of a block have computed, such as the sum that it hands on, is not computed twice. */
#include "apply_internal.h"
#include "backward_internal.h"
#include "profile_internal.h"

/* ---- the dry walk ---- */

static void read_value(walk *w, uint32_t index) {
    value *v = &w->t->values[index];
    if (v->flags & VALUE_GONE)
        v->read = w->pass;
}

static void read_inputs(walk *w, const node *n, unsigned mask) {
    for (int i = 0; i < n->n_in; i++)
        if (op_saves(mask, i))
            read_value(w, n->inputs[i]);
}

static bool result_is_read(const walk *w, const node *n) {
    for (int o = 0; o < n->n_out; o++)
        if (w->t->values[n->first_out + (uint32_t)o].read == w->pass)
            return true;
    return false;
}

void plan_rerun(walk *w, const node *n, node_plan *planned) {
    const bool walks = reached(w, n);
    for (int o = 0; o < n->n_out && walks; o++)
        if (op_saves(n->op->save_out, o))
            read_value(w, n->first_out + (uint32_t)o);
    planned->rerun = (walks && n->saved_bytes) || result_is_read(w, n);
    if (planned->rerun)
        read_inputs(w, n, (unsigned)HEED_SAVE_ALL);
    else if (walks)
        read_inputs(w, n, n->op->save_in);
}

/* ---- the computing walk ---- */

static heed_status no_memory(heed_tape *t, const node *n, size_t bytes) {
    return tape_fail(t, n->scope, n->op->name, HEED_NO_MEMORY,
                     "backward: out of memory to compute it again: %zu more bytes were needed, %zu are in use", bytes,
                     tape_held(t));
}

static void show_again(heed_tape *t, const node *n) {
    for (int o = 0; o < n->n_out; o++) {
        value *v = &t->values[n->first_out + (uint32_t)o];
        v->array.data = (char *)t->values[n->inputs[0]].array.data + v->shown_at;
    }
}

/* Room for what is gone; what has stayed is there, and is written once more with the bits that it has. */
static heed_status take_room(heed_tape *t, node *n) {
    for (int o = 0; o < n->n_out; o++) {
        value *v = &t->values[n->first_out + (uint32_t)o];
        if ((v->flags & VALUE_GONE) && (v->array.data = arena_take(t->data, value_bytes(v))) == NULL)
            return no_memory(t, n, value_bytes(v));
    }
    if (n->saved_bytes && (n->saved = arena_take(t->data, n->saved_bytes)) == NULL)
        return no_memory(t, n, n->saved_bytes);
    return HEED_OK;
}

static heed_status run_node(heed_tape *t, node *n) {
    const heed_array **in = arena_take(t->data, (size_t)n->n_in * sizeof *in);
    heed_array **out = arena_take(t->data, (size_t)n->n_out * sizeof *out);
    if (in == NULL || out == NULL)
        return no_memory(t, n, (size_t)(n->n_in + n->n_out) * sizeof *in);
    if (take_room(t, n))
        return t->error.status;
    for (int i = 0; i < n->n_in; i++)
        in[i] = n->inputs[i] ? &t->values[n->inputs[i]].array : NULL;
    for (int o = 0; o < n->n_out; o++)
        out[o] = &t->values[n->first_out + (uint32_t)o].array;
    heed_call call = {.op = n->op,
                      .attr = n->attr,
                      .n_in = n->n_in,
                      .n_out = n->n_out,
                      .in = in,
                      .out = out,
                      .saved = n->saved,
                      .saved_bytes = n->saved_bytes,
                      .workspace_bytes = n->workspace,
                      .backward_workspace_bytes = n->backward_workspace,
                      .weight = -1,
                      .rng_key = n->rng_key,
                      .threads = n->threads,
                      .training = n->training,
                      .needs_grad = !n->constant,
                      .error = &t->error};
    heed_profile_mark begun = heed_profile_begin(t->profile);
    if (!call_forward(t, &call))
        return no_memory(t, n, n->workspace);
    if (t->profile)
        profile_call(t->profile, begun, HEED_PHASE_RECOMPUTE, n->scope, &call);
    return HEED_OK;
}

heed_status rerun_block(walk *w, const tape_block *b, int32_t last) {
    heed_tape *t = w->t;
    heed_status status = HEED_OK;
    t->data = &t->inner;
    for (int32_t i = b->first; i <= last && !status; i++) {
        node *n = &t->nodes[i];
        if (w->nodes[i].rerun && (n->op->flags & HEED_VIEW))
            show_again(t, n);
        else if (w->nodes[i].rerun)
            status = run_node(t, n);
    }
    t->data = &t->memory;
    return status;
}

void release_block(walk *w, const tape_block *b) {
    heed_tape *t = w->t;
    for (int32_t i = b->first; i < b->end; i++) {
        node *n = &t->nodes[i];
        n->saved = NULL;
        for (int o = 0; o < n->n_out; o++)
            if (t->values[n->first_out + (uint32_t)o].flags & VALUE_GONE)
                t->values[n->first_out + (uint32_t)o].array.data = NULL;
    }
    if (t->inner.used > t->block_bytes)
        t->block_bytes = t->inner.used;
    arena_reset(&t->inner);
}
