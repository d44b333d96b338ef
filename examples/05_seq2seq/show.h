/* What is seen: where a model looks, and a training under way. */
#ifndef SEQ2SEQ_SHOW_H
#define SEQ2SEQ_SHOW_H

#include "../common/terminal.h"
#include "translator.h"

/* One source, what the model makes of it, and where it looks meanwhile. */
typedef struct view {
    example e; /* its target is the answer */
    char source[TASK_BYTES], answer[TASK_BYTES];
    double sure;                          /* the probability that the model gives to the answer */
    bool looked;                          /* it has attention */
    int heads;                            /* of which the map is the mean */
    double map[BATCH_TIME * TASK_SOURCE]; /* (the answer's tokens and EOS, e.S) */
} view;

/* Translates v->e.source. The tape is reset. */
heed_status view_take(const translator *tr, heed_tape *t, int width, view *v) HEED_MUST_CHECK;
/* "source → answer" and the map. */
void view_print(const terminal *term, const task *what, const view *v);

/* A training, shown on a terminal in its place: the recorder's last frame and a line of progress; elsewhere some of the
 * frames and lines. */
typedef struct board {
    int64_t steps;
    double loss;           /* averaged over some twenty steps */
    double started, drawn; /* seconds; drawn 0 where no line is on the terminal */
    int lines;             /* of the frame on the terminal */
    int frames;            /* shown elsewhere */
} board;

void board_init(board *b, int64_t steps);
/* A heed_recorder_frame_fn, whose user is the board. */
void board_show_frame(void *board, heed_recording *so_far);
void board_show(board *b, int64_t step, double loss);
/* Leaves the cursor on a line of its own. */
void board_end(board *b);

#endif
