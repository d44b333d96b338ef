/* Examples as a model takes them: rows of tokens, each side padded to the longest of its batch.
 *
 *     source    (B, S)   "3 мая 1979 года" and PAD behind it
 *     padding   (B, S)   true where that is
 *     input     (B, T)   BOS "1979-05-03"     what the decoder has read so far, and at each of these places
 *     output    (B, T)   "1979-05-03" EOS     what it should write next: this is teacher forcing */
#ifndef EXAMPLES_BATCH_H
#define EXAMPLES_BATCH_H

#include "task.h"

enum { BATCH_ROWS = 512, BATCH_TIME = TASK_TARGET + 1 };

typedef struct batch {
    int B, S, T;    /* T with BOS or EOS */
    int64_t tokens; /* read and written, without padding */
    int32_t source[BATCH_ROWS * TASK_SOURCE];
    bool padding[BATCH_ROWS * TASK_SOURCE];
    int32_t input[BATCH_ROWS * BATCH_TIME], output[BATCH_ROWS * BATCH_TIME];
} batch;

/* At most BATCH_ROWS examples, each at least one token long. */
void batch_fill(batch *b, const example *examples, int count);

/* In order of length, so that a batch of neighbours holds little padding; the longest first, so that a tape that reads
 * one batch after another takes all the memory it will ever need for the first. */
void examples_sort(example *examples, int count);

/* An endless supply of training batches of `rows` rows, the same for the same seed. It draws the examples of several
 * batches at once, cuts them into batches by length, and serves those in a random order. */
typedef struct supply supply;
supply *supply_new(const task *what, uint64_t seed, int rows); /* NULL: out of memory */
void supply_free(supply *s);
void supply_next(supply *s, batch *b);

#endif
