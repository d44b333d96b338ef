/* The language of einsum, "bhtd,bhsd->bhts", read into one letter an axis. */
#ifndef HEED_PRODUCT_EINSUM_TEXT_H
#define HEED_PRODUCT_EINSUM_TEXT_H

#include <heed/tape.h>

/* The axes of one operand, or of the result: a letter each, NUL at the end. The axes that "..." stands for are digits,
 * counted from the end so that operands of different rank agree: the last one is '7', the one before it '6'. */
typedef struct einsum_axes {
    char letter[HEED_MAX_RANK + 1];
} einsum_axes;

enum { EINSUM_TROUBLE = 256 };

typedef struct einsum_equation {
    einsum_axes out;
    int users[128];   /* of a letter: operands still to be read that have it, and one more if it is in the result */
    const char *next; /* the text of the operands still to be read */
    char trouble[EINSUM_TROUBLE];
} einsum_equation;

/* Reads the text as it applies to n operands. False: `trouble` says what is wrong with it, or the tape with an
 * operand. */
bool einsum_read(heed_tape *t, const char *text, const heed_tensor *xs, int n, einsum_equation *equation);

/* The axes of the next operand, whose rank this is. Call it once for each, in order: it no longer is a user then. */
einsum_axes einsum_next(einsum_equation *equation, int rank);

#endif
