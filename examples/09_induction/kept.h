/* What a recorder is told of the model: its tokens, its heads, and one sequence that is followed. */
#ifndef INDUCTION_KEPT_H
#define INDUCTION_KEPT_H

#include "../common/recording.h"
#include "induction.h"

typedef struct kept_probe {
    const induction *ind;
    repeats sequence;
} kept_probe;

/* NULL where nothing is to be recorded. `followed` stays until the recorder has ended. */
heed_recorder *kept_begin(const recording *kept, int64_t steps, kept_probe *followed);

#endif
