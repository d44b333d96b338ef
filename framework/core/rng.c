#include <math.h>

#include <heed/rng.h>

static void round_once(uint32_t c[4], uint32_t k0, uint32_t k1) {
    uint64_t a = (uint64_t)0xD2511F53u * c[0];
    uint64_t b = (uint64_t)0xCD9E8D57u * c[2];
    uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ k0, (uint32_t)b, (uint32_t)(a >> 32) ^ c[3] ^ k1, (uint32_t)a};
    for (int i = 0; i < 4; i++)
        c[i] = next[i];
}

heed_philox heed_philox4x32(const uint32_t counter[4], const uint32_t key[2]) {
    heed_philox out = {{counter[0], counter[1], counter[2], counter[3]}};
    uint32_t k0 = key[0], k1 = key[1];
    for (int i = 0; i < 10; i++) {
        round_once(out.word, k0, k1);
        k0 += 0x9E3779B9u; /* Weyl sequences: the golden ratio ... */
        k1 += 0xBB67AE85u; /* ... and sqrt(3) - 1 */
    }
    return out;
}

static heed_philox block(uint64_t key, uint64_t i, uint32_t lane) {
    uint32_t counter[4] = {(uint32_t)i, (uint32_t)(i >> 32), lane, 0};
    uint32_t words[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
    return heed_philox4x32(counter, words);
}

uint32_t heed_rng_u32(uint64_t key, uint64_t i) {
    return block(key, i / 4, 0).word[i % 4];
}

static double unit(uint32_t high, uint32_t low) {
    return (double)(((uint64_t)high << 21) ^ (low >> 11)) * 0x1p-53;
}

double heed_rng_uniform(uint64_t key, uint64_t i) {
    heed_philox b = block(key, i / 2, 1);
    return i % 2 ? unit(b.word[2], b.word[3]) : unit(b.word[0], b.word[1]);
}

double heed_rng_normal(uint64_t key, uint64_t i) {
    const double two_pi = 6.283185307179586;
    heed_philox b = block(key, i / 2, 2);
    double radius = sqrt(-2.0 * log(1.0 - unit(b.word[0], b.word[1]))); /* 1 - u: never log 0 */
    double angle = two_pi * unit(b.word[2], b.word[3]);
    return radius * (i % 2 ? sin(angle) : cos(angle));
}

uint64_t heed_rng_below(uint64_t key, uint64_t i, uint64_t bound) {
    uint64_t unfair = -bound % bound; /* 2^64 mod bound: draws below it would favour small results */
    for (uint32_t attempt = 3;; attempt++) {
        heed_philox b = block(key, i, attempt);
        uint64_t draw = (uint64_t)b.word[0] << 32 | b.word[1];
        if (draw >= unfair)
            return draw % bound;
    }
}

/* One permutation of 0 .. 2^(2 half) - 1. */
static uint64_t scrambled(uint64_t key, uint64_t x, int half) {
    enum { ROUNDS = 6 };
    uint64_t mask = ((uint64_t)1 << half) - 1, left = x >> half, right = x & mask;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint64_t next = left ^ (block(key, right, 0x6f726400u + round).word[0] & mask);
        left = right;
        right = next;
    }
    return left << half | right;
}

uint64_t heed_rng_permuted(uint64_t key, uint64_t i, uint64_t n) {
    int half = 1;
    while (half < 32 && (n - 1) >> (2 * half) != 0)
        half++;
    do
        i = scrambled(key, i, half);
    while (i >= n); /* the domain is below 4 n, or has 4 elements: a few steps */
    return i;
}

uint64_t heed_rng_mix(uint64_t a, uint64_t b) {
    uint32_t counter[4] = {(uint32_t)b, (uint32_t)(b >> 32), 0, 0x6b657973u};
    uint32_t key[2] = {(uint32_t)a, (uint32_t)(a >> 32)};
    heed_philox out = heed_philox4x32(counter, key);
    return (uint64_t)out.word[0] << 32 | out.word[1];
}

uint64_t heed_rng_hash(const char *text) {
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return hash;
}
