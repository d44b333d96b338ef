/* Recurrent layers. */
#include "layer_table.h"

typedef union room {
    heed_gru gru;
} room;

/* A layer reads those that mean something to it. */
typedef struct settings {
    int64_t d, d2; /* inputs, hidden */
    bool last;
} settings;

/* x, h, padding: one step where x has no time axis, and then h must be there */
static void init_gru(void *layer, const heed_module *root, const void *options) {
    room *r = layer;
    const settings *o = options;
    heed_gru_init(&r->gru, root, "gru", o->d, o->d2);
}
static heed_tensor gru(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const room *r = layer;
    const settings *o = options;
    heed_tensor last = HEED_NIL;
    if (heed_rank(t, in[0]) == 2)
        return heed_gru_step(&r->gru, t, in[0], in[1]);
    heed_tensor states = heed_gru_forward(&r->gru, t, in[0], in[1], in[2], o->last ? &last : NULL);
    return o->last ? last : states;
}

static const layer_case cases[] = {
    {"gru", "a step", init_gru, gru, {REAL(3, 4), REAL(3, 5), NOTHING}, &(settings){.d = 4, .d2 = 5}},
    {"gru", "a step of one", init_gru, gru, {REAL(1, 1), REAL(1, 1), NOTHING}, &(settings){.d = 1, .d2 = 1}},
    {"gru", "a step of 17", init_gru, gru, {REAL(2, 3), REAL(2, 17), NOTHING}, &(settings){.d = 3, .d2 = 17}},
    {"gru", "a sequence", init_gru, gru, {REAL(2, 5, 3), NOTHING, NOTHING}, &(settings){.d = 3, .d2 = 4}},
    {"gru", "a sequence from h0", init_gru, gru, {REAL(2, 4, 3), REAL(2, 4), NOTHING}, &(settings){.d = 3, .d2 = 4}},
    {"gru", "the last state", init_gru, gru, {REAL(2, 4, 3), REAL(2, 4), NOTHING}, &(settings){.d = 3, .d2 = 4, .last = true}},
    {"gru", "padding", init_gru, gru, {REAL(3, 5, 3), NOTHING, COINS(3, 5)}, &(settings){.d = 3, .d2 = 4}},
    {"gru", "padding, from h0, the last", init_gru, gru, {REAL(3, 5, 3), REAL(3, 4), COINS(3, 5)}, &(settings){.d = 3, .d2 = 4, .last = true}},
    {"gru", "70 steps", init_gru, gru, {REAL(1, 70, 2), NOTHING, NOTHING}, &(settings){.d = 2, .d2 = 3}},
};

const layer_table layer_cases_recurrent = {cases, sizeof cases / sizeof *cases, sizeof(room)};
