/* Greedy and beam search over sequences of tokens, for any model that can say what comes next.
 *
 * For each row (a source sentence, say) the `width` likeliest beginnings are kept. All of them are continued by every
 * token, and the likeliest of all these stay; one that has said `stop` is finished and leaves, taking its place in the
 * beam with it, and so does, unfinished, one of the greatest length. The best of those that left is the answer, by
 *     score(Y) = log P(Y) / lp(Y),   lp(Y) = ((5 + |Y|) / 6)^alpha                    Wu et al. 2016, eq. 14
 * where |Y| counts all tokens said, stop among them. Width 1 is greedy search: the likeliest token each time. A beam
 * as wide as there are sequences finds the best of all. Of equals, the smaller token of the better beginning is first. */
#ifndef HEED_LAYERS_BEAM_H
#define HEED_LAYERS_BEAM_H

#include <heed/error.h>

HEED_BEGIN_DECLS

typedef struct heed_beam_options {
    int width;           /* 0: 1, greedy */
    int64_t longest;     /* tokens said at most, stop among them */
    double alpha;        /* of the length penalty; 0: none, short sequences win; 0.6 to 1 are usual */
    int n_best;          /* how many answers a row gets, best first; 0: 1. At most width */
    int64_t vocabulary;  /* V */
    int32_t start, stop; /* start: what the model is told at first; stop: what ends a sequence, or -1 for nothing */
} heed_beam_options;

/* What the search asks at one step: what follows each of n hypotheses? Those of a row stand together, rows in order. */
typedef struct heed_beam_ask {
    int64_t step;           /* 0, 1, ... */
    int64_t n;
    const int32_t *tokens;  /* (n) the last token of each; at step 0, start */
    const int32_t *parents; /* (n) which hypothesis of the step before it goes on from: states are to be reordered so;
                               at step 0, its row */
    const int32_t *rows;    /* (n) */
} heed_beam_ask;
/* Writes log P(token | hypothesis), (n, V). -inf and NaN are never chosen. Anything but HEED_OK ends the search. */
typedef heed_status heed_beam_step(void *user, const heed_beam_ask *ask, double *log_probs);

typedef struct heed_hypothesis {
    int32_t *tokens; /* (length), stop among them where it was said; NULL: the row has no such hypothesis */
    int32_t *places; /* (length) tokens[i] was chosen of row places[i] of step i's log_probs */
    int64_t length;
    bool finished;   /* said stop */
    double log_prob, score;
} heed_hypothesis;

typedef struct heed_beam {
    int64_t rows;
    int n_best;
    heed_hypothesis *best; /* (rows, n_best) */
} heed_beam;

/* NULL, and *error (which may be NULL) says why, for options out of range, a step that failed (with the status it gave,
 * unless it has set *error itself), a row in which no token can follow, or too little memory. */
heed_beam *heed_beam_search(const heed_beam_options *options, int64_t rows, heed_beam_step *step, void *user,
                            heed_error *error);
void heed_beam_free(heed_beam *beam);

/* ((5 + length) / 6)^alpha */
double heed_length_penalty(int64_t length, double alpha);

HEED_END_DECLS
#endif
