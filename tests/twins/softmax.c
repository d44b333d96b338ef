/* Softmax and norms, a row at a time. */
#include <string.h>

#include "twins.h"

enum { X, GAIN, SHIFT };

/* e^x_i / sum over the kept j of e^x_j, elements `step` apart; kept NULL: all. As it is written: e^x does not leave the
 * range of such numbers. */
static void softmax_row(const quad *x, const bool *kept, int64_t n, int64_t step, quad *y) {
    quad sum = q_of(0);
    for (int64_t i = 0; i < n; i++) {
        y[i * step] = kept == NULL || kept[i] ? q_exp(x[i * step]) : q_of(0);
        sum = q_add(sum, y[i * step]);
    }
    for (int64_t i = 0; i < n; i++)
        if (kept == NULL || kept[i])
            y[i * step] = q_div(y[i * step], sum);
}

static void softmax(twin_call *c) {
    const values *x = c->in[X];
    const around a = around_of(x->shape, *(const int *)c->options);
    quad *y = twin_gives(c, x->dtype, x->shape);
    for (int64_t i = 0; i < a.outer; i++)
        for (int64_t k = 0; k < a.inner; k++)
            softmax_row(x->at + i * a.n * a.inner + k, NULL, a.n, a.inner, y + i * a.n * a.inner + k);
}

/* x_i - log sum_j e^x_j */
static void log_softmax(twin_call *c) {
    const values *x = c->in[X];
    const around a = around_of(x->shape, *(const int *)c->options);
    quad *y = twin_gives(c, x->dtype, x->shape);
    for (int64_t row = 0; row < a.outer * a.inner; row++) {
        const int64_t first = row / a.inner * a.n * a.inner + row % a.inner;
        quad sum = q_of(0);
        for (int64_t j = 0; j < a.n; j++)
            sum = q_add(sum, q_exp(x->at[first + j * a.inner]));
        const quad log_sum = q_log(sum);
        for (int64_t j = 0; j < a.n; j++)
            y[first + j * a.inner] = q_sub(x->at[first + j * a.inner], log_sum);
    }
}

static void masked_softmax(twin_call *c) {
    const values *x = c->in[X], *mask = c->in[1];
    const int64_t n = last_of(x->shape, 1);
    quad *y = twin_gives(c, x->dtype, x->shape);
    bool *kept = take((size_t)n, sizeof *kept);
    for (int64_t row = 0; row < x->count; row += n) {
        for (int64_t i = 0; i < n; i++)
            kept[i] = q_true(broadcast_at(mask, x->shape, row + i));
        softmax_row(x->at + row, kept, n, 1, y + row);
    }
}

static quad mean_of(const quad *x, int64_t n) {
    quad sum = q_of(0);
    for (int64_t i = 0; i < n; i++)
        sum = q_add(sum, x[i]);
    return q_div(sum, q_of(n));
}

/* ... of x². */
static quad mean_square_of(const quad *x, int64_t n) {
    quad sum = q_of(0);
    for (int64_t i = 0; i < n; i++)
        sum = q_mul_add(x[i], x[i], sum);
    return q_div(sum, q_of(n));
}

/* x / sqrt(mean x² + eps) gain + shift, for a row. */
static void normalised(const twin_call *c, const quad *x, int64_t n, quad *y) {
    const double eps = *(const double *)c->options;
    const quad root = q_sqrt(q_add(mean_square_of(x, n), q_of(eps)));
    for (int64_t i = 0; i < n; i++) {
        y[i] = q_div(x[i], root);
        if (c->in[GAIN])
            y[i] = q_mul(y[i], c->in[GAIN]->at[i]);
        if (c->n_in > SHIFT && c->in[SHIFT])
            y[i] = q_add(y[i], c->in[SHIFT]->at[i]);
    }
}

/* Zhang and Sennrich 2019, equation 4. */
static void rmsnorm(twin_call *c) {
    const values *x = c->in[X];
    const int64_t n = last_of(x->shape, 1);
    quad *y = twin_gives(c, x->dtype, x->shape);
    for (int64_t row = 0; row < x->count; row += n)
        normalised(c, x->at + row, n, y + row);
}

/* Ba, Kiros, Hinton 2016, equations 3 and 4: the same of what is off the mean. */
static void layernorm(twin_call *c) {
    const values *x = c->in[X];
    const int64_t n = last_of(x->shape, 1);
    quad *y = twin_gives(c, x->dtype, x->shape), *off = take((size_t)n, sizeof *off);
    for (int64_t row = 0; row < x->count; row += n) {
        const quad mean = mean_of(x->at + row, n);
        for (int64_t i = 0; i < n; i++)
            off[i] = q_sub(x->at[row + i], mean);
        normalised(c, off, n, y + row);
    }
}

/* ---- sizes around vectors and blocks of rows ---- */

static const int64_t widths[] = {1, 15, 16, 17, 31, 32, 33, 64, 65, 127, 130, 257};
enum { WIDTHS = sizeof widths / sizeof widths[0] };

static bool softmax_sizes(int index, heed_sample *sample) {
    if (index >= 2 * WIDTHS)
        return false;
    const int64_t n = widths[index / 2];
    *sample = (heed_sample){.n_in = 1, .in = {{.dtype = HEED_F64, .low = -4, .high = 4}}};
    sample->in[0].shape = index % 2 ? HEED_SHAPE(n, 3) : HEED_SHAPE(3, n);
    memcpy(sample->attr.bytes, &(int){index % 2 ? 0 : -1}, sizeof(int));
    return true;
}

static bool masked_sizes(int index, heed_sample *sample) {
    if (index >= WIDTHS)
        return false;
    *sample = (heed_sample){.n_in = 2};
    sample->in[0] = (heed_sample_input){.dtype = HEED_F64, .low = -4, .high = 4};
    sample->in[1] = (heed_sample_input){.dtype = HEED_BOOL, .high = 2};
    sample->in[0].shape = sample->in[1].shape = HEED_SHAPE(3, widths[index]);
    return true;
}

static void norm_sizes(int index, int vectors, heed_sample *sample) {
    const int64_t n = widths[index % WIDTHS], rows = index < WIDTHS ? 3 : 33;
    *sample = (heed_sample){.n_in = 1 + vectors, .attr.align = 1e-5};
    sample->in[0] = (heed_sample_input){.dtype = HEED_F64, .shape = HEED_SHAPE(rows, n), .low = -1, .high = 3};
    for (int i = 1; i <= vectors; i++)
        sample->in[i] = (heed_sample_input){.dtype = HEED_F64, .shape = HEED_SHAPE(n), .low = -2, .high = 2};
}

static bool rmsnorm_sizes(int index, heed_sample *sample) {
    norm_sizes(index, 1, sample);
    return index < 2 * WIDTHS;
}

static bool layernorm_sizes(int index, heed_sample *sample) {
    norm_sizes(index, 2, sample);
    return index < 2 * WIDTHS;
}

const twin twins_softmax[] = {
    {"softmax", softmax, .options = sizeof(int), .sizes = softmax_sizes},
    {"log_softmax", log_softmax, .options = sizeof(int), .sizes = softmax_sizes},
    {"masked_softmax", masked_softmax, .sizes = masked_sizes},
    {"layernorm", layernorm, .options = sizeof(double), .sizes = layernorm_sizes},
    {"rmsnorm", rmsnorm, .options = sizeof(double), .sizes = rmsnorm_sizes},
    {0},
};
