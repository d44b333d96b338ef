/* Where a model looks: the attention weights of each of its layers, caught as they pass. */
#ifndef EXAMPLES_PATTERNS_H
#define EXAMPLES_PATTERNS_H

#include <heed/heed.h>

enum { PATTERNS_LAYERS = 16 };
typedef struct patterns {
    heed_tensor layer[PATTERNS_LAYERS]; /* (B, H, T, S) each, in the order in which they were computed */
    int layers;
} patterns;

/* From now on each "pattern" that passes on the tape is noted in p: set p->layers to 0 before a forward pass. Where the tape
 * outlives p, end it with patterns_unwatch. */
heed_status patterns_watch(patterns *p, heed_tape *t) HEED_MUST_CHECK;
void patterns_unwatch(patterns *p, heed_tape *t);

/* One head's weights for one sequence: T rows of S, alive until the tape is reset. NULL, and the tape's error, where there
 * are none. */
const float *patterns_of(const patterns *p, heed_tape *t, int layer, int64_t sequence, int head);

#endif
