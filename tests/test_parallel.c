/* The parallel loop: its ranges cover what they should, start where they may, and nest. */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <string.h>

#include "../framework/kernels/parallel.h"

enum { MOST = 5000 };

/* Of a loop that could have so many, in this build. */
static int ranges_here(int64_t ranges) {
#ifdef _OPENMP
    return (int)ranges;
#else
    return ranges > 0;
#endif
}

typedef struct trace {
    int64_t n, grain;
    _Atomic int visits[MOST];
    _Atomic int ranges, misaligned, short_ranges;
} trace;

static void note_range(void *context, int64_t begin, int64_t end) {
    trace *t = context;
    atomic_fetch_add(&t->ranges, 1);
    atomic_fetch_add(&t->misaligned, begin % t->grain != 0 || (end % t->grain != 0 && end != t->n));
    atomic_fetch_add(&t->short_ranges, end - begin < t->grain);
    for (int64_t i = begin; i < end; i++)
        atomic_fetch_add(&t->visits[i], 1);
}

static void check_cover(int threads, int64_t n, int64_t grain) {
    static trace t;
    memset(&t, 0, sizeof t);
    t.n = n;
    t.grain = grain;
    heed_parallel_for(threads, n, grain, note_range, &t);
    for (int64_t i = 0; i < n; i++)
        cr_assert_eq(t.visits[i], 1, "%d threads, n %ld, grain %ld: %ld visited %d times", threads, (long)n,
                     (long)grain, (long)i, t.visits[i]);
    cr_assert_eq(t.misaligned, 0, "%d threads, n %ld, grain %ld", threads, (long)n, (long)grain);
    cr_assert(t.short_ranges == 0 || n < grain, "%d threads, n %ld, grain %ld", threads, (long)n, (long)grain);
    int64_t expected = n / grain < threads ? n / grain : threads;
    cr_assert_eq(t.ranges, n == 0 ? 0 : ranges_here(expected < 1 ? 1 : expected),
                 "%d threads, n %ld, grain %ld: %d ranges", threads, (long)n, (long)grain, t.ranges);
}

Test(parallel, covers_every_index_once_in_whole_grains) {
    static const int threads[] = {1, 2, 3, 7, 16};
    static const int64_t grains[] = {1, 3, 16, 64};
    static const int64_t counts[] = {0, 1, 2, 3, 15, 16, 17, 47, 48, 49, 64, 1023, MOST};
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++)
        for (size_t g = 0; g < sizeof grains / sizeof *grains; g++)
            for (size_t n = 0; n < sizeof counts / sizeof *counts; n++)
                check_cover(threads[t], counts[n], grains[g]);
}

typedef struct call {
    int64_t begin, end;
    int count;
} call;

static void note_call(void *context, int64_t begin, int64_t end) {
    call *c = context;
    *c = (call){begin, end, c->count + 1};
}

Test(parallel, one_range_is_one_call) {
    call c = {0};
    heed_parallel_for(1, 1000, 1, note_call, &c);
    cr_assert(c.count == 1 && c.begin == 0 && c.end == 1000);
    heed_parallel_for(8, 31, 16, note_call, &c); /* room for one whole grain */
    cr_assert(c.count == 2 && c.begin == 0 && c.end == 31);
    heed_parallel_for(8, 5, 16, note_call, &c);
    cr_assert(c.count == 3 && c.begin == 0 && c.end == 5);
}

Test(parallel, nothing_is_no_call) {
    call c = {0};
    heed_parallel_for(4, 0, 1, note_call, &c);
    heed_parallel_for(4, -3, 1, note_call, &c);
    cr_assert_eq(c.count, 0);
}

Test(parallel, a_grain_below_one_is_one) {
    static trace t = {.n = 100, .grain = 1};
    heed_parallel_for(4, 100, 0, note_range, &t);
    cr_assert_eq(t.ranges, ranges_here(4));
    heed_parallel_for(4, 100, -7, note_range, &t);
    cr_assert_eq(t.ranges, ranges_here(4) + ranges_here(4));
}

Test(parallel, no_thread_count_means_all_cores) {
    static trace t = {.n = MOST, .grain = 1};
    heed_parallel_for(0, MOST, 1, note_range, &t);
    cr_assert_eq(t.ranges, heed_parallel_max());
    cr_assert_geq(heed_parallel_max(), 1);
}

static void run_inner(void *context, int64_t begin, int64_t end) {
    call *calls = context;
    for (int64_t i = begin; i < end; i++)
        heed_parallel_for(8, 1000, 1, note_call, &calls[i]);
}

Test(parallel, an_inner_loop_is_serial) {
    call calls[4] = {{0}};
    heed_parallel_for(4, 4, 1, run_inner, calls);
    for (int i = 0; i < 4; i++)
        cr_assert(calls[i].count == 1 && calls[i].begin == 0 && calls[i].end == 1000);
}

Test(parallel, a_huge_count_does_not_overflow) {
    call c = {0};
    heed_parallel_for(7, INT64_MAX, INT64_MAX / 2 + 1, note_call, &c);
    cr_assert(c.count == 1 && c.end == INT64_MAX);
}
