/* y = not a, of bools. */
#include <heed/op.h>
#include <heed/ops.h>

#include "samples.h"
#include "span.h"

static void values(const heed_span *s) {
    bool *restrict y = (bool *)s->call->out[0]->data + s->at;
    const bool *restrict a = s->in[0];
    const int64_t n = s->n, step = s->step[0];
    for (int64_t i = 0; i < n; i++)
        y[i] = a[i * step] ^ 1;
}

static void forward(heed_call *call) {
    heed_each_span(call, HEED_SPAN_GRAIN, values);
}

static bool samples(int index, heed_sample *sample) {
    if (!heed_sample_unary(index, &(heed_draw){0}, sample))
        return false;
    sample->in[0] = heed_sample_integer(sample->in[0].shape, HEED_BOOL);
    return true;
}

const heed_op heed_op_not = {
    .size = sizeof(heed_op),
    .name = "not",
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .flags = HEED_STRIDED | HEED_NO_GRADIENT,
    .shape = heed_shape_same,
    .forward = {[HEED_BOOL] = forward},
    .samples = samples,
};

heed_tensor heed_not(heed_tape *t, heed_tensor a) {
    return heed_apply(t, &heed_op_not, &a, 1, NULL);
}
