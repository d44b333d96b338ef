/* Kernels of a loss of pairs for one REAL. Its file has defined, with the attribute's delta or 0,
 *     static inline REAL TYPED(term)(REAL x, REAL target, REAL delta)
 *     static inline REAL TYPED(d_x)(REAL x, REAL target, REAL delta)
 *     static inline REAL TYPED(d_target)(REAL x, REAL target, REAL delta)
 *     static double divisor(const heed_call *call)        N, which becomes the loss's weight
 * No include guard, on purpose. */

static REAL TYPED(delta_of)(const heed_call *call) {
    return call->attr ? (REAL)((const heed_pair_attr *)call->attr)->delta : 0;
}

static void TYPED(sum_blocks)(void *context, int64_t begin, int64_t end) {
    const heed_call *call = context;
    const int64_t n = heed_array_count(call->in[PAIR_X]);
    const REAL delta = TYPED(delta_of)(call);
    double terms[PAIR_BLOCK];
    for (int64_t block = begin; block < end; block++) {
        const int64_t first = block * PAIR_BLOCK, count = n - first < PAIR_BLOCK ? n - first : PAIR_BLOCK;
        const REAL *restrict x = (const REAL *)call->in[PAIR_X]->data + first;
        const REAL *restrict target = (const REAL *)call->in[PAIR_TARGET]->data + first;
        for (int64_t i = 0; i < count; i++)
            terms[i] = (double)TYPED(term)(x[i], target[i], delta);
        ((double *)call->workspace)[block] = heed_row_sum_f64(terms, count);
    }
}

static void TYPED(forward)(heed_call *call) {
    const int64_t blocks = heed_pair_blocks(call);
    heed_parallel(call, blocks, 2, TYPED(sum_blocks), call);
    double sum = 0;
    for (int64_t block = 0; block < blocks; block++)
        sum += ((const double *)call->workspace)[block];
    *(REAL *)call->out[0]->data = (REAL)(sum / divisor(call));
    call->weight = divisor(call);
}

static void TYPED(gradients)(void *context, int64_t begin, int64_t end) {
    const heed_call *call = context;
    const REAL *restrict x = call->in[PAIR_X]->data, *restrict target = call->in[PAIR_TARGET]->data;
    const REAL delta = TYPED(delta_of)(call), scale = (REAL)((double)*(const REAL *)call->dy[0]->data / divisor(call));
    if (call->dx[PAIR_X]) {
        REAL *restrict dx = call->dx[PAIR_X]->data;
        for (int64_t i = begin; i < end; i++)
            dx[i] = TYPED(d_x)(x[i], target[i], delta) * scale;
    }
    if (call->dx[PAIR_TARGET]) {
        REAL *restrict dt = call->dx[PAIR_TARGET]->data;
        for (int64_t i = begin; i < end; i++)
            dt[i] = TYPED(d_target)(x[i], target[i], delta) * scale;
    }
}

static void TYPED(backward)(heed_call *call) {
    heed_parallel(call, heed_array_count(call->in[PAIR_X]), 2 * PAIR_BLOCK, TYPED(gradients), call);
}
