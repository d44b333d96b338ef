#include <heed/layers/feed_forward.h>
#include <heed/ops.h>

/* What each activation is made of: a function of one value, and whether that goes through a gate. */
static const struct {
    heed_tensor (*function)(heed_tape *, heed_tensor);
    heed_activation plain;
    bool gated;
} activations[] = {
    [HEED_USUAL_ACTIVATION] = {heed_relu, HEED_RELU, false}, [HEED_RELU] = {heed_relu, HEED_RELU, false},
    [HEED_GELU] = {heed_gelu, HEED_GELU, false},             [HEED_GELU_TANH] = {heed_gelu_tanh, HEED_GELU_TANH, false},
    [HEED_SILU] = {heed_silu, HEED_SILU, false},             [HEED_SWIGLU] = {NULL, HEED_SILU, true},
};
enum { ACTIVATIONS = sizeof activations / sizeof *activations };

static bool known(heed_activation activation) { return (unsigned)activation < ACTIVATIONS; }

heed_tensor heed_activate(heed_tape *t, heed_tensor x, heed_activation activation) {
    if (!known(activation) || activations[activation].function == NULL)
        return heed_fail_tape(t, HEED_INVALID, "activate: %d is no activation of one value", (int)activation);
    return activations[activation].function(t, x);
}

void heed_feed_forward_init(heed_feed_forward *layer, const heed_module *parent, const char *name,
                            heed_feed_forward_options options) {
    *layer = (heed_feed_forward){.activation = HEED_RELU};
    heed_module_init(&layer->module, parent, name);
    if (known(options.activation)) {
        layer->activation = activations[options.activation].plain;
        layer->gated = activations[options.activation].gated;
    } else {
        heed_module_fail(&layer->module, "%d is no activation", (int)options.activation);
    }
    if (layer->gated)
        heed_linear_init(&layer->gate, &layer->module, "gate", options.d_model, options.d_ff, !options.no_bias);
    heed_linear_init(&layer->up, &layer->module, "up", options.d_model, options.d_ff, !options.no_bias);
    heed_linear_init(&layer->down, &layer->module, "down", options.d_ff, options.d_model, !options.no_bias);
    heed_dropout_init(&layer->dropout, &layer->module, "dropout", options.dropout);
}

/* silu(gate(x)) * up(x), (..., d_ff) */
static heed_tensor gated(const heed_feed_forward *layer, heed_tape *t, heed_tensor x, heed_tensor up) {
    heed_tensor gate = heed_watch(t, "pre_gate", heed_linear_forward(&layer->gate, t, x));
    return heed_mul(t, heed_activate(t, gate, layer->activation), up);
}

heed_tensor heed_feed_forward_forward(const heed_feed_forward *layer, heed_tape *t, heed_tensor x) {
    heed_enter(t, &layer->module);
    heed_tensor pre = heed_watch(t, "pre", heed_linear_forward(&layer->up, t, x)); /* (..., d_ff) */
    heed_tensor post = layer->gated ? gated(layer, t, x, pre) : heed_activate(t, pre, layer->activation);
    post = heed_watch(t, "post", post); /* (..., d_ff) */
    heed_tensor y =
        heed_linear_forward(&layer->down, t, heed_dropout_forward(&layer->dropout, t, post)); /* (..., d_model) */
    heed_leave(t);
    return y;
}
