#include "plan_internal.h"

#include <string.h>

static size_t rounded(size_t size) {
    return (size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
}

/* The smallest free range that is large enough, or n_free. */
static size_t best_fit(const plan *p, size_t size) {
    size_t best = p->n_free;
    for (size_t i = 0; i < p->n_free; i++)
        if (p->free[i].size >= size && (best == p->n_free || p->free[i].size < p->free[best].size))
            best = i;
    return best;
}

static void drop(plan *p, size_t i) {
    p->n_free--;
    memmove(p->free + i, p->free + i + 1, (p->n_free - i) * sizeof *p->free);
}

size_t plan_take(plan *p, size_t size) {
    size = rounded(size);
    size_t i = best_fit(p, size);
    if (i < p->n_free) {
        size_t offset = p->free[i].offset;
        p->free[i].offset += size;
        p->free[i].size -= size;
        if (p->free[i].size == 0)
            drop(p, i);
        return offset;
    }
    size_t offset = p->end;
    p->end += size;
    if (p->end > p->peak)
        p->peak = p->end;
    return offset;
}

/* A range at the end is not kept: the end moves back, so free ranges never touch it. */
static void shrink_end(plan *p, size_t offset) {
    p->end = offset;
    if (p->n_free && p->free[p->n_free - 1].offset + p->free[p->n_free - 1].size == p->end)
        p->end = p->free[--p->n_free].offset;
}

bool plan_give_back(plan *p, size_t offset, size_t size) {
    size = rounded(size);
    if (size == 0)
        return true;
    if (offset + size == p->end) {
        shrink_end(p, offset);
        return true;
    }
    size_t i = p->n_free;
    while (i > 0 && p->free[i - 1].offset > offset)
        i--;
    bool joins_left = i > 0 && p->free[i - 1].offset + p->free[i - 1].size == offset;
    bool joins_right = i < p->n_free && offset + size == p->free[i].offset;
    if (joins_left) {
        p->free[i - 1].size += size;
        if (joins_right) {
            p->free[i - 1].size += p->free[i].size;
            drop(p, i);
        }
        return true;
    }
    if (joins_right) {
        p->free[i] = (plan_range){offset, size + p->free[i].size};
        return true;
    }
    plan_range *grown = arena_grow(p->memory, p->free, &p->cap_free, p->n_free + 1, sizeof *grown);
    if (grown == NULL)
        return false;
    p->free = grown;
    memmove(p->free + i + 1, p->free + i, (p->n_free - i) * sizeof *p->free);
    p->free[i] = (plan_range){offset, size};
    p->n_free++;
    return true;
}
