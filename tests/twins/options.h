/* Attributes of fused ops, as the ops' files lay them out. check.c compares their sizes. */
#ifndef TWINS_OPTIONS_H
#define TWINS_OPTIONS_H

#include <heed/ops.h>

typedef struct attending {
    bool causal, with_pattern;
    double scale, dropout;
    int64_t window;
} attending;

typedef struct running {
    heed_cell_kind kind;
    bool reverse, with_gates;
} running;

typedef struct counting {
    bool has_ignored;
    int32_t ignored;
    double smoothing;
} counting;

#endif
