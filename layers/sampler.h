/* Choosing the next token from what a language model gives for all of them: plain arrays in, a token out.
 *
 * The logits x (V) go through, in this order:
 *   1. repetition penalty r: of every token said before, x > 0 becomes x / r, other x become x r (Keskar et al. 2019, 4.1, where
 *      all are divided; dividing a negative logit would favour it)
 *   2. temperature: p = softmax(x / temperature); 0: all on the largest x
 *   3. top-k: the k likeliest stay (Fan et al. 2018)
 *   4. top-p: of these the smallest set whose share is at least p stays, the likeliest first (Holtzman et al. 2020)
 * and what stays is drawn from, each by its share. Of equals the lower token comes first, everywhere. A draw is a function of the
 * seed and its index alone: the same seed says the same text. */
#ifndef HEED_LAYERS_SAMPLER_H
#define HEED_LAYERS_SAMPLER_H

#include <heed/error.h>

HEED_BEGIN_DECLS

typedef struct heed_sampler { /* all zero: greedy */
    double temperature;        /* 0: greedy, the likeliest token; 1: as the model has it; more: bolder */
    int64_t top_k;             /* 0: all */
    double top_p;              /* in (0, 1]; 0: all */
    double repetition_penalty; /* 1, or 0: none; about 1.2 in the paper */
    uint64_t seed;
} heed_sampler;

/* HEED_INVALID, and *error (or NULL) says why: temperature negative or not finite, top_k < 0, top_p outside [0, 1],
 * repetition_penalty negative or not finite. */
heed_status heed_sampler_check(const heed_sampler *sampler, heed_error *error) HEED_MUST_CHECK;
/* p (V) becomes the probability with which each token is drawn; logits (V), said (n_said) the tokens before. -inf is never
 * chosen. Not HEED_OK, p undefined: settings that are no good, a NaN or +inf logit, no logit above -inf, V < 1, a token
 * outside 0..V-1, or too little memory (for top-k and top-p). */
heed_status heed_sampler_probabilities(const heed_sampler *sampler, const float *logits, int64_t vocabulary,
                                       const int32_t *said, int64_t n_said, double *p,
                                       heed_error *error) HEED_MUST_CHECK;
/* Draw number `draw` from p (V), which need not sum to 1 but must not be all 0. */
int32_t heed_sampler_draw(const heed_sampler *sampler, const double *p, int64_t vocabulary, uint64_t draw);
/* Both in one: the token, or -1, and *error says why. */
int32_t heed_sampler_pick(const heed_sampler *sampler, const float *logits, int64_t vocabulary, const int32_t *said,
                          int64_t n_said, uint64_t draw, heed_error *error);

HEED_END_DECLS
#endif
