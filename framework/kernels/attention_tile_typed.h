/* A tile of attention.c for one REAL: what is added to its scores, and its weights. No include guard, on purpose. */

/* ---- what is added to scores ----
 *
 * In rows of the tile's keys: element 0 is key at->begin. */

/* What the mask adds to the query's scores, in s->added unless it lies in the mask so; NULL: nothing. */
static const REAL *TYPED(mask_row)(const problem *a, const tile *at, int64_t query, const scratch *s) {
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
static const REAL *TYPED(relative_row)(const problem *a, const tile *at, int64_t query) {
    const int64_t *step = a->relative.step;
    return (const REAL *)a->relative.data + at->h * step[1] + (a->queries - 1 - query) * step[3];
}

/* -inf where either hides. */
static REAL TYPED(both)(REAL mask, REAL relative) {
    return mask == -(REAL)INFINITY || relative == -(REAL)INFINITY ? -(REAL)INFINITY : mask + relative;
}

/* What is added to the query's scores: -inf hides a key. NULL: nothing is. The row is of use until the next call. */
static const REAL *TYPED(added_row)(const problem *a, const tile *at, int64_t query, const scratch *s) {
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

/* Whether row r sees the tile's key j. */
static bool TYPED(sees)(const problem *a, const tile *at, const scratch *s, int64_t r, int64_t j) {
    const span seen = keys_seen(a, at, r);
    if (j < seen.begin || j >= seen.end)
        return false;
    const REAL *added = TYPED(added_row)(a, at, at->first + r, s);
    return added == NULL || added[j] != -(REAL)INFINITY;
}

/* ---- scores and weights ----
 *
 * Of row r only the columns of its group: a hidden key's score is -inf, its weight 0. */

static void TYPED(hide)(REAL *row, int64_t begin, int64_t end) {
    for (int64_t j = begin; j < end; j++)
        row[j] = -(REAL)INFINITY;
}

/* From the product to the scores of row r. */
static void TYPED(finish_scores)(const problem *a, const tile *at, const scratch *s, int64_t r) {
    REAL *restrict row = (REAL *)s->weights + r * TILE_KEYS;
    const span columns = s->columns[r / GROUP], seen = keys_seen(a, at, r);
    TYPED(hide)(row, columns.begin, smaller(seen.begin, columns.end));
    TYPED(hide)(row, larger(seen.end, columns.begin), columns.end);
    if (a->mask.data == NULL && a->relative.data == NULL)
        return;
    const REAL *added = TYPED(added_row)(a, at, at->first + r, s);
    for (int64_t j = seen.begin; j < seen.end; j++)
        row[j] = added[j] == -(REAL)INFINITY ? added[j] : row[j] + added[j]; /* hidden, were the score NaN */
}

/* The group's scores. Work on rows goes by passes over all of the group: what one row waits for, another computes. */
static void TYPED(score)(const problem *a, const tile *at, const scratch *s, int64_t r, TYPED(matrix) queries,
                         const REAL *keys_t) {
    const span columns = s->columns[r / GROUP];
    const int64_t rows = smaller(GROUP, at->rows - r);
    TYPED(multiply)(rows, columns.end - columns.begin, a->d_k, queries,
                    (TYPED(matrix)){(REAL *)keys_t + columns.begin, TILE_KEYS},
                    (TYPED(matrix)){(REAL *)s->weights + r * TILE_KEYS + columns.begin, TILE_KEYS}, false);
    for (int64_t i = r; i < r + rows; i++)
        TYPED(finish_scores)(a, at, s, i);
}

/* Scores of row r to weights, before dropout, where its stats are known. */
static void TYPED(weigh_row)(const scratch *s, int64_t r, const REAL *stats) {
    REAL *restrict row = (REAL *)s->weights + r * TILE_KEYS;
    const REAL most = stats[0], factor = stats[1];
    const span columns = s->columns[r / GROUP];
    for (int64_t j = columns.begin; j < columns.end; j++) /* were the factor NaN */
        row[j] = TYPED(heed_select)(row[j] == -(REAL)INFINITY, 0, factor * TYPED(heed_exp_decay)(row[j] - most));
}

/* 0 or 1 / (1 - p) for each column of row r, in s->factors; columns begin at multiples of 4. */
static void TYPED(draw_factors)(const problem *a, const tile *at, const scratch *s, int64_t r) {
    const uint64_t query = (uint64_t)(queries_before(a, at) + r), dropped = dropped_words(a->dropout);
    const REAL kept = a->dropout < 1 ? (REAL)(1 / (1 - a->dropout)) : 0;
    const span columns = s->columns[r / GROUP];
    REAL *factors = s->factors;
    for (int64_t j = columns.begin; j < columns.end; j += 4) {
        heed_philox words = draw_four(a->dropout_key, query, (uint64_t)(at->begin + j) / 4);
        for (int64_t i = 0; i < 4; i++)
            factors[j + i] = words.word[i] < dropped ? 0 : kept;
    }
}

static void TYPED(drop)(const scratch *s, int64_t r, REAL *restrict row) {
    const REAL *restrict factors = s->factors;
    const span columns = s->columns[r / GROUP];
    for (int64_t j = columns.begin; j < columns.end; j++)
        row[j] *= factors[j];
}

/* ---- what products leave out ---- */

/* Adds weight * x to the n elements of `to`, where x is NaN or inf. */
static void TYPED(add_bad)(REAL weight, const REAL *x, int64_t step, int64_t n, REAL *to) {
    for (int64_t c = 0; c < n; c++)
        to[c] += x[c * step] - x[c * step] != 0 ? weight * x[c * step] : 0;
}
