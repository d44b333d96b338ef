/* recurrence_cells.h: one step of one row of each kind of cell, forward and backward. Included by recurrence.c once per
 * REAL.
 *
 * With x = W_i x_t + b_i (called in) and y = W_h h + b_h (called from), cut into blocks of H, s the sigmoid:
 *
 *     RNN   h' = f(x + y), f being tanh or relu
 *     GRU   r = s(x_r + y_r)   z = s(x_z + y_z)   n = tanh(x_n + r y_n)   h' = (1 - z) n + z h
 *     LSTM  i = s(x_i + y_i)   f = s(x_f + y_f)   g = tanh(x_g + y_g)     o = s(x_o + y_o)
 *           c' = f c + i g     h' = o tanh(c')
 *
 * Backward gives the gradient a of each gate before its function: s' = s (1 - s), tanh' = 1 - tanh². Of what is added,
 * x and y, that is the gradient as it is, but for y_n, which r multiplies: r a_n.
 *
 *     RNN   a = dh' f'
 *     GRU   a_n = dh' (1 - z) (1 - n²)   a_z = dh' (h - n) z (1 - z)   a_r = a_n y_n r (1 - r)   dh = dh' z + ...
 *     LSTM  dc' = what came + dh' o (1 - tanh²(c'))   a_o = dh' tanh(c') o (1 - o)
 *           a_i = dc' g i (1 - i)   a_f = dc' c f (1 - f)   a_g = dc' i (1 - g²)   dc = dc' f
 *
 * and the rest of dh, through y, is a product with W_h. */

/* One row at one step: pointers to H elements, or as many blocks of H as there are gates. */
typedef struct TYPED(cell_step) {
    int64_t n;                   /* H */
    const REAL *in, *from, *h, *c; /* the state before the step */
    REAL *h_next, *c_next, *kept;
} TYPED(cell_step);

typedef struct TYPED(cell_step_back) {
    int64_t n;
    const REAL *kept, *h, *c, *h_next, *c_next;
    const REAL *d_kept; /* what comes to the gates from elsewhere: mostly zeros */
    REAL *dh, *dc;      /* from those of the state after the step to those before, but for what comes through W_h */
    REAL *a;            /* written */
} TYPED(cell_step_back);

static void TYPED(rnn_tanh)(const TYPED(cell_step) *s) {
    const int64_t n = s->n;
    const REAL *in = s->in, *from = s->from;
    REAL *h_next = s->h_next;
    APART
    for (int64_t i = 0; i < n; i++)
        h_next[i] = TYPED(heed_tanh)(in[i] + from[i]);
}

static void TYPED(rnn_tanh_back)(const TYPED(cell_step_back) *s) {
    const int64_t n = s->n;
    const REAL *h_next = s->h_next;
    REAL *dh = s->dh, *a = s->a;
    APART
    for (int64_t i = 0; i < n; i++) {
        a[i] = dh[i] * (1 - h_next[i] * h_next[i]);
        dh[i] = 0;
    }
}

/* NaN passes. */
static void TYPED(rnn_relu)(const TYPED(cell_step) *s) {
    const int64_t n = s->n;
    const REAL *in = s->in, *from = s->from;
    REAL *h_next = s->h_next;
    APART
    for (int64_t i = 0; i < n; i++) {
        REAL sum = in[i] + from[i];
        h_next[i] = sum <= 0 ? 0 : sum;
    }
}

static void TYPED(rnn_relu_back)(const TYPED(cell_step_back) *s) {
    const int64_t n = s->n;
    const REAL *h_next = s->h_next;
    REAL *dh = s->dh, *a = s->a;
    APART
    for (int64_t i = 0; i < n; i++) {
        a[i] = h_next[i] <= 0 ? 0 : dh[i];
        dh[i] = 0;
    }
}

static void TYPED(gru)(const TYPED(cell_step) *s) {
    const int64_t n = s->n;
    const REAL *x_r = s->in, *x_z = x_r + n, *x_new = x_z + n;
    const REAL *y_r = s->from, *y_z = y_r + n, *y_new = y_z + n, *h = s->h;
    REAL *r = s->kept, *z = r + n, *new = z + n, *y = new + n;
    REAL *h_next = s->h_next;
    APART
    for (int64_t i = 0; i < n; i++) {
        r[i] = TYPED(heed_sigmoid)(x_r[i] + y_r[i]);
        z[i] = TYPED(heed_sigmoid)(x_z[i] + y_z[i]);
        new[i] = TYPED(heed_tanh)(x_new[i] + r[i] * y_new[i]);
        y[i] = y_new[i];
        h_next[i] = new[i] + z[i] * (h[i] - new[i]);
    }
}

static void TYPED(gru_back)(const TYPED(cell_step_back) *s) {
    const int64_t n = s->n;
    const REAL *r = s->kept, *z = r + n, *new = z + n, *y = new + n;
    const REAL *d_r = s->d_kept, *d_z = d_r + n, *d_new = d_z + n, *h = s->h;
    REAL *a_r = s->a, *a_z = a_r + n, *a_new = a_z + n, *dh = s->dh;
    APART
    for (int64_t i = 0; i < n; i++) {
        a_new[i] = (dh[i] * (1 - z[i]) + d_new[i]) * (1 - new[i] * new[i]);
        a_r[i] = (a_new[i] * y[i] + d_r[i]) * (r[i] * (1 - r[i]));
        a_z[i] = (dh[i] * (h[i] - new[i]) + d_z[i]) * (z[i] * (1 - z[i]));
        dh[i] *= z[i];
    }
}

/* From the gradient of in to that of from. */
static void TYPED(gru_reset)(const TYPED(cell_step_back) *s) {
    const int64_t n = s->n;
    const REAL *r = s->kept, *d_y = s->d_kept + 3 * n;
    REAL *a_new = s->a + 2 * n;
    APART
    for (int64_t i = 0; i < n; i++)
        a_new[i] = a_new[i] * r[i] + d_y[i];
}

static void TYPED(lstm)(const TYPED(cell_step) *s) {
    const int64_t n = s->n;
    const REAL *x_i = s->in, *x_f = x_i + n, *x_g = x_f + n, *x_o = x_g + n;
    const REAL *y_i = s->from, *y_f = y_i + n, *y_g = y_f + n, *y_o = y_g + n;
    REAL *i = s->kept, *f = i + n, *g = f + n, *o = g + n;
    const REAL *c = s->c;
    REAL *h_next = s->h_next, *c_next = s->c_next;
    APART
    for (int64_t k = 0; k < n; k++) {
        i[k] = TYPED(heed_sigmoid)(x_i[k] + y_i[k]);
        f[k] = TYPED(heed_sigmoid)(x_f[k] + y_f[k]);
        g[k] = TYPED(heed_tanh)(x_g[k] + y_g[k]);
        o[k] = TYPED(heed_sigmoid)(x_o[k] + y_o[k]);
        c_next[k] = f[k] * c[k] + i[k] * g[k];
        h_next[k] = o[k] * TYPED(heed_tanh)(c_next[k]);
    }
}

static void TYPED(lstm_back)(const TYPED(cell_step_back) *s) {
    const int64_t n = s->n;
    const REAL *i = s->kept, *f = i + n, *g = f + n, *o = g + n;
    const REAL *d_i = s->d_kept, *d_f = d_i + n, *d_g = d_f + n, *d_o = d_g + n;
    REAL *a_i = s->a, *a_f = a_i + n, *a_g = a_f + n, *a_o = a_g + n;
    const REAL *c = s->c, *c_next = s->c_next;
    REAL *dh = s->dh, *dc = s->dc;
    APART
    for (int64_t k = 0; k < n; k++) {
        const REAL squashed = TYPED(heed_tanh)(c_next[k]);
        const REAL d = dc[k] + dh[k] * o[k] * (1 - squashed * squashed);
        a_i[k] = (d * g[k] + d_i[k]) * (i[k] * (1 - i[k]));
        a_f[k] = (d * c[k] + d_f[k]) * (f[k] * (1 - f[k]));
        a_g[k] = (d * i[k] + d_g[k]) * (1 - g[k] * g[k]);
        a_o[k] = (dh[k] * squashed + d_o[k]) * (o[k] * (1 - o[k]));
        dc[k] = d * f[k];
        dh[k] = 0;
    }
}
