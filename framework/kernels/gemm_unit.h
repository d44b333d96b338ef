/* gemm_unit.h: the product of one unit, on one thread. Included by gemm.c once per REAL.
 *
 * After Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008): a is packed into panels
 * of a few rows, b into panels of a few columns, in blocks that stay in the caches, and a micro-kernel multiplies a
 * panel by a panel into a tile of c that is held in registers. Read it from the end: multiply_unit, multiply_block,
 * sum_tile.
 */
#define VECTOR TYPED(vector)
#define LANES ((int)(VECTOR_BYTES / sizeof(REAL)))
#define TILE_COLUMNS (TILE_VECTORS * LANES)

/* The first `count` lanes, or all if there are fewer, from and to elements `stride` apart. */

static inline VECTOR TYPED(load_lanes)(const REAL *from, int64_t stride, int64_t count) {
    if (stride == 1 && count >= LANES)
        return TYPED(load)(from);
    VECTOR v = {0};
    for (int64_t lane = 0; lane < smaller(count, LANES); lane++)
        v[lane] = from[lane * stride];
    return v;
}

static inline void TYPED(store_lanes)(REAL *to, int64_t stride, int64_t count, VECTOR v) {
    if (stride == 1 && count >= LANES) {
        TYPED(store)(to, v);
        return;
    }
    for (int64_t lane = 0; lane < smaller(count, LANES); lane++)
        to[lane * stride] = v[lane];
}

#include "gemm_pack.h"

/* A wide strip as panels one after the other, one for every `step` of its rows or columns, of width * k elements. */
static void TYPED(pack)(REAL *panels, int64_t width, int64_t step, gemm_strip strip) {
    for (int64_t i = 0; strip.k > 0 && i < strip.count; i += step, panels += width * strip.k) {
        gemm_strip part = strip;
        part.source = (const REAL *)strip.source + i * strip.across;
        part.count = smaller(width, strip.count - i);
        TYPED(pack_panel)(panels, width, &part);
    }
}

/* The micro-kernel: tile(i, j) = sum over p of a(p, i) * b(p, j) for panels a (k, rows) and b (k, columns). Every
 * element is one chain of fused multiply-adds in the order of p. Inlined with constant rows and vectors, so that `sum`
 * lives in registers. */
static inline __attribute__((always_inline)) void TYPED(sum_tile)(int rows, int vectors, int64_t k, const REAL *a,
                                                                  const REAL *b, REAL *tile) {
    const int64_t a_width = a_panel_width_of(sizeof(REAL));
    VECTOR sum[TILE_ROWS][TILE_VECTORS];
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vectors; v++)
            sum[i][v] = (VECTOR){0};
    }
    for (int64_t p = 0; p < k; p++, a += a_width, b += TILE_COLUMNS) {
        VECTOR b_row[TILE_VECTORS];
        UNROLL
        for (int v = 0; v < vectors; v++)
            b_row[v] = TYPED(load)(b + v * LANES);
        UNROLL
        for (int i = 0; i < rows; i++) {
            VECTOR a_i = TYPED(splat)(a[i]);
            UNROLL
            for (int v = 0; v < vectors; v++)
                sum[i][v] = TYPED(fma)(a_i, b_row[v], sum[i][v]);
        }
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vectors; v++)
            TYPED(store)(tile + i * TILE_COLUMNS + v * LANES, sum[i][v]);
    }
}

static void TYPED(narrow_1)(int64_t k, const REAL *a, const REAL *b, REAL *tile) {
    TYPED(sum_tile)(1, 1, k, a, b, tile);
}

static void TYPED(wide_1)(int64_t k, const REAL *a, const REAL *b, REAL *tile) {
    TYPED(sum_tile)(1, 2, k, a, b, tile);
}

static void TYPED(narrow_low)(int64_t k, const REAL *a, const REAL *b, REAL *tile) {
    TYPED(sum_tile)(LOW_ROWS, 1, k, a, b, tile);
}

static void TYPED(wide_low)(int64_t k, const REAL *a, const REAL *b, REAL *tile) {
    TYPED(sum_tile)(LOW_ROWS, 2, k, a, b, tile);
}

static void TYPED(narrow_high)(int64_t k, const REAL *a, const REAL *b, REAL *tile) {
    TYPED(sum_tile)(HIGH_ROWS, 1, k, a, b, tile);
}

static void TYPED(wide_high)(int64_t k, const REAL *a, const REAL *b, REAL *tile) {
    TYPED(sum_tile)(HIGH_ROWS, 2, k, a, b, tile);
}

static void TYPED(narrow_full)(int64_t k, const REAL *a, const REAL *b, REAL *tile) {
    TYPED(sum_tile)(TILE_ROWS, 1, k, a, b, tile);
}

static void TYPED(wide_full)(int64_t k, const REAL *a, const REAL *b, REAL *tile) {
    TYPED(sum_tile)(TILE_ROWS, 2, k, a, b, tile);
}

typedef void (*TYPED(micro_kernel))(int64_t k, const REAL *a, const REAL *b, REAL *tile);

/* For the smallest tile that covers what there is of rows and columns. */
static TYPED(micro_kernel) TYPED(micro_kernel_for)(int64_t rows, int64_t columns) {
    static const struct {
        int rows;
        TYPED(micro_kernel) narrow, wide;
    } heights[] = {
        {1, TYPED(narrow_1), TYPED(wide_1)},
        {LOW_ROWS, TYPED(narrow_low), TYPED(wide_low)},
        {HIGH_ROWS, TYPED(narrow_high), TYPED(wide_high)},
        {TILE_ROWS, TYPED(narrow_full), TYPED(wide_full)},
    };
    int h = 0;
    while (heights[h].rows < smaller(rows, TILE_ROWS))
        h++;
    return columns > LANES ? heights[h].wide : heights[h].narrow;
}

/* c = alpha * tile (+ bias) (+ c) for the tile whose first element is c(i0, j0), as much of it as lies in c. */
static void TYPED(put_tile)(const heed_gemm *g, int64_t i0, int64_t j0, const REAL *tile) {
    const REAL alpha = (REAL)g->alpha;
    const REAL *bias = g->bias ? (const REAL *)g->bias + j0 : NULL;
    const int64_t rows = smaller(g->m - i0, TILE_ROWS), columns = smaller(g->n - j0, TILE_COLUMNS);
    for (int64_t i = 0; i < rows; i++) {
        REAL *c = (REAL *)g->c + (i0 + i) * g->c_row + j0 * g->c_col;
        for (int64_t j = 0; j < columns; j += LANES) {
            VECTOR value = alpha * TYPED(load)(tile + i * TILE_COLUMNS + j);
            if (bias)
                value += TYPED(load_lanes)(bias + j, 1, columns - j);
            if (g->accumulate)
                value += TYPED(load_lanes)(c + j * g->c_col, g->c_col, columns - j);
            TYPED(store_lanes)(c + j * g->c_col, g->c_col, columns - j, value);
        }
    }
}

/* A product whose operands are packed: each panel of b, which stays in the first-level cache, by all panels of a. */
static void TYPED(multiply_block)(const heed_gemm *block, const REAL *a_panels, const REAL *b_panels) {
    const int64_t a_panel = a_panel_width_of(sizeof(REAL)) * block->k, b_panel = TILE_COLUMNS * block->k;
    _Alignas(VECTOR_BYTES) REAL tile[TILE_ROWS * TILE_COLUMNS];
    for (int64_t j = 0; j < block->n; j += TILE_COLUMNS, b_panels += b_panel) {
        const REAL *a = a_panels;
        for (int64_t i = 0; i < block->m; i += TILE_ROWS, a += a_panel) {
            TYPED(micro_kernel_for)(block->m - i, block->n - j)(block->k, a, b_panels, tile);
            TYPED(put_tile)(block, i, j, tile);
        }
    }
}

/* The three loops over blocks: of columns, of terms, of rows. A sum without terms is one block too. */
static void TYPED(multiply_unit)(const heed_gemm *unit, void *a_panels, void *b_panels) {
    const size_t size = sizeof(REAL);
    const int64_t rows = block_rows_of(size), columns = block_columns_of(size);
    const range all_rows = {0, unit->m};
    for (int64_t j = 0; j < unit->n; j += columns)
        for (int64_t p = 0; p == 0 || p < unit->k; p += BLOCK_K) {
            heed_gemm slab =
                part_of(unit, size, all_rows, range_at(j, columns, unit->n), range_at(p, BLOCK_K, unit->k));
            const range all_columns = {0, slab.n}, all_terms = {0, slab.k};
            TYPED(pack)(b_panels, TILE_COLUMNS, TILE_COLUMNS, columns_of_b(&slab));
            for (int64_t i = 0; i < slab.m; i += rows) {
                heed_gemm block = part_of(&slab, size, range_at(i, rows, slab.m), all_columns, all_terms);
                TYPED(pack)(a_panels, a_panel_width_of(size), TILE_ROWS, rows_of_a(&block));
                TYPED(multiply_block)(&block, a_panels, b_panels);
            }
        }
}

#undef VECTOR
#undef LANES
#undef TILE_COLUMNS
