#include <heed/layers/gru.h>

#include <math.h>

#include "shared_internal.h"

void heed_gru_init(heed_gru *gru, const heed_module *parent, const char *name, int64_t inputs, int64_t hidden) {
    *gru = (heed_gru){.hidden = hidden};
    heed_module_init(&gru->module, parent, name);
    const heed_module *module = &gru->module;
    if (inputs < 1 || hidden < 1 || hidden > INT64_MAX / 3) {
        heed_module_fail(module, "inputs %lld and hidden %lld must be positive, 3 hidden countable", (long long)inputs, (long long)hidden);
        return;
    }
    double bound = 1 / sqrt((double)hidden);
    heed_init init = heed_init_uniform(-bound, bound);
    gru->w_i = heed_param_new(module, "w_i", HEED_SHAPE(3 * hidden, inputs), init);
    gru->w_h = heed_param_new(module, "w_h", HEED_SHAPE(3 * hidden, hidden), init);
    gru->b_i = heed_param_new(module, "b_i", HEED_SHAPE(3 * hidden), init);
    gru->b_h = heed_param_new(module, "b_h", HEED_SHAPE(3 * hidden), init);
    heed_param_set_group(gru->b_i, "no_decay");
    heed_param_set_group(gru->b_h, "no_decay");
}

/* What the input says to r, z and n: W_i x + b_i, (..., 3 hidden). It needs no state, so a sequence is done in one product. */
static heed_tensor from_input(const heed_gru *gru, heed_tape *t, heed_tensor x) {
    return heed_linear(t, x, heed_use(t, gru->w_i), heed_use(t, gru->b_i));
}

/* in (B, 3 hidden), h (B, hidden) -> h' (B, hidden). */
static heed_tensor next_state(const heed_gru *gru, heed_tape *t, heed_tensor in, heed_tensor h) {
    heed_tensor i[3], s[3]; /* for r, z, n: (B, hidden) each */
    heed_split(t, in, -1, 3, NULL, i);
    heed_split(t, heed_linear(t, h, heed_use(t, gru->w_h), heed_use(t, gru->b_h)), -1, 3, NULL, s);

    heed_tensor r = heed_watch(t, "r", heed_sigmoid(t, heed_add(t, i[0], s[0])));
    heed_tensor z = heed_watch(t, "z", heed_sigmoid(t, heed_add(t, i[1], s[1])));
    heed_tensor n = heed_watch(t, "n", heed_tanh(t, heed_add(t, i[2], heed_mul(t, r, s[2]))));
    return heed_add(t, n, heed_mul(t, z, heed_sub(t, h, n))); /* (1 - z) n + z h */
}

heed_tensor heed_gru_step(const heed_gru *gru, heed_tape *t, heed_tensor x, heed_tensor h) {
    heed_enter(t, &gru->module);
    heed_tensor next = next_state(gru, t, from_input(gru, t, x), h);
    heed_leave(t);
    return next;
}

/* States of the steps first .. last - 1 as (B, last - first, hidden); h goes from the state before them to that after them.
 * A long sequence is joined from halves, so that the stack holds a few handles, however long it is. */
enum { BLOCK = 64 };
static heed_tensor unroll(const heed_gru *gru, heed_tape *t, heed_tensor in, heed_tensor padding, int64_t first, int64_t last, heed_tensor *h) {
    if (last - first > BLOCK) {
        int64_t middle = first + (last - first) / 2;
        heed_tensor half[2];
        half[0] = unroll(gru, t, in, padding, first, middle, h);
        half[1] = unroll(gru, t, in, padding, middle, last, h);
        return heed_concat(t, half, 2, 1);
    }
    heed_tensor states[BLOCK];
    for (int64_t i = first; i < last; i++) {
        heed_tensor next = next_state(gru, t, heed_select(t, in, 1, i), *h);
        if (!heed_is_nil(padding)) /* a column (B, 1) */
            next = heed_where(t, heed_slice(t, padding, 1, i, i + 1), *h, next);
        states[i - first] = *h = next;
    }
    return heed_stack(t, states, (int)(last - first), 1);
}

static heed_tensor run(const heed_gru *gru, heed_tape *t, heed_tensor x, heed_tensor padding, heed_tensor *h) {
    heed_tensor in = from_input(gru, t, x); /* (B, T, 3 hidden) */
    if (heed_is_nil(in))
        return HEED_NIL;
    if (heed_rank(t, in) != 3)
        return heed_fail_tape(t, HEED_INVALID, "x is %s; it must be (batch, steps, inputs)", HEED_SHAPE_STR(heed_shape_of(t, x)));
    int64_t B = heed_size(t, in, 0), T = heed_size(t, in, 1);
    if (!heed_layer_padding_fits(t, padding, B, T))
        return HEED_NIL;
    if (heed_is_nil(*h))
        *h = heed_zeros(t, heed_dtype_of(t, in), HEED_SHAPE(B, gru->hidden));
    if (T == 0)
        return heed_zeros(t, heed_dtype_of(t, in), HEED_SHAPE(B, 0, gru->hidden));
    return unroll(gru, t, in, padding, 0, T, h);
}

heed_tensor heed_gru_forward(const heed_gru *gru, heed_tape *t, heed_tensor x, heed_tensor h0, heed_tensor padding, heed_tensor *last) {
    heed_enter(t, &gru->module);
    heed_tensor h = h0, states = run(gru, t, x, padding, &h);
    heed_leave(t);
    if (last)
        *last = heed_is_nil(states) ? HEED_NIL : h;
    return states;
}
