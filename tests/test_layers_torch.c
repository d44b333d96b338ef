/* The layers against PyTorch's: outputs, and gradients of every parameter and input, from tests/golden/layers.txt. */
#include <heed/heed.h>

#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "helpers/golden.h"

typedef union any_layer {
    heed_linear_layer linear;
    heed_layernorm_layer layernorm;
    heed_embedding_layer embedding;
    heed_multi_head_attention attention;
    heed_encoder_layer encoder_layer;
    heed_encoder encoder;
    heed_decoder_layer decoder_layer;
    heed_decoder decoder;
    heed_gru gru;
} any_layer;

enum { INPUTS = 4 };
typedef struct run {
    golden g;
    heed_dtype dtype;
    heed_tape *t;
    heed_tensor loss;
    int n_inputs;
    const golden_tensor *input[INPUTS];
    heed_tensor variable[INPUTS];
} run;

typedef struct torch_case {
    const char *name;
    void (*declare)(any_layer *layer, const heed_module *root, const struct torch_case *c);
    void (*forward)(const any_layer *layer, run *r, const struct torch_case *c);
    heed_transformer_options options; /* what the layer has of them */
    bool causal;
} torch_case;

/* ---- values to and from the tape ---- */

/* The case's input, or HEED_NIL where it has none of that name. */
static heed_tensor given(run *r, const char *name) {
    const golden_tensor *x = golden_find(&r->g, "in", name);
    if (x == NULL)
        return HEED_NIL;
    if (x->dtype == HEED_F64) {
        cr_assert(r->n_inputs < INPUTS);
        heed_tensor wide = heed_variable(r->t, HEED_F64, x->shape, x->values);
        r->input[r->n_inputs] = x;
        return heed_cast(r->t, r->variable[r->n_inputs++] = wide, r->dtype);
    }
    return heed_cast(r->t, heed_input(r->t, HEED_F64, x->shape, x->values), x->dtype);
}

/* The largest gradient of the case: where PyTorch's is all rounding (a key's bias moves no softmax), ours is held to that. */
static double floor_of(const run *r, const golden_tensor *want) {
    double largest = 0;
    for (int i = 0; i < r->g.n; i++)
        if (strncmp(r->g.tensor[i].name, want->name, 4) == 0)
            largest = fmax(largest, golden_largest(&r->g.tensor[i]));
    return largest;
}

static void compare(const run *r, const golden_tensor *want, const void *got, heed_dtype dtype) {
    double scale = golden_largest(want), worst = 0, whole = floor_of(r, want);
    int64_t at = 0;
    cr_assert(got != NULL, "%s %s: %s", r->g.name, want->name, heed_error_text(r->t));
    for (int64_t i = 0; i < want->count; i++) {
        double value = dtype == HEED_F64 ? ((const double *)got)[i] : (double)((const float *)got)[i];
        double error = fabs(value - want->values[i]);
        if (!(error <= worst)) {
            worst = error;
            at = i;
        }
    }
    double tolerance = (r->dtype == HEED_F64 ? 1e-10 : 1e-5) * (scale > 1e-12 * whole ? scale : whole);
    cr_expect(worst <= tolerance, "%s %s %s: off by %g at %lld, where PyTorch has %g; %g is allowed", heed_dtype_name(r->dtype), r->g.name,
              want->name, worst, (long long)at, want->values[at], tolerance);
}

static void produced(run *r, const char *name, heed_tensor y) {
    const golden_tensor *want = golden_find(&r->g, "out", name), *seed = golden_find(&r->g, "seed", name);
    cr_assert(want && seed, "%s has no output %s", r->g.name, name);
    cr_assert(heed_shape_equal(heed_shape_of(r->t, y), want->shape), "%s %s is %s, not %s: %s", r->g.name, name,
              HEED_SHAPE_STR(heed_shape_of(r->t, y)), HEED_SHAPE_STR(want->shape), heed_error_text(r->t));
    compare(r, want, heed_data(r->t, y), r->dtype);
    heed_tensor weights = heed_cast(r->t, heed_input(r->t, HEED_F64, seed->shape, seed->values), r->dtype);
    heed_tensor part = heed_sum(r->t, heed_mul(r->t, y, weights), HEED_ALL_AXES);
    r->loss = heed_is_nil(r->loss) ? part : heed_add(r->t, r->loss, part);
}

/* ---- one run ---- */

static void set_parameters(run *r, heed_model *model) {
    for (int i = 0; i < heed_model_params(model); i++) {
        heed_param_info info = heed_model_param(model, i);
        if (info.buffer)
            continue;
        const golden_tensor *value = golden_find(&r->g, "param", info.path);
        cr_assert(value && heed_shape_equal(value->shape, info.shape), "%s: PyTorch has no %s %s", r->g.name, info.path, HEED_SHAPE_STR(info.shape));
        cr_assert(heed_param_set(heed_model_find(model, info.path), value->values, value->count) == HEED_OK);
    }
}

static void compare_gradients(run *r, heed_model *model, heed_grads *grads) {
    int found = 0, wanted = 0;
    for (int i = 0; i < r->n_inputs; i++, found++) {
        const golden_tensor *want = golden_find(&r->g, "grad", r->input[i]->name + strlen("in."));
        compare(r, want, heed_f64(r->t, heed_grad(r->t, r->variable[i])), HEED_F64);
    }
    for (int i = 0; i < heed_model_params(model); i++) {
        heed_param_info info = heed_model_param(model, i);
        if (info.buffer)
            continue;
        compare(r, golden_find(&r->g, "grad", info.path), heed_grads_of(grads, heed_model_find(model, info.path)), r->dtype);
        found++;
    }
    for (int i = 0; i < r->g.n; i++)
        wanted += strncmp(r->g.tensor[i].name, "grad.", strlen("grad.")) == 0;
    cr_expect_eq(found, wanted, "%s: %d gradients were compared, PyTorch has %d", r->g.name, found, wanted);
}

static void check(const torch_case *c, heed_dtype dtype) {
    static any_layer layer;
    run r = {.dtype = dtype, .t = heed_tape_new()};
    cr_assert(golden_read(&r.g, "tests/golden/layers.txt", c->name));
    heed_model *model = heed_model_new();
    c->declare(&layer, heed_model_root(model), c);
    cr_assert(heed_model_build(model, dtype, 1) == HEED_OK, "%s", heed_model_error_text(model));
    set_parameters(&r, model);
    c->forward(&layer, &r, c);
    heed_grads *grads = heed_grads_new(model);
    cr_assert(heed_backward(r.t, r.loss, grads) == HEED_OK, "%s: %s", c->name, heed_error_text(r.t));
    compare_gradients(&r, model, grads);
    heed_grads_free(grads);
    heed_tape_free(r.t);
    heed_model_free(model);
    golden_free(&r.g);
}

/* ---- the layers ---- */

static void declare_linear(any_layer *layer, const heed_module *root, const torch_case *c) {
    heed_linear_init(&layer->linear, root, "layer", 4, 6, !c->options.no_bias);
}
static void forward_linear(const any_layer *layer, run *r, const torch_case *c) {
    (void)c;
    produced(r, "y", heed_linear_forward(&layer->linear, r->t, given(r, "x")));
}

static void declare_layernorm(any_layer *layer, const heed_module *root, const torch_case *c) {
    heed_layernorm_init(&layer->layernorm, root, "layer", c->options.d_model, 1e-5, true);
}
static void forward_layernorm(const any_layer *layer, run *r, const torch_case *c) {
    (void)c;
    produced(r, "y", heed_layernorm_forward(&layer->layernorm, r->t, given(r, "x")));
}

static void declare_embedding(any_layer *layer, const heed_module *root, const torch_case *c) {
    (void)c;
    heed_embedding_init(&layer->embedding, root, "layer", 5, 3);
}
static void forward_embedding(const any_layer *layer, run *r, const torch_case *c) {
    (void)c;
    produced(r, "y", heed_embedding_forward(&layer->embedding, r->t, given(r, "tokens")));
}

static void declare_attention(any_layer *layer, const heed_module *root, const torch_case *c) {
    heed_multi_head_attention_init(&layer->attention, root, "layer",
                                   (heed_multi_head_options){.d_model = c->options.d_model, .n_heads = c->options.n_heads, .no_bias = c->options.no_bias});
}
static void forward_attention(const any_layer *layer, run *r, const torch_case *c) {
    heed_tensor query = given(r, "query"), memory = given(r, "memory");
    heed_attend attend = {.key_padding = given(r, "padding"), .mask = given(r, "mask"), .causal = c->causal};
    produced(r, "y", heed_multi_head_attention_forward(&layer->attention, r->t, query, heed_is_nil(memory) ? query : memory, attend));
}

static void declare_encoder_layer(any_layer *layer, const heed_module *root, const torch_case *c) {
    heed_encoder_layer_init(&layer->encoder_layer, root, "layer", c->options);
}
static void forward_encoder_layer(const any_layer *layer, run *r, const torch_case *c) {
    heed_attend attend = {.key_padding = given(r, "padding"), .causal = c->causal};
    produced(r, "y", heed_encoder_layer_forward(&layer->encoder_layer, r->t, given(r, "x"), attend));
}

static void declare_encoder(any_layer *layer, const heed_module *root, const torch_case *c) {
    heed_encoder_init(&layer->encoder, root, "layer", c->options);
}
static void forward_encoder(const any_layer *layer, run *r, const torch_case *c) {
    produced(r, "y", heed_encoder_forward(&layer->encoder, r->t, given(r, "x"), (heed_attend){.causal = c->causal}));
}

static void declare_decoder_layer(any_layer *layer, const heed_module *root, const torch_case *c) {
    heed_decoder_layer_init(&layer->decoder_layer, root, "layer", c->options);
}
static void forward_decoder_layer(const any_layer *layer, run *r, const torch_case *c) {
    heed_attend self = {.causal = c->causal}, cross = {.key_padding = given(r, "padding")};
    produced(r, "y", heed_decoder_layer_forward(&layer->decoder_layer, r->t, given(r, "x"), given(r, "memory"), self, cross));
}

static void declare_decoder(any_layer *layer, const heed_module *root, const torch_case *c) {
    heed_decoder_init(&layer->decoder, root, "layer", c->options);
}
static void forward_decoder(const any_layer *layer, run *r, const torch_case *c) {
    heed_attend self = {.causal = c->causal}, cross = {.key_padding = given(r, "padding")};
    produced(r, "y", heed_decoder_forward(&layer->decoder, r->t, given(r, "x"), given(r, "memory"), self, cross));
}

static void declare_gru(any_layer *layer, const heed_module *root, const torch_case *c) {
    (void)c;
    heed_gru_init(&layer->gru, root, "layer", 3, 4);
}
static void forward_gru_step(const any_layer *layer, run *r, const torch_case *c) {
    (void)c;
    heed_tensor x = given(r, "x");
    produced(r, "y", heed_gru_step(&layer->gru, r->t, x, given(r, "h")));
}
static void forward_gru(const any_layer *layer, run *r, const torch_case *c) {
    (void)c;
    heed_tensor last, x = given(r, "x"), h0 = given(r, "h0");
    produced(r, "states", heed_gru_forward(&layer->gru, r->t, x, h0, given(r, "padding"), &last));
    produced(r, "last", last);
}

static const torch_case cases[] = {
    {"linear", declare_linear, forward_linear, {0}, false},
    {"linear_no_bias", declare_linear, forward_linear, {.no_bias = true}, false},
    {"layernorm", declare_layernorm, forward_layernorm, {.d_model = 8}, false},
    {"embedding", declare_embedding, forward_embedding, {0}, false},
    {"attention_self", declare_attention, forward_attention, {.d_model = 8, .n_heads = 2}, false},
    {"attention_no_bias", declare_attention, forward_attention, {.d_model = 8, .n_heads = 2, .no_bias = true}, false},
    {"attention_causal", declare_attention, forward_attention, {.d_model = 8, .n_heads = 2}, true},
    {"attention_causal_padding", declare_attention, forward_attention, {.d_model = 8, .n_heads = 2}, true},
    {"attention_cross", declare_attention, forward_attention, {.d_model = 8, .n_heads = 2}, false},
    {"attention_cross_padding", declare_attention, forward_attention, {.d_model = 8, .n_heads = 2}, false},
    {"attention_additive_padding", declare_attention, forward_attention, {.d_model = 8, .n_heads = 2}, false},
    {"encoder_layer_post_relu", declare_encoder_layer, forward_encoder_layer,
     {.d_model = 8, .n_heads = 2, .d_ff = 12, .activation = HEED_RELU, .post_norm = true}, false},
    {"encoder_layer_pre_gelu", declare_encoder_layer, forward_encoder_layer,
     {.d_model = 8, .n_heads = 2, .d_ff = 12, .activation = HEED_GELU}, false},
    {"encoder_pre", declare_encoder, forward_encoder, {.d_model = 4, .n_heads = 2, .d_ff = 6, .n_layers = 2}, true},
    {"encoder_post", declare_encoder, forward_encoder, {.d_model = 4, .n_heads = 2, .d_ff = 6, .n_layers = 2, .post_norm = true}, true},
    {"decoder_layer_post_gelu", declare_decoder_layer, forward_decoder_layer,
     {.d_model = 8, .n_heads = 2, .d_ff = 12, .activation = HEED_GELU, .post_norm = true}, true},
    {"decoder_layer_pre_relu", declare_decoder_layer, forward_decoder_layer,
     {.d_model = 8, .n_heads = 2, .d_ff = 12, .activation = HEED_RELU}, true},
    {"decoder_pre", declare_decoder, forward_decoder, {.d_model = 4, .n_heads = 2, .d_ff = 6, .n_layers = 2}, true},
    {"decoder_post", declare_decoder, forward_decoder, {.d_model = 4, .n_heads = 2, .d_ff = 6, .n_layers = 2, .post_norm = true}, true},
    {"gru_step", declare_gru, forward_gru_step, {0}, false},
    {"gru_from_h0", declare_gru, forward_gru, {0}, false},
    {"gru_from_zero", declare_gru, forward_gru, {0}, false},
    {"gru_padding", declare_gru, forward_gru, {0}, false},
};
enum { CASES = sizeof cases / sizeof *cases };

Test(layers_torch, f64_to_ten_digits) {
    for (int i = 0; i < CASES; i++)
        check(&cases[i], HEED_F64);
}

Test(layers_torch, f32_to_five_digits) {
    for (int i = 0; i < CASES; i++)
        check(&cases[i], HEED_F32);
}
