/* The catalogue of ops. Each is differentiable unless it says otherwise, broadcasts as NumPy does where it says
 * "broadcast", and raises a sticky error on shapes that do not fit (heed/tape.h). x is any real tensor; axes may be
 * negative. Every op's file derives its gradient. */
#ifndef HEED_OPS_H
#define HEED_OPS_H

#include <heed/tape.h>

HEED_BEGIN_DECLS

/* ---- elementwise, two operands, broadcast ---- */
heed_tensor heed_add(heed_tape *t, heed_tensor a, heed_tensor b);     /* a + b */
heed_tensor heed_sub(heed_tape *t, heed_tensor a, heed_tensor b);     /* a - b */
heed_tensor heed_mul(heed_tape *t, heed_tensor a, heed_tensor b);     /* a b */
heed_tensor heed_div(heed_tape *t, heed_tensor a, heed_tensor b);     /* a / b; 1/±0 = ±inf, 0/0 NaN */
heed_tensor heed_maximum(heed_tape *t, heed_tensor a, heed_tensor b); /* NaN passes; at a tie each gets half */
heed_tensor heed_minimum(heed_tape *t, heed_tensor a, heed_tensor b);
heed_tensor heed_pow(heed_tape *t, heed_tensor a, heed_tensor b); /* a^b; 0^0 = 1 with d/da 0; d/db 0^b = 0 for b > 0 */

/* ---- comparisons and logic, broadcast, bool out, no gradient ---- */
heed_tensor heed_eq(heed_tape *t, heed_tensor a, heed_tensor b);
heed_tensor heed_ne(heed_tape *t, heed_tensor a, heed_tensor b);
heed_tensor heed_lt(heed_tape *t, heed_tensor a, heed_tensor b);
heed_tensor heed_le(heed_tape *t, heed_tensor a, heed_tensor b);
heed_tensor heed_gt(heed_tape *t, heed_tensor a, heed_tensor b);
heed_tensor heed_ge(heed_tape *t, heed_tensor a, heed_tensor b);
heed_tensor heed_and(heed_tape *t, heed_tensor a, heed_tensor b); /* of bools, as the next three */
heed_tensor heed_or(heed_tape *t, heed_tensor a, heed_tensor b);
heed_tensor heed_xor(heed_tape *t, heed_tensor a, heed_tensor b);
heed_tensor heed_not(heed_tape *t, heed_tensor a);

/* ---- elementwise, one operand ---- */
/* To another dtype. f64 -> f32 -> bf16 rounds to nearest even; real -> i32 truncates (outside its range or NaN: 0);
 * -> bool is x != 0. Gradient: dy cast back, where both are real. */
heed_tensor heed_cast(heed_tape *t, heed_tensor x, heed_dtype dtype);
heed_tensor heed_scale(heed_tape *t, heed_tensor x, double factor);
heed_tensor heed_add_scalar(heed_tape *t, heed_tensor x, double value);
heed_tensor heed_neg(heed_tape *t, heed_tensor x);
heed_tensor heed_abs(heed_tape *t, heed_tensor x);  /* abs'(0) = 0 */
heed_tensor heed_sign(heed_tape *t, heed_tensor x); /* -1, 0, 1; gradient 0 */
heed_tensor heed_exp(heed_tape *t, heed_tensor x);
heed_tensor heed_log(heed_tape *t, heed_tensor x);
heed_tensor heed_sqrt(heed_tape *t, heed_tensor x);  /* sqrt'(0) = +inf */
heed_tensor heed_rsqrt(heed_tape *t, heed_tensor x); /* 1 / sqrt x */
heed_tensor heed_square(heed_tape *t, heed_tensor x);
heed_tensor heed_sin(heed_tape *t, heed_tensor x);
heed_tensor heed_cos(heed_tape *t, heed_tensor x);
heed_tensor heed_tanh(heed_tape *t, heed_tensor x);
heed_tensor heed_sigmoid(heed_tape *t, heed_tensor x);                      /* 1 / (1 + e^-x) */
heed_tensor heed_logsigmoid(heed_tape *t, heed_tensor x);
heed_tensor heed_relu(heed_tape *t, heed_tensor x);                         /* relu'(0) = 0; NaN passes */
heed_tensor heed_leaky_relu(heed_tape *t, heed_tensor x, double slope);     /* x > 0 ? x : slope x */
heed_tensor heed_elu(heed_tape *t, heed_tensor x, double alpha);            /* x > 0 ? x : alpha (e^x - 1) */
heed_tensor heed_gelu(heed_tape *t, heed_tensor x);                         /* x Phi(x), by erf */
heed_tensor heed_gelu_tanh(heed_tape *t, heed_tensor x); /* x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x³))) */
heed_tensor heed_silu(heed_tape *t, heed_tensor x);                         /* x sigmoid(x) */
heed_tensor heed_softplus(heed_tape *t, heed_tensor x);                     /* log(1 + e^x) */
heed_tensor heed_clamp(heed_tape *t, heed_tensor x, double low, double high); /* gradient passes at the bounds */

/* ---- reductions: over `axes` (n_axes of them; n_axes 0: all), which stay as 1 when keepdim ---- */
typedef struct heed_axes {
    int n;
    int axis[HEED_MAX_RANK];
    bool keepdim;
} heed_axes;
/* HEED_AXES(-1) drops the last axis; HEED_KEEP(1, 2) keeps axes 1 and 2 as size 1; HEED_ALL_AXES sums everything up. */
#ifdef __cplusplus
#define HEED_ALL_AXES (heed_axes())
#else
#define HEED_AXES(...) ((heed_axes){(int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), {__VA_ARGS__}, false})
#define HEED_KEEP(...) ((heed_axes){(int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), {__VA_ARGS__}, true})
#define HEED_ALL_AXES ((heed_axes){0, {0}, false})
#endif
heed_tensor heed_sum(heed_tape *t, heed_tensor x, heed_axes axes);  /* of nothing: 0 */
heed_tensor heed_mean(heed_tape *t, heed_tensor x, heed_axes axes); /* of nothing: NaN */
heed_tensor heed_max(heed_tape *t, heed_tensor x,
                     heed_axes axes); /* of nothing: error; a tie's gradient goes to the first */
heed_tensor heed_min(heed_tape *t, heed_tensor x, heed_axes axes);
heed_tensor heed_prod(heed_tape *t, heed_tensor x, heed_axes axes); /* of nothing: 1 */
heed_tensor heed_var(heed_tape *t, heed_tensor x, heed_axes axes,
                     int correction);                                    /* sum (x - mean)² / (n - correction) */
heed_tensor heed_logsumexp(heed_tape *t, heed_tensor x, heed_axes axes); /* of all -inf: -inf */
heed_tensor heed_cumsum(heed_tape *t, heed_tensor x, int axis);
heed_tensor heed_argmax(heed_tape *t, heed_tensor x, int axis, bool keepdim); /* i32, first of a tie; no gradient */
/* The k largest along the last axis, largest first, values (out) and i32 indices; no gradient. Ties: lower index first. */
heed_tensor heed_topk(heed_tape *t, heed_tensor x, int64_t k, heed_tensor *indices);

/* ---- shape: views where memory allows, any dtype ---- */
heed_tensor heed_reshape(heed_tape *t, heed_tensor x, heed_shape shape); /* one size may be -1 */
heed_tensor heed_permute(heed_tape *t, heed_tensor x, const int *axes);  /* rank(x) axes: out axis i is x's axes[i] */
heed_tensor heed_transpose(heed_tape *t, heed_tensor x, int a, int b);
heed_tensor heed_slice(heed_tape *t, heed_tensor x, int axis, int64_t begin,
                       int64_t end); /* negative from the end; [begin, end) */
heed_tensor heed_slice_step(heed_tape *t, heed_tensor x, int axis, int64_t begin, int64_t end,
                            int64_t step);                                     /* step > 0 */
heed_tensor heed_select(heed_tape *t, heed_tensor x, int axis, int64_t index); /* one slice, its axis dropped */
heed_tensor heed_expand(heed_tape *t, heed_tensor x, heed_shape shape);
heed_tensor heed_flip(heed_tape *t, heed_tensor x, int axis);
/* Cuts an axis into `parts` of sizes[] (NULL: equal ones), written to outs. Returns outs[0]. */
heed_tensor heed_split(heed_tape *t, heed_tensor x, int axis, int parts, const int64_t *sizes, heed_tensor *outs);
heed_tensor heed_detach(heed_tape *t, heed_tensor x);     /* the same values, a constant for backward */
heed_tensor heed_contiguous(heed_tape *t, heed_tensor x); /* packed in row-major order; x itself if it is already */
heed_tensor heed_concat(heed_tape *t, const heed_tensor *xs, int n, int axis);
heed_tensor heed_stack(heed_tape *t, const heed_tensor *xs, int n, int axis); /* along a new axis */
heed_tensor heed_repeat(heed_tape *t, heed_tensor x, const int64_t *times);   /* rank(x) counts: tiles, as numpy.tile */
heed_tensor heed_pad(heed_tape *t, heed_tensor x, const int64_t *before, const int64_t *after,
                     double value); /* rank(x) each; negative crops */
heed_tensor heed_tril(heed_tape *t, heed_tensor x,
                      int64_t diagonal); /* of the last two axes: keeps j - i <= diagonal */
heed_tensor heed_triu(heed_tape *t, heed_tensor x, int64_t diagonal); /* keeps j - i >= diagonal */

/* ---- choosing ---- */
heed_tensor heed_where(heed_tape *t, heed_tensor condition, heed_tensor a,
                       heed_tensor b); /* broadcast; the branch not chosen gets gradient 0 */
heed_tensor heed_masked_fill(heed_tape *t, heed_tensor x, heed_tensor mask, double value); /* mask broadcasts to x */
heed_tensor heed_one_hot(heed_tape *t, heed_tensor index, int64_t classes,
                         heed_dtype dtype); /* (...) i32 -> (..., classes) */
/* out[i][j] = x[i][index[i][j]] along axis, PyTorch's gather: equal ranks, index no larger than x off the axis. */
heed_tensor heed_gather(heed_tape *t, heed_tensor x, heed_tensor index, int axis);
/* (V, D), (...) i32 -> (..., D). Gradient rows of one index are summed in index order. */
heed_tensor heed_embedding(heed_tape *t, heed_tensor table, heed_tensor index);
heed_tensor heed_index_select(heed_tape *t, heed_tensor x, heed_tensor index, int axis); /* index (n) */
/* x with src added at index along axis: PyTorch's scatter_add, in index order. */
heed_tensor heed_scatter_add(heed_tape *t, heed_tensor x, heed_tensor index, heed_tensor src, int axis);

/* ---- products ---- */
/* a (..., M, K) times b (..., K, N) -> (..., M, N), batch axes broadcast. Rank 1 as in NumPy's matmul. */
heed_tensor heed_matmul(heed_tape *t, heed_tensor a, heed_tensor b);
/* The same with a, b read transposed in their last two axes: no copy is made. */
heed_tensor heed_matmul_t(heed_tape *t, heed_tensor a, bool transpose_a, heed_tensor b, bool transpose_b);
/* x (..., I), weight (O, I), bias (O) or HEED_NIL -> x weightᵀ + bias (..., O). */
heed_tensor heed_linear(heed_tape *t, heed_tensor x, heed_tensor weight, heed_tensor bias);
/* Einstein's sum over named axes, "bhtd,bhsd->bhts": any number of operands, letters a-z A-Z, repeated letters
 * (diagonals), "..." for broadcast axes; without "->" the letters that occur once, sorted. */
heed_tensor heed_einsum(heed_tape *t, const char *equation, const heed_tensor *xs, int n);

/* ---- softmax, norms, dropout ---- */
heed_tensor heed_softmax(heed_tape *t, heed_tensor x, int axis);     /* a row of all -inf: NaN */
heed_tensor heed_log_softmax(heed_tape *t, heed_tensor x, int axis);
/* softmax over the last axis of the entries whose mask (bool, broadcast to x) is true; the others are 0. A row with none,
 * or whose kept entries are all -inf, is all zeros. */
heed_tensor heed_masked_softmax(heed_tape *t, heed_tensor x, heed_tensor mask);
/* Over the last axis (D): (x - mean) / sqrt(var + eps) * gain + shift; gain, shift (D) or HEED_NIL. Ba et al. 2016. */
heed_tensor heed_layernorm(heed_tape *t, heed_tensor x, heed_tensor gain, heed_tensor shift, double eps);
/* x / sqrt(mean x² + eps) * gain. Zhang and Sennrich 2019. */
heed_tensor heed_rmsnorm(heed_tape *t, heed_tensor x, heed_tensor gain, double eps);
/* Training: each element is 0 with probability p, else x / (1 - p). Otherwise, or p = 0: x. */
heed_tensor heed_dropout(heed_tape *t, heed_tensor x, double p);

/* ---- losses: scalars, means over what counts, and they carry that count as their weight ---- */
typedef struct heed_cross_entropy_options {
    bool has_ignore_index;
    int32_t ignore_index;      /* rows with this label count for nothing */
    double label_smoothing;    /* in [0, 1] */
    heed_tensor class_weights; /* (V) or HEED_NIL; the mean is then weighted, as PyTorch's */
} heed_cross_entropy_options;
/* -mean log softmax(logits)[label]: logits (..., V), labels (...) i32. */
heed_tensor heed_cross_entropy(heed_tape *t, heed_tensor logits, heed_tensor labels);
heed_tensor heed_cross_entropy_with(heed_tape *t, heed_tensor logits, heed_tensor labels,
                                    heed_cross_entropy_options options);
heed_tensor heed_nll(heed_tape *t, heed_tensor log_probs, heed_tensor labels); /* -mean log_probs[label] */
heed_tensor heed_mse(heed_tape *t, heed_tensor x,
                     heed_tensor target); /* mean (x - target)²; equal shapes, as the next three */
heed_tensor heed_l1(heed_tape *t, heed_tensor x, heed_tensor target);          /* mean |x - target| */
heed_tensor heed_huber(heed_tape *t, heed_tensor x, heed_tensor target,
                       double delta); /* e²/2 where |e| <= delta, else delta (|e| - delta/2) */
heed_tensor heed_bce_with_logits(heed_tape *t, heed_tensor x,
                                 heed_tensor target); /* mean max(x,0) - x target + log(1 + e^-|x|) */
/* mean over the first axis of sum target (log target - x): x log-probabilities ("batchmean"). */
heed_tensor heed_kl_div(heed_tape *t, heed_tensor log_probs, heed_tensor target);

/* ---- recurrence ---- */
/* With x = W_i x_t + b_i and y = W_h h + b_h cut into the rows of the gates, in the order in which they are named:
 *     RNN   h' = tanh(x + y), or relu; Elman 1990
 *     GRU   r = sigmoid(x_r + y_r)   z = sigmoid(x_z + y_z)   n = tanh(x_n + r y_n)   h' = (1 - z) n + z h;
 *           Cho et al. 2014, with the reset gate after the product
 *     LSTM  i = sigmoid(x_i + y_i)   f = sigmoid(x_f + y_f)   g = tanh(x_g + y_g)     o = sigmoid(x_o + y_o)
 *           c' = f c + i g   h' = o tanh(c'); Hochreiter and Schmidhuber 1997, Gers et al. 2000 */
typedef enum heed_cell_kind { HEED_RNN_TANH, HEED_RNN_RELU, HEED_GRU, HEED_LSTM, HEED_CELL_KINDS } heed_cell_kind;
/* G, how many blocks of H rows its weights have: 1, 1, 3, 4; 0 for what is no kind. */
int heed_cell_gates(heed_cell_kind kind);

typedef struct heed_recurrence_options {
    heed_cell_kind kind;
    bool reverse;        /* from the last step to the first */
    heed_tensor h, c;    /* (B, H): the state before the first of them; c: LSTM only, otherwise HEED_NIL */
    heed_tensor padding; /* HEED_NIL, or bool (B, T), true where the state stays as it was, whatever x is */
    heed_tensor *cells;  /* LSTM, not NULL: receives c after each step, (B, T, H) */
    heed_tensor *gates;  /* not NULL: receives (B, T, 4 H), r, z, n, y_n (GRU) or i, f, g, o (LSTM); 0 at padding */
} heed_recurrence_options;
/* A cell run over all steps of a sequence: x (B, T, G H), what the inputs add to the gates; w (G H, H), bias (G H) or
 * HEED_NIL, which give y -> h after each step, (B, T, H). One step: x (B, G H), and all outputs are without T. */
heed_tensor heed_recurrence(heed_tape *t, heed_tensor x, heed_tensor w, heed_tensor bias,
                            heed_recurrence_options options);

/* ---- attention ---- */
typedef struct heed_attention_options {
    heed_tensor mask; /* HEED_NIL, or broadcast to (B, H, T, S): bool, true = may look; or real, added to the scores */
    bool causal;          /* query i sees keys j <= i + S - T: the last query sees all */
    int64_t window;       /* > 0: it sees keys j > i + S - T - window, and without causal j < i + S - T + window */
    heed_tensor relative; /* HEED_NIL, or a bias by distance (H, T + S - 1), (1, T + S - 1) or (T + S - 1):
                             element j - i + T - 1 is added to the score of query i and key j, as a real mask is */
    double scale;         /* 0: 1 / sqrt(d_k) */
    double dropout;       /* of the weights, when training; weights are then 0 or a / (1 - p) */
    heed_tensor *pattern; /* not NULL: receives the weights (B, H, T, S); the context keeps its bits */
} heed_attention_options;
/* softmax(q kᵀ scale + mask + relative) v: q (B, H, T, d_k), k (B, H_kv, S, d_k), v (B, H_kv, S, d_v) -> (B, H, T, d_v).
 * H_kv divides H: each head of k and v serves H / H_kv of q, one after another (Ainslie et al. 2023; with one head, Shazeer 2019).
 * Rank 3 (H, T, d) and rank 2 (T, d) are taken too, then mask and pattern lose those axes as well.
 * A query with every key masked, or whose scores are all -inf, gives zeros with zero gradient; a masked key adds nothing
 * to output or gradient, be it NaN. Vaswani et al. 2017, equation 1. */
heed_tensor heed_attention(heed_tape *t, heed_tensor q, heed_tensor k, heed_tensor v, heed_attention_options options);

/* Scores of every query with every key: q (B, T, d), k (B, S, d), v (d) or (1, d) -> v · tanh(q_t + k_s), (B, T, S).
 * The sums under the tanh are not stored. Bahdanau, Cho, Bengio 2015, A.1.2. */
heed_tensor heed_additive_scores(heed_tape *t, heed_tensor q, heed_tensor k, heed_tensor v);

typedef struct heed_rope_options {
    int64_t first;    /* the place of row 0; row i stands at first + i. May be negative */
    double base;      /* 0: 10000 */
    bool
        interleaved; /* pairs are elements (2n, 2n + 1), as in the paper; otherwise (n, n + d/2), as in GPT-NeoX and Llama */
} heed_rope_options;
/* x (..., T, d), d even: pair n of a row at place p is turned by the angle p base^(-2n/d), so that the product of two rows
 * depends on the distance between their places. Place 0 is the identity. Su et al. 2021, 3.4.2. */
heed_tensor heed_rope(heed_tape *t, heed_tensor x, heed_rope_options options);

typedef struct heed_relative_options {
    bool
        bidirectional; /* half of the buckets for keys ahead; otherwise all are for keys behind, and ahead is distance 0 */
    int64_t longest;    /* from this distance on all share the last bucket; 0: 128 */
} heed_relative_options;
/* table (buckets, H) -> what heed_attention takes as `relative`, (H, T + S - 1): element j - i + T - 1 is row
 * heed_relative_bucket(j - (i + S - T)) of the table. T5's bias, Raffel et al. 2020. */
heed_tensor heed_relative_bias(heed_tape *t, heed_tensor table, int64_t queries, int64_t keys,
                               heed_relative_options options);
/* The bucket of a key so far ahead of the query. buckets: 4 or more and even if bidirectional, otherwise 2 or more. */
int64_t heed_relative_bucket(int64_t distance, int64_t buckets, int64_t longest, bool bidirectional);

HEED_END_DECLS
#endif
