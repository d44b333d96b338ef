#include "repeats.h"

#include <heed/rng.h>

repeats repeats_draw(uint64_t seed, uint64_t index, int shortest, int longest) {
    uint64_t key = heed_rng_mix(seed, index);
    int32_t all[REPEATS_VOCABULARY];
    for (int i = 0; i < REPEATS_VOCABULARY; i++)
        all[i] = i;
    repeats r = {.period = shortest + (int)heed_rng_below(key, 0, (uint64_t)(longest - shortest + 1))};
    for (int i = 0; i < r.period; i++) { /* the first steps of Fisher and Yates */
        int other = i + (int)heed_rng_below(key, 1 + (uint64_t)i, (uint64_t)(REPEATS_VOCABULARY - i));
        r.token[i] = all[other];
        all[other] = all[i];
    }
    for (int i = r.period; i <= REPEATS_TIME; i++)
        r.token[i] = r.token[i - r.period];
    return r;
}

char repeats_name(int32_t token) {
    return "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-"[token];
}
