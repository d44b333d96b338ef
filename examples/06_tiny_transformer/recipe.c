#include "recipe.h"

enum { CONTEXT = 64, D_MODEL = 128, HEADS = 4, LAYERS = 4, BATCH = 12, STEPS = 2000 };

const recipe recipes[RECIPES] = {
    [RECIPE_NANOGPT] =
        {
            .name = "nanogpt",
            .what = "nanoGPT's configuration for a CPU: learned positions, layernorm, GELU, AdamW",
            .gpt = {.context = CONTEXT, .d_model = D_MODEL, .n_heads = HEADS, .n_layers = LAYERS, .activation = HEED_GELU, .no_bias = true},
            .batch = BATCH, .steps = STEPS, .warmup = 100, .lr = 1e-3, .lr_end = 1e-4, .beta2 = 0.99, .weight_decay = 0.1, .clip_norm = 1,
        },
    [RECIPE_BEST] =
        {
            .name = "best",
            .what = "rotary positions, rmsnorm, normalised queries and keys, SwiGLU, four times the learning rate",
            .gpt = {.context = CONTEXT, .d_model = D_MODEL, .d_ff = 344, .n_heads = HEADS, .n_layers = LAYERS, .activation = HEED_SWIGLU,
                    .norm = HEED_RMSNORM, .no_bias = true, .features = {.rope_base = 10000, .qk_norm = true}},
            .batch = BATCH, .steps = STEPS, .warmup = 100, .lr = 4e-3, .lr_end = 0, .beta2 = 0.99, .weight_decay = 0.1, .clip_norm = 1,
        },
};
