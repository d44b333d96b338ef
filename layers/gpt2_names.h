/* Hugging Face's names and layouts of GPT-2, for a heed_gpt of any name, given as the module:
 *
 *     heed_model_load(model, "model.safetensors", (heed_load_options){.names = {.map = &heed_gpt2_names, .module = "gpt"}}, &error)
 *
 *     token.weight             transformer.wte.weight                 blocks.N.norm_attn   transformer.h.N.ln_1
 *     position.weight          transformer.wpe.weight                 blocks.N.norm_mlp    transformer.h.N.ln_2
 *     blocks.N.attn.w_q w_k w_v   ...h.N.attn.c_attn.weight, transposed: (d_model, 3 d_model)
 *     blocks.N.attn.w_o        ...h.N.attn.c_proj.weight, transposed  blocks.norm          transformer.ln_f
 *     blocks.N.mlp.up, down    ...h.N.mlp.c_fc, c_proj, transposed    output.weight        lm_head.weight
 *
 * "transformer." may be missing from all names, as in the files of the bare model; saving leaves it out when names.bare is set. Where
 * the output is tied, lm_head.weight may be there and must then equal wte.weight. The masks that old files hold are left alone. */
#ifndef HEED_LAYERS_GPT2_NAMES_H
#define HEED_LAYERS_GPT2_NAMES_H

#include <heed/import_map.h>

HEED_BEGIN_DECLS

extern const heed_import_map heed_gpt2_names;

HEED_END_DECLS
#endif
