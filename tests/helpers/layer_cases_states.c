/* Attention over the states of a recurrent encoder. */
#include "layer_table.h"

typedef union room {
    heed_state_attention state_attention;
} room;

/* h, states, padding */
static void init_state_attention(void *layer, const heed_module *root, const void *options) {
    room *r = layer;
    (void)options;
    heed_state_attention_init(&r->state_attention, root, "attn");
}
static heed_tensor state_attention(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const room *r = layer;
    (void)options;
    return heed_state_attention_forward(&r->state_attention, t, in[0], in[1], in[2]);
}

static const layer_case cases[] = {
    {"state_attention", "one state", init_state_attention, state_attention, {REAL(2, 4), REAL(2, 5, 4), NOTHING}, NULL},
    {"state_attention", "one to look at", init_state_attention, state_attention, {REAL(2, 3), REAL(2, 1, 3), NOTHING}, NULL},
    {"state_attention", "width 1", init_state_attention, state_attention, {REAL(2, 1), REAL(2, 6, 1), NOTHING}, NULL},
    {"state_attention", "many states", init_state_attention, state_attention, {REAL(2, 3, 4), REAL(2, 5, 4), NOTHING}, NULL},
    {"state_attention", "width 17", init_state_attention, state_attention, {REAL(2, 2, 17), REAL(2, 3, 17), NOTHING}, NULL},
    {"state_attention", "33 to look at", init_state_attention, state_attention, {REAL(1, 2, 3), REAL(1, 33, 3), NOTHING}, NULL},
    {"state_attention", "one state, padding", init_state_attention, state_attention, {REAL(3, 4), REAL(3, 5, 4), COINS(3, 5)}, NULL},
    {"state_attention", "many states, padding", init_state_attention, state_attention, {REAL(3, 2, 4), REAL(3, 5, 4), COINS(3, 5)}, NULL},
};

const layer_table layer_cases_states = {cases, sizeof cases / sizeof *cases, sizeof(room)};
