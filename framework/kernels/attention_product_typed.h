/* The products of a tile of attention.c for one REAL, and how its operands are packed. No include guard, on purpose.
 *
 * Products are of matrices in scratch memory, whose rows are padded to whole vectors: so there are no edges. */
#define VECTOR TYPED(vector)
#define LANES ((int)(VECTOR_BYTES / sizeof(REAL)))
#define TILE_COLUMNS (TILE_VECTORS * LANES)

#include "gemm_pack.h"
#include "gemm_tile.h"

/* An operand in scratch memory: elements of a row lie side by side. */
typedef struct TYPED(matrix) {
    REAL *data;
    int64_t row; /* elements from one row to the next */
} TYPED(matrix);

/* c (rows, columns) = or += a b, where the tile already tells of a. Columns are whole vectors. */
static void TYPED(multiply_columns)(int64_t rows, int64_t columns, TYPED(tile) t, TYPED(matrix) b, TYPED(matrix) c) {
    t.alpha = 1;
    t.b_step = b.row;
    t.c_row = c.row;
    for (int64_t j = 0; j < columns; j += TILE_COLUMNS) {
        t.b = b.data + j;
        t.c = c.data + j;
        TYPED(multiply_tile)(rows, smaller(TILE_COLUMNS, columns - j), &t);
    }
}

/* c (rows, columns) = or += a b,  a (rows, k), b (k, columns), for up to GROUP rows. */
static void TYPED(multiply)(int64_t rows, int64_t columns, int64_t k, TYPED(matrix) a, TYPED(matrix) b, TYPED(matrix) c,
                            bool accumulate) {
    const TYPED(tile) t = {.k = k, .a = a.data, .a_row = a.row, .a_step = 1, .accumulate = accumulate};
    TYPED(multiply_columns)(rows, columns, t, b, c);
}

/* c (rows, columns) += aᵀ b,  a (k, rows), b (k, columns), for up to GROUP rows. */
static void TYPED(add_transposed)(int64_t rows, int64_t columns, int64_t k, TYPED(matrix) a, TYPED(matrix) b,
                                  TYPED(matrix) c) {
    const TYPED(tile) t = {.k = k, .a = a.data, .a_row = 1, .a_step = a.row, .accumulate = true};
    TYPED(multiply_columns)(rows, columns, t, b, c);
}

/* A matrix in scratch memory, from a row on. */
static TYPED(matrix) TYPED(rows_from)(void *data, int64_t row, int64_t width) {
    return (TYPED(matrix)){(REAL *)data + row * width, width};
}

/* ---- packing ---- */

/* Rows i .. i + rows - 1 of a head, d wide, to rows of padded(d). */
static void TYPED(pack_rows_of)(const view *x, int64_t b, int64_t h, int64_t i, int64_t rows, int64_t d, REAL *to) {
    TYPED(pack_panel)(to, padded(d), &(gemm_strip){.source = row_of(x, b, h, i, sizeof(REAL)), .across = x->step[3],
                                                   .along = x->step[2], .count = d, .k = rows});
}

/* The tile's rows of k or v, transposed: (d, TILE_KEYS). */
static void TYPED(pack_keys)(const problem *a, const view *x, const tile *at, int64_t d, REAL *to) {
    TYPED(pack_panel)(to, TILE_KEYS,
                      &(gemm_strip){.source = row_of(x, at->b, kv_head_of(a, at->h), at->begin, sizeof(REAL)),
                                    .across = x->step[2], .along = x->step[3], .count = at->keys, .k = d});
}

/* Whether some of n numbers is NaN or inf. */
static bool TYPED(some_bad)(const REAL *x, int64_t n) {
    int bad = 0;
    for (int64_t i = 0; i < n; i++)
        bad |= x[i] - x[i] != 0;
    return bad;
}

/* x with 0 where it is NaN or inf. */
static void TYPED(clean_copy)(const REAL *x, int64_t n, REAL *to) {
    for (int64_t i = 0; i < n; i++)
        to[i] = x[i] - x[i] != 0 ? 0 : x[i];
}

/* Packs the tile's rows of k or v, without what is NaN or inf: whether there was any. */
static bool TYPED(pack_clean)(const problem *a, const view *x, const tile *at, int64_t d, REAL *to) {
    TYPED(pack_rows_of)(x, at->b, kv_head_of(a, at->h), at->begin, at->keys, d, to);
    const bool bad = TYPED(some_bad)(to, at->keys * padded(d));
    if (bad)
        TYPED(clean_copy)(to, at->keys * padded(d), to);
    return bad;
}

/* dots[r] = sum over c of x(r, c) y(r, c) for the tile's queries r, d wide: one chain like those of products, so that
 * the gradient of the only key a query sees, whose value is y, is zero exactly. x_t and y_t have room for BLOCK_QUERIES
 * squared, dots for BLOCK_QUERIES. */
static void TYPED(row_dots)(const tile *at, const view *x, const view *y, int64_t d, REAL *x_t, REAL *y_t, REAL *dots) {
    gemm_strip of_x = {.source = row_of(x, at->b, at->h, at->first, sizeof(REAL)), .across = x->step[2],
                       .along = x->step[3], .count = at->rows};
    gemm_strip of_y = {.source = row_of(y, at->b, at->h, at->first, sizeof(REAL)), .across = y->step[2],
                       .along = y->step[3], .count = at->rows};
    VECTOR sums[BLOCK_QUERIES / LANES] = {{0}};
    for (int64_t c = 0; c < d; c += BLOCK_QUERIES) {
        of_x.k = of_y.k = smaller(BLOCK_QUERIES, d - c);
        TYPED(pack_panel)(x_t, BLOCK_QUERIES, &of_x);
        TYPED(pack_panel)(y_t, BLOCK_QUERIES, &of_y);
        for (int64_t p = 0; p < of_x.k * BLOCK_QUERIES; p += BLOCK_QUERIES)
            for (int v = 0; v < BLOCK_QUERIES / LANES; v++)
                sums[v] = TYPED(fma)(TYPED(load)(x_t + p + v * LANES), TYPED(load)(y_t + p + v * LANES), sums[v]);
        of_x.source = (const REAL *)of_x.source + BLOCK_QUERIES * of_x.along;
        of_y.source = (const REAL *)of_y.source + BLOCK_QUERIES * of_y.along;
    }
    for (int v = 0; v < BLOCK_QUERIES / LANES; v++)
        TYPED(store)(dots + v * LANES, sums[v]);
}

static void TYPED(scale_all)(REAL *restrict x, int64_t n, REAL factor) {
    for (int64_t i = 0; i < n; i++)
        x[i] *= factor;
}

static void TYPED(put_row)(REAL *restrict to, int64_t step, int64_t d, const REAL *restrict from, REAL factor,
                           bool add) {
    if (step == 1 && !add)
        for (int64_t c = 0; c < d; c++)
            to[c] = factor * from[c];
    else
        for (int64_t c = 0; c < d; c++)
            to[c * step] = add ? to[c * step] + factor * from[c] : factor * from[c];
}

/* Rows of padded(d) times factor, to rows i .. of a head; or added to what is there. */
static void TYPED(put_rows)(const place *to, int64_t b, int64_t h, int64_t i, int64_t rows, int64_t d, const REAL *from,
                            REAL factor, bool add) {
    for (int64_t r = 0; r < rows; r++, from += padded(d))
        TYPED(put_row)((REAL *)to->data + b * to->step[0] + h * to->step[1] + (i + r) * to->step[2], to->step[3], d,
                       from, factor, add);
}

#undef VECTOR
#undef LANES
#undef TILE_COLUMNS
