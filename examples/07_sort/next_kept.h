/* What a recorder is told of the head that looks for the next larger: its numbers, and the question that is followed. */
#ifndef SORT_NEXT_KEPT_H
#define SORT_NEXT_KEPT_H

#include "../common/recording.h"
#include "next.h"

typedef struct next_kept {
    const next_head *h;
    const next_question *question;
} next_kept;

/* NULL where nothing is to be recorded. `followed` stays until the recorder has ended. */
heed_recorder *next_kept_begin(const recording *kept, int64_t steps, next_kept *followed);

#endif
