/* Normalisation over the last axis: layernorm (Ba et al. 2016) and rmsnorm (Zhang and Sennrich 2019). */
#ifndef HEED_LAYERS_NORM_H
#define HEED_LAYERS_NORM_H

#include <heed/model.h>

HEED_BEGIN_DECLS

typedef struct heed_layernorm_layer {
    heed_module module;
    heed_param gain, shift; /* (d): ones and zeros at the start, group "no_decay" */
    bool has_shift;
    double eps;
} heed_layernorm_layer;

/* eps: 1e-5 is PyTorch's. */
void heed_layernorm_init(heed_layernorm_layer *layer, const heed_module *parent, const char *name, int64_t d,
                         double eps, bool shift);
heed_tensor heed_layernorm_forward(const heed_layernorm_layer *layer, heed_tape *t,
                                   heed_tensor x); /* (..., d) -> (..., d) */

typedef struct heed_rmsnorm_layer {
    heed_module module;
    heed_param gain; /* (d) */
    double eps;
} heed_rmsnorm_layer;

void heed_rmsnorm_init(heed_rmsnorm_layer *layer, const heed_module *parent, const char *name, int64_t d, double eps);
heed_tensor heed_rmsnorm_forward(const heed_rmsnorm_layer *layer, heed_tape *t, heed_tensor x);

/* Either of them, for layers that leave the choice to their users. */
typedef enum heed_norm_kind { HEED_LAYERNORM, HEED_RMSNORM } heed_norm_kind;

typedef struct heed_norm_layer {
    heed_norm_kind kind;
    union {
        heed_layernorm_layer layernorm;
        heed_rmsnorm_layer rmsnorm;
    } as;
} heed_norm_layer;

/* shift: layernorm's; rmsnorm has none. */
void heed_norm_init(heed_norm_layer *layer, const heed_module *parent, const char *name, heed_norm_kind kind, int64_t d,
                    double eps, bool shift);
heed_tensor heed_norm_forward(const heed_norm_layer *layer, heed_tape *t, heed_tensor x); /* (..., d) -> (..., d) */

HEED_END_DECLS
#endif
