/* How well a query fits a key: the scores between the states of a recurrent decoder and those of its encoder.
 *
 * Self-attention writes s = (W^Q q) · (W^K k). These, older, have the two matrices as well, but not always in the open:
 *   dot         q · k                    none: W^Q and W^K are the identity, so q and k are of one size. [L, eq. 7]
 *   scaled dot  q · k / sqrt(d)          none either; the root keeps the softmax from saturating as d grows. [V, eq. 1]
 *   general     qᵀ W k                   W is their product, W^Qᵀ W^K, which is all that a dot product sees of them. To
 *                                        factor it through d_k is to bound its rank by d_k: self-attention. [L, eq. 7]
 *   additive    v · tanh(W_q q + W_k k)  both, in the open, but under a tanh, and v sums up: no one matrix stands for
 *                                        the pair. [B, A.1.2]
 *   concat      v · tanh(W [q ; k])      both, side by side in one matrix, W = [W^Q W^K]: additive's formula, started
 *                                        otherwise. [L, eq. 7]
 *   location    (W q)_s                  W^Q only: row s of W is the key of place s, whatever stands there. [L, eq. 8]
 *   cosine      q · k / (|q| |k| τ)      none, and no lengths either; the temperature τ is learned, as a logarithm, so
 *                                        it stays positive. [G, eq. 6]
 * [B] Bahdanau, Cho, Bengio 2015, "Neural machine translation by jointly learning to align and translate"
 * [L] Luong, Pham, Manning 2015, "Effective approaches to attention-based neural machine translation"
 * [G] Graves, Wayne, Danihelka 2014, "Neural Turing machines"
 * [V] Vaswani et al. 2017, "Attention is all you need" */
#ifndef HEED_LAYERS_SCORE_H
#define HEED_LAYERS_SCORE_H

#include <heed/model.h>

HEED_BEGIN_DECLS

typedef enum heed_score_kind {
    HEED_SCORE_DOT,
    HEED_SCORE_SCALED_DOT,
    HEED_SCORE_GENERAL,
    HEED_SCORE_ADDITIVE,
    HEED_SCORE_CONCAT,
    HEED_SCORE_LOCATION,
    HEED_SCORE_COSINE,
    HEED_SCORES
} heed_score_kind;
/* "dot", "scaled_dot", "general", "additive", "concat", "location", "cosine"; NULL for what is no kind. */
const char *heed_score_name(heed_score_kind kind);

typedef struct heed_score_options {
    heed_score_kind kind;
    int64_t d_query, d_key; /* equal for dot, scaled dot and cosine */
    int64_t d_hidden;       /* of additive and concat, under the tanh; 0: d_query */
    int64_t longest;        /* of location: no source may be longer */
} heed_score_options;

typedef struct heed_score {
    heed_module module;
    heed_score_options options;
    heed_param w;               /* general (d_query, d_key), location (longest, d_query),
                                   concat (d_hidden, d_query + d_key) */
    heed_param w_q, w_k;        /* additive: (d_hidden, d_query), (d_hidden, d_key) */
    heed_param v;               /* additive, concat: (1, d_hidden) */
    heed_param log_temperature; /* cosine: (1), log τ, at the start log 0.1 */
} heed_score;

/* Matrices start U(-1/sqrt(fan_in), 1/sqrt(fan_in)), as PyTorch's Linear. */
void heed_score_init(heed_score *score, const heed_module *parent, const char *name, heed_score_options options);

/* q (B, T, d_query), k (B, S, d_key) -> scores (B, T, S), before any mask. */
heed_tensor heed_score_forward(const heed_score *score, heed_tape *t, heed_tensor q, heed_tensor k);

/* The same in parts, for a decoder that asks step by step and whose keys stay: forward is between(queries(q), keys(k)).
 * What a score makes of all keys, once a source: additive W_k k, concat its half of W, cosine k sqrt(d) / |k|. */
heed_tensor heed_score_keys(const heed_score *score, heed_tape *t, heed_tensor k);
/* What it makes of queries: general q W (B, T, d_key), additive W_q q, location W q, cosine q sqrt(d) / (|q| τ). */
heed_tensor heed_score_queries(const heed_score *score, heed_tape *t, heed_tensor q);
heed_tensor heed_score_between(const heed_score *score, heed_tape *t, heed_tensor queries, heed_tensor keys);
/* The kinds whose scores are queries keysᵀ times *scale, which heed_attention then computes by itself. */
bool heed_score_is_product(const heed_score *score, double *scale);

HEED_END_DECLS
#endif
