/* Batches prepared ahead, by threads beside the one that trains. Batch i is what `fill` makes of (seed, i) and nothing
 * else, so the batches are the same for any number of threads, and a run may go on from any position.
 *
 *     heed_loader_options options = {.bytes = n, .threads = 1, .seed = 1};
 *     heed_loader *loader = heed_loader_new(fill, mine, options, &error);
 *     while (...) {
 *         const void *batch = heed_loader_next(loader);       valid until the next call
 *         if (batch == NULL)
 *             return complain(heed_loader_error_text(loader));
 *         ...
 *     }
 *     save(heed_loader_position(loader));                     and later: heed_loader_seek(loader, position)
 *     heed_loader_free(loader); */
#ifndef HEED_LOADER_H
#define HEED_LOADER_H

#include <heed/error.h>

HEED_BEGIN_DECLS

/* Writes batch number `batch` into the buffer (aligned to 64 bytes), which holds an older one: all that will be read
 * must be written. Several threads may call it at once, each for another batch. Anything but HEED_OK ends the supply at
 * that batch: say why with heed_error_set. */
typedef heed_status heed_fill(void *user, uint64_t seed, uint64_t batch, void *buffer, heed_error *error);

typedef struct heed_loader_options {
    size_t bytes;   /* of a batch's buffer, at least 1 */
    int buffers;    /* that go round, one of them in the caller's hands; 0: 4 */
    int threads;    /* that fill them; 0: none, heed_loader_next itself does */
    uint64_t seed;
    uint64_t start; /* the first batch, below 2^63 */
} heed_loader_options;

typedef struct heed_loader heed_loader;

/* Takes all the memory it will ever need, and starts the threads. NULL and the reason on an error. */
heed_loader *heed_loader_new(heed_fill *fill, void *user, heed_loader_options options, heed_error *error);
/* At any time: waits only for the fills under way. */
void heed_loader_free(heed_loader *loader);

/* The next batch, in order; NULL where its fill failed, and from then on. One thread calls this, seek and position. */
const void *heed_loader_next(heed_loader *loader);
/* The number of the batch that heed_loader_next will give. */
uint64_t heed_loader_position(const heed_loader *loader);
/* Goes on with another batch; what was given before is no longer valid, and an error is forgotten. */
heed_status heed_loader_seek(heed_loader *loader, uint64_t position) HEED_MUST_CHECK;

heed_status heed_loader_status(const heed_loader *loader);
const char *heed_loader_error_text(const heed_loader *loader);

HEED_END_DECLS
#endif
