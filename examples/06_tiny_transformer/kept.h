/* What a recorder is told of a writer: its tokens, its heads, and the beginning of the validation part, which is followed. */
#ifndef TINY_KEPT_H
#define TINY_KEPT_H

#include "../common/recording.h"
#include "writer.h"

enum { KEPT_TOKENS = 32 }; /* that are read */
typedef struct kept_probe {
    const writer *w;
    const int32_t *tokens; /* the windows' */
    int T;
} kept_probe;

/* NULL where nothing is to be recorded. `followed` stays until the recorder has ended. */
heed_recorder *kept_begin(const recording *kept, const writer *w, const heed_windows *windows, int64_t steps,
                          kept_probe *followed);

#endif
