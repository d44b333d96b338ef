#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "fenced.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

fenced fenced_new(size_t bytes, fence side) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t inner = (bytes + page - 1) / page * page;
    fenced f = {.map_size = inner + 2 * page};
    f.map = mmap(NULL, f.map_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (f.map == MAP_FAILED)
        abort();
    char *begin = (char *)f.map + page;
    if (inner > 0 && mprotect(begin, inner, PROT_READ | PROT_WRITE) != 0)
        abort();
    f.data = side == FENCE_AFTER ? begin + inner - bytes : begin;
    return f;
}

void fenced_free(fenced f) {
    munmap(f.map, f.map_size);
}
