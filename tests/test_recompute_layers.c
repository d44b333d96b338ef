/* Stacks whose layers are computed again in backward: logits, gradients, random numbers and watched values have the bits of the same
 * stack without that; and memory falls as it should. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <heed/heed.h>

enum { B = 2, T = 7, V = 11, STEPS = 3 };

/* Two trainings of one model, of which one computes again. */
typedef struct twin {
    heed_model *model;
    heed_gpt gpt;
    heed_encoder_decoder pair;
    heed_tape *t;
    heed_grads *g;
    heed_optim *opt;
    uint64_t seen; /* a hash of what was watched */
    int watched;
} twin;

typedef heed_tensor loss_fn(twin *s);

static void hash_in(uint64_t *hash, const void *data, size_t bytes) {
    const unsigned char *at = data;
    for (size_t i = 0; i < bytes; i++)
        *hash = heed_rng_mix(*hash, at[i]);
}

static void hash_tensor(heed_tape *t, heed_tensor x, uint64_t *hash) {
    const void *data = heed_data(t, x);
    cr_assert_not_null(data, "%s", heed_error_text(t));
    hash_in(hash, data, (size_t)heed_count(t, x) * heed_dtype_size(heed_dtype_of(t, x)));
}

static void open_twin(twin *s, heed_dtype dtype, int threads) {
    cr_assert_eq(heed_model_build(s->model, dtype, 2), HEED_OK, "%s", heed_model_error_text(s->model));
    s->t = heed_tape_new();
    s->g = heed_grads_new(s->model);
    s->opt = heed_adamw_new(s->model, heed_adam_defaults(1e-2));
    heed_tape_set_threads(s->t, threads);
}

static void free_twin(twin *s) {
    heed_optim_free(s->opt);
    heed_grads_free(s->g);
    heed_tape_free(s->t);
    heed_model_free(s->model);
}

static heed_tensor tokens(twin *s, uint64_t key) {
    int32_t drawn[B * T];
    for (int i = 0; i < B * T; i++)
        drawn[i] = (int32_t)heed_rng_below(key, (uint64_t)i, V);
    return heed_input(s->t, HEED_I32, HEED_SHAPE(B, T), drawn);
}

static heed_tensor gpt_loss(twin *s) {
    return heed_gpt_loss(&s->gpt, s->t, tokens(s, 1), tokens(s, 2));
}

static heed_tensor pair_loss(twin *s) {
    heed_tensor source = tokens(s, 1), padding = heed_eq(s->t, source, heed_full(s->t, HEED_I32, HEED_SCALAR, 3));
    return heed_cross_entropy(s->t, heed_encoder_decoder_forward(&s->pair, s->t, source, padding, tokens(s, 2)), tokens(s, 3));
}

/* A hash of the losses, the gradients, the parameters, and of the random numbers that come next. */
static uint64_t train(twin *s, loss_fn *loss_of) {
    uint64_t hash = 0;
    const size_t bytes = (size_t)heed_model_size(s->model) * heed_dtype_size(heed_model_dtype(s->model));
    for (int i = 0; i < STEPS; i++) {
        heed_tape_reset(s->t);
        heed_tensor loss = loss_of(s);
        cr_assert_eq(heed_backward(s->t, loss, s->g), HEED_OK, "%s", heed_error_text(s->t));
        hash_tensor(s->t, loss, &hash);
        hash_in(&hash, heed_grads_data(s->g), bytes);
        cr_assert_eq(heed_optim_step(s->opt, s->g), HEED_OK, "%s", heed_optim_error_text(s->opt));
        hash_in(&hash, heed_model_data(s->model), bytes);
        hash_tensor(s->t, heed_rand(s->t, HEED_F32, HEED_SHAPE(8)), &hash);
    }
    return hash;
}

static uint64_t train_gpt(heed_gpt_options options, heed_dtype dtype, int threads, bool recompute) {
    twin s = {.model = heed_model_new()};
    options.recompute = recompute;
    heed_gpt_init(&s.gpt, heed_model_root(s.model), "gpt", options);
    open_twin(&s, dtype, threads);
    uint64_t hash = train(&s, gpt_loss);
    cr_expect_eq(heed_tape_statistics(s.t).block_bytes > 0, recompute);
    free_twin(&s);
    return hash;
}

static uint64_t train_pair(heed_encoder_decoder_options options, heed_dtype dtype, int threads, bool recompute) {
    twin s = {.model = heed_model_new()};
    options.stacks.recompute = recompute;
    heed_encoder_decoder_init(&s.pair, heed_model_root(s.model), "pair", options);
    open_twin(&s, dtype, threads);
    uint64_t hash = train(&s, pair_loss);
    cr_expect_eq(heed_tape_statistics(s.t).block_bytes > 0, recompute);
    free_twin(&s);
    return hash;
}

static const heed_gpt_options gpts[] = {
    {.vocabulary = V, .context = T, .d_model = 12, .n_heads = 3, .n_layers = 3, .init_std = 0.4, .dropout = 0.2},
    {.vocabulary = V, .context = T, .d_model = 12, .n_heads = 2, .n_layers = 2, .init_std = 0.4, .dropout = 0.1, .untied = true, .norm = HEED_RMSNORM,
     .activation = HEED_SWIGLU, .no_bias = true, .features = {.n_kv_heads = 1, .rope_base = 10000, .window = 4, .qk_norm = true}},
    {.vocabulary = V, .context = T, .d_model = 8, .n_heads = 2, .n_layers = 2, .init_std = 0.4, .no_mlp = true, .features = {.alibi = true}},
    {.vocabulary = V, .context = T, .d_model = 8, .n_heads = 2, .n_layers = 2, .init_std = 0.4, .features = {.relative_buckets = 4, .relative_longest = 6}},
};

static const heed_encoder_decoder_options pairs[] = {
    {.target_vocabulary = V, .longest = T, .stacks = {.d_model = 8, .n_heads = 2, .n_layers = 2, .dropout = 0.2, .activation = HEED_GELU}},
    {.target_vocabulary = V, .longest = T, .tie_source = true,
     .stacks = {.d_model = 8, .n_heads = 2, .n_layers = 3, .activation = HEED_SWIGLU, .norm = HEED_RMSNORM, .post_norm = true}},
};

Test(recompute_layers, not_a_bit_of_a_training_changes) {
    for (int dtype = HEED_F32; dtype <= HEED_F64; dtype += HEED_F64 - HEED_F32) {
        for (size_t i = 0; i < sizeof gpts / sizeof *gpts; i++) {
            uint64_t plain = train_gpt(gpts[i], (heed_dtype)dtype, 1, false);
            for (int threads = 1; threads <= 3; threads += 2)
                cr_expect_eq(train_gpt(gpts[i], (heed_dtype)dtype, threads, true), plain, "gpt %zu, %d threads", i, threads);
        }
        for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
            uint64_t plain = train_pair(pairs[i], (heed_dtype)dtype, 1, false);
            for (int threads = 1; threads <= 3; threads += 2)
                cr_expect_eq(train_pair(pairs[i], (heed_dtype)dtype, threads, true), plain, "pair %zu, %d threads", i, threads);
        }
    }
}

/* ---- watched ---- */

enum { MOST = 128 };
typedef struct shown {
    heed_tensor x[MOST];
    int n;
} shown;

static void note(void *user, heed_tape *t, const char *path, heed_tensor x) {
    shown *s = user;
    (void)path;
    cr_assert_lt(s->n, MOST);
    s->x[s->n++] = heed_needs_grad(t, x) ? heed_keep_grad(t, x) : x;
}

/* All that the layers show, values and gradients, read when backward is over. */
static uint64_t watch(bool recompute, int *n) {
    heed_gpt_options options = gpts[0];
    options.recompute = recompute;
    twin s = {.model = heed_model_new()};
    heed_gpt_init(&s.gpt, heed_model_root(s.model), "gpt", options);
    open_twin(&s, HEED_F32, 2);
    shown all = {.n = 0};
    cr_assert_eq(heed_tape_on_watch(s.t, "*", note, &all), HEED_OK);
    uint64_t hash = 0;
    heed_tensor loss = gpt_loss(&s);
    cr_assert_eq(heed_backward(s.t, loss, s.g), HEED_OK, "%s", heed_error_text(s.t));
    for (int i = 0; i < all.n; i++) {
        hash_tensor(s.t, all.x[i], &hash);
        if (heed_needs_grad(s.t, all.x[i]))
            hash_tensor(s.t, heed_grad(s.t, all.x[i]), &hash);
    }
    hash_in(&hash, heed_grads_data(s.g), (size_t)heed_model_size(s.model) * sizeof(float));
    *n = all.n;
    free_twin(&s);
    return hash;
}

Test(recompute_layers, what_is_watched_has_the_same_bits) {
    int n, again;
    uint64_t plain = watch(false, &n);
    cr_expect_eq(watch(true, &again), plain);
    cr_expect(n == again && n >= 3 * 6, "%d and %d values", n, again);
}

/* ---- off the record ---- */

Test(recompute_layers, the_model_still_evaluates_and_writes) {
    int32_t text[2][20], prompt[3] = {1, 2, 3};
    uint64_t logits[2] = {0, 0};
    for (int recompute = 0; recompute < 2; recompute++) {
        twin s = {.model = heed_model_new()};
        heed_gpt_options options = gpts[1];
        options.recompute = recompute;
        heed_gpt_init(&s.gpt, heed_model_root(s.model), "gpt", options);
        open_twin(&s, HEED_F32, 1);
        heed_tape_set_recording(s.t, false);
        hash_tensor(s.t, heed_gpt_forward(&s.gpt, s.t, tokens(&s, 1)), &logits[recompute]);
        cr_expect_eq(heed_tape_statistics(s.t).nodes, 0);
        cr_expect_eq(heed_gpt_generate(&s.gpt, s.t, prompt, 3, (heed_gpt_generation){.n = 20, .sampler = {.temperature = 1}}, text[recompute]), 20, "%s",
                     heed_error_text(s.t));
        free_twin(&s);
    }
    cr_expect_eq(logits[0], logits[1]);
    cr_expect_arr_eq(text[0], text[1], sizeof text[0]);
}

/* ---- memory ---- */

/* Of a step of `layers` layers of 64 on 2 x 64 tokens. */
static heed_tape_stats step_of(int layers, bool recompute, bool record) {
    enum { TOKENS = 64 };
    heed_model *model = heed_model_new();
    heed_gpt gpt;
    heed_gpt_init(&gpt, heed_model_root(model), "gpt",
                  (heed_gpt_options){.vocabulary = V, .context = TOKENS, .d_model = 64, .n_heads = 4, .n_layers = layers, .dropout = 0.1, .recompute = recompute});
    cr_assert_eq(heed_model_build(model, HEED_F32, 1), HEED_OK);
    heed_tape *t = heed_tape_new();
    heed_grads *g = heed_grads_new(model);
    heed_tape_set_recording(t, record);
    heed_tape_stats s = {.allocations = 0};
    for (int i = 0; i < 4; i++) {
        heed_tape_reset(t);
        heed_tensor x = heed_zeros(t, HEED_I32, HEED_SHAPE(2, TOKENS)), loss = heed_gpt_loss(&gpt, t, x, x);
        cr_assert_eq(heed_tape_status(t), HEED_OK, "%s", heed_error_text(t));
        cr_assert(!record || heed_backward(t, loss, g) == HEED_OK, "%s", heed_error_text(t));
        cr_expect(i < 2 || heed_tape_statistics(t).allocations == s.allocations, "step %d calls malloc", i);
        s = heed_tape_statistics(t);
    }
    heed_grads_free(g);
    heed_tape_free(t);
    heed_model_free(model);
    return s;
}

/* A layer more costs one result, 2 x 64 x 64 numbers, and its records; without recomputing it costs more than 15 of them. */
Test(recompute_layers, a_layer_more_costs_one_result) {
    const size_t result = 2 * 64 * 64 * sizeof(float), records = 5000;
    const size_t few = step_of(4, true, true).used_bytes, many = step_of(12, true, true).used_bytes;
    cr_expect_leq(many - few, 8 * (result + records), "%zu for 8 layers", many - few);
    const size_t plain = step_of(12, false, true).used_bytes;
    cr_expect_geq(plain - step_of(4, false, true).used_bytes, 8 * 15 * result);
    cr_expect_leq(many, plain / 4, "%zu of %zu", many, plain);
    cr_expect_leq(step_of(12, true, true).arena_bytes, many + many / 4); /* ops have a workspace while they run */
}

Test(recompute_layers, memory_falls_off_the_record_too) {
    cr_expect_leq(step_of(12, true, false).used_bytes, step_of(12, false, false).used_bytes / 4);
}
