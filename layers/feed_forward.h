/* The transformer's second half: two linear layers with an activation between (Vaswani et al. 2017, 3.3), or, gated, three:
 * one of two products of x decides how much of the other passes (Shazeer 2020, "GLU variants improve transformer"). */
#ifndef HEED_LAYERS_FEED_FORWARD_H
#define HEED_LAYERS_FEED_FORWARD_H

#include <heed/layers/dropout.h>
#include <heed/layers/linear.h>

HEED_BEGIN_DECLS

typedef enum heed_activation {
    HEED_USUAL_ACTIVATION, /* what the layer's paper has: relu in feed-forward and transformers, gelu_tanh in GPT-2 */
    HEED_RELU,
    HEED_GELU,      /* by erf */
    HEED_GELU_TANH, /* GPT-2's approximation */
    HEED_SILU,
    HEED_SWIGLU,    /* gated by silu; in feed-forward only */
} heed_activation;
/* f(x), of x's shape. HEED_SWIGLU takes two values for one and is refused. */
heed_tensor heed_activate(heed_tape *t, heed_tensor x, heed_activation activation);

typedef struct heed_feed_forward {
    heed_module module;
    heed_linear_layer up, down; /* (d_ff, d_model), (d_model, d_ff) */
    heed_linear_layer gate;     /* (d_ff, d_model), where gated */
    heed_dropout_layer dropout;
    heed_activation activation; /* of up, or of the gate */
    bool gated;
} heed_feed_forward;

typedef struct heed_feed_forward_options {
    int64_t d_model, d_ff;
    heed_activation activation;
    double dropout;
    bool no_bias;
} heed_feed_forward_options;
void heed_feed_forward_init(heed_feed_forward *layer, const heed_module *parent, const char *name,
                            heed_feed_forward_options options);
/* x (..., d_model) -> down(dropout(activation(up(x)))), or down(dropout(silu(gate(x)) * up(x))) with HEED_SWIGLU; (..., d_model).
 * Watched values: pre and post, before and after the activation, and the gate's pre_gate, (..., d_ff). */
heed_tensor heed_feed_forward_forward(const heed_feed_forward *layer, heed_tape *t, heed_tensor x);

HEED_END_DECLS
#endif
