/* Multi-head attention, self and cross: Vaswani et al. 2017, 3.2.2, with the equations and options of PyTorch's
 * nn.MultiheadAttention; and what today's models do with heads. */
#ifndef HEED_LAYERS_MULTI_HEAD_ATTENTION_H
#define HEED_LAYERS_MULTI_HEAD_ATTENTION_H

#include <heed/layers/lora.h>
#include <heed/layers/norm.h>

HEED_BEGIN_DECLS

/* Projections that LoRA is put on. */
enum { HEED_LORA_Q = 1 << 0, HEED_LORA_K = 1 << 1, HEED_LORA_V = 1 << 2, HEED_LORA_O = 1 << 3 };

/* What today's models add; all zero: nothing. Queries and keys stand at places: key j at j, query i at i + S - T, as
 * under a causal mask. */
typedef struct heed_attention_features {
    /* Heads of keys and values, each for n_heads / n_kv_heads of queries, one after another (Ainslie et al. 2023).
     * 0: n_heads; 1: multi-query (Shazeer 2019). */
    int n_kv_heads;
    /* Rotary positions (Su et al. 2021): 10000 as in the paper; 0: none. d_k must be even. Pairs are (i, i + d_k/2), as
     * in GPT-NeoX and Llama; interleaved, (0, 1), (2, 3), ... as in the paper. */
    double rope_base;
    bool rope_interleaved;
    /* -slope_h |distance| is added to the scores (Press et al. 2022). */
    bool alibi;
    /* T5's learned bias by distance (Raffel et al. 2020): 32 buckets as in the paper; 0: none. Causal attention has all
     * of them backwards, other attention half each way. From relative_longest on (0: 128) all share the last. */
    int relative_buckets;
    int64_t relative_longest;
    /* A query sees so many keys back, its own place included; without causal, as many ahead. 0: all. */
    int64_t window;
    /* rmsnorm of each head's queries and keys over d_k, with gains that all heads share, before RoPE (Henry et al.
     * 2020; as in Qwen 3). eps 1e-6. */
    bool qk_norm;
    /* Scores are divided by e^log_temperature, which each head learns. */
    bool learned_temperature;
    /* Low-rank updates of projections (Hu et al. 2021), see lora.h. rank 0: none; alpha 0: rank, that is a factor of 1;
     * on: HEED_LORA_Q | ..., 0: queries and values, as in the paper. */
    int lora_rank;
    double lora_alpha;
    unsigned lora_on;
} heed_attention_features;

typedef struct heed_multi_head_options {
    int64_t d_model;
    int n_heads;            /* must divide d_model */
    bool no_bias;
    double dropout;         /* of the attention weights */
    int64_t d_key, d_value; /* widths of the memory that keys and values are made of; 0: d_model */
    bool bias_kv;           /* one more key and value that every query sees, learned: PyTorch's add_bias_kv */
    bool zero_attn;         /* one more of zeros: PyTorch's add_zero_attn */
    heed_attention_features features;
} heed_multi_head_options;

typedef struct heed_multi_head_attention {
    heed_module module;
    /* (n_heads d_k, d_model), (n_kv_heads d_k, d_key), (n_kv_heads d_k, d_value); rows h d_k .. (h+1) d_k - 1 belong to
     * head h. */
    heed_param w_q, w_k, w_v;
    heed_param w_qkv; /* all three, one below the other, where has_qkv: self-attention in one product */
    heed_param w_kv;  /* the last two, where has_kv: cross-attention's keys and values in one */
    heed_param b_q, b_k, b_v, b_qkv, b_kv; /* where has_bias */
    heed_param w_o, b_o;                   /* (d_model, d_model), (d_model) */
    heed_param bias_k, bias_v;  /* (n_kv_heads d_k), where has_bias_kv: the key and value that every query sees */
    heed_param log_temperature; /* (n_heads), with learned_temperature */
    heed_param relative;        /* (relative_buckets, n_heads): T5's table */
    heed_param slopes;          /* buffer (n_heads): ALiBi's */
    heed_rmsnorm_layer norm_q, norm_k;        /* with qk_norm */
    heed_lora lora_q, lora_k, lora_v, lora_o; /* where features.lora_on has them */
    heed_param head_on; /* buffer (n_heads) of ones: a 0 switches that head's z off, to see what it was for */
    bool has_bias, has_bias_kv, zero_attn;
    bool has_qkv, has_kv; /* w_q, w_k, w_v, or the last two, are made of vectors of one size */
    int n_heads, n_kv_heads;
    int64_t d_model, d_key, d_value, d_k; /* d_k = d_model / n_heads */
    double dropout;                       /* of the attention weights */
    heed_attention_features features;     /* with what zeros stand for */
} heed_multi_head_attention;

/* At the start w_q, w_k, w_v are Xavier uniform as one matrix, or each by itself where d_key or d_value differ from
 * d_model, w_o as PyTorch's Linear, biases 0; bias_k, bias_v and T5's table N(0, 1 / d_model); gains 1, log_temperature
 * 0, and updates of projections 0. */
void heed_multi_head_attention_init(heed_multi_head_attention *attn, const heed_module *parent, const char *name,
                                    heed_multi_head_options options);
/* Merges every update of a projection into its weight: see heed_lora_merge. */
heed_status heed_multi_head_attention_merge_lora(const heed_multi_head_attention *attn) HEED_MUST_CHECK;
/* ALiBi's slopes: 2^(-8 (h+1) / n) for n heads, a power of two; otherwise those of the next lower power p, and then
 * every other one of 2 p heads. */
void heed_alibi_slopes(int n_heads, double *slopes);

typedef struct heed_kv_cache heed_kv_cache;

typedef struct heed_attend {
    /* HEED_NIL, or bool (B, S): true where a source token is padding, as PyTorch's key_padding_mask. */
    heed_tensor key_padding;
    /* HEED_NIL, or what heed_attention takes, over (B, H, T, S). Of bools true = may look, where PyTorch's attn_mask
     * has true = hidden. */
    heed_tensor mask;
    bool causal;
    /* HEED_NIL: values are made of memory; or (B, S, d_value). */
    heed_tensor value;
    /* NULL, or keys and values of the tokens before these, see kv_cache.h; of a stack: as many as it has layers, one
     * behind the other. */
    heed_kv_cache *cache;
    /* Not NULL: they receive the weights after dropout, by head (B, H, T, S'), and their mean over heads (B, T, S'). Of
     * a stack: its last layer's. */
    heed_tensor *weights, *mean_weights;
} heed_attend;

/* query (B, T, d_model), memory (B, S, d_key) - the same tensor for self-attention - -> (B, T, d_model).
 * With bias_kv and zero_attn a query sees one or two keys more, behind the S of memory (S' then stands for all),
 * whatever masks, windows and biases by distance say. With a cache, memory is query, and S counts what it holds too.
 * Watched values: x, the query (B, T, d_model), q (B, H, T, d_k), k, v (B, H_kv, S', d_k) as they are compared,
 * attn_scores (q kᵀ / sqrt(d_k) before any mask or bias) and pattern (B, H, T, S'), z (B, H, T, d_k), what goes into
 * w_o. */
heed_tensor heed_multi_head_attention_forward(const heed_multi_head_attention *attn, heed_tape *t, heed_tensor query,
                                              heed_tensor memory, heed_attend attend);

HEED_END_DECLS
#endif
