/* gemm_unit.h: the product of one unit, on one thread. Included by gemm.c once per REAL.
 *
 * After Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008): c is computed in tiles that
 * are summed in registers, from a panel of a few rows of a and a panel of a few columns of b. A block of b stays in the
 * second-level cache while all rows of a go by, a panel of a in the first level while all the block goes by. Panels are
 * copied to where they lie as they are read, unless they do so well enough already. Read it from the end:
 * multiply_unit, multiply_rows, multiply_tile.
 */
#define VECTOR TYPED(vector)
#define LANES ((int)(VECTOR_BYTES / sizeof(REAL)))
#define TILE_COLUMNS (TILE_VECTORS * LANES)

#include "gemm_pack.h"
#include "gemm_tile.h"

/* A wide strip as panels one after the other, of width * k elements each. */
static void TYPED(pack)(REAL *panels, int64_t width, gemm_strip strip) {
    for (int64_t i = 0; strip.k > 0 && i < strip.count; i += width, panels += width * strip.k) {
        gemm_strip part = strip;
        part.source = (const REAL *)strip.source + i * strip.across;
        part.count = smaller(width, strip.count - i);
        TYPED(pack_panel)(panels, width, &part);
    }
}

/* `count` elements to where they are to_step apart from where they are from_step apart. */
static void TYPED(copy_row)(REAL *to, int64_t to_step, const REAL *from, int64_t from_step, int64_t count) {
    if (to_step == 1 && from_step == 1) {
        for (int64_t j = 0; j < count; j += LANES)
            TYPED(store_lanes)(to + j, count - j, TYPED(load_lanes)(from + j, count - j));
        return;
    }
    for (int64_t j = 0; j < count; j++)
        to[j * to_step] = from[j * from_step];
}

/* A tile whose columns are no whole vectors, or do not lie beside each other: through a copy that has both. */
static void TYPED(multiply_edge)(int64_t rows, int64_t columns, const TYPED(tile) *t, int64_t c_col) {
    _Alignas(VECTOR_BYTES) REAL copy[TILE_ROWS * TILE_COLUMNS], bias[WIDEST_VECTORS * LANES];
    const int64_t width = round_up(columns, LANES);
    TYPED(tile) whole = *t;
    whole.c = copy;
    whole.c_row = width;
    if (t->bias) {
        TYPED(copy_row)(bias, 1, t->bias, 1, columns);
        whole.bias = bias;
    }
    for (int64_t i = 0; t->accumulate && i < rows; i++)
        TYPED(copy_row)(copy + i * width, 1, t->c + i * t->c_row, c_col, columns);
    TYPED(multiply_tile)(rows, columns, &whole);
    for (int64_t i = 0; i < rows; i++)
        TYPED(copy_row)(t->c + i * t->c_row, c_col, copy + i * width, 1, columns);
}

#include "gemm_row.h"

/* The block of b that a unit is being multiplied by: the first columns where they are, the others packed. */
typedef struct TYPED(block_of_b) {
    int64_t in_place;
    REAL *panels;
} TYPED(block_of_b);

static void TYPED(pack_b)(const heed_gemm *g, const gemm_part *slab, const TYPED(block_of_b) *b) {
    TYPED(pack)(b->panels, TILE_COLUMNS,
                (gemm_strip){.source = (const REAL *)slab->b + b->in_place * g->b_col, .across = g->b_col,
                             .along = g->b_row, .count = slab->n - b->in_place, .k = slab->k});
}

/* Where the micro-kernel finds the rows of a from i on. */
static void TYPED(read_a)(TYPED(tile) *t, const heed_gemm *g, const gemm_part *slab, int64_t i, int64_t rows,
                          REAL *panel) {
    const REAL *source = (const REAL *)slab->a + i * g->a_row;
    if (reads_a_in_place(g, slab, sizeof(REAL))) {
        t->a = source;
        t->a_row = g->a_row;
        t->a_step = g->a_col;
    } else {
        t->a = panel;
        t->a_row = 1;
        t->a_step = a_panel_width_of(sizeof(REAL));
        TYPED(pack_panel)(panel, t->a_step, &(gemm_strip){.source = source, .across = g->a_row, .along = g->a_col,
                                                         .count = rows, .k = slab->k});
    }
}

/* And the columns of b from j on, in a panel. */
static void TYPED(read_b)(TYPED(tile) *t, const heed_gemm *g, const gemm_part *slab, int64_t j,
                          const TYPED(block_of_b) *b) {
    bool packed = j >= b->in_place;
    t->b = packed ? b->panels + (j - b->in_place) * slab->k : (const REAL *)slab->b + j;
    t->b_step = packed ? TILE_COLUMNS : g->b_row;
    t->b_next = packed ? TILE_COLUMNS * slab->k : TILE_COLUMNS;
}

/* How many columns the next tile takes of those that are left. */
static int64_t TYPED(columns_of_tile)(int64_t rows, int64_t left) {
    const bool widest = rows == 1 && left > (WIDEST_VECTORS - 1) * LANES;
    const bool wide = rows <= WIDE_ROWS && left > (WIDE_VECTORS - 1) * LANES;
    return smaller((widest ? WIDEST_VECTORS : wide ? WIDE_VECTORS : TILE_VECTORS) * LANES, left);
}

/* Has the cache fetch the ends of the tile's rows of c while its sums are computed. */
static void TYPED(prefetch_c)(int64_t rows, int64_t columns, const TYPED(tile) *t, int64_t c_col) {
    for (int64_t i = 0; i < rows; i++) {
        __builtin_prefetch(t->c + i * t->c_row, 1);
        __builtin_prefetch(t->c + i * t->c_row + (columns - 1) * c_col, 1);
    }
}

/* What is read after the tile in columns j .. end - 1 of rows i on, where the cache does not see it coming: columns of b in
 * place, the first time; the next rows of a, where the terms lie apart. */
static TYPED(reading) TYPED(read_next)(const heed_gemm *g, const gemm_part *slab, int64_t i, int64_t rows, int64_t end,
                                       const TYPED(block_of_b) *b) {
    const int64_t columns = smaller(b->in_place - end, TILE_COLUMNS), more = smaller(slab->m - i - rows, rows);
    if (i == 0 && columns > 0)
        return (TYPED(reading)){(const REAL *)slab->b + end, columns - 1, g->b_row};
    if (end == slab->n && more > 0 && g->a_row == 1)
        return (TYPED(reading)){(const REAL *)slab->a + i + rows, more - 1, g->a_col};
    return (TYPED(reading)){NULL, 0, 0};
}

/* Some rows, at most a tile's, from i on. */
static void TYPED(multiply_rows)(const heed_gemm *g, const gemm_part *slab, int64_t i, int64_t rows, REAL *a_panel,
                                 const TYPED(block_of_b) *b) {
    TYPED(tile) t = {.k = slab->k, .c_row = g->c_row, .alpha = (REAL)g->alpha, .accumulate = slab->accumulate};
    TYPED(read_a)(&t, g, slab, i, rows, a_panel);
    const bool far = g->m * g->n * (int64_t)sizeof(REAL) > NEAR_C_BYTES;
    for (int64_t j = 0, columns; j < slab->n; j += columns) {
        columns = TYPED(columns_of_tile)(rows, (j < b->in_place ? b->in_place : slab->n) - j);
        TYPED(read_b)(&t, g, slab, j, b);
        t.c = (REAL *)slab->c + i * g->c_row + j * g->c_col;
        t.bias = slab->bias ? (const REAL *)slab->bias + j : NULL;
        t.next = TYPED(read_next)(g, slab, i, rows, j + columns, b);
        if (far)
            TYPED(prefetch_c)(rows, columns, &t, g->c_col);
        if (columns % LANES == 0 && g->c_col == 1)
            TYPED(multiply_tile)(rows, columns, &t);
        else
            TYPED(multiply_edge)(rows, columns, &t, g->c_col);
    }
}

/* The three loops over blocks: of columns, of terms, of rows. A sum without terms is one block too. */
static void TYPED(multiply_unit)(const heed_gemm *g, const gemm_part *unit, void *a_panel, void *b_panels) {
    const size_t size = sizeof(REAL);
    if (unit->m == 1 && g->b_row == 1 && g->b_col != 1) {
        TYPED(multiply_row_by_columns)(g, unit);
        return;
    }
    const int64_t columns = round_up(even_step(unit->n, block_columns_of(size)), TILE_COLUMNS);
    const int64_t rows = even_step(unit->m, TILE_ROWS);
    for (int64_t j = 0; j < unit->n; j += columns)
        for (int64_t p = 0; p == 0 || p < unit->k; p += BLOCK_K) {
            gemm_part slab = part_of(g, unit, size, (range){0, unit->m}, range_at(j, columns, unit->n),
                                     range_at(p, BLOCK_K, unit->k));
            TYPED(block_of_b) b = {columns_in_place(g, &slab, size), b_panels};
            TYPED(pack_b)(g, &slab, &b);
            for (int64_t i = 0; i < slab.m; i += rows)
                TYPED(multiply_rows)(g, &slab, i, smaller(rows, slab.m - i), a_panel, &b);
        }
}

#undef VECTOR
#undef LANES
#undef TILE_COLUMNS
