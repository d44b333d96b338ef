/* What layers have in common. */
#ifndef HEED_LAYERS_SHARED_INTERNAL_H
#define HEED_LAYERS_SHARED_INTERNAL_H

#include <heed/ops.h>

/* heed_attention, beside which whoever watches is shown "attn_scores", q kᵀ scale before any mask, and "pattern", the weights.
 * Neither is computed when nobody looks, and the context has the same bits either way. */
heed_tensor heed_layer_attend(heed_tape *t, heed_tensor q, heed_tensor k, heed_tensor v,
                              heed_attention_options options);

/* Whether padding is bool (B, T), or HEED_NIL; otherwise false, and the tape says so. */
bool heed_layer_padding_fits(heed_tape *t, heed_tensor padding, int64_t B, int64_t T);

/* From who is padding to who may be looked at: bool (B, S), true = padding -> bool, true = may look, (B, 1, S) for `rank` 3 and
 * (B, 1, 1, S) for 4, which broadcast over the queries (and heads). HEED_NIL stays nil. */
heed_tensor heed_layer_may_look(heed_tape *t, heed_tensor padding, int64_t B, int64_t S, int rank);

#endif
