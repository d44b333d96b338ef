/* What a trained model is worth, and what is inside it: printed when training is over, and by --load. */
#ifndef DATES_REPORT_H
#define DATES_REPORT_H

#include "../common/terminal.h"
#include "exam.h"

/* "held-out dates read exactly: 1996/2000", and, unless brief, some that were not. */
heed_status report_held_out(const terminal *term, const reader *r, heed_tape *t, int dates, bool brief) HEED_MUST_CHECK;

/* Year, month and day with each head switched off in turn, over the first `dates` held-out dates; a recorder, or NULL, keeps
 * the figures. */
heed_status report_heads(const terminal *term, const reader *r, heed_tape *t, int dates,
                         heed_recorder *recorder) HEED_MUST_CHECK;

/* How far each of w_q, w_k, w_v, w_o is from where it began: `start` is the model before training. */
heed_status report_moved(const terminal *term, const reader *r, const reader *start) HEED_MUST_CHECK;

#endif
