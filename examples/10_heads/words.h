/* One token's attention word by word, with loops straight from the formula, beside the layer, which has it as
 * products of matrices. */
#ifndef HEADS_WORDS_H
#define HEADS_WORDS_H

#include <heed/heed.h>

enum { WORDS_TOKENS = 4, WORDS_D_MODEL = 8, WORDS_HEADS = 2, WORDS_D_K = WORDS_D_MODEL / WORDS_HEADS };

typedef struct words {
    heed_model *model;
    heed_multi_head_attention attn;
    float x[WORDS_TOKENS][WORDS_D_MODEL]; /* the words' vectors */
    float y[WORDS_TOKENS][WORDS_D_MODEL]; /* what the layer makes of them */
} words;

/* Vectors and matrices drawn from the seed. On an error its text is in `error`. */
heed_status words_init(words *w, uint64_t seed, heed_error *error) HEED_MUST_CHECK;
void words_free(words *w);

/* All that is computed on the way to one token's output: in double, while the layer works in float. */
typedef struct words_steps {
    double q[WORDS_HEADS][WORDS_D_K];               /* 1. q = x W^Q */
    double k[WORDS_HEADS][WORDS_TOKENS][WORDS_D_K]; /*    k = x W^K and v = x W^V of each word */
    double v[WORDS_HEADS][WORDS_TOKENS][WORDS_D_K];
    double score[WORDS_HEADS][WORDS_TOKENS];  /* 2. q . k_j */
    double scaled[WORDS_HEADS][WORDS_TOKENS]; /* 3. over sqrt(d_k) */
    double weight[WORDS_HEADS][WORDS_TOKENS]; /* 4. softmax */
    double z[WORDS_D_MODEL];                  /* 5. sum of weight_j v_j, the heads side by side */
    double y[WORDS_D_MODEL];                  /* 6. z W^O */
} words_steps;
heed_status words_by_hand(const words *w, int token, words_steps *s) HEED_MUST_CHECK;

/* The largest difference between all tokens' outputs by hand and by the layer. */
heed_status words_apart(const words *w, double *apart) HEED_MUST_CHECK;

#endif
