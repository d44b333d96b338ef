/* Training: y = m x / (1 - p) elementwise, where m is 0 with probability p and else 1, so that the expected y is x.
 * dL/dx = m dy / (1 - p): the same function, of dy. So nothing is saved: backward draws the mask again.
 * Element i, in row-major order, is dropped where number i of the call's stream is below p 2^32.
 * Srivastava et al. 2014. */
#ifndef REAL
#include <string.h>

#include <heed/op.h>
#include <heed/ops.h>

#include "philox_lanes.h"
#include "samples.h"
#include "span.h"

typedef struct dropout_attr {
    double p;
} dropout_attr;

typedef struct dropout_job {
    const void *from;
    void *to;
    double scale;
    uint64_t key;
    uint32_t last_dropped; /* the largest number that drops */
    bool identity;
} dropout_job;

static dropout_job job_of(const heed_call *call, const heed_array *from, const heed_array *to) {
    double p = ((const dropout_attr *)call->attr)->p;
    double dropping = p * 4294967296.0; /* of the 2^32 numbers; of a p that is not 0, at least one */
    return (dropout_job){.from = from->data, .to = to->data, .scale = 1 / (1 - p), .key = call->rng_key,
                         .last_dropped = dropping > 1 ? (uint32_t)(dropping - 1) : 0,
                         .identity = p == 0 || !call->training};
}

#include <heed/real_f32.h>
#include "dropout.c"
#include <heed/real_f64.h>
#include "dropout.c"
#include <heed/real_end.h>

static heed_status shape_rule(heed_call *call) {
    double p = ((const dropout_attr *)call->attr)->p;
    if (!(p >= 0 && p <= 1))
        return heed_fail(call, "p must be in [0, 1], is %g", p);
    return heed_shape_same(call);
}

static bool samples(int index, heed_sample *sample) {
    static const double p[] = {0.1, 0.5, 0};
    if (!heed_sample_unary(index, &(heed_draw){.low = -2, .high = 2}, sample))
        return false;
    memcpy(sample->attr.bytes, &(dropout_attr){p[index % 3]}, sizeof(dropout_attr));
    return true;
}

const heed_op heed_op_dropout = {
    .size = sizeof(heed_op),
    .name = "dropout",
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .flags = HEED_RANDOM,
    .attr_size = sizeof(dropout_attr),
    .shape = shape_rule,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .samples = samples,
};

heed_tensor heed_dropout(heed_tape *t, heed_tensor x, double p) {
    bool real = heed_dtype_real(heed_dtype_of(t, x)); /* and so a tensor of this tape: of others the op says what is wrong */
    bool identity = real && (p == 0 || (p > 0 && p <= 1 && !heed_tape_training(t)));
    return identity ? x : heed_apply(t, &heed_op_dropout, &x, 1, &(dropout_attr){p});
}

#else

/* Ranges begin at multiples of the grain, so at the first word of a block. */
static void TYPED(drop)(void *context, int64_t begin, int64_t end) {
    const dropout_job *job = context;
    const REAL *restrict from = job->from;
    REAL *restrict to = job->to;
    const REAL scale = (REAL)job->scale;
    uint32_t words[HEED_PHILOX_WORDS];
    for (int64_t at = begin; at < end; at += HEED_PHILOX_WORDS) {
        int64_t n = end - at < HEED_PHILOX_WORDS ? end - at : HEED_PHILOX_WORDS;
        heed_philox_words(job->key, (uint64_t)at, words);
        for (int64_t i = 0; i < n; i++) {
            REAL kept = from[at + i] * scale;
            to[at + i] = words[i] > job->last_dropped ? kept : 0;
        }
    }
}

static void TYPED(copy)(void *context, int64_t begin, int64_t end) {
    const dropout_job *job = context;
    memcpy((REAL *)job->to + begin, (const REAL *)job->from + begin, (size_t)(end - begin) * sizeof(REAL));
}

static void TYPED(run)(const heed_call *call, const heed_array *from, const heed_array *to) {
    dropout_job job = job_of(call, from, to);
    heed_parallel(call, heed_array_count(to), HEED_SPAN_GRAIN, job.identity ? TYPED(copy) : TYPED(drop), &job);
}

static void TYPED(forward)(heed_call *call) {
    TYPED(run)(call, call->in[0], call->out[0]);
}

static void TYPED(backward)(heed_call *call) {
    if (call->dx[0])
        TYPED(run)(call, call->dy[0], call->dx[0]);
}
#endif
