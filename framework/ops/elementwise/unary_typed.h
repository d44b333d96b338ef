/* Kernels of an elementwise op of one operand for one REAL, from what its file defines (see unary.h).
 * No include guard, on purpose. */

HEED_SPECIALISED void TYPED(value_loop)(const heed_span *s, const int64_t step) {
    REAL *restrict y = (REAL *)s->call->out[0]->data + s->at;
    const REAL *restrict x = s->in[0];
    const int64_t n = s->n;
#ifdef FIRST
    const heed_numbers *numbers = s->call->attr;
    const REAL FIRST = (REAL)numbers->first, SECOND = (REAL)numbers->second;
    (void)FIRST, (void)SECOND;
#endif
    for (int64_t i = 0; i < n; i++)
        y[i] = FORWARD(x[i * step]);
}

static void TYPED(values)(const heed_span *s) {
    if (s->step[0] == 1)
        TYPED(value_loop)(s, 1);
    else
        TYPED(value_loop)(s, s->step[0]);
}

static void TYPED(forward)(heed_call *call) {
    heed_each_span(call, GRAIN, TYPED(values));
}

#ifdef GRADIENT
HEED_SPECIALISED void TYPED(gradient_loop)(const heed_span *s, const int64_t step) {
    REAL *restrict dx = (REAL *)s->call->dx[0]->data + s->at;
    const REAL *restrict dy = (const REAL *)s->call->dy[0]->data + s->at;
    const REAL *restrict y = SAVE_OUT ? (const REAL *)s->call->out[0]->data + s->at : NULL;
    const REAL *restrict x = s->in[0];
    const int64_t n = s->n;
    (void)x, (void)y, (void)step;
#ifdef FIRST
    const heed_numbers *numbers = s->call->attr;
    const REAL FIRST = (REAL)numbers->first, SECOND = (REAL)numbers->second;
    (void)FIRST, (void)SECOND;
#endif
    for (int64_t i = 0; i < n; i++)
        dx[i] = GRADIENT(dy[i], x[i * step], y[i]);
}

static void TYPED(gradients)(const heed_span *s) {
    if (s->step[0] == 1)
        TYPED(gradient_loop)(s, 1);
    else
        TYPED(gradient_loop)(s, s->step[0]);
}

static void TYPED(backward)(heed_call *call) {
    if (call->dx[0])
        heed_each_span(call, GRAIN, TYPED(gradients));
}
#endif
