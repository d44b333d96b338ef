/* large_internal.h: memory for many numbers: values, gradients, an optimizer's state, a tape. */
#ifndef HEED_LARGE_INTERNAL_H
#define HEED_LARGE_INTERNAL_H

#include <stddef.h>

enum { LARGE_ALIGN = 64 };

/* Not initialised, aligned to LARGE_ALIGN, and never of no bytes; NULL: out of memory. To be given to free(). */
void *large_take(size_t bytes);

#endif
