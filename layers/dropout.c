#include <heed/layers/dropout.h>
#include <heed/ops.h>

void heed_dropout_init(heed_dropout_layer *layer, const heed_module *parent, const char *name, double p) {
    *layer = (heed_dropout_layer){.p = p};
    heed_module_init(&layer->module, parent, name);
    if (!(p >= 0 && p <= 1))
        heed_module_fail(&layer->module, "p %g is not in [0, 1]", p);
}

heed_tensor heed_dropout_forward(const heed_dropout_layer *layer, heed_tape *t, heed_tensor x) {
    heed_enter(t, &layer->module); /* the mask's key is made of the path */
    heed_tensor y = heed_dropout(t, x, layer->p);
    heed_leave(t);
    return y;
}
