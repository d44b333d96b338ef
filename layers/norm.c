#include <heed/layers/norm.h>
#include <heed/ops.h>

/* Declares a (d) parameter that weight decay leaves alone; says what is wrong with d or eps. */
static heed_param per_feature(const heed_module *module, const char *name, int64_t d, double eps, double start) {
    if (d < 1)
        heed_module_fail(module, "d %lld must be positive", (long long)d);
    if (!(eps >= 0))
        heed_module_fail(module, "eps %g must be 0 or more", eps);
    heed_param p = heed_param_new(module, name, HEED_SHAPE(d), heed_init_constant(start));
    heed_param_set_group(p, "no_decay");
    return p;
}

void heed_layernorm_init(heed_layernorm_layer *layer, const heed_module *parent, const char *name, int64_t d,
                         double eps, bool shift) {
    *layer = (heed_layernorm_layer){.eps = eps, .has_shift = shift};
    heed_module_init(&layer->module, parent, name);
    layer->gain = per_feature(&layer->module, "gain", d, eps, 1);
    if (shift)
        layer->shift = per_feature(&layer->module, "shift", d, eps, 0);
}

heed_tensor heed_layernorm_forward(const heed_layernorm_layer *layer, heed_tape *t, heed_tensor x) {
    heed_enter(t, &layer->module);
    heed_tensor shift = layer->has_shift ? heed_use(t, layer->shift) : HEED_NIL;
    heed_tensor y = heed_layernorm(t, x, heed_use(t, layer->gain), shift, layer->eps);
    heed_leave(t);
    return y;
}

void heed_rmsnorm_init(heed_rmsnorm_layer *layer, const heed_module *parent, const char *name, int64_t d, double eps) {
    *layer = (heed_rmsnorm_layer){.eps = eps};
    heed_module_init(&layer->module, parent, name);
    layer->gain = per_feature(&layer->module, "gain", d, eps, 1);
}

heed_tensor heed_rmsnorm_forward(const heed_rmsnorm_layer *layer, heed_tape *t, heed_tensor x) {
    heed_enter(t, &layer->module);
    heed_tensor y = heed_rmsnorm(t, x, heed_use(t, layer->gain), layer->eps);
    heed_leave(t);
    return y;
}

void heed_norm_init(heed_norm_layer *layer, const heed_module *parent, const char *name, heed_norm_kind kind, int64_t d,
                    double eps, bool shift) {
    *layer = (heed_norm_layer){.kind = kind};
    if (kind == HEED_RMSNORM)
        heed_rmsnorm_init(&layer->as.rmsnorm, parent, name, d, eps);
    else
        heed_layernorm_init(&layer->as.layernorm, parent, name, d, eps, shift);
    if (kind != HEED_LAYERNORM && kind != HEED_RMSNORM)
        heed_module_fail(&layer->as.layernorm.module, "%d is no kind of norm", (int)kind);
}

heed_tensor heed_norm_forward(const heed_norm_layer *layer, heed_tape *t, heed_tensor x) {
    return layer->kind == HEED_RMSNORM ? heed_rmsnorm_forward(&layer->as.rmsnorm, t, x)
                                       : heed_layernorm_forward(&layer->as.layernorm, t, x);
}
