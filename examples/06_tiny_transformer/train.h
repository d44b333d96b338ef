/* One step after another, on windows that a thread draws ahead. */
#ifndef TINY_TRAIN_H
#define TINY_TRAIN_H

#include "writer.h"

typedef struct train_plan {
    int64_t steps, seed, threads;
    const char *
        checkpoint; /* NULL, or where the run is kept each `every` steps; if the file is there, the run goes on from it */
    int64_t every;
    heed_recorder *recorder; /* or NULL. Of a run that goes on it sees the steps from there */
} train_plan;

/* After each step; false ends the training early. `t` may be used and reset. */
typedef bool train_look(void *user, heed_tape *t, int64_t step, double loss);

/* Returns the steps done through `done`; on an error, which `error` says, they count too. */
heed_status train(writer *w, const heed_windows *windows, const train_plan *plan, train_look *look, void *user,
                  int64_t *done, heed_error *error) HEED_MUST_CHECK;

#endif
