/* One attention head that learns to look something up, small enough to see every number of it.
 *
 * The task: six pairs such as "c4", each one token, then a question, a key alone: "c". The answer is the value that
 * stands with it: 4. A token has 32 entries, one for each of 16 keys (a to p) and 16 values (0 to 9, A to F): a pair is
 * the unit vector of its key beside the unit vector of its value, the question the unit vector of its key. There is no
 * embedding, so row c of W^Q, W^K or W^V belongs to the key c, and row 4 to the value 4.
 *
 *     q = x W^Q,  k_j = x_j W^K,  v_j = x_j W^V      s_j = q · k_j / sqrt(d_k)      a = softmax(s)
 *     z = sum_j a_j v_j                              logits = z W^O                 loss = -log softmax(logits)[answer]
 *
 * where x is the question and x_j the j-th pair; the question does not see itself. */
#ifndef GLASS_BOX_GLASS_H
#define GLASS_BOX_GLASS_H

#include <heed/heed.h>

enum {
    GLASS_KEYS = 16,
    GLASS_VALUES = 16,
    GLASS_D_MODEL = GLASS_KEYS + GLASS_VALUES,
    GLASS_D_K = 64,
    GLASS_PAIRS = 6,
    GLASS_TIME = GLASS_PAIRS + 1, /* the question comes last */
    GLASS_BATCH = 32,
};

/* ---- the task ---- */

typedef struct glass_question {
    int key[GLASS_PAIRS], value[GLASS_PAIRS]; /* no key and no value stands there twice */
    int asked;                                /* which pair's key is the question; its value is the answer */
} glass_question;

/* Question `index` of `seed`: the same one whatever was drawn before it. */
glass_question glass_draw(uint64_t seed, uint64_t index);

/* ---- the model ---- */

typedef struct glass {
    heed_model *model;
    heed_self_attention attn; /* "attn.w_q", "attn.w_k", "attn.w_v" */
    heed_linear_layer w_o;    /* "w_o.weight" */
} glass;

/* All four matrices start as noise, N(0, 0.05²): so small that attention starts uniform. */
heed_status glass_init(glass *g, heed_dtype dtype, uint64_t seed) HEED_MUST_CHECK;
void glass_free(glass *g);

/* The matrices as textbooks write them, one row an entry of the token. (Heed stores the transposes, (outputs, inputs).) */
typedef struct glass_weights {
    double q[GLASS_D_MODEL][GLASS_D_K], k[GLASS_D_MODEL][GLASS_D_K], v[GLASS_D_MODEL][GLASS_D_K];
    double o[GLASS_D_K][GLASS_VALUES];
} glass_weights;
void glass_weights_of(const glass *g, glass_weights *w);
void glass_gradients_of(const glass *g, heed_grads *grads, glass_weights *dw); /* dL/dW^Q and so on */

/* n questions, at most GLASS_BATCH -> their logits (n, GLASS_VALUES), and the mean cross-entropy with their answers.
 * `mask` is what heed_attention takes, of shape (GLASS_TIME): who may be looked at. */
heed_tensor glass_logits(const glass *g, heed_tape *t, const glass_question *questions, int n, heed_tensor mask);
heed_tensor glass_loss(heed_tape *t, const glass_question *questions, int n, heed_tensor logits);
heed_tensor glass_mask(heed_tape *t); /* all but the question: bool (GLASS_TIME) */

/* ---- training ---- */

typedef struct glass_training {
    const glass *g;
    heed_tape *t;
    heed_grads *grads;
    heed_optim *sgd;
    heed_recorder *recorder; /* or NULL */
    uint64_t seed;
    int steps; /* done */
} glass_training;

/* Plain SGD with learning rate 1, on questions that are drawn afresh each step. */
heed_status glass_training_init(glass_training *tr, const glass *g, uint64_t seed, int threads) HEED_MUST_CHECK;
void glass_training_free(glass_training *tr);

typedef struct glass_step {
    int step;                              /* 1 for the first */
    double loss;                           /* of the batch, before the step */
    double norm_q, norm_k, norm_v, norm_o; /* of dL/dW^Q and so on, Frobenius */
} glass_step;
heed_status glass_training_step(glass_training *tr, glass_step *step) HEED_MUST_CHECK;
const char *glass_training_error(const glass_training *tr);

/* ---- looking at what was learned ---- */

/* How it does on `count` questions of `seed`; NaN where it could not be asked. */
typedef struct glass_marks {
    double right;   /* share of answers that are right */
    double present; /* ... that are at least one of the six values that are there */
} glass_marks;
glass_marks glass_examine(const glass *g, uint64_t seed, int count);

/* What the matrices do to named tokens, the 64 inner coordinates summed away. */
typedef struct glass_circuits {
    double qk[GLASS_KEYS][GLASS_KEYS];     /* W^Q W^Kᵀ: how well a question (row) matches a context's key (column) */
    double vo[GLASS_VALUES][GLASS_VALUES]; /* W^V W^O: what a value looked at (row) adds to each answer (column) */
    int qk_right, vo_right;                /* rows whose largest entry is on the diagonal */
} glass_circuits;
void glass_circuits_of(const glass_weights *w, glass_circuits *c);

double glass_norm(const double *x, int n); /* sqrt(sum x²) */

#endif
