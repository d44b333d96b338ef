#include "attention_masks_internal.h"

#include <math.h>

#include "shared_internal.h"

/* Who is seen (bool) and what is added to scores (real), of which either or both may be nil. */
typedef struct verdict {
    heed_tensor seen, added;
} verdict;

static heed_tensor both(heed_tape *t, heed_tensor a, heed_tensor b) {
    return heed_is_nil(a) ? b : heed_is_nil(b) ? a : heed_and(t, a, b);
}

/* x (..., S or 1 or nothing) -> (..., S + extra), `value` for the extra keys. */
static heed_tensor widened(heed_tape *t, heed_tensor x, int64_t S, int extra, double value) {
    if (heed_is_nil(x) || extra == 0)
        return x;
    heed_shape shape = heed_shape_of(t, x);
    shape.rank = shape.rank < 1 ? 1 : shape.rank;
    shape.n[shape.rank - 1] = S;
    int64_t before[HEED_MAX_RANK] = {0}, after[HEED_MAX_RANK] = {0};
    after[shape.rank - 1] = extra;
    return heed_pad(t, heed_expand(t, x, shape), before, after, value);
}

/* What causal and window say, as a mask (T, S): bool, true = may look. */
static heed_tensor seen_by_place(heed_tape *t, const heed_layer_masks *m) {
    const int64_t own = m->S - m->T, far = m->T + m->S,
                  window = m->window && m->window < far ? m->window : far; /* j - i of a query's own place */
    heed_tensor seen = heed_ones(t, HEED_BOOL, HEED_SHAPE(m->T, m->S));
    return heed_triu(t, heed_tril(t, seen, m->causal ? own : own + window - 1), own - window + 1);
}

/* (H, T + S - 1) -> (H, T, S), element (h, i, j) being (h, j - i + T - 1): read flat, each copy of a row begins one
 * earlier in it. */
static heed_tensor spread(heed_tape *t, heed_tensor relative, int64_t T, int64_t S) {
    const int64_t H = heed_size(t, relative, 0), n = T + S - 1;
    if (T < 2)
        return heed_reshape(t, relative, HEED_SHAPE(H, T, S));
    heed_tensor rows = heed_expand(t, heed_reshape(t, relative, HEED_SHAPE(H, 1, n)), HEED_SHAPE(H, T, n));
    heed_tensor flat = heed_slice(t, heed_reshape(t, rows, HEED_SHAPE(H, T * n)), 1, T - 1, T - 1 + T * (n - 1));
    return heed_slice(t, heed_reshape(t, flat, HEED_SHAPE(H, T, n - 1)), 2, 0, S);
}

/* Keys that stand nowhere know no distance: places become masks, which have room for exceptions. */
static void take_places(heed_tape *t, const heed_layer_masks *m, heed_attention_options *options, verdict *v) {
    if (m->extra == 0) {
        options->causal = m->causal;
        options->window = m->window;
        options->relative = m->relative;
        return;
    }
    if (m->causal || m->window)
        v->seen = both(t, v->seen, widened(t, seen_by_place(t, m), m->S, m->extra, 1));
    if (!heed_is_nil(m->relative)) {
        heed_tensor bias = widened(t, spread(t, m->relative, m->T, m->S), m->S, m->extra, 0); /* (H, T, S + extra) */
        v->added = heed_is_nil(v->added) ? bias : heed_add(t, v->added, bias);
    }
}

void heed_layer_join_masks(heed_tape *t, const heed_layer_masks *m, heed_attention_options *options) {
    verdict v = {
        .seen = widened(t, heed_layer_may_look(t, m->padding, m->B, m->S, 4), m->S, m->extra, 1)}; /* (B, 1, 1, S') */
    const bool is_bool = heed_dtype_of(t, m->mask) == HEED_BOOL;
    if (!heed_is_nil(m->mask)) {
        heed_tensor mask = widened(t, m->mask, m->S, m->extra, is_bool);
        if (is_bool)
            v.seen = both(t, mask, v.seen);
        else
            v.added = mask;
    }
    take_places(t, m, options, &v);
    options->mask = v.seen;
    if (!heed_is_nil(v.added))
        options->mask =
            heed_is_nil(v.seen)
                ? v.added
                : heed_where(t, v.seen, v.added, heed_full(t, heed_dtype_of(t, v.added), HEED_SCALAR, -INFINITY));
}
