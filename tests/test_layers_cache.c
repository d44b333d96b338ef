/* Step-by-step decoding with a key-value cache: the same as the full pass, and what a cache refuses. */
#include <heed/heed.h>

#include <criterion/criterion.h>

#include "layers_common.h"

enum { B = 3, T = 11, D = 16 };

typedef struct bench {
    heed_model *model;
    heed_multi_head_attention attn;
    heed_tape *t;
    heed_kv_cache cache;
} bench;

static bench new_bench(heed_multi_head_options options, int64_t batch, int64_t longest) {
    bench b = {.model = heed_model_new(), .t = heed_tape_new()};
    options.d_model = D;
    heed_multi_head_attention_init(&b.attn, heed_model_root(b.model), "attn", options);
    if (options.features.learned_temperature)
        heed_param_set_init(b.attn.log_temperature, heed_init_normal(0, 0.5));
    if (options.features.lora_rank)
        heed_param_set_init(b.attn.lora_q.b, heed_init_normal(0, 0.5));
    built(b.model);
    cr_assert(heed_kv_cache_init(&b.cache, &b.attn, batch, longest) == HEED_OK);
    heed_tape_set_recording(b.t, false);
    return b;
}

static void free_bench(bench *b) {
    heed_kv_cache_free(&b->cache);
    heed_tape_free(b->t);
    heed_model_free(b->model);
}

static heed_tensor attend(bench *b, heed_tensor x, heed_attend how) {
    how.causal = true;
    return heed_multi_head_attention_forward(&b->attn, b->t, x, x, how);
}

#define WITH(...)                                                                                                      \
    {                                                                                                                  \
        .n_heads = 4, .features = { __VA_ARGS__ }                                                                      \
    }
static const struct {
    const char *what;
    heed_multi_head_options options;
} features[] = {
    {"plain", {.n_heads = 4}},
    {"shared heads", WITH(.n_kv_heads = 2)},
    {"rope", WITH(.rope_base = 10000)},
    {"alibi", WITH(.alibi = true)},
    {"relative", WITH(.relative_buckets = 8, .relative_longest = 9)},
    {"window", WITH(.window = 4)},
    {"normalised, temperature", WITH(.qk_norm = true, .learned_temperature = true)},
    {"lora", WITH(.lora_rank = 2)},
    {"extra keys", {.n_heads = 4, .bias_kv = true, .zero_attn = true}},
    {"everything",
     {.n_heads = 4,
      .bias_kv = true,
      .zero_attn = true,
      .features = {.n_kv_heads = 1,
                   .rope_base = 100,
                   .rope_interleaved = true,
                   .alibi = true,
                   .relative_buckets = 4,
                   .relative_longest = 5,
                   .window = 5,
                   .qk_norm = true,
                   .learned_temperature = true,
                   .lora_rank = 2}}},
};
enum { FEATURES = sizeof features / sizeof *features };

/* x in chunks of these sizes, over resets of the tape as a decoder's, against the pass over all. */
static void expect_steps(const char *what, heed_multi_head_options options, const int64_t *chunks, bool padded) {
    bench b = new_bench(options, B, T);
    double *x = normals(B * T * D, 1), full[B * T * D], stepped[B * T * D];
    bool padding[B][T] = {{padded, padded}};
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t at = 0, n = pass ? chunks[0] : T, c = 0; at < T; at += n, n = chunks[++c]) {
            heed_tape_reset(b.t);
            heed_tensor all = heed_input(b.t, HEED_F64, HEED_SHAPE(B, T, D), x),
                        some = heed_slice(b.t, all, 1, at, at + n);
            heed_tensor pad = heed_slice(b.t, heed_input(b.t, HEED_BOOL, HEED_SHAPE(B, T), padding), 1, 0, at + n);
            heed_tensor y = attend(
                &b, some, (heed_attend){.key_padding = padded ? pad : HEED_NIL, .cache = pass ? &b.cache : NULL});
            expect_shape(b.t, y, HEED_SHAPE(B, n, D), what);
            for (int64_t row = 0; row < B; row++)
                memcpy((pass ? stepped : full) + (row * T + at) * D, values_of(b.t, y) + row * n * D,
                       sizeof(double) * (size_t)(n * D));
        }
        cr_expect_eq(b.cache.length, pass ? T : 0);
    }
    expect_near(stepped, full, B * T * D, 1e-13, what);
    free(x);
    free_bench(&b);
}

/* "A cached step gives the same as the full pass": one token at a time, a prompt first, several at a time. */
Test(layers_cache, steps_are_the_full_pass) {
    static const int64_t chunks[][T + 1] = {{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {7, 1, 1, 1, 1}, {3, 5, 2, 1}, {T}};
    for (int i = 0; i < FEATURES; i++)
        for (size_t c = 0; c < sizeof chunks / sizeof *chunks; c++)
            for (int padded = 0; padded < 2; padded++)
                expect_steps(features[i].what, features[i].options, chunks[c], padded);
}

/* Not nearly the same: the bits. Rows of products, and queries in attention, know nothing of their neighbours.
 * [promises: cached steps] */
Test(layers_cache, a_step_has_the_bits_of_the_full_pass) {
    bench b = new_bench((heed_multi_head_options)WITH(.n_kv_heads = 2, .rope_base = 10000, .window = 6), 1, 300);
    heed_tensor x = heed_randn(b.t, HEED_F64, HEED_SHAPE(1, 300, D)), y = attend(&b, x, (heed_attend){.cache = NULL});
    for (int64_t i = 0; i < 300; i++) {
        heed_tensor step = attend(&b, heed_slice(b.t, x, 1, i, i + 1), (heed_attend){.cache = &b.cache});
        expect_same_bits(b.t, step, heed_slice(b.t, y, 1, i, i + 1), "step");
    }
    free_bench(&b);
}

/* A stack has a cache a layer. Its second half sees tokens one at a time, as a decoder's cross-attention does. */
Test(layers_cache, of_a_stack) {
    enum { LAYERS = 3 };
    heed_model *model = heed_model_new();
    heed_encoder encoder;
    heed_decoder decoder;
    heed_transformer_options options = {.d_model = D,
                                        .n_heads = 4,
                                        .n_layers = LAYERS,
                                        .activation = HEED_GELU,
                                        .features = {.n_kv_heads = 2, .rope_base = 100}};
    heed_encoder_init(&encoder, heed_model_root(model), "encoder", options);
    heed_decoder_init(&decoder, heed_model_root(model), "decoder", options);
    built(model);
    heed_kv_cache caches[2][LAYERS];
    for (int i = 0; i < LAYERS; i++) {
        cr_assert(heed_kv_cache_init(&caches[0][i], &encoder.layer[i].attn, B, T) == HEED_OK);
        cr_assert(heed_kv_cache_init(&caches[1][i], &decoder.layer[i].self_attn, B, T) == HEED_OK);
    }
    heed_tape *t = heed_tape_new();
    heed_tape_set_recording(t, false);
    heed_tensor x = heed_randn(t, HEED_F64, HEED_SHAPE(B, T, D)), memory = heed_randn(t, HEED_F64, HEED_SHAPE(B, 4, D));
    const heed_attend causal = {.causal = true}, across = {.causal = false};
    heed_tensor full[] = {heed_encoder_forward(&encoder, t, x, causal),
                          heed_decoder_forward(&decoder, t, x, memory, causal, across)};
    for (int64_t i = 0; i < T; i++) {
        heed_tensor token = heed_slice(t, x, 1, i, i + 1);
        heed_tensor y = heed_encoder_forward(&encoder, t, token, (heed_attend){.causal = true, .cache = caches[0]});
        expect_same_bits(t, y, heed_slice(t, full[0], 1, i, i + 1), "encoder");
        y = heed_decoder_forward(&decoder, t, token, memory, (heed_attend){.causal = true, .cache = caches[1]}, across);
        expect_same_bits(t, y, heed_slice(t, full[1], 1, i, i + 1), "decoder");
    }
    for (int i = 0; i < 2 * LAYERS; i++)
        heed_kv_cache_free(&caches[i / LAYERS][i % LAYERS]);
    heed_tape_free(t);
    heed_model_free(model);
}

/* ---- a language model ---- */

enum { WORDS = 13, DEPTH = 2 };
typedef struct writer {
    heed_model *model;
    heed_gpt gpt;
    heed_tape *t;
    heed_kv_cache caches[DEPTH];
} writer;

static writer *new_writer(heed_attention_features having) {
    writer *w = calloc(1, sizeof *w);
    w->model = heed_model_new();
    w->t = heed_tape_new();
    heed_gpt_init(&w->gpt, heed_model_root(w->model), "gpt",
                  (heed_gpt_options){.vocabulary = WORDS, .context = T, .d_model = D, .n_heads = 4, .n_layers = DEPTH,
                                     .init_std = 0.3, .features = having});
    built(w->model);
    for (int i = 0; i < DEPTH; i++)
        cr_assert(heed_kv_cache_init(&w->caches[i], &w->gpt.blocks.layer[i].attn, B, T) == HEED_OK);
    heed_tape_set_recording(w->t, false);
    return w;
}

static void free_writer(writer *w) {
    for (int i = 0; i < DEPTH; i++)
        heed_kv_cache_free(&w->caches[i]);
    heed_tape_free(w->t);
    heed_model_free(w->model);
    free(w);
}

static heed_tensor words(const writer *w, int64_t first, int64_t n) {
    int32_t all[B * T];
    for (int i = 0; i < B * T; i++)
        all[i] = 5 * i * i % WORDS;
    return heed_slice(w->t, heed_input(w->t, HEED_I32, HEED_SHAPE(B, T), all), 1, first, first + n);
}

/* With learned positions, and with RoPE: a prompt of four, then word by word. */
Test(layers_cache, of_a_language_model) {
    static const heed_attention_features with[] = {{.n_kv_heads = 2}, {.rope_base = 10000, .window = 3}};
    for (int i = 0; i < 2; i++) {
        writer *w = new_writer(with[i]);
        heed_tensor full = heed_gpt_forward(&w->gpt, w->t, words(w, 0, T));
        heed_tensor y = heed_gpt_step(&w->gpt, w->t, words(w, 0, 4), w->caches);
        expect_same_bits(w->t, y, heed_slice(w->t, full, 1, 0, 4), "prompt");
        for (int64_t at = 4; at < T; at++) {
            y = heed_gpt_step(&w->gpt, w->t, words(w, at, 1), w->caches);
            expect_same_bits(w->t, y, heed_slice(w->t, full, 1, at, at + 1), "word");
        }
        free_writer(w);
    }
}

/* A step that fails, here in the second layer, leaves all caches as they were. */
Test(layers_cache, a_language_model_steps_wholly_or_not_at_all) {
    writer *w = new_writer((heed_attention_features){.n_kv_heads = 0});
    heed_gpt_step(&w->gpt, w->t, words(w, 0, 4), w->caches);
    w->caches[1].longest = 4; /* full */
    cr_expect(heed_is_nil(heed_gpt_step(&w->gpt, w->t, words(w, 4, 1), w->caches)));
    cr_expect_str_eq(heed_error_text(w->t),
                     "gpt.blocks.1.attn: the cache is full: it holds 4 tokens of at most 4, and gets 1 more");
    cr_expect(w->caches[0].length == 4 && w->caches[1].length == 4);
    w->caches[1].longest = T;
    heed_tape_reset(w->t);
    cr_expect(heed_is_nil(heed_gpt_step(&w->gpt, w->t, words(w, 0, 8), w->caches)));
    cr_expect_str_eq(heed_error_text(w->t), "gpt: tokens are (3, 8): 12 in a row, the context holds 11");
    heed_tape_reset(w->t);
    cr_assert(heed_kv_cache_keep(&w->caches[1], 3) == HEED_OK);
    cr_expect(heed_is_nil(heed_gpt_step(&w->gpt, w->t, words(w, 4, 1), w->caches)));
    cr_expect_str_eq(heed_error_text(w->t),
                     "gpt: the caches must hold the same tokens: layer 0's holds 4, layer 1's 3");
    free_writer(w);
}

/* ---- going back ---- */

/* Forgetting the last tokens and reading others is as if they had never been. */
Test(layers_cache, keeps_what_it_is_told) {
    bench b = new_bench((heed_multi_head_options)WITH(.rope_base = 10000), B, T);
    heed_tensor x = heed_randn(b.t, HEED_F64, HEED_SHAPE(B, 6, D)),
                other = heed_randn(b.t, HEED_F64, HEED_SHAPE(B, 3, D));
    attend(&b, heed_concat(b.t, (heed_tensor[]){x, other}, 2, 1), (heed_attend){.cache = &b.cache});
    cr_assert(heed_kv_cache_keep(&b.cache, 4) == HEED_OK);
    heed_tensor y = attend(&b, heed_slice(b.t, x, 1, 4, 6), (heed_attend){.cache = &b.cache});
    expect_same_bits(b.t, y, heed_slice(b.t, attend(&b, x, (heed_attend){.cache = NULL}), 1, 4, 6),
                     "again from token 4");
    cr_expect_eq(heed_kv_cache_keep(&b.cache, 7), HEED_INVALID);
    cr_expect_eq(heed_kv_cache_keep(&b.cache, -1), HEED_INVALID);
    cr_expect_eq(b.cache.length, 6);
    cr_expect_eq(heed_kv_cache_keep(&b.cache, 0), HEED_OK);
    y = attend(&b, x, (heed_attend){.cache = &b.cache});
    expect_same_bits(b.t, y, attend(&b, x, (heed_attend){.cache = NULL}), "from the start");
    free_bench(&b);
}

/* Beams 0 and 2 go on from beam 1, and beam 1 from beam 0. */
Test(layers_cache, beams_go_on_from_one_another) {
    bench b = new_bench((heed_multi_head_options)WITH(.n_kv_heads = 2, .alibi = true), B, T);
    heed_tensor x = heed_randn(b.t, HEED_F64, HEED_SHAPE(B, 5, D)),
                next = heed_randn(b.t, HEED_F64, HEED_SHAPE(B, 1, D));
    attend(&b, x, (heed_attend){.cache = &b.cache});
    cr_assert(heed_kv_cache_reorder(&b.cache, (const int32_t[]){1, 0, 1}) == HEED_OK);
    heed_tensor y = attend(&b, next, (heed_attend){.cache = &b.cache});
    heed_tensor order = heed_input(b.t, HEED_I32, HEED_SHAPE(3), (const int32_t[]){1, 0, 1});
    heed_tensor whole = heed_concat(b.t, (heed_tensor[]){heed_index_select(b.t, x, order, 0), next}, 2, 1);
    expect_same_bits(b.t, y, heed_slice(b.t, attend(&b, whole, (heed_attend){.cache = NULL}), 1, 5, 6),
                     "the sixth token");
    cr_expect_eq(heed_kv_cache_reorder(&b.cache, (const int32_t[]){0, 3, 1}), HEED_INVALID);
    cr_expect_eq(heed_kv_cache_reorder(&b.cache, (const int32_t[]){0, -1, 1}), HEED_INVALID);
    free_bench(&b);
}

/* ---- what is refused ---- */

#define EXPECT_FAILS(b, y, text) expect_fails(__LINE__, b, y, text)
static void expect_fails(int line, bench *b, heed_tensor y, const char *text) {
    cr_expect(heed_is_nil(y), "line %d", line);
    cr_expect_str_eq(heed_error_text(b->t), text, "line %d: \"%s\"", line, heed_error_text(b->t));
    heed_tape_reset(b->t);
}

static heed_tensor zeros(bench *b, int64_t batch, int64_t n) {
    return heed_zeros(b->t, HEED_F64, HEED_SHAPE(batch, n, D));
}

Test(layers_cache, messages) {
    bench b = new_bench((heed_multi_head_options)WITH(.n_kv_heads = 2), B, 4);
    const heed_attend how = {.causal = true, .cache = &b.cache};
    attend(&b, zeros(&b, B, 3), how);
    cr_assert_eq(b.cache.length, 3);
    EXPECT_FAILS(&b, attend(&b, zeros(&b, B, 2), how),
                 "attn: the cache is full: it holds 3 tokens of at most 4, and gets 2 more");
    cr_expect_eq(b.cache.length, 3, "a step that fails leaves it alone");
    EXPECT_FAILS(&b, attend(&b, zeros(&b, 2, 1), how), "attn: query is (2, 1, 16): a batch of 2, the cache's is 3");
    heed_tensor x = zeros(&b, B, 1);
    EXPECT_FAILS(&b, heed_multi_head_attention_forward(&b.attn, b.t, x, x, (heed_attend){.cache = &b.cache}),
                 "attn: a cache holds what came before: it needs causal attention");
    x = zeros(&b, B, 1);
    EXPECT_FAILS(&b, heed_multi_head_attention_forward(&b.attn, b.t, x, zeros(&b, B, 1), how),
                 "attn: a cache is for self-attention: query, memory and value must be the same tensor");
    x = zeros(&b, B, 1);
    EXPECT_FAILS(&b,
                 heed_multi_head_attention_forward(
                     &b.attn, b.t, x, x, (heed_attend){.causal = true, .cache = &b.cache, .value = zeros(&b, B, 1)}),
                 "attn: a cache is for self-attention: query, memory and value must be the same tensor");
    heed_tape_set_recording(b.t, true);
    EXPECT_FAILS(&b, attend(&b, zeros(&b, B, 1), how),
                 "attn: there is no gradient through a cache: switch recording off (heed_tape_set_recording)");
    heed_tape_set_recording(b.t, false);
    EXPECT_FAILS(&b, attend(&b, heed_zeros(b.t, HEED_F32, HEED_SHAPE(B, 1, D)), how),
                 "attn: the cache has 2 heads of f64 4; the layer has 2 of f32 4");
    cr_expect_eq(b.cache.length, 3);
    heed_kv_cache_free(&b.cache);
    EXPECT_FAILS(&b, attend(&b, zeros(&b, B, 1), how),
                 "attn: the cache has no memory: its init failed, or it was freed");
    cr_expect_eq(heed_kv_cache_reorder(&b.cache, (const int32_t[]){0}), HEED_STATE);
    heed_kv_cache_free(&b.cache);
    free_bench(&b);
}

Test(layers_cache, sizes_that_cannot_be) {
    heed_model *model = heed_model_new();
    heed_multi_head_attention attn;
    heed_kv_cache cache;
    heed_multi_head_attention_init(&attn, heed_model_root(model), "attn",
                                   (heed_multi_head_options){.d_model = D, .n_heads = 4});
    cr_expect_neq(heed_kv_cache_init(&cache, &attn, 1, 8), HEED_OK, "the model is not built");
    heed_kv_cache_free(&cache);
    built(model);
    cr_expect_eq(heed_kv_cache_init(&cache, &attn, 0, 8), HEED_INVALID);
    cr_expect_eq(heed_kv_cache_init(&cache, &attn, 1, 0), HEED_INVALID);
    cr_expect_eq(heed_kv_cache_init(&cache, &attn, INT64_C(1) << 40, INT64_C(1) << 40), HEED_INVALID);
    heed_kv_cache_free(&cache);
    cr_assert_eq(heed_kv_cache_init(&cache, &attn, 2, 8), HEED_OK);
    heed_kv_cache_free(&cache);
    heed_model_free(model);
}
