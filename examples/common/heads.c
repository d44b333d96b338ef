#include "heads.h"

static heed_status set_all_but(const heed_multi_head_attention *attn, double value, int other, double its) {
    double on[HEADS_LIMIT];
    for (int h = 0; h < attn->n_heads && h < HEADS_LIMIT; h++)
        on[h] = h == other ? its : value;
    return heed_param_set(attn->head_on, on, attn->n_heads);
}

heed_status heads_switch_off(const heed_multi_head_attention *attn, int head) {
    if (attn->n_heads > HEADS_LIMIT)
        return HEED_INVALID;
    return set_all_but(attn, head != HEADS_ALL, head, 0);
}

heed_status heads_switch_on(const heed_multi_head_attention *attn) {
    if (attn->n_heads > HEADS_LIMIT)
        return HEED_INVALID;
    return set_all_but(attn, 1, HEADS_ALL, 1);
}
