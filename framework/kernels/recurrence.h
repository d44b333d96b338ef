/* recurrence.h: a recurrent cell run over a sequence, and its gradient.
 *
 *     heed_recurrence_problem a = {.cell = &heed_cell_gru, .batch = B, .steps = T, .hidden = H, .in = ..., ...};
 *     void *workspace = 64-aligned memory of heed_recurrence_workspace(&a, sizeof(float), threads) bytes;
 *     heed_recurrence_f32(&a, threads, workspace);
 *
 * What inputs add to the gates is computed before, for all steps at once; a step is one product, h W^T, and one pass
 * that does all gates. Rows of the batch know nothing of each other, so each thread takes its rows through all steps
 * without waiting for the others. Backward, too, is one pass and one product a step; the gradient of W waits until the
 * end, and is one product over all steps.
 *
 * A row's bits depend neither on the batch it is in nor on the number of threads, and T steps one by one give the bits
 * of T steps at once. */
#ifndef HEED_KERNELS_RECURRENCE_H
#define HEED_KERNELS_RECURRENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kinds of cells; formulas are in recurrence_cells.h. */
typedef struct heed_cell_rule heed_cell_rule;
extern const heed_cell_rule heed_cell_rnn_tanh, heed_cell_rnn_relu, heed_cell_gru, heed_cell_lstm;

int heed_cell_rule_gates(const heed_cell_rule *cell); /* G: W has G H rows */
int heed_cell_rule_kept(const heed_cell_rule *cell);  /* K: backward needs K H numbers of each step; GRU r, z, n and
                                                         W_hn h + b_hn, LSTM i, f, g, o, RNN none */
bool heed_cell_rule_has_c(const heed_cell_rule *cell);

/* All memory is contiguous. */
typedef struct heed_recurrence_problem {
    const heed_cell_rule *cell;
    int64_t batch, steps, hidden; /* B, T, H */
    bool reverse;                 /* from the last step to the first */
    const void *in;               /* (B, T, G H): W_i x + b_i */
    const void *w, *bias;         /* (G H, H), (G H) or NULL */
    const void *h0, *c0;          /* (B, H): the state before; c0 where the cell has c */
    const bool *padding;          /* (B, T), true where the state stays as it was, whatever in is; or NULL */
    void *h, *c;                  /* (B, T, H): the states, written by forward, read by backward */
    void *kept;                   /* (B, T, K H), likewise; NULL in forward if there is to be no backward */
} heed_recurrence_problem;

/* Gradients that come in, NULL for zero, and that go out, NULL where not wanted. */
typedef struct heed_recurrence_gradient {
    const void *dh, *dc, *d_kept;    /* (B, T, H), (B, T, H), (B, T, K H) */
    void *d_from;                    /* (B, T, G H): always written, the gradient of W h + b; its sum is that of b */
    void *d_in, *d_w, *d_h0, *d_c0;
    bool add_in, add_w, add_h0, add_c0; /* to what is there */
} heed_recurrence_gradient;

/* Bytes of scratch memory, aligned to 64, for elements of element_size bytes and at most `threads` threads (<= 0: all
 * cores). */
size_t heed_recurrence_workspace(const heed_recurrence_problem *a, size_t element_size, int threads);
size_t heed_recurrence_backward_workspace(const heed_recurrence_problem *a, size_t element_size, int threads);

void heed_recurrence_f32(const heed_recurrence_problem *a, int threads, void *workspace);
void heed_recurrence_f64(const heed_recurrence_problem *a, int threads, void *workspace);
void heed_recurrence_backward_f32(const heed_recurrence_problem *a, const heed_recurrence_gradient *g, int threads,
                                  void *workspace);
void heed_recurrence_backward_f64(const heed_recurrence_problem *a, const heed_recurrence_gradient *g, int threads,
                                  void *workspace);

#endif
