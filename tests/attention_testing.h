/* What the suites of the attention op share: random queries, keys and values. */
#ifndef ATTENTION_TESTING_H
#define ATTENTION_TESTING_H

#include "op_testing.h"

typedef struct qkv {
    heed_tensor q, k, v;
} qkv;

/* (batch, heads, queries, 8), (batch, heads, keys, 8), (batch, heads, keys, 5) */
static inline qkv random_qkv(heed_dtype dtype, int64_t batch, int64_t heads, int64_t queries, int64_t keys) {
    return (qkv){ops_random(dtype, HEED_SHAPE(batch, heads, queries, 8), 1),
                 ops_random(dtype, HEED_SHAPE(batch, heads, keys, 8), 2),
                 ops_random(dtype, HEED_SHAPE(batch, heads, keys, 5), 3)};
}

static inline heed_tensor attend(qkv x, heed_attention_options options) {
    return heed_attention(t, x.q, x.k, x.v, options);
}

#endif
