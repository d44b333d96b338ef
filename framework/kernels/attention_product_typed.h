/* The products of a tile of attention.c for one REAL, and how its operands are packed. No include guard, on purpose.
 *
 * Products are of matrices in scratch memory, whose rows are padded to whole vectors: so there are no edges. Every element
 * is one chain of fused multiply-adds, which goes on from tile to tile. */
#define VECTOR TYPED(vector)
#define LANES ((int)(VECTOR_BYTES / sizeof(REAL)))

#include "gemm_pack.h"

/* c (rows, vectors) = or += a b over k terms: a(i, p) is at a[i * across + p * along]. Inlined with constant rows, vectors
 * and one of the steps, so that `sum` lives in registers. */
static inline __attribute__((always_inline)) void TYPED(sum_group)(int rows, int vectors, int64_t k, const REAL *a,
                                                                   int64_t across, int64_t along, const REAL *b,
                                                                   int64_t b_row, REAL *c, int64_t c_row,
                                                                   bool accumulate) {
    VECTOR sum[HIGH_ROWS][TILE_VECTORS];
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vectors; v++)
            sum[i][v] = accumulate ? TYPED(load)(c + i * c_row + v * LANES) : (VECTOR){0};
    }
    for (int64_t p = 0; p < k; p++, a += along, b += b_row) {
        VECTOR b_row_p[TILE_VECTORS];
        UNROLL
        for (int v = 0; v < vectors; v++)
            b_row_p[v] = TYPED(load)(b + v * LANES);
        UNROLL
        for (int i = 0; i < rows; i++) {
            VECTOR a_i = TYPED(splat)(a[i * across]);
            UNROLL
            for (int v = 0; v < vectors; v++)
                sum[i][v] = TYPED(fma)(a_i, b_row_p[v], sum[i][v]);
        }
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vectors; v++)
            TYPED(store)(c + i * c_row + v * LANES, sum[i][v]);
    }
}

/* An operand of a product: some rows of a matrix, or, transposed, some of its columns. */
typedef struct TYPED(matrix) {
    REAL *data;
    int64_t row; /* elements from one row to the next; along a row they lie side by side */
} TYPED(matrix);

/* All columns of up to `rows` rows of c, which some heights do in turn. */
static inline __attribute__((always_inline)) void TYPED(sum_rows)(int rows, int64_t columns, int64_t k, const REAL *a,
                                                                  int64_t across, int64_t along, TYPED(matrix) b,
                                                                  TYPED(matrix) c, bool accumulate) {
    int64_t j = 0;
    for (; j + TILE_VECTORS * LANES <= columns; j += TILE_VECTORS * LANES)
        TYPED(sum_group)(rows, TILE_VECTORS, k, a, across, along, b.data + j, b.row, c.data + j, c.row, accumulate);
    for (; j < columns; j += LANES)
        TYPED(sum_group)(rows, 1, k, a, across, along, b.data + j, b.row, c.data + j, c.row, accumulate);
}

static inline __attribute__((always_inline)) void TYPED(sum_heights)(int64_t rows, int64_t columns, int64_t k,
                                                                     const REAL *a, int64_t across, int64_t along,
                                                                     TYPED(matrix) b, TYPED(matrix) c,
                                                                     bool accumulate) {
    for (; rows >= HIGH_ROWS; rows -= HIGH_ROWS, a += HIGH_ROWS * across, c.data += HIGH_ROWS * c.row)
        TYPED(sum_rows)(HIGH_ROWS, columns, k, a, across, along, b, c, accumulate);
    for (; rows >= LOW_ROWS; rows -= LOW_ROWS, a += LOW_ROWS * across, c.data += LOW_ROWS * c.row)
        TYPED(sum_rows)(LOW_ROWS, columns, k, a, across, along, b, c, accumulate);
    for (; rows > 0; rows--, a += across, c.data += c.row)
        TYPED(sum_rows)(1, columns, k, a, across, along, b, c, accumulate);
}

/* c (rows, columns) = or += a b,  a (rows, k), b (k, columns). Columns are whole vectors. */
static __attribute__((noinline)) void TYPED(multiply)(int64_t rows, int64_t columns, int64_t k, TYPED(matrix) a,
                                                      TYPED(matrix) b, TYPED(matrix) c, bool accumulate) {
    TYPED(sum_heights)(rows, columns, k, a.data, a.row, 1, b, c, accumulate);
}

/* c (rows, columns) += aᵀ b,  a (k, rows), b (k, columns). */
static __attribute__((noinline)) void TYPED(add_transposed)(int64_t rows, int64_t columns, int64_t k, TYPED(matrix) a,
                                                            TYPED(matrix) b, TYPED(matrix) c) {
    TYPED(sum_heights)(rows, columns, k, a.data, 1, a.row, b, c, true);
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

/* dots[r] = sum over c of x(r, c) y(r, c) for the tile's queries r, d wide: one chain like that of a product, so that it
 * is to the bit what a product has where it has the same factors. x_t and y_t have room for BLOCK_QUERIES x BLOCK_QUERIES,
 * dots for BLOCK_QUERIES. */
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
