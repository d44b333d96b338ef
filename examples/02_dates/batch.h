/* Dates as the model takes them: rows of character ids, the sources padded to the longest of their batch.
 *
 *     source    (B, S)   "3 мая 1979 года" and PAD behind it
 *     padding   (B, S)   true where that is
 *     input     (B, T)   BOS "1979-05-03"     what the decoder has read so far, and at each of these places
 *     output    (B, T)   "1979-05-03" EOS     what it should write next: this is teacher forcing */
#ifndef DATES_BATCH_H
#define DATES_BATCH_H

#include "dates.h"

enum { BATCH_ROWS = 512, BATCH_TIME = DATES_TARGET_LENGTH + 1 };

/* One date in ids. */
typedef struct example {
    int length;
    int32_t source[DATES_SOURCE_LENGTH];
    int32_t target[DATES_TARGET_LENGTH];
    char iso[DATES_TARGET_BYTES]; /* the target as text */
} example;

typedef struct alphabet {
    dates_vocabulary source, target;
} alphabet;

alphabet alphabet_new(void);
example example_make(const alphabet *letters, uint64_t seed, uint64_t index, dates_part part);

typedef struct batch {
    int B, S;
    int64_t characters; /* read and written, without padding */
    int32_t source[BATCH_ROWS * DATES_SOURCE_LENGTH];
    bool padding[BATCH_ROWS * DATES_SOURCE_LENGTH];
    int32_t input[BATCH_ROWS * BATCH_TIME], output[BATCH_ROWS * BATCH_TIME];
} batch;

/* At most BATCH_ROWS examples, each at least one character long. */
void batch_fill(batch *b, const example *examples, int count);

/* In order of length, so that a batch of neighbours holds little padding; the longest first, so that a tape that reads
 * one batch after another takes all the memory it will ever need for the first. */
void examples_sort(example *examples, int count);

/* An endless supply of training batches of `rows` rows, the same for the same seed. It draws the examples of several
 * batches at once, cuts them into batches by length, and serves those in a random order. */
typedef struct supply supply;
supply *supply_new(const alphabet *letters, uint64_t seed, int rows); /* NULL: out of memory */
void supply_free(supply *s);
void supply_next(supply *s, batch *b);

#endif
