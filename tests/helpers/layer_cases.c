#include "layer_cases.h"

#include <stdlib.h>
#include <string.h>

#include <heed/heed.h>

/* Room for any one layer. */
typedef union room {
    heed_linear_layer linear;
    heed_embedding_layer embedding;
    heed_layernorm_layer layernorm;
    heed_rmsnorm_layer rmsnorm;
    heed_dropout_layer dropout;
    heed_position position;
    heed_self_attention self_attention;
    heed_multi_head_attention multi_head_attention;
    heed_feed_forward feed_forward;
    heed_encoder_layer encoder_layer;
    heed_decoder_layer decoder_layer;
    heed_encoder encoder;
    heed_decoder decoder;
    heed_gru gru;
    heed_state_attention state_attention;
} room;

/* A layer reads those that mean something to it. */
typedef struct settings {
    int64_t d, d2; /* inputs (d_model, vocabulary); outputs (d_k, d_ff, hidden, longest) */
    int64_t first;
    int n_heads, n_layers;
    double p, eps; /* of dropout; of norms, 0: 1e-5 */
    bool no_bias, causal, post_norm, learned, last;
    heed_activation activation;
} settings;

typedef void init_fn(room *r, const heed_module *root, const settings *o);
typedef heed_tensor forward_fn(const room *r, heed_tape *t, const heed_tensor *in, const settings *o);
enum { INPUTS = 4 };
typedef struct layer_case {
    const char *layer, *what;
    init_fn *init;
    forward_fn *forward;
    heed_sample_input in[INPUTS]; /* what is not given is absent: HEED_NIL */
    settings options;
} layer_case;

/* ---- calling the layers; in[] as the table below gives it ---- */

static void init_linear(room *r, const heed_module *root, const settings *o) {
    heed_linear_init(&r->linear, root, "linear", o->d, o->d2, !o->no_bias);
}
static heed_tensor linear(const room *r, heed_tape *t, const heed_tensor *in, const settings *o) {
    (void)o;
    return heed_linear_forward(&r->linear, t, in[0]);
}

static void init_embedding(room *r, const heed_module *root, const settings *o) {
    heed_embedding_init(&r->embedding, root, "embedding", o->d, o->d2);
}
static heed_tensor embedding(const room *r, heed_tape *t, const heed_tensor *in, const settings *o) {
    (void)o;
    return heed_embedding_forward(&r->embedding, t, in[0]);
}

static double eps_of(const settings *o) { return o->eps > 0 ? o->eps : 1e-5; }

static void init_layernorm(room *r, const heed_module *root, const settings *o) {
    heed_layernorm_init(&r->layernorm, root, "norm", o->d, eps_of(o), !o->no_bias);
}
static heed_tensor layernorm(const room *r, heed_tape *t, const heed_tensor *in, const settings *o) {
    (void)o;
    return heed_layernorm_forward(&r->layernorm, t, in[0]);
}

static void init_rmsnorm(room *r, const heed_module *root, const settings *o) {
    heed_rmsnorm_init(&r->rmsnorm, root, "norm", o->d, eps_of(o));
}
static heed_tensor rmsnorm(const room *r, heed_tape *t, const heed_tensor *in, const settings *o) {
    (void)o;
    return heed_rmsnorm_forward(&r->rmsnorm, t, in[0]);
}

static void init_dropout(room *r, const heed_module *root, const settings *o) {
    heed_dropout_init(&r->dropout, root, "dropout", o->p);
}
static heed_tensor dropout(const room *r, heed_tape *t, const heed_tensor *in, const settings *o) {
    (void)o;
    return heed_dropout_forward(&r->dropout, t, in[0]);
}

static void init_position(room *r, const heed_module *root, const settings *o) {
    heed_position_init(&r->position, root, "position", o->learned ? HEED_POSITION_LEARNED : HEED_POSITION_SINUSOIDAL, o->d2, o->d);
}
static heed_tensor position(const room *r, heed_tape *t, const heed_tensor *in, const settings *o) {
    return heed_position_forward(&r->position, t, in[0], o->first);
}

/* x, mask */
static void init_self_attention(room *r, const heed_module *root, const settings *o) {
    heed_self_attention_init(&r->self_attention, root, "attn", o->d, o->d2);
    r->self_attention.causal = o->causal;
}
static heed_tensor self_attention(const room *r, heed_tape *t, const heed_tensor *in, const settings *o) {
    (void)o;
    return heed_self_attention_forward(&r->self_attention, t, in[0], in[1]);
}

/* query, memory (absent: the query itself), key padding, mask */
static void init_multi_head(room *r, const heed_module *root, const settings *o) {
    heed_multi_head_attention_init(&r->multi_head_attention, root, "attn",
                                   (heed_multi_head_options){.d_model = o->d, .n_heads = o->n_heads, .no_bias = o->no_bias, .dropout = o->p});
}
static heed_tensor multi_head(const room *r, heed_tape *t, const heed_tensor *in, const settings *o) {
    return heed_multi_head_attention_forward(&r->multi_head_attention, t, in[0], heed_is_nil(in[1]) ? in[0] : in[1],
                                             (heed_attend){.key_padding = in[2], .mask = in[3], .causal = o->causal});
}

static void init_feed_forward(room *r, const heed_module *root, const settings *o) {
    heed_feed_forward_init(&r->feed_forward, root, "mlp",
                           (heed_feed_forward_options){.d_model = o->d, .d_ff = o->d2, .activation = o->activation, .dropout = o->p,
                                                       .no_bias = o->no_bias});
}
static heed_tensor feed_forward(const room *r, heed_tape *t, const heed_tensor *in, const settings *o) {
    (void)o;
    return heed_feed_forward_forward(&r->feed_forward, t, in[0]);
}

static heed_transformer_options transformer(const settings *o) {
    return (heed_transformer_options){.d_model = o->d, .d_ff = o->d2, .n_heads = o->n_heads, .n_layers = o->n_layers, .dropout = o->p,
                                      .activation = o->activation, .post_norm = o->post_norm, .no_bias = o->no_bias, .eps = o->eps};
}

/* x, padding */
static void init_encoder_layer(room *r, const heed_module *root, const settings *o) {
    heed_encoder_layer_init(&r->encoder_layer, root, "layer", transformer(o));
}
static heed_tensor encoder_layer(const room *r, heed_tape *t, const heed_tensor *in, const settings *o) {
    return heed_encoder_layer_forward(&r->encoder_layer, t, in[0], (heed_attend){.key_padding = in[1], .causal = o->causal});
}

static void init_encoder(room *r, const heed_module *root, const settings *o) {
    heed_encoder_init(&r->encoder, root, "encoder", transformer(o));
}
static heed_tensor encoder(const room *r, heed_tape *t, const heed_tensor *in, const settings *o) {
    return heed_encoder_forward(&r->encoder, t, in[0], (heed_attend){.key_padding = in[1], .causal = o->causal});
}

/* x, memory, padding of the memory */
static void init_decoder_layer(room *r, const heed_module *root, const settings *o) {
    heed_decoder_layer_init(&r->decoder_layer, root, "layer", transformer(o));
}
static heed_tensor decoder_layer(const room *r, heed_tape *t, const heed_tensor *in, const settings *o) {
    return heed_decoder_layer_forward(&r->decoder_layer, t, in[0], in[1], (heed_attend){.causal = o->causal},
                                      (heed_attend){.key_padding = in[2]});
}

static void init_decoder(room *r, const heed_module *root, const settings *o) {
    heed_decoder_init(&r->decoder, root, "decoder", transformer(o));
}
static heed_tensor decoder(const room *r, heed_tape *t, const heed_tensor *in, const settings *o) {
    return heed_decoder_forward(&r->decoder, t, in[0], in[1], (heed_attend){.causal = o->causal}, (heed_attend){.key_padding = in[2]});
}

/* x, h, padding: one step where x has no time axis, and then h must be there */
static void init_gru(room *r, const heed_module *root, const settings *o) {
    heed_gru_init(&r->gru, root, "gru", o->d, o->d2);
}
static heed_tensor gru(const room *r, heed_tape *t, const heed_tensor *in, const settings *o) {
    heed_tensor last = HEED_NIL;
    if (heed_rank(t, in[0]) == 2)
        return heed_gru_step(&r->gru, t, in[0], in[1]);
    heed_tensor states = heed_gru_forward(&r->gru, t, in[0], in[1], in[2], o->last ? &last : NULL);
    return o->last ? last : states;
}

/* h, states, padding */
static void init_state_attention(room *r, const heed_module *root, const settings *o) {
    (void)o;
    heed_state_attention_init(&r->state_attention, root, "attn");
}
static heed_tensor state_attention(const room *r, heed_tape *t, const heed_tensor *in, const settings *o) {
    (void)o;
    return heed_state_attention_forward(&r->state_attention, t, in[0], in[1], in[2]);
}

/* ---- the table ---- */

#define SIZES(...) {(int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}}
#define REAL(...) {.dtype = HEED_F64, .shape = SIZES(__VA_ARGS__)}
#define FIXED(...) {.dtype = HEED_F64, .shape = SIZES(__VA_ARGS__), .constant = true}
#define TOKENS(vocabulary, ...) {.dtype = HEED_I32, .shape = SIZES(__VA_ARGS__), .low = 0, .high = (vocabulary)}
#define COINS(...) {.dtype = HEED_BOOL, .shape = SIZES(__VA_ARGS__)}                       /* half of them true */
#define MOSTLY(...) {.dtype = HEED_BOOL, .shape = SIZES(__VA_ARGS__), .low = 0, .high = 5} /* four of five true */
#define NOTHING {.absent = true}

static const layer_case cases[] = {
    {"linear", "one to one", init_linear, linear, {REAL(1)}, {.d = 1, .d2 = 1}},
    {"linear", "a vector", init_linear, linear, {REAL(4)}, {.d = 4, .d2 = 3}},
    {"linear", "15 to 17", init_linear, linear, {REAL(2, 15)}, {.d = 15, .d2 = 17}},
    {"linear", "16 to 16", init_linear, linear, {REAL(3, 16)}, {.d = 16, .d2 = 16}},
    {"linear", "33 to 2", init_linear, linear, {REAL(5, 33)}, {.d = 33, .d2 = 2}},
    {"linear", "three axes", init_linear, linear, {REAL(2, 3, 4)}, {.d = 4, .d2 = 5}},
    {"linear", "four axes", init_linear, linear, {REAL(2, 1, 3, 2)}, {.d = 2, .d2 = 17}},
    {"linear", "no bias", init_linear, linear, {REAL(2, 3, 4)}, {.d = 4, .d2 = 5, .no_bias = true}},
    {"linear", "no bias, 17 rows", init_linear, linear, {REAL(17, 3)}, {.d = 3, .d2 = 1, .no_bias = true}},

    {"embedding", "one token", init_embedding, embedding, {TOKENS(3, 1)}, {.d = 3, .d2 = 4}},
    {"embedding", "a scalar", init_embedding, embedding, {{.dtype = HEED_I32, .low = 0, .high = 5}}, {.d = 5, .d2 = 3}},
    {"embedding", "one word only", init_embedding, embedding, {TOKENS(1, 7)}, {.d = 1, .d2 = 3}},
    {"embedding", "repeats", init_embedding, embedding, {TOKENS(2, 33)}, {.d = 2, .d2 = 2}},
    {"embedding", "width 1", init_embedding, embedding, {TOKENS(15, 2, 8)}, {.d = 15, .d2 = 1}},
    {"embedding", "width 16", init_embedding, embedding, {TOKENS(16, 2, 5)}, {.d = 16, .d2 = 16}},
    {"embedding", "width 17", init_embedding, embedding, {TOKENS(9, 3, 4)}, {.d = 9, .d2 = 17}},
    {"embedding", "three axes", init_embedding, embedding, {TOKENS(6, 2, 3, 2)}, {.d = 6, .d2 = 5}},

    {"layernorm", "width 1", init_layernorm, layernorm, {REAL(3, 1)}, {.d = 1}},
    {"layernorm", "width 2", init_layernorm, layernorm, {REAL(3, 2)}, {.d = 2, .eps = 0.01}},
    {"layernorm", "a vector of 15", init_layernorm, layernorm, {REAL(15)}, {.d = 15}},
    {"layernorm", "width 16", init_layernorm, layernorm, {REAL(4, 16)}, {.d = 16}},
    {"layernorm", "width 17", init_layernorm, layernorm, {REAL(2, 3, 17)}, {.d = 17}},
    {"layernorm", "width 33", init_layernorm, layernorm, {REAL(5, 33)}, {.d = 33, .eps = 1e-3}},
    {"layernorm", "no shift", init_layernorm, layernorm, {REAL(3, 8)}, {.d = 8, .no_bias = true}},
    {"layernorm", "no shift, eps 1", init_layernorm, layernorm, {REAL(2, 2, 5)}, {.d = 5, .eps = 1, .no_bias = true}},

    {"rmsnorm", "width 1", init_rmsnorm, rmsnorm, {REAL(3, 1)}, {.d = 1, .eps = 0.5}},
    {"rmsnorm", "width 2", init_rmsnorm, rmsnorm, {REAL(3, 2)}, {.d = 2}},
    {"rmsnorm", "a vector of 15", init_rmsnorm, rmsnorm, {REAL(15)}, {.d = 15}},
    {"rmsnorm", "width 16", init_rmsnorm, rmsnorm, {REAL(4, 16)}, {.d = 16}},
    {"rmsnorm", "width 17", init_rmsnorm, rmsnorm, {REAL(2, 3, 17)}, {.d = 17}},
    {"rmsnorm", "width 33", init_rmsnorm, rmsnorm, {REAL(5, 33)}, {.d = 33, .eps = 1e-3}},
    {"rmsnorm", "four axes", init_rmsnorm, rmsnorm, {REAL(2, 1, 2, 8)}, {.d = 8}},
    {"rmsnorm", "eps 1", init_rmsnorm, rmsnorm, {REAL(2, 2, 5)}, {.d = 5, .eps = 1}},

    {"dropout", "p 0", init_dropout, dropout, {REAL(3, 4)}, {.p = 0}},
    {"dropout", "p 0.1", init_dropout, dropout, {REAL(17)}, {.p = 0.1}},
    {"dropout", "p 0.25", init_dropout, dropout, {REAL(2, 16)}, {.p = 0.25}},
    {"dropout", "p 0.5", init_dropout, dropout, {REAL(3, 15)}, {.p = 0.5}},
    {"dropout", "p 0.5, three axes", init_dropout, dropout, {REAL(2, 3, 33)}, {.p = 0.5}},
    {"dropout", "p 0.75", init_dropout, dropout, {REAL(5, 5)}, {.p = 0.75}},
    {"dropout", "p 0.9", init_dropout, dropout, {REAL(2, 64)}, {.p = 0.9}},
    {"dropout", "p 0.3, many", init_dropout, dropout, {REAL(33, 17)}, {.p = 0.3}},

    {"position", "sinusoidal", init_position, position, {REAL(5, 4)}, {.d = 4, .d2 = 5}},
    {"position", "sinusoidal, batch", init_position, position, {REAL(2, 3, 6)}, {.d = 6, .d2 = 9}},
    {"position", "sinusoidal, from 3", init_position, position, {REAL(2, 3, 16)}, {.d = 16, .d2 = 9, .first = 3}},
    {"position", "learned", init_position, position, {REAL(5, 4)}, {.d = 4, .d2 = 5, .learned = true}},
    {"position", "learned, batch", init_position, position, {REAL(3, 2, 5)}, {.d = 5, .d2 = 9, .learned = true}},
    {"position", "learned, from 3", init_position, position, {REAL(2, 3, 17)}, {.d = 17, .d2 = 9, .first = 3, .learned = true}},
    {"position", "learned, the last", init_position, position, {REAL(2, 1, 15)}, {.d = 15, .d2 = 4, .first = 3, .learned = true}},
    {"position", "learned, four axes", init_position, position, {REAL(2, 2, 3, 2)}, {.d = 2, .d2 = 3, .learned = true}},

    {"self_attention", "one sequence", init_self_attention, self_attention, {REAL(5, 4)}, {.d = 4, .d2 = 3}},
    {"self_attention", "one token", init_self_attention, self_attention, {REAL(2, 1, 4)}, {.d = 4, .d2 = 3}},
    {"self_attention", "batch", init_self_attention, self_attention, {REAL(2, 5, 6)}, {.d = 6, .d2 = 4}},
    {"self_attention", "width 17", init_self_attention, self_attention, {REAL(2, 3, 5)}, {.d = 5, .d2 = 17}},
    {"self_attention", "33 tokens", init_self_attention, self_attention, {REAL(33, 3)}, {.d = 3, .d2 = 2}},
    {"self_attention", "causal", init_self_attention, self_attention, {REAL(2, 5, 4)}, {.d = 4, .d2 = 3, .causal = true}},
    {"self_attention", "masked", init_self_attention, self_attention, {REAL(2, 5, 4), COINS(5, 5)}, {.d = 4, .d2 = 3}},
    {"self_attention", "a mask each", init_self_attention, self_attention, {REAL(3, 4, 4), COINS(3, 4, 4)}, {.d = 4, .d2 = 5}},
    {"self_attention", "scores added to", init_self_attention, self_attention, {REAL(2, 4, 4), FIXED(4, 4)}, {.d = 4, .d2 = 3}},
    {"self_attention", "causal, masked", init_self_attention, self_attention, {REAL(2, 6, 4), MOSTLY(2, 6, 6)},
     {.d = 4, .d2 = 4, .causal = true}},

    {"multi_head_attention", "self", init_multi_head, multi_head, {REAL(2, 4, 6), NOTHING, NOTHING, NOTHING}, {.d = 6, .n_heads = 2}},
    {"multi_head_attention", "one head", init_multi_head, multi_head, {REAL(2, 5, 4), NOTHING, NOTHING, NOTHING}, {.d = 4, .n_heads = 1}},
    {"multi_head_attention", "heads of 1", init_multi_head, multi_head, {REAL(2, 3, 4), NOTHING, NOTHING, NOTHING}, {.d = 4, .n_heads = 4}},
    {"multi_head_attention", "one token", init_multi_head, multi_head, {REAL(3, 1, 4), NOTHING, NOTHING, NOTHING}, {.d = 4, .n_heads = 2}},
    {"multi_head_attention", "cross", init_multi_head, multi_head, {REAL(2, 3, 4), REAL(2, 5, 4), NOTHING, NOTHING}, {.d = 4, .n_heads = 2}},
    {"multi_head_attention", "17 sources", init_multi_head, multi_head, {REAL(1, 2, 6), REAL(1, 17, 6), NOTHING, NOTHING},
     {.d = 6, .n_heads = 3}},
    {"multi_head_attention", "padding", init_multi_head, multi_head, {REAL(3, 4, 4), NOTHING, COINS(3, 4), NOTHING}, {.d = 4, .n_heads = 2}},
    {"multi_head_attention", "cross, padding", init_multi_head, multi_head, {REAL(2, 3, 4), REAL(2, 6, 4), COINS(2, 6), NOTHING},
     {.d = 4, .n_heads = 2}},
    {"multi_head_attention", "causal", init_multi_head, multi_head, {REAL(2, 5, 4), NOTHING, NOTHING, NOTHING},
     {.d = 4, .n_heads = 2, .causal = true}},
    {"multi_head_attention", "causal, padding", init_multi_head, multi_head, {REAL(2, 5, 4), NOTHING, COINS(2, 5), NOTHING},
     {.d = 4, .n_heads = 2, .causal = true}},
    {"multi_head_attention", "masked by head", init_multi_head, multi_head, {REAL(2, 4, 4), NOTHING, NOTHING, MOSTLY(2, 2, 4, 4)},
     {.d = 4, .n_heads = 2}},
    {"multi_head_attention", "scores added to", init_multi_head, multi_head, {REAL(2, 4, 4), NOTHING, NOTHING, FIXED(2, 4, 4)},
     {.d = 4, .n_heads = 2}},
    {"multi_head_attention", "no bias", init_multi_head, multi_head, {REAL(2, 4, 6), NOTHING, NOTHING, NOTHING},
     {.d = 6, .n_heads = 2, .no_bias = true}},
    {"multi_head_attention", "cross, no bias", init_multi_head, multi_head, {REAL(2, 2, 6), REAL(2, 3, 6), NOTHING, NOTHING},
     {.d = 6, .n_heads = 3, .no_bias = true}},
    {"multi_head_attention", "dropout", init_multi_head, multi_head, {REAL(2, 4, 4), NOTHING, NOTHING, NOTHING},
     {.d = 4, .n_heads = 2, .p = 0.4}},

    {"feed_forward", "relu", init_feed_forward, feed_forward, {REAL(3, 4)}, {.d = 4, .d2 = 7, .activation = HEED_RELU}},
    {"feed_forward", "relu, batch", init_feed_forward, feed_forward, {REAL(2, 2, 3)}, {.d = 3, .d2 = 5, .activation = HEED_RELU}},
    {"feed_forward", "gelu", init_feed_forward, feed_forward, {REAL(3, 4)}, {.d = 4, .d2 = 16, .activation = HEED_GELU}},
    {"feed_forward", "gelu, batch", init_feed_forward, feed_forward, {REAL(2, 3, 5)}, {.d = 5, .d2 = 17, .activation = HEED_GELU}},
    {"feed_forward", "gelu_tanh", init_feed_forward, feed_forward, {REAL(3, 4)}, {.d = 4, .d2 = 15, .activation = HEED_GELU_TANH}},
    {"feed_forward", "gelu_tanh, a vector", init_feed_forward, feed_forward, {REAL(6)}, {.d = 6, .d2 = 33, .activation = HEED_GELU_TANH}},
    {"feed_forward", "silu", init_feed_forward, feed_forward, {REAL(3, 4)}, {.d = 4, .d2 = 9, .activation = HEED_SILU}},
    {"feed_forward", "silu, no bias", init_feed_forward, feed_forward, {REAL(2, 3, 2)}, {.d = 2, .d2 = 8, .activation = HEED_SILU, .no_bias = true}},
    {"feed_forward", "dropout", init_feed_forward, feed_forward, {REAL(4, 4)}, {.d = 4, .d2 = 16, .activation = HEED_GELU, .p = 0.5}},

    {"encoder_layer", "pre-norm", init_encoder_layer, encoder_layer, {REAL(2, 3, 4), NOTHING},
     {.d = 4, .d2 = 6, .n_heads = 2, .activation = HEED_GELU}},
    {"encoder_layer", "post-norm", init_encoder_layer, encoder_layer, {REAL(2, 3, 4), NOTHING},
     {.d = 4, .d2 = 6, .n_heads = 2, .activation = HEED_GELU, .post_norm = true}},
    {"encoder_layer", "relu", init_encoder_layer, encoder_layer, {REAL(1, 3, 4), NOTHING},
     {.d = 4, .d2 = 5, .n_heads = 2, .activation = HEED_RELU}},
    {"encoder_layer", "post-norm, silu", init_encoder_layer, encoder_layer, {REAL(2, 2, 6), NOTHING},
     {.d = 6, .d2 = 7, .n_heads = 3, .activation = HEED_SILU, .post_norm = true}},
    {"encoder_layer", "padding", init_encoder_layer, encoder_layer, {REAL(3, 4, 4), COINS(3, 4)},
     {.d = 4, .d2 = 8, .n_heads = 2, .activation = HEED_GELU}},
    {"encoder_layer", "causal", init_encoder_layer, encoder_layer, {REAL(2, 5, 4), NOTHING},
     {.d = 4, .d2 = 8, .n_heads = 1, .activation = HEED_GELU_TANH, .causal = true}},
    {"encoder_layer", "post-norm, causal, padding", init_encoder_layer, encoder_layer, {REAL(2, 5, 4), COINS(2, 5)},
     {.d = 4, .d2 = 8, .n_heads = 2, .activation = HEED_GELU, .post_norm = true, .causal = true}},
    {"encoder_layer", "no bias", init_encoder_layer, encoder_layer, {REAL(2, 3, 4), NOTHING},
     {.d = 4, .d2 = 6, .n_heads = 2, .activation = HEED_GELU, .no_bias = true}},
    {"encoder_layer", "dropout", init_encoder_layer, encoder_layer, {REAL(2, 3, 4), NOTHING},
     {.d = 4, .d2 = 6, .n_heads = 2, .activation = HEED_GELU, .p = 0.3}},

    {"decoder_layer", "pre-norm", init_decoder_layer, decoder_layer, {REAL(2, 3, 4), REAL(2, 4, 4), NOTHING},
     {.d = 4, .d2 = 6, .n_heads = 2, .activation = HEED_GELU, .causal = true}},
    {"decoder_layer", "post-norm", init_decoder_layer, decoder_layer, {REAL(2, 3, 4), REAL(2, 4, 4), NOTHING},
     {.d = 4, .d2 = 6, .n_heads = 2, .activation = HEED_GELU, .causal = true, .post_norm = true}},
    {"decoder_layer", "relu", init_decoder_layer, decoder_layer, {REAL(1, 2, 4), REAL(1, 3, 4), NOTHING},
     {.d = 4, .d2 = 5, .n_heads = 2, .activation = HEED_RELU, .causal = true}},
    {"decoder_layer", "not causal", init_decoder_layer, decoder_layer, {REAL(2, 3, 6), REAL(2, 2, 6), NOTHING},
     {.d = 6, .d2 = 6, .n_heads = 3, .activation = HEED_SILU}},
    {"decoder_layer", "padding", init_decoder_layer, decoder_layer, {REAL(3, 3, 4), REAL(3, 4, 4), COINS(3, 4)},
     {.d = 4, .d2 = 6, .n_heads = 2, .activation = HEED_GELU, .causal = true}},
    {"decoder_layer", "post-norm, padding", init_decoder_layer, decoder_layer, {REAL(2, 3, 4), REAL(2, 5, 4), COINS(2, 5)},
     {.d = 4, .d2 = 6, .n_heads = 1, .activation = HEED_GELU_TANH, .causal = true, .post_norm = true}},
    {"decoder_layer", "no bias", init_decoder_layer, decoder_layer, {REAL(2, 3, 4), REAL(2, 4, 4), NOTHING},
     {.d = 4, .d2 = 6, .n_heads = 2, .activation = HEED_GELU, .causal = true, .no_bias = true}},
    {"decoder_layer", "dropout", init_decoder_layer, decoder_layer, {REAL(2, 3, 4), REAL(2, 4, 4), NOTHING},
     {.d = 4, .d2 = 6, .n_heads = 2, .activation = HEED_GELU, .causal = true, .p = 0.3}},

    {"encoder", "one layer", init_encoder, encoder, {REAL(2, 3, 4), NOTHING},
     {.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 1, .activation = HEED_GELU}},
    {"encoder", "two layers", init_encoder, encoder, {REAL(2, 3, 4), NOTHING},
     {.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 2, .activation = HEED_GELU}},
    {"encoder", "three layers, post-norm", init_encoder, encoder, {REAL(2, 3, 4), NOTHING},
     {.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 3, .activation = HEED_GELU, .post_norm = true}},
    {"encoder", "two layers, relu", init_encoder, encoder, {REAL(1, 2, 4), NOTHING},
     {.d = 4, .d2 = 4, .n_heads = 2, .n_layers = 2, .activation = HEED_RELU}},
    {"encoder", "padding", init_encoder, encoder, {REAL(3, 4, 4), COINS(3, 4)},
     {.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 2, .activation = HEED_SILU}},
    {"encoder", "causal", init_encoder, encoder, {REAL(2, 5, 6), NOTHING},
     {.d = 6, .d2 = 6, .n_heads = 3, .n_layers = 2, .activation = HEED_GELU_TANH, .causal = true}},
    {"encoder", "no bias, post-norm", init_encoder, encoder, {REAL(2, 3, 4), NOTHING},
     {.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 2, .activation = HEED_GELU, .no_bias = true, .post_norm = true}},
    {"encoder", "dropout, eps 0.01", init_encoder, encoder, {REAL(2, 3, 4), NOTHING},
     {.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 2, .activation = HEED_GELU, .p = 0.2, .eps = 0.01}},

    {"decoder", "one layer", init_decoder, decoder, {REAL(2, 3, 4), REAL(2, 4, 4), NOTHING},
     {.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 1, .activation = HEED_GELU, .causal = true}},
    {"decoder", "two layers", init_decoder, decoder, {REAL(2, 3, 4), REAL(2, 4, 4), NOTHING},
     {.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 2, .activation = HEED_GELU, .causal = true}},
    {"decoder", "three layers, post-norm", init_decoder, decoder, {REAL(2, 3, 4), REAL(2, 4, 4), NOTHING},
     {.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 3, .activation = HEED_GELU, .causal = true, .post_norm = true}},
    {"decoder", "two layers, relu", init_decoder, decoder, {REAL(1, 2, 4), REAL(1, 2, 4), NOTHING},
     {.d = 4, .d2 = 4, .n_heads = 2, .n_layers = 2, .activation = HEED_RELU, .causal = true}},
    {"decoder", "not causal", init_decoder, decoder, {REAL(2, 3, 6), REAL(2, 2, 6), NOTHING},
     {.d = 6, .d2 = 6, .n_heads = 3, .n_layers = 2, .activation = HEED_SILU}},
    {"decoder", "padding", init_decoder, decoder, {REAL(3, 3, 4), REAL(3, 4, 4), COINS(3, 4)},
     {.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 2, .activation = HEED_GELU_TANH, .causal = true}},
    {"decoder", "no bias, post-norm", init_decoder, decoder, {REAL(2, 3, 4), REAL(2, 4, 4), NOTHING},
     {.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 2, .activation = HEED_GELU, .causal = true, .no_bias = true, .post_norm = true}},
    {"decoder", "dropout", init_decoder, decoder, {REAL(2, 3, 4), REAL(2, 4, 4), NOTHING},
     {.d = 4, .d2 = 6, .n_heads = 2, .n_layers = 2, .activation = HEED_GELU, .causal = true, .p = 0.2}},

    {"gru", "a step", init_gru, gru, {REAL(3, 4), REAL(3, 5), NOTHING}, {.d = 4, .d2 = 5}},
    {"gru", "a step of one", init_gru, gru, {REAL(1, 1), REAL(1, 1), NOTHING}, {.d = 1, .d2 = 1}},
    {"gru", "a step of 17", init_gru, gru, {REAL(2, 3), REAL(2, 17), NOTHING}, {.d = 3, .d2 = 17}},
    {"gru", "a sequence", init_gru, gru, {REAL(2, 5, 3), NOTHING, NOTHING}, {.d = 3, .d2 = 4}},
    {"gru", "a sequence from h0", init_gru, gru, {REAL(2, 4, 3), REAL(2, 4), NOTHING}, {.d = 3, .d2 = 4}},
    {"gru", "the last state", init_gru, gru, {REAL(2, 4, 3), REAL(2, 4), NOTHING}, {.d = 3, .d2 = 4, .last = true}},
    {"gru", "padding", init_gru, gru, {REAL(3, 5, 3), NOTHING, COINS(3, 5)}, {.d = 3, .d2 = 4}},
    {"gru", "padding, from h0, the last", init_gru, gru, {REAL(3, 5, 3), REAL(3, 4), COINS(3, 5)}, {.d = 3, .d2 = 4, .last = true}},
    {"gru", "70 steps", init_gru, gru, {REAL(1, 70, 2), NOTHING, NOTHING}, {.d = 2, .d2 = 3}},

    {"state_attention", "one state", init_state_attention, state_attention, {REAL(2, 4), REAL(2, 5, 4), NOTHING}, {.d = 4}},
    {"state_attention", "one to look at", init_state_attention, state_attention, {REAL(2, 3), REAL(2, 1, 3), NOTHING}, {.d = 3}},
    {"state_attention", "width 1", init_state_attention, state_attention, {REAL(2, 1), REAL(2, 6, 1), NOTHING}, {.d = 1}},
    {"state_attention", "many states", init_state_attention, state_attention, {REAL(2, 3, 4), REAL(2, 5, 4), NOTHING}, {.d = 4}},
    {"state_attention", "width 17", init_state_attention, state_attention, {REAL(2, 2, 17), REAL(2, 3, 17), NOTHING}, {.d = 17}},
    {"state_attention", "33 to look at", init_state_attention, state_attention, {REAL(1, 2, 3), REAL(1, 33, 3), NOTHING}, {.d = 3}},
    {"state_attention", "one state, padding", init_state_attention, state_attention, {REAL(3, 4), REAL(3, 5, 4), COINS(3, 5)}, {.d = 4}},
    {"state_attention", "many states, padding", init_state_attention, state_attention, {REAL(3, 2, 4), REAL(3, 5, 4), COINS(3, 5)}, {.d = 4}},
};

/* ---- running them ---- */

int layer_cases_count(void) { return (int)(sizeof cases / sizeof *cases); }
const char *layer_case_layer(int index) { return cases[index].layer; }
const char *layer_case_what(int index) { return cases[index].what; }

typedef struct bound_case {
    const layer_case *c;
    room *room;
} bound_case;

static heed_tensor call(void *user, heed_tape *t, const heed_tensor *variables) {
    const bound_case *bound = user;
    return bound->c->forward(bound->room, t, variables, &bound->c->options);
}

static heed_check failure(const layer_case *c, const char *text) {
    heed_check check = {.failed = 1, .n_failures = 1, .failures = {{.sample = -1, .input = -1, .coordinate = -1}}};
    snprintf(check.name, sizeof check.name, "%s", c->what);
    snprintf(check.failures[0].what, sizeof check.failures[0].what, "%s", text);
    return check;
}

heed_check layer_case_check(int index, const heed_check_options *options) {
    const layer_case *c = &cases[index];
    heed_sample_input inputs[INPUTS];
    for (int i = 0; i < INPUTS; i++) {
        inputs[i] = c->in[i];
        inputs[i].absent = inputs[i].absent || (inputs[i].dtype == HEED_F32 && inputs[i].shape.rank == 0); /* not in the table */
    }
    heed_check_options once = options ? *options : (heed_check_options){.seed = 0};
    once.cases = once.cases > 0 ? once.cases : 1;
    bound_case bound = {.c = c, .room = calloc(1, sizeof(room))};
    if (bound.room == NULL)
        return failure(c, "out of memory");
    heed_model *model = heed_model_new();
    c->init(bound.room, heed_model_root(model), &c->options);
    bool built = heed_model_build(model, HEED_F64, 1 + (uint64_t)index) == HEED_OK;
    heed_check check = built ? heed_gradcheck(&(heed_check_case){.name = c->what, .fn = call, .user = &bound, .model = model, .n = INPUTS,
                                                                 .inputs = inputs}, &once)
                             : failure(c, heed_model_error_text(model));
    heed_model_free(model);
    free(bound.room);
    return check;
}

heed_check layer_cases_check(int first, const heed_check_options *options, int *end) {
    heed_check all = {.cases = 0};
    snprintf(all.name, sizeof all.name, "%s", cases[first].layer);
    heed_check_options each = options ? *options : (heed_check_options){.seed = 0};
    int most = each.cases;
    each.cases = 1;
    for (*end = first; *end < layer_cases_count() && strcmp(cases[*end].layer, cases[first].layer) == 0; ++*end) {
        if (most > 0 && *end - first >= most)
            continue;
        heed_check check = layer_case_check(*end, &each);
        heed_check_merge(&all, &check);
    }
    return all;
}
