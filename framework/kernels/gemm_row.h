/* gemm_row.h: the product of one row and a matrix whose columns lie in one piece each. Included by gemm_unit.h once per
 * REAL.
 *
 * Each element of b enters one sum only, so a packed copy would cost more than what it is made for. Squares of
 * LANES x LANES are transposed in registers instead: their lanes are then columns, and each column's sum is a chain of
 * fused multiply-adds in the order of p as it is in every tile.
 */

/* sum += a b for LANES columns of b, `across` apart, and LANES terms. */
static inline __attribute__((always_inline)) VECTOR TYPED(add_square)(VECTOR sum, const REAL *a, int64_t a_step,
                                                                      const REAL *b, int64_t across) {
    VECTOR square[LANES];
    UNROLL
    for (int i = 0; i < LANES; i++)
        square[i] = TYPED(load)(b + i * across);
    TYPED(transpose)(square);
    UNROLL
    for (int p = 0; p < LANES; p++)
        sum = TYPED(fma)(TYPED(splat)(a[p * a_step]), square[p], sum);
    return sum;
}

/* The same for the first `columns` and `terms`, the other lanes zero. */
static VECTOR TYPED(add_part_of_square)(VECTOR sum, const REAL *a, int64_t a_step, const REAL *b, int64_t across,
                                        int64_t columns, int64_t terms) {
    VECTOR square[LANES];
    for (int i = 0; i < LANES; i++)
        square[i] = i < columns ? TYPED(load_lanes)(b + i * across, terms) : (VECTOR){0};
    TYPED(transpose)(square);
    for (int p = 0; p < smaller(terms, LANES); p++)
        sum = TYPED(fma)(TYPED(splat)(a[p * a_step]), square[p], sum);
    return sum;
}

/* A block of terms of at most LANES columns. */
static inline __attribute__((always_inline)) VECTOR TYPED(sum_columns)(const gemm_part *block, int64_t a_step,
                                                                       int64_t across) {
    const REAL *a = block->a, *b = block->b;
    VECTOR sum = {0};
    int64_t p = 0;
    for (; block->n >= LANES && p + LANES <= block->k; p += LANES)
        sum = TYPED(add_square)(sum, a + p * a_step, a_step, b + p, across);
    for (; p < block->k; p += LANES)
        sum = TYPED(add_part_of_square)(sum, a + p * a_step, a_step, b + p, across, block->n, block->k - p);
    return sum;
}

/* c = alpha * sum (+ bias) (+ c). */
static void TYPED(store_columns)(const heed_gemm *g, const gemm_part *block, VECTOR sum) {
    REAL c[LANES] = {0};
    sum *= (REAL)g->alpha;
    if (block->bias)
        sum += TYPED(load_lanes)(block->bias, block->n);
    if (block->accumulate) {
        TYPED(copy_row)(c, 1, block->c, g->c_col, block->n);
        sum += TYPED(load_lanes)(c, block->n);
    }
    TYPED(store)(c, sum);
    TYPED(copy_row)(block->c, g->c_col, c, 1, block->n);
}

static void TYPED(multiply_row_by_columns)(const heed_gemm *g, const gemm_part *unit) {
    for (int64_t j = 0; j < unit->n; j += LANES)
        for (int64_t p = 0; p == 0 || p < unit->k; p += BLOCK_K) {
            const gemm_part block = part_of(g, unit, sizeof(REAL), (range){0, 1}, range_at(j, LANES, unit->n),
                                            range_at(p, BLOCK_K, unit->k));
            TYPED(store_columns)(g, &block, g->a_col == 1 ? TYPED(sum_columns)(&block, 1, g->b_col)
                                                          : TYPED(sum_columns)(&block, g->a_col, g->b_col));
        }
}
