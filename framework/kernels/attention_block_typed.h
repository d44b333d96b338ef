/* One block of attention.c for one REAL: its scores, the softmax over each row, and sums weighted by it. No include
 * guard, on purpose. */

/* A matrix inside an operand. */
typedef struct TYPED(matrix) {
    const REAL *data;
    int64_t row, column; /* steps */
} TYPED(matrix);

static TYPED(matrix) TYPED(queries_of)(const problem *a, const block *at) {
    return (TYPED(matrix)){row_of(&a->q, at->b, at->h, at->first, sizeof(REAL)), a->q.step[2], a->q.step[3]};
}

/* The block's rows of k or v. */
static TYPED(matrix) TYPED(sources_of)(const problem *a, const heed_attention_view *x, const block *at) {
    return (TYPED(matrix)){row_of(x, at->b, kv_head_of(a, at->h), at->begin, sizeof(REAL)), x->step[2], x->step[3]};
}

static TYPED(matrix) TYPED(transposed)(TYPED(matrix) x) {
    return (TYPED(matrix)){x.data, x.column, x.row};
}

/* c (m, n), contiguous, = or += alpha a b. */
static void TYPED(multiply)(const scratch *s, int64_t m, int64_t n, int64_t k, double alpha, TYPED(matrix) a,
                            TYPED(matrix) b, REAL *c, bool accumulate) {
    heed_gemm product = {.m = m, .n = n, .k = k, .batch = 1,
                         .a = a.data, .a_row = a.row, .a_col = a.column,
                         .b = b.data, .b_row = b.row, .b_col = b.column,
                         .c = c, .c_row = n, .c_col = 1, .alpha = alpha, .accumulate = accumulate};
    TYPED(heed_gemm)(&product, s->threads, s->gemm);
}

/* ---- what is added to scores ----
 *
 * In rows of the block's keys: element 0 is key at->begin. */

/* What the mask adds to the query's scores, in s->added unless it lies in the mask so; NULL: nothing. */
static const REAL *TYPED(mask_row)(const problem *a, const block *at, int64_t query, const scratch *s) {
    const int64_t step = a->mask.step[3], begin = at->begin * step;
    REAL *row = s->added;
    if (a->mask.data == NULL)
        return NULL;
    if (a->mask_is_bool) {
        const bool *seen = (const bool *)row_of(&a->mask, at->b, at->h, query, sizeof(bool)) + begin;
        for (int64_t j = 0; j < at->keys; j++)
            row[j] = seen[j * step] ? 0 : -(REAL)INFINITY;
        return row;
    }
    const REAL *added = (const REAL *)row_of(&a->mask, at->b, at->h, query, sizeof(REAL)) + begin;
    if (step == 1)
        return added;
    for (int64_t j = 0; j < at->keys; j++)
        row[j] = added[j * step];
    return row;
}

/* The relative bias of the query and key 0; of key j it is j steps behind. */
static const REAL *TYPED(relative_row)(const problem *a, const block *at, int64_t query) {
    const int64_t *step = a->relative.step;
    return (const REAL *)a->relative.data + at->h * step[1] + (a->queries - 1 - query) * step[3];
}

/* -inf where either hides. */
static REAL TYPED(both)(REAL mask, REAL relative) {
    return mask == -(REAL)INFINITY || relative == -(REAL)INFINITY ? -(REAL)INFINITY : mask + relative;
}

/* What is added to the query's scores: -inf hides a key. NULL: nothing is. The row is of use until the next call. */
static const REAL *TYPED(added_row)(const problem *a, const block *at, int64_t query, const scratch *s) {
    const REAL *mask = TYPED(mask_row)(a, at, query, s);
    if (a->relative.data == NULL)
        return mask;
    const int64_t step = a->relative.step[3];
    const REAL *relative = TYPED(relative_row)(a, at, query) + at->begin * step;
    REAL *row = s->added;
    if (mask == NULL && step == 1)
        return relative;
    for (int64_t j = 0; j < at->keys; j++)
        row[j] = TYPED(both)(mask ? mask[j] : 0, relative[j * step]);
    return row;
}

/* Whether row r of the block, which saw something at all, sees the block's key j. */
static bool TYPED(sees)(const problem *a, const block *at, const scratch *s, int64_t r, int64_t j) {
    const int64_t query = at->first + r, key = at->begin + j, step = a->mask.step[3];
    if (((const REAL *)s->stats)[2 * r + 1] == 0 || key < keys_from(a, query) || key >= keys_before(a, query))
        return false;
    if (a->relative.data && TYPED(relative_row)(a, at, query)[key * a->relative.step[3]] == -(REAL)INFINITY)
        return false;
    if (a->mask.data == NULL)
        return true;
    if (a->mask_is_bool)
        return ((const bool *)row_of(&a->mask, at->b, at->h, query, sizeof(bool)))[key * step];
    return ((const REAL *)row_of(&a->mask, at->b, at->h, query, sizeof(REAL)))[key * step] != -(REAL)INFINITY;
}

static void TYPED(add_to_scores)(REAL *restrict scores, const REAL *restrict added, int64_t n) {
    for (int64_t j = 0; j < n && added; j++)
        scores[j] = added[j] == -(REAL)INFINITY ? added[j] : scores[j] + added[j]; /* hidden, were the score NaN */
}

/* ---- weights ---- */

static void TYPED(score)(const problem *a, const block *at, const scratch *s) {
    TYPED(multiply)(s, at->rows, at->keys, a->d_k, a->scale, TYPED(queries_of)(a, at),
                    TYPED(transposed)(TYPED(sources_of)(a, &a->k, at)), s->weights, false);
}

/* Largest score and 1 / sum of exponentials, or 0 and 0 if there is nothing above -inf. The exponentials are left in
 * row. */
static void TYPED(softmax_stats)(REAL *restrict row, int64_t n, REAL *stats) {
    REAL max = TYPED(heed_row_max)(row, n);
    max = max == -(REAL)INFINITY ? 0 : max;
    for (int64_t j = 0; j < n; j++)
        row[j] = TYPED(heed_exp)(row[j] - max);
    const REAL sum = (REAL)TYPED(heed_row_sum)(row, n);
    stats[0] = max;
    stats[1] = sum == 0 ? 0 : 1 / sum;
}

/* The weights of the keys that a query sees, begin .. end - 1 of the row; 0 before and behind them. */
static void TYPED(scale_row)(REAL *restrict row, int64_t begin, int64_t end, int64_t keys, REAL factor) {
    for (int64_t j = 0; j < begin; j++)
        row[j] = 0;
    for (int64_t j = begin; j < end; j++)
        row[j] *= factor;
    for (int64_t j = end; j < keys; j++)
        row[j] = 0;
}

/* 0 or 1 / (1 - p) for each of the block's first n keys; at->begin is a multiple of 4. */
static void TYPED(draw_factors)(const problem *a, const block *at, int64_t query, int64_t n, REAL *factors) {
    const uint64_t row = (uint64_t)((at->b * a->heads + at->h) * a->queries + query);
    const uint64_t dropped = dropped_words(a->dropout);
    const REAL kept = a->dropout < 1 ? (REAL)(1 / (1 - a->dropout)) : 0;
    for (int64_t j = 0; j < n; j += 4) {
        heed_philox words = draw_four(a->dropout_key, row, (uint64_t)(at->begin + j) / 4);
        for (int64_t i = 0; i < smaller(4, n - j); i++)
            factors[j + i] = words.word[i] < dropped ? 0 : kept;
    }
}

/* Scores of a row to weights, before dropout. Stats are found, or, in backward, known. */
static void TYPED(weigh_row)(const problem *a, const block *at, const scratch *s, int64_t r, const REAL *added,
                             bool stats_known) {
    REAL *restrict row = (REAL *)s->weights + r * at->keys;
    REAL *stats = (REAL *)s->stats + 2 * r;
    const int64_t begin = keys_from(a, at->first + r) - at->begin, end = keys_before(a, at->first + r) - at->begin;
    TYPED(add_to_scores)(row + begin, added ? added + begin : NULL, end - begin);
    if (!stats_known)
        TYPED(softmax_stats)(row + begin, end - begin, stats);
    const REAL max = stats[0];
    for (int64_t j = begin; j < end && stats_known; j++)
        row[j] = TYPED(heed_exp)(row[j] - max);
    TYPED(scale_row)(row, begin, end, at->keys, stats[1]);
}

/* ---- weighted sums ---- */

static bool TYPED(all_finite)(TYPED(matrix) x, int64_t rows, int64_t columns) {
    int bad = 0;
    for (int64_t i = 0; i < rows; i++) {
        const REAL *row = x.data + i * x.row;
        if (x.column == 1)
            for (int64_t j = 0; j < columns; j++)
                bad |= row[j] - row[j] != 0;
        else
            for (int64_t j = 0; j < columns; j++)
                bad |= row[j * x.column] - row[j * x.column] != 0;
    }
    return !bad;
}

/* x with 0 where it is NaN or inf. */
static TYPED(matrix) TYPED(cleaned)(TYPED(matrix) x, int64_t rows, int64_t columns, REAL *clean) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            REAL value = x.data[i * x.row + j * x.column];
            clean[i * columns + j] = value - value != 0 ? 0 : value;
        }
    return (TYPED(matrix)){clean, columns, 1};
}

/* Which way a sum runs: over the keys for each query, or over the block's queries for each key. */
typedef enum TYPED(direction) { TYPED(OVER_KEYS), TYPED(OVER_QUERIES) } TYPED(direction);

/* Adds what `cleaned` has left out: each NaN or inf of x, where query and key see each other. */
static void TYPED(add_not_finite)(const problem *a, const block *at, const scratch *s, TYPED(direction) direction,
                                  const REAL *weights, TYPED(matrix) x, int64_t n, REAL alpha, REAL *out) {
    for (int64_t r = 0; r < at->rows; r++)
        for (int64_t j = 0; j < at->keys; j++) {
            if (!TYPED(sees)(a, at, s, r, j))
                continue;
            const REAL weight = alpha * weights[r * at->keys + j];
            const REAL *from = x.data + (direction == TYPED(OVER_KEYS) ? j : r) * x.row;
            REAL *to = out + (direction == TYPED(OVER_KEYS) ? r : j) * n;
            for (int64_t c = 0; c < n; c++)
                to[c] += from[c * x.column] - from[c * x.column] != 0 ? weight * from[c * x.column] : 0;
        }
}

/* OVER_KEYS:    out (rows, n)  = alpha weights  x,  x (keys, n)
 * OVER_QUERIES: out (keys, n) += alpha weightsᵀ x,  x (rows, n)
 * What query and key do not see of each other has weight 0 and adds nothing, be it NaN. */
static void TYPED(weighted_sum)(const problem *a, const block *at, const scratch *s, TYPED(direction) direction,
                                const REAL *weights, TYPED(matrix) x, int64_t n, double alpha, REAL *out) {
    const bool over_keys = direction == TYPED(OVER_KEYS);
    const int64_t terms = over_keys ? at->keys : at->rows;
    const bool finite = TYPED(all_finite)(x, terms, n);
    const TYPED(matrix) w = {weights, at->keys, 1}, usable = finite ? x : TYPED(cleaned)(x, terms, n, s->clean);
    TYPED(multiply)(s, over_keys ? at->rows : at->keys, n, terms, alpha, over_keys ? w : TYPED(transposed)(w), usable,
                    out, !over_keys);
    if (!finite)
        TYPED(add_not_finite)(a, at, s, direction, weights, x, n, (REAL)alpha, out);
}
