/* Values taken from one tape and given to the next, as constants: truncated backpropagation through time (Williams and
 * Peng 1990). A long text is trained a stretch at a time; each goes on from the states in which the one before ended,
 * and no gradient goes back over the seam.
 *
 *     heed_carry carry = {0};
 *     for each stretch:
 *         heed_tape_reset(t);
 *         start = heed_carry_give_state(&carry, t)                       nil at first: zeros
 *         y = heed_recurrent_forward(&layer, t, x, start, HEED_NIL, &last)
 *         if (heed_carry_take_state(&carry, t, last) || heed_backward(t, loss, grads)) ...
 *     heed_carry_reset(&carry)                                           where a new text begins
 *     heed_carry_free(&carry)
 * The memory is the carry's own, so the tape may be reset, freed, or another. It is taken once: from the second stretch
 * on, as long as nothing grows, there is no malloc. */
#ifndef HEED_LAYERS_CARRY_H
#define HEED_LAYERS_CARRY_H

#include <heed/layers/recurrent_cell.h>

HEED_BEGIN_DECLS

enum { HEED_CARRIED = 8 };
typedef struct heed_carry {
    int n; /* tensors it holds */
    struct heed_carried {
        heed_dtype dtype;
        heed_shape shape;
        bool nil;
        size_t room; /* bytes at values */
        void *values;
    } at[HEED_CARRIED];
} heed_carry;

/* Copies the values of n tensors, at most HEED_CARRIED, of any dtypes and shapes; HEED_NIL stays nil. What it held is
 * forgotten. On error, which is the tape's, it holds what it held: n out of range, a stale tensor, out of memory, a tape
 * that had failed before. */
heed_status heed_carry_take(heed_carry *carry, heed_tape *t, int n, const heed_tensor *xs) HEED_MUST_CHECK;
/* The i-th of them as a constant on t, a copy of its own; HEED_NIL if it was nil, or where the carry holds nothing. An
 * error if it holds others but no i-th. */
heed_tensor heed_carry_give(const heed_carry *carry, heed_tape *t, int i);

/* The same for a state: its h and c. */
heed_status heed_carry_take_state(heed_carry *carry, heed_tape *t, heed_state state) HEED_MUST_CHECK;
heed_state heed_carry_give_state(const heed_carry *carry, heed_tape *t);

/* Holds nothing again, but keeps its memory. */
void heed_carry_reset(heed_carry *carry);
void heed_carry_free(heed_carry *carry);

HEED_END_DECLS
#endif
