/* cumsum: y_i = x_0 + .. + x_i along an axis.
 *
 *     dx_i = dy_i + .. + dy_(n-1): the same from the other end
 *
 * Sums run in double. The file includes itself once for each real dtype; see heed/real_f32.h. */
#ifndef REAL
#include <heed/op.h>
#include <heed/ops.h>

#include "../shape/layout.h"
#include "../shape/samples.h"

enum { ELEMENTS_A_RANGE = 16384, STRIP = 64 };

static heed_status shape(heed_call *call) {
    int axis;
    if (heed_check_axis(call, call->in[0]->shape, *(const int *)call->attr, &axis))
        return HEED_INVALID;
    return heed_shape_same(call);
}

typedef struct running {
    heed_around around;
    const void *from;
    void *to;
    bool backwards;
} running;

static void run(const heed_call *call, const heed_array *from, const heed_array *to, bool backwards,
                heed_range_body *body) {
    running job = {heed_around_axis(from->shape, heed_shape_axis(from->shape, *(const int *)call->attr)), from->data,
                   to->data, backwards};
    heed_parallel(call, job.around.outer * job.around.inner, ELEMENTS_A_RANGE / (job.around.n + 1) + 1, body, &job);
}

static bool samples(int index, heed_sample *sample) {
    int axis;
    return heed_sample_axis(index, sample, &axis) && heed_sample_attr(sample, &axis, sizeof axis);
}

#include <heed/real_f32.h>
#include "cumsum.c"
#include <heed/real_f64.h>
#include "cumsum.c"
#include <heed/real_end.h>

const heed_op heed_op_cumsum = {
    .size = sizeof(heed_op),
    .name = "cumsum",
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .attr_size = sizeof(int),
    .shape = shape,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .samples = samples,
};

heed_tensor heed_cumsum(heed_tape *t, heed_tensor x, int axis) {
    return heed_apply(t, &heed_op_cumsum, &x, 1, &axis);
}

#else

/* Lines begin .. end - 1, in strips of neighbouring ones, so that memory is walked along. */
static void TYPED(run_lines)(void *context, int64_t begin, int64_t end) {
    const running *job = context;
    int64_t n = job->around.n, inner = job->around.inner;
    for (int64_t line = begin, width; line < end; line += width) {
        int64_t c = line % inner, first = line / inner * n * inner + c;
        width = inner - c < end - line ? inner - c : end - line;
        if (width > STRIP)
            width = STRIP;
        double sum[STRIP] = {0};
        for (int64_t i = 0; i < n; i++) {
            int64_t at = first + (job->backwards ? n - 1 - i : i) * inner;
            const REAL *restrict from = (const REAL *)job->from + at;
            REAL *restrict to = (REAL *)job->to + at;
            for (int64_t l = 0; l < width; l++) {
                sum[l] += (double)from[l];
                to[l] = (REAL)sum[l];
            }
        }
    }
}

static void TYPED(forward)(heed_call *call) {
    run(call, call->in[0], call->out[0], false, TYPED(run_lines));
}

static void TYPED(backward)(heed_call *call) {
    run(call, call->dy[0], call->dx[0], true, TYPED(run_lines));
}

#endif
