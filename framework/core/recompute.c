/* Recomputed blocks while they are recorded: a block's values come from an arena of their own, which is empty again at its end.
 * What stays is moved to the tape's memory:
 *
 *     what is handed on, what was watched
 *     what a view that stays shows
 *     the packed copy of a value that stays or was there before, since others will take it for the value
 *
 * Of all others the record stays, which is enough to plan backward and to compute them again (backward_rerun.c). Parameters and
 * what is brought in meanwhile lie outside anyway. */
#include <string.h>

#include "tape_internal.h"

void heed_recompute_begin(heed_tape *t) {
    if (t->inert || t->open_blocks++ > 0)
        return;
    tape_block *grown = arena_grow(&t->memory, t->blocks, &t->cap_blocks, t->n_blocks + 1, sizeof *grown);
    if (grown == NULL) {
        tape_no_memory(t, "recompute", sizeof *grown);
        return;
    }
    t->blocks = grown;
    t->blocks[t->n_blocks++] = (tape_block){.first = (int32_t)t->n_nodes};
    t->data = &t->inner;
}

/* ---- what stays ---- */

void tape_keep_value(heed_tape *t, heed_tensor x) {
    if (t->open_blocks && x.epoch == t->epoch && x.index > 0 && x.index < t->n_values)
        t->values[x.index].flags |= VALUE_STAYS;
}

static void keep_handed_on(heed_tape *t, const heed_tensor *y, int n) {
    for (int i = 0; i < n; i++)
        if (tape_resolve(t, "recompute", y[i], "what is handed on"))
            t->values[y[i].index].flags |= VALUE_STAYS;
}

static bool any_stays(const heed_tape *t, const node *n) {
    for (int o = 0; o < n->n_out; o++)
        if (t->values[n->first_out + (uint32_t)o].flags & VALUE_STAYS)
            return true;
    return false;
}

static void keep_what_is_shown(heed_tape *t, const tape_block *b) {
    for (int32_t i = b->end - 1; i >= b->first; i--)
        if ((t->nodes[i].op->flags & HEED_VIEW) && any_stays(t, &t->nodes[i]))
            t->values[t->nodes[i].inputs[0]].flags |= VALUE_STAYS;
}

/* Whether n is the engine's copy of a value that others may still take; of the block's own it is known by now. */
static bool packs_what_stays(const heed_tape *t, const node *n) {
    const value *packed = n->op == &heed_op_contiguous ? &t->values[n->inputs[0]] : NULL;
    return packed && packed->packed == n->first_out && !(packed->flags & VALUE_GONE);
}

static heed_status move_out(heed_tape *t, const node *n, value *v) {
    const size_t bytes = (size_t)heed_array_count(&v->array) * heed_dtype_size(v->array.dtype);
    void *place = arena_take(&t->memory, bytes);
    if (place == NULL)
        return tape_no_memory(t, n->op->name, bytes);
    if (bytes)
        memcpy(place, v->array.data, bytes);
    v->array.data = place;
    return HEED_OK;
}

/* Called in the order of recording: what a view shows has been settled. */
static heed_status settle(heed_tape *t, node *n) {
    const bool packs = packs_what_stays(t, n);
    for (int o = 0; o < n->n_out; o++) {
        value *v = &t->values[n->first_out + (uint32_t)o];
        if (!packs && !(v->flags & VALUE_STAYS)) {
            v->flags |= VALUE_GONE;
            v->array.data = NULL;
        } else if (n->op->flags & HEED_VIEW) {
            v->array.data = (char *)t->values[n->inputs[0]].array.data + v->shown_at;
        } else if (move_out(t, n, v)) {
            return t->error.status;
        }
    }
    n->saved = NULL;
    return HEED_OK;
}

/* ---- the end ---- */

/* A block that holds nothing to be differentiated, as with recording off, need not be on record. */
static bool is_walked(const heed_tape *t, const tape_block *b) {
    for (int32_t i = b->first; i < b->end; i++)
        if (!t->nodes[i].constant)
            return true;
    return false;
}

static void close_block(heed_tape *t, const heed_tensor *y, int n) {
    tape_block *b = &t->blocks[t->n_blocks - 1];
    b->end = (int32_t)t->n_nodes;
    keep_handed_on(t, y, n);
    keep_what_is_shown(t, b);
    for (int32_t i = b->first; i < b->end && !t->error.status; i++)
        settle(t, &t->nodes[i]);
    if (!is_walked(t, b)) {
        t->n_nodes = (size_t)b->first;
        t->n_blocks--;
    }
}

void heed_recompute_end_many(heed_tape *t, heed_tensor *y, int n) {
    if (!t->inert && t->open_blocks == 0)
        heed_fail_tape(t, HEED_STATE, "recompute: no block is open: heed_recompute_begin comes first");
    if (t->open_blocks > 0 && --t->open_blocks == 0) {
        t->data = &t->memory;
        if (t->error.status == HEED_OK)
            close_block(t, y, n);
        if (t->inner.used > t->block_bytes)
            t->block_bytes = t->inner.used;
        arena_reset(&t->inner);
    }
    for (int i = 0; i < n && t->error.status; i++)
        y[i] = HEED_NIL;
}

heed_tensor heed_recompute_end(heed_tape *t, heed_tensor y) {
    heed_recompute_end_many(t, &y, 1);
    return y;
}
