/* parallel.c: parallel-for over OpenMP, or serial in a build without it. */
#include "parallel.h"

#ifdef _OPENMP
#include <omp.h>
#endif

/* [0, n) cut into `count` ranges of whole grains; the last also takes what is left of n after them. */
typedef struct partition {
    int64_t n, grain;
    int64_t count;
    int64_t grains, longer; /* each range has `grains` grains, the first `longer` of them one more */
} partition;

static partition partition_of(int threads, int64_t n, int64_t grain)
{
    partition ranges = {.n = n, .grain = grain < 1 ? 1 : grain};
    int64_t whole = n / ranges.grain;
    ranges.count = whole < threads ? whole : threads;
    if (ranges.count < 1)
        ranges.count = 1;
    ranges.grains = whole / ranges.count;
    ranges.longer = whole % ranges.count;
    return ranges;
}

#ifdef _OPENMP

static int64_t start_of(const partition *ranges, int64_t range)
{
    if (range == ranges->count)
        return ranges->n;
    int64_t extra = range < ranges->longer ? range : ranges->longer;
    return (range * ranges->grains + extra) * ranges->grain;
}

/* A loop over ranges, not one range per thread: OpenMP may grant fewer threads than were asked for. */
static void run(const partition *ranges, heed_range_body *body, void *context)
{
#pragma omp parallel for schedule(static) num_threads((int)ranges->count)
    for (int64_t range = 0; range < ranges->count; range++)
        body(context, start_of(ranges, range), start_of(ranges, range + 1));
}

int heed_parallel_max(void)
{
    return omp_get_max_threads();
}

static bool inside_parallel_region(void)
{
    return omp_in_parallel();
}

#else
#endif
