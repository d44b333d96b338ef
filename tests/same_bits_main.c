/* The same bits, whatever the scheduler does: trainings whose parallel loops are shared out by an adversary, 20 times.
 *
 * This program is linked with all of the library but framework/kernels/parallel.c, in whose place stands what follows: each loop
 * is cut at places drawn at random, into at most as many ranges as there are threads, as parallel.h allows; they are begun in
 * a random order, by whichever thread comes first; and each may wait before it begins. */
#include <omp.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <heed/rng.h>

#include "../framework/kernels/parallel.h"
#include "helpers/siblings.h"

enum { RUNS = 20, STEPS = 200, MOST_RANGES = 16 };

static bool adverse;         /* else the loops are run as one range */
static uint64_t run_key;     /* of this run's cuts, orders and delays */
static uint64_t loops, cuts; /* ends of ranges within a loop */
static atomic_uint_fast64_t delays;

int heed_parallel_max(void) {
    return 2;
}

/* One range in 16 gives its core away, one in 256 sleeps some 100 microseconds. */
static void wait_a_while(uint64_t key) {
    uint64_t drawn = heed_rng_below(key, 1, 256);
    if (drawn % 16 == 0)
        sched_yield();
    if (drawn == 0)
        nanosleep(&(struct timespec){.tv_nsec = (long)heed_rng_below(key, 2, 100000)}, NULL);
    atomic_fetch_add(&delays, drawn == 0);
}

static int by_size(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* ranges + 1 places from 0 to n, those between multiples of grain, no two alike, in order; returns the ranges. */
static int cut(uint64_t key, int threads, int64_t n, int64_t grain, int64_t at[MOST_RANGES + 1]) {
    int64_t whole = n / grain, most = threads < MOST_RANGES ? threads : MOST_RANGES;
    int64_t wanted = 1 + (int64_t)heed_rng_below(key, 1, (uint64_t)(whole < 1 ? 1 : whole < most ? whole : most));
    int ranges = 1;
    at[0] = 0;
    for (uint64_t i = 2; ranges < wanted && i < 64; i++) { /* drawn twice: one range less */
        int64_t place = grain * (1 + (int64_t)heed_rng_below(key, i, (uint64_t)whole - 1));
        bool known = false;
        for (int r = 0; r < ranges; r++)
            known = known || at[r] == place;
        if (!known)
            at[ranges++] = place;
    }
    qsort(at, (size_t)ranges, sizeof *at, by_size);
    at[ranges] = n;
    return ranges;
}

void heed_parallel_for(int threads, int64_t n, int64_t grain, heed_range_body *body, void *context) {
    int64_t at[MOST_RANGES + 1];
    if (n <= 0)
        return;
    if (!adverse || omp_in_parallel()) {
        body(context, 0, n);
        return;
    }
    uint64_t key = heed_rng_mix(run_key, loops++);
    int ranges = cut(key, threads > 0 ? threads : 2, n, grain < 1 ? 1 : grain, at);
    cuts += (uint64_t)ranges - 1;
#pragma omp parallel for schedule(dynamic, 1) num_threads(ranges < 4 ? ranges : 4) if (ranges > 1)
    for (int i = 0; i < ranges; i++) {
        int range = (int)heed_rng_permuted(key, (uint64_t)i, (uint64_t)ranges);
        wait_a_while(heed_rng_mix(key, (uint64_t)range));
        body(context, at[range], at[range + 1]);
    }
}

/* The bits of the run without an adversary in *alone. False: other ones, or a step failed. */
static bool run(int which, int number, uint64_t alone) {
    static const int threads[] = {2, 3, 4, 7, 8, 16};
    uint64_t bits;
    run_key = heed_rng_mix(heed_rng_hash("adversary"), (uint64_t)number);
    if (!sibling_train(which, threads[number % 6], STEPS, &bits))
        return false;
    if (bits != alone)
        fprintf(stderr, "same_bits: %s: run %d, of at most %d ranges a loop, ends with other bits\n",
                sibling_name(which), number, threads[number % 6]);
    return bits == alone;
}

int main(void) {
    bool good = true;
    for (int which = 0; which < SIBLINGS; which++) {
        uint64_t alone;
        adverse = false;
        good = sibling_train(which, 1, STEPS, &alone) && good;
        adverse = true;
        for (int number = 0; number < RUNS && good; number++)
            good = run(which, number, alone);
    }
    if (good && cuts < (uint64_t)RUNS * SIBLINGS * STEPS) {
        fprintf(stderr, "same_bits: the loops were hardly shared out\n");
        good = false;
    }
    if (good)
        printf(
            "same_bits: %d runs of %d workloads, %.0f loops cut at %.0f places, %.0f delays: all with the same bits\n",
            RUNS, SIBLINGS, (double)loops, (double)cuts, (double)atomic_load(&delays));
    return good ? 0 : 1;
}
