/* A gated recurrent unit, one layer, PyTorch's equations (Cho et al. 2014, with the reset gate after the product):
 *     r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)        z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
 *     n = tanh(W_in x + b_in + r * (W_hn h + b_hn))     h' = (1 - z) * n + z * h */
#ifndef HEED_LAYERS_GRU_H
#define HEED_LAYERS_GRU_H

#include <heed/model.h>

HEED_BEGIN_DECLS

typedef struct heed_gru {
    heed_module module;
    heed_param w_i, w_h; /* (3 hidden, inputs), (3 hidden, hidden): rows r, z, n */
    heed_param b_i, b_h; /* (3 hidden) */
    int64_t hidden;
} heed_gru;

/* All U(-1/sqrt(hidden), 1/sqrt(hidden)). */
void heed_gru_init(heed_gru *gru, const heed_module *parent, const char *name, int64_t inputs, int64_t hidden);
/* One step: x (B, inputs), h (B, hidden) -> h' (B, hidden). Watched values, at each step: r, z, n. */
heed_tensor heed_gru_step(const heed_gru *gru, heed_tape *t, heed_tensor x, heed_tensor h);
/* A whole sequence: x (B, T, inputs), h0 (B, hidden) or HEED_NIL for zeros -> states (B, T, hidden).
 * padding: HEED_NIL, or bool (B, T), true where x is padding: there the state stays as it was. last: NULL, or receives h_T. */
heed_tensor heed_gru_forward(const heed_gru *gru, heed_tape *t, heed_tensor x, heed_tensor h0, heed_tensor padding, heed_tensor *last);

HEED_END_DECLS
#endif
