#include <heed/layers/gpt2_names.h>

static const heed_map_module modules[] = {
    {.native = "blocks.#", .foreign = "transformer.h.#"},
};

/* Conv1D, the layer of all matrices but the embeddings, keeps its weight as (inputs, outputs). */
static const heed_map_tensor tensors[] = {
    {.native = "token.weight", .foreign = "transformer.wte.weight"},
    {.native = "token.weight", .foreign = "lm_head.weight", .copy = true},
    {.native = "position.weight", .foreign = "transformer.wpe.weight"},
    {.native = "output.weight", .foreign = "lm_head.weight"},
    {.native = "norm_attn.gain", .foreign = "ln_1.weight"},
    {.native = "norm_attn.shift", .foreign = "ln_1.bias"},
    {.native = "attn.w_q", .foreign = "attn.c_attn.weight", .part = 0, .parts = 3, .transpose = true},
    {.native = "attn.w_k", .foreign = "attn.c_attn.weight", .part = 1, .parts = 3, .transpose = true},
    {.native = "attn.w_v", .foreign = "attn.c_attn.weight", .part = 2, .parts = 3, .transpose = true},
    {.native = "attn.b_q", .foreign = "attn.c_attn.bias", .part = 0, .parts = 3},
    {.native = "attn.b_k", .foreign = "attn.c_attn.bias", .part = 1, .parts = 3},
    {.native = "attn.b_v", .foreign = "attn.c_attn.bias", .part = 2, .parts = 3},
    {.native = "attn.w_o", .foreign = "attn.c_proj.weight", .transpose = true},
    {.native = "attn.b_o", .foreign = "attn.c_proj.bias"},
    {.native = "attn.head_on"},
    {.native = "norm_mlp.gain", .foreign = "ln_2.weight"},
    {.native = "norm_mlp.shift", .foreign = "ln_2.bias"},
    {.native = "mlp.up.weight", .foreign = "mlp.c_fc.weight", .transpose = true},
    {.native = "mlp.up.bias", .foreign = "mlp.c_fc.bias"},
    {.native = "mlp.down.weight", .foreign = "mlp.c_proj.weight", .transpose = true},
    {.native = "mlp.down.bias", .foreign = "mlp.c_proj.bias"},
    {.native = "blocks.norm.gain", .foreign = "transformer.ln_f.weight"},
    {.native = "blocks.norm.shift", .foreign = "transformer.ln_f.bias"},
};

static const char *const ignored[] = {"attn.bias", "attn.masked_bias"};

const heed_import_map heed_gpt2_names = {
    .name = "GPT-2",
    .modules = modules,
    .n_modules = sizeof modules / sizeof *modules,
    .tensors = tensors,
    .n_tensors = sizeof tensors / sizeof *tensors,
    .ignored = ignored,
    .n_ignored = sizeof ignored / sizeof *ignored,
    .prefix = "transformer.",
};
