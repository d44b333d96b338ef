/* Memory that ends, or begins, where the readable world does: one element too far is a fault. */
#ifndef HELPERS_FENCED_H
#define HELPERS_FENCED_H

#include <stddef.h>

typedef struct fenced {
    void *data;
    void *map;
    size_t map_size;
} fenced;

typedef enum fence { FENCE_AFTER, FENCE_BEFORE } fence;

/* That many bytes beside a page that must not be touched; aborts where the system has none. */
fenced fenced_new(size_t bytes, fence side);
void fenced_free(fenced f);

#endif
