/* Recurrent layers against torch.nn.RNN, GRU and LSTM and their cells. */
#include "parity.h"

typedef union room {
    heed_gru gru;
} room;

static void declare_gru(void *layer, const heed_module *root, const void *options) {
    room *l = layer;
    (void)options;
    heed_gru_init(&l->gru, root, "layer", 3, 4);
}
static void forward_gru_step(const void *layer, parity_run *r, const void *options) {
    const room *l = layer;
    (void)options;
    heed_tensor x = parity_given(r, "x");
    parity_produced(r, "y", heed_gru_step(&l->gru, r->t, x, parity_given(r, "h")));
}

static void forward_gru(const void *layer, parity_run *r, const void *options) {
    const room *l = layer;
    (void)options;
    heed_tensor last, x = parity_given(r, "x"), h0 = parity_given(r, "h0");
    parity_produced(r, "states", heed_gru_forward(&l->gru, r->t, x, h0, parity_given(r, "padding"), &last));
    parity_produced(r, "last", last);
}

static const parity_case cases[] = {
    {"gru_step", declare_gru, forward_gru_step, NULL},
    {"gru_from_h0", declare_gru, forward_gru, NULL},
    {"gru_from_zero", declare_gru, forward_gru, NULL},
    {"gru_padding", declare_gru, forward_gru, NULL},
};

const parity_set parity_recurrent = {"recurrent", cases, sizeof cases / sizeof *cases, sizeof(room)};
