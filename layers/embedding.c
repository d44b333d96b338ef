#include <heed/layers/embedding.h>
#include <heed/ops.h>

void heed_embedding_init(heed_embedding_layer *layer, const heed_module *parent, const char *name, int64_t vocabulary,
                         int64_t d) {
    *layer = (heed_embedding_layer){.weight = {.model = NULL}};
    heed_module_init(&layer->module, parent, name);
    if (vocabulary < 1 || d < 1)
        heed_module_fail(&layer->module, "vocabulary %lld and d %lld must be positive", (long long)vocabulary,
                         (long long)d);
    layer->weight = heed_param_new(&layer->module, "weight", HEED_SHAPE(vocabulary, d), heed_init_normal(0, 1));
}

heed_tensor heed_embedding_forward(const heed_embedding_layer *layer, heed_tape *t, heed_tensor tokens) {
    heed_enter(t, &layer->module);
    heed_tensor x = heed_embedding(t, heed_use(t, layer->weight), tokens); /* (..., d) */
    heed_leave(t);
    return x;
}
