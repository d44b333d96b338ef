/* Pairs in memory: all their tokens in one list. */
#ifndef HEED_PAIRS_INTERNAL_H
#define HEED_PAIRS_INTERNAL_H

#include <heed/pairs.h>

struct heed_pairs {
    heed_tokens tokens;
    int64_t *begin; /* (2 count + 1): where pair i's source begins, then its target; the last is the end */
    int64_t count, capacity;
    int64_t longest_source, longest_target;
};

#endif
