/* Cross-entropy of logits x (rows of V classes) against labels, log-softmax and its negative mean in one pass, so that
 * the probabilities are never stored:
 *
 *     nll_r    = w[y_r] (log s_r - (x[r, y_r] - m_r)),              m_r = max_c x[r, c],  s_r = sum_c e^(x[r, c] - m_r)
 *     smooth_r = sum_c w[c] (log s_r - (x[r, c] - m_r)) / V
 *     L        = sum over the rows that count of ((1 - ε) nll_r + ε smooth_r) / W,       W = sum over them of w[y_r]
 *
 * with class weights w (1 where there are none) and label smoothing ε, both as PyTorch has them. With p = e^(x - m) /
 * s:
 *
 *     dL/dx[r, c] = ((1 - ε) w[y_r] (p[r, c] - [c = y_r]) + ε/V (p[r, c] sum_k w[k] - w[c])) / W
 *
 * and 0 in rows whose label is ignored. If nothing counts (W = 0), loss and gradient are 0. Of each row m and 1/s are
 * saved; not their sum log s + m, whose rounding would show in p where logits are large. */
#ifndef REAL

#include <string.h>

#include <heed/ops.h>

#include "../../kernels/rows.h"
#include "../../kernels/vmath.h"
#include "labels.h"

enum { WEIGHTS = LOSS_LABELS + 1 };
enum { CHUNK = 512, ELEMENTS_WORTH_A_THREAD = 8192 };

typedef struct cross_entropy_attr {
    heed_counting counting;
    double smoothing;
} cross_entropy_attr;

typedef struct row_stats {
    double max, inverse_sum;
} row_stats;

typedef struct saved_rows {
    double weight; /* W */
    row_stats row[];
} saved_rows;

static heed_status shape(heed_call *call) {
    const cross_entropy_attr *attr = call->attr;
    const heed_array *weights = call->in[WEIGHTS];
    if (!(attr->smoothing >= 0 && attr->smoothing <= 1))
        return heed_fail(call, "label smoothing is %g, must be in [0, 1]", attr->smoothing);
    if (heed_shape_labelled(call, "the logits", attr->counting))
        return HEED_INVALID;
    heed_shape required = HEED_SHAPE(heed_labelled_classes(call));
    if (weights && (weights->dtype != call->out[0]->dtype || !heed_shape_equal(weights->shape, required)))
        return heed_fail(call, "the class weights are %s %s, must be %s %s: one for each class",
                         heed_dtype_name(weights->dtype), HEED_SHAPE_STR(weights->shape),
                         heed_dtype_name(call->out[0]->dtype), HEED_SHAPE_STR(required));
    size_t rows = (size_t)heed_labelled_rows(call);
    call->workspace_bytes = rows * sizeof(double);
    call->saved_bytes = call->needs_grad ? sizeof(saved_rows) + rows * sizeof(row_stats) : 0;
    return HEED_OK;
}

static int64_t grain_of(const heed_call *call) {
    return ELEMENTS_WORTH_A_THREAD / (heed_labelled_classes(call) + 1) + 1;
}

static bool counts(const heed_call *call, int64_t row) {
    const cross_entropy_attr *attr = call->attr;
    return heed_label_counts(attr->counting, ((const int32_t *)call->in[LOSS_LABELS]->data)[row]);
}

static bool samples(int index, heed_sample *sample) {
    if (!heed_labelled_sample(index, sample))
        return false;
    heed_shape scores = sample->in[LOSS_SCORES].shape;
    int64_t classes = scores.n[scores.rank - 1];
    cross_entropy_attr attr = {.counting = {.has_ignored = index % 3 == 1, .ignored = 0}};
    if (attr.counting.has_ignored)
        sample->in[LOSS_LABELS].low = scores.rank == 1 || scores.n[0] < 3; /* a few rows: let none be ignored */
    attr.smoothing = index % 2 ? 0 : index % 4 ? 0.1 : 1;
    memcpy(sample->attr.bytes, &attr, sizeof attr);
    sample->in[sample->n_in++] = (heed_sample_input){.dtype = HEED_F64, .shape = HEED_SHAPE(classes), .low = 0.5,
                                                     .high = 2,         .absent = index % 5 < 3,      .constant = true};
    return true;
}

#include <heed/real_f32.h>
#include "cross_entropy.c"
#include <heed/real_f64.h>
#include "cross_entropy.c"
#include <heed/real_end.h>

const heed_op heed_op_cross_entropy = {
    .size = sizeof(heed_op),
    .name = "cross_entropy",
    .min_in = 3,
    .max_in = 3,
    .n_out = 1,
    .optional = HEED_SAVE(WEIGHTS),
    .attr_size = sizeof(cross_entropy_attr),
    .shape = shape,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .no_gradient = HEED_SAVE(WEIGHTS),
    .save_in = HEED_SAVE(LOSS_SCORES) | HEED_SAVE(LOSS_LABELS) | HEED_SAVE(WEIGHTS),
    .samples = samples,
};

heed_tensor heed_cross_entropy_with(heed_tape *t, heed_tensor logits, heed_tensor labels,
                                    heed_cross_entropy_options options) {
    const cross_entropy_attr attr = {.counting = {options.has_ignore_index, options.ignore_index},
                                     .smoothing = options.label_smoothing};
    return heed_apply(t, &heed_op_cross_entropy, (heed_tensor[]){logits, labels, options.class_weights}, 3, &attr);
}

heed_tensor heed_cross_entropy(heed_tape *t, heed_tensor logits, heed_tensor labels) {
    return heed_cross_entropy_with(t, logits, labels, (heed_cross_entropy_options){.label_smoothing = 0});
}

#else

/* ---- one row ---- */

static const REAL *TYPED(weights_of)(const heed_call *call) {
    return call->in[WEIGHTS] ? call->in[WEIGHTS]->data : NULL;
}

static double TYPED(weight_of_label)(const heed_call *call, int64_t row) {
    const REAL *weights = TYPED(weights_of)(call);
    return weights ? (double)weights[((const int32_t *)call->in[LOSS_LABELS]->data)[row]] : 1;
}

static double TYPED(weight_of_all)(const heed_call *call) {
    const REAL *weights = TYPED(weights_of)(call);
    return weights ? TYPED(heed_row_sum)(weights, heed_labelled_classes(call)) : (double)heed_labelled_classes(call);
}

/* sum_c e^(x[c] - max) */
static double TYPED(sum_of_exponentials)(const REAL *restrict x, int64_t n, REAL max) {
    REAL e[CHUNK];
    double sum = 0;
    for (int64_t first = 0; first < n; first += CHUNK) {
        const int64_t count = n - first < CHUNK ? n - first : CHUNK;
        TYPED(heed_row_exp)(e, x + first, count, max, 1);
        sum += TYPED(heed_row_sum)(e, count);
    }
    return sum;
}

/* sum_c w[c] (x[c] - max) */
static double TYPED(sum_of_differences)(const REAL *restrict x, const REAL *restrict weights, int64_t n, REAL max) {
    REAL d[CHUNK];
    double sum = 0;
    for (int64_t first = 0; first < n; first += CHUNK) {
        const int64_t count = n - first < CHUNK ? n - first : CHUNK;
        for (int64_t i = 0; i < count; i++)
            d[i] = x[first + i] - max;
        sum += weights ? TYPED(heed_row_dot)(d, weights + first, count) : TYPED(heed_row_sum)(d, count);
    }
    return sum;
}

/* The row's part in the loss, but for the division by W. */
static double TYPED(loss_of_row)(const heed_call *call, int64_t row, row_stats *stats) {
    const cross_entropy_attr *attr = call->attr;
    const int64_t classes = heed_labelled_classes(call);
    const REAL *x = (const REAL *)call->in[LOSS_SCORES]->data + row * classes;
    const int32_t label = ((const int32_t *)call->in[LOSS_LABELS]->data)[row];
    const REAL max = TYPED(heed_row_max)(x, classes);
    const double sum = TYPED(sum_of_exponentials)(x, classes, max), log_sum = log(sum);
    *stats = (row_stats){.max = (double)max, .inverse_sum = 1 / sum};
    double loss =
        (1 - attr->smoothing) * TYPED(weight_of_label)(call, row) * (log_sum - ((double)x[label] - (double)max));
    if (attr->smoothing > 0) {
        double all =
            TYPED(weight_of_all)(call) * log_sum - TYPED(sum_of_differences)(x, TYPED(weights_of)(call), classes, max);
        loss += attr->smoothing * all / (double)classes;
    }
    return loss;
}

/* ---- all rows ---- */

static void TYPED(forward_rows)(void *context, int64_t begin, int64_t end) {
    const heed_call *call = context;
    double *losses = call->workspace;
    saved_rows *saved = call->saved;
    for (int64_t row = begin; row < end; row++) {
        row_stats stats = {0};
        losses[row] = counts(call, row) ? TYPED(loss_of_row)(call, row, &stats) : 0;
        if (call->needs_grad)
            saved->row[row] = stats;
    }
}

static void TYPED(forward)(heed_call *call) {
    const int64_t rows = heed_labelled_rows(call);
    heed_parallel(call, rows, grain_of(call), TYPED(forward_rows), call);
    const double *losses = call->workspace;
    double loss = 0, weight = 0;
    for (int64_t row = 0; row < rows; row++) {
        loss += losses[row];
        weight += counts(call, row) ? TYPED(weight_of_label)(call, row) : 0;
    }
    *(REAL *)call->out[0]->data = weight == 0 ? 0 : (REAL)(loss / weight);
    call->weight = weight;
    if (call->needs_grad)
        ((saved_rows *)call->saved)->weight = weight;
}

static void TYPED(backward_row)(const heed_call *call, int64_t row, double scale, double all) {
    const cross_entropy_attr *attr = call->attr;
    const int64_t classes = heed_labelled_classes(call);
    const REAL *restrict x = (const REAL *)call->in[LOSS_SCORES]->data + row * classes;
    const REAL *restrict weights = TYPED(weights_of)(call);
    REAL *restrict dx = (REAL *)call->dx[LOSS_SCORES]->data + row * classes;
    const int32_t label = ((const int32_t *)call->in[LOSS_LABELS]->data)[row];
    const row_stats stats = ((const saved_rows *)call->saved)->row[row];
    const double hit = scale * (1 - attr->smoothing) * TYPED(weight_of_label)(call, row);
    const double spread = scale * attr->smoothing / (double)classes;
    const REAL max = (REAL)stats.max, factor = (REAL)((hit + spread * all) * stats.inverse_sum), each = (REAL)spread;
    TYPED(heed_row_exp)(dx, x, classes, max, factor);
    for (int64_t i = 0; i < classes && spread != 0; i++)
        dx[i] -= weights ? each * weights[i] : each;
    dx[label] -= (REAL)hit;
}

static void TYPED(backward_rows)(void *context, int64_t begin, int64_t end) {
    const heed_call *call = context;
    const size_t row_bytes = (size_t)heed_labelled_classes(call) * sizeof(REAL);
    const double weight = ((const saved_rows *)call->saved)->weight, all = TYPED(weight_of_all)(call);
    const double scale = (double)*(const REAL *)call->dy[0]->data / weight;
    for (int64_t row = begin; row < end; row++) {
        if (counts(call, row) && weight != 0)
            TYPED(backward_row)(call, row, scale, all);
        else if (row_bytes)
            memset((char *)call->dx[LOSS_SCORES]->data + (size_t)row * row_bytes, 0, row_bytes);
    }
}

static void TYPED(backward)(heed_call *call) {
    if (call->dx[LOSS_SCORES])
        heed_parallel(call, heed_labelled_rows(call), grain_of(call), TYPED(backward_rows), call);
}

#endif
