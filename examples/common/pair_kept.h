/* What a recorder is told of a translation: the tokens of both sides, and one held-out example that is followed. */
#ifndef EXAMPLES_PAIR_KEPT_H
#define EXAMPLES_PAIR_KEPT_H

#include "batch.h"
#include "recording.h"

enum { PAIR_KEPT_FRAMES = 60 }; /* at most: one is megabytes */

/* The spaces "source" and "target", whose tokens' vectors are the rows of these two parameters, and "written": the target's
 * tokens again, as the rows of the output's matrix read them. */
void pair_kept_spaces(heed_recorder *r, const task *what, const char *source, const char *target, const char *output);

/* The example that is followed, short enough for a map that one can read. */
typedef struct pair_followed {
    int S, T;
    const char **source;              /* (S): what is read */
    const char **input, **output;     /* (T): what the decoder has before it, and what it is to write there */
    int alignment[BATCH_TIME];        /* (T): the source token that it comes from, or -1 */
} pair_followed;

/* b: filled with the example alone. False: out of memory. */
bool pair_followed_init(pair_followed *p, const task *what, batch *b);
void pair_followed_free(pair_followed *p);
/* What the logits (1, T, V) that a probe's forward has left answer at each place; texts stay in `said`. */
enum { PAIR_SAID = BATCH_TIME };
typedef struct pair_said {
    const task *task;
    heed_tensor logits;
    char text[PAIR_SAID][RECORDING_NAME];
} pair_said;
void pair_say(pair_said *said, heed_tape *t, const char **names);

/* As a probe: from what is written to what is read. */
heed_probe pair_followed_probe(const pair_followed *p, const char *name, heed_probe_fn *loss, void *user);

#endif
