/* Kernels of an elementwise op of two operands for one REAL, from the formulas that the op's file defines:
 *     FORWARD(a, b)                                        the value, a RESULT
 *     GRADIENT_A(dy, a, b, y), GRADIENT_B(dy, a, b, y)     dL/da and dL/db; not defined where there is no gradient
 * No include guard, on purpose. */

HEED_SPECIALISED void TYPED(value_loop)(const heed_span *s, const int64_t step_a, const int64_t step_b) {
    RESULT *restrict y = (RESULT *)s->call->out[0]->data + s->at;
    const REAL *a = s->in[0], *b = s->in[1];
    const int64_t n = s->n;
    for (int64_t i = 0; i < n; i++)
        y[i] = FORWARD(a[i * step_a], b[i * step_b]);
}

static void TYPED(values)(const heed_span *s) {
    if (s->step[0] == 1 && s->step[1] == 1)
        TYPED(value_loop)(s, 1, 1);
    else if (s->step[0] == 1 && s->step[1] == 0)
        TYPED(value_loop)(s, 1, 0);
    else if (s->step[0] == 0 && s->step[1] == 1)
        TYPED(value_loop)(s, 0, 1);
    else
        TYPED(value_loop)(s, s->step[0], s->step[1]);
}

static void TYPED(forward)(heed_call *call) {
    heed_each_span(call, GRAIN, TYPED(values));
}

#ifdef GRADIENT_A
HEED_SPECIALISED void TYPED(gradient_loop)(const heed_span *s, const int64_t step_a, const int64_t step_b) {
    REAL *da = s->call->dx[0] ? s->call->dx[0]->data : NULL, *db = s->call->dx[1] ? s->call->dx[1]->data : NULL;
    const REAL *restrict dy = (const REAL *)s->call->dy[0]->data + s->at;
    const REAL *restrict y = SAVE_OUT ? (const REAL *)s->call->out[0]->data + s->at : NULL;
    const REAL *restrict a = s->in[0], *restrict b = s->in[1];
    const int64_t n = s->n;
    (void)a, (void)b, (void)y, (void)step_a, (void)step_b;
    if (da) {
        REAL *restrict out = da + s->at;
        for (int64_t i = 0; i < n; i++)
            out[i] = GRADIENT_A(dy[i], a[i * step_a], b[i * step_b], y[i]);
    }
    if (db) {
        REAL *restrict out = db + s->at;
        for (int64_t i = 0; i < n; i++)
            out[i] = GRADIENT_B(dy[i], a[i * step_a], b[i * step_b], y[i]);
    }
}

static void TYPED(gradients)(const heed_span *s) {
    if (s->step[0] == 1 && s->step[1] == 1)
        TYPED(gradient_loop)(s, 1, 1);
    else if (s->step[0] == 1 && s->step[1] == 0)
        TYPED(gradient_loop)(s, 1, 0);
    else if (s->step[0] == 0 && s->step[1] == 1)
        TYPED(gradient_loop)(s, 0, 1);
    else
        TYPED(gradient_loop)(s, s->step[0], s->step[1]);
}

static void TYPED(backward)(heed_call *call) {
    heed_each_span(call, GRAIN, TYPED(gradients));
}
#endif
