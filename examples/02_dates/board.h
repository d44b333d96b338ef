/* What a run shows while it trains. On a terminal: the recorder's last frame and a line of progress, drawn over and over
 * in their place. Elsewhere: plain lines at even intervals, and some of the frames. */
#ifndef DATES_BOARD_H
#define DATES_BOARD_H

#include "train.h"

typedef struct board board;
/* NULL: out of memory. quiet: nothing is shown. */
board *board_new(const reader *r, const plan *p, bool quiet);
void board_free(board *b);

/* A heed_recorder_frame_fn, whose user is the board. */
void board_show_frame(void *board, heed_recording *so_far);
/* After each step; looks at the model and at the clock, and changes neither training nor its numbers. */
heed_status board_show(board *b, const progress *now) HEED_MUST_CHECK;
/* When the last step is done, or the run is broken off: leaves the cursor on a line of its own. */
void board_end(board *b);
const char *board_error_text(const board *b); /* "" while all is well */

#endif
