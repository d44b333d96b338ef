/* LoRA: a low-rank update of a projection that stays as it is. Hu et al. 2021, 4.1.
 *
 * Intended use, on any layer's weight:
 *   1. heed_lora_init_linear(&lora, &linear, 8, 16)          declares lora.a and lora.b under the layer
 *   2. heed_model_set_trainable(model, "*", false)           freezes the rest,
 *      heed_model_set_trainable(model, "*.lora*.?", true)    but for the updates
 *   3. y = heed_lora_forward(&lora, t, x, heed_linear_forward(&linear, t, x))
 *   4. heed_lora_merge(&lora, linear.weight)                 once trained, if it shall cost nothing */
#ifndef HEED_LAYERS_LORA_H
#define HEED_LAYERS_LORA_H

#include <heed/layers/linear.h>

HEED_BEGIN_DECLS

typedef struct heed_lora {
    heed_module module;
    heed_param a;  /* (rank, inputs): N(0, 1 / inputs) at the start */
    heed_param b;  /* (outputs, rank): 0 at the start, so that nothing is changed yet */
    double factor; /* alpha / rank */
} heed_lora;

/* alpha 0: rank, that is a factor of 1. rank must be 1 or more. */
void heed_lora_init(heed_lora *lora, const heed_module *parent, const char *name, int64_t inputs, int64_t outputs,
                    int rank, double alpha);
/* For a linear layer, as its child "lora". */
void heed_lora_init_linear(heed_lora *lora, const heed_linear_layer *layer, int rank, double alpha);
/* x (..., inputs), y (..., outputs), what the projection makes of x -> y + (alpha / rank) x aᵀ bᵀ */
heed_tensor heed_lora_forward(const heed_lora *lora, heed_tape *t, heed_tensor x, heed_tensor y);
/* weight (outputs, inputs) += (alpha / rank) b a, and b := 0: the same function as before, which the weight alone
 * now is. Status and the model's error: a weight of another shape; before the model is built; out of memory. */
heed_status heed_lora_merge(const heed_lora *lora, heed_param weight) HEED_MUST_CHECK;

HEED_END_DECLS
#endif
