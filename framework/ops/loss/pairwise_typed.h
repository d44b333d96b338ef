/* Kernels of a loss of pairs for one REAL, from what its file defines (see pairwise.h).
 * No include guard, on purpose. */

static void TYPED(sum_blocks)(void *context, int64_t begin, int64_t end) {
    const heed_call *call = context;
    const int64_t n = heed_array_count(call->in[PAIR_X]);
#ifdef PARAMETER
    const REAL PARAMETER = (REAL)((const heed_pair_attr *)call->attr)->parameter;
#endif
    double terms[PAIR_BLOCK];
    for (int64_t block = begin; block < end; block++) {
        const int64_t first = block * PAIR_BLOCK, count = n - first < PAIR_BLOCK ? n - first : PAIR_BLOCK;
        const REAL *restrict x = (const REAL *)call->in[PAIR_X]->data + first;
        const REAL *restrict target = (const REAL *)call->in[PAIR_TARGET]->data + first;
        for (int64_t i = 0; i < count; i++)
            terms[i] = (double)TERM(x[i], target[i]);
        ((double *)call->workspace)[block] = heed_row_sum_f64(terms, count);
    }
}

static void TYPED(forward)(heed_call *call) {
    const int64_t blocks = heed_pair_blocks(call);
    heed_parallel(call, blocks, 2, TYPED(sum_blocks), call);
    double sum = 0;
    for (int64_t block = 0; block < blocks; block++)
        sum += ((const double *)call->workspace)[block];
    call->weight = DIVISOR(call);
    *(REAL *)call->out[0]->data = (REAL)(sum / call->weight);
}

static void TYPED(gradients)(void *context, int64_t begin, int64_t end) {
    const heed_call *call = context;
    const REAL *restrict x = call->in[PAIR_X]->data, *restrict target = call->in[PAIR_TARGET]->data;
    const REAL scale = (REAL)((double)*(const REAL *)call->dy[0]->data / DIVISOR(call));
#ifdef PARAMETER
    const REAL PARAMETER = (REAL)((const heed_pair_attr *)call->attr)->parameter;
#endif
    if (call->dx[PAIR_X]) {
        REAL *restrict dx = call->dx[PAIR_X]->data;
        for (int64_t i = begin; i < end; i++)
            dx[i] = GRADIENT_X(x[i], target[i]) * scale;
    }
    if (call->dx[PAIR_TARGET]) {
        REAL *restrict dt = call->dx[PAIR_TARGET]->data;
        for (int64_t i = begin; i < end; i++)
            dt[i] = GRADIENT_TARGET(x[i], target[i]) * scale;
    }
}

static void TYPED(backward)(heed_call *call) {
    heed_parallel(call, heed_array_count(call->in[PAIR_X]), 2 * PAIR_BLOCK, TYPED(gradients), call);
}
