/* A language model: a causal transformer over tokens, in GPT-2's layout (Radford et al. 2019).
 *
 *   x = dropout(token[tokens] + position)            (B, T, d_model)
 *   x = x + attention(norm(x)), x = x + mlp(norm(x)) n_layers times
 *   logits = norm(x) tokenᵀ                          (B, T, V)
 *
 * Intended use:
 *   1. heed_gpt_init(&gpt, heed_model_root(model), "gpt", (heed_gpt_options){.vocabulary = 65, .context = 64, ...})
 *   2. loss = heed_gpt_loss(&gpt, t, tokens, targets), to train it
 *   3. heed_gpt_forward(&gpt, t, tokens), to see what it expects next; or, token after token,
 *      heed_gpt_step(&gpt, t, tokens, caches), with heed_kv_cache_init(&caches[i], &gpt.blocks.layer[i].attn, B, context)
 *      for each layer once before
 *   4. heed_gpt_generate(&gpt, t, prompt, 5, (heed_gpt_generation){.n = 100, .sampler = {.temperature = 0.8}}, text),
 *      to let it write */
#ifndef HEED_LAYERS_GPT_H
#define HEED_LAYERS_GPT_H

#include <heed/layers/embedding.h>
#include <heed/layers/kv_cache.h>
#include <heed/layers/position.h>
#include <heed/layers/sampler.h>
#include <heed/layers/transformer.h>

HEED_BEGIN_DECLS

/* What is zero is GPT-2's; sizes must be given. */
typedef struct heed_gpt_options {
    int64_t vocabulary, context; /* V; the largest T */
    int64_t d_model, d_ff;       /* d_ff 0: 4 d_model */
    int n_heads, n_layers;
    double dropout;              /* of the embedding, the attention weights, and what each part adds */
    heed_activation activation;  /* HEED_USUAL_ACTIVATION: gelu_tanh */
    heed_norm_kind norm;
    double eps;                  /* of the norms; 0: 1e-5 */
    bool no_bias;                /* none in attention, feed-forward and norms */
    bool no_mlp;                 /* attention only */
    bool no_position; /* no table of positions. There is none either where features has RoPE, ALiBi or T5's bias */
    bool untied;                 /* an output matrix of its own */
    bool recompute;              /* layers are computed again in backward: see heed_transformer_options */
    double init_std;             /* 0: 0.02; see heed_transformer_options */
    heed_attention_features features;
} heed_gpt_options;

typedef struct heed_gpt {
    heed_module module;
    heed_embedding_layer token; /* (V, d_model), also the output's unless untied */
    heed_position position;     /* (context, d_model), where has_position */
    heed_dropout_layer dropout;
    heed_encoder blocks;        /* its norm is the last one: path "blocks.norm" */
    heed_linear_layer output;   /* (V, d_model), where untied */
    bool has_position, untied;
    int64_t vocabulary, context;
} heed_gpt;

/* Weights start as N(0, init_std²), projections onto the residual stream as N(0, init_std² / (2 n_layers)), biases at 0. */
void heed_gpt_init(heed_gpt *gpt, const heed_module *parent, const char *name, heed_gpt_options options);
/* tokens (B, T) i32, T at most context -> logits (B, T, V): at [b, i] of the token after tokens[b, 0..i]. */
heed_tensor heed_gpt_forward(const heed_gpt *gpt, heed_tape *t, heed_tensor tokens);
/* The same for the tokens behind those that the caches, one a layer, hold: the logits that the pass over all would give
 * for them. All tokens together at most context; the tape's recording must be off. */
heed_tensor heed_gpt_step(const heed_gpt *gpt, heed_tape *t, heed_tensor tokens, heed_kv_cache *caches);
/* The mean over all places of -log softmax(logits)[target]; targets (B, T) i32, as a rule tokens moved on by one. */
heed_tensor heed_gpt_loss(const heed_gpt *gpt, heed_tape *t, heed_tensor tokens, heed_tensor targets);

/* ---- one token after another ---- */

typedef struct heed_gpt_generation {
    int64_t n;            /* tokens to write */
    heed_sampler sampler; /* token i is its draw i; what was said is the prompt and all tokens since */
    int64_t
        slide; /* when the context is full, so many of its oldest tokens are forgotten at once, and those that stay are
                             read anew, since each stands elsewhere now. 0: 1, each token sees as many as it can; more is faster */
    bool (*listener)(void *user, int32_t token); /* NULL, or told each token; false: no more of them */
    void *user;
} heed_gpt_generation;
/* Goes on from prompt (n_prompt, at least 1), of which the last `context` tokens are read; tokens (n) receives what it writes.
 * Returns how many they are, or -1, and the tape says why. The tape is reset for every token, records nothing and does not
 * drop out; its settings are as before afterwards. */
int64_t heed_gpt_generate(const heed_gpt *gpt, heed_tape *t, const int32_t *prompt, int64_t n_prompt,
                          heed_gpt_generation options, int32_t *tokens);

HEED_END_DECLS
#endif
