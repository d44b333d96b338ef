/* Backward of attention.c for one REAL; the other three files come before it. No include guard, on purpose.
 *
 *     y = f∘p v,   p = softmax(s),   s = scale q kᵀ + mask + relative,   f the factors of dropout (1 without)
 *
 *     dL/dv = (f∘p)ᵀ dL/dy
 *     dL/dp = f∘(dL/dy vᵀ)                      and f∘(dL/d pattern), where something was made of the pattern
 *     dL/ds = p∘(dL/dp - slope),   slope_i = sum_j p_ij dL/dp_ij = y_i · dL/dy_i + pattern_i · dL/d pattern_i
 *     dL/dq = scale dL/ds k,    dL/dk = dL/dsᵀ (scale q),    dL/dmask = dL/ds,
 *     dL/drelative_m = sum of dL/ds_ij over j - i + T - 1 = m */

/* What is wanted of a part. */
typedef struct TYPED(wanted) {
    bool dq, of_sources; /* of_sources: dk and dv */
    bool adds;           /* to dk and dv, where another head has written them */
} TYPED(wanted);

/* ---- what a part holds of its queries: block n of it from row n BLOCK_QUERIES on ---- */

static REAL TYPED(pattern_slope)(const problem *a, const gradients *g, const tile *at, const scratch *s, int64_t r) {
    const int64_t row = (queries_before(a, at) + r) * a->keys + at->begin;
    const REAL *weights = (const REAL *)g->pattern + row, *d = (const REAL *)g->d_pattern + row;
    const span seen = keys_seen(a, at, r);
    const REAL *added = TYPED(added_row)(a, at, at->first + r, s);
    REAL sum = 0;
    for (int64_t j = seen.begin; j < seen.end; j++)
        sum += added && added[j] == -(REAL)INFINITY ? 0 : weights[j] * d[j];
    return sum;
}

static void TYPED(add_pattern_slopes)(const problem *a, const gradients *g, const head_part *of, int64_t block,
                                      const scratch *s, REAL *slopes) {
    const span tiles = tiles_seen(a, block);
    for (int64_t n = tiles.begin; n < tiles.end; n++) {
        const tile at = tile_at(a, of->b, of->h, block, n);
        for (int64_t r = 0; r < at.rows; r++)
            slopes[r] += TYPED(pattern_slope)(a, g, &at, s, r);
    }
}

static void TYPED(load_queries)(const problem *a, const gradients *g, const head_part *of, scratch *s) {
    const int64_t d_k = padded(a->d_k), d_v = padded(a->d_v);
    for (int64_t n = 0; n < blocks_in(a, of); n++) {
        const int64_t block = of->first_block + n * of->block_step, row = n * BLOCK_QUERIES;
        const tile at = tile_at(a, of->b, of->h, block, 0);
        REAL *queries = (REAL *)s->queries + row * d_k, *d_context = (REAL *)s->d_context + row * d_v;
        REAL *slopes = (REAL *)s->slopes + row;
        TYPED(pack_queries)(a, &at, queries);
        s->bad_queries[n] = TYPED(some_bad)(queries, at.rows * d_k);
        memset(slopes, 0, (size_t)at.rows * sizeof(REAL));
        s->bad_context[n] = false;
        if (g->d_context.data) {
            TYPED(pack_rows_of)(&g->d_context, of->b, of->h, at.first, at.rows, a->d_v, d_context);
            TYPED(row_dots)(&at, &g->d_context, &g->context, a->d_v, s->weights, s->gradient, slopes);
            s->bad_context[n] = TYPED(some_bad)(d_context, at.rows * d_v);
        }
        if (g->d_pattern)
            TYPED(add_pattern_slopes)(a, g, of, block, s, slopes);
        memcpy((REAL *)s->stats + 2 * row, (const REAL *)g->stats + 2 * queries_before(a, &at),
               2 * (size_t)at.rows * sizeof(REAL));
        memset((REAL *)s->dq + row * d_k, 0, (size_t)(at.rows * d_k) * sizeof(REAL));
    }
}

/* ---- the gradient of a tile's scores; the part's block is held from row `held` on ---- */

/* dL/d(f∘p) of the group into s->gradient. */
static void TYPED(gradient_of_weights)(const problem *a, const gradients *g, const tile *at, const scratch *s,
                                       int64_t r, int64_t held) {
    const span columns = s->columns[r / GROUP];
    const int64_t rows = smaller(GROUP, at->rows - r), n = columns.end - columns.begin;
    TYPED(matrix) to = {(REAL *)s->gradient + r * TILE_KEYS + columns.begin, TILE_KEYS};
    const TYPED(matrix) values_t = {(REAL *)s->values + columns.begin, TILE_KEYS};
    if (g->d_context.data)
        TYPED(multiply)(rows, n, a->d_v, TYPED(rows_from)(s->d_context, held + r, padded(a->d_v)), values_t, to, false);
    for (int64_t i = 0; i < rows; i++, to.data += TILE_KEYS) {
        if (g->d_context.data == NULL)
            memset(to.data, 0, (size_t)n * sizeof(REAL));
        if (g->d_pattern == NULL)
            continue;
        const REAL *d = (const REAL *)g->d_pattern + (queries_before(a, at) + r + i) * a->keys + at->begin;
        for (int64_t j = columns.begin; j < smaller(columns.end, at->keys); j++)
            to.data[j - columns.begin] += d[j];
    }
}

/* From scores to f∘p, and from dL/d(f∘p) to dL/ds, in row r. */
static void TYPED(gradient_of_row)(const problem *a, const tile *at, const scratch *s, int64_t r, int64_t held) {
    REAL *restrict p = (REAL *)s->weights + r * TILE_KEYS, *restrict d = (REAL *)s->gradient + r * TILE_KEYS;
    const REAL *stats = (const REAL *)s->stats + 2 * (held + r);
    const REAL most = stats[0], factor = stats[1], slope = ((const REAL *)s->slopes)[held + r];
    const span columns = s->columns[r / GROUP];
    if (a->dropout > 0) {
        TYPED(draw_factors)(a, at, s, r);
        TYPED(drop)(s, r, d);
    }
    for (int64_t j = columns.begin; j < columns.end; j++) { /* a hidden key's d may be NaN, and all others too */
        const int hidden = p[j] == -(REAL)INFINITY;
        p[j] = TYPED(heed_select)(hidden, 0, factor * TYPED(heed_exp_decay)(p[j] - most));
        d[j] = TYPED(heed_select)(hidden, 0, p[j] * (d[j] - slope));
    }
    if (a->dropout > 0)
        TYPED(drop)(s, r, p);
}

static void TYPED(gradient_of_scores)(const problem *a, const gradients *g, const tile *at, scratch *s, int64_t held) {
    find_columns(a, at, s);
    for (int64_t r = 0; r < at->rows; r += GROUP) {
        fetch_ahead(a, at, s, r);
        if (s->columns[r / GROUP].begin == s->columns[r / GROUP].end)
            continue;
        TYPED(score)(a, at, s, r, TYPED(rows_from)(s->queries, held + r, padded(a->d_k)), s->keys_t);
        TYPED(gradient_of_weights)(a, g, at, s, r, held);
        for (int64_t i = r; i < smaller(r + GROUP, at->rows); i++)
            TYPED(gradient_of_row)(a, at, s, i, held);
    }
}

/* ---- sums over a tile ---- */

/* to (keys, d) += weightsᵀ x, x (rows, d). What x has of NaN and inf comes only to keys that are seen. */
static void TYPED(add_over_queries)(const problem *a, const tile *at, const scratch *s, void *weights, const REAL *x,
                                    bool bad, int64_t d, REAL *to) {
    const int64_t width = padded(d);
    if (bad)
        TYPED(clean_copy)(x, at->rows * width, s->clean);
    for (int64_t j = 0; j < at->keys; j += GROUP) {
        const span rows = rows_of(s, at, j);
        TYPED(add_transposed)(smaller(GROUP, at->keys - j), width, rows.end - rows.begin,
                              (TYPED(matrix)){(REAL *)weights + rows.begin * TILE_KEYS + j, TILE_KEYS},
                              (TYPED(matrix)){(bad ? (REAL *)s->clean : (REAL *)x) + rows.begin * width, width},
                              (TYPED(matrix)){to + j * width, width});
    }
    for (int64_t r = 0; r < at->rows && bad; r++)
        for (int64_t j = 0; j < at->keys; j++)
            if (TYPED(sees)(a, at, s, r, j))
                TYPED(add_bad)(((const REAL *)weights)[r * TILE_KEYS + j], x + r * width, 1, d, to + j * width);
}

static void TYPED(add_to_dq)(const problem *a, const tile *at, const scratch *s, int64_t held) {
    const int64_t width = padded(a->d_k);
    REAL *dq = (REAL *)s->dq + held * width;
    for (int64_t r = 0; r < at->rows; r += GROUP) {
        const span seen = s->seen[r / GROUP];
        TYPED(multiply)(smaller(GROUP, at->rows - r), width, seen.end - seen.begin,
                        (TYPED(matrix)){(REAL *)s->gradient + r * TILE_KEYS + seen.begin, TILE_KEYS},
                        TYPED(rows_from)(s->keys, seen.begin, width), (TYPED(matrix)){dq + r * width, width}, true);
    }
    for (int64_t r = 0; r < at->rows && s->bad_keys; r++)
        for (int64_t j = 0; j < at->keys; j++)
            if (TYPED(sees)(a, at, s, r, j))
                TYPED(add_bad)(((const REAL *)s->gradient)[r * TILE_KEYS + j],
                               row_of(&a->k, at->b, kv_head_of(a, at->h), at->begin + j, sizeof(REAL)), a->k.step[3],
                               a->d_k, dq + r * width);
}

/* ---- parts ---- */

static void TYPED(load_sources)(const problem *a, const tile *at, scratch *s) {
    TYPED(pack_keys)(a, &a->k, at, a->d_k, s->keys_t);
    TYPED(pack_keys)(a, &a->v, at, a->d_v, s->values);
    s->bad_keys = TYPED(pack_clean)(a, &a->k, at, a->d_k, s->keys);
    memset(s->dk, 0, (size_t)(at->keys * padded(a->d_k)) * sizeof(REAL));
    memset(s->dv, 0, (size_t)(at->keys * padded(a->d_v)) * sizeof(REAL));
}

static void TYPED(backward_tile)(const problem *a, const gradients *g, const tile *at, int64_t n, scratch *s,
                                 TYPED(wanted) want) {
    const int64_t held = n * BLOCK_QUERIES, d_k = padded(a->d_k), d_v = padded(a->d_v);
    TYPED(gradient_of_scores)(a, g, at, s, held);
    if (want.of_sources && g->dv.data && g->d_context.data)
        TYPED(add_over_queries)(a, at, s, s->weights, (const REAL *)s->d_context + held * d_v, s->bad_context[n],
                                a->d_v, s->dv);
    if (want.of_sources && g->dk.data)
        TYPED(add_over_queries)(a, at, s, s->gradient, (const REAL *)s->queries + held * d_k, s->bad_queries[n], a->d_k,
                                s->dk);
    if (want.dq)
        TYPED(add_to_dq)(a, at, s, held);
}

/* Whether the n-th of the part's blocks sees something of the tile of keys. */
static bool TYPED(block_sees)(const problem *a, const head_part *of, int64_t n, int64_t of_keys) {
    const span tiles = tiles_seen(a, of->first_block + n * of->block_step);
    return tiles.begin <= of_keys && of_keys < tiles.end;
}

static void TYPED(put_sources)(const problem *a, const gradients *g, const tile *at, const scratch *s, bool add) {
    const int64_t kv_head = kv_head_of(a, at->h);
    if (g->dk.data)
        TYPED(put_rows)(&g->dk, at->b, kv_head, at->begin, at->keys, a->d_k, s->dk, 1, add);
    if (g->dv.data)
        TYPED(put_rows)(&g->dv, at->b, kv_head, at->begin, at->keys, a->d_v, s->dv, 1, add);
}

static void TYPED(put_dq)(const problem *a, const gradients *g, const head_part *of, const scratch *s) {
    for (int64_t n = 0; n < blocks_in(a, of); n++) {
        const tile at = tile_at(a, of->b, of->h, of->first_block + n * of->block_step, 0);
        TYPED(put_rows)(&g->dq, at.b, at.h, at.first, at.rows, a->d_k,
                        (const REAL *)s->dq + n * BLOCK_QUERIES * padded(a->d_k), (REAL)a->scale, false);
    }
}

static void TYPED(backward_part)(const attention_job *job, const head_part *of, TYPED(wanted) want, scratch *s) {
    const problem *a = job->a;
    expect_rows(job, of->b, of->h, s);
    TYPED(load_queries)(a, job->g, of, s);
    for (int64_t of_keys = of->first_tile; of_keys < tiles_of(a); of_keys += of->tile_step) {
        const tile sources = tile_at(a, of->b, of->h, 0, of_keys);
        TYPED(load_sources)(a, &sources, s);
        for (int64_t n = 0; n < blocks_in(a, of); n++)
            if (TYPED(block_sees)(a, of, n, of_keys)) {
                const tile at = tile_at(a, of->b, of->h, of->first_block + n * of->block_step, of_keys);
                TYPED(backward_tile)(a, job->g, &at, n, s, want);
            }
        if (want.of_sources)
            TYPED(put_sources)(a, job->g, &sources, s, want.adds);
    }
    if (want.dq)
        TYPED(put_dq)(a, job->g, of, s);
}

/* The heads that read one head of k and v, in order. */
static void TYPED(backward_sources)(const attention_job *job, int64_t kv_head, head_part of, bool dq, scratch *s) {
    const problem *a = job->a;
    const int64_t group = a->heads / a->kv_heads, first = kv_head % a->kv_heads * group;
    of.b = kv_head / a->kv_heads;
    for (of.h = first; of.h < first + group; of.h++)
        TYPED(backward_part)(job, &of, (TYPED(wanted)){.dq = dq, .of_sources = true, .adds = of.h > first}, s);
}

/* Whole heads of k and v; or, part after part, of each such head some tiles and of each head of q some blocks. */
static void TYPED(backward_unit)(const attention_job *job, int64_t unit, scratch *s) {
    const problem *a = job->a;
    const int64_t parts = job->by.parts, kv_heads = kv_heads_of(a), each = kv_heads + heads_of(a);
    const bool dq = job->g->dq.data != NULL;
    if (parts == 1) {
        TYPED(backward_sources)(job, unit, (head_part){.block_step = 1, .tile_step = 1}, dq, s);
        return;
    }
    const int64_t index = unit / each, head = unit % each - kv_heads;
    const head_part of = {.b = head / a->heads, .h = head % a->heads, .first_block = index, .block_step = parts,
                     .tile_step = 1};
    if (head < 0)
        TYPED(backward_sources)(job, unit % each, (head_part){.block_step = 1, .first_tile = index, .tile_step = parts},
                                false, s);
    else if (dq && index < blocks_of(a))
        TYPED(backward_part)(job, &of, (TYPED(wanted)){.dq = true}, s);
}

/* ---- the gradient of what is added to scores: dL/ds summed over all that one place is added to, in order of batch,
 * head and tile ---- */

static void TYPED(add_to_sums)(const score_sums *into, const tile *at, const scratch *s, double *sums) {
    const int64_t step = into->step[3];
    for (int64_t r = 0; r < at->rows; r++) {
        const span columns = s->columns[r / GROUP];
        const REAL *restrict d = (const REAL *)s->gradient + r * TILE_KEYS;
        double *restrict sum = sums + into->start + at->b * into->step[0] + at->h * into->step[1] +
                               (at->first + r) * into->step[2] + at->begin * step;
        for (int64_t j = columns.begin; j < smaller(columns.end, at->keys); j++)
            sum[j * step] += (double)d[j];
    }
}

static void TYPED(sum_part)(const attention_job *job, const head_part *of, scratch *s) {
    const problem *a = job->a;
    expect_rows(job, of->b, of->h, s);
    TYPED(load_queries)(a, job->g, of, s);
    for (int64_t of_keys = 0; of_keys < tiles_of(a); of_keys++) {
        const tile sources = tile_at(a, of->b, of->h, 0, of_keys);
        TYPED(load_sources)(a, &sources, s);
        for (int64_t n = 0; n < blocks_in(a, of); n++)
            if (TYPED(block_sees)(a, of, n, of_keys)) {
                const tile at = tile_at(a, of->b, of->h, of->first_block + n * of->block_step, of_keys);
                TYPED(gradient_of_scores)(a, job->g, &at, s, n * BLOCK_QUERIES);
                TYPED(add_to_sums)(job->into, &at, s, job->sums);
            }
    }
}

static void TYPED(sum_unit)(const attention_job *job, int64_t unit, scratch *s) {
    const problem *a = job->a;
    const sum_units units = sum_units_of(a, job->into);
    const int64_t i = unit % units.blocks, h = unit / units.blocks % units.heads, b = unit / units.blocks / units.heads;
    const int64_t end_b = b + (units.batch > 1 ? 1 : a->batch), end_h = h + (units.heads > 1 ? 1 : a->heads);
    head_part of = {.first_block = i, .block_step = units.blocks, .tile_step = 1};
    for (of.b = b; of.b < end_b; of.b++)
        for (of.h = h; of.h < end_h; of.h++)
            TYPED(sum_part)(job, &of, s);
}

void TYPED(heed_attention_backward)(const heed_attention_problem *a, const heed_attention_gradient *g, int threads,
                                    void *workspace) {
    attention_job job = {.a = a, .g = g, .size = sizeof(REAL), .sums = workspace,
                         .workspace = (char *)workspace + sum_bytes(g)};
    if (g->dq.data || g->dk.data || g->dv.data)
        run_units(job, backward_share(a, threads), TYPED(backward_unit));
    const score_sums *of[] = {&g->d_mask, &g->d_relative};
    for (int n = 0; n < 2; n++) {
        job.into = of[n];
        if (job.into->data == NULL || job.into->count == 0)
            continue;
        memset(job.sums, 0, (size_t)job.into->count * sizeof(double));
        run_units(job, sum_share(a, job.into, threads), TYPED(sum_unit));
        for (int64_t i = 0; i < job.into->count; i++)
            ((REAL *)job.into->data)[i] = (REAL)job.sums[i];
    }
}
