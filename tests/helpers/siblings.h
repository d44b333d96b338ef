/* The benchmark's workloads in small, with dropout where there is some: trainings that are asked for their bits. */
#ifndef HELPERS_SIBLINGS_H
#define HELPERS_SIBLINGS_H

#include <stdbool.h>
#include <stdint.h>

enum { SIBLING_GPT, SIBLING_SEQ2SEQ, SIBLING_ATTENTION, SIBLINGS };
const char *sibling_name(int which);

/* Trains it from its start for so many steps. *bits: a hash of all parameters, the optimizer's state and the next random numbers.
 * False: a step failed, and why was printed. */
bool sibling_train(int which, int threads, int steps, uint64_t *bits);

#endif
