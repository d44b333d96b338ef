/* Memory of one step: taken in order, given back all at once.
 *
 *     first chunk              last chunk
 *     [used......|free]  ...   [used...|free ]      grows by chunks, each at least as large as all before it
 *
 * At reset several chunks become one of the high-water mark's size, so a step that needs no more never calls malloc. */
#ifndef HEED_ARENA_INTERNAL_H
#define HEED_ARENA_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

enum { ARENA_ALIGN = 64 };

typedef struct chunk chunk;
typedef struct arena {
    chunk *last;
    size_t held, used, high_water;
    uint64_t allocations; /* calls of malloc and realloc by this arena's owner */
} arena;

/* A place to come back to. */
typedef struct arena_mark {
    chunk *last;
    size_t chunk_used, used;
} arena_mark;

/* 64-byte aligned, not cleared. NULL when memory is out or bytes is beyond reason; bytes 0 gives a valid pointer. */
void *arena_take(arena *a, size_t bytes);
arena_mark arena_note(const arena *a);
/* Gives back what was taken since the mark. */
void arena_rewind(arena *a, arena_mark mark);
void arena_reset(arena *a);
void arena_free(arena *a);

/* A growing array outside the arena: makes room for `need` elements of `size` bytes, NULL (and the old one intact) when
 * memory is out. */
void *arena_grow(arena *a, void *array, size_t *capacity, size_t need, size_t size);

#endif
