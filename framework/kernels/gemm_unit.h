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

/* A wide strip as panels one after the other, of width * k elements each. */
static void TYPED(pack)(REAL *panels, int64_t width, gemm_strip strip) {
    for (int64_t i = 0; strip.k > 0 && i < strip.count; i += width, panels += width * strip.k) {
        gemm_strip part = strip;
        part.source = (const REAL *)strip.source + i * strip.across;
        part.count = smaller(width, strip.count - i);
        TYPED(pack_panel)(panels, width, &part);
    }
}

/* A tile of c and what it is the product of: a(i, p) is at a[i * a_row + p * a_step], b(p, j) at b[p * b_step + j],
 * c(i, j) at c[i * c_row + j], and bias(j), if any, at bias[j]. */
typedef struct TYPED(tile) {
    int64_t k;
    const REAL *a;
    int64_t a_row, a_step;
    const REAL *b;
    int64_t b_step, b_next; /* from p to p + 1, and from one panel to the next */
    REAL *c;
    int64_t c_row;
    const REAL *bias;
    REAL alpha;
    bool accumulate;
} TYPED(tile);

/* sum(i, j) = alpha * sum(i, j) (+ bias(j)) (+ c(i, j)), stored to c(i, j). */
static inline __attribute__((always_inline)) void TYPED(store_tile)(int rows, int vectors, const TYPED(tile) *t,
                                                                    VECTOR sum[TILE_ROWS][WIDE_VECTORS]) {
    if (t->alpha != 1) {
        UNROLL
        for (int i = 0; i < rows; i++) {
            UNROLL
            for (int v = 0; v < vectors; v++)
                sum[i][v] *= t->alpha;
        }
    }
    if (t->bias) {
        UNROLL
        for (int i = 0; i < rows; i++) {
            UNROLL
            for (int v = 0; v < vectors; v++)
                sum[i][v] += TYPED(load)(t->bias + v * LANES);
        }
    }
    if (t->accumulate) {
        UNROLL
        for (int i = 0; i < rows; i++) {
            UNROLL
            for (int v = 0; v < vectors; v++)
                sum[i][v] += TYPED(load)(t->c + i * t->c_row + v * LANES);
        }
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vectors; v++)
            TYPED(store)(t->c + i * t->c_row + v * LANES, sum[i][v]);
    }
}

/* The micro-kernel. Every element is one chain of fused multiply-adds in the order of p. Inlined with constant rows and
 * vectors, so that `sum` lives in registers. */
static inline __attribute__((always_inline)) void TYPED(sum_tile)(int rows, int vectors, const TYPED(tile) *t) {
    VECTOR sum[TILE_ROWS][WIDE_VECTORS];
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vectors; v++)
            sum[i][v] = (VECTOR){0};
    }
    const int half = (rows + 1) / 2; /* so many steps from row to row are kept in registers, and two pointers */
    const int64_t a_row = t->a_row, b_next = t->b_next;
    const REAL *a[] = {t->a, t->a + half * a_row}, *b = t->b;
    for (int64_t p = 0; p < t->k; p++, a[0] += t->a_step, a[1] += t->a_step, b += t->b_step) {
        VECTOR b_row[WIDE_VECTORS];
        UNROLL
        for (int v = 0; v < vectors; v++)
            b_row[v] = TYPED(load)(b + v / TILE_VECTORS * b_next + v % TILE_VECTORS * LANES);
        UNROLL
        for (int i = 0; i < rows; i++) {
            VECTOR a_i = TYPED(splat)(a[i / half][i % half * a_row]);
            UNROLL
            for (int v = 0; v < vectors; v++)
                sum[i][v] = TYPED(fma)(a_i, b_row[v], sum[i][v]);
        }
    }
    TYPED(store_tile)(rows, vectors, t, sum);
}

/* Heights and widths as constants, for which the micro-kernel is compiled. */

static inline __attribute__((always_inline)) void TYPED(sum_rows)(int64_t rows, int vectors, const TYPED(tile) *t) {
    switch (rows) {
    case 1: TYPED(sum_tile)(1, vectors, t); break;
    case 2: TYPED(sum_tile)(2, vectors, t); break;
    case 3: TYPED(sum_tile)(3, vectors, t); break;
    case 4: TYPED(sum_tile)(4, vectors, t); break;
    case 5: TYPED(sum_tile)(5, vectors, t); break;
    case 6: TYPED(sum_tile)(6, vectors, t); break;
#if TILE_ROWS > 6
    case 7: TYPED(sum_tile)(7, vectors, t); break;
    case 8: TYPED(sum_tile)(8, vectors, t); break;
    case 9: TYPED(sum_tile)(9, vectors, t); break;
    case 10: TYPED(sum_tile)(10, vectors, t); break;
    case 11: TYPED(sum_tile)(11, vectors, t); break;
    case 12: TYPED(sum_tile)(12, vectors, t); break;
    case 13: TYPED(sum_tile)(13, vectors, t); break;
    case 14: TYPED(sum_tile)(14, vectors, t); break;
#endif
    }
}

static void TYPED(multiply_tile)(int64_t rows, int64_t columns, const TYPED(tile) *t) {
    if (columns > TILE_COLUMNS)
        rows == 1 ? TYPED(sum_tile)(1, WIDE_VECTORS, t) : TYPED(sum_tile)(2, WIDE_VECTORS, t);
    else if (columns > LANES)
        TYPED(sum_rows)(rows, TILE_VECTORS, t);
    else
        TYPED(sum_rows)(rows, 1, t);
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
    _Alignas(VECTOR_BYTES) REAL copy[TILE_ROWS * TILE_COLUMNS], bias[WIDE_VECTORS * LANES];
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
    bool wide = rows <= WIDE_ROWS && left > (WIDE_VECTORS - 1) * LANES;
    return smaller(wide ? WIDE_VECTORS * LANES : TILE_COLUMNS, left);
}

/* Has the cache fetch the ends of the tile's rows of c while its sums are computed. */
static void TYPED(prefetch_c)(int64_t rows, int64_t columns, const TYPED(tile) *t, int64_t c_col) {
    for (int64_t i = 0; i < rows; i++) {
        __builtin_prefetch(t->c + i * t->c_row, 1);
        __builtin_prefetch(t->c + i * t->c_row + (columns - 1) * c_col, 1);
    }
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
