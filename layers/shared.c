#include "shared_internal.h"

#include <math.h>

/* k with one head for each of q's: (..., H_kv, S, d_k) -> (..., H, S, d_k). */
static heed_tensor repeat_heads(heed_tape *t, heed_tensor k, int64_t heads) {
    const int rank = heed_rank(t, k);
    const int64_t kv_heads = heed_size(t, k, -3);
    if (rank < 3 || kv_heads == heads)
        return k;
    heed_shape apart = heed_shape_of(t, k), wide = apart;
    apart.n[rank] = apart.n[rank - 1];
    apart.n[rank - 1] = apart.n[rank - 2];
    apart.n[rank - 2] = 1;
    apart.rank++;
    heed_tensor each = heed_reshape(t, k, apart); /* (..., H_kv, 1, S, d_k) */
    apart.n[rank - 2] = heads / kv_heads;
    wide.n[rank - 3] = heads;
    return heed_reshape(t, heed_expand(t, each, apart), wide);
}

/* For the watcher alone: off the record, so that backward does not see it. */
static void show_scores(heed_tape *t, heed_tensor q, heed_tensor k, double scale) {
    bool recording = heed_tape_set_recording(t, false);
    heed_tensor all = repeat_heads(t, k, heed_size(t, q, -3));
    heed_tensor scores = heed_scale(t, heed_matmul_t(t, q, false, all, true), scale); /* (..., T, S) */
    heed_tape_set_recording(t, recording);
    heed_watch(t, "attn_scores", scores);
}

heed_tensor heed_layer_attend(heed_tape *t, heed_tensor q, heed_tensor k, heed_tensor v,
                              heed_attention_options options) {
    heed_tensor pattern = HEED_NIL, *wanted = options.pattern;
    bool watched = heed_watching(t, "pattern");
    options.pattern = watched || wanted ? &pattern : NULL;
    heed_tensor z = heed_attention(t, q, k, v, options);
    if (heed_watching(t, "attn_scores") && !heed_is_nil(z))
        show_scores(t, q, k, options.scale != 0 ? options.scale : 1 / sqrt((double)heed_size(t, q, -1)));
    if (watched)
        pattern = heed_watch(t, "pattern", pattern);
    if (wanted)
        *wanted = pattern;
    return z;
}

bool heed_layer_padding_fits(heed_tape *t, heed_tensor padding, int64_t B, int64_t T) {
    heed_shape is = heed_shape_of(t, padding), must = HEED_SHAPE(B, T);
    heed_dtype dtype = heed_dtype_of(t, padding);
    bool nil_or_stale = heed_rank(t, padding) < 0; /* of a stale handle ops will say so */
    if (nil_or_stale || (dtype == HEED_BOOL && heed_shape_equal(is, must)))
        return true;
    heed_fail_tape(t, HEED_INVALID, "padding is %s %s; it must be bool %s, true where a token is padding",
                   heed_dtype_name(dtype), HEED_SHAPE_STR(is), HEED_SHAPE_STR(must));
    return false;
}

heed_tensor heed_layer_may_look(heed_tape *t, heed_tensor padding, int64_t B, int64_t S, int rank) {
    if (heed_is_nil(padding) || !heed_layer_padding_fits(t, padding, B, S))
        return HEED_NIL;
    return heed_reshape(t, heed_not(t, padding), rank == 3 ? HEED_SHAPE(B, 1, S) : HEED_SHAPE(B, 1, 1, S));
}
