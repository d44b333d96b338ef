/* What a recorder is told of a reader: its tokens, its heads, and one held-out example that is followed. */
#ifndef EXAMPLES_READER_KEPT_H
#define EXAMPLES_READER_KEPT_H

#include "pair_kept.h"
#include "reader.h"
#include "recording.h"

typedef struct reader_kept {
    const reader *r;
    batch probe;
    pair_said said;
} reader_kept;

/* NULL where nothing is to be recorded. `probe` is filled, and stays where it is until the recorder has ended. */
heed_recorder *reader_kept_begin(const recording *kept, const reader *r, const char *title, int64_t steps,
                                 reader_kept *probe);

#endif
