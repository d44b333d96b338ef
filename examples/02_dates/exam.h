/* Measuring: how many dates the model reads exactly, and what each of its heads is for. */
#ifndef DATES_EXAM_H
#define DATES_EXAM_H

#include "../common/dates.h"
#include "../common/reader.h"

/* Held-out dates, the same in every run and for every seed, in batches by length. */
typedef struct exam exam;
/* Dates `first` to first + count - 1 of that list. NULL: out of memory. */
exam *exam_new(const task *dates, uint64_t first, int count);
void exam_free(exam *e);

enum { SCORE_MISTAKES = 3 };
typedef struct mistake {
    char source[TASK_BYTES], answer[TASK_BYTES], iso[TASK_BYTES];
} mistake;
typedef struct score {
    int dates, exact, year, month, day; /* of so many, right are so many: the whole, its year, ... */
    mistake mistakes[SCORE_MISTAKES];   /* the first of dates - exact */
} score;

/* The model reads every date by itself, greedily. */
heed_status exam_run(const exam *e, const reader *r, heed_tape *t, score *result) HEED_MUST_CHECK;

/* The same with one head switched off: what then goes wrong is what nobody else reads. */
heed_status exam_without(const exam *e, const reader *r, heed_tape *t, const heed_multi_head_attention *attn, int head,
                         score *result) HEED_MUST_CHECK;

/* ||w - w0|| / ||w0||, how far a matrix has moved: w and w0 are the same parameter of the trained and of the new model.
 * Negative: out of memory. */
double distance_moved(heed_param w, heed_param w0);

#endif
