#include <heed/layers/torch_names.h>

static const heed_map_module modules[] = {
    {.native = "#.attn", .foreign = "layers.#.self_attn"},
    {.native = "#.self_attn", .foreign = "layers.#.self_attn"},
    {.native = "#.cross_attn", .foreign = "layers.#.multihead_attn"},
    {.native = "#.mlp.up", .foreign = "layers.#.linear1"},
    {.native = "#.mlp.down", .foreign = "layers.#.linear2"},
    {.native = "#.norm_attn", .foreign = "layers.#.norm1"},
    {.native = "#.norm_self", .foreign = "layers.#.norm1"},
    {.native = "#.norm_cross", .foreign = "layers.#.norm2"},
    {.native = "#.norm_mlp", .foreign = "layers.#.norm3", .beside = "#.norm_cross"},
    {.native = "#.norm_mlp", .foreign = "layers.#.norm2"},
};

static const heed_map_tensor tensors[] = {
    {.native = "w_q", .foreign = "in_proj_weight", .part = 0, .parts = 3},
    {.native = "w_k", .foreign = "in_proj_weight", .part = 1, .parts = 3},
    {.native = "w_v", .foreign = "in_proj_weight", .part = 2, .parts = 3},
    {.native = "w_q", .foreign = "q_proj_weight"},
    {.native = "w_k", .foreign = "k_proj_weight"},
    {.native = "w_v", .foreign = "v_proj_weight"},
    {.native = "b_q", .foreign = "in_proj_bias", .part = 0, .parts = 3},
    {.native = "b_k", .foreign = "in_proj_bias", .part = 1, .parts = 3},
    {.native = "b_v", .foreign = "in_proj_bias", .part = 2, .parts = 3},
    {.native = "w_o", .foreign = "out_proj.weight"},
    {.native = "b_o", .foreign = "out_proj.bias"},
    {.native = "bias_k", .foreign = "bias_k", .ones = 2},
    {.native = "bias_v", .foreign = "bias_v", .ones = 2},
    {.native = "head_on"},
    {.native = "l#.w_i", .foreign = "weight_ih_l#"},
    {.native = "l#.w_h", .foreign = "weight_hh_l#"},
    {.native = "l#.b_i", .foreign = "bias_ih_l#"},
    {.native = "l#.b_h", .foreign = "bias_hh_l#"},
    {.native = "l#_reverse.w_i", .foreign = "weight_ih_l#_reverse"},
    {.native = "l#_reverse.w_h", .foreign = "weight_hh_l#_reverse"},
    {.native = "l#_reverse.b_i", .foreign = "bias_ih_l#_reverse"},
    {.native = "l#_reverse.b_h", .foreign = "bias_hh_l#_reverse"},
    {.native = "gain", .foreign = "weight"},
    {.native = "shift", .foreign = "bias"},
    {.native = "weight", .foreign = "weight"},
    {.native = "bias", .foreign = "bias"},
};

const heed_import_map heed_torch_names = {
    .name = "PyTorch",
    .modules = modules,
    .n_modules = sizeof modules / sizeof *modules,
    .tensors = tensors,
    .n_tensors = sizeof tensors / sizeof *tensors,
};
