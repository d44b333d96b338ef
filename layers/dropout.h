/* Dropout as a layer: its masks are keyed by its path, so that they do not depend on what else is drawn. */
#ifndef HEED_LAYERS_DROPOUT_H
#define HEED_LAYERS_DROPOUT_H

#include <heed/model.h>

HEED_BEGIN_DECLS

typedef struct heed_dropout_layer {
    heed_module module;
    double p;
} heed_dropout_layer;

/* p in [0, 1]. */
void heed_dropout_init(heed_dropout_layer *layer, const heed_module *parent, const char *name, double p);
heed_tensor heed_dropout_forward(const heed_dropout_layer *layer, heed_tape *t, heed_tensor x);

HEED_END_DECLS
#endif
