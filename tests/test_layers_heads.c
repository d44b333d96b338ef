/* What multi-head attention can have beside Vaswani's heads, against a naive twin written from the papers' formulas,
 * in f64; and the laws that each feature obeys. */
#include <heed/heed.h>

#include <criterion/criterion.h>

#include "helpers/golden.h"
#include "layers_common.h"

/* ---- the twin ---- */

enum { B = 2, D = 24, MOST = 12 }; /* batch, d_model, tokens at most */

typedef struct sizes {
    int64_t T, S;
    bool causal;
} sizes;

/* A parameter's values by path, to be freed; NULL where there is none. */
static double *values_at(heed_model *model, const char *path) {
    heed_param p = heed_model_find(model, path);
    if (p.model == NULL)
        return NULL;
    int64_t count = heed_shape_count(heed_model_param(model, p.index).shape);
    double *values = malloc((size_t)count * sizeof *values);
    cr_assert(heed_param_get(p, values, count) == HEED_OK);
    return values;
}

/* y (outputs) = w x + bias + factor b (a x), as far as these are there. */
static void naive_project(heed_model *model, const char *letter, const double *x, int64_t inputs, int64_t outputs,
                          int rank, double factor, double *y) {
    char name[32];
    snprintf(name, sizeof name, "attn.w_%s", letter);
    double *w = values_at(model, name);
    snprintf(name, sizeof name, "attn.b_%s", letter);
    double *bias = values_at(model, name);
    snprintf(name, sizeof name, "attn.lora_%s.a", letter);
    double *a = values_at(model, name);
    snprintf(name, sizeof name, "attn.lora_%s.b", letter);
    double *b = values_at(model, name);
    for (int64_t o = 0; o < outputs; o++) {
        y[o] = bias ? bias[o] : 0;
        for (int64_t i = 0; i < inputs; i++)
            y[o] += w[o * inputs + i] * x[i];
        for (int64_t r = 0; r < rank && a; r++)
            for (int64_t i = 0; i < inputs; i++)
                y[o] += factor * b[o * rank + r] * a[r * inputs + i] * x[i];
    }
    free(w), free(bias), free(a), free(b);
}

/* x over its root mean square, times gains. */
static void naive_norm(heed_model *model, const char *path, double *x, int64_t d) {
    double *gain = values_at(model, path), square = 0;
    for (int64_t i = 0; i < d && gain; i++)
        square += x[i] * x[i] / (double)d;
    for (int64_t i = 0; i < d && gain; i++)
        x[i] *= gain[i] / sqrt(square + 1e-6);
    free(gain);
}

static void naive_rope(const heed_attention_features *f, double *x, int64_t d, int64_t place) {
    for (int64_t n = 0; n < d / 2 && f->rope_base != 0; n++) {
        double *a = x + (f->rope_interleaved ? 2 * n : n), *b = x + (f->rope_interleaved ? 2 * n + 1 : n + d / 2);
        double angle = (double)place * pow(f->rope_base, -(double)(2 * n) / (double)d), was = *a;
        *a = was * cos(angle) - *b * sin(angle);
        *b = was * sin(angle) + *b * cos(angle);
    }
}

/* Press et al. 2022, section 3, for a power of two: a geometric sequence from 2^(-8/n) with that ratio. */
static double naive_slope(int heads, int h) {
    cr_assert((heads & (heads - 1)) == 0);
    double slope = 1;
    for (int i = 0; i <= h; i++)
        slope *= pow(2, -8.0 / heads);
    return slope;
}

/* What is added to the score of query and key by their places; -inf: it is not seen. */
static double naive_place(heed_model *model, const heed_multi_head_options *o, sizes s, int h, int64_t i, int64_t j) {
    const heed_attention_features *f = &o->features;
    int64_t back = i + s.S - s.T - j, ahead = -back;
    double added = f->alibi ? -naive_slope(o->n_heads, h) * fabs((double)back) : 0,
           *table = values_at(model, "attn.relative");
    if (table)
        added +=
            table[heed_relative_bucket(ahead, f->relative_buckets, f->relative_longest, !s.causal) * o->n_heads + h];
    free(table);
    bool hidden = (s.causal && ahead > 0) || (f->window > 0 && (back >= f->window || ahead >= f->window));
    return hidden ? -INFINITY : added;
}

/* One head, one batch row: z (T, d) from q (T, d), k and v (S + extra, d); the last `extra` have no place. */
static void naive_head(heed_model *model, const heed_multi_head_options *o, sizes s, int extra, int h, double (*q)[D],
                       double (*k)[D], double (*v)[D], double (*z)[D]) {
    int64_t d = D / o->n_heads;
    for (int64_t i = 0; i < s.T; i++) {
        double weight[MOST + 2], total = 0;
        for (int64_t j = 0; j < s.S + extra; j++) {
            double score = j < s.S ? naive_place(model, o, s, h, i, j) : 0;
            for (int64_t c = 0; c < d; c++)
                score += q[i][c] * k[j][c] / sqrt((double)d);
            total += weight[j] = exp(score);
        }
        for (int64_t c = 0; c < d; c++) {
            z[i][h * d + c] = 0;
            for (int64_t j = 0; j < s.S + extra; j++)
                z[i][h * d + c] += weight[j] / total * v[j][c];
        }
    }
}

/* Keys or values of head kv: memory's, then those that stand nowhere. Returns how many of these there are. */
static int naive_sources(heed_model *model, const heed_multi_head_options *o, const char *letter, const double *memory,
                         int64_t S, int64_t kv, double (*x)[D]) {
    const heed_attention_features *f = &o->features;
    int64_t d = D / o->n_heads, kv_heads = f->n_kv_heads ? f->n_kv_heads : o->n_heads;
    double factor = f->lora_alpha != 0 ? f->lora_alpha / f->lora_rank : 1, all[D],
           *extra = values_at(model, letter[0] == 'k' ? "attn.bias_k" : "attn.bias_v");
    for (int64_t j = 0; j < S; j++) {
        naive_project(model, letter, memory + j * D, D, kv_heads * d, f->lora_rank, factor, all);
        memcpy(x[j], all + kv * d, (size_t)d * sizeof *all);
        if (letter[0] == 'k') {
            naive_norm(model, "attn.norm_k.gain", x[j], d);
            naive_rope(f, x[j], d, j);
        }
    }
    int n = 0;
    if (extra)
        memcpy(x[S + n++], extra + kv * d, (size_t)d * sizeof *extra);
    if (o->zero_attn)
        memset(x[S + n++], 0, (size_t)d * sizeof *extra);
    free(extra);
    return n;
}

static void naive_row(heed_model *model, const heed_multi_head_options *o, sizes s, const double *query,
                      const double *memory, double *y) {
    const heed_attention_features *f = &o->features;
    int64_t d = D / o->n_heads, group = f->n_kv_heads ? o->n_heads / f->n_kv_heads : 1;
    double factor = f->lora_alpha != 0 ? f->lora_alpha / f->lora_rank : 1,
           *temperature = values_at(model, "attn.log_temperature");
    double all[D], q[MOST + 2][D], k[MOST + 2][D], v[MOST + 2][D], z[MOST][D];
    for (int h = 0; h < o->n_heads; h++) {
        for (int64_t i = 0; i < s.T; i++) {
            naive_project(model, "q", query + i * D, D, D, f->lora_rank, factor, all);
            memcpy(q[i], all + h * d, (size_t)d * sizeof *all);
            naive_norm(model, "attn.norm_q.gain", q[i], d);
            naive_rope(f, q[i], d, i + s.S - s.T);
            for (int64_t c = 0; c < d && temperature; c++)
                q[i][c] /= exp(temperature[h]);
        }
        int extra = naive_sources(model, o, "k", memory, s.S, h / group, k);
        naive_sources(model, o, "v", memory, s.S, h / group, v);
        naive_head(model, o, s, extra, h, q, k, v, z);
    }
    for (int64_t i = 0; i < s.T; i++)
        naive_project(model, "o", z[i], D, D, f->lora_rank, factor, y + i * D);
    free(temperature);
}

/* ---- a layer whose every parameter has a value of its own ---- */

typedef struct bench {
    heed_model *model;
    heed_multi_head_attention attn;
    heed_tape *t;
} bench;

static bench new_bench(heed_multi_head_options options) {
    bench b = {.model = heed_model_new(), .t = heed_tape_new()};
    options.d_model = D;
    heed_multi_head_attention_init(&b.attn, heed_model_root(b.model), "attn", options);
    built(b.model);
    for (int i = 0; i < heed_model_params(b.model); i++) {
        heed_param_info info = heed_model_param(b.model, i);
        double *values = normals(info.count, 100 + (uint64_t)i);
        for (int64_t j = 0; j < info.count; j++)
            values[j] *= info.shape.rank == 1 ? 0.5 : 0.3;
        if (!info.buffer)
            cr_assert(heed_param_set(heed_model_find(b.model, info.path), values, info.count) == HEED_OK);
        free(values);
    }
    return b;
}

static void free_bench(bench *b) {
    heed_tape_free(b->t);
    heed_model_free(b->model);
}

static heed_tensor given(const bench *b, const double *x, int64_t T) {
    return heed_input(b->t, HEED_F64, HEED_SHAPE(B, T, D), x);
}

static heed_tensor attend(const bench *b, heed_tensor x, heed_tensor memory, heed_attend how) {
    heed_tensor y = heed_multi_head_attention_forward(&b->attn, b->t, x, memory, how);
    expect_shape(b->t, y, heed_shape_of(b->t, x), "output");
    return y;
}

static void expect_twin(const char *what, heed_multi_head_options options, sizes s) {
    bench b = new_bench(options);
    double *x = normals(B * MOST * D, 1), *memory = normals(B * MOST * D, 2), want[B * MOST * D];
    heed_tensor query = given(&b, x, s.T),
                y = attend(&b, query, s.T == s.S ? query : given(&b, memory, s.S), (heed_attend){.causal = s.causal});
    for (int row = 0; row < B; row++)
        naive_row(b.model, &options, s, x + row * s.T * D, (s.T == s.S ? x : memory) + row * s.S * D,
                  want + row * s.T * D);
    expect_near(values_of(b.t, y), want, B * s.T * D, 1e-12, what);
    free(x), free(memory);
    free_bench(&b);
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
    {"two heads of keys", WITH(.n_kv_heads = 2)},
    {"one head of keys", WITH(.n_kv_heads = 1)},
    {"rope", WITH(.rope_base = 10000)},
    {"rope, interleaved", WITH(.rope_base = 100, .rope_interleaved = true)},
    {"alibi", WITH(.alibi = true)},
    {"relative", WITH(.relative_buckets = 8, .relative_longest = 7)},
    {"window", WITH(.window = 3)},
    {"normalised", WITH(.qk_norm = true)},
    {"temperature", WITH(.learned_temperature = true)},
    {"lora", WITH(.lora_rank = 2, .lora_alpha = 5)},
    {"lora everywhere", WITH(.lora_rank = 3, .lora_on = HEED_LORA_Q | HEED_LORA_K | HEED_LORA_V | HEED_LORA_O)},
    {"no bias, shared, rope", {.n_heads = 4, .no_bias = true, .features = {.n_kv_heads = 2, .rope_base = 10000}}},
    {"bias_kv, alibi, window", {.n_heads = 4, .bias_kv = true, .features = {.alibi = true, .window = 2}}},
    {"zero_attn, relative, shared",
     {.n_heads = 4, .zero_attn = true, .features = {.n_kv_heads = 2, .relative_buckets = 4, .relative_longest = 6}}},
    {"everything",
     {.n_heads = 4,
      .bias_kv = true,
      .zero_attn = true,
      .features = {.n_kv_heads = 2,
                   .rope_base = 50,
                   .alibi = true,
                   .relative_buckets = 8,
                   .relative_longest = 9,
                   .window = 4,
                   .qk_norm = true,
                   .learned_temperature = true,
                   .lora_rank = 2,
                   .lora_alpha = 3,
                   .lora_on = HEED_LORA_K | HEED_LORA_O}}},
};
enum { FEATURES = sizeof features / sizeof *features };

Test(layers_heads, every_feature_is_its_formula) {
    static const sizes all[] = {{7, 7, false}, {9, 9, true}, {4, 9, false}, {3, 8, true}, {1, 1, true}};
    for (int i = 0; i < FEATURES; i++)
        for (size_t s = 0; s < sizeof all / sizeof *all; s++)
            expect_twin(features[i].what, features[i].options, all[s]);
}

/* ---- numbers from the papers ---- */

/* Press et al. 2022: 1/2, 1/4, ... 1/256 for 8 heads, between those for 16; other numbers as their code has them. */
Test(layers_heads, slopes_of_alibi) {
    static const double eight[] = {0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625};
    double got[16];
    heed_alibi_slopes(8, got);
    expect_near(got, eight, 8, 0, "8 heads");
    heed_alibi_slopes(16, got);
    for (int h = 0; h < 16; h++)
        cr_expect_float_eq(got[h], pow(0.5, 0.5 * (h + 1)), 1e-16);
    heed_alibi_slopes(12, got);
    expect_near(got, eight, 8, 0, "12 heads");
    expect_near(got + 8,
                (const double[]){0.70710678118654757, 0.35355339059327379, 0.17677669529663689, 0.088388347648318447},
                4, 1e-16, "12 heads");
    heed_alibi_slopes(3, got);
    expect_near(got, (const double[]){0.0625, 0.00390625, 0.25}, 3, 0, "3 heads");
    heed_alibi_slopes(1, got);
    cr_expect_eq(got[0], 0.00390625);
}

/* What T5's own arithmetic, f32 in PyTorch, gives for every distance from -300 to 300. With 10 buckets to 160, and
 * 48 to 81, it falls to another side of an edge than f64 would. */
Test(layers_heads, buckets_of_t5) {
    static const int64_t tables[][2] = {{32, 128}, {16, 20}, {10, 160}, {48, 81}, {6, 10}, {64, 256}};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (int both = 0; both < 2; both++) {
            golden g;
            char name[64];
            snprintf(name, sizeof name, "buckets_%lld_%lld_%s", (long long)tables[i][0], (long long)tables[i][1],
                     both ? "both" : "back");
            cr_assert(golden_read(&g, "tests/golden/attention.txt", name));
            const golden_tensor *want = golden_find(&g, "out", "bucket");
            for (int64_t at = 0; at < want->count; at++)
                cr_expect_eq(heed_relative_bucket(at - want->count / 2, tables[i][0], tables[i][1], both),
                             (int64_t)want->values[at], "%s, distance %lld", name, (long long)(at - want->count / 2));
            golden_free(&g);
        }
}

/* ---- laws ---- */

Test(layers_heads, shared_heads_are_repeated_ones) {
    for (int kv_heads = 1; kv_heads <= 4; kv_heads *= 2) {
        bench few = new_bench((heed_multi_head_options)WITH(.n_kv_heads = kv_heads, .rope_base = 10000));
        bench all = new_bench((heed_multi_head_options)WITH(.rope_base = 10000));
        heed_param from[] = {few.attn.w_q, few.attn.b_q, few.attn.w_o, few.attn.b_o,
                             few.attn.w_k, few.attn.b_k, few.attn.w_v, few.attn.b_v};
        heed_param to[] = {all.attn.w_q, all.attn.b_q, all.attn.w_o, all.attn.b_o,
                           all.attn.w_k, all.attn.b_k, all.attn.w_v, all.attn.b_v};
        for (int i = 0; i < 8; i++) {
            const double *source = heed_param_data(from[i]);
            double *copy = heed_param_data(to[i]);
            int64_t width = i % 2 ? 1 : D, head = D / 4 * width, group = i < 4 ? 1 : 4 / kv_heads;
            for (int64_t j = 0; j < 4 * head; j++)
                copy[j] = source[j / head / group * head + j % head];
        }
        heed_model_changed(all.model);
        double *x = normals(B * MOST * D, 1);
        heed_tensor y = attend(&few, given(&few, x, 7), given(&few, x, 7), (heed_attend){.causal = true});
        heed_tensor want = attend(&all, given(&all, x, 7), given(&all, x, 7), (heed_attend){.causal = true});
        cr_expect_arr_eq(values_of(few.t, y), values_of(all.t, want), sizeof(double[B * 7 * D]), "%d heads of keys",
                         kv_heads);
        free(x);
        free_bench(&few), free_bench(&all);
    }
}

Test(layers_heads, a_window_of_all_is_none) {
    for (int extra = 0; extra < 2; extra++)
        for (int causal = 0; causal < 2; causal++) {
            bench b = new_bench((heed_multi_head_options){.n_heads = 4, .zero_attn = extra, .features = {.window = 9}});
            heed_tensor x = heed_randn(b.t, HEED_F64, HEED_SHAPE(B, 9, D)),
                        y = attend(&b, x, x, (heed_attend){.causal = causal});
            b.attn.features.window = 0;
            expect_same_bits(b.t, attend(&b, x, x, (heed_attend){.causal = causal}), y, "output");
            b.attn.features.window = INT64_MAX;
            expect_same_bits(b.t, attend(&b, x, x, (heed_attend){.causal = causal}), y, "output");
            free_bench(&b);
        }
}

/* Places are known by their differences only: three strangers put before the sequence, and hidden, change nothing. */
Test(layers_heads, a_shifted_sequence_is_the_same) {
    enum { T = 7, SHIFT = 3 };
    for (int i = 0; i < FEATURES; i++)
        for (int causal = 0; causal < 2; causal++) {
            if (features[i].options.bias_kv && features[i].options.features.rope_base != 0)
                continue; /* how a turned query meets a key that stands nowhere depends on the query's place */
            bench b = new_bench(features[i].options);
            heed_tensor x = heed_randn(b.t, HEED_F64, HEED_SHAPE(B, T, D)),
                        strangers = heed_randn(b.t, HEED_F64, HEED_SHAPE(B, SHIFT, D));
            heed_tensor shifted = heed_concat(b.t, (heed_tensor[]){strangers, x}, 2, 1);
            bool padding[B][SHIFT + T] = {{true, true, true}, {true, true, true}};
            heed_attend how = {.causal = causal,
                               .key_padding = heed_input(b.t, HEED_BOOL, HEED_SHAPE(B, SHIFT + T), padding)};
            heed_tensor y = heed_slice(b.t, attend(&b, shifted, shifted, how), 1, SHIFT, SHIFT + T);
            expect_near(values_of(b.t, y), values_of(b.t, attend(&b, x, x, (heed_attend){.causal = causal})), B * T * D,
                        1e-12, features[i].what);
            free_bench(&b);
        }
}

/* ... but by their differences they are known: without a mask, plain attention does not see an order, these do. */
Test(layers_heads, places_are_seen) {
    for (int i = 0; i < FEATURES; i++) {
        const heed_attention_features *f = &features[i].options.features;
        bench b = new_bench(features[i].options);
        heed_tensor x = heed_randn(b.t, HEED_F64, HEED_SHAPE(B, 7, D));
        heed_tensor back =
            heed_flip(b.t, attend(&b, heed_flip(b.t, x, 1), heed_flip(b.t, x, 1), (heed_attend){.causal = false}), 1);
        heed_tensor y = attend(&b, x, x, (heed_attend){.causal = false});
        double furthest = 0;
        for (int64_t j = 0; j < B * 7 * D; j++)
            furthest = fmax(furthest, fabs(values_of(b.t, y)[j] - values_of(b.t, back)[j]));
        bool mirrored = f->rope_base != 0 || f->relative_buckets; /* ALiBi and windows look the same in a mirror */
        cr_expect(mirrored ? furthest > 1e-3 : furthest < 1e-12, "%s: %g", features[i].what, furthest);
        free_bench(&b);
    }
}

/* q_i k_j of one token at every place depends on i - j only. */
static void note_scores(void *user, heed_tape *t, const char *path, heed_tensor x) {
    (void)path;
    memcpy(user, values_of(t, x), sizeof(double[4 * 9 * 9]));
}

Test(layers_heads, scores_of_rope_depend_on_the_distance_only) {
    enum { T = 9 };
    bench b = new_bench((heed_multi_head_options)WITH(.rope_base = 10000));
    double one[B * T * D];
    for (int i = 0; i < B * T * D; i++)
        one[i] = heed_rng_normal(3, (uint64_t)(i % D));
    double first[4][T][T]; /* those of the first batch row */
    cr_assert(heed_tape_on_watch(b.t, "attn.attn_scores", note_scores, first) == HEED_OK);
    heed_tensor x = given(&b, one, T);
    attend(&b, x, x, (heed_attend){.causal = false});
    for (int h = 0; h < 4; h++)
        for (int i = 1; i < T; i++)
            for (int j = 1; j < T; j++)
                cr_assert_float_eq(first[h][i][j], first[h][i - 1][j - 1], 1e-12);
    cr_assert(fabs(first[0][5][0] - first[0][0][5]) > 1e-3, "it must matter who comes first");
    free_bench(&b);
}

/* "T = 1 returns V". */
Test(layers_heads, one_token_gets_its_own_value) {
    for (int i = 0; i < FEATURES; i++) {
        heed_multi_head_options options = features[i].options;
        options.bias_kv = options.zero_attn = false;
        options.features.lora_rank = 0, options.features.lora_alpha = 0, options.features.lora_on = 0;
        bench b = new_bench(options);
        heed_tensor x = heed_randn(b.t, HEED_F64, HEED_SHAPE(B, 1, D)),
                    y = attend(&b, x, x, (heed_attend){.causal = true});
        heed_tensor bias = options.no_bias ? HEED_NIL : heed_use(b.t, b.attn.b_v),
                    bias_o = options.no_bias ? HEED_NIL : heed_use(b.t, b.attn.b_o);
        heed_tensor v = heed_linear(b.t, x, heed_use(b.t, b.attn.w_v), bias); /* (B, 1, H_kv d_k) */
        int64_t kv = b.attn.n_kv_heads, d = b.attn.d_k, group = 4 / kv;
        v = heed_expand(b.t, heed_reshape(b.t, v, HEED_SHAPE(B, 1, kv, 1, d)), HEED_SHAPE(B, 1, kv, group, d));
        heed_tensor want =
            heed_linear(b.t, heed_reshape(b.t, v, HEED_SHAPE(B, 1, D)), heed_use(b.t, b.attn.w_o), bias_o);
        expect_same_bits(b.t, y, want, features[i].what);
        free_bench(&b);
    }
}

/* "Under a causal mask, changing a future token leaves the past's bits unchanged", with every feature. */
Test(layers_heads, the_future_leaves_the_past_alone) {
    for (int i = 0; i < FEATURES; i++) {
        bench b = new_bench(features[i].options);
        double *x = normals(B * 9 * D, 1);
        heed_tensor before = given(&b, x, 9);
        for (int j = 0; j < B * 9 * D; j++)
            if (j / D % 9 >= 5)
                x[j] = j % 2 ? 1e6 : NAN;
        heed_tensor after = given(&b, x, 9);
        expect_same_bits(b.t, heed_slice(b.t, attend(&b, after, after, (heed_attend){.causal = true}), 1, 0, 5),
                         heed_slice(b.t, attend(&b, before, before, (heed_attend){.causal = true}), 1, 0, 5),
                         features[i].what);
        free(x);
        free_bench(&b);
    }
}

/* ---- what is returned and shown ---- */

static void note_pattern(void *user, heed_tape *t, const char *path, heed_tensor x) {
    (void)t, (void)path;
    *(heed_tensor *)user = x;
}

Test(layers_heads, weights_are_the_pattern_that_is_watched) {
    bench b = new_bench((heed_multi_head_options){.n_heads = 4, .bias_kv = true, .features = {.n_kv_heads = 2}});
    heed_tensor pattern, scores, weights, mean;
    cr_assert(heed_tape_on_watch(b.t, "attn.pattern", note_pattern, &pattern) == HEED_OK);
    cr_assert(heed_tape_on_watch(b.t, "attn.attn_scores", note_pattern, &scores) == HEED_OK);
    heed_tensor x = heed_randn(b.t, HEED_F64, HEED_SHAPE(B, 5, D));
    attend(&b, x, x, (heed_attend){.weights = &weights, .mean_weights = &mean});
    expect_shape(b.t, weights, HEED_SHAPE(B, 4, 5, 6), "weights");
    expect_same_bits(b.t, weights, pattern, "weights");
    expect_near(values_of(b.t, heed_softmax(b.t, scores, -1)), values_of(b.t, weights), B * 4 * 5 * 6, 1e-14,
                "softmax of the scores");
    expect_near(values_of(b.t, heed_mean(b.t, weights, HEED_AXES(1))), values_of(b.t, mean), B * 5 * 6, 0, "mean");
    expect_shape(b.t, mean, HEED_SHAPE(B, 5, 6), "mean");
    free_bench(&b);
}

/* ---- LoRA ---- */

Test(layers_heads, lora_starts_as_nothing) {
    double *x = normals(B * 5 * D, 1), y[2][B * 5 * D];
    for (int with = 0; with < 2; with++) {
        heed_model *model = heed_model_new();
        heed_multi_head_attention attn;
        heed_multi_head_attention_init(
            &attn, heed_model_root(model), "attn",
            (heed_multi_head_options){
                .d_model = D, .n_heads = 4, .features = {.lora_rank = with ? 4 : 0, .lora_on = with ? 15 : 0}});
        built(model);
        heed_tape *t = heed_tape_new();
        heed_tensor in = heed_input(t, HEED_F64, HEED_SHAPE(B, 5, D), x);
        memcpy(y[with],
               values_of(t, heed_multi_head_attention_forward(&attn, t, in, in, (heed_attend){.causal = true})),
               sizeof y[with]);
        heed_tape_free(t);
        heed_model_free(model);
    }
    cr_expect_arr_eq(y[0], y[1], sizeof y[0]);
    free(x);
}

/* 1 / inputs is the variance of a at the start. */
Test(layers_heads, lora_draws_a_and_leaves_b) {
    heed_model *model = heed_model_new();
    heed_linear_layer linear;
    heed_lora lora;
    heed_linear_init(&linear, heed_model_root(model), "out", 400, 30, true);
    heed_lora_init_linear(&lora, &linear, 25, 50);
    built(model);
    cr_expect_eq(lora.factor, 2);
    const double *a = heed_param_data(lora.a), *b = heed_param_data(lora.b);
    double mean = 0, square = 0;
    for (int i = 0; i < 25 * 400; i++)
        mean += a[i] / (25 * 400), square += a[i] * a[i] / (25 * 400);
    cr_expect(fabs(mean) < 4 * 0.05 / 100, "%g", mean); /* four standard errors of the mean of 10,000 */
    cr_expect(fabs(square * 400 - 1) < 0.06, "%g", square * 400);
    for (int i = 0; i < 30 * 25; i++)
        cr_assert_eq(b[i], 0);
    cr_expect_str_eq(heed_model_param(model, lora.a.index).path, "out.lora.a");
    cr_expect(heed_shape_equal(heed_model_param(model, lora.b.index).shape, HEED_SHAPE(30, 25)));
    heed_model_free(model);
}

Test(layers_heads, lora_merges_into_its_weights) {
    bench b = new_bench((heed_multi_head_options)WITH(.n_kv_heads = 2, .lora_rank = 3, .lora_alpha = 2, .lora_on = 15));
    double *x = normals(B * 5 * D, 1), before[B * 5 * D];
    heed_tensor in = given(&b, x, 5);
    memcpy(before, values_of(b.t, attend(&b, in, in, (heed_attend){.causal = true})), sizeof before);
    cr_assert(heed_multi_head_attention_merge_lora(&b.attn) == HEED_OK);
    heed_tape_reset(b.t);
    in = given(&b, x, 5);
    heed_tensor merged = attend(&b, in, in, (heed_attend){.causal = true});
    expect_near(values_of(b.t, merged), before, B * 5 * D, 1e-12, "merged");
    b.attn.features.lora_on = 0; /* now the weights alone do it */
    expect_same_bits(b.t, attend(&b, in, in, (heed_attend){.causal = true}), merged, "without updates");
    free(x);
    free_bench(&b);
}

/* What the header's intended use says of freezing: only a and b are trained. */
Test(layers_heads, lora_trains_alone) {
    bench b = new_bench((heed_multi_head_options)WITH(.lora_rank = 2));
    heed_model_set_trainable(b.model, "*", false);
    cr_expect_eq(heed_model_set_trainable(b.model, "*.lora*.?", true), 4); /* a and b of queries and values */
    cr_expect_eq(heed_model_trainable(b.model), 4 * 2 * D);
    heed_grads *g = heed_grads_new(b.model);
    heed_optim *opt = heed_sgd_new(b.model, (heed_sgd_options){.lr = 0.1});
    double *w = values_at(b.model, "attn.w_q"), *a = values_at(b.model, "attn.lora_q.a");
    heed_tensor x = heed_randn(b.t, HEED_F64, HEED_SHAPE(B, 5, D));
    cr_assert(heed_backward(b.t, heed_mse(b.t, attend(&b, x, x, (heed_attend){.causal = true}), x), g) == HEED_OK, "%s",
              heed_error_text(b.t));
    cr_assert(heed_optim_step(opt, g) == HEED_OK, "%s", heed_optim_error_text(opt));
    cr_expect_arr_eq(w, heed_param_data(b.attn.w_q), sizeof(double[D * D]));
    cr_expect_arr_neq(a, heed_param_data(b.attn.lora_q.a), sizeof(double[2 * D]));
    heed_optim_free(opt);
    heed_grads_free(g);
    free(w), free(a);
    free_bench(&b);
}

Test(layers_heads, lora_refuses_another_weight) {
    heed_model *model = heed_model_new();
    heed_linear_layer linear, other;
    heed_lora lora;
    heed_linear_init(&linear, heed_model_root(model), "out", 4, 3, true);
    heed_lora_init_linear(&lora, &linear, 2, 0);
    heed_linear_init(&other, heed_model_root(model), "other", 3, 4, true);
    built(model);
    cr_expect_eq(heed_lora_merge(&lora, linear.weight), HEED_OK);
    cr_expect_neq(heed_lora_merge(&lora, other.weight), HEED_OK);
    cr_expect_str_eq(heed_model_error_text(model), "out.lora: the weight to merge into is (4, 3); it must be (3, 4)");
    heed_model_free(model);
}

/* ---- what is refused ---- */

#define EXPECT_REFUSED(text, ...)                                                                                      \
    expect_refused(__LINE__, (heed_multi_head_options){.d_model = 12, .n_heads = 4, __VA_ARGS__}, text)
static void expect_refused(int line, heed_multi_head_options options, const char *text) {
    heed_model *model = heed_model_new();
    heed_multi_head_attention attn;
    heed_multi_head_attention_init(&attn, heed_model_root(model), "attn", options);
    cr_expect_str_eq(heed_model_error_text(model), text, "line %d: \"%s\"", line, heed_model_error_text(model));
    cr_expect_neq(heed_model_build(model, HEED_F32, 1), HEED_OK, "line %d", line);
    heed_model_free(model);
}

Test(layers_heads, options_that_cannot_be) {
    EXPECT_REFUSED("attn: n_kv_heads 3 does not divide n_heads 4", .features = {.n_kv_heads = 3});
    EXPECT_REFUSED("attn: n_kv_heads -1 does not divide n_heads 4", .features = {.n_kv_heads = -1});
    EXPECT_REFUSED("attn: n_kv_heads 8 does not divide n_heads 4", .features = {.n_kv_heads = 8});
    EXPECT_REFUSED("attn: d_key -1 and d_value 0 must be positive, or 0 for d_model", .d_key = -1);
    EXPECT_REFUSED("attn: RoPE turns pairs, and d_k 3 is odd: d_model 12, n_heads 4", .features = {.rope_base = 10000});
    EXPECT_REFUSED("attn: rope_base -1 must be positive, or 0 for none", .features = {.rope_base = -1});
    EXPECT_REFUSED("attn: rope_base nan must be positive, or 0 for none", .features = {.rope_base = NAN});
    EXPECT_REFUSED("attn: relative_buckets 3 must be 4 or more, or 0 for none", .features = {.relative_buckets = 3});
    EXPECT_REFUSED("attn: relative_longest 4 must be above half of relative_buckets 8",
                   .features = {.relative_buckets = 8, .relative_longest = 4});
    EXPECT_REFUSED("attn: window -2 must be positive, or 0 for all", .features = {.window = -2});
    EXPECT_REFUSED("attn: lora_rank -1 must be 0 or more, lora_alpha 0 finite", .features = {.lora_rank = -1});
    EXPECT_REFUSED("attn: lora_rank 1 must be 0 or more, lora_alpha inf finite",
                   .features = {.lora_rank = 1, .lora_alpha = INFINITY});
    EXPECT_REFUSED("attn: lora_on 0x10 has more than the projections, 0xf",
                   .features = {.lora_rank = 1, .lora_on = 16});
    EXPECT_REFUSED("attn: lora_on and lora_alpha are given, but lora_rank is 0", .features = {.lora_on = HEED_LORA_Q});
}

#define EXPECT_FAILS(b, text, x, memory, ...)                                                                          \
    expect_fails(__LINE__, b,                                                                                          \
                 heed_multi_head_attention_forward(&(b)->attn, (b)->t, x, memory, (heed_attend){__VA_ARGS__}), text)
static void expect_fails(int line, const bench *b, heed_tensor y, const char *text) {
    cr_expect(heed_is_nil(y), "line %d", line);
    cr_expect_str_eq(heed_error_text(b->t), text, "line %d: \"%s\"", line, heed_error_text(b->t));
    heed_tape_reset(b->t);
}

static heed_tensor zeros(const bench *b, int64_t batch, int64_t n, int64_t d) {
    return heed_zeros(b->t, HEED_F64, HEED_SHAPE(batch, n, d));
}

Test(layers_heads, inputs_that_do_not_fit) {
    bench b =
        new_bench((heed_multi_head_options){.n_heads = 4, .d_key = 5, .d_value = 7, .features = {.n_kv_heads = 2}});
    heed_tensor weights = zeros(&b, 1, 1, 1), x = zeros(&b, 2, 3, D);
    EXPECT_FAILS(&b, "attn: query is (2, 3, 5); it must be (batch, tokens, 24)", zeros(&b, 2, 3, 5), x,
                 .causal = false);
    x = zeros(&b, 2, 3, D);
    EXPECT_FAILS(&b, "attn: memory is (2, 3, 24); it must be (2, tokens, 5)", x, x, .weights = &weights);
    cr_expect(heed_is_nil(weights));
    x = zeros(&b, 2, 3, D);
    EXPECT_FAILS(&b, "attn: memory is (1, 4, 5); it must be (2, tokens, 5)", x, zeros(&b, 1, 4, 5), .causal = false);
    x = zeros(&b, 2, 3, D);
    EXPECT_FAILS(&b, "attn: value is (2, 4, 5); it must be (2, 4, 7)", x, zeros(&b, 2, 4, 5), .causal = false);
    x = zeros(&b, 2, 3, D);
    EXPECT_FAILS(&b, "attn: value is (2, 3, 7); it must be (2, 4, 7)", x, zeros(&b, 2, 4, 5),
                 .value = zeros(&b, 2, 3, 7));
    x = zeros(&b, 2, 3, D);
    EXPECT_FAILS(&b, "attn: padding is bool (2, 3); it must be bool (2, 4), true where a token is padding", x,
                 zeros(&b, 2, 4, 5), .value = zeros(&b, 2, 4, 7),
                 .key_padding = heed_zeros(b.t, HEED_BOOL, HEED_SHAPE(2, 3)));
    x = zeros(&b, 2, 3, D);
    EXPECT_FAILS(&b, "attn: attention: the mask is (3, 3), does not broadcast to the scores (2, 4, 3, 4)", x,
                 zeros(&b, 2, 4, 5), .value = zeros(&b, 2, 4, 7), .mask = heed_zeros(b.t, HEED_F64, HEED_SHAPE(3, 3)));
    free_bench(&b);
}
