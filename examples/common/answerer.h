/* A GPT that is asked something in tokens and goes on with the answer; only the answer is taught.
 *
 *     row       q0 q1 q2 a0 a1        question and answer, one behind the other: `question` + `answer` tokens
 *     read      q0 q1 q2 a0           all but the last
 *     foretold   -  - a0 a1           the next of each; what is in the question is not asked for, and counts for nothing */
#ifndef EXAMPLES_ANSWERER_H
#define EXAMPLES_ANSWERER_H

#include "patterns.h"

#include <heed/heed.h>

enum { ANSWERER_LENGTH = 32, ANSWERER_BATCH = 256 };

typedef struct answerer_options {
    int vocabulary, question, answer; /* tokens: together at most ANSWERER_LENGTH */
    int d_model, n_heads, n_layers;
} answerer_options;

typedef struct answerer {
    heed_model *model;
    heed_gpt gpt;
    answerer_options options;
} answerer;

/* On an error its text is the model's. */
heed_status answerer_init(answerer *a, answerer_options options, uint64_t seed) HEED_MUST_CHECK;
void answerer_free(answerer *a);
int answerer_length(const answerer *a); /* of a row: question + answer */

/* rows (n, length), n at most ANSWERER_BATCH -> the mean cross-entropy of the answers' tokens. */
heed_tensor answerer_loss(const answerer *a, heed_tape *t, const int32_t *rows, int n);

/* Reads the questions of the rows and writes its own answers into them, each token the likeliest after those before it.
 * The tape is reset, and records nothing meanwhile. */
heed_status answerer_answer(const answerer *a, heed_tape *t, int32_t *rows, int n) HEED_MUST_CHECK;

/* Where it looks while it writes these n answers, mean over the rows: maps (layers, heads, answer, length - 1), from where
 * it stands as it writes each token of the answer to each token read. `caught` watches t (patterns_watch). */
heed_status answerer_look(const answerer *a, heed_tape *t, patterns *caught, const int32_t *rows, int n, double *maps)
    HEED_MUST_CHECK;

#endif
