/* The transformer's second half: two linear layers with an activation between. Vaswani et al. 2017, 3.3. */
#ifndef HEED_LAYERS_FEED_FORWARD_H
#define HEED_LAYERS_FEED_FORWARD_H

#include <heed/layers/dropout.h>
#include <heed/layers/linear.h>

HEED_BEGIN_DECLS

typedef enum heed_activation { HEED_RELU, HEED_GELU, HEED_GELU_TANH, HEED_SILU } heed_activation;
heed_tensor heed_activate(heed_tape *t, heed_tensor x, heed_activation activation);

typedef struct heed_feed_forward {
    heed_module module;
    heed_linear_layer up, down; /* (d_ff, d_model), (d_model, d_ff) */
    heed_dropout_layer dropout;
    heed_activation activation;
} heed_feed_forward;

typedef struct heed_feed_forward_options {
    int64_t d_model, d_ff;
    heed_activation activation;
    double dropout;
    bool no_bias;
} heed_feed_forward_options;
void heed_feed_forward_init(heed_feed_forward *layer, const heed_module *parent, const char *name, heed_feed_forward_options options);
/* x (..., d_model) -> down(dropout(activation(up(x)))) (..., d_model).
 * Watched values: pre and post, before and after the activation (..., d_ff). */
heed_tensor heed_feed_forward_forward(const heed_feed_forward *layer, heed_tape *t, heed_tensor x);

HEED_END_DECLS
#endif
