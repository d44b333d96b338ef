#include "arena_internal.h"

#include <stdlib.h>

#include "large_internal.h"

struct chunk {
    chunk *previous;
    size_t size, used;
    _Alignas(ARENA_ALIGN) char bytes[];
};

enum { FIRST_CHUNK = 1 << 16 };

/* Under AddressSanitizer what is not taken may not be touched, up to the byte: otherwise all of a chunk would be as good as
 * any other of it. */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined __SANITIZE_ADDRESS__ || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
static void forbid(const void *from, size_t bytes) { __asan_poison_memory_region(from, bytes); }
static void allow(const void *from, size_t bytes) { __asan_unpoison_memory_region(from, bytes); }
#else
static void forbid(const void *from, size_t bytes) { (void)from, (void)bytes; }
static void allow(const void *from, size_t bytes) { (void)from, (void)bytes; }
#endif

static chunk *chunk_new(arena *a, size_t size) {
    size_t total;
    if (__builtin_add_overflow(size, sizeof(chunk), &total))
        return NULL;
    chunk *c = large_take(total);
    if (c == NULL)
        return NULL;
    a->allocations++;
    a->held += size;
    *c = (chunk){.previous = NULL, .size = size, .used = 0};
    forbid(c->bytes, size);
    return c;
}

static void drop_last(arena *a) {
    chunk *c = a->last;
    a->last = c->previous;
    a->held -= c->size;
    allow(c->bytes, c->size);
    free(c);
}

void *arena_take(arena *a, size_t bytes) {
    if (bytes > PTRDIFF_MAX - ARENA_ALIGN)
        return NULL;
    const size_t asked = bytes;
    bytes = (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    if (a->last == NULL || a->last->size - a->last->used < bytes) {
        size_t size = a->held > FIRST_CHUNK ? a->held : FIRST_CHUNK;
        chunk *c = chunk_new(a, bytes > size ? bytes : size);
        if (c == NULL && bytes < size)
            c = chunk_new(a, bytes);
        if (c == NULL)
            return NULL;
        c->previous = a->last;
        a->last = c;
    }
    void *place = a->last->bytes + a->last->used;
    allow(place, asked);
    a->last->used += bytes;
    a->used += bytes;
    if (a->used > a->high_water)
        a->high_water = a->used;
    return place;
}

arena_mark arena_note(const arena *a) {
    return (arena_mark){.last = a->last, .chunk_used = a->last ? a->last->used : 0, .used = a->used};
}

void arena_rewind(arena *a, arena_mark mark) {
    if (a->last == mark.last) { /* a chunk opened since then stays: its memory is needed again soon */
        if (a->last) {
            forbid(a->last->bytes + mark.chunk_used, a->last->used - mark.chunk_used);
            a->last->used = mark.chunk_used;
        }
        a->used = mark.used;
    }
}

void arena_reset(arena *a) {
    size_t wanted = a->high_water;
    if (a->last && a->last->previous) {
        while (a->last)
            drop_last(a);
        a->last = chunk_new(a, wanted);
    }
    if (a->last) {
        forbid(a->last->bytes, a->last->used);
        a->last->used = 0;
    }
    a->used = 0;
}

void arena_free(arena *a) {
    while (a->last)
        drop_last(a);
    *a = (arena){0};
}

void *arena_grow(arena *a, void *array, size_t *capacity, size_t need, size_t size) {
    if (need <= *capacity)
        return array;
    size_t count = *capacity * 2 > need ? *capacity * 2 : need, bytes;
    if (count < 64)
        count = 64;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    void *grown = realloc(array, bytes);
    if (grown == NULL)
        return NULL;
    a->allocations++;
    *capacity = count;
    return grown;
}
