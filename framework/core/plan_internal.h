/* Places for things that live for a while: given out and taken back in the order of a dry run, so that what one buffer
 * leaves another takes. The result is a set of offsets and the size of the pool that holds them all.
 *
 *     offset 0                                     peak
 *     |##held##|  free  |####held####|   free       |        best fit among the free ranges; neighbours are joined
 */
#ifndef HEED_PLAN_INTERNAL_H
#define HEED_PLAN_INTERNAL_H

#include <stdbool.h>

#include "arena_internal.h"

typedef struct plan_range {
    size_t offset, size;
} plan_range;

typedef struct plan {
    arena *memory;    /* counts the list's growth */
    plan_range *free; /* sorted by offset; kept from plan to plan, so that its memory is */
    size_t n_free, cap_free;
    size_t end, peak;
} plan;

/* The offset of `size` bytes, rounded up to 64. */
size_t plan_take(plan *p, size_t size);
/* False when memory for the list is out. */
bool plan_give_back(plan *p, size_t offset, size_t size);

#endif
