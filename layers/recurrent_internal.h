/* What a cell and a stack of cells have in common. */
#ifndef HEED_LAYERS_RECURRENT_INTERNAL_H
#define HEED_LAYERS_RECURRENT_INTERNAL_H

#include <heed/layers/recurrent_cell.h>

/* Whether the state, called `what` in errors, is nil or of the kind's parts, each of that shape; otherwise the tape says
 * so. */
bool heed_state_fits(heed_tape *t, const char *what, heed_state state, heed_cell_kind kind, heed_shape shape);
heed_state heed_state_zeros(heed_tape *t, heed_cell_kind kind, heed_dtype dtype, heed_shape shape);

/* What a cell reads: from_input (B, T, G hidden), or (B, G hidden) for one step; start: the state before, not nil. */
typedef struct heed_cell_reading {
    heed_tensor from_input, padding; /* padding: HEED_NIL or bool (B, T), true where the state stays as it was */
    heed_state start;
    bool reverse;                    /* from the last step to the first */
} heed_cell_reading;

/* -> the states after each step, (B, T, hidden) each. */
heed_state heed_cell_run(const heed_cell *cell, heed_tape *t, heed_cell_reading reading);

#endif
