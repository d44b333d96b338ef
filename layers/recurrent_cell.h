/* One recurrent cell and its kinds, with PyTorch's equations and order of gates, which are told beside heed_recurrence
 * (heed/ops.h). */
#ifndef HEED_LAYERS_RECURRENT_CELL_H
#define HEED_LAYERS_RECURRENT_CELL_H

#include <heed/model.h>
#include <heed/ops.h>

HEED_BEGIN_DECLS

/* "rnn", "rnn_relu", "gru", "lstm"; NULL for what is no kind. */
const char *heed_cell_kind_name(heed_cell_kind kind);

/* What a recurrent layer remembers. c: LSTM only, otherwise HEED_NIL. h HEED_NIL: nothing yet, which is zeros. */
typedef struct heed_state {
    heed_tensor h, c;
} heed_state;

typedef struct heed_cell_options {
    heed_cell_kind kind;
    int64_t inputs, hidden;
    bool no_bias;
} heed_cell_options;

typedef struct heed_cell {
    heed_module module;
    heed_cell_options options;
    heed_param w_i, w_h; /* (G hidden, inputs), (G hidden, hidden): rows r, z, n or i, f, g, o */
    heed_param b_i, b_h; /* (G hidden), in group "no_decay"; not there with no_bias */
} heed_cell;

/* All U(-1/sqrt(hidden), 1/sqrt(hidden)). */
void heed_cell_init(heed_cell *cell, const heed_module *parent, const char *name, heed_cell_options options);

/* One step: x (B, inputs), *state from that of the step before to that after this one, (B, hidden) each ->
 * h' (B, hidden). Watched, each (B, hidden): r, z, n (GRU), i, f, g, o, c (LSTM), h (all). On error *state is nil. */
heed_tensor heed_cell_step(const heed_cell *cell, heed_tape *t, heed_tensor x, heed_state *state);

/* The same step in two halves, so that the first can be done for all steps of a sequence in one product:
 * x (..., inputs) -> w_i x + b_i (..., G hidden), in which the state has no part; */
heed_tensor heed_cell_from_input(const heed_cell *cell, heed_tape *t, heed_tensor x);
/* from_input (B, G hidden), state (B, hidden) each and not nil -> the next. */
heed_state heed_cell_next(const heed_cell *cell, heed_tape *t, heed_tensor from_input, heed_state state);

HEED_END_DECLS
#endif
