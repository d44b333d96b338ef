/* gemm_pack.h: copies of an operand laid out as the micro-kernel reads them. Included once per REAL.
 *
 * A strip is some rows of a, or columns of b: `across` leads from one to the next, `along` from one term of the sum to
 * the next. A strip of at most `width` of them is packed into a panel,
 *
 *     panel[p * width + i] = source[i * across + p * along]      0 <= p < k, 0 <= i < count <= width,
 *
 * and zero for the other i, so that tiles at an edge compute like all others. Nothing outside the strip is read.
 */

/* across = 1: vectors, `along` apart. */
static void TYPED(pack_rows)(REAL *panel, int64_t width, const gemm_strip *strip) {
    const REAL *source = strip->source;
    for (int64_t p = 0; p < strip->k; p++, panel += width, source += strip->along)
        for (int64_t i = 0; i < width; i += LANES)
            TYPED(store)(panel + i, TYPED(load_lanes)(source + i, strip->count - i));
}

/* Any strides, element by element. */
static void TYPED(pack_elements)(REAL *panel, int64_t width, const gemm_strip *strip) {
    const REAL *source = strip->source;
    for (int64_t p = 0; p < strip->k; p++, panel += width, source += strip->along) {
        for (int64_t i = 0; i < width; i += LANES)
            TYPED(store)(panel + i, (VECTOR){0});
        for (int64_t i = 0; i < strip->count; i++)
            panel[i] = source[i * strip->across];
    }
}

/* A square of LANES x LANES: lane i of the panel's vector p is source[i * across + p], or zero for i >= count. */
static void TYPED(transpose_square)(REAL *panel, int64_t width, const REAL *source, int64_t across, int64_t count) {
    VECTOR square[LANES];
    UNROLL
    for (int i = 0; i < LANES; i++)
        square[i] = i < count ? TYPED(load)(source + i * across) : (VECTOR){0};
    TYPED(transpose)(square);
    UNROLL
    for (int p = 0; p < LANES; p++)
        TYPED(store)(panel + p * width, square[p]);
}

/* along = 1: squares of LANES transposed, and the terms that are left after them by elements. */
static void TYPED(pack_transposed)(REAL *panel, int64_t width, const gemm_strip *strip) {
    const REAL *source = strip->source;
    const int64_t across = strip->across, whole = strip->k / LANES * LANES;
    for (int64_t i = 0; i < width; i += LANES)
        for (int64_t p = 0; p < whole; p += LANES)
            TYPED(transpose_square)(panel + p * width + i, width, source + i * across + p, across, strip->count - i);
    gemm_strip rest = *strip;
    rest.source = source + whole;
    rest.k = strip->k - whole;
    TYPED(pack_elements)(panel + whole * width, width, &rest);
}

static void TYPED(pack_panel)(REAL *panel, int64_t width, const gemm_strip *strip) {
    if (strip->across == 1)
        TYPED(pack_rows)(panel, width, strip);
    else if (strip->along == 1 && strip->count > 2) /* one or two are not worth the shuffles */
        TYPED(pack_transposed)(panel, width, strip);
    else
        TYPED(pack_elements)(panel, width, strip);
}
