/* parallel.c: parallel-for over OpenMP, or serial in a build without it. */
#define _GNU_SOURCE /* RUSAGE_THREAD */
#include "parallel.h"

#include <stdbool.h>
#include <sys/resource.h>
#include <time.h>

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

static void run_range(const partition *p, int64_t range, heed_range_body *body, void *context) {
    body(context, range_start(p, range), range_start(p, range + 1));
}

#ifdef _OPENMP

/* Where other programs want the cores too, sharing can lose: a thread that the system has put aside makes all others wait
 * for milliseconds in a loop of microseconds, and threads that wait by spinning take the core from the one they wait for.
 * What a loop computes does not depend on who computes it. So the calling thread watches for both, losses against doing all
 * ranges by itself and being put aside itself, and does them by itself for a while when it sees one, longer each time that
 * trying again is no better. */
enum {
    LOSS_BORNE_NS = 100000,
    WINDOW_NS = 20000000,
    SWITCHES_BORNE = 1, /* in a window; an idle machine has a few a second */
    FIRST_PAUSE_NS = 20000000,
    LONGEST_PAUSE_NS = 512000000
};
static _Thread_local struct {
    int64_t lost, until, pause, window; /* ns */
    long switches;
} account;

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* How often this thread was put aside while it had work to do. */
static long involuntary_switches(void) {
#ifdef RUSAGE_THREAD
    struct rusage usage;
    return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nivcsw : 0;
#else
    return 0;
#endif
}

static void open_window(int64_t now) {
    account.window = now;
    account.switches = involuntary_switches();
}

static void work_alone_for_a_while(int64_t now) {
    account.pause = account.pause ? 2 * account.pause : FIRST_PAUSE_NS;
    if (account.pause > LONGEST_PAUSE_NS)
        account.pause = LONGEST_PAUSE_NS;
    account.until = now + account.pause;
    account.lost = account.window = 0;
}

/* One of `ranges` equal ranges took the calling thread from started to finished; then it waited for the others. */
static void settle(int64_t ranges, int64_t started, int64_t finished) {
    int64_t now = now_ns();
    account.lost += (now - started) - ranges * (finished - started);
    if (account.lost < 0)
        account.lost = 0;
    bool put_aside = false;
    if (now - account.window > WINDOW_NS) {
        long before = account.switches;
        bool first = account.window == 0;
        open_window(now);
        put_aside = !first && account.switches - before > SWITCHES_BORNE;
        if (!first && !put_aside)
            account.pause /= 2;
    }
    if (put_aside || account.lost > LOSS_BORNE_NS)
        work_alone_for_a_while(now);
}

static void run_ranges(const partition *p, heed_range_body *body, void *context) {
    int64_t started = now_ns(), finished = started;
    if (started < account.until) {
        for (int64_t range = 0; range < p->ranges; range++)
            run_range(p, range, body, context);
        return;
    }
    /* A loop over ranges rather than one range a thread: OpenMP may grant fewer threads than were asked for. */
#pragma omp parallel num_threads((int)p->ranges)
    {
#pragma omp for schedule(static) nowait
        for (int64_t range = 0; range < p->ranges; range++)
            run_range(p, range, body, context);
#pragma omp master
        finished = now_ns();
    }
    settle(p->ranges, started, finished);
}

#else

static void run_ranges(const partition *p, heed_range_body *body, void *context) {
    for (int64_t range = 0; range < p->ranges; range++)
        run_range(p, range, body, context);
}

#endif

void heed_parallel_for(int threads, int64_t n, int64_t grain, heed_range_body *body, void *context) {
    if (n <= 0)
        return;
    if (threads <= 0)
        threads = heed_parallel_max();
    if (threads > HEED_PARALLEL_MOST)
        threads = HEED_PARALLEL_MOST;
    partition p = partition_into(only_one_thread() ? 1 : threads, n, grain < 1 ? 1 : grain);
    if (p.ranges == 1)
        body(context, 0, n);
    else
        run_ranges(&p, body, context);
}
