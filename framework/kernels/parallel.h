/* parallel.h: the one place where work is given to several threads.
 *
 * Work is partitioned by outputs: a range of the body writes its own outputs and nobody else's, and computes each of
 * them the same way whatever range it falls in. Kept by every body, this rule makes results the same bits for every
 * number of threads.
 */
#ifndef HEED_KERNELS_PARALLEL_H
#define HEED_KERNELS_PARALLEL_H

#include <stdint.h>

/* The outputs begin <= i < end. It may run on any thread, beside other ranges of the same loop; it cannot fail. */
typedef void heed_range_body(void *context, int64_t begin, int64_t end);

/* Runs body over [0, n) in at most `threads` contiguous ranges (threads <= 0: all cores) and returns when all are
 * done. Every range is at least `grain` long (grain < 1 counts as 1), unless n is shorter itself, and starts at a
 * multiple of grain: choose it so that a range is worth waking a thread for and no cache line belongs to two. A loop
 * that comes to one range, or that is called from within another, or in a build without OpenMP, is a plain call of
 * body(context, 0, n); n <= 0 is no call at all. */
void heed_parallel_for(int threads, int64_t n, int64_t grain, heed_range_body *body, void *context);

/* However many threads are asked for: each takes memory, and OpenMP ends the program when the system grants no more. */
enum { HEED_PARALLEL_MOST = 1024 };

/* The number of threads meant by "all cores": OMP_NUM_THREADS, or else the cores this process may use; 1 in a serial
 * build. */
int heed_parallel_max(void);

#endif
