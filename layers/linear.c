#include <heed/layers/linear.h>
#include <heed/ops.h>

#include <math.h>

void heed_linear_init(heed_linear_layer *layer, const heed_module *parent, const char *name, int64_t inputs,
                      int64_t outputs, bool bias) {
    *layer = (heed_linear_layer){.has_bias = bias};
    heed_module_init(&layer->module, parent, name);
    if (inputs < 1 || outputs < 1)
        heed_module_fail(&layer->module, "inputs %lld and outputs %lld must be positive", (long long)inputs,
                         (long long)outputs);
    double bound = 1 / sqrt((double)inputs);
    layer->weight =
        heed_param_new(&layer->module, "weight", HEED_SHAPE(outputs, inputs), heed_init_uniform(-bound, bound));
    if (bias) {
        layer->bias = heed_param_new(&layer->module, "bias", HEED_SHAPE(outputs), heed_init_uniform(-bound, bound));
        heed_param_set_group(layer->bias, "no_decay");
    }
}

heed_tensor heed_linear_forward(const heed_linear_layer *layer, heed_tape *t, heed_tensor x) {
    heed_enter(t, &layer->module);
    heed_tensor bias = layer->has_bias ? heed_use(t, layer->bias) : HEED_NIL;
    heed_tensor y = heed_linear(t, x, heed_use(t, layer->weight), bias); /* (..., outputs) */
    heed_leave(t);
    return y;
}
