/* contiguous, detach: the same values, packed in row-major order; cut off from the gradient.
 *
 *     contiguous    y = x, dx = dy, in memory of its own
 *     detach        y = x, nothing flows back; a view
 */
#include <heed/op.h>
#include <heed/ops.h>

#include "samples.h"

static void copy_forward(heed_call *call) {
    heed_array_copy(call->out[0], call->in[0], call->threads);
}

static bool samples(int index, heed_sample *sample) {
    int axis;
    return heed_sample_axis(index, sample, &axis);
}

const heed_op heed_op_contiguous = {
    .size = sizeof(heed_op), .name = "contiguous", .min_in = 1, .max_in = 1, .n_out = 1, .flags = HEED_STRIDED,
    .shape = heed_shape_same, .forward_any = copy_forward, .passes_dy = true, .samples = samples,
};

heed_tensor heed_contiguous(heed_tape *t, heed_tensor x) {
    const heed_array *a = heed_rank(t, x) < 0 ? NULL : heed_tensor_array(t, x);
    if (a && heed_array_contiguous(a))
        return x;
    return heed_apply(t, &heed_op_contiguous, &x, 1, NULL);
}

static heed_status detach_shape(heed_call *call) {
    *call->out[0] = *call->in[0];
    return HEED_OK;
}

const heed_op heed_op_detach = {
    .size = sizeof(heed_op),
    .name = "detach",
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .flags = HEED_VIEW | HEED_NO_GRADIENT,
    .shape = detach_shape,
    .samples = heed_sample_shape,
};

heed_tensor heed_detach(heed_tape *t, heed_tensor x) {
    return heed_apply(t, &heed_op_detach, &x, 1, NULL);
}
