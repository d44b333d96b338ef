/* Where the time of a training goes: by op and by layer, forward, backward and in the update.
 *
 * Intended use:
 *   1. heed_profile *p = heed_profile_new((heed_profile_options){.trace_steps = 3});
 *   2. heed_tape_set_profile(t, p); heed_optim_set_profile(opt, p);                  (heed/optim/optim.h)
 *   3. train as ever: not a bit of it changes
 *   4. heed_profile_print(p, stderr); heed_trace_save(p, "trace.json", &error);      (heed/trace.h)
 *
 * A step lasts from a heed_tape_reset to the end of the last op, backward or update before the next. What is recorded
 * without a backward (a validation between two steps, say) is no step: its ops are counted aside. Times are of the thread that
 * calls, so of a loop shared by several threads the time until the last of them was done; of ops called within an op, only the
 * inner has the time. From the second step on nothing is allocated, unless a step holds what none before it did. A profile
 * belongs to one thread at a time, as a tape does, and must outlive what it is set on, or be taken off (NULL) before. */
#ifndef HEED_PROFILE_H
#define HEED_PROFILE_H

#include <stdio.h>

#include <heed/op.h>
#include <heed/tape.h>

HEED_BEGIN_DECLS

typedef struct heed_profile heed_profile;

typedef struct heed_profile_options {
    int trace_steps; /* so many last steps are kept op by op, for heed_trace_save; 0: none. At most 1000 */
    int64_t
        trace_most; /* ops kept in all; 0: 200000, some 40 MB. A longer step's last ops are left out of the trace, which
                           says so, but not of the table */
} heed_profile_options;

/* Never NULL: out of memory gives an inert one that measures nothing, and whose table says so. */
heed_profile *heed_profile_new(heed_profile_options options);
void heed_profile_free(heed_profile *p);
/* Forgets what was measured: steps that warm up, say. */
void heed_profile_clear(heed_profile *p);

/* Every op and backward of t is measured from now on. NULL: none is. */
void heed_tape_set_profile(heed_tape *t, heed_profile *p);

/* ---- what was measured ---- */

typedef enum heed_phase {
    HEED_PHASE_FORWARD,
    HEED_PHASE_BACKWARD,
    HEED_PHASE_UPDATE,
    HEED_PHASE_RECOMPUTE, /* forward again, in backward (heed_recompute_begin) */
    HEED_PHASE_ASIDE, /* forward with recording off (heed_tape_set_recording) */
    HEED_PHASES
} heed_phase;
/* "forward", "backward", "update", "recompute", "aside". */
const char *heed_phase_name(heed_phase phase);

/* All calls of one op under one path in one phase. */
typedef struct heed_profile_row {
    const char *op, *path; /* "linear", "encoder.0.attn": alive until the profile is cleared or freed */
    heed_phase phase;
    int64_t calls;
    double seconds;
    double flops, bytes; /* as the op's descriptor counts them: heed_cost_rule */
} heed_profile_row;
/* In the order in which they were first called. */
int heed_profile_rows(const heed_profile *p);
heed_profile_row heed_profile_row_at(const heed_profile *p, int i); /* 0 <= i < heed_profile_rows(p) */

typedef struct heed_profile_total {
    int64_t steps;
    double seconds;            /* of the steps, from reset to the last op: its ops, and what is between them */
    double phase[HEED_PHASES]; /* seconds in ops: the sums of the rows */
    int64_t lost;              /* calls that are in no row, for lack of memory */
    int64_t untraced;          /* ops that no room was left for in the trace */
} heed_profile_total;
heed_profile_total heed_profile_totals(const heed_profile *p);

/* Two tables, of ops and of layers, each by time and with '.' in every locale; milliseconds are those of a step, in the mean.
 * A layer's row holds what is below it. HEED_IO: they could not be written. */
heed_status heed_profile_print(const heed_profile *p, FILE *out) HEED_MUST_CHECK;

/* ---- measuring something of your own ---- */

typedef struct heed_profile_mark {
    int64_t started, inner; /* ns */
} heed_profile_mark;
/* What stands between the two is measured as one call of an op. p NULL: nothing is. */
heed_profile_mark heed_profile_begin(heed_profile *p);
/* path NULL: none. */
void heed_profile_end(heed_profile *p, heed_profile_mark begun, heed_phase phase, const char *path, const char *op,
                      heed_cost cost);

HEED_END_DECLS
#endif
