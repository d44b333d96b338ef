/* gemm_tile.h: the product of one tile. Included once per REAL: by gemm_unit.h, and for the tiles of
 * attention. */

/* What will be read after a tile, for the cache to fetch meanwhile: a few elements, first to last, at each of the same
 * k steps. first NULL: nothing is known of it. */
typedef struct TYPED(reading) {
    const REAL *first;
    int64_t last, step;
} TYPED(reading);

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
    TYPED(reading) next;
} TYPED(tile);

/* sum(i, j) = alpha * sum(i, j) (+ bias(j)) (+ c(i, j)), stored to c(i, j). */
static inline __attribute__((always_inline)) void TYPED(store_tile)(int rows, int vectors, const TYPED(tile) *t,
                                                                    VECTOR sum[TILE_ROWS][WIDEST_VECTORS]) {
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
    VECTOR sum[TILE_ROWS][WIDEST_VECTORS];
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vectors; v++)
            sum[i][v] = (VECTOR){0};
    }
    const int half = (rows + 1) / 2; /* so many steps from row to row are kept in registers, and two pointers */
    const int64_t a_row = t->a_row, b_next = t->b_next;
    const REAL *a[] = {t->a, t->a + half * a_row}, *b = t->b;
    const REAL *next = t->next.first;
    for (int64_t p = 0; p < t->k; p++, a[0] += t->a_step, a[1] += t->a_step, b += t->b_step) {
        if (next) {
            __builtin_prefetch(next);
            __builtin_prefetch(next + t->next.last);
            next += t->next.step;
        }
        VECTOR b_row[WIDEST_VECTORS];
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
    if (columns > WIDE_VECTORS * LANES)
        TYPED(sum_tile)(1, WIDEST_VECTORS, t);
    else if (columns > TILE_COLUMNS)
        rows == 1 ? TYPED(sum_tile)(1, WIDE_VECTORS, t) : TYPED(sum_tile)(2, WIDE_VECTORS, t);
    else if (columns > LANES)
        TYPED(sum_rows)(rows, TILE_VECTORS, t);
    else
        TYPED(sum_rows)(rows, 1, t);
}
