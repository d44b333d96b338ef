/* What a recorder is told of an answerer of digits: its heads, and one held-out question that is followed. */
#ifndef EXAMPLES_ANSWERER_KEPT_H
#define EXAMPLES_ANSWERER_KEPT_H

#include "answerer.h"
#include "recording.h"

typedef struct answerer_kept {
    const answerer *a;
    int32_t row[ANSWERER_LENGTH]; /* the question with its right answer: the caller's to fill in */
} answerer_kept;

/* probe: what the question is called. NULL where nothing is to be recorded. `followed` stays until the recorder has ended. */
heed_recorder *answerer_kept_begin(const recording *kept, const char *title, const char *probe, int64_t steps,
                                   answerer_kept *followed);

#endif
