#include "small_training.h"

#include <math.h>
#include <stdlib.h>

bool small_training_init(small_training *s, heed_dtype dtype) {
    *s = (small_training){.model = heed_model_new(), .encoder = malloc(sizeof *s->encoder)};
    if (s->encoder == NULL)
        return false;
    const heed_module *root = heed_model_root(s->model);
    heed_transformer_options o = {.d_model = 32, .d_ff = 64, .n_heads = 2, .n_layers = 1, .dropout = 0.1, .activation = HEED_GELU};
    heed_embedding_init(&s->tokens, root, "tokens", SMALL_V, o.d_model);
    heed_position_init(&s->position, root, "position", HEED_POSITION_LEARNED, SMALL_T, o.d_model);
    heed_encoder_init(s->encoder, root, "encoder", o);
    heed_linear_init(&s->out, root, "out", o.d_model, SMALL_V, true);
    if (heed_model_build(s->model, dtype, 5))
        return false;
    s->grads = heed_grads_new(s->model);
    s->optim = heed_adamw_new(s->model, heed_adam_defaults(3e-3));
    return heed_optim_set_clip_norm(s->optim, 1) == HEED_OK;
}

void small_training_free(small_training *s) {
    heed_optim_free(s->optim);
    heed_grads_free(s->grads);
    heed_model_free(s->model);
    free(s->encoder);
}

heed_tensor small_training_loss(const small_training *s, heed_tape *t, int step) {
    int32_t tokens[SMALL_B * SMALL_T], before[SMALL_B * SMALL_T];
    for (int i = 0; i < SMALL_B * SMALL_T; i++) {
        tokens[i] = (int32_t)heed_rng_below((uint64_t)step, (uint64_t)i, SMALL_V);
        before[i] = i % SMALL_T ? tokens[i - 1] : 0;
    }
    heed_shape shape = HEED_SHAPE(SMALL_B, SMALL_T);
    heed_tensor x = heed_embedding_forward(&s->tokens, t, heed_input(t, HEED_I32, shape, tokens));
    x = heed_position_forward(&s->position, t, x, 0);
    x = heed_encoder_forward(s->encoder, t, x, (heed_attend){.causal = true});
    return heed_cross_entropy(t, heed_linear_forward(&s->out, t, x), heed_input(t, HEED_I32, shape, before));
}

double small_training_step(small_training *s, heed_tape *t, int step) {
    heed_tape_reset(t);
    heed_tape_set_step(t, (uint64_t)step);
    heed_tensor loss = small_training_loss(s, t, step);
    if (heed_backward(t, loss, s->grads) || heed_optim_step(s->optim, s->grads))
        return NAN;
    return heed_item(t, loss);
}
