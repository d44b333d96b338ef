/* y = x Wᵀ + b. PyTorch's nn.Linear. */
#ifndef HEED_LAYERS_LINEAR_H
#define HEED_LAYERS_LINEAR_H

#include <heed/model.h>

HEED_BEGIN_DECLS

typedef struct heed_linear_layer {
    heed_module module;
    heed_param weight; /* (outputs, inputs) */
    heed_param bias;   /* (outputs), where has_bias */
    bool has_bias;
} heed_linear_layer;

/* weight ~ U(-1/sqrt(inputs), 1/sqrt(inputs)), bias the same, as PyTorch's. Sizes must be positive. */
void heed_linear_init(heed_linear_layer *layer, const heed_module *parent, const char *name, int64_t inputs,
                      int64_t outputs, bool bias);
/* x (..., inputs) -> (..., outputs) */
heed_tensor heed_linear_forward(const heed_linear_layer *layer, heed_tape *t, heed_tensor x);

HEED_END_DECLS
#endif
