/* Forward and backward of attention.c for one REAL. No include guard, on purpose. */

/* The queries before this block's first one, over all batches and heads. */
static int64_t TYPED(queries_before)(const problem *a, const block *at) {
    return (at->b * a->heads + at->h) * a->queries + at->first;
}

/* ---- forward ---- */

static void TYPED(put_pattern)(const problem *a, const block *at, const REAL *row, REAL *pattern) {
    for (int64_t j = 0; j < at->begin; j++)
        pattern[j] = 0;
    memcpy(pattern + at->begin, row, (size_t)at->keys * sizeof(REAL));
    for (int64_t j = at->begin + at->keys; j < a->keys; j++)
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
        TYPED(weigh_row)(a, &at, s, r, TYPED(added_row)(a, &at, at.first + r, s), false);
        if (a->dropout > 0) {
            const REAL *restrict factors = s->factors;
            TYPED(draw_factors)(a, &at, at.first + r, at.keys, s->factors);
            for (int64_t j = 0; j < at.keys; j++)
                row[j] *= factors[j];
        }
        if (job->out->pattern)
            TYPED(put_pattern)(a, &at, row, (REAL *)job->out->pattern + (before + r) * a->keys);
    }
    if (job->out->stats)
        memcpy((REAL *)job->out->stats + 2 * before, s->stats, 2 * (size_t)at.rows * sizeof(REAL));
    TYPED(weighted_sum)(a, &at, s, TYPED(OVER_KEYS), s->weights, TYPED(sources_of)(a, &a->v, &at), a->d_v, 1,
                        (REAL *)job->out->context + before * a->d_v);
}

void TYPED(heed_attention)(const heed_attention_problem *a, const heed_attention_result *out, int threads,
                           void *workspace) {
    attention_job job = {.a = a, .out = out, .size = sizeof(REAL), .workspace = workspace};
    run_units(job, heads_of(a) * blocks_of(a), TYPED(forward_block), threads);
}

/* ---- backward ----
 *
 *     y = f∘p v,   p = softmax(s),   s = scale q kᵀ + mask + relative,   f the factors of dropout (1 without)
 *
 *     dL/dv = (f∘p)ᵀ dL/dy
 *     dL/dp = f∘(dL/dy vᵀ)                      and f∘(dL/d pattern), where something was made of the pattern
 *     dL/ds = p∘(dL/dp - sum_j p_j dL/dp_j)     row by row
 *     dL/dq = scale dL/ds k,    dL/dk = scale dL/dsᵀ q,    dL/dmask = dL/ds,
 *     dL/drelative_m = sum of dL/ds_ij over j - i + T - 1 = m */

/* dL/d(f∘p) of the block into s->gradient. */
static void TYPED(gradient_of_weights)(const problem *a, const gradients *g, const block *at, const scratch *s) {
    const int64_t before = TYPED(queries_before)(a, at);
    for (int64_t r = 0; r < at->rows; r++) {
        REAL *row = (REAL *)s->gradient + r * at->keys;
        if (g->d_pattern)
            memcpy(row, (const REAL *)g->d_pattern + (before + r) * a->keys + at->begin,
                   (size_t)at->keys * sizeof(REAL));
        else if (g->d_context == NULL)
            memset(row, 0, (size_t)at->keys * sizeof(REAL));
    }
    if (g->d_context) {
        const TYPED(matrix) d_context = {(const REAL *)g->d_context + before * a->d_v, a->d_v, 1};
        TYPED(multiply)(s, at->rows, at->keys, a->d_v, 1, d_context,
                        TYPED(transposed)(TYPED(sources_of)(a, &a->v, at)), s->gradient, g->d_pattern != NULL);
    }
}

/* From dL/d(f∘p) to dL/ds in row r of s->gradient; p in s->weights becomes f∘p. */
static void TYPED(gradient_of_row)(const problem *a, const block *at, const scratch *s, int64_t r,
                                   const REAL *restrict added) {
    REAL *restrict p = (REAL *)s->weights + r * at->keys, *restrict d = (REAL *)s->gradient + r * at->keys;
    const REAL *restrict factors = s->factors;
    const bool blind = ((const REAL *)s->stats)[2 * r + 1] == 0;
    const int64_t begin = blind ? 0 : keys_from(a, at->first + r) - at->begin;
    const int64_t end = blind ? 0 : keys_before(a, at->first + r) - at->begin;
    if (a->dropout > 0) {
        TYPED(draw_factors)(a, at, at->first + r, end, s->factors);
        for (int64_t j = begin; j < end; j++)
            d[j] *= factors[j];
    }
    for (int64_t j = begin; j < end && added; j++)
        d[j] = added[j] == -(REAL)INFINITY ? 0 : d[j];
    const REAL mean = (REAL)TYPED(heed_row_dot)(p + begin, d + begin, end - begin);
    for (int64_t j = begin; j < end; j++)
        d[j] = p[j] * (d[j] - mean);
    for (int64_t j = begin; j < end && added; j++)
        d[j] = added[j] == -(REAL)INFINITY ? 0 : d[j]; /* were the mean NaN */
    for (int64_t j = 0; j < begin; j++)
        d[j] = 0;
    for (int64_t j = end; j < at->keys; j++)
        d[j] = 0;
    for (int64_t j = begin; j < end && a->dropout > 0; j++)
        p[j] *= factors[j];
}

/* The block's f∘p into s->weights and dL/ds into s->gradient. */
static void TYPED(gradient_of_scores)(const problem *a, const gradients *g, const block *at, const scratch *s) {
    memcpy(s->stats, (const REAL *)g->stats + 2 * TYPED(queries_before)(a, at), 2 * (size_t)at->rows * sizeof(REAL));
    TYPED(score)(a, at, s);
    TYPED(gradient_of_weights)(a, g, at, s);
    for (int64_t r = 0; r < at->rows; r++) {
        const REAL *added = TYPED(added_row)(a, at, at->first + r, s);
        TYPED(weigh_row)(a, at, s, r, added, true);
        TYPED(gradient_of_row)(a, at, s, r, added);
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

/* dk and dv: those of the block's head of k and v, to which it adds. */
static void TYPED(backward_block)(const attention_job *job, const block *at, REAL *dk, REAL *dv, scratch *s) {
    const problem *a = job->a;
    const gradients *g = job->g;
    const int64_t before = TYPED(queries_before)(a, at);
    TYPED(gradient_of_scores)(a, g, at, s);
    if (dv && g->d_context)
        TYPED(weighted_sum)(a, at, s, TYPED(OVER_QUERIES), s->weights,
                            (TYPED(matrix)){(const REAL *)g->d_context + before * a->d_v, a->d_v, 1}, a->d_v, 1,
                            dv + at->begin * a->d_v);
    if (dk)
        TYPED(weighted_sum)(a, at, s, TYPED(OVER_QUERIES), s->gradient, TYPED(queries_of)(a, at), a->d_k, a->scale,
                            dk + at->begin * a->d_k);
    if (g->dq)
        TYPED(weighted_sum)(a, at, s, TYPED(OVER_KEYS), s->gradient, TYPED(sources_of)(a, &a->k, at), a->d_k, a->scale,
                            (REAL *)g->dq + before * a->d_k);
}

static void TYPED(backward_head)(const attention_job *job, int64_t kv_head, scratch *s) {
    const problem *a = job->a;
    const int64_t b = kv_head / a->kv_heads, group = a->heads / a->kv_heads, first = kv_head % a->kv_heads * group;
    REAL *dk = TYPED(cleared_head)(job->g->dk, kv_head, a->keys * a->d_k);
    REAL *dv = TYPED(cleared_head)(job->g->dv, kv_head, a->keys * a->d_v);
    for (int64_t h = first; h < first + group; h++)
        for (int64_t i = 0; i < blocks_of(a); i++) {
            const block at = block_at(a, b, h, i);
            TYPED(backward_block)(job, &at, dk, dv, s);
        }
}

/* ---- the gradient of what is added to scores: dL/ds summed over all that one place is added to, in order of batch,
 * head and query ---- */

static void TYPED(add_to_sums)(const score_sums *into, const block *at, const scratch *s, double *sums) {
    const int64_t step = into->step[3];
    for (int64_t r = 0; r < at->rows; r++) {
        const REAL *restrict d = (const REAL *)s->gradient + r * at->keys;
        double *restrict sum = sums + into->start + at->b * into->step[0] + at->h * into->step[1] +
                               (at->first + r) * into->step[2] + at->begin * step;
        if (step == 0)
            *sum += TYPED(heed_row_sum)(d, at->keys);
        else
            for (int64_t j = 0; j < at->keys; j++)
                sum[j * step] += (double)d[j];
    }
}

static void TYPED(backward_added)(const attention_job *job, int64_t unit, scratch *s) {
    const problem *a = job->a;
    const sum_units units = sum_units_of(a, job->into);
    const int64_t i = unit % units.blocks, h = unit / units.blocks % units.heads, b = unit / units.blocks / units.heads;
    const int64_t end_b = b + (units.batch > 1 ? 1 : a->batch), end_h = h + (units.heads > 1 ? 1 : a->heads);
    const int64_t end_i = i + (units.blocks > 1 ? 1 : blocks_of(a));
    for (int64_t at_b = b; at_b < end_b; at_b++)
        for (int64_t at_h = h; at_h < end_h; at_h++)
            for (int64_t at_i = i; at_i < end_i; at_i++) {
                const block at = block_at(a, at_b, at_h, at_i);
                TYPED(gradient_of_scores)(a, job->g, &at, s);
                TYPED(add_to_sums)(job->into, &at, s, job->sums);
            }
}

void TYPED(heed_attention_backward)(const heed_attention_problem *a, const heed_attention_gradient *g, int threads,
                                    void *workspace) {
    attention_job job = {.a = a, .g = g, .size = sizeof(REAL), .sums = workspace,
                         .workspace = (char *)workspace + sum_bytes(g)};
    if (g->dq || g->dk || g->dv)
        run_units(job, kv_heads_of(a), TYPED(backward_head), threads);
    const score_sums *of[] = {&g->d_mask, &g->d_relative};
    for (int n = 0; n < 2; n++) {
        job.into = of[n];
        if (job.into->data == NULL || job.into->count == 0)
            continue;
        memset(job.sums, 0, (size_t)job.into->count * sizeof(double));
        run_units(job, sum_unit_count(a, job.into), TYPED(backward_added), threads);
        for (int64_t i = 0; i < job.into->count; i++)
            ((REAL *)job.into->data)[i] = (REAL)job.sums[i];
    }
}
