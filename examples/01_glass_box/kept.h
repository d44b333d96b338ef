/* What a recorder is told of the glass box: its tokens, its head, and the question that is followed. */
#ifndef GLASS_BOX_KEPT_H
#define GLASS_BOX_KEPT_H

#include "glass.h"

#include "../common/recording.h"

typedef struct kept_probe {
    const glass *g;
    const glass_question *question;
} kept_probe;

/* NULL where nothing is to be recorded. probe: kept by the caller until the recorder has ended. */
heed_recorder *kept_begin(const recording *kept, int64_t steps, kept_probe *probe);

#endif
