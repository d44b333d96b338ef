/* One block of attention.c for one REAL: its scores, the softmax over each row, and sums weighted by it. No include
 * guard, on purpose. */

/* A matrix inside an operand. */
typedef struct TYPED(matrix) {
    const REAL *data;
    int64_t row, column; /* steps */
} TYPED(matrix);

/* The rows of x from row `first` of the block's head on. */
static TYPED(matrix) TYPED(matrix_of)(const heed_attention_view *x, const block *at, int64_t first) {
    return (TYPED(matrix)){row_of(x, at->b, at->h, first, sizeof(REAL)), x->step[2], x->step[3]};
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

/* ---- masks ---- */

/* What is added to the query's scores: -inf hides a key. NULL: nothing is. The row it returns is of use until the next
 * call. */
static const REAL *TYPED(mask_row)(const problem *a, const block *at, int64_t query, const scratch *s) {
    const int64_t step = a->mask.step[3];
    REAL *row = s->mask;
    if (a->mask.data == NULL)
        return NULL;
    if (a->mask_is_bool) {
        const bool *seen = row_of(&a->mask, at->b, at->h, query, sizeof(bool));
        for (int64_t j = 0; j < at->keys; j++)
            row[j] = seen[j * step] ? 0 : -(REAL)INFINITY;
        return row;
    }
    const REAL *added = row_of(&a->mask, at->b, at->h, query, sizeof(REAL));
    if (step == 1)
        return added;
    for (int64_t j = 0; j < at->keys; j++)
        row[j] = added[j * step];
    return row;
}

/* Whether row r of the block, which saw something at all, sees key j. */
static bool TYPED(sees)(const problem *a, const block *at, const scratch *s, int64_t r, int64_t j) {
    const int64_t query = at->first + r, step = a->mask.step[3];
    if (((const REAL *)s->stats)[2 * r + 1] == 0 || j >= keys_before(a, query))
        return false;
    if (a->mask.data == NULL)
        return true;
    if (a->mask_is_bool)
        return ((const bool *)row_of(&a->mask, at->b, at->h, query, sizeof(bool)))[j * step];
    return ((const REAL *)row_of(&a->mask, at->b, at->h, query, sizeof(REAL)))[j * step] != -(REAL)INFINITY;
}

static void TYPED(add_mask)(REAL *restrict scores, const REAL *restrict mask, int64_t n) {
    for (int64_t j = 0; j < n && mask; j++)
        scores[j] = mask[j] == -(REAL)INFINITY ? mask[j] : scores[j] + mask[j]; /* hidden, were the score NaN */
}

/* ---- weights ---- */

static void TYPED(score)(const problem *a, const block *at, const scratch *s) {
    TYPED(multiply)(s, at->rows, at->keys, a->d_k, a->scale, TYPED(matrix_of)(&a->q, at, at->first),
                    TYPED(transposed)(TYPED(matrix_of)(&a->k, at, 0)), s->weights, false);
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

/* Weights of the keys a query sees before `seen`; 0 behind it. */
static void TYPED(scale_row)(REAL *restrict row, int64_t seen, int64_t keys, REAL factor) {
    for (int64_t j = 0; j < seen; j++)
        row[j] *= factor;
    for (int64_t j = seen; j < keys; j++)
        row[j] = 0;
}

/* 0 or 1 / (1 - p) for each key. */
static void TYPED(draw_factors)(const problem *a, const block *at, int64_t query, int64_t n, REAL *factors) {
    const uint64_t row = (uint64_t)((at->b * a->heads + at->h) * a->queries + query);
    const uint64_t dropped = dropped_words(a->dropout);
    const REAL kept = a->dropout < 1 ? (REAL)(1 / (1 - a->dropout)) : 0;
    for (int64_t j = 0; j < n; j += 4) {
        heed_philox words = draw_four(a->dropout_key, row, (uint64_t)j / 4);
        for (int64_t i = 0; i < smaller(4, n - j); i++)
            factors[j + i] = words.word[i] < dropped ? 0 : kept;
    }
}

/* Scores of a row to weights, before dropout. Stats are found, or, in backward, known. */
static void TYPED(weigh_row)(const problem *a, const block *at, const scratch *s, int64_t r, const REAL *mask,
                             bool stats_known) {
    REAL *restrict row = (REAL *)s->weights + r * at->keys;
    REAL *stats = (REAL *)s->stats + 2 * r;
    const int64_t seen = keys_before(a, at->first + r);
    TYPED(add_mask)(row, mask, seen);
    if (!stats_known)
        TYPED(softmax_stats)(row, seen, stats);
    const REAL max = stats[0];
    for (int64_t j = 0; j < seen && stats_known; j++)
        row[j] = TYPED(heed_exp)(row[j] - max);
    TYPED(scale_row)(row, seen, at->keys, stats[1]);
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
