/* The next larger: what does one head learn when it has to find the successor?
 *
 * Eight of sixteen numbers stand there in random order, then one of them again, as a question: which is the next larger of
 * those that are there? A token is the unit vector of its number, so row a of W^Q, W^K or W^V belongs to the number a, and
 *
 *     score(a, b) = row a of W^Q · row b of W^K / sqrt(d_k):   entry (a, b) of W^Q W^Kᵀ says how strongly the question a looks
 *                                                              at b
 *
 * Only the scores can know an order; what a head finds it hands on by W^V and W^O. To find the next larger, row a must be
 * largest at a + 1, then at a + 2, and so on, and small at a and below: the largest entry of each row is to move onto the
 * superdiagonal. No one tells the head which number is larger than which; tokens have no size, only names. */
#ifndef SORT_NEXT_H
#define SORT_NEXT_H

#include <heed/heed.h>

#include "../common/training.h"

enum { NEXT_NUMBERS = 16, NEXT_SHOWN = 8, NEXT_TIME = NEXT_SHOWN + 1, NEXT_D_K = 16, NEXT_BATCH = 64 };
enum { NEXT_ROWS = NEXT_NUMBERS - 1, NEXT_TRIPLES = 560 }; /* 15; 16 · 15 · 14 / 6 */

typedef struct next_question {
    int number[NEXT_SHOWN]; /* all different */
    int asked;              /* one of them, not the largest */
    int answer;             /* the next larger one of them */
} next_question;

/* Question `index` of `seed`. */
next_question next_draw(uint64_t seed, uint64_t index);

typedef struct next_head {
    heed_model *model;
    heed_self_attention attn; /* "attn.w_q", "attn.w_k", "attn.w_v" */
    heed_linear_layer w_o;    /* "w_o.weight" */
} next_head;

heed_status next_init(next_head *h, uint64_t seed) HEED_MUST_CHECK;
void next_free(next_head *h);

/* n questions, at most NEXT_BATCH -> logits (n, NEXT_NUMBERS), from the question's place; it does not see itself. */
heed_tensor next_logits(const next_head *h, heed_tape *t, const next_question *questions, int n);
heed_tensor next_loss(const next_head *h, heed_tape *t, const next_question *questions, int n);

/* `count` fresh questions; NaN where they could not be asked. */
typedef struct next_marks {
    double right, loss; /* the share of right answers; the mean loss */
} next_marks;
next_marks next_examine(const next_head *h, int count);

/* W^Q W^Kᵀ and W^V W^O in token space. */
typedef struct next_matrices {
    double qk[NEXT_NUMBERS][NEXT_NUMBERS], vo[NEXT_NUMBERS][NEXT_NUMBERS];
    int superdiagonal; /* rows of qk, of the first NEXT_ROWS, whose largest entry is on the superdiagonal */
    int in_order;      /* a < b < c with entry (a, b) above entry (a, c), of the NEXT_TRIPLES there are */
    int diagonal; /* rows of vo, of the last NEXT_ROWS (0 is never an answer), whose largest entry is on the diagonal */
} next_matrices;
void next_look(const next_head *h, next_matrices *m);

/* ---- a training, and the matrices on the way ---- */

enum { NEXT_FRAMES = 41 };
typedef struct next_frame {
    int64_t step;       /* done */
    double loss, right; /* on fresh questions: the mean, the share of right answers */
    next_matrices m;
} next_frame;
typedef struct next_film {
    int frames;
    next_frame frame[NEXT_FRAMES]; /* the first before the first step */
    double seconds;
} next_film;
typedef struct next_plan {
    int64_t steps, seed, threads;
    heed_recorder *recorder; /* or NULL */
} next_plan;
heed_status next_train(next_film *film, const next_head *h, const next_plan *plan, heed_error *error) HEED_MUST_CHECK;

#endif
