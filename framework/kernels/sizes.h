/* sizes.h: arithmetic on sizes that kernels have in common. None of it is asked for a sum past int64_t. */
#ifndef HEED_KERNELS_SIZES_H
#define HEED_KERNELS_SIZES_H

#include <stdint.h>

static inline int64_t smaller(int64_t x, int64_t y) {
    return x < y ? x : y;
}

static inline int64_t larger(int64_t x, int64_t y) {
    return x > y ? x : y;
}

/* Of sizes that are not negative: x / y, rounded up; the first multiple of unit that is not below x. */
static inline int64_t divide_up(int64_t x, int64_t y) {
    return x / y + (x % y != 0);
}

static inline int64_t round_up(int64_t x, int64_t unit) {
    return divide_up(x, unit) * unit;
}

#endif
