/* What a recorder is told of the model: its tokens, its heads, and one sequence that is followed. */
#ifndef INDUCTION_KEPT_H
#define INDUCTION_KEPT_H

#include "../common/recording.h"
#include "induction.h"

enum { KEPT_TOKENS = 32 }; /* that are read, a map that one can see; more where the stretch is so long */
typedef struct kept_probe {
    const induction *ind;
    repeats sequence;
    int T; /* kept_begin's */
} kept_probe;

/* NULL where nothing is to be recorded. `followed` stays until the recorder has ended. */
heed_recorder *kept_begin(const recording *kept, int64_t steps, kept_probe *followed);

#endif
