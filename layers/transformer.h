/* Transformer encoder and decoder: layers and stacks, norm before (pre) or after (post) each part.
 * Post-norm: x = norm(x + part(x)), Vaswani et al. 2017. Pre-norm: x = x + part(norm(x)), and one norm after the stack.
 * Equations of PyTorch's nn.TransformerEncoderLayer and nn.TransformerDecoderLayer. */
#ifndef HEED_LAYERS_TRANSFORMER_H
#define HEED_LAYERS_TRANSFORMER_H

#include <heed/layers/feed_forward.h>
#include <heed/layers/multi_head_attention.h>
#include <heed/layers/norm.h>

HEED_BEGIN_DECLS

typedef struct heed_transformer_options {
    int64_t d_model, d_ff; /* d_ff 0: 4 d_model */
    int n_heads, n_layers;
    double dropout;
    heed_activation activation;
    heed_norm_kind norm;
    bool post_norm;
    bool no_bias;    /* none in attention, feed-forward and norms */
    bool no_mlp;     /* attention only, without the second half */
    bool recompute;  /* a stack's layers are computed again in backward, one by one, instead of being kept, for long
                        contexts: heed_recompute_begin. No bit changes */
    double eps;      /* of the norms; 0: 1e-5 */
    double
        init_std; /* 0: each part starts as it does by itself. Otherwise as in GPT-2 (Radford et al. 2019): weights N(0, init_std²),
                        those of the projections onto the residual stream N(0, init_std² / how many of them the stack has), biases 0 */
    heed_attention_features
        features; /* of self-attention; cross-attention has those that do not speak of places: its keys'
                                         places are not its queries' */
} heed_transformer_options;

typedef struct heed_encoder_layer {
    heed_module module;
    heed_multi_head_attention attn;
    heed_feed_forward mlp;
    heed_norm_layer norm_attn, norm_mlp;
    heed_dropout_layer dropout_attn, dropout_mlp;
    bool post_norm, no_mlp;
} heed_encoder_layer;
void heed_encoder_layer_init(heed_encoder_layer *layer, const heed_module *parent, const char *name,
                             heed_transformer_options options);
/* x (B, T, d_model) -> the same shape. A causal encoder layer is a GPT block. Watched values, beside those of its parts:
 * attn_out and mlp_out, what each part adds to x before dropout. */
heed_tensor heed_encoder_layer_forward(const heed_encoder_layer *layer, heed_tape *t, heed_tensor x,
                                       heed_attend attend);

typedef struct heed_decoder_layer {
    heed_module module;
    heed_multi_head_attention self_attn, cross_attn;
    heed_feed_forward mlp;
    heed_norm_layer norm_self, norm_cross, norm_mlp;
    heed_dropout_layer dropout_self, dropout_cross, dropout_mlp;
    bool post_norm, no_mlp;
} heed_decoder_layer;
void heed_decoder_layer_init(heed_decoder_layer *layer, const heed_module *parent, const char *name,
                             heed_transformer_options options);
/* x (B, T, d_model), memory (B, S, d_model): self is how x looks at itself (causal as a rule), cross how it looks at memory.
 * Watched values, beside those of its parts: self_out, cross_out, mlp_out. */
heed_tensor heed_decoder_layer_forward(const heed_decoder_layer *layer, heed_tape *t, heed_tensor x, heed_tensor memory,
                                       heed_attend self, heed_attend cross);

/* The same layer n_layers times, each with weights of its own; the list of them is the model's and freed with it. */
enum { HEED_MAX_LAYERS = 1024 };

typedef struct heed_encoder {
    heed_module module;
    int n_layers;
    heed_encoder_layer *layer; /* n_layers of them, paths "0", "1", ... */
    heed_norm_layer norm;      /* pre-norm only */
    bool post_norm, recompute;
} heed_encoder;
void heed_encoder_init(heed_encoder *encoder, const heed_module *parent, const char *name,
                       heed_transformer_options options);
heed_tensor heed_encoder_forward(const heed_encoder *encoder, heed_tape *t, heed_tensor x, heed_attend attend);

typedef struct heed_decoder {
    heed_module module;
    int n_layers;
    heed_decoder_layer *layer;
    heed_norm_layer norm;
    bool post_norm, recompute;
} heed_decoder;
void heed_decoder_init(heed_decoder *decoder, const heed_module *parent, const char *name,
                       heed_transformer_options options);
heed_tensor heed_decoder_forward(const heed_decoder *decoder, heed_tape *t, heed_tensor x, heed_tensor memory,
                                 heed_attend self, heed_attend cross);

HEED_END_DECLS
#endif
