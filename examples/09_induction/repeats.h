/* The task: random tokens that repeat. A stretch of `period` different tokens, drawn afresh for each sequence, comes again
 * and again; so from the second time on each next token is known to whoever finds where the present one stood before:
 *
 *     g Q 4 x b | g Q 4 x b | g Q ...         after g comes Q, for Q came after g
 *
 * Nothing can be learned by heart: any token may follow any other. And where the period varies, it does not help to look
 * back a fixed way. */
#ifndef INDUCTION_REPEATS_H
#define INDUCTION_REPEATS_H

#include <stdint.h>

enum {
    REPEATS_VOCABULARY = 64,
    REPEATS_TIME = 64,     /* tokens that are read */
    REPEATS_SHORTEST = 8,  /* the usual periods: drawn evenly from these to the longest */
    REPEATS_LONGEST = 32,
    REPEATS_LIMIT = 48,    /* no longer one: a quarter of the sequence at least repeats */
};

typedef struct repeats {
    int period;
    int32_t token[REPEATS_TIME + 1]; /* the last is only to be foretold */
} repeats;

/* Sequence `index` of `seed`, its period from shortest to longest. */
repeats repeats_draw(uint64_t seed, uint64_t index, int shortest, int longest);

char repeats_name(int32_t token); /* a to z, A to Z, 0 to 9, + and - */

#endif
