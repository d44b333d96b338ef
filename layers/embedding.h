/* A table of vectors, one a token. PyTorch's nn.Embedding. */
#ifndef HEED_LAYERS_EMBEDDING_H
#define HEED_LAYERS_EMBEDDING_H

#include <heed/model.h>

HEED_BEGIN_DECLS

typedef struct heed_embedding_layer {
    heed_module module;
    heed_param weight; /* (V, d), N(0, 1) at the start */
} heed_embedding_layer;

void heed_embedding_init(heed_embedding_layer *layer, const heed_module *parent, const char *name, int64_t vocabulary,
                         int64_t d);
/* tokens (...) i32 -> (..., d) */
heed_tensor heed_embedding_forward(const heed_embedding_layer *layer, heed_tape *t, heed_tensor tokens);

HEED_END_DECLS
#endif
