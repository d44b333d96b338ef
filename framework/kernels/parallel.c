/* parallel.c: parallel-for over OpenMP, or serial in a build without it. */
#include "parallel.h"

#include <stdbool.h>

#ifdef _OPENMP
#include <omp.h>

int heed_parallel_max(void) {
    int threads = omp_get_max_threads();
    return threads < HEED_PARALLEL_MOST ? threads : HEED_PARALLEL_MOST;
}

static bool only_one_thread(void) {
    return omp_in_parallel(); /* the outer loop has them all */
}

#else

int heed_parallel_max(void) {
    return 1;
}

static bool only_one_thread(void) {
    return true;
}

#endif

/* [0, n) cut into `ranges` ranges of `grains` whole grains each, the first `longer` of them one grain longer; the
 * last range also takes what is left of n after the whole grains. */
typedef struct partition {
    int64_t n, grain;
    int64_t ranges, grains, longer;
} partition;

static partition partition_into(int64_t ranges, int64_t n, int64_t grain) {
    int64_t whole = n / grain;
    if (ranges > whole)
        ranges = whole > 0 ? whole : 1;
    return (partition){.n = n, .grain = grain, .ranges = ranges, .grains = whole / ranges, .longer = whole % ranges};
}

static int64_t range_start(const partition *p, int64_t range) {
    if (range == p->ranges)
        return p->n;
    int64_t longer_before = range < p->longer ? range : p->longer;
    return (range * p->grains + longer_before) * p->grain;
}

void heed_parallel_for(int threads, int64_t n, int64_t grain, heed_range_body *body, void *context) {
    if (n <= 0)
        return;
    if (threads <= 0)
        threads = heed_parallel_max();
    if (threads > HEED_PARALLEL_MOST)
        threads = HEED_PARALLEL_MOST;
    partition p = partition_into(only_one_thread() ? 1 : threads, n, grain < 1 ? 1 : grain);
    if (p.ranges == 1) {
        body(context, 0, n);
        return;
    }
    /* A loop over ranges rather than one range a thread: OpenMP may grant fewer threads than were asked for. */
#ifdef _OPENMP
#pragma omp parallel for schedule(static) num_threads((int)p.ranges)
#endif
    for (int64_t range = 0; range < p.ranges; range++)
        body(context, range_start(&p, range), range_start(&p, range + 1));
}
