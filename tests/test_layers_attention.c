/* Self-attention against a naive twin, the laws of attention and of the transformer's layers, and what a watcher sees. */
#include <heed/heed.h>

#include <criterion/criterion.h>

#include "layers_common.h"

/* ---- one head, the six steps ---- */

enum { ST = 5, SM = 6, SK = 3 };

/* x (ST, SM), w (SK, SM) -> (ST, SK) */
static void naive_product(const double *x, const double *w, double *y) {
    for (int i = 0; i < ST; i++)
        for (int o = 0; o < SK; o++) {
            y[i * SK + o] = 0;
            for (int m = 0; m < SM; m++)
                y[i * SK + o] += x[i * SM + m] * w[o * SM + m];
        }
}

static void naive_head(const double *x, const double *const *w, bool causal, double *scores, double *pattern,
                       double *z) {
    double q[ST * SK], k[ST * SK], v[ST * SK];
    naive_product(x, w[0], q);
    naive_product(x, w[1], k);
    naive_product(x, w[2], v);
    for (int i = 0; i < ST; i++) {
        double total = 0;
        for (int j = 0; j < ST; j++) {
            double dot = 0;
            for (int o = 0; o < SK; o++)
                dot += q[i * SK + o] * k[j * SK + o];
            scores[i * ST + j] = dot / sqrt(SK);
            total += pattern[i * ST + j] = causal && j > i ? 0 : exp(scores[i * ST + j]);
        }
        for (int o = 0; o < SK; o++)
            z[i * SK + o] = 0;
        for (int j = 0; j < ST; j++) {
            pattern[i * ST + j] /= total;
            for (int o = 0; o < SK; o++)
                z[i * SK + o] += pattern[i * ST + j] * v[j * SK + o];
        }
    }
}

typedef struct seen {
    char path[32];
    int64_t count;
    double values[256];
} seen;
enum { SEEN = 16 };
typedef struct notes {
    int n;
    seen at[SEEN];
} notes;

static void take_note(void *user, heed_tape *t, const char *path, heed_tensor x) {
    notes *all = user;
    cr_assert(all->n < SEEN && heed_count(t, x) <= 256);
    seen *s = &all->at[all->n++];
    snprintf(s->path, sizeof s->path, "%s", path);
    s->count = heed_count(t, x);
    memcpy(s->values, values_of(t, x), (size_t)s->count * sizeof *s->values);
}

static const seen *note_of(const notes *all, const char *path) {
    for (int i = 0; i < all->n; i++)
        if (strcmp(all->at[i].path, path) == 0)
            return &all->at[i];
    cr_assert_fail("nobody saw %s", path);
    return NULL;
}

Test(layers_attention, one_head_is_the_six_steps) {
    heed_model *model = heed_model_new();
    heed_self_attention attn;
    heed_self_attention_init(&attn, heed_model_root(model), "attn", SM, SK);
    built(model);
    const double *w[] = {heed_param_data(attn.w_q), heed_param_data(attn.w_k), heed_param_data(attn.w_v)};
    double *x = normals(2 * ST * SM, 1);
    for (int causal = 0; causal < 2; causal++) {
        attn.causal = causal;
        heed_tape *t = heed_tape_new();
        notes all = {.n = 0};
        cr_assert(heed_tape_on_watch(t, "attn.*", take_note, &all) == HEED_OK);
        heed_tensor z =
            heed_self_attention_forward(&attn, t, heed_input(t, HEED_F64, HEED_SHAPE(2, ST, SM), x), HEED_NIL);
        for (int b = 0; b < 2; b++) {
            double scores[ST * ST], pattern[ST * ST], want[ST * SK];
            naive_head(x + b * ST * SM, w, causal, scores, pattern, want);
            expect_near(values_of(t, z) + b * ST * SK, want, ST * SK, 1e-13, "output");
            expect_near(note_of(&all, "attn.z")->values + b * ST * SK, want, ST * SK, 1e-13, "z");
            expect_near(note_of(&all, "attn.attn_scores")->values + b * ST * ST, scores, ST * ST, 1e-13, "attn_scores");
            expect_near(note_of(&all, "attn.pattern")->values + b * ST * ST, pattern, ST * ST, 1e-13, "pattern");
        }
        cr_expect_eq(all.n, 7);
        cr_expect_eq(note_of(&all, "attn.x")->count, 2 * ST * SM);
        cr_expect_eq(note_of(&all, "attn.q")->count, 2 * ST * SK);
        cr_expect_eq(note_of(&all, "attn.k")->count, 2 * ST * SK);
        cr_expect_eq(note_of(&all, "attn.v")->count, 2 * ST * SK);
        heed_tape_free(t);
    }
    heed_model_free(model);
    free(x);
}

/* [promises: T = 1] */
Test(layers_attention, one_token_gets_its_own_value) {
    heed_model *model = heed_model_new();
    heed_self_attention attn;
    heed_self_attention_init(&attn, heed_model_root(model), "attn", SM, SK);
    built(model);
    heed_tape *t = heed_tape_new();
    heed_tensor x = heed_randn(t, HEED_F64, HEED_SHAPE(4, 1, SM));
    heed_tensor z = heed_self_attention_forward(&attn, t, x, HEED_NIL);
    expect_same_bits(t, z, heed_linear(t, x, heed_use(t, attn.w_v), HEED_NIL), "z is v");
    heed_tape_free(t);
    heed_model_free(model);
}

Test(layers_attention, a_mask_hides_what_it_says) {
    heed_model *model = heed_model_new();
    heed_self_attention attn;
    heed_self_attention_init(&attn, heed_model_root(model), "attn", SM, SK);
    built(model);
    heed_tape *t = heed_tape_new();
    const bool look[ST] = {true, true, true, false, false};
    heed_tensor x = heed_randn(t, HEED_F64, HEED_SHAPE(2, ST, SM)), few = heed_slice(t, x, 1, 0, 3);
    heed_tensor masked = heed_self_attention_forward(&attn, t, x, heed_input(t, HEED_BOOL, HEED_SHAPE(ST), look));
    heed_tensor alone = heed_self_attention_forward(&attn, t, few, HEED_NIL);
    expect_near(values_of(t, heed_slice(t, masked, 1, 0, 3)), values_of(t, alone), 2 * 3 * SK, 1e-14,
                "the first three");
    heed_tape_free(t);
    heed_model_free(model);
}

/* ---- several heads ---- */

enum { B = 2, T = 7, S = 5, D = 12, H = 3, DK = D / H };

typedef struct bench {
    heed_model *model;
    heed_multi_head_attention attn;
    heed_tape *t;
    heed_tensor x, memory; /* (B, T, D), (B, S, D) */
} bench;

static bench new_bench(void) {
    bench b = {.model = heed_model_new(), .t = heed_tape_new()};
    heed_multi_head_attention_init(&b.attn, heed_model_root(b.model), "attn",
                                   (heed_multi_head_options){.d_model = D, .n_heads = H});
    built(b.model);
    heed_param biases[] = {b.attn.b_qkv, b.attn.b_o};
    for (int i = 0; i < 2; i++) {
        double *values = normals(i ? D : 3 * D, 10 + (uint64_t)i);
        cr_assert(heed_param_set(biases[i], values, i ? D : 3 * D) == HEED_OK);
        free(values);
    }
    b.x = heed_randn(b.t, HEED_F64, HEED_SHAPE(B, T, D));
    b.memory = heed_randn(b.t, HEED_F64, HEED_SHAPE(B, S, D));
    return b;
}

static void free_bench(bench *b) {
    heed_tape_free(b->t);
    heed_model_free(b->model);
}

static heed_tensor attend(const bench *b, heed_tensor x, heed_tensor memory, heed_attend how) {
    heed_tensor y = heed_multi_head_attention_forward(&b->attn, b->t, x, memory, how);
    expect_shape(b->t, y, heed_shape_of(b->t, x), "output");
    return y;
}

Test(layers_attention, self_is_cross_with_itself) {
    bench b = new_bench();
    heed_tensor copy = heed_input(b.t, HEED_F64, HEED_SHAPE(B, T, D), values_of(b.t, b.x));
    expect_same_bits(b.t, attend(&b, b.x, b.x, (heed_attend){.causal = true}),
                     attend(&b, b.x, copy, (heed_attend){.causal = true}), "output");
    free_bench(&b);
}

/* Rows of w_q, w_k, w_v and columns of w_o in another order of heads: the sum over heads does not care. */
static void move_heads(heed_param p, int64_t rows, int64_t columns, bool by_column, const int *order) {
    double *from = malloc((size_t)(rows * columns) * sizeof *from), *to = malloc((size_t)(rows * columns) * sizeof *to);
    cr_assert(heed_param_get(p, from, rows * columns) == HEED_OK);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++) {
            int64_t at = by_column ? c : r, moved = order[at / DK] * DK + at % DK;
            to[r * columns + c] = by_column ? from[r * columns + moved] : from[moved * columns + c];
        }
    cr_assert(heed_param_set(p, to, rows * columns) == HEED_OK);
    free(from);
    free(to);
}

Test(layers_attention, the_order_of_heads_does_not_matter) {
    bench b = new_bench();
    double before[B * T * D];
    memcpy(before, values_of(b.t, attend(&b, b.x, b.memory, (heed_attend){.causal = false})), sizeof before);
    heed_param weights[] = {b.attn.w_q, b.attn.w_k, b.attn.w_v}, biases[] = {b.attn.b_q, b.attn.b_k, b.attn.b_v};
    for (int i = 0; i < 3; i++) {
        move_heads(weights[i], D, D, false, (int[]){2, 0, 1});
        move_heads(biases[i], D, 1, false, (int[]){2, 0, 1});
    }
    heed_tensor wrong = attend(&b, b.x, b.memory, (heed_attend){.causal = false});
    cr_expect_arr_neq(values_of(b.t, wrong), before, sizeof before, "w_o has not moved yet");
    move_heads(b.attn.w_o, D, D, true, (int[]){2, 0, 1});
    expect_near(values_of(b.t, attend(&b, b.x, b.memory, (heed_attend){.causal = false})), before, B * T * D, 1e-13,
                "output");
    free_bench(&b);
}

Test(layers_attention, padding_changes_nothing_for_the_others) {
    bench b = new_bench();
    bool padding[B][S] = {{false, false, false, true, true}, {false, false, false, true, true}};
    double *memory = malloc(sizeof(double[B * S * D]));
    memcpy(memory, values_of(b.t, b.memory), sizeof(double[B * S * D]));
    for (int i = 0; i < B * S * D; i++)
        if (padding[0][i / D % S])
            memory[i] = NAN;
    heed_attend how = {.key_padding = heed_input(b.t, HEED_BOOL, HEED_SHAPE(B, S), padding)};
    heed_tensor alone = attend(&b, b.x, heed_slice(b.t, b.memory, 1, 0, 3), (heed_attend){.causal = false});
    heed_tensor padded = attend(&b, b.x, heed_input(b.t, HEED_F64, HEED_SHAPE(B, S, D), memory), how);
    expect_near(values_of(b.t, padded), values_of(b.t, alone), B * T * D, 1e-14, "output");
    free(memory);
    free_bench(&b);
}

Test(layers_attention, padding_joins_either_kind_of_mask) {
    bench b = new_bench();
    const bool padding[B][S] = {{false, false, true, true, false}, {true, false, false, false, false}};
    bool look[B][1][T][S];
    double added[B][1][T][S];
    for (int i = 0; i < B; i++)
        for (int q = 0; q < T; q++)
            for (int k = 0; k < S; k++) {
                look[i][0][q][k] = (q + k) % 3 != 0 && !padding[i][k];
                added[i][0][q][k] = look[i][0][q][k] ? 0 : -INFINITY;
            }
    heed_attend whole = {.mask = heed_input(b.t, HEED_BOOL, HEED_SHAPE(B, 1, T, S), look)};
    for (int i = 0; i < B; i++)
        for (int q = 0; q < T; q++)
            for (int k = 0; k < S; k++) {
                look[i][0][q][k] = (q + k) % 3 != 0;
                added[i][0][q][k] = look[i][0][q][k] ? 0 : -INFINITY;
            }
    heed_tensor pad = heed_input(b.t, HEED_BOOL, HEED_SHAPE(B, S), padding);
    heed_attend boolean = {.key_padding = pad, .mask = heed_input(b.t, HEED_BOOL, HEED_SHAPE(T, S), look[0])};
    heed_attend additive = {.key_padding = pad, .mask = heed_input(b.t, HEED_F64, HEED_SHAPE(T, S), added[0])};
    heed_tensor want = attend(&b, b.x, b.memory, whole);
    expect_same_bits(b.t, attend(&b, b.x, b.memory, boolean), want, "boolean");
    expect_near(values_of(b.t, attend(&b, b.x, b.memory, additive)), values_of(b.t, want), B * T * D, 1e-14,
                "additive");
    free_bench(&b);
}

/* [promises: the future] */
Test(layers_attention, the_future_leaves_the_past_alone) {
    bench b = new_bench();
    double *changed = malloc(sizeof(double[B * T * D]));
    memcpy(changed, values_of(b.t, b.x), sizeof(double[B * T * D]));
    for (int i = 0; i < B * T * D; i++)
        if (i / D % T >= 4)
            changed[i] = i % 2 ? 1e6 : NAN;
    heed_tensor other = heed_input(b.t, HEED_F64, HEED_SHAPE(B, T, D), changed);
    heed_tensor before = attend(&b, b.x, b.x, (heed_attend){.causal = true}),
                after = attend(&b, other, other, (heed_attend){.causal = true});
    expect_same_bits(b.t, heed_slice(b.t, after, 1, 0, 4), heed_slice(b.t, before, 1, 0, 4), "the first four tokens");
    free(changed);
    free_bench(&b);
}

/* Without the heads that are on, only the bias of w_o is left; and heads add up. */
Test(layers_attention, a_head_switched_off_is_silent) {
    bench b = new_bench();
    heed_attend how = {.causal = true};
    const double *bias = heed_param_data(b.attn.b_o);
    double sum[B * T * D] = {0}, all[B * T * D];
    memcpy(all, values_of(b.t, attend(&b, b.x, b.x, how)), sizeof all);
    for (int h = 0; h < H; h++) {
        double on[H] = {0};
        on[h] = 1;
        cr_assert(heed_param_set(b.attn.head_on, on, H) == HEED_OK);
        const double *y = values_of(b.t, attend(&b, b.x, b.x, how));
        for (int i = 0; i < B * T * D; i++)
            sum[i] += y[i] - bias[i % D];
    }
    for (int i = 0; i < B * T * D; i++)
        sum[i] += bias[i % D];
    expect_near(sum, all, B * T * D, 1e-13, "sum over heads");
    cr_assert(heed_param_set(b.attn.head_on, (double[H]){0}, H) == HEED_OK);
    const double *silent = values_of(b.t, attend(&b, b.x, b.x, how));
    for (int i = 0; i < B * T * D; i++)
        cr_assert_eq(silent[i], bias[i % D]);
    free_bench(&b);
}

/* ---- the transformer ---- */

static const heed_transformer_options small = {
    .d_model = 12, .d_ff = 20, .n_heads = 3, .n_layers = 2, .dropout = 0.1, .activation = HEED_GELU};

typedef struct machine {
    heed_model *model;
    heed_encoder encoder;
    heed_decoder decoder;
    heed_grads *grads;
} machine;

static machine *new_machine(heed_transformer_options options) {
    machine *m = calloc(1, sizeof *m);
    m->model = heed_model_new();
    heed_encoder_init(&m->encoder, heed_model_root(m->model), "encoder", options);
    heed_decoder_init(&m->decoder, heed_model_root(m->model), "decoder", options);
    built(m->model);
    m->grads = heed_grads_new(m->model);
    return m;
}

static void free_machine(machine *m) {
    heed_grads_free(m->grads);
    heed_model_free(m->model);
    free(m);
}

/* The same data at every call; the loss's bits, and the gradients in m->grads. */
static double pass(machine *m, heed_tape *t) {
    const bool padding[B][S] = {{false, false, false, false, true}, {false, false, false, false, false}};
    double *x = normals(B * S * D, 20), *y = normals(B * T * D, 21);
    heed_attend over = {.key_padding = heed_input(t, HEED_BOOL, HEED_SHAPE(B, S), padding)};
    heed_tensor memory = heed_encoder_forward(&m->encoder, t, heed_input(t, HEED_F64, HEED_SHAPE(B, S, D), x), over);
    heed_tensor in = heed_input(t, HEED_F64, HEED_SHAPE(B, T, D), y);
    heed_tensor out = heed_decoder_forward(&m->decoder, t, in, memory, (heed_attend){.causal = true}, over);
    heed_tensor loss = heed_mse(t, out, heed_flip(t, in, 1));
    cr_assert(heed_backward(t, loss, m->grads) == HEED_OK, "%s", heed_error_text(t));
    free(x);
    free(y);
    return heed_item(t, loss);
}

/* A watcher does what it may: reads the value and keeps its gradient. */
static void look_closely(void *user, heed_tape *t, const char *path, heed_tensor x) {
    ++*(int *)user;
    cr_assert(isfinite(values_of(t, heed_keep_grad(t, x))[0]), "%s", path);
}

/* Dropout is on. 2 layers: x, q, k, v, attn_scores, pattern, z and attn_out or its like for each attention, pre, post, mlp_out. */
Test(layers_attention, watching_changes_no_bit) {
    machine *plain = new_machine(small), *watched = new_machine(small);
    heed_tape *t = heed_tape_new(), *seen_by = heed_tape_new();
    int calls = 0;
    cr_assert(heed_tape_on_watch(seen_by, "*", look_closely, &calls) == HEED_OK);
    double a = pass(plain, t), b = pass(watched, seen_by);
    cr_expect(memcmp(&a, &b, sizeof a) == 0, "loss %.17g, watched %.17g", a, b);
    size_t bytes = (size_t)heed_model_size(plain->model) * sizeof(double);
    cr_expect_arr_eq(heed_grads_data(plain->grads), heed_grads_data(watched->grads), bytes, "gradients differ");
    cr_expect_eq(calls, 2 * (8 + 3) + 2 * (16 + 3));
    heed_tape_free(t);
    heed_tape_free(seen_by);
    free_machine(plain);
    free_machine(watched);
}

Test(layers_attention, the_number_of_threads_changes_no_bit) {
    const int threads[] = {1, 2, 3, 7};
    machine *m = new_machine(small), *one = new_machine(small);
    size_t bytes = (size_t)heed_model_size(m->model) * sizeof(double);
    double first = 0;
    for (int i = 0; i < 4; i++) {
        heed_tape *t = heed_tape_new();
        heed_tape_set_threads(t, threads[i]);
        machine *now = i == 0 ? one : m;
        heed_grads_clear(now->grads);
        double loss = pass(now, t);
        first = i == 0 ? loss : first;
        cr_expect(memcmp(&loss, &first, sizeof loss) == 0, "%d threads", threads[i]);
        cr_expect_arr_eq(heed_grads_data(now->grads), heed_grads_data(one->grads), bytes, "gradients with %d threads",
                         threads[i]);
        heed_tape_free(t);
    }
    free_machine(m);
    free_machine(one);
}

/* no_bias leaves out what adds nothing when it is zero. */
Test(layers_attention, no_bias_is_biases_of_zero) {
    heed_transformer_options options = small;
    options.dropout = 0;
    machine *with = new_machine(options);
    options.no_bias = true;
    machine *without = new_machine(options);
    for (int i = 0; i < heed_model_params(without->model); i++) {
        heed_param_info info = heed_model_param(without->model, i);
        cr_expect(strstr(info.path, "bias") == NULL && strstr(info.path, "b_") == NULL &&
                      strstr(info.path, "shift") == NULL,
                  "%s", info.path);
        heed_param same = heed_model_find(with->model, info.path);
        cr_assert(heed_param_set(same, heed_param_data(heed_model_find(without->model, info.path)), info.count) ==
                  HEED_OK);
    }
    for (int i = 0; i < heed_model_params(with->model); i++) {
        heed_param_info info = heed_model_param(with->model, i);
        double *zeros = calloc((size_t)info.count, sizeof *zeros);
        if (strstr(info.path, ".bias")) /* the other biases and shifts are zero at the start */
            cr_assert(heed_param_set(heed_model_find(with->model, info.path), zeros, info.count) == HEED_OK);
        free(zeros);
    }
    heed_tape *t = heed_tape_new();
    double a = pass(with, t), b = pass(without, t);
    cr_expect(fabs(a - b) <= 1e-13 * a, "%.17g, %.17g", a, b);
    heed_tape_free(t);
    free_machine(with);
    free_machine(without);
}

static const char *const paths_of_a_layer[] = {
    "encoder.0.norm_attn.gain", "encoder.0.norm_attn.shift", "encoder.0.attn.w_q",     "encoder.0.attn.w_k",
    "encoder.0.attn.w_v",       "encoder.0.attn.b_q",        "encoder.0.attn.b_k",     "encoder.0.attn.b_v",
    "encoder.0.attn.w_o",       "encoder.0.attn.b_o",        "encoder.0.attn.head_on", "encoder.0.norm_mlp.gain",
    "encoder.0.norm_mlp.shift", "encoder.0.mlp.up.weight",   "encoder.0.mlp.up.bias",  "encoder.0.mlp.down.weight",
    "encoder.0.mlp.down.bias",  "encoder.1.norm_attn.gain"};

Test(layers_attention, parameters_have_the_textbooks_names) {
    machine *m = new_machine(small);
    for (int i = 0; i < (int)(sizeof paths_of_a_layer / sizeof *paths_of_a_layer); i++)
        cr_expect_str_eq(heed_model_param(m->model, i).path, paths_of_a_layer[i]);
    cr_expect_not_null(heed_model_find(m->model, "encoder.norm.gain").model);
    cr_expect_not_null(heed_model_find(m->model, "decoder.1.cross_attn.w_q").model);
    free_machine(m);
}

Test(layers_attention, w_q_w_k_w_v_lie_one_below_the_other) {
    bench b = new_bench();
    double *whole = heed_param_data(b.attn.w_qkv);
    cr_expect_eq((void *)whole, heed_param_data(b.attn.w_q));
    cr_expect_eq((void *)(whole + D * D), heed_param_data(b.attn.w_k));
    cr_expect_eq((void *)(whole + D * D), heed_param_data(b.attn.w_kv));
    cr_expect_eq((void *)(whole + 2 * D * D), heed_param_data(b.attn.w_v));
    free_bench(&b);
}
