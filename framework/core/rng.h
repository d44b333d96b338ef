/* Random numbers that depend on a key and a counter alone: Philox4x32-10 (Salmon, Moraes, Dror, Shaw:
 * "Parallel random numbers: as easy as 1, 2, 3", SC 2011). Any element can be drawn by itself, so results are the same
 * for every thread count and order. */
#ifndef HEED_RNG_H
#define HEED_RNG_H

#include <heed/base.h>

HEED_BEGIN_DECLS

typedef struct heed_philox {
    uint32_t word[4];
} heed_philox;
/* Ten rounds of Philox4x32 on the counter under the key. */
heed_philox heed_philox4x32(const uint32_t counter[4], const uint32_t key[2]);

/* A stream of numbers: element i of the stream is a function of (key, i). */
uint32_t heed_rng_u32(uint64_t key, uint64_t i);
double heed_rng_uniform(uint64_t key, uint64_t i); /* [0, 1), 53 bits */
double heed_rng_normal(uint64_t key, uint64_t i);  /* N(0, 1), by Box and Muller */
/* 0..bound-1 without bias; bound > 0. */
uint64_t heed_rng_below(uint64_t key, uint64_t i, uint64_t bound);
/* Element i of a random order of 0 .. n - 1, where i < n: each comes once, and none needs the others to be known. A Feistel network on
 * twice as many bits as make half of n - 1, walked until the result is below n (Black and Rogaway, "Ciphers with arbitrary finite
 * domains", CT-RSA 2002). */
uint64_t heed_rng_permuted(uint64_t key, uint64_t i, uint64_t n);
/* A key made of two others; of a text. */
uint64_t heed_rng_mix(uint64_t a, uint64_t b);
uint64_t heed_rng_hash(const char *text);

HEED_END_DECLS
#endif
