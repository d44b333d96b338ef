/* attention.h: softmax(q kᵀ scale + mask + relative) v and its gradient, for every batch b and head h, without ever
 * holding T x S weights (Dao et al. 2022 show why that pays; Vaswani et al. 2017 have the formula).
 *
 *     heed_attention_problem a = {.batch = B, .heads = H, .kv_heads = H, .queries = T, .keys = S, .d_k = d_k,
 *                                 .d_v = d_v, .q = ..., .k = ..., .v = ..., .scale = ...};
 *     void *workspace = 64-aligned memory of heed_attention_workspace(&a, sizeof(float), threads) bytes;
 *     heed_attention_f32(&a, &out, threads, workspace);
 *
 * Work is cut into tiles, a block of queries by as many keys, and only those of which some query can see some key, for
 * their places, are computed: a tile's scores and weights stay in the caches. Forward keeps of each query the largest
 * score so far and the sum of the exponentials, and corrects what it has summed when a larger one comes (Milakov and
 * Gimelshein 2018); backward makes a tile's weights anew from what forward has found at the end.
 *
 * Each query's softmax is over the keys it can see: in a tile they are multiplied together with others, but with weight
 * zero, and elements of hidden keys and values that are NaN or inf are kept out. Keys are always cut into tiles at the
 * same places. So what a query does not see leaves its output and gradient alone to the last bit, and a query computed
 * by itself has the bits it has among others. */
#ifndef HEED_KERNELS_ATTENTION_H
#define HEED_KERNELS_ATTENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Element (b, h, i, j) is at data[b * step[0] + h * step[1] + i * step[2] + j * step[3]]. Any steps, zero and negative
 * ones too. */
typedef struct heed_attention_view {
    const void *data;
    int64_t step[4];
} heed_attention_view;

/* The same to write: no two elements may coincide. */
typedef struct heed_attention_place {
    void *data; /* NULL: it is not wanted */
    int64_t step[4];
} heed_attention_place;

typedef struct heed_attention_problem {
    int64_t batch, heads, kv_heads, queries, keys, d_k, d_v;
    heed_attention_view q;    /* (B, H, T, d_k) */
    heed_attention_view k;    /* (B, H_kv, S, d_k); heads h H / H_kv ... of q read head h of k and v */
    heed_attention_view v;    /* (B, H_kv, S, d_v) */
    heed_attention_view mask; /* (B, H, T, S), steps 0 where it is broadcast; data NULL: none */
    bool mask_is_bool;        /* bools, false hiding a key; or else reals added to the score, -inf hiding */
    heed_attention_view relative; /* (1, H, 1, T + S - 1): element j - i + T - 1 is added to the score of query i and
                                     key j, -inf hiding; data NULL: none */
    bool causal;              /* query i sees keys j <= i + S - T */
    int64_t window;           /* > 0: it sees keys j > i + S - T - window, and without causal j < i + S - T + window */
    double scale;
    double dropout;           /* the probability that a weight becomes 0; the others are divided by 1 - dropout */
    uint64_t dropout_key;     /* from which that is drawn, for each (b, h, i, j) */
} heed_attention_problem;

/* What forward writes. Pattern and stats are contiguous. */
typedef struct heed_attention_result {
    heed_attention_place context; /* (B, H, T, d_v) */
    void *pattern;                /* (B, H, T, S): the weights after dropout; or NULL */
    void *stats;                  /* (B, H, T, 2): what backward rebuilds the weights from; or NULL */
} heed_attention_result;

/* Where the gradient of what is added to the scores goes: that of the score (b, h, i, j) is added to element
 * start + b step[0] + h step[1] + i step[2] + j step[3] of `count`. Steps are 0 along axes that are summed over. */
typedef struct heed_attention_sums {
    void *data; /* NULL: it is not wanted */
    int64_t step[4], start, count;
} heed_attention_sums;

/* What backward reads and writes. Stats, pattern and its gradient are contiguous. */
typedef struct heed_attention_gradient {
    const void *stats;             /* stats and context as forward wrote them */
    heed_attention_view context;   /* (B, H, T, d_v) */
    heed_attention_view d_context; /* the same; data NULL: zero, and context is not read */
    const void *pattern;           /* (B, H, T, S), as forward wrote it; read where its gradient is */
    const void *d_pattern;         /* (B, H, T, S); or NULL: zero */
    heed_attention_place dq;       /* (B, H, T, d_k) */
    heed_attention_place dk;       /* (B, H_kv, S, d_k) */
    heed_attention_place dv;       /* (B, H_kv, S, d_v) */
    heed_attention_sums d_mask;    /* of real masks */
    heed_attention_sums d_relative;
} heed_attention_gradient;

/* Bytes of scratch memory, aligned to 64, for elements of element_size bytes and at most `threads` threads (<= 0: all
 * cores). */
size_t heed_attention_workspace(const heed_attention_problem *a, size_t element_size, int threads);
size_t heed_attention_backward_workspace(const heed_attention_problem *a, const heed_attention_gradient *g,
                                         size_t element_size, int threads);

/* The bits are the same for every number of threads. */
void heed_attention_f32(const heed_attention_problem *a, const heed_attention_result *out, int threads,
                        void *workspace);
void heed_attention_f64(const heed_attention_problem *a, const heed_attention_result *out, int threads,
                        void *workspace);
void heed_attention_backward_f32(const heed_attention_problem *a, const heed_attention_gradient *g, int threads,
                                 void *workspace);
void heed_attention_backward_f64(const heed_attention_problem *a, const heed_attention_gradient *g, int threads,
                                 void *workspace);

#endif
