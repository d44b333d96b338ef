/* Losses: one number, a mean over what counts. */
#include <string.h>

#include "options.h"
#include "twins.h"

/* ---- of labels ---- */

/* -log of row's probability of a class, without the log of the sum, which is given. */
static quad surprise(const quad *row, int64_t class, quad log_sum) {
    return q_sub(log_sum, row[class]);
}

/* (1 - e) w_y (-log p_y) + e / V sum_c w_c (-log p_c): Szegedy et al. 2016, section 7, with PyTorch's class weights. */
static quad smoothed(const quad *row, int64_t classes, int64_t label, const values *weights, double smoothing) {
    quad sum = q_of(0), smooth = q_of(0);
    for (int64_t k = 0; k < classes; k++)
        sum = q_add(sum, q_exp(row[k]));
    const quad log_sum = q_log(sum);
    for (int64_t k = 0; k < classes && smoothing > 0; k++)
        smooth = q_mul_add(weights ? weights->at[k] : q_of(1), surprise(row, k, log_sum), smooth);
    const quad own = q_mul(weights ? weights->at[label] : q_of(1), surprise(row, label, log_sum));
    return q_add(q_scale(own, 1 - (real)smoothing), q_scale(smooth, (real)smoothing / classes));
}

static void cross_entropy(twin_call *c) {
    const values *x = c->in[0], *labels = c->in[1], *weights = c->in[2];
    const counting *o = c->options;
    const int64_t classes = last_of(x->shape, 1);
    quad *y = twin_gives(c, x->dtype, HEED_SCALAR), sum = q_of(0), weight = q_of(0);
    for (int64_t r = 0; r < labels->count; r++) {
        const int64_t label = q_int(labels->at[r]);
        if (o->has_ignored && label == o->ignored)
            continue;
        sum = q_add(sum, smoothed(x->at + r * classes, classes, label, weights, o->smoothing));
        weight = q_add(weight, weights ? weights->at[label] : q_of(1));
    }
    *y = weight.v == 0 ? q_of(0) : q_div(sum, weight);
}

static void nll(twin_call *c) {
    const values *x = c->in[0], *labels = c->in[1];
    const int64_t classes = last_of(x->shape, 1);
    quad *y = twin_gives(c, x->dtype, HEED_SCALAR), sum = q_of(0);
    for (int64_t r = 0; r < labels->count; r++)
        sum = q_add(sum, q_neg(x->at[r * classes + q_int(labels->at[r])]));
    *y = q_div(sum, q_of(labels->count));
}

/* ---- of a target as large as the prediction ---- */

static quad error_of(const twin_call *c, int64_t i) {
    return q_sub(c->in[0]->at[i], c->in[1]->at[i]);
}

static quad squared(const twin_call *c, int64_t i) {
    const quad e = error_of(c, i);
    return q_mul(e, e);
}

static quad absolute(const twin_call *c, int64_t i) {
    return q_abs(error_of(c, i));
}

/* Huber 1964: e²/2 within delta, else delta (|e| - delta/2). */
static quad huber_term(const twin_call *c, int64_t i) {
    const quad e = q_abs(error_of(c, i)), delta = q_of(*(const double *)c->options);
    return e.v <= delta.v ? q_scale(q_mul(e, e), 0.5) : q_mul(delta, q_sub(e, q_scale(delta, 0.5)));
}

/* -t log s(x) - (1 - t) log s(-x), with -log s(x) = log(1 + e^-x). */
static quad bernoulli(const twin_call *c, int64_t i) {
    const quad x = c->in[0]->at[i], t = c->in[1]->at[i];
    const quad yes = q_log1p(q_exp(q_neg(x))), no = q_log1p(q_exp(x));
    return q_mul_add(t, yes, q_mul(q_sub(q_of(1), t), no));
}

static quad divergence(const twin_call *c, int64_t i) {
    const quad x = c->in[0]->at[i], t = c->in[1]->at[i];
    return q_mul(t, q_sub(q_log(t), x));
}

static void mean_over(twin_call *c, quad (*term)(const twin_call *c, int64_t i), int64_t divisor) {
    quad *y = twin_gives(c, c->in[0]->dtype, HEED_SCALAR), sum = q_of(0);
    for (int64_t i = 0; i < c->in[0]->count; i++)
        sum = q_add(sum, term(c, i));
    *y = q_div(sum, q_of(divisor));
}

static void mse(twin_call *c) {
    mean_over(c, squared, c->in[0]->count);
}

static void l1(twin_call *c) {
    mean_over(c, absolute, c->in[0]->count);
}

static void huber(twin_call *c) {
    mean_over(c, huber_term, c->in[0]->count);
}

static void bce_with_logits(twin_call *c) {
    mean_over(c, bernoulli, c->in[0]->count);
}

/* Kullback and Leibler 1951, over the batch. */
static void kl_div(twin_call *c) {
    const heed_shape shape = c->in[0]->shape;
    mean_over(c, divergence, shape.rank ? shape.n[0] : 1);
}

/* ---- sizes around the chunks of a row ---- */

static bool entropy_sizes(int index, heed_sample *sample) {
    static const int64_t classes[] = {1, 15, 16, 17, 31, 33, 130, 511, 512, 513, 1030};
    if (index >= (int)(sizeof classes / sizeof classes[0]))
        return false;
    const int64_t n = classes[index];
    const counting o = {.has_ignored = true, .ignored = -1, .smoothing = index % 2 ? 0.1 : 0};
    *sample = (heed_sample){.n_in = 3};
    sample->in[0] = (heed_sample_input){.dtype = HEED_F64, .shape = HEED_SHAPE(4, n), .low = -4, .high = 4};
    sample->in[1] = (heed_sample_input){.dtype = HEED_I32, .shape = HEED_SHAPE(4), .low = 0, .high = (double)n};
    sample->in[2] = (heed_sample_input){.dtype = HEED_F64, .shape = HEED_SHAPE(n), .low = 0.5, .high = 2,
                                        .absent = index % 3 != 0};
    memcpy(sample->attr.bytes, &o, sizeof o);
    return true;
}

const twin twins_loss[] = {
    {"cross_entropy", cross_entropy, .options = sizeof(counting), .sizes = entropy_sizes},
    {"nll", .work = nll},
    {"mse", .work = mse},
    {"l1", .work = l1},
    {"huber", huber, .options = sizeof(double)},
    {"bce_with_logits", .work = bce_with_logits},
    {"kl_div", .work = kl_div},
    {0},
};
