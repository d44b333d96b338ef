#include <heed/layers/feed_forward.h>
#include <heed/ops.h>

heed_tensor heed_activate(heed_tape *t, heed_tensor x, heed_activation activation) {
    static heed_tensor (*const functions[])(heed_tape *, heed_tensor) = {
        [HEED_RELU] = heed_relu, [HEED_GELU] = heed_gelu, [HEED_GELU_TANH] = heed_gelu_tanh, [HEED_SILU] = heed_silu};
    enum { ACTIVATIONS = sizeof functions / sizeof *functions };
    if ((unsigned)activation >= ACTIVATIONS)
        return heed_fail_tape(t, HEED_INVALID, "activate: %d is no activation", (int)activation);
    return functions[activation](t, x);
}

void heed_feed_forward_init(heed_feed_forward *layer, const heed_module *parent, const char *name, heed_feed_forward_options options) {
    *layer = (heed_feed_forward){.activation = options.activation};
    heed_module_init(&layer->module, parent, name);
    heed_linear_init(&layer->up, &layer->module, "up", options.d_model, options.d_ff, !options.no_bias);
    heed_linear_init(&layer->down, &layer->module, "down", options.d_ff, options.d_model, !options.no_bias);
    heed_dropout_init(&layer->dropout, &layer->module, "dropout", options.dropout);
}

heed_tensor heed_feed_forward_forward(const heed_feed_forward *layer, heed_tape *t, heed_tensor x) {
    heed_enter(t, &layer->module);
    heed_tensor pre = heed_watch(t, "pre", heed_linear_forward(&layer->up, t, x));                 /* (..., d_ff) */
    heed_tensor post = heed_watch(t, "post", heed_activate(t, pre, layer->activation));            /* (..., d_ff) */
    heed_tensor y = heed_linear_forward(&layer->down, t, heed_dropout_forward(&layer->dropout, t, post)); /* (..., d_model) */
    heed_leave(t);
    return y;
}
