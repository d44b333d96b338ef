/* A workload: one model, one batch, and a step that is done again and again. */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include "bench.h"

enum { WORKLOAD_SIZES = 7, WORKLOAD_BATCH = 2 };

/* How workloads of one model are made and run. */
typedef struct workload_kind {
    void *(*start)(const struct workload *w, int threads); /* begins with a trainer. NULL: it failed, and has said why */
    double (*step)(void *self);                            /* the loss; NaN: it failed, and has said why */
    double (*flops)(const void *self);                     /* of a step; NaN: nobody has counted them */
    int (*batch)(const void *self, heed_file_tensor *batch); /* what each step reads, at most WORKLOAD_BATCH; returns how
                                                                many. A workload is a trainer: that comes first in it */
    void (*stop)(void *self);
} workload_kind;

typedef struct workload {
    const char *name;
    int steps; /* timed, unless told otherwise */
    int64_t size[WORKLOAD_SIZES];
    const workload_kind *kind;
} workload;

extern const workload_kind gpt_kind;       /* size: layers, heads, d_model, T, B, vocabulary, recompute */
/* Its loss on the first sequence of the batch, as a recorder's probe: of what gpt_kind.start has made. */
heed_tensor gpt_probe(void *self, heed_tape *t);
extern const workload_kind seq2seq_kind;   /* size: B, S, T, vocabulary, embedding, hidden */
extern const workload_kind attention_kind; /* size: B, H, T, d_k */

/* ---- what workloads that train have in common ---- */

typedef struct trainer {
    const char *name;
    heed_model *model;
    heed_tape *t;
    heed_grads *grads;
    heed_optim *optim;       /* NULL where nothing is updated */
    heed_recorder *recorder; /* NULL where nothing is recorded */
    int64_t steps;           /* done, for the recorder */
} trainer;

/* Builds the model that the layers have declared, in f32; a tape and gradients for it. */
bool trainer_build(trainer *s, int threads);
/* The rest of a step whose loss has been recorded: backward, update. Returns the loss. */
double trainer_finish_step(trainer *s, heed_tensor loss);
void trainer_free(trainer *s);
/* Whatever has gone wrong first, said on stderr. False, for `return`. */
bool trainer_fail(const trainer *s);

/* n random tokens, 0 to vocabulary - 1, a stream of their own for each key. NULL: out of memory. */
int32_t *random_tokens(uint64_t key, int64_t n, int64_t vocabulary);
/* values[i] = deviation * N(0, 1). */
void fill_normal(float *values, int64_t n, double deviation, uint64_t key);

#endif
