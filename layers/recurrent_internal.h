/* What a cell and a stack of cells have in common. */
#ifndef HEED_LAYERS_RECURRENT_INTERNAL_H
#define HEED_LAYERS_RECURRENT_INTERNAL_H

#include <heed/layers/recurrent_cell.h>

/* Whether the state, called `what` in errors, is nil or of the kind's parts, each of that shape; otherwise the tape says
 * so. */
bool heed_state_fits(heed_tape *t, const char *what, heed_state state, heed_cell_kind kind, heed_shape shape);
heed_state heed_state_zeros(heed_tape *t, heed_cell_kind kind, heed_dtype dtype, heed_shape shape);

#endif
