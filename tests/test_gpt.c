/* GPT: how it starts, its laws, and what it refuses. */
#include <heed/heed.h>

#include <criterion/criterion.h>

#include "layers_common.h"

/* ---- how it starts ---- */

typedef struct statistics {
    double mean, std;
    int64_t count;
} statistics;

static statistics statistics_of(heed_param_info info, heed_model *model) {
    statistics s = {.count = info.count};
    double *values = malloc((size_t)info.count * sizeof *values);
    cr_assert(heed_param_get(heed_model_find(model, info.path), values, info.count) == HEED_OK);
    for (int64_t i = 0; i < info.count; i++)
        s.mean += values[i] / (double)info.count;
    for (int64_t i = 0; i < info.count; i++)
        s.std += (values[i] - s.mean) * (values[i] - s.mean) / (double)info.count;
    s.std = sqrt(s.std);
    free(values);
    return s;
}

/* N(0, std²): the mean of n values is off by std / sqrt(n), their deviation by std / sqrt(2 n); five of those are allowed. */
static void expect_normal(heed_param_info info, heed_model *model, double std) {
    statistics s = statistics_of(info, model);
    cr_expect(fabs(s.mean) <= 5 * std / sqrt((double)s.count), "%s: mean %g", info.path, s.mean);
    cr_expect(fabs(s.std - std) <= 5 * std / sqrt(2.0 * (double)s.count), "%s: std %g, not %g", info.path, s.std, std);
}

static void expect_start(heed_gpt_options options, double residual) {
    heed_model *model = heed_model_new();
    heed_gpt gpt;
    heed_gpt_init(&gpt, heed_model_root(model), "gpt", options);
    built(model);
    for (int i = 0; i < heed_model_params(model); i++) {
        heed_param_info info = heed_model_param(model, i);
        if (info.shape.rank > 1)
            expect_normal(info, model, strstr(info.path, "w_o") || strstr(info.path, "down") ? residual : 0.02);
        else
            for (int64_t k = 0; k < info.count && !info.buffer; k++)
                cr_assert_eq(((double *)heed_param_data(heed_model_find(model, info.path)))[k], strstr(info.path, "gain") ? 1 : 0, "%s", info.path);
    }
    heed_model_free(model);
}

Test(gpt, starts_as_gpt_2_does) {
    heed_gpt_options options = {.vocabulary = 65, .context = 64, .d_model = 48, .n_heads = 4, .n_layers = 3};
    expect_start(options, 0.02 / sqrt(6));
    options.untied = true;
    options.activation = HEED_SWIGLU;
    expect_start(options, 0.02 / sqrt(6));
    options.no_mlp = true;
    expect_start(options, 0.02 / sqrt(3));
}

Test(gpt, has_as_many_parameters_as_gpt_2) {
    heed_model *model = heed_model_new();
    heed_gpt gpt;
    heed_gpt_init(&gpt, heed_model_root(model), "gpt",
                  (heed_gpt_options){.vocabulary = 50257, .context = 1024, .d_model = 768, .n_heads = 12, .n_layers = 12});
    int64_t count = 0;
    for (int i = 0; i < heed_model_params(model); i++)
        count += heed_model_param(model, i).buffer ? 0 : heed_model_param(model, i).count;
    cr_expect_eq(count, 124439808, "%lld", (long long)count); /* the smallest of the published ones */
    heed_model_free(model);
}

/* ---- its laws ---- */

enum { VOCABULARY = 11, CONTEXT = 9 };

static const heed_gpt_options small = {.vocabulary = VOCABULARY, .context = CONTEXT, .d_model = 12, .n_heads = 3, .n_layers = 2, .init_std = 0.4};

typedef struct bench {
    heed_model *model;
    heed_gpt gpt;
    heed_tape *t;
} bench;

static bench new_bench(heed_gpt_options options) {
    bench b = {.model = heed_model_new(), .t = heed_tape_new()};
    heed_gpt_init(&b.gpt, heed_model_root(b.model), "gpt", options);
    built(b.model);
    return b;
}

static void free_bench(bench *b) {
    heed_tape_free(b->t);
    heed_model_free(b->model);
}

static void draw_tokens(int32_t *tokens, int n, uint64_t key) {
    for (int i = 0; i < n; i++)
        tokens[i] = (int32_t)heed_rng_below(key, (uint64_t)i, VOCABULARY);
}

static heed_tensor logits_for(bench *b, const int32_t *tokens, int64_t B, int64_t T) {
    heed_tensor logits = heed_gpt_forward(&b->gpt, b->t, heed_input(b->t, HEED_I32, HEED_SHAPE(B, T), tokens));
    expect_shape(b->t, logits, HEED_SHAPE(B, T, VOCABULARY), "logits");
    return logits;
}

/* [promises: the future] */
Test(gpt, the_future_leaves_the_past_alone) {
    bench b = new_bench(small);
    int32_t tokens[2][CONTEXT], other[2][CONTEXT];
    draw_tokens(tokens[0], 2 * CONTEXT, 1);
    memcpy(other, tokens, sizeof other);
    for (int i = 0; i < 2; i++)
        for (int k = 5; k < CONTEXT; k++)
            other[i][k] = (tokens[i][k] + 1) % VOCABULARY;
    heed_tensor before = logits_for(&b, tokens[0], 2, CONTEXT), after = logits_for(&b, other[0], 2, CONTEXT);
    expect_same_bits(b.t, heed_slice(b.t, after, 1, 0, 5), heed_slice(b.t, before, 1, 0, 5), "the first five");
    cr_expect(memcmp(values_of(b.t, heed_select(b.t, after, 1, 5)), values_of(b.t, heed_select(b.t, before, 1, 5)),
                     2 * VOCABULARY * sizeof(double)) != 0);
    free_bench(&b);
}

Test(gpt, rows_of_a_batch_do_not_meet) {
    bench b = new_bench(small);
    int32_t tokens[3][CONTEXT];
    draw_tokens(tokens[0], 3 * CONTEXT, 2);
    heed_tensor all = logits_for(&b, tokens[0], 3, CONTEXT);
    for (int i = 0; i < 3; i++)
        expect_same_bits(b.t, heed_slice(b.t, all, 0, i, i + 1), logits_for(&b, tokens[i], 1, CONTEXT), "a row by itself");
    free_bench(&b);
}

/* Untied, with the output's matrix a copy of the tokens': the tied gradient is the sum of the two. */
Test(gpt, tied_weights_get_both_gradients) {
    heed_gpt_options options = small;
    bench tied = new_bench(options);
    options.untied = true;
    bench apart = new_bench(options);
    for (int i = 0; i < heed_model_params(tied.model); i++) {
        heed_param_info info = heed_model_param(tied.model, i);
        cr_assert(heed_param_set(heed_model_find(apart.model, info.path), heed_param_data(heed_model_find(tied.model, info.path)), info.count) == HEED_OK);
    }
    cr_assert(heed_param_set(apart.gpt.output.weight, heed_param_data(tied.gpt.token.weight), VOCABULARY * 12) == HEED_OK);
    int32_t tokens[2 * CONTEXT], targets[2 * CONTEXT];
    draw_tokens(tokens, 2 * CONTEXT, 3);
    draw_tokens(targets, 2 * CONTEXT, 4);
    heed_grads *grads[2];
    bench *both[] = {&tied, &apart};
    for (int i = 0; i < 2; i++) {
        heed_tape *t = both[i]->t;
        heed_shape shape = HEED_SHAPE(2, CONTEXT);
        heed_tensor loss = heed_gpt_loss(&both[i]->gpt, t, heed_input(t, HEED_I32, shape, tokens), heed_input(t, HEED_I32, shape, targets));
        grads[i] = heed_grads_new(both[i]->model);
        cr_assert(heed_backward(t, loss, grads[i]) == HEED_OK, "%s", heed_error_text(t));
        cr_expect_eq(heed_grads_weight(grads[i]), 2 * CONTEXT);
    }
    const double *sum = heed_grads_of(grads[0], tied.gpt.token.weight), *in = heed_grads_of(grads[1], apart.gpt.token.weight),
                 *out = heed_grads_of(grads[1], apart.gpt.output.weight);
    for (int i = 0; i < VOCABULARY * 12; i++)
        cr_assert(fabs(sum[i] - in[i] - out[i]) <= 1e-14 && out[i] != 0);
    for (int i = 0; i < 2; i++) {
        heed_grads_free(grads[i]);
        free_bench(both[i]);
    }
}

/* ---- one token after another ---- */

static const heed_gpt_options kinds[] = {
    {.vocabulary = VOCABULARY, .context = CONTEXT, .d_model = 12, .n_heads = 3, .n_layers = 2, .init_std = 0.4, .dropout = 0.2},
    {.vocabulary = VOCABULARY, .context = CONTEXT, .d_model = 12, .n_heads = 2, .n_layers = 3, .init_std = 0.4, .untied = true, .norm = HEED_RMSNORM,
     .activation = HEED_SWIGLU, .no_bias = true, .features = {.n_kv_heads = 1, .rope_base = 10000, .window = 4}},
    {.vocabulary = VOCABULARY, .context = CONTEXT, .d_model = 8, .n_heads = 2, .n_layers = 2, .init_std = 0.4, .no_mlp = true, .features = {.alibi = true}},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* [promises: cached steps] */
Test(gpt, a_step_gives_what_the_full_pass_gives) {
    for (int kind = 0; kind < KINDS; kind++) {
        bench b = new_bench(kinds[kind]);
        heed_stack_cache cache;
        cr_assert(heed_encoder_cache_init(&cache, &b.gpt.blocks, 2, CONTEXT) == HEED_OK);
        heed_tape_set_recording(b.t, false);
        heed_tape_set_training(b.t, false);
        int32_t rows[2][CONTEXT];
        draw_tokens(rows[0], 2 * CONTEXT, 5);
        heed_tensor all = logits_for(&b, rows[0], 2, CONTEXT), tokens = heed_input(b.t, HEED_I32, HEED_SHAPE(2, CONTEXT), rows);
        const int cuts[] = {0, 3, 4, 5, 7, CONTEXT}; /* several at once, and one by one */
        for (int i = 0; i + 1 < 6; i++) {
            heed_tensor y = heed_gpt_step(&b.gpt, b.t, heed_slice(b.t, tokens, 1, cuts[i], cuts[i + 1]), cache.layer);
            expect_near(values_of(b.t, y), values_of(b.t, heed_slice(b.t, all, 1, cuts[i], cuts[i + 1])), 2 * (cuts[i + 1] - cuts[i]) * VOCABULARY, 1e-13, "logits");
        }
        cr_expect_eq(heed_stack_cache_length(&cache), CONTEXT);
        heed_stack_cache_free(&cache);
        free_bench(&b);
    }
}

/* nanoGPT's way: all of the last `context` tokens through the model, once a token. */
static void write_plainly(bench *b, heed_sampler sampler, const int32_t *prompt, int n_prompt, int n, int32_t *text) {
    memcpy(text, prompt, (size_t)n_prompt * sizeof *text);
    for (int i = 0; i < n; i++) {
        int length = n_prompt + i, T = length < CONTEXT ? length : CONTEXT;
        float logits[VOCABULARY];
        heed_tape_reset(b->t);
        const double *last = values_of(b->t, heed_select(b->t, logits_for(b, text + length - T, 1, T), 1, -1));
        for (int k = 0; k < VOCABULARY; k++)
            logits[k] = (float)last[k];
        text[length] = heed_sampler_pick(&sampler, logits, VOCABULARY, text, length, (uint64_t)i, NULL);
    }
}

Test(gpt, writes_what_the_full_pass_would) {
    enum { N = 30, MOST = 20 };
    const heed_sampler samplers[] = {{.temperature = 0}, {.temperature = 1, .seed = 3}, {.temperature = 0.8, .top_k = 4, .repetition_penalty = 1.3, .seed = 4}};
    const int prompts[] = {1, 5, MOST};
    int32_t prompt[MOST], want[MOST + N], got[N];
    draw_tokens(prompt, MOST, 6);
    for (int kind = 0; kind < KINDS; kind++) {
        bench b = new_bench(kinds[kind]);
        for (int i = 0; i < 3; i++) {
            heed_tape_set_training(b.t, false);
            write_plainly(&b, samplers[i], prompt, prompts[i], N, want);
            heed_tape_set_training(b.t, true);
            int64_t n = heed_gpt_generate(&b.gpt, b.t, prompt, prompts[i], (heed_gpt_generation){.n = N, .sampler = samplers[i]}, got);
            cr_assert_eq(n, N, "%s", heed_error_text(b.t));
            cr_expect_arr_eq(got, want + prompts[i], sizeof got, "kind %d, sampler %d", kind, i);
            cr_expect(heed_tape_recording(b.t) && heed_tape_training(b.t));
        }
        free_bench(&b);
    }
}

/* Context 9 that slides by 4: after the tenth token is written it begins 4 later than at first, and so on. */
Test(gpt, slides_by_as_many_as_it_is_told) {
    enum { N = 20, SLIDE = 4 };
    bench b = new_bench(small);
    int32_t text[1 + N] = {2}, got[N];
    heed_tape_set_training(b.t, false);
    for (int length = 1, first = 0; length <= N; length++) {
        if (length - first > CONTEXT)
            first += SLIDE;
        heed_tape_reset(b.t);
        heed_tensor last = heed_select(b.t, logits_for(&b, text + first, 1, length - first), 1, -1);
        text[length] = *heed_i32(b.t, heed_argmax(b.t, last, -1, false));
    }
    cr_expect_eq(heed_gpt_generate(&b.gpt, b.t, text, 1, (heed_gpt_generation){.n = N, .slide = SLIDE}, got), N);
    cr_expect_arr_eq(got, text + 1, sizeof got);
    free_bench(&b);
}

static bool until_three(void *user, int32_t token) {
    int32_t **at = user;
    *(*at)++ = token;
    return token != 3;
}

Test(gpt, a_listener_hears_each_token_and_ends_it) {
    enum { N = 60 };
    bench b = new_bench(small);
    int32_t got[N], heard[N], *at = heard;
    const heed_gpt_generation options = {.n = N, .sampler = {.temperature = 2, .seed = 1}, .listener = until_three, .user = &at};
    int64_t n = heed_gpt_generate(&b.gpt, b.t, (int32_t[]){0}, 1, options, got);
    cr_assert(n > 0 && n < N && n == at - heard, "%lld", (long long)n);
    cr_expect_arr_eq(got, heard, (size_t)n * sizeof *got);
    for (int64_t i = 0; i < n; i++)
        cr_expect_eq(got[i] == 3, i == n - 1);
    free_bench(&b);
}

/* ---- refused ---- */

static void expect_declared_wrongly(heed_gpt_options options, const char *text) {
    heed_model *model = heed_model_new();
    heed_gpt gpt;
    heed_gpt_init(&gpt, heed_model_root(model), "gpt", options);
    cr_expect_str_eq(heed_model_error_text(model), text);
    heed_model_free(model);
}

Test(gpt, says_what_is_wrong_with_its_options) {
    heed_gpt_options o = small;
    o.context = 0;
    expect_declared_wrongly(o, "gpt: context 0 must be positive");
    o = small;
    o.n_heads = 5;
    expect_declared_wrongly(o, "gpt.blocks.0.attn: n_heads 5 does not divide d_model 12");
    o = small;
    o.init_std = NAN;
    expect_declared_wrongly(o, "gpt.blocks.0: init_std nan must be 0 or more");
    o = small;
    o.activation = (heed_activation)99;
    expect_declared_wrongly(o, "gpt.blocks.0.mlp: 99 is no activation");
    o = small;
    o.norm = (heed_norm_kind)7;
    expect_declared_wrongly(o, "gpt.blocks.0.norm_attn: 7 is no kind of norm");
    o = small;
    o.dropout = 2;
    expect_declared_wrongly(o, "gpt.dropout: p 2 is not in [0, 1]");
}

#define EXPECT_FAILS(B, CALL, TEXT) \
    do { \
        heed_tape_reset((B)->t); \
        cr_expect(heed_is_nil(CALL)); \
        cr_expect_str_eq(heed_error_text((B)->t), TEXT); \
    } while (0)

Test(gpt, says_what_is_wrong_with_its_tokens) {
    bench b = new_bench(small);
    EXPECT_FAILS(&b, heed_gpt_forward(&b.gpt, b.t, heed_zeros(b.t, HEED_I32, HEED_SHAPE(4))), "gpt: tokens are (4,); they must be (batch, time)");
    EXPECT_FAILS(&b, heed_gpt_forward(&b.gpt, b.t, heed_zeros(b.t, HEED_I32, HEED_SHAPE(2, 10))),
                 "gpt: tokens are (2, 10): 10 in a row, the context holds 9");
    int32_t out[2];
    const int32_t wrong[] = {11};
    cr_expect_eq(heed_gpt_generate(&b.gpt, b.t, wrong, 0, (heed_gpt_generation){.n = 2}, out), -1);
    cr_expect_str_eq(heed_error_text(b.t), "gpt: a prompt needs one token at least");
    cr_expect_eq(heed_gpt_generate(&b.gpt, b.t, wrong, 1, (heed_gpt_generation){.n = 2}, out), -1);
    cr_expect(strstr(heed_error_text(b.t), "gpt.token: embedding: ") == heed_error_text(b.t), "%s", heed_error_text(b.t));
    cr_expect_eq(heed_gpt_generate(&b.gpt, b.t, (int32_t[]){1}, 1, (heed_gpt_generation){.n = 2, .sampler = {.top_p = 2}}, out), -1);
    cr_expect_str_eq(heed_error_text(b.t), "gpt: sampler: top_p 2 is not in (0, 1], nor 0 for all");
    free_bench(&b);
}
