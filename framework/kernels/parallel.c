/* parallel.c: parallel-for over OpenMP, or serial in a build without it. */
#define _GNU_SOURCE /* RUSAGE_THREAD, CPU_SET */
#include "parallel.h"

#include <sched.h>
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
 * What a loop computes does not depend on who computes it. So the calling thread keeps account, by windows of time, of
 * what sharing has lost against doing all ranges by itself. After a window that lost in all the threads are spread over the
 * cores; if the next has lost, too, it does all ranges by itself for a while, longer each time that trying again is no
 * better. A single mishap is borne: what it cost is past. */
enum { WINDOW_NS = 20000000, GAP_NS = 10000000, FIRST_PAUSE_NS = 20000000, LONGEST_PAUSE_NS = 512000000 };
static _Thread_local struct {
    int64_t until, pause;  /* ns, as all here */
    bool spread;           /* since the last window that has won */
    int64_t window, last;  /* when it was opened, 0: none is open; when the last loop in it ended */
    int64_t lost, working; /* since then: by sharing; at ranges, by the clock */
    int64_t cpu;           /* of this thread, when the window was opened */
    long switches;         /* likewise */
} account;

static int64_t ns_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
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
    account.lost = account.working = 0;
    account.cpu = ns_of(CLOCK_THREAD_CPUTIME_ID);
    account.switches = involuntary_switches();
}

static void work_alone_for_a_while(int64_t now) {
    account.pause = account.pause ? 2 * account.pause : FIRST_PAUSE_NS;
    if (account.pause > LONGEST_PAUSE_NS)
        account.pause = LONGEST_PAUSE_NS;
    account.until = now + account.pause;
    account.window = 0;
}

/* Threads that sleep and are woken may all come to be on the core of the one that wakes them, and stay there for longer
 * than a window while other cores idle. Each goes to a core of its own, if there is one, and is then free again. */
static void spread_over_cores(int threads) {
#ifdef CPU_SET
#pragma omp parallel num_threads(threads)
    {
        cpu_set_t allowed, own;
        if (sched_getaffinity(0, sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) >= threads) {
            int core = -1;
            for (int left = omp_get_thread_num(); left >= 0; left -= CPU_ISSET(core, &allowed) != 0)
                core++;
            CPU_ZERO(&own);
            CPU_SET(core, &own);
            if (sched_setaffinity(0, sizeof own, &own) == 0)
                (void)!sched_setaffinity(0, sizeof allowed, &allowed);
        }
    }
#else
    (void)threads;
#endif
}

/* How much of the window's work was no work: this thread was put aside meanwhile. Asked once a window, since the system
 * takes a microsecond to tell. */
static int64_t put_aside(int64_t now) {
    if (involuntary_switches() == account.switches)
        return 0;
    const int64_t idle = (now - account.window) - (ns_of(CLOCK_THREAD_CPUTIME_ID) - account.cpu);
    return idle < account.working ? idle : account.working;
}

/* One of `ranges` equal ranges took the calling thread from started to finished; then it waited for the others. */
static void settle(int64_t ranges, int64_t started, int64_t finished) {
    const int64_t now = ns_of(CLOCK_MONOTONIC);
    if (account.window == 0 || started - account.last > GAP_NS) /* what was between is no loss: it slept */
        open_window(started);
    account.last = now;
    account.lost += (now - started) - ranges * (finished - started);
    account.working += finished - started;
    if (now - account.window < WINDOW_NS)
        return;
    const bool lost = account.lost + ranges * put_aside(now) > 0;
    if (lost && account.spread) {
        work_alone_for_a_while(now);
        return;
    }
    if (lost)
        spread_over_cores((int)ranges);
    else
        account.pause /= 2;
    account.spread = lost;
    open_window(ns_of(CLOCK_MONOTONIC));
}

static void run_ranges(const partition *p, heed_range_body *body, void *context) {
    int64_t started = ns_of(CLOCK_MONOTONIC), finished = started;
    if (started < account.until) {
        for (int64_t range = 0; range < p->ranges; range++)
            run_range(p, range, body, context);
        return;
    }
    if (account.until) {
        account.until = 0;
        spread_over_cores((int)p->ranges);
        started = ns_of(CLOCK_MONOTONIC);
    }
    /* A loop over ranges rather than one range a thread: OpenMP may grant fewer threads than were asked for. */
#pragma omp parallel num_threads((int)p->ranges)
    {
#pragma omp for schedule(static) nowait
        for (int64_t range = 0; range < p->ranges; range++)
            run_range(p, range, body, context);
#pragma omp master
        finished = ns_of(CLOCK_MONOTONIC);
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
