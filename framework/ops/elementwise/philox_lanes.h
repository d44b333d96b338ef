/* heed_rng_u32(key, i) for many i at once, in a form that becomes vector code. */
#ifndef HEED_ELEMENTWISE_PHILOX_LANES_H
#define HEED_ELEMENTWISE_PHILOX_LANES_H

#include <stdint.h>

/* Numbers come in blocks of four, and blocks are computed side by side. */
enum { HEED_PHILOX_LANES = 32, HEED_PHILOX_WORDS = 4 * HEED_PHILOX_LANES };

typedef struct heed_philox_lanes {
    uint32_t word[4][HEED_PHILOX_LANES];
} heed_philox_lanes;

/* The upper half of a product. Asked for apart from the lower one, which compilers turn into better vector code. */
static inline uint32_t heed_high_word(uint32_t a, uint32_t b) {
    return (uint32_t)((uint64_t)a * b >> 32);
}

static inline void heed_philox_round(heed_philox_lanes *c, uint32_t key_0, uint32_t key_1) {
    const uint32_t a = 0xD2511F53u, b = 0xCD9E8D57u;
    for (int lane = 0; lane < HEED_PHILOX_LANES; lane++) {
        uint32_t x = c->word[0][lane], y = c->word[2][lane];
        c->word[0][lane] = heed_high_word(b, y) ^ c->word[1][lane] ^ key_0;
        c->word[1][lane] = b * y;
        c->word[2][lane] = heed_high_word(a, x) ^ c->word[3][lane] ^ key_1;
        c->word[3][lane] = a * x;
    }
}

/* words[j] = heed_rng_u32(key, first + j) for all j < HEED_PHILOX_WORDS; first is a multiple of 4. */
static inline void heed_philox_words(uint64_t key, uint64_t first, uint32_t *restrict words) {
    heed_philox_lanes c;
    for (int lane = 0; lane < HEED_PHILOX_LANES; lane++) {
        uint64_t block = first / 4 + (uint64_t)lane;
        c.word[0][lane] = (uint32_t)block;
        c.word[1][lane] = (uint32_t)(block >> 32);
        c.word[2][lane] = 0;
        c.word[3][lane] = 0;
    }
    uint32_t key_0 = (uint32_t)key, key_1 = (uint32_t)(key >> 32);
    for (int i = 0; i < 10; i++) {
        heed_philox_round(&c, key_0, key_1);
        key_0 += 0x9E3779B9u;
        key_1 += 0xBB67AE85u;
    }
    for (int lane = 0; lane < HEED_PHILOX_LANES; lane++)
        for (int i = 0; i < 4; i++)
            words[4 * lane + i] = c.word[i][lane];
}

#endif
