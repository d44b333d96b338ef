/* Everything that says who may look at whom in multi-head attention, brought to the op's terms. */
#ifndef HEED_LAYERS_ATTENTION_MASKS_INTERNAL_H
#define HEED_LAYERS_ATTENTION_MASKS_INTERNAL_H

#include <heed/ops.h>

typedef struct heed_layer_masks {
    heed_tensor mask, padding; /* HEED_NIL, or as in heed_attend, over S keys */
    heed_tensor relative;      /* HEED_NIL, or (H, T + S - 1) */
    bool causal;
    int64_t window;
    int64_t B, T, S;
    int extra;                 /* keys behind the S, which every query sees */
} heed_layer_masks;

/* The mask, causal, window and relative of heed_attention's options, over S + extra keys. */
void heed_layer_join_masks(heed_tape *t, const heed_layer_masks *masks, heed_attention_options *options);

#endif
