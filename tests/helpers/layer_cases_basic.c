/* Layers without attention. */
#include "layer_table.h"

typedef union room {
    heed_linear_layer linear;
    heed_embedding_layer embedding;
    heed_layernorm_layer layernorm;
    heed_rmsnorm_layer rmsnorm;
    heed_dropout_layer dropout;
    heed_position position;
} room;

/* A layer reads those that mean something to it. */
typedef struct settings {
    int64_t d, d2; /* inputs (vocabulary); outputs (longest) */
    int64_t first;
    double p, eps; /* of dropout; of norms, 0: 1e-5 */
    bool no_bias, learned;
} settings;

static void init_linear(void *layer, const heed_module *root, const void *options) {
    room *r = layer;
    const settings *o = options;
    heed_linear_init(&r->linear, root, "linear", o->d, o->d2, !o->no_bias);
}
static heed_tensor linear(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const room *r = layer;
    (void)options;
    return heed_linear_forward(&r->linear, t, in[0]);
}

static void init_embedding(void *layer, const heed_module *root, const void *options) {
    room *r = layer;
    const settings *o = options;
    heed_embedding_init(&r->embedding, root, "embedding", o->d, o->d2);
}
static heed_tensor embedding(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const room *r = layer;
    (void)options;
    return heed_embedding_forward(&r->embedding, t, in[0]);
}

static double eps_of(const settings *o) { return o->eps > 0 ? o->eps : 1e-5; }

static void init_layernorm(void *layer, const heed_module *root, const void *options) {
    room *r = layer;
    const settings *o = options;
    heed_layernorm_init(&r->layernorm, root, "norm", o->d, eps_of(o), !o->no_bias);
}
static heed_tensor layernorm(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const room *r = layer;
    (void)options;
    return heed_layernorm_forward(&r->layernorm, t, in[0]);
}

static void init_rmsnorm(void *layer, const heed_module *root, const void *options) {
    room *r = layer;
    const settings *o = options;
    heed_rmsnorm_init(&r->rmsnorm, root, "norm", o->d, eps_of(o));
}
static heed_tensor rmsnorm(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const room *r = layer;
    (void)options;
    return heed_rmsnorm_forward(&r->rmsnorm, t, in[0]);
}

static void init_dropout(void *layer, const heed_module *root, const void *options) {
    room *r = layer;
    const settings *o = options;
    heed_dropout_init(&r->dropout, root, "dropout", o->p);
}
static heed_tensor dropout(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const room *r = layer;
    (void)options;
    return heed_dropout_forward(&r->dropout, t, in[0]);
}

static void init_position(void *layer, const heed_module *root, const void *options) {
    room *r = layer;
    const settings *o = options;
    heed_position_init(&r->position, root, "position", o->learned ? HEED_POSITION_LEARNED : HEED_POSITION_SINUSOIDAL, o->d2, o->d);
}
static heed_tensor position(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const room *r = layer;
    const settings *o = options;
    return heed_position_forward(&r->position, t, in[0], o->first);
}

static const layer_case cases[] = {
    {"linear", "one to one", init_linear, linear, {REAL(1)}, &(settings){.d = 1, .d2 = 1}},
    {"linear", "a vector", init_linear, linear, {REAL(4)}, &(settings){.d = 4, .d2 = 3}},
    {"linear", "15 to 17", init_linear, linear, {REAL(2, 15)}, &(settings){.d = 15, .d2 = 17}},
    {"linear", "16 to 16", init_linear, linear, {REAL(3, 16)}, &(settings){.d = 16, .d2 = 16}},
    {"linear", "33 to 2", init_linear, linear, {REAL(5, 33)}, &(settings){.d = 33, .d2 = 2}},
    {"linear", "three axes", init_linear, linear, {REAL(2, 3, 4)}, &(settings){.d = 4, .d2 = 5}},
    {"linear", "four axes", init_linear, linear, {REAL(2, 1, 3, 2)}, &(settings){.d = 2, .d2 = 17}},
    {"linear", "no bias", init_linear, linear, {REAL(2, 3, 4)}, &(settings){.d = 4, .d2 = 5, .no_bias = true}},
    {"linear", "no bias, 17 rows", init_linear, linear, {REAL(17, 3)}, &(settings){.d = 3, .d2 = 1, .no_bias = true}},

    {"embedding", "one token", init_embedding, embedding, {TOKENS(3, 1)}, &(settings){.d = 3, .d2 = 4}},
    {"embedding", "a scalar", init_embedding, embedding, {{.dtype = HEED_I32, .low = 0, .high = 5}}, &(settings){.d = 5, .d2 = 3}},
    {"embedding", "one word only", init_embedding, embedding, {TOKENS(1, 7)}, &(settings){.d = 1, .d2 = 3}},
    {"embedding", "repeats", init_embedding, embedding, {TOKENS(2, 33)}, &(settings){.d = 2, .d2 = 2}},
    {"embedding", "width 1", init_embedding, embedding, {TOKENS(15, 2, 8)}, &(settings){.d = 15, .d2 = 1}},
    {"embedding", "width 16", init_embedding, embedding, {TOKENS(16, 2, 5)}, &(settings){.d = 16, .d2 = 16}},
    {"embedding", "width 17", init_embedding, embedding, {TOKENS(9, 3, 4)}, &(settings){.d = 9, .d2 = 17}},
    {"embedding", "three axes", init_embedding, embedding, {TOKENS(6, 2, 3, 2)}, &(settings){.d = 6, .d2 = 5}},

    {"layernorm", "width 1", init_layernorm, layernorm, {REAL(3, 1)}, &(settings){.d = 1}},
    {"layernorm", "width 2", init_layernorm, layernorm, {REAL(3, 2)}, &(settings){.d = 2, .eps = 0.01}},
    {"layernorm", "a vector of 15", init_layernorm, layernorm, {REAL(15)}, &(settings){.d = 15}},
    {"layernorm", "width 16", init_layernorm, layernorm, {REAL(4, 16)}, &(settings){.d = 16}},
    {"layernorm", "width 17", init_layernorm, layernorm, {REAL(2, 3, 17)}, &(settings){.d = 17}},
    {"layernorm", "width 33", init_layernorm, layernorm, {REAL(5, 33)}, &(settings){.d = 33, .eps = 1e-3}},
    {"layernorm", "no shift", init_layernorm, layernorm, {REAL(3, 8)}, &(settings){.d = 8, .no_bias = true}},
    {"layernorm", "no shift, eps 1", init_layernorm, layernorm, {REAL(2, 2, 5)}, &(settings){.d = 5, .eps = 1, .no_bias = true}},

    {"rmsnorm", "width 1", init_rmsnorm, rmsnorm, {REAL(3, 1)}, &(settings){.d = 1, .eps = 0.5}},
    {"rmsnorm", "width 2", init_rmsnorm, rmsnorm, {REAL(3, 2)}, &(settings){.d = 2}},
    {"rmsnorm", "a vector of 15", init_rmsnorm, rmsnorm, {REAL(15)}, &(settings){.d = 15}},
    {"rmsnorm", "width 16", init_rmsnorm, rmsnorm, {REAL(4, 16)}, &(settings){.d = 16}},
    {"rmsnorm", "width 17", init_rmsnorm, rmsnorm, {REAL(2, 3, 17)}, &(settings){.d = 17}},
    {"rmsnorm", "width 33", init_rmsnorm, rmsnorm, {REAL(5, 33)}, &(settings){.d = 33, .eps = 1e-3}},
    {"rmsnorm", "four axes", init_rmsnorm, rmsnorm, {REAL(2, 1, 2, 8)}, &(settings){.d = 8}},
    {"rmsnorm", "eps 1", init_rmsnorm, rmsnorm, {REAL(2, 2, 5)}, &(settings){.d = 5, .eps = 1}},

    {"dropout", "p 0", init_dropout, dropout, {REAL(3, 4)}, &(settings){.p = 0}},
    {"dropout", "p 0.1", init_dropout, dropout, {REAL(17)}, &(settings){.p = 0.1}},
    {"dropout", "p 0.25", init_dropout, dropout, {REAL(2, 16)}, &(settings){.p = 0.25}},
    {"dropout", "p 0.5", init_dropout, dropout, {REAL(3, 15)}, &(settings){.p = 0.5}},
    {"dropout", "p 0.5, three axes", init_dropout, dropout, {REAL(2, 3, 33)}, &(settings){.p = 0.5}},
    {"dropout", "p 0.75", init_dropout, dropout, {REAL(5, 5)}, &(settings){.p = 0.75}},
    {"dropout", "p 0.9", init_dropout, dropout, {REAL(2, 64)}, &(settings){.p = 0.9}},
    {"dropout", "p 0.3, many", init_dropout, dropout, {REAL(33, 17)}, &(settings){.p = 0.3}},

    {"position", "sinusoidal", init_position, position, {REAL(5, 4)}, &(settings){.d = 4, .d2 = 5}},
    {"position", "sinusoidal, batch", init_position, position, {REAL(2, 3, 6)}, &(settings){.d = 6, .d2 = 9}},
    {"position", "sinusoidal, from 3", init_position, position, {REAL(2, 3, 16)}, &(settings){.d = 16, .d2 = 9, .first = 3}},
    {"position", "learned", init_position, position, {REAL(5, 4)}, &(settings){.d = 4, .d2 = 5, .learned = true}},
    {"position", "learned, batch", init_position, position, {REAL(3, 2, 5)}, &(settings){.d = 5, .d2 = 9, .learned = true}},
    {"position", "learned, from 3", init_position, position, {REAL(2, 3, 17)}, &(settings){.d = 17, .d2 = 9, .first = 3, .learned = true}},
    {"position", "learned, the last", init_position, position, {REAL(2, 1, 15)}, &(settings){.d = 15, .d2 = 4, .first = 3, .learned = true}},
    {"position", "learned, four axes", init_position, position, {REAL(2, 2, 3, 2)}, &(settings){.d = 2, .d2 = 3, .learned = true}},
};

const layer_table layer_cases_basic = {cases, sizeof cases / sizeof *cases, sizeof(room)};
