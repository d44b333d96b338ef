#include <heed/layers/state_attention.h>

#include "shared_internal.h"

void heed_state_attention_init(heed_state_attention *attn, const heed_module *parent, const char *name) {
    heed_module_init(&attn->module, parent, name);
}

/* h (B, T, d), states (B, S, d) -> [context ; h] (B, T, 2 d). */
static heed_tensor look_back(heed_tape *t, heed_tensor h, heed_tensor states, heed_tensor padding) {
    heed_tensor look = heed_layer_may_look(t, padding, heed_size(t, states, 0), heed_size(t, states, 1), 3); /* (B, 1, S) */

    /* Query, key and value are the states themselves: s_ij = h_i · state_j, a_i = softmax(s_i), context_i = sum_j a_ij state_j. */
    heed_tensor context = heed_layer_attend(t, h, states, states, (heed_attention_options){.mask = look, .scale = 1});
    heed_watch(t, "z", context); /* (B, T, d) */
    return heed_concat(t, (heed_tensor[]){context, h}, 2, -1);
}

static heed_tensor attend(heed_tape *t, heed_tensor h, heed_tensor states, heed_tensor padding) {
    int rank = heed_rank(t, h);
    int64_t B = heed_size(t, h, 0), d = heed_size(t, h, -1);
    if (rank >= 0 && rank != 2 && rank != 3)
        return heed_fail_tape(t, HEED_INVALID, "h is %s; it must be (batch, d) or (batch, steps, d)", HEED_SHAPE_STR(heed_shape_of(t, h)));
    if (heed_rank(t, states) >= 0 && heed_rank(t, states) != 3)
        return heed_fail_tape(t, HEED_INVALID, "states are %s; they must be (batch, steps, d)", HEED_SHAPE_STR(heed_shape_of(t, states)));
    if (rank != 2)
        return look_back(t, h, states, padding);
    heed_tensor both = look_back(t, heed_reshape(t, h, HEED_SHAPE(B, 1, d)), states, padding);
    return heed_reshape(t, both, HEED_SHAPE(B, 2 * d));
}

heed_tensor heed_state_attention_forward(const heed_state_attention *attn, heed_tape *t, heed_tensor h, heed_tensor states, heed_tensor padding) {
    heed_enter(t, &attn->module);
    heed_tensor both = attend(t, h, states, padding);
    heed_leave(t);
    return both;
}
