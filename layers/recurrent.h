/* Recurrent layers: a stack of cells run over sequences, as torch.nn.RNN, GRU and LSTM are.
 *
 * Each layer reads the one below; a bidirectional one has a second cell that reads from the end, and gives both states
 * side by side (Schuster and Paliwal 1997). To train on a long text a stretch at a time, heed/layers/carry.h takes the
 * last states along. */
#ifndef HEED_LAYERS_RECURRENT_H
#define HEED_LAYERS_RECURRENT_H

#include <heed/layers/dropout.h>
#include <heed/layers/recurrent_cell.h>

HEED_BEGIN_DECLS

typedef struct heed_recurrent_options {
    heed_cell_kind kind;
    int64_t inputs, hidden;
    int n_layers;       /* L, 1 to 64; 0: 1 */
    bool bidirectional; /* D, the directions, is 2; otherwise 1 */
    bool no_bias;
    double dropout;     /* of what each layer but the last gives, when training */
} heed_recurrent_options;

typedef struct heed_recurrent {
    heed_module module;
    heed_recurrent_options options; /* n_layers: L */
    heed_cell *cells;               /* (L, D), the model's: l0, l0_reverse, l1, ... */
    heed_dropout_layer dropout;
} heed_recurrent;

/* Parameters NAME.l0.w_i, .w_h, .b_i, .b_h, NAME.l0_reverse.w_i, ...: PyTorch's weight_ih_l0, weight_hh_l0, ... */
void heed_recurrent_init(heed_recurrent *r, const heed_module *parent, const char *name,
                         heed_recurrent_options options);

/* A whole sequence: x (B, T, inputs) -> the last layer's states (B, T, D hidden), forward before backward.
 * start: HEED_NIL each for zeros, or (L D, B, hidden) each, in the order of cells.
 * padding: HEED_NIL, or bool (B, T), true where x is padding, anywhere in the row. There a state stays as it was, in
 *   both directions, the output is 0, and x has no part in anything, be it NaN: as PyTorch's packed sequences.
 * last: NULL, or receives (L D, B, hidden) each: the states after the last step (of a backward cell: after the first).
 * Errors, beside those of ops: x not (B, T, inputs), padding or start of another shape, a start's c with kinds that have
 * none or an LSTM's h without it. Watched values are those of the cells, at each step, to be read: all
 * steps are one op, so a gradient kept of one of them is zero. */
heed_tensor heed_recurrent_forward(const heed_recurrent *r, heed_tape *t, heed_tensor x, heed_state start,
                                   heed_tensor padding, heed_state *last);

/* One step of all layers: x (B, inputs) -> the last layer's state (B, hidden). *state goes from that before the step
 * (as start) to that after it, (L, B, hidden) each; on error it is nil. Steps equal the forward, but that dropout draws
 * anew at each. An error on a bidirectional layer, which needs the end first. */
heed_tensor heed_recurrent_step(const heed_recurrent *r, heed_tape *t, heed_tensor x, heed_state *state);

HEED_END_DECLS
#endif
