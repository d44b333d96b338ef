/* PyTorch's state-dict names and layouts of the layers that it has too: for heed_model_load and heed_model_save.
 *
 *     heed_model_load(model, "theirs.safetensors", (heed_load_options){.names = {.map = &heed_torch_names}}, &error)
 *
 *     nn.MultiheadAttention    in_proj_weight, in_proj_bias (rows of w_q, w_k, w_v), or q_proj_weight, k_proj_weight, v_proj_weight
 *                              where d_key or d_value differ from d_model; out_proj, bias_k, bias_v (1, 1, d_model)
 *     nn.TransformerEncoder    layers.N.self_attn, linear1, linear2, norm1, norm2; norm
 *     nn.TransformerDecoder    layers.N.self_attn, multihead_attn, linear1, linear2, norm1, norm2, norm3; norm
 *     nn.Transformer           the two, where Heed's encoder and decoder are called encoder and decoder
 *     nn.RNN, GRU, LSTM        weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l0_reverse, ...
 *     nn.Linear, nn.Embedding, nn.LayerNorm    weight, bias
 *
 * Modules keep the names that the model gives them. nn.Transformer ends each stack with a norm even where norms come after the parts;
 * Heed's post-norm stacks have none, so such files are refused for encoder.norm.weight, which a partial load leaves. */
#ifndef HEED_LAYERS_TORCH_NAMES_H
#define HEED_LAYERS_TORCH_NAMES_H

#include <heed/import_map.h>

HEED_BEGIN_DECLS

extern const heed_import_map heed_torch_names;

HEED_END_DECLS
#endif
