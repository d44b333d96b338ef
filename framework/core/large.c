/* large.c: memory for many numbers. */
#define _GNU_SOURCE /* madvise, MADV_HUGEPAGE */
#include "large_internal.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { SMALL_PAGE = 4096, WORTH_HUGE_PAGES = 4 << 20 };

/* A step goes through tens of megabytes several times. In pages of 4 KiB that is more addresses than the processor remembers
 * the places of; in huge pages, which Linux gives to those who ask, a few dozen. Where it has none, nothing is lost. */
static void ask_for_huge_pages(char *memory, size_t bytes) {
#ifdef MADV_HUGEPAGE
    const size_t before = (SMALL_PAGE - (uintptr_t)memory % SMALL_PAGE) % SMALL_PAGE;
    if (bytes >= WORTH_HUGE_PAGES)
        (void)madvise(memory + before, (bytes - before) / SMALL_PAGE * SMALL_PAGE, MADV_HUGEPAGE);
#else
    (void)memory, (void)bytes;
#endif
}

void *large_take(size_t bytes) {
    const size_t most = PTRDIFF_MAX - LARGE_ALIGN;
    if (bytes > most)
        return NULL;
    const size_t whole = (bytes / LARGE_ALIGN + 1) * LARGE_ALIGN;
    void *memory = aligned_alloc(LARGE_ALIGN, whole);
    if (memory)
        ask_for_huge_pages(memory, whole);
    return memory;
}
