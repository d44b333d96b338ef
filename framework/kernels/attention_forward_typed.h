/* Forward of attention.c for one REAL: attention_product_typed.h and attention_tile_typed.h come before it. No include
 * guard, on purpose. */

/* The part's keys and values; tile n of them at slot n - first. */
static void TYPED(pack_sources)(const problem *a, const head_part *of, span tiles, scratch *s) {
    const int64_t d_v = padded(a->d_v);
    for (int64_t n = tiles.begin; n < tiles.end; n++) {
        const tile at = tile_at(a, of->b, of->h, 0, n);
        const int64_t row = (n - tiles.begin) * TILE_KEYS;
        TYPED(pack_keys)(a, &a->k, &at, a->d_k, (REAL *)s->keys_t + row * a->d_k);
        s->bad_values[n - tiles.begin] = TYPED(pack_clean)(a, &a->v, &at, a->d_v, (REAL *)s->values + row * d_v);
    }
}

static void TYPED(pack_queries)(const problem *a, const tile *at, REAL *to) {
    TYPED(pack_rows_of)(&a->q, at->b, at->h, at->first, at->rows, a->d_k, to);
    TYPED(scale_all)(to, at->rows * padded(a->d_k), (REAL)a->scale);
}

static void TYPED(begin_block)(const problem *a, const tile *at, const scratch *s) {
    TYPED(pack_queries)(a, at, s->queries);
    memset(s->sums, 0, (size_t)(at->rows * GRAIN) * sizeof(REAL));
    memset(s->context, 0, (size_t)(at->rows * padded(a->d_v)) * sizeof(REAL));
    for (int64_t r = 0; r < at->rows; r++)
        ((REAL *)s->stats)[2 * r] = -(REAL)INFINITY;
}

/* A larger score has come: what was summed is e^(was - most) times as much. */
static void TYPED(correct_row)(const problem *a, const scratch *s, int64_t r, REAL factor) {
    TYPED(scale_all)((REAL *)s->sums + r * GRAIN, GRAIN, factor);
    TYPED(scale_all)((REAL *)s->context + r * padded(a->d_v), padded(a->d_v), factor);
}

static inline void TYPED(add_grain)(const REAL *x, REAL *sums) {
    TYPED(heed_lanes) sum, next;
    for (size_t i = 0; i < GRAIN; i += sizeof sum / sizeof *x) {
        memcpy(&sum, sums + i, sizeof sum);
        memcpy(&next, x + i, sizeof next);
        sum += next;
        memcpy(sums + i, &sum, sizeof sum);
    }
}

/* Row r's largest score so far. */
static void TYPED(find_largest)(const problem *a, const scratch *s, int64_t r) {
    const span columns = s->columns[r / GROUP];
    const REAL *row = (const REAL *)s->weights + r * TILE_KEYS;
    REAL *most = (REAL *)s->stats + 2 * r;
    const REAL was = *most, now = TYPED(heed_row_max)(row + columns.begin, columns.end - columns.begin);
    if (now > was) {
        *most = now;
        if (was > -(REAL)INFINITY)
            TYPED(correct_row)(a, s, r, TYPED(heed_exp_decay)(was - now));
    }
}

/* Row r's scores to e^(score - largest so far), which are summed. */
static void TYPED(exponentials)(const scratch *s, int64_t r) {
    const span columns = s->columns[r / GROUP];
    REAL *restrict row = (REAL *)s->weights + r * TILE_KEYS, *sums = (REAL *)s->sums + r * GRAIN;
    const REAL most = ((const REAL *)s->stats)[2 * r], from = most > -(REAL)INFINITY ? most : 0;
    for (int64_t j = columns.begin; j < columns.end; j++)
        row[j] = TYPED(heed_exp_decay)(row[j] - from);
    for (int64_t j = columns.begin; j < columns.end; j += GRAIN)
        TYPED(add_grain)(row + j, sums);
}

/* What of values was left out of the sums: NaN and inf, where they are seen. */
static void TYPED(add_bad_values)(const problem *a, const tile *at, const scratch *s, int64_t r) {
    for (int64_t i = r; i < smaller(r + GROUP, at->rows); i++)
        for (int64_t j = 0; j < at->keys; j++)
            if (((const REAL *)s->stats)[2 * i] > -(REAL)INFINITY && TYPED(sees)(a, at, s, i, j))
                TYPED(add_bad)(((const REAL *)s->weights)[i * TILE_KEYS + j],
                               row_of(&a->v, at->b, kv_head_of(a, at->h), at->begin + j, sizeof(REAL)), a->v.step[3],
                               a->d_v, (REAL *)s->context + i * padded(a->d_v));
}

/* A tile's group of rows from r on; the tile's keys and values lie at `slot`. */
static void TYPED(forward_group)(const problem *a, const tile *at, const scratch *s, int64_t r, int64_t slot) {
    const span columns = s->columns[r / GROUP], seen = s->seen[r / GROUP];
    const int64_t d_v = padded(a->d_v), rows = smaller(GROUP, at->rows - r);
    fetch_ahead(a, at, s, r);
    if (columns.begin == columns.end)
        return;
    TYPED(score)(a, at, s, r, TYPED(rows_from)(s->queries, r, padded(a->d_k)),
                 (const REAL *)s->keys_t + slot * TILE_KEYS * a->d_k);
    for (int64_t i = r; i < r + rows; i++)
        TYPED(find_largest)(a, s, i);
    for (int64_t i = r; i < r + rows; i++) {
        TYPED(exponentials)(s, i);
        if (a->dropout > 0) {
            TYPED(draw_factors)(a, at, s, i);
            TYPED(drop)(s, i, (REAL *)s->weights + i * TILE_KEYS);
        }
    }
    TYPED(multiply)(rows, d_v, seen.end - seen.begin,
                    (TYPED(matrix)){(REAL *)s->weights + r * TILE_KEYS + seen.begin, TILE_KEYS},
                    TYPED(rows_from)(s->values, slot * TILE_KEYS + seen.begin, d_v),
                    TYPED(rows_from)(s->context, r, d_v), true);
    if (s->bad_values[slot])
        TYPED(add_bad_values)(a, at, s, r);
}

/* From the sums to the context, and to stats that `weigh_row` takes. */
static void TYPED(finish_block)(const problem *a, const tile *at, const scratch *s, const result *out) {
    for (int64_t r = 0; r < at->rows; r++) {
        const REAL sum = (REAL)TYPED(heed_row_sum)((const REAL *)s->sums + r * GRAIN, GRAIN);
        REAL *stats = (REAL *)s->stats + 2 * r;
        stats[0] = stats[0] > -(REAL)INFINITY ? stats[0] : 0;
        stats[1] = sum == 0 ? 0 : 1 / sum;
        TYPED(put_rows)(&out->context, at->b, at->h, at->first + r, 1, a->d_v,
                        (const REAL *)s->context + r * padded(a->d_v), stats[1], false);
    }
    if (out->stats)
        memcpy((REAL *)out->stats + 2 * queries_before(a, at), s->stats, 2 * (size_t)at->rows * sizeof(REAL));
}

/* The tile's part of the pattern, from the stats. */
static void TYPED(put_pattern)(const problem *a, const tile *at, const scratch *s, int64_t slot, REAL *pattern) {
    for (int64_t r = 0; r < at->rows; r++) {
        const span columns = s->columns[r / GROUP];
        if (r % GROUP == 0)
            TYPED(score)(a, at, s, r, TYPED(rows_from)(s->queries, r, padded(a->d_k)),
                         (const REAL *)s->keys_t + slot * TILE_KEYS * a->d_k);
        TYPED(weigh_row)(s, r, (const REAL *)s->stats + 2 * r);
        if (a->dropout > 0) {
            TYPED(draw_factors)(a, at, s, r);
            TYPED(drop)(s, r, (REAL *)s->weights + r * TILE_KEYS);
        }
        const int64_t end = smaller(columns.end, at->keys);
        if (end > columns.begin)
            memcpy(pattern + (queries_before(a, at) + r) * a->keys + at->begin + columns.begin,
                   (const REAL *)s->weights + r * TILE_KEYS + columns.begin,
                   (size_t)(end - columns.begin) * sizeof(REAL));
    }
}

static void TYPED(forward_block)(const attention_job *job, const head_part *of, int64_t block, int64_t packed_from,
                                 scratch *s) {
    const problem *a = job->a;
    const span tiles = tiles_seen(a, block);
    const tile first = tile_at(a, of->b, of->h, block, 0);
    TYPED(begin_block)(a, &first, s);
    for (int64_t n = tiles.begin; n < tiles.end; n++) {
        const tile at = tile_at(a, of->b, of->h, block, n);
        find_columns(a, &at, s);
        for (int64_t r = 0; r < at.rows; r += GROUP)
            TYPED(forward_group)(a, &at, s, r, n - packed_from);
    }
    TYPED(finish_block)(a, &first, s, job->out);
    if (job->out->pattern == NULL)
        return;
    memset((REAL *)job->out->pattern + queries_before(a, &first) * a->keys, 0,
           (size_t)(first.rows * a->keys) * sizeof(REAL));
    for (int64_t n = tiles.begin; n < tiles.end; n++) {
        const tile at = tile_at(a, of->b, of->h, block, n);
        find_columns(a, &at, s);
        TYPED(put_pattern)(a, &at, s, n - packed_from, job->out->pattern);
    }
}

static void TYPED(forward_part)(const attention_job *job, int64_t unit, scratch *s) {
    const problem *a = job->a;
    const int64_t head = unit % heads_of(a);
    const head_part of = {.b = head / a->heads, .h = head % a->heads, .first_block = unit / heads_of(a),
                     .block_step = job->by.parts};
    const int64_t last = of.first_block + (blocks_in(a, &of) - 1) * of.block_step;
    const span tiles = {tiles_seen(a, of.first_block).begin, tiles_seen(a, last).end};
    expect_rows(job, of.b, of.h, s);
    TYPED(pack_sources)(a, &of, tiles, s);
    for (int64_t block = of.first_block; block <= last; block += of.block_step)
        TYPED(forward_block)(job, &of, block, tiles.begin, s);
}

void TYPED(heed_attention)(const heed_attention_problem *a, const heed_attention_result *out, int threads,
                           void *workspace) {
    attention_job job = {.a = a, .out = out, .size = sizeof(REAL), .workspace = workspace};
    run_units(job, forward_share(a, threads), TYPED(forward_part));
}
