/* recurrence_typed.h: the passes over time. Included by recurrence.c once per REAL. */

/* ---- forward ---- */

typedef struct TYPED(pass) {
    const heed_recurrence_problem *a;
    recurrence_plan plan;
    REAL *from;         /* (B, G H) */
    REAL *kept;         /* row b of step t is at kept + b kept_row + t kept_step */
    int64_t kept_row, kept_step;
    REAL *copy;         /* (H, G H): Wᵀ, copied_row apart */
    char *products;     /* scratch memory of the workers' */
    int64_t step;       /* of the rows that a loop is over */
    int64_t before;     /* the step before it in the order of reading; -1: none */
} TYPED(pass);

/* The state before a step, which is NULL where the cell has none: row b is at the pointer + b times the row's step. */
typedef struct TYPED(state_rows) {
    const REAL *at;
    int64_t row;
} TYPED(state_rows);

static TYPED(state_rows) TYPED(rows_before)(const heed_recurrence_problem *a, const void *start, const void *states,
                                            int64_t before) {
    if (before < 0 || start == NULL)
        return (TYPED(state_rows)){start, a->hidden};
    return (TYPED(state_rows)){(const REAL *)states + before * a->hidden, a->steps * a->hidden};
}

static void TYPED(copy)(REAL *to, const REAL *from, int64_t n) {
    memcpy(to, from, (size_t)n * sizeof(REAL));
}

/* Rows begin .. end - 1 of the batch, at one step, after the product. */
static void TYPED(gate_rows)(void *context, int64_t begin, int64_t end) {
    const TYPED(pass) *p = context;
    const heed_recurrence_problem *a = p->a;
    const int64_t H = a->hidden, T = a->steps, wide = a->cell->gates * H;
    const TYPED(state_rows) h = TYPED(rows_before)(a, a->h0, a->h, p->before);
    const TYPED(state_rows) c = TYPED(rows_before)(a, a->c0, a->c, p->before);
    for (int64_t b = begin; b < end; b++) {
        const int64_t place = b * T + p->step;
        TYPED(cell_step) s = {.n = H,
                              .in = (const REAL *)a->in + place * wide,
                              .from = p->from + b * wide,
                              .h = h.at + b * h.row,
                              .h_next = (REAL *)a->h + place * H,
                              .kept = p->kept + b * p->kept_row + p->step * p->kept_step};
        if (a->cell->has_c) {
            s.c = c.at + b * c.row;
            s.c_next = (REAL *)a->c + place * H;
        }
        if (a->padding == NULL || !a->padding[place]) {
            a->cell->TYPED(step)(&s);
            continue;
        }
        TYPED(copy)(s.h_next, s.h, H);
        if (a->cell->has_c)
            TYPED(copy)(s.c_next, s.c, H);
        memset(s.kept, 0, (size_t)(a->cell->kept * H) * sizeof(REAL));
    }
}

static void TYPED(worker)(void *context, int64_t begin, int64_t end) {
    TYPED(pass) p = *(const TYPED(pass) *)context;
    const heed_recurrence_problem *a = p.a;
    for (int64_t w = begin; w < end; w++) {
        const int64_t first = w * p.plan.share, rows = smaller(p.plan.share, a->batch - first);
        p.before = -1;
        for (int64_t i = 0; i < a->steps && rows > 0; i++, p.before = p.step) {
            p.step = a->reverse ? a->steps - 1 - i : i;
            const TYPED(state_rows) h = TYPED(rows_before)(a, a->h0, a->h, p.before);
            const heed_gemm by_w = product_of_state(a, rows, h.at + first * h.row, h.row,
                                                    p.from + first * a->cell->gates * a->hidden);
            const heed_gemm product = product_by_copy(a, by_w, p.copy, copied_row(a, sizeof(REAL)));
            TYPED(heed_gemm)(&product, p.plan.inner, p.products + (size_t)w * p.plan.gemm_bytes);
            if (p.plan.workers > 1)
                TYPED(gate_rows)(&p, first, first + rows);
            else
                heed_parallel_for(p.plan.inner, rows, p.plan.row_grain, TYPED(gate_rows), &p);
        }
    }
}

/* Columns begin .. end - 1 of Wᵀ, a square of cache lines at a time. */
static void TYPED(copy_columns)(void *context, int64_t begin, int64_t end) {
    const TYPED(pass) *p = context;
    const int64_t H = p->a->hidden, row = copied_row(p->a, sizeof(REAL)), side = LINE / (int64_t)sizeof(REAL);
    const REAL *w = p->a->w;
    for (int64_t first = begin; first < end; first += side)
        for (int64_t k = 0; k < H; k += side)
            for (int64_t j = first; j < smaller(first + side, end); j++)
                for (int64_t i = k; i < smaller(k + side, H); i++)
                    p->copy[i * row + j] = w[j * H + i];
}

void TYPED(heed_recurrence)(const heed_recurrence_problem *a, int threads, void *workspace) {
    const int64_t K = a->cell->kept * a->hidden;
    TYPED(pass) p = {.a = a, .plan = forward_plan(a, sizeof(REAL), threads), .from = workspace};
    char *after = (char *)workspace + from_bytes(a, sizeof(REAL));
    p.kept = a->kept ? a->kept : (void *)after;
    p.kept_row = a->kept ? a->steps * K : K;
    p.kept_step = a->kept ? K : 0;
    p.copy = (REAL *)(after + unkept_bytes(a, sizeof(REAL)));
    p.products = (char *)p.copy + copy_bytes(a, sizeof(REAL));
    if (copies_w(a))
        heed_parallel_for(threads, a->cell->gates * a->hidden, GATES_OF_A_THREAD / a->hidden / LINE * LINE + LINE,
                          TYPED(copy_columns), &p);
    heed_parallel_for((int)p.plan.workers, p.plan.workers, 1, TYPED(worker), &p);
}

/* ---- backward ---- */

typedef struct TYPED(pass_back) {
    const heed_recurrence_problem *a;
    const heed_recurrence_gradient *g;
    recurrence_plan plan;
    REAL *dh, *dc;  /* (B, H): the gradients of the state after the step that comes next */
    REAL *zeros;    /* (K H) */
    char *products;
    int64_t step, before;
} TYPED(pass_back);

static void TYPED(add)(REAL *restrict to, const REAL *restrict from, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        to[i] += from[i];
}

static void TYPED(put)(void *to, int64_t at, const REAL *from, int64_t n, bool adding) {
    if (to && adding)
        TYPED(add)((REAL *)to + at, from, n);
    else if (to)
        TYPED(copy)((REAL *)to + at, from, n);
}

/* One row at one step that is no padding. */
static void TYPED(row_back)(const TYPED(pass_back) *p, int64_t b, const REAL *h, const REAL *c) {
    const heed_recurrence_problem *a = p->a;
    const heed_recurrence_gradient *g = p->g;
    const int64_t H = a->hidden, place = b * a->steps + p->step, wide = a->cell->gates * H, K = a->cell->kept * H;
    const REAL *states_c = a->c;
    TYPED(cell_step_back) s = {.n = H,
                               .kept = K ? (const REAL *)a->kept + place * K : NULL,
                               .h = h,
                               .c = c,
                               .h_next = (const REAL *)a->h + place * H,
                               .c_next = states_c ? states_c + place * H : NULL,
                               .d_kept = g->d_kept ? (const REAL *)g->d_kept + place * K : p->zeros,
                               .dh = p->dh + b * H,
                               .dc = p->dc + b * H,
                               .a = (REAL *)g->d_from + place * wide};
    a->cell->TYPED(back)(&s);
    TYPED(put)(g->d_in, place * wide, s.a, wide, g->add_in);
    if (a->cell->TYPED(reset))
        a->cell->TYPED(reset)(&s);
}

/* At padding the state's gradient stays as it is, too, and in has none. */
static void TYPED(padded_row_back)(const TYPED(pass_back) *p, int64_t b) {
    const heed_recurrence_gradient *g = p->g;
    const int64_t wide = p->a->cell->gates * p->a->hidden, place = b * p->a->steps + p->step;
    const size_t bytes = (size_t)wide * sizeof(REAL);
    memset((REAL *)g->d_from + place * wide, 0, bytes);
    if (g->d_in && !g->add_in)
        memset((REAL *)g->d_in + place * wide, 0, bytes);
}

/* Rows begin .. end - 1 at one step, before the product. */
static void TYPED(gate_rows_back)(void *context, int64_t begin, int64_t end) {
    const TYPED(pass_back) *p = context;
    const heed_recurrence_problem *a = p->a;
    const int64_t H = a->hidden;
    const TYPED(state_rows) h = TYPED(rows_before)(a, a->h0, a->h, p->before);
    const TYPED(state_rows) c = TYPED(rows_before)(a, a->c0, a->c, p->before);
    for (int64_t b = begin; b < end; b++) {
        const int64_t place = b * a->steps + p->step;
        if (p->g->dh)
            TYPED(add)(p->dh + b * H, (const REAL *)p->g->dh + place * H, H);
        if (p->g->dc)
            TYPED(add)(p->dc + b * H, (const REAL *)p->g->dc + place * H, H);
        if (a->padding && a->padding[place])
            TYPED(padded_row_back)(p, b);
        else
            TYPED(row_back)(p, b, h.at + b * h.row, c.at ? c.at + b * c.row : NULL);
    }
}

static void TYPED(worker_back)(void *context, int64_t begin, int64_t end) {
    TYPED(pass_back) p = *(const TYPED(pass_back) *)context;
    const heed_recurrence_problem *a = p.a;
    const int64_t H = a->hidden, wide = a->cell->gates * H;
    for (int64_t w = begin; w < end; w++) {
        const int64_t first = w * p.plan.share, rows = smaller(p.plan.share, a->batch - first);
        for (int64_t i = a->steps - 1; i >= 0 && rows > 0; i--) {
            p.step = a->reverse ? a->steps - 1 - i : i;
            p.before = i == 0 ? -1 : a->reverse ? p.step + 1 : p.step - 1;
            if (p.plan.workers > 1)
                TYPED(gate_rows_back)(&p, first, first + rows);
            else
                heed_parallel_for(p.plan.inner, rows, p.plan.row_grain, TYPED(gate_rows_back), &p);
            if (i == 0 && p.g->d_h0 == NULL)
                break;
            const REAL *d_from = (const REAL *)p.g->d_from + (first * a->steps + p.step) * wide;
            const heed_gemm product = product_for_state(a, rows, d_from, p.dh + first * H);
            TYPED(heed_gemm)(&product, p.plan.inner, p.products + (size_t)w * p.plan.gemm_bytes);
        }
        if (rows > 0) {
            TYPED(put)(p.g->d_h0, first * H, p.dh + first * H, rows * H, p.g->add_h0);
            TYPED(put)(p.g->d_c0, first * H, p.dc + first * H, rows * H, p.g->add_c0);
        }
    }
}

/* The state before each step, as (B, T, H). */
static void TYPED(shift_rows)(void *context, int64_t begin, int64_t end) {
    const TYPED(pass_back) *p = context;
    const heed_recurrence_problem *a = p->a;
    const int64_t H = a->hidden, T = a->steps;
    REAL *to = (REAL *)p->products;
    for (int64_t b = begin; b < end; b++) {
        const REAL *h = (const REAL *)a->h + b * T * H, *h0 = (const REAL *)a->h0 + b * H;
        TYPED(copy)(to + (b * T + (a->reverse ? T - 1 : 0)) * H, h0, H);
        TYPED(copy)(to + (b * T + (a->reverse ? 0 : 1)) * H, h + (a->reverse ? H : 0), (T - 1) * H);
    }
}

static void TYPED(weight_gradient)(TYPED(pass_back) *p, int threads) {
    const heed_recurrence_problem *a = p->a;
    const void *before = a->h0;
    if (a->steps > 1) {
        before = p->products;
        heed_parallel_for(threads, a->batch, GATES_OF_A_THREAD / (a->steps * a->hidden) + 1, TYPED(shift_rows), p);
    }
    const heed_gemm product = product_for_weight(a, p->g, before);
    TYPED(heed_gemm)(&product, threads, p->products + before_bytes(a, sizeof(REAL)));
}

void TYPED(heed_recurrence_backward)(const heed_recurrence_problem *a, const heed_recurrence_gradient *g, int threads,
                                     void *workspace) {
    const size_t running = running_bytes(a, sizeof(REAL)), zeros = zeros_bytes(a, sizeof(REAL));
    char *memory = workspace;
    TYPED(pass_back) p = {.a = a,
                          .g = g,
                          .plan = backward_plan(a, sizeof(REAL), threads),
                          .dh = (REAL *)memory,
                          .dc = (REAL *)(memory + running),
                          .zeros = (REAL *)(memory + 2 * running),
                          .products = memory + 2 * running + zeros};
    memset(memory, 0, 2 * running + zeros);
    heed_parallel_for((int)p.plan.workers, p.plan.workers, 1, TYPED(worker_back), &p);
    if (g->d_w)
        TYPED(weight_gradient)(&p, threads);
}
