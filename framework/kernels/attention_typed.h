/* Forward and backward of attention.c for one REAL. No include guard, on purpose. */

/* The queries before this block's first one, over all batches and heads. */
static int64_t TYPED(queries_before)(const problem *a, const block *at) {
    return (at->b * a->heads + at->h) * a->queries + at->first;
}

/* ---- forward ---- */

static void TYPED(put_pattern)(const problem *a, const REAL *row, int64_t keys, REAL *pattern) {
    memcpy(pattern, row, (size_t)keys * sizeof(REAL));
    for (int64_t j = keys; j < a->keys; j++)
        pattern[j] = 0;
}

static void TYPED(forward_block)(const attention_job *job, int64_t unit, scratch *s) {
    const problem *a = job->a;
    const int64_t head = unit / blocks_of(a);
    const block at = block_at(a, head / a->heads, head % a->heads, unit % blocks_of(a));
    const int64_t before = TYPED(queries_before)(a, &at);
    TYPED(score)(a, &at, s);
    for (int64_t r = 0; r < at.rows; r++) {
        REAL *restrict row = (REAL *)s->weights + r * at.keys;
        TYPED(weigh_row)(a, &at, s, r, TYPED(mask_row)(a, &at, at.first + r, s), false);
        if (a->dropout > 0) {
            const REAL *restrict factors = s->factors;
            TYPED(draw_factors)(a, &at, at.first + r, at.keys, s->factors);
            for (int64_t j = 0; j < at.keys; j++)
                row[j] *= factors[j];
        }
        if (job->out->pattern)
            TYPED(put_pattern)(a, row, at.keys, (REAL *)job->out->pattern + (before + r) * a->keys);
    }
    if (job->out->stats)
        memcpy((REAL *)job->out->stats + 2 * before, s->stats, 2 * (size_t)at.rows * sizeof(REAL));
    TYPED(weighted_sum)(a, &at, s, TYPED(OVER_KEYS), s->weights, TYPED(matrix_of)(&a->v, &at, 0), a->d_v, 1,
                        (REAL *)job->out->context + before * a->d_v);
}

void TYPED(heed_attention)(const heed_attention_problem *a, const heed_attention_result *out, int threads,
                           void *workspace) {
    attention_job job = {.a = a, .out = out, .size = sizeof(REAL), .workspace = workspace};
    run_units(job, heads_of(a) * blocks_of(a), TYPED(forward_block), threads);
}

/* ---- backward ----
 *
 *     y = f∘p v,   p = softmax(s),   s = scale q kᵀ + mask,   f the factors of dropout (1 without)
 *
 *     dL/dv = (f∘p)ᵀ dL/dy
 *     dL/dp = f∘(dL/dy vᵀ)                      and f∘(dL/d pattern), where something was made of the pattern
 *     dL/ds = p∘(dL/dp - sum_j p_j dL/dp_j)     row by row
 *     dL/dq = scale dL/ds k,    dL/dk = scale dL/dsᵀ q,    dL/dmask = dL/ds */

/* dL/d(f∘p) of the block into s->gradient. */
static void TYPED(gradient_of_weights)(const problem *a, const gradients *g, const block *at, const scratch *s) {
    const int64_t before = TYPED(queries_before)(a, at);
    for (int64_t r = 0; r < at->rows; r++) {
        REAL *row = (REAL *)s->gradient + r * at->keys;
        if (g->d_pattern)
            memcpy(row, (const REAL *)g->d_pattern + (before + r) * a->keys, (size_t)at->keys * sizeof(REAL));
        else if (g->d_context == NULL)
            memset(row, 0, (size_t)at->keys * sizeof(REAL));
    }
    if (g->d_context) {
        const TYPED(matrix) d_context = {(const REAL *)g->d_context + before * a->d_v, a->d_v, 1};
        TYPED(multiply)(s, at->rows, at->keys, a->d_v, 1, d_context, TYPED(transposed)(TYPED(matrix_of)(&a->v, at, 0)),
                        s->gradient, g->d_pattern != NULL);
    }
}

/* From dL/d(f∘p) to dL/ds in row r of s->gradient; p in s->weights becomes f∘p. */
static void TYPED(gradient_of_row)(const problem *a, const block *at, const scratch *s, int64_t r,
                                   const REAL *restrict mask) {
    REAL *restrict p = (REAL *)s->weights + r * at->keys, *restrict d = (REAL *)s->gradient + r * at->keys;
    const REAL *restrict factors = s->factors;
    const int64_t seen = ((const REAL *)s->stats)[2 * r + 1] == 0 ? 0 : keys_before(a, at->first + r);
    if (a->dropout > 0) {
        TYPED(draw_factors)(a, at, at->first + r, seen, s->factors);
        for (int64_t j = 0; j < seen; j++)
            d[j] *= factors[j];
    }
    for (int64_t j = 0; j < seen && mask; j++)
        d[j] = mask[j] == -(REAL)INFINITY ? 0 : d[j];
    const REAL mean = (REAL)TYPED(heed_row_dot)(p, d, seen);
    for (int64_t j = 0; j < seen; j++)
        d[j] = p[j] * (d[j] - mean);
    for (int64_t j = 0; j < seen && mask; j++)
        d[j] = mask[j] == -(REAL)INFINITY ? 0 : d[j]; /* were the mean NaN */
    for (int64_t j = seen; j < at->keys; j++)
        d[j] = 0;
    for (int64_t j = 0; j < seen && a->dropout > 0; j++)
        p[j] *= factors[j];
}

/* The block's f∘p into s->weights and dL/ds into s->gradient. */
static void TYPED(gradient_of_scores)(const problem *a, const gradients *g, const block *at, const scratch *s) {
    memcpy(s->stats, (const REAL *)g->stats + 2 * TYPED(queries_before)(a, at), 2 * (size_t)at->rows * sizeof(REAL));
    TYPED(score)(a, at, s);
    TYPED(gradient_of_weights)(a, g, at, s);
    for (int64_t r = 0; r < at->rows; r++) {
        const REAL *mask = TYPED(mask_row)(a, at, at->first + r, s);
        TYPED(weigh_row)(a, at, s, r, mask, true);
        TYPED(gradient_of_row)(a, at, s, r, mask);
    }
}

/* A gradient of (B, H, n, d) at one head, which its blocks add to. NULL where it is not wanted. */
static REAL *TYPED(cleared_head)(void *gradient, int64_t head, int64_t count) {
    if (gradient == NULL)
        return NULL;
    REAL *at_head = (REAL *)gradient + head * count;
    if (count > 0)
        memset(at_head, 0, (size_t)count * sizeof(REAL));
    return at_head;
}

static void TYPED(backward_head)(const attention_job *job, int64_t head, scratch *s) {
    const problem *a = job->a;
    const gradients *g = job->g;
    REAL *dk = TYPED(cleared_head)(g->dk, head, a->keys * a->d_k);
    REAL *dv = TYPED(cleared_head)(g->dv, head, a->keys * a->d_v);
    for (int64_t i = 0; i < blocks_of(a); i++) {
        const block at = block_at(a, head / a->heads, head % a->heads, i);
        const int64_t before = TYPED(queries_before)(a, &at);
        TYPED(gradient_of_scores)(a, g, &at, s);
        if (dv && g->d_context)
            TYPED(weighted_sum)(a, &at, s, TYPED(OVER_QUERIES), s->weights,
                                (TYPED(matrix)){(const REAL *)g->d_context + before * a->d_v, a->d_v, 1}, a->d_v, 1,
                                dv);
        if (dk)
            TYPED(weighted_sum)(a, &at, s, TYPED(OVER_QUERIES), s->gradient, TYPED(matrix_of)(&a->q, &at, at.first),
                                a->d_k, a->scale, dk);
        if (g->dq)
            TYPED(weighted_sum)(a, &at, s, TYPED(OVER_KEYS), s->gradient, TYPED(matrix_of)(&a->k, &at, 0), a->d_k,
                                a->scale, (REAL *)g->dq + before * a->d_k);
    }
}

/* ---- the gradient of a mask: dL/ds summed over all that one place masks, in order of batch, head and query ---- */

static void TYPED(add_to_mask)(const gradients *g, const block *at, const scratch *s, double *sums) {
    for (int64_t r = 0; r < at->rows; r++) {
        const REAL *restrict d = (const REAL *)s->gradient + r * at->keys;
        double *restrict sum =
            sums + at->b * g->mask_step[0] + at->h * g->mask_step[1] + (at->first + r) * g->mask_step[2];
        if (g->mask_step[3] == 0)
            *sum += TYPED(heed_row_sum)(d, at->keys);
        else
            for (int64_t j = 0; j < at->keys; j++)
                sum[j * g->mask_step[3]] += (double)d[j];
    }
}

static void TYPED(backward_mask)(const attention_job *job, int64_t unit, scratch *s) {
    const problem *a = job->a;
    const mask_units units = mask_units_of(a, job->g);
    const int64_t i = unit % units.blocks, h = unit / units.blocks % units.heads, b = unit / units.blocks / units.heads;
    const int64_t end_b = b + (units.batch > 1 ? 1 : a->batch), end_h = h + (units.heads > 1 ? 1 : a->heads);
    const int64_t end_i = i + (units.blocks > 1 ? 1 : blocks_of(a));
    for (int64_t at_b = b; at_b < end_b; at_b++)
        for (int64_t at_h = h; at_h < end_h; at_h++)
            for (int64_t at_i = i; at_i < end_i; at_i++) {
                const block at = block_at(a, at_b, at_h, at_i);
                TYPED(gradient_of_scores)(a, job->g, &at, s);
                TYPED(add_to_mask)(job->g, &at, s, job->mask_sums);
            }
}

void TYPED(heed_attention_backward)(const heed_attention_problem *a, const heed_attention_gradient *g, int threads,
                                    void *workspace) {
    attention_job job = {.a = a, .g = g, .size = sizeof(REAL), .mask_sums = workspace,
                         .workspace = (char *)workspace + mask_sum_bytes(g)};
    if (g->dq || g->dk || g->dv)
        run_units(job, heads_of(a), TYPED(backward_head), threads);
    if (g->d_mask == NULL || g->mask_count == 0)
        return;
    memset(job.mask_sums, 0, (size_t)g->mask_count * sizeof(double));
    run_units(job, mask_unit_count(a, g), TYPED(backward_mask), threads);
    for (int64_t i = 0; i < g->mask_count; i++)
        ((REAL *)g->d_mask)[i] = (REAL)job.mask_sums[i];
}
