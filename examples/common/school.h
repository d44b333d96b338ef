/* Lessons and examinations for an answerer. */
#ifndef EXAMPLES_SCHOOL_H
#define EXAMPLES_SCHOOL_H

#include "answerer.h"
#include "training.h"

/* What is taught or asked. */
typedef struct school_subject {
    /* Question `index` with its right answer, one row. */
    void (*lesson)(const void *user, uint64_t seed, uint64_t index, int32_t *row);      /* to learn from */
    void (*examination)(const void *user, uint64_t seed, uint64_t index, int32_t *row); /* held out */
    const void *user;
} school_subject;

/* Called after each step; it may take its time. Anything but HEED_OK, with an error text set, ends the training. */
typedef heed_status school_look(void *user, int64_t step, double loss, heed_error *error);

heed_status school_train(const answerer *a, const school_subject *subject, const training_plan *plan, int batch,
                         school_look *look, void *user, heed_error *error) HEED_MUST_CHECK;

/* Called for each question of an examination: the row with the right answer, and with the given one. */
typedef void school_mark(void *user, const int32_t *right, const int32_t *given);

/* Asks `count` held-out questions; the tape is reset. On an error its text is the tape's. */
heed_status school_examine(const answerer *a, const school_subject *subject, heed_tape *t, int count, school_mark *mark,
                           void *user) HEED_MUST_CHECK;

/* A mark for those who only count. */
typedef struct school_count {
    int length; /* of a row */
    int asked, exact;
} school_count;
school_mark school_count_exact;

#endif
