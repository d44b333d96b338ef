#include "measure.h"

#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_size(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

times times_of(double *seconds, int n) {
    for (int i = 0; i < n; i++)
        if (isnan(seconds[i]))
            return (times){NAN, NAN};
    qsort(seconds, (size_t)n, sizeof *seconds, by_size);
    return (times){.median = seconds[n / 2], .min = seconds[0]};
}

times measure(timed_call *call, void *context, double budget) {
    enum { FEWEST = 5, MOST = 1000 };
    double seconds[MOST];
    call(context);
    int n = 0;
    for (double start = now(); n < FEWEST || (n < MOST && now() - start < budget); n++)
        seconds[n] = call(context);
    return times_of(seconds, n);
}

double peak_memory(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss * 1024; /* Linux counts in KiB */
}
