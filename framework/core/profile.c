/* Measuring: from a call of an op to its row, and to its event in the trace. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "profile_internal.h"

enum { MOST_STEPS = 1000, MOST_EVENTS = 200000, FIRST_EVENTS = 256, FIRST_INDEX = 128 };

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- life ---- */

heed_profile *heed_profile_new(heed_profile_options options) {
    static heed_profile out_of_memory = {.inert = true};
    heed_profile *p = calloc(1, sizeof *p);
    if (p == NULL)
        return &out_of_memory;
    int64_t most = options.trace_most > 0 ? options.trace_most : MOST_EVENTS;
    if (options.trace_steps > 0) {
        p->n_slots = (size_t)(options.trace_steps < MOST_STEPS ? options.trace_steps : MOST_STEPS) + 1;
        p->slot_most = (size_t)most / p->n_slots + 1;
        p->slots = calloc(p->n_slots, sizeof *p->slots);
    }
    if (p->n_slots && p->slots == NULL) {
        free(p);
        return &out_of_memory;
    }
    return p;
}

void heed_profile_clear(heed_profile *p) {
    if (p->inert)
        return;
    for (size_t i = 0; i < p->n_rows; i++)
        free(p->rows[i].path);
    if (p->index)
        memset(p->index, 0, p->index_room * sizeof *p->index);
    if (p->slots)
        memset(p->slots, 0, p->n_slots * sizeof *p->slots);
    p->n_rows = p->slot = 0;
    p->steps = p->ns = p->lost = p->untraced = p->started = p->ended = p->inner = 0;
    p->walked = false;
}

void heed_profile_free(heed_profile *p) {
    if (p == NULL || p->inert)
        return;
    heed_profile_clear(p);
    free(p->rows);
    free(p->index);
    free(p->slots);
    free(p->events);
    free(p);
}

void heed_tape_set_profile(heed_tape *t, heed_profile *p) {
    if (!t->inert)
        t->profile = p && !p->inert ? p : NULL;
}

/* ---- rows ---- */

/* Where the key stands in the index, or the free place where it should. */
static uint32_t *place_of(const heed_profile *p, uint64_t key) {
    size_t at = key & (p->index_room - 1);
    while (p->index[at] && p->rows[p->index[at] - 1].key != key)
        at = (at + 1) & (p->index_room - 1);
    return &p->index[at];
}

/* Room for one more row, in an index that is at most half full. */
static bool make_room(heed_profile *p) {
    if (p->n_rows == p->cap_rows) {
        size_t room = p->cap_rows ? 2 * p->cap_rows : FIRST_INDEX / 2;
        profile_row *rows = realloc(p->rows, room * sizeof *rows);
        if (rows == NULL)
            return false;
        p->rows = rows;
        p->cap_rows = room;
    }
    if (2 * (p->n_rows + 1) > p->index_room) {
        size_t room = p->index_room ? 2 * p->index_room : FIRST_INDEX;
        uint32_t *index = calloc(room, sizeof *index);
        if (index == NULL)
            return false;
        free(p->index);
        p->index = index;
        p->index_room = room;
        for (size_t i = 0; i < p->n_rows; i++)
            *place_of(p, p->rows[i].key) = (uint32_t)i + 1;
    }
    return true;
}

/* What a call is counted under: its path is a scope's, or a text. */
typedef struct label {
    const heed_scope *scope;
    const char *path, *op;
    heed_phase phase;
} label;

static profile_row *add_row(heed_profile *p, uint64_t key, const label *of) {
    size_t path = of->path ? strlen(of->path) : scope_path(of->scope, NULL, 0), op = strlen(of->op);
    char *text = make_room(p) ? malloc(path + op + 2) : NULL;
    if (text == NULL)
        return NULL;
    if (of->path)
        memcpy(text, of->path, path + 1);
    else
        scope_path(of->scope, text, path + 1);
    memcpy(text + path + 1, of->op, op + 1);
    *place_of(p, key) = (uint32_t)p->n_rows + 1;
    p->rows[p->n_rows] = (profile_row){.key = key, .phase = of->phase, .path = text, .op = text + path + 1};
    return &p->rows[p->n_rows++];
}

static profile_row *row_of(heed_profile *p, const label *of) {
    uint64_t path = of->path ? heed_rng_hash(of->path) : of->scope->hash;
    uint64_t key = heed_rng_mix(heed_rng_mix(path, heed_rng_hash(of->op)), (uint64_t)of->phase);
    uint32_t found = p->index ? *place_of(p, key) : 0;
    return found ? &p->rows[found - 1] : add_row(p, key, of);
}

/* ---- events ---- */

/* The one under way stands behind all others; it is shown if it is a step, or if there is none. */
const profile_slot *profile_shown(const heed_profile *p, size_t i) {
    bool now = p->walked || p->steps == 0;
    return i + 1 < p->n_slots ? &p->slots[(p->slot + 1 + now + i) % p->n_slots] : NULL;
}

const profile_event *profile_events(const heed_profile *p, const profile_slot *slot) {
    return p->events + (size_t)(slot - p->slots) * p->slot_room;
}

/* Twice as much room in every slot, so that a later step of as many ops finds it. */
static bool grow_slots(heed_profile *p) {
    size_t room = p->slot_room ? 2 * p->slot_room : FIRST_EVENTS;
    if (room > p->slot_most)
        room = p->slot_most;
    profile_event *events = room > p->slot_room ? malloc(p->n_slots * room * sizeof *events) : NULL;
    if (events == NULL)
        return false;
    for (size_t s = 0; s < p->n_slots; s++)
        if (p->slots[s].events)
            memcpy(events + s * room, p->events + s * p->slot_room, p->slots[s].events * sizeof *events);
    free(p->events);
    p->events = events;
    p->slot_room = room;
    return true;
}

static void note_array(profile_event *e, int *sizes, const heed_array *x) {
    if (e->arrays == PROFILE_ARRAYS || (x && *sizes + x->shape.rank > PROFILE_SIZES))
        return;
    e->rank[e->arrays] = x ? (int8_t)x->shape.rank : -1;
    e->dtype[e->arrays++] = x ? (uint8_t)x->dtype : 0;
    for (int i = 0; x && i < x->shape.rank; i++)
        e->size[(*sizes)++] = x->shape.n[i];
}

static void note_arrays(profile_event *e, const heed_call *call) {
    int sizes = 0;
    note_array(e, &sizes, call->out[0]);
    for (int i = 0; i < call->n_in; i++)
        note_array(e, &sizes, call->in[i]);
}

static void note_event(heed_profile *p, const profile_row *row, int64_t started, int64_t ended, const heed_call *call,
                       heed_cost cost) {
    profile_slot *slot = &p->slots[p->slot];
    slot->step = p->steps + 1;
    slot->started = p->started;
    slot->ended = ended;
    if (slot->events == p->slot_room && !grow_slots(p)) {
        slot->left_out++;
        p->untraced++;
        return;
    }
    profile_event *e = &p->events[p->slot * p->slot_room + slot->events++];
    e->row = (uint32_t)(row - p->rows);
    e->arrays = 0;
    e->started = started;
    e->ns = ended - started;
    e->cost = cost;
    if (call)
        note_arrays(e, call);
}

/* ---- one call ---- */

static int64_t begin_at(heed_profile *p, int64_t started) {
    int64_t outer = p->inner;
    p->inner = 0;
    if (p->started == 0)
        p->started = started;
    return outer;
}

heed_profile_mark heed_profile_begin(heed_profile *p) {
    if (p == NULL || p->inert)
        return (heed_profile_mark){.started = 0};
    int64_t started = now_ns();
    return (heed_profile_mark){.started = started, .inner = begin_at(p, started)};
}

static void end_call(heed_profile *p, heed_profile_mark begun, const label *of, const heed_call *call, heed_cost cost) {
    int64_t ended = now_ns(), within = p->inner;
    p->inner = begun.inner + (ended - begun.started);
    p->walked = p->walked || of->phase == HEED_PHASE_BACKWARD || of->phase == HEED_PHASE_UPDATE;
    if (of->phase != HEED_PHASE_ASIDE)
        p->ended = ended;
    profile_row *row = row_of(p, of);
    if (row == NULL) {
        p->lost++;
        return;
    }
    row->calls++;
    row->ns += ended - begun.started - within;
    row->cost.flops += cost.flops;
    row->cost.bytes += cost.bytes;
    if (p->n_slots)
        note_event(p, row, begun.started, ended, call, cost);
}

void heed_profile_end(heed_profile *p, heed_profile_mark begun, heed_phase phase, const char *path, const char *op,
                      heed_cost cost) {
    if (p && !p->inert)
        end_call(p, begun, &(label){.path = path ? path : "", .op = op ? op : "", .phase = phase}, NULL, cost);
}

void profile_engine(heed_profile *p, heed_profile_mark begun, heed_phase phase, const char *what) {
    heed_profile_end(p, begun, phase, NULL, what, (heed_cost){.flops = 0});
}

/* Along axes that a view repeats, an element is there once. */
static double bytes_of(const heed_array *x) {
    double bytes = (double)heed_dtype_size(x->dtype);
    for (int i = 0; i < x->shape.rank; i++)
        bytes *= x->stride[i] ? (double)x->shape.n[i] : x->shape.n[i] ? 1 : 0;
    return bytes;
}

/* A view moves nothing, and backward what comes to it, which dx does not show. */
static heed_cost cost_of_view(const heed_call *call) {
    heed_cost cost = {.flops = 0};
    for (int o = 0; o < call->n_out && call->dy; o++)
        cost.bytes += call->dy[o] ? 2 * bytes_of(call->dy[o]) : 0;
    return cost;
}

/* Bytes of the operands and results, each once, of which backward has only what the op has saved. */
static heed_cost cost_of(const heed_call *call) {
    if (call->op->flags & HEED_VIEW)
        return cost_of_view(call);
    heed_cost cost = {.flops = 0};
    for (int i = 0; i < call->n_in; i++)
        cost.bytes += call->in[i] && call->in[i]->data ? bytes_of(call->in[i]) : 0;
    for (int o = 0; o < call->n_out; o++)
        cost.bytes += call->out[o]->data ? bytes_of(call->out[o]) : 0;
    for (int o = 0; o < call->n_out && call->dx; o++)
        cost.bytes += call->dy[o] ? bytes_of(call->dy[o]) : 0;
    for (int i = 0; i < call->n_in && call->dx; i++)
        cost.bytes += call->dx[i] ? bytes_of(call->dx[i]) * (call->accumulate[i] ? 2 : 1) : 0;
    if (call->op->cost)
        call->op->cost(call, &cost);
    return cost;
}

void profile_call(heed_profile *p, heed_profile_mark begun, heed_phase phase, const heed_scope *scope,
                  const heed_call *call) {
    end_call(p, begun, &(label){.scope = scope, .op = call->op->name, .phase = phase}, call, cost_of(call));
}

/* ---- steps ---- */

void profile_reset(heed_profile *p) {
    int64_t now = now_ns();
    if (p->started && p->walked) {
        p->steps++;
        p->ns += p->ended - p->started;
    }
    if (p->n_slots) {
        if (p->walked)
            p->slot = (p->slot + 1) % p->n_slots;
        p->slots[p->slot] = (profile_slot){.events = 0};
    }
    p->started = p->ended = now;
    p->inner = 0;
    p->walked = false;
}

/* A step that is not followed by a reset yet is one too. */
static bool step_under_way(const heed_profile *p) {
    return p->started && p->walked;
}

heed_profile_total heed_profile_totals(const heed_profile *p) {
    heed_profile_total total = {.steps = p->steps + step_under_way(p), .lost = p->lost, .untraced = p->untraced};
    total.seconds = 1e-9 * (double)(p->ns + (step_under_way(p) ? p->ended - p->started : 0));
    for (size_t i = 0; i < p->n_rows; i++)
        total.phase[p->rows[i].phase] += 1e-9 * (double)p->rows[i].ns;
    return total;
}

int heed_profile_rows(const heed_profile *p) {
    return (int)p->n_rows;
}

heed_profile_row heed_profile_row_at(const heed_profile *p, int i) {
    const profile_row *r = &p->rows[i];
    return (heed_profile_row){.op = r->op,
                              .path = r->path,
                              .phase = r->phase,
                              .calls = r->calls,
                              .seconds = 1e-9 * (double)r->ns,
                              .flops = r->cost.flops,
                              .bytes = r->cost.bytes};
}

const char *heed_phase_name(heed_phase phase) {
    static const char *const names[HEED_PHASES] = {"forward", "backward", "update", "recompute", "aside"};
    return (unsigned)phase < HEED_PHASES ? names[phase] : "";
}
