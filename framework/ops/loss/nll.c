/* Negative log-likelihood: L = -sum_r x[r, y_r] / N for log-probabilities x (N rows of V) and their labels y.
 *
 *     dL/dx[r, c] = -[c = y_r] / N
 *
 * No rows: 0. */
#ifndef REAL

#include <heed/ops.h>

#include "labels.h"

static heed_status shape(heed_call *call) {
    return heed_shape_labelled(call, "the log-probabilities", (heed_counting){.has_ignored = false});
}

static bool samples(int index, heed_sample *sample) {
    return heed_labelled_sample(index, sample);
}

#include <heed/real_f32.h>
#include "nll.c"
#include <heed/real_f64.h>
#include "nll.c"
#include <heed/real_end.h>

const heed_op heed_op_nll = {
    .size = sizeof(heed_op),
    .name = "nll",
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .shape = shape,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_in = HEED_SAVE(LOSS_LABELS),
    .samples = samples,
};

heed_tensor heed_nll(heed_tape *t, heed_tensor log_probs, heed_tensor labels) {
    return heed_apply(t, &heed_op_nll, (heed_tensor[]){log_probs, labels}, 2, NULL);
}

#else

static void TYPED(forward)(heed_call *call) {
    const REAL *x = call->in[LOSS_SCORES]->data;
    const int32_t *labels = call->in[LOSS_LABELS]->data;
    const int64_t rows = heed_labelled_rows(call), classes = heed_labelled_classes(call);
    double sum = 0;
    for (int64_t row = 0; row < rows; row++)
        sum += (double)x[row * classes + labels[row]];
    *(REAL *)call->out[0]->data = rows ? (REAL)(-sum / (double)rows) : 0;
    call->weight = (double)rows;
}

static void TYPED(backward)(heed_call *call) {
    if (call->dx[LOSS_SCORES] == NULL)
        return;
    REAL *dx = call->dx[LOSS_SCORES]->data;
    const int32_t *labels = call->in[LOSS_LABELS]->data;
    const int64_t rows = heed_labelled_rows(call), classes = heed_labelled_classes(call);
    heed_array_fill(call->dx[LOSS_SCORES], 0, call->threads);
    for (int64_t row = 0; row < rows; row++)
        dx[row * classes + labels[row]] = (REAL)(-(double)*(const REAL *)call->dy[0]->data / (double)rows);
}

#endif
