/* Time, memory, and the limits of the machine. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>

/* Seconds, from some moment in the past. */
double now(void);

typedef struct times {
    double median, min; /* seconds a call; NaN where a call failed */
} times;
/* Of n measured times, which are sorted on the way. */
times times_of(double *seconds, int n);

/* Does the work once and returns how long the part took that is to be measured; NaN: it failed. */
typedef double timed_call(void *context);
/* The first call is forgotten; then calls for `budget` seconds, at least 5. */
times measure(timed_call *call, void *context, double budget);

/* Bytes: the largest resident size this process has had. */
double peak_memory(void);

/* Fused multiply-adds a second, as FLOPs (two each), of `threads` threads that do nothing else, in the widest vectors the
 * program is compiled for: all together, 25 bursts of half a millisecond, of which each thread's fastest counts, since
 * somebody else may have had its core in the others. */
double limit_flops(int threads);
/* Bytes a second of the triad a[i] = b[i] + s c[i] over arrays of 32 MiB: 3 arrays a pass, as
 * McCalpin's STREAM counts. The best of ten passes. */
double limit_bytes(int threads);
/* Seconds until one thread sees what another has written: a cache line's way from core to core, there and back, halved. The
 * best of twenty rounds; milliseconds where both share a core, NaN where they never run at once. */
double hop_time(void);

#endif
