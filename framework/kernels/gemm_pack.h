/* gemm_pack.h: copies of an operand laid out as the micro-kernel reads them. Included by gemm.c once per REAL.
 *
 * A panel is `width` rows of a, or columns of b, side by side: with "across" the direction of i (or j) and "along" that of the sum,
 *
 *     panel[p * width + i] = source[i * across + p * along]      0 <= p < k, 0 <= i < count,
 *
 * and zero for count <= i < width, so that tiles at an edge compute like the others. No element outside the source is read.
 */

/* across = 1 and count >= width: whole vectors, `along` apart. */
static void TYPED(pack_rows)(REAL *panel, int64_t width, const REAL *source, int64_t along, int64_t k)
{
    for (int64_t p = 0; p < k; p++, panel += width, source += along)
        for (int64_t i = 0; i < width; i += LANES)
            TYPED(store)(panel + i, TYPED(load)(source + i));
}

/* A square of LANES x LANES transposed in registers: lane i of panel's vector p = source[i * across + p] (zero for i >= count).
 *
 * Interleaving vectors i and i + LANES/2 for all i moves, in the number of an element (its vector, then its lane, in binary), the
 * highest digit to the end and the others up by one. Done log2(LANES) times that exchanges vector and lane. */
static void TYPED(transpose_square)(REAL *panel, int64_t width, const REAL *source, int64_t across, int64_t count)
{
    VECTOR square[LANES], next[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
        square[i] = i < count ? TYPED(load)(source + i * across) : (VECTOR){0};
#pragma GCC unroll 4
    for (int digit = 1; digit < LANES; digit *= 2) {
#pragma GCC unroll 8
        for (int i = 0; i < LANES / 2; i++) {
            next[2 * i] = square[i];
            next[2 * i + 1] = square[i + LANES / 2];
            TYPED(interleave)(&next[2 * i], &next[2 * i + 1]);
        }
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++)
            square[i] = next[i];
    }
#pragma GCC unroll 16
    for (int p = 0; p < LANES; p++)
        TYPED(store)(panel + p * width, square[p]);
}

/* Any strides, element by element. */
static void TYPED(pack_elements)(REAL *panel, int64_t width, const REAL *source, int64_t across, int64_t along, int64_t count, int64_t k)
{
    for (int64_t p = 0; p < k; p++, panel += width, source += along) {
        for (int64_t i = 0; i < width; i += LANES)
            TYPED(store)(panel + i, (VECTOR){0});
        for (int64_t i = 0; i < count; i++)
            panel[i] = source[i * across];
    }
}

/* along = 1: squares of LANES transposed; what is left of k after them by elements. */
static void TYPED(pack_transposed)(REAL *panel, int64_t width, const REAL *source, int64_t across, int64_t count, int64_t k)
{
    int64_t p = 0;
    for (; p + LANES <= k; p += LANES)
        for (int64_t i = 0; i < width; i += LANES)
            TYPED(transpose_square)(panel + p * width + i, width, source + i * across + p, across, count - i);
    TYPED(pack_elements)(panel + p * width, width, source + p, across, 1, count, k - p);
}

static void TYPED(pack_panel)(REAL *panel, int64_t width, const REAL *source, int64_t across, int64_t along, int64_t count, int64_t k)
{
    if (across == 1 && count >= width)
        TYPED(pack_rows)(panel, width, source, along, k);
    else if (along == 1 && count > 2) /* one or two rows are not worth the shuffles */
        TYPED(pack_transposed)(panel, width, source, across, count, k);
    else
        TYPED(pack_elements)(panel, width, source, across, along, count < width ? count : width, k);
}

/* The block's panels, one after the other: panel t has the rows from t * step on, and takes width * k elements. */
static void TYPED(pack_block)(REAL *panels, int64_t width, int64_t step, const REAL *source, int64_t across, int64_t along, int64_t count, int64_t k)
{
    for (int64_t i = 0; i < count; i += step, panels += width * k)
        TYPED(pack_panel)(panels, width, source + i * across, across, along, count - i, k);
}
