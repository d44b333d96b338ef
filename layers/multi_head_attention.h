/* Multi-head attention, self and cross. Vaswani et al. 2017, 3.2.2; the equations of PyTorch's nn.MultiheadAttention. */
#ifndef HEED_LAYERS_MULTI_HEAD_ATTENTION_H
#define HEED_LAYERS_MULTI_HEAD_ATTENTION_H

#include <heed/model.h>

HEED_BEGIN_DECLS

typedef struct heed_multi_head_attention {
    heed_module module;
    heed_param w_q, w_k, w_v; /* (d_model, d_model) each; rows h d_k .. (h+1) d_k - 1 belong to head h */
    heed_param w_qkv;         /* all three, (3 d_model, d_model): self-attention in one product */
    heed_param w_kv;          /* the last two, (2 d_model, d_model): cross-attention's keys and values */
    heed_param b_q, b_k, b_v, b_qkv, b_kv; /* where has_bias */
    heed_param w_o, b_o;      /* (d_model, d_model), (d_model) */
    heed_param head_on;       /* buffer (n_heads) of ones: a 0 switches that head's z off, to see what it was for */
    bool has_bias;
    int n_heads;
    int64_t d_model, d_k;     /* d_k = d_model / n_heads */
    double dropout;           /* of the attention weights */
} heed_multi_head_attention;

typedef struct heed_multi_head_options {
    int64_t d_model;
    int n_heads;    /* must divide d_model */
    bool no_bias;
    double dropout; /* of the attention weights */
} heed_multi_head_options;
/* At the start w_q, w_k, w_v are Xavier uniform as one (3 d_model, d_model) matrix, w_o as PyTorch's Linear, biases 0. */
void heed_multi_head_attention_init(heed_multi_head_attention *attn, const heed_module *parent, const char *name,
                                    heed_multi_head_options options);

typedef struct heed_attend {
    heed_tensor key_padding; /* HEED_NIL, or bool (B, S): true where a source token is padding, as PyTorch's key_padding_mask */
    heed_tensor mask;        /* HEED_NIL, or what heed_attention takes, over (B, H, T, S) */
    bool causal;
} heed_attend;
/* query (B, T, d_model), memory (B, S, d_model) - the same tensor for self-attention - -> (B, T, d_model).
 * Watched values: q, k, v (B, H, T or S, d_k), attn_scores (q kᵀ / sqrt(d_k) before any mask) and pattern (B, H, T, S),
 * z (B, H, T, d_k), what goes into w_o. */
heed_tensor heed_multi_head_attention_forward(const heed_multi_head_attention *attn, heed_tape *t, heed_tensor query,
                                              heed_tensor memory, heed_attend attend);

HEED_END_DECLS
#endif
