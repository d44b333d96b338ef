/* Self-attention with one head: the six steps of the textbook. */
#ifndef HEED_LAYERS_SELF_ATTENTION_H
#define HEED_LAYERS_SELF_ATTENTION_H

#include <heed/model.h>

HEED_BEGIN_DECLS

typedef struct heed_self_attention {
    heed_module module;
    heed_param w_q, w_k, w_v; /* (d_k, d_model) each: q = x w_qᵀ. Textbooks write W^Q = w_qᵀ, (d_model, d_k) */
    heed_param w_qkv;         /* all three, (3 d_k, d_model): one product computes q, k and v */
    int64_t d_k;
    bool causal;              /* set it after init: a token sees itself and what came before */
} heed_self_attention;

/* Xavier uniform, each matrix by itself. */
void heed_self_attention_init(heed_self_attention *attn, const heed_module *parent, const char *name, int64_t d_model,
                              int64_t d_k);
/* x (..., T, d_model) -> (..., T, d_k): softmax(q kᵀ / sqrt(d_k)) v. mask: HEED_NIL, or what heed_attention takes.
 * Watched values: x (..., T, d_model), q, k, v (..., T, d_k), attn_scores (q kᵀ / sqrt(d_k) before any mask) and
 * pattern (..., T, T), z. */
heed_tensor heed_self_attention_forward(const heed_self_attention *attn, heed_tape *t, heed_tensor x, heed_tensor mask);

HEED_END_DECLS
#endif
