#include "loader_work.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <heed/loader.h>
#include <heed/rng.h>

enum { NUMBERS = 300, BATCHES = 200, FAILS_AT = 13 };

typedef struct counted {
    atomic_int fills;
    uint64_t fails_at;
} counted;

/* Numbers of (seed, batch), written slowly by some: a buffer given out too early, or filled while it is lent, shows. */
static heed_status fill(void *user, uint64_t seed, uint64_t batch, void *buffer, heed_error *error) {
    counted *c = user;
    uint64_t key = heed_rng_mix(seed, batch), *numbers = buffer;
    atomic_fetch_add(&c->fills, 1);
    if (batch == c->fails_at)
        return heed_error_set(error, HEED_IO, "the well is dry");
    for (uint64_t i = 0; i < NUMBERS; i++) {
        numbers[i] = heed_rng_mix(key, i);
        if (i == NUMBERS / 2 && key % 5 == 0)
            nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    return HEED_OK;
}

static bool is_batch(const void *buffer, uint64_t seed, uint64_t batch) {
    uint64_t key = heed_rng_mix(seed, batch), want[NUMBERS];
    for (uint64_t i = 0; i < NUMBERS; i++)
        want[i] = heed_rng_mix(key, i);
    return buffer && memcmp(buffer, want, sizeof want) == 0;
}

static heed_loader *loader_of(counted *c, int threads, int buffers, uint64_t start) {
    c->fails_at = UINT64_MAX;
    atomic_init(&c->fills, 0);
    return heed_loader_new(
        fill, c,
        (heed_loader_options){
            .bytes = NUMBERS * sizeof(uint64_t), .buffers = buffers, .threads = threads, .seed = 42, .start = start},
        NULL);
}

static bool gives(heed_loader *l, uint64_t first, int n) {
    bool good = heed_loader_position(l) == first;
    for (int i = 0; i < n && good; i++) {
        const void *buffer = heed_loader_next(l);
        good = (uintptr_t)buffer % 64 == 0 && is_batch(buffer, 42, first + (uint64_t)i);
        if (i % 8 == 0)
            nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
        good = good && is_batch(buffer, 42, first + (uint64_t)i) && heed_loader_position(l) == first + (uint64_t)i + 1;
    }
    return good;
}

bool loader_gives_the_same_with_any_threads(void) {
    static const int threads[] = {0, 1, 2, 5}, buffers[] = {0, 2, 3, 7};
    bool good = true;
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            counted c;
            heed_loader *l = loader_of(&c, threads[i], buffers[j], 0);
            good = good && l && gives(l, 0, BATCHES);
            heed_loader_free(l);
            int ahead = threads[i] ? (buffers[j] ? buffers[j] : 4) : 0;
            good = good && atomic_load(&c.fills) >= BATCHES && atomic_load(&c.fills) <= BATCHES + ahead;
        }
    return good;
}

bool loader_goes_on_from_any_position(void) {
    static const uint64_t positions[] = {5, 0, 1000000007, 6, INT64_MAX};
    bool good = true;
    for (int threads = 0; threads < 4; threads++) {
        counted c, d;
        heed_loader *l = loader_of(&c, threads, 3, 0);
        for (int i = 0; i < 5 && l; i++) {
            heed_loader *fresh = loader_of(&d, threads, 0, positions[i]);
            good = good && heed_loader_seek(l, positions[i]) == HEED_OK && gives(l, positions[i], 12 - i) && fresh &&
                   gives(fresh, positions[i], 12 - i);
            heed_loader_free(fresh);
        }
        good = good && l && heed_loader_seek(l, (uint64_t)INT64_MAX + 1) == HEED_INVALID && heed_loader_next(l) == NULL;
        heed_loader_free(l);
    }
    return good;
}

bool loader_stops_at_any_time(void) {
    bool good = true;
    for (int threads = 0; threads < 6; threads++)
        for (int taken = 0; taken < 12; taken++) {
            counted c;
            heed_loader *l = loader_of(&c, threads, 2 + taken % 3, 0);
            good = good && l && gives(l, 0, taken);
            heed_loader_free(l);
        }
    heed_loader_free(NULL);
    return good;
}

bool loader_fails_where_its_fill_does(void) {
    bool good = true;
    for (int threads = 0; threads < 6; threads++) {
        counted c = {.fails_at = FAILS_AT};
        heed_loader *l = heed_loader_new(
            fill, &c, (heed_loader_options){.bytes = NUMBERS * sizeof(uint64_t), .threads = threads, .seed = 42}, NULL);
        good = good && l && gives(l, 0, FAILS_AT) && heed_loader_next(l) == NULL && heed_loader_next(l) == NULL;
        good = good && heed_loader_status(l) == HEED_IO &&
               strcmp(heed_loader_error_text(l), "loader: batch 13: the well is dry") == 0;
        good = good && heed_loader_position(l) == FAILS_AT;
        good = good && heed_loader_seek(l, FAILS_AT + 1) == HEED_OK && heed_loader_status(l) == HEED_OK &&
               gives(l, FAILS_AT + 1, 20);
        heed_loader_free(l);
    }
    return good;
}
