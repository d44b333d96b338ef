/* Work for several pthreads at once, for the test suite and, under ThreadSanitizer, for a program of its own. */
#ifndef HELPERS_THREAD_WORK_H
#define HELPERS_THREAD_WORK_H

#include <stdbool.h>

/* Eight pthreads, each with its own tape, model and optimizer (and OpenMP inside): all end with the same bits as one
 * alone. */
bool eight_tapes_in_eight_threads(int steps);
/* Two pthreads record and differentiate halves of one batch on one model; the merged gradient is within 1e-12 of the
 * whole batch's. */
bool two_tapes_train_one_model(int steps);

#endif
