/* Work for the loader's threads, for the test suite and, under ThreadSanitizer, for a program of its own. */
#ifndef HELPERS_LOADER_WORK_H
#define HELPERS_LOADER_WORK_H

#include <stdbool.h>

/* 1, 2 and 5 threads, rings of 2, 3 and 7: the same 200 batches as without threads, though fills take uneven times; the
 * buffer in the caller's hands is left alone. */
bool loader_gives_the_same_with_any_threads(void);
/* From each of several positions, in one loader that seeks and in fresh ones. */
bool loader_goes_on_from_any_position(void);
/* Freed at once, after some batches, while fills are under way, after a failure. */
bool loader_stops_at_any_time(void);
/* A fill that fails at batch 13 gives 13 batches and then the error, with any threads; after seek it goes on. */
bool loader_fails_where_its_fill_does(void);

#endif
