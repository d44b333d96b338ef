/* What a recorder is told of a translator: its tokens, its attention, and one held-out example that is followed. */
#ifndef SEQ2SEQ_KEPT_H
#define SEQ2SEQ_KEPT_H

#include "../common/reader_kept.h"
#include "translator.h"

typedef struct translator_kept {
    const translator *tr;
    reader_kept reader; /* of the transformer; of all others its batch is the example that is followed */
} translator_kept;

/* NULL where nothing is to be recorded. `followed` stays until the recorder has ended. */
heed_recorder *translator_kept_begin(const recording *kept, const translator *tr, int64_t steps,
                                     translator_kept *followed);

#endif
