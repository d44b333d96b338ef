/* A profile from within: what is counted, and what is kept for a trace.
 *
 *     rows     one for each op, path and phase, found by hash
 *     events   trace_steps + 1 slots of slot_room events each: the steps that are kept, and the one under way
 *
 * A slot's events name rows, so a name is kept once. */
#ifndef HEED_PROFILE_INTERNAL_H
#define HEED_PROFILE_INTERNAL_H

#include <heed/profile.h>

#include "tape_internal.h"

typedef struct profile_row {
    uint64_t key;
    heed_phase phase;
    char *path, *op; /* one piece of memory, which is path's */
    int64_t calls, ns;
    heed_cost cost;
} profile_row;

enum { PROFILE_ARRAYS = 5, PROFILE_SIZES = 14 };
/* One call, in a trace. Its arrays: out[0], then the inputs, as far as there is room. */
typedef struct profile_event {
    uint32_t row;
    uint8_t arrays;
    int8_t rank[PROFILE_ARRAYS]; /* -1: absent */
    uint8_t dtype[PROFILE_ARRAYS];
    int64_t size[PROFILE_SIZES]; /* of all axes, one array behind the other */
    int64_t started, ns;
    heed_cost cost;
} profile_event;

typedef struct profile_slot {
    int64_t step; /* counted from 1 */
    int64_t started, ended;
    size_t events;
    int64_t left_out;
} profile_slot;

struct heed_profile {
    bool inert;
    profile_row *rows;
    size_t n_rows, cap_rows;
    uint32_t *index;   /* by key; 0: free, else a row's number + 1 */
    size_t index_room; /* a power of two */
    int64_t steps, ns, lost, untraced;
    int64_t started, ended;                     /* of the step under way; 0: none is */
    bool walked;                                /* it has had a backward or an update */
    int64_t inner;                              /* ns spent in ops within the op under way */
    size_t n_slots, slot, slot_room, slot_most; /* n_slots 0: nothing is traced */
    profile_slot *slots;
    profile_event *events;
};

/* The begin and end of an op or its backward: call says what it was given. */
void profile_call(heed_profile *p, heed_profile_mark begun, heed_phase phase, const heed_scope *scope,
                  const heed_call *call);
/* Something of the engine's, without arrays. */
void profile_engine(heed_profile *p, heed_profile_mark begun, heed_phase phase, const char *what);
/* A tape is reset: what comes next is another step. */
void profile_reset(heed_profile *p);

/* The i-th slot that a trace shows, from the oldest; it may be empty. NULL: there are no more. */
const profile_slot *profile_shown(const heed_profile *p, size_t i);
const profile_event *profile_events(const heed_profile *p, const profile_slot *slot);

#endif
