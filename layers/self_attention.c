#include <heed/layers/self_attention.h>

#include "shared_internal.h"

void heed_self_attention_init(heed_self_attention *attn, const heed_module *parent, const char *name, int64_t d_model,
                              int64_t d_k) {
    *attn = (heed_self_attention){.d_k = d_k};
    heed_module_init(&attn->module, parent, name);
    const heed_module *module = &attn->module;
    if (d_model < 1 || d_k < 1)
        heed_module_fail(module, "d_model %lld and d_k %lld must be positive", (long long)d_model, (long long)d_k);
    heed_shape shape = HEED_SHAPE(d_k, d_model);
    heed_param w[3] = {attn->w_q = heed_param_new(module, "w_q", shape, heed_init_xavier_uniform(1)),
                       attn->w_k = heed_param_new(module, "w_k", shape, heed_init_xavier_uniform(1)),
                       attn->w_v = heed_param_new(module, "w_v", shape, heed_init_xavier_uniform(1))};
    attn->w_qkv = heed_param_stack(3, w); /* (3 d_k, d_model) */
}

heed_tensor heed_self_attention_forward(const heed_self_attention *attn, heed_tape *t, heed_tensor x,
                                        heed_tensor mask) {
    heed_enter(t, &attn->module);
    heed_watch(t, "x", x);

    /* Step 1. Each token makes three vectors of itself: a query q_i = x_i W^Q, what it looks for; a key k_i = x_i W^K, what it
     * is found by; a value v_i = x_i W^V, what it tells. The three matrices lie one below the other, so one product makes all. */
    heed_tensor qkv = heed_linear(t, x, heed_use(t, attn->w_qkv), HEED_NIL); /* (..., T, 3 d_k) */
    heed_tensor part[3];
    heed_split(t, qkv, -1, 3, NULL, part);
    heed_tensor q = heed_watch(t, "q", part[0]); /* (..., T, d_k) each */
    heed_tensor k = heed_watch(t, "k", part[1]);
    heed_tensor v = heed_watch(t, "v", part[2]);

    /* Steps 2 to 6 are one op, for each token i over all tokens j that the mask lets it see:
     *   2. compare    s_ij = q_i · k_j                  (..., T, T)
     *   3. scale      s_ij / sqrt(d_k)                  "attn_scores"
     *   4. softmax    a_ij = exp s_ij / sum_j exp s_ij  "pattern": row i says where token i looks, and sums to 1
     *   5. weigh      a_ij v_j
     *   6. add up     z_i = sum_j a_ij v_j              (..., T, d_k)
     * It never holds the T x T numbers at once, unless somebody watches them. */
    heed_tensor z = heed_layer_attend(t, q, k, v, (heed_attention_options){.mask = mask, .causal = attn->causal});

    heed_watch(t, "z", z);
    heed_leave(t);
    return z;
}
