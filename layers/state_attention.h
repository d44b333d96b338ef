/* Attention over the hidden states of a recurrent encoder: where attention began (Bahdanau, Cho, Bengio 2015), with the
 * windows of Luong, Pham, Manning 2015, "Effective approaches to attention-based neural machine translation".
 *
 *     s_t = score(h_t, states)        a_t = softmax(s_t) over the source       z_t = sum over s of a_ts state_s
 *
 * Queries are the decoder's states, keys and values both the encoder's; where W^Q and W^K hide is told in score.h.
 * There is no W^V: the encoder's states are the values as they are. */
#ifndef HEED_LAYERS_STATE_ATTENTION_H
#define HEED_LAYERS_STATE_ATTENTION_H

#include <heed/layers/score.h>

HEED_BEGIN_DECLS

/* Where a query may look (Luong et al., 3.2). D is the half-width; places of the source count from 0. */
typedef enum heed_window {
    HEED_WINDOW_GLOBAL,     /* everywhere */
    HEED_WINDOW_MONOTONIC,  /* local-m: |s - t| <= D, t being the step: source and target go on alike. Beyond: zeros */
    HEED_WINDOW_PREDICTIVE, /* local-p: |s - p_t| <= D with p_t = S sigmoid(v_p · tanh(W_p h_t)), S the row's length
                               without its padding, and the weights then times exp(-(s - p_t)² / (2 σ²)), σ = D / 2
                               (their equations 9 and 10) */
    HEED_WINDOWS
} heed_window;
/* "global", "monotonic", "predictive"; NULL for what is no window. */
const char *heed_window_name(heed_window window);

typedef struct heed_state_attention_options {
    heed_score_options score; /* d_query: the decoder's states; d_key: the encoder's */
    heed_window window;
    int64_t reach;            /* D, at least 1 where there is a window */
} heed_state_attention_options;

typedef struct heed_state_attention {
    heed_module module;
    heed_state_attention_options options;
    heed_score score;    /* path "score" */
    heed_param w_p, v_p; /* predictive: (d_query, d_query), (1, d_query) */
} heed_state_attention;

void heed_state_attention_init(heed_state_attention *attn, const heed_module *parent, const char *name,
                               heed_state_attention_options options);

/* All that a decoder asks of one source, made ready once and used at every step. */
typedef struct heed_state_memory {
    heed_tensor states;   /* (B, S, d_key): the encoder's, zeros where it is padding */
    heed_tensor keys;     /* what the score makes of them */
    heed_tensor may_look; /* HEED_NIL, or bool (B, 1, S): false where padding */
    heed_tensor lengths;  /* predictive: (B, 1, 1), how many places are no padding; else HEED_NIL */
} heed_state_memory;
/* states (B, S, d_key), padding HEED_NIL or bool (B, S), true where padding. A padded state, be it NaN, adds nothing to
 * any output or gradient. Predictive windows take padding to be at the end. */
heed_state_memory heed_state_attention_memory(const heed_state_attention *attn, heed_tape *t, heed_tensor states,
                                              heed_tensor padding);
/* The same with rows (n) i32 of the batch in the place of all of them: beams go on, end and change places. */
heed_state_memory heed_state_memory_rows(heed_tape *t, heed_state_memory memory, heed_tensor rows);

/* h (B, d_query) one decoder state or (B, T, d_query) many, the first of them at step `first` (which only a monotonic
 * window asks for) -> [z ; h], (B, d_key + d_query) or (B, T, d_key + d_query). A row of only padding has z = 0.
 * weights: NULL, or receives a, (B, S) or (B, T, S). Watched: x, which is h (B, T, d_query), q and k, what the score
 * makes of it and of the states (B, S, ...), v, the states, attn_scores (before any mask) and pattern, both (B, T, S),
 * z (B, T, d_key), and of predictive windows p (B, T, 1); T is 1 for one state. */
heed_tensor heed_state_attention_forward(const heed_state_attention *attn, heed_tape *t, heed_tensor h,
                                         heed_state_memory memory, int64_t first, heed_tensor *weights);

HEED_END_DECLS
#endif
