/* Why scores are divided by sqrt(d_k). The product of a query and a key whose d_k entries are independent, of mean 0
 * and variance 1, has variance d_k (Vaswani et al. 2017, footnote 4); a softmax of large scores is all but 0 and 1;
 * and there its gradient a_j (da_j - sum a da) vanishes. */
#ifndef HEADS_SCALE_H
#define HEADS_SCALE_H

#include <heed/heed.h>

/* ---- of numbers drawn at random ---- */

enum { SCALE_KEYS = 16, SCALE_QUERIES = 500, SCALE_LARGEST = 256 };

typedef struct scale_draw {
    double variance; /* of what softmax reads */
    double largest;  /* weight of a query: mean */
    double keys;     /* that a query sees, e^entropy of its weights: 1 to SCALE_KEYS, mean */
    double passed;   /* of a gradient on the weights the share |ds| / |da| that reaches what softmax read: median */
} scale_draw;

/* SCALE_QUERIES queries, each with SCALE_KEYS keys, N(0, 1) in every entry. d_k at most SCALE_LARGEST. */
heed_status scale_draw_at(heed_tape *t, int d_k, bool divided, uint64_t seed, scale_draw *d) HEED_MUST_CHECK;

/* ---- in a training: what stands with this letter? ---- */

/* One head reads RECALL_PAIRS pairs, each a letter and a figure that stands with it, and is asked for the figure of
 * one letter. */
enum {
    RECALL_LETTERS = 16,
    RECALL_FIGURES = 16,
    RECALL_PAIRS = 8,
    RECALL_D_MODEL = 64,
    RECALL_BATCH = 64,
    RECALL_EXAM = 512
};

typedef struct recall {
    heed_model *model;
    heed_embedding_layer letter,
        figure;                 /* a pair is the sum of two, a question a letter: all entries have variance 1 */
    heed_linear_layer w_q, w_k; /* (d_k, d_model), so that those of q and k have too */
    heed_linear_layer w_v, out;
    int d_k;
    bool divided;
} recall;

heed_status recall_init(recall *r, int d_k, bool divided, uint64_t seed) HEED_MUST_CHECK;
void recall_free(recall *r);

typedef struct recall_view {
    double loss, right;           /* of RECALL_EXAM questions that no training sees */
    double largest, keys, passed; /* as above, of RECALL_PAIRS keys; passed by scale_share_passed */
} recall_view;
heed_status recall_look(const recall *r, heed_tape *t, recall_view *view) HEED_MUST_CHECK;

/* On an error its text is in `error`. */
heed_status recall_train(const recall *r, int64_t steps, int64_t seed, int64_t threads,
                         heed_error *error) HEED_MUST_CHECK;

/* ---- of n weights ---- */

double scale_keys_seen(const float *weights, int n); /* e^entropy */
/* |J| / sqrt(n), J = diag(a) - a a' the softmax's derivative: the root mean square of |ds| / |da| over all directions
 * of da. */
double scale_share_passed(const float *weights, int n);

#endif
