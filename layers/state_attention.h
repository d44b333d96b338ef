/* Attention over the hidden states of a recurrent encoder, with the dot score: where attention began
 * (Bahdanau et al. 2015; this score and the concatenation: Luong et al. 2015, 3.1). */
#ifndef HEED_LAYERS_STATE_ATTENTION_H
#define HEED_LAYERS_STATE_ATTENTION_H

#include <heed/model.h>

HEED_BEGIN_DECLS

typedef struct heed_state_attention {
    heed_module module;
} heed_state_attention;

/* It has no parameters: with the dot score, W^Q and W^K are the identity. */
void heed_state_attention_init(heed_state_attention *attn, const heed_module *parent, const char *name);
/* h (B, d) one decoder state or (B, T, d) many, states (B, S, d), padding HEED_NIL or bool (B, S) ->
 * [context ; h] (B, 2 d) or (B, T, 2 d): context = sum_s softmax_s(h · state_s) state_s.
 * Watched values: attn_scores, pattern, z (the context). */
heed_tensor heed_state_attention_forward(const heed_state_attention *attn, heed_tape *t, heed_tensor h, heed_tensor states, heed_tensor padding);

HEED_END_DECLS
#endif
