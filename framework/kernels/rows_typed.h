/* rows.h for one REAL. No include guard, on purpose. */
#define LANES ((int)(HEED_ROW_BYTES / sizeof(REAL)))

/* The lanes from x on, of which there are `count`; the others are `none`. */
static inline void TYPED(heed_row_load)(TYPED(heed_lanes) *lanes, const REAL *x, int64_t count, REAL none) {
    if (count >= LANES) {
        memcpy(lanes, x, sizeof *lanes);
        return;
    }
    REAL few[HEED_ROW_BYTES / sizeof(REAL)];
    const int there = (int)count;
    APART
    for (int i = 0; i < LANES; i++)
        few[i] = i < there ? x[i] : none;
    memcpy(lanes, few, sizeof *lanes);
}

/* The first `count` of the lanes, or all, to y on. */
static inline void TYPED(heed_row_store)(REAL *y, const TYPED(heed_lanes) *lanes, int64_t count) {
    if (count >= LANES) {
        memcpy(y, lanes, sizeof *lanes);
        return;
    }
    REAL few[HEED_ROW_BYTES / sizeof(REAL)];
    const int there = (int)count;
    memcpy(few, lanes, sizeof few);
    APART
    for (int i = 0; i < LANES; i++)
        if (i < there)
            y[i] = few[i];
}

static inline double TYPED(heed_row_sum)(const REAL *x, int64_t n) {
    double total = 0;
    for (int64_t block = 0; block < n; block += HEED_ROW_BLOCK) {
        int64_t end = n - block < HEED_ROW_BLOCK ? n : block + HEED_ROW_BLOCK;
        TYPED(heed_lanes) sum = {0}, next;
        for (int64_t i = block; i < end; i += LANES) {
            TYPED(heed_row_load)(&next, x + i, end - i, 0);
            sum += next;
        }
        total += (double)TYPED(heed_lanes_sum)(&sum);
    }
    return total;
}

static inline double TYPED(heed_row_dot)(const REAL *x, const REAL *y, int64_t n) {
    double total = 0;
    for (int64_t block = 0; block < n; block += HEED_ROW_BLOCK) {
        int64_t end = n - block < HEED_ROW_BLOCK ? n : block + HEED_ROW_BLOCK;
        TYPED(heed_lanes) sum = {0}, a, b;
        for (int64_t i = block; i < end; i += LANES) {
            TYPED(heed_row_load)(&a, x + i, end - i, 0);
            TYPED(heed_row_load)(&b, y + i, end - i, 0);
            sum += a * b;
        }
        total += (double)TYPED(heed_lanes_sum)(&sum);
    }
    return total;
}

static inline REAL TYPED(heed_row_max)(const REAL *x, int64_t n) {
    const REAL lowest = -(REAL)INFINITY;
    TYPED(heed_lanes) max = lowest - (TYPED(heed_lanes)){0}, next;
    for (int64_t i = 0; i < n; i += LANES) {
        TYPED(heed_row_load)(&next, x + i, n - i, lowest);
        TYPED(heed_lanes_larger)(&max, &next);
    }
    return TYPED(heed_lanes_max)(&max);
}

static inline void TYPED(heed_row_exp)(REAL *y, const REAL *x, int64_t n, REAL less, REAL factor) {
    TYPED(heed_lanes) next;
    REAL e[HEED_ROW_BYTES / sizeof(REAL)];
    for (int64_t i = 0; i < n; i += LANES) {
        TYPED(heed_row_load)(&next, x + i, n - i, 0);
        memcpy(e, &next, sizeof e);
        APART
        for (int lane = 0; lane < LANES; lane++)
            e[lane] = TYPED(heed_exp)(e[lane] - less) * factor;
        memcpy(&next, e, sizeof e);
        TYPED(heed_row_store)(y + i, &next, n - i);
    }
}

#undef LANES
