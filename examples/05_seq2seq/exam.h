/* Measuring: how many held-out examples are translated exactly, and how much of the attention is where it belongs. */
#ifndef SEQ2SEQ_EXAM_H
#define SEQ2SEQ_EXAM_H

#include "translator.h"

enum { MARK_MISTAKES = 3 };
typedef struct mark {
    int asked, exact;
    bool looked;  /* it has attention */
    double share; /* of the attention, within one place of the true alignment: mean over the tokens that have one */
    struct {
        char source[TASK_BYTES], answer[TASK_BYTES], right[TASK_BYTES];
    } mistakes[MARK_MISTAKES]; /* the first of asked - exact */
} mark;

/* Held-out examples `first` to first + count - 1, the same in every run. */
heed_status examine(const translator *tr, heed_tape *t, int64_t first, int count, int width, mark *m) HEED_MUST_CHECK;

/* The attention of map (rows, columns), from each token of the target down, that lies within one place of the true
 * alignment, summed over the tokens that have one; *aligned counts these. */
double attention_near(const example *e, const double *map, int columns, int64_t *aligned);

#endif
