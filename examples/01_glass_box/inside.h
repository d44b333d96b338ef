/* Everything that happens to one question, forward and backward, as numbers to look at: once as Heed computed it, once
 * by hand, in plain loops from the formulas alone. That the two agree is the proof that nothing else goes on. */
#ifndef GLASS_BOX_INSIDE_H
#define GLASS_BOX_INSIDE_H

#include "glass.h"

/* x is the question, x_j the j-th pair, d... the gradient of the loss with respect to ... */
typedef struct inside {
    double q[GLASS_D_K];              /* q = x W^Q */
    double k[GLASS_PAIRS][GLASS_D_K]; /* k_j = x_j W^K */
    double v[GLASS_PAIRS][GLASS_D_K]; /* v_j = x_j W^V */
    double dot[GLASS_PAIRS];          /* q · k_j */
    double s[GLASS_PAIRS];            /* s_j = q · k_j / sqrt(d_k) */
    double a[GLASS_PAIRS];            /* a = softmax(s) */
    double z[GLASS_D_K];              /* z = sum_j a_j v_j */
    double logit[GLASS_VALUES];       /* z W^O */
    double chance[GLASS_VALUES];      /* p = softmax(logits) */
    double loss;                      /* -log p[answer] */

    double dlogit[GLASS_VALUES];       /* p, less 1 at the answer */
    double dz[GLASS_D_K];              /* dlogits W^Oᵀ */
    double da[GLASS_PAIRS];            /* dz · v_j. By hand only: the engine's attention never writes it down */
    double ds[GLASS_PAIRS];            /* of q · k_j: a_j (da_j - sum a·da) / sqrt(d_k) */
    double dq[GLASS_D_K];              /* sum_j ds_j k_j */
    double dk[GLASS_PAIRS][GLASS_D_K]; /* ds_j q */
    double dv[GLASS_PAIRS][GLASS_D_K]; /* a_j dz */
    glass_weights dw;                  /* xᵀ dq; sum_j x_jᵀ dk_j; sum_j x_jᵀ dv_j; zᵀ dlogits */
} inside;

/* One forward and one backward of the engine, with every intermediate watched; the model stays as it is. */
heed_status inside_by_engine(const glass *g, const glass_question *question, inside *out,
                             heed_error *error) HEED_MUST_CHECK;
void inside_by_hand(const glass_weights *w, const glass_question *question, inside *out);

typedef struct inside_difference {
    const char *name;
    int count;         /* numbers compared */
    double largest;    /* magnitude, by hand */
    double difference; /* the largest between the two */
} inside_difference;

/* Compares quantity by quantity, in the order of the computation. */
enum { INSIDE_COMPARED = 20 };
void inside_compare(const inside *engine, const inside *hand, inside_difference out[INSIDE_COMPARED]);

/* The loss of this question after one SGD step, learning rate `lr`, on it alone. A copy of the model takes the step. */
heed_status inside_loss_after_step(const glass *g, const glass_question *question, double lr, double *loss,
                                   heed_error *error) HEED_MUST_CHECK;

#endif
