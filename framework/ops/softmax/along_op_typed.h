/* The kernels of an op along one axis for one REAL, from its file's kernels of rows (see along_op.h).
 * No include guard, on purpose. */

static void TYPED(forward)(heed_call *call) {
    heed_along_attr(call, 1, call->in, call->out[0], TYPED(values));
}

static void TYPED(backward)(heed_call *call) {
    if (call->dx[0])
        heed_along_attr(call, 2, (const heed_array *[]){call->out[0], call->dy[0]}, call->dx[0], TYPED(gradients));
}
