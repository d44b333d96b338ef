/* Every score and every window against a naive twin written from the papers' formulas, values and gradients. The twin computes
 * with complex numbers: where an input is moved by i ε, the imaginary part of the result is ε times the derivative, and
 * nothing is subtracted, so the twin's gradients are as exact as its values (Squire and Trapp 1998). */
#include <complex.h>

#include "layers_common.h"

enum { B = 2, T = 3, S = 5, MOST = 64 };
enum { DH = 3, LONGEST = 7 }; /* under the tanh; places that location scores know */

enum { H, STATES, W, W_Q, W_K, V, LOG_TEMPERATURE, W_P, V_P, LEAVES };
static const char *const leaf_name[LEAVES] = {"h",
                                              "states",
                                              "attn.score.w",
                                              "attn.score.w_q",
                                              "attn.score.w_k",
                                              "attn.score.v",
                                              "attn.score.log_temperature",
                                              "attn.w_p",
                                              "attn.v_p"};

typedef double complex number;
typedef struct twin {
    heed_state_attention_options o;
    int dq, dk;
    number leaf[LEAVES][MOST];
    int count[LEAVES];
    bool padding[B][S];
} twin;

/* sum over j of a_j b_j */
static number dot(const number *a, const number *b, int n) {
    number sum = 0;
    for (int j = 0; j < n; j++)
        sum += a[j] * b[j];
    return sum;
}

/* v · tanh(W_q q + W_k k); concat's W is read as its two halves. */
static number under_tanh(const twin *w, const number *q, const number *k) {
    number sum = 0;
    for (int i = 0; i < DH; i++) {
        bool concat = w->o.score.kind == HEED_SCORE_CONCAT;
        const number *row_q = concat ? &w->leaf[W][i * (w->dq + w->dk)] : &w->leaf[W_Q][i * w->dq];
        const number *row_k = concat ? row_q + w->dq : &w->leaf[W_K][i * w->dk];
        sum += w->leaf[V][i] * ctanh(dot(row_q, q, w->dq) + dot(row_k, k, w->dk));
    }
    return sum;
}

static number score(const twin *w, const number *q, const number *k, int s) {
    number sum = 0;
    switch (w->o.score.kind) {
    case HEED_SCORE_DOT:
        return dot(q, k, w->dq);
    case HEED_SCORE_SCALED_DOT:
        return dot(q, k, w->dq) / sqrt(w->dq);
    case HEED_SCORE_GENERAL:
        for (int i = 0; i < w->dq; i++)
            sum += q[i] * dot(&w->leaf[W][i * w->dk], k, w->dk);
        return sum;
    case HEED_SCORE_LOCATION:
        return dot(&w->leaf[W][s * w->dq], q, w->dq);
    case HEED_SCORE_COSINE:
        return dot(q, k, w->dq) /
               (csqrt(dot(q, q, w->dq)) * csqrt(dot(k, k, w->dk)) * cexp(w->leaf[LOG_TEMPERATURE][0]));
    default:
        return under_tanh(w, q, k);
    }
}

/* p_t of equation 9 */
static number prediction(const twin *w, const number *q, int length) {
    number sum = 0;
    for (int i = 0; i < w->dq; i++)
        sum += w->leaf[V_P][i] * ctanh(dot(&w->leaf[W_P][i * w->dq], q, w->dq));
    return length / (1 + cexp(-sum));
}

/* The weights a (S) of row b at step t. */
static void weigh(const twin *w, int b, int t, number *a) {
    const number *q = &w->leaf[H][(b * T + t) * w->dq];
    int length = 0;
    for (int s = 0; s < S; s++)
        length += !w->padding[b][s];
    double D = (double)w->o.reach, sigma = D / 2;
    number total = 0, p = w->o.window == HEED_WINDOW_PREDICTIVE ? prediction(w, q, length) : t;
    for (int s = 0; s < S; s++) {
        bool may = !w->padding[b][s] && (w->o.window == HEED_WINDOW_GLOBAL || fabs(s - creal(p)) <= D);
        total += a[s] = may ? cexp(score(w, q, &w->leaf[STATES][(b * S + s) * w->dk], s)) : 0;
    }
    for (int s = 0; s < S; s++) {
        a[s] = total == 0 ? 0 : a[s] / total;
        if (w->o.window == HEED_WINDOW_PREDICTIVE)
            a[s] *= cexp(-(s - p) * (s - p) / (2 * sigma * sigma));
    }
}

/* [z ; h], (B, T, dk + dq), and the weights (B, T, S). */
static void attend(const twin *w, number *joined, number *weights) {
    for (int i = 0; i < B * T; i++) {
        number *row = joined + i * (w->dk + w->dq), *a = weights + i * S;
        weigh(w, i / T, i % T, a);
        for (int j = 0; j < w->dk; j++) {
            row[j] = 0;
            for (int s = 0; s < S; s++)
                row[j] += a[s] * w->leaf[STATES][(i / T * S + s) * w->dk + j];
        }
        for (int j = 0; j < w->dq; j++)
            row[w->dk + j] = w->leaf[H][i * w->dq + j];
    }
}

enum { JOINED = B * T * 16, WEIGHTS = B * T * S };
/* What the loss weighs its outputs with. */
static double seed_of(int i) {
    return heed_rng_normal(99, (uint64_t)i);
}

static number loss_of(const twin *w) {
    number joined[JOINED], weights[WEIGHTS], sum = 0;
    attend(w, joined, weights);
    for (int i = 0; i < B * T * (w->dk + w->dq); i++)
        sum += seed_of(i) * joined[i];
    for (int i = 0; i < WEIGHTS; i++)
        sum += seed_of(1000 + i) * weights[i];
    return sum;
}

/* ---- ours ---- */

typedef struct bench {
    twin w;
    heed_model *model;
    heed_state_attention attn;
    heed_grads *grads;
    heed_tape *t;
    heed_tensor h, states, joined, weights, loss;
} bench;

static void take_leaf(twin *w, int leaf, const double *values, int64_t count) {
    cr_assert(count <= MOST);
    w->count[leaf] = (int)count;
    for (int i = 0; i < count; i++)
        w->leaf[leaf][i] = values[i];
}

static void take_parameters(bench *b) {
    for (int i = 0; i < heed_model_params(b->model); i++) {
        heed_param_info info = heed_model_param(b->model, i);
        int leaf = W;
        while (leaf < LEAVES && strcmp(leaf_name[leaf], info.path) != 0)
            leaf++;
        cr_assert(leaf < LEAVES, "%s is not known", info.path);
        double *values = normals(info.count, (uint64_t)leaf);
        heed_param p = heed_model_find(b->model, info.path);
        if (leaf == LOG_TEMPERATURE)
            values[0] = log(0.4);
        cr_assert(heed_param_set(p, values, info.count) == HEED_OK);
        take_leaf(&b->w, leaf, values, info.count);
        free(values);
    }
}

static heed_tensor weighed(heed_tape *t, heed_tensor x, int first) {
    int64_t n = heed_count(t, x);
    double *seeds = malloc((size_t)n * sizeof *seeds);
    for (int64_t i = 0; i < n; i++)
        seeds[i] = seed_of(first + (int)i);
    heed_tensor product = heed_mul(t, x, heed_input(t, HEED_F64, heed_shape_of(t, x), seeds));
    free(seeds);
    return heed_sum(t, product, HEED_ALL_AXES);
}

static bench *new_bench(heed_score_kind kind, heed_window window, bool padded, int dq, int dk) {
    bench *b = calloc(1, sizeof *b);
    b->w = (twin){.o = {.score = {.kind = kind, .d_query = dq, .d_key = dk, .d_hidden = DH, .longest = LONGEST},
                        .window = window,
                        .reach = window == HEED_WINDOW_GLOBAL ? 0 : 2},
                  .dq = dq,
                  .dk = dk};
    const bool some[B][S] = {{false, false, false, false, true}, {false, false, true, true, true}};
    if (padded)
        memcpy(b->w.padding, some, sizeof some);
    b->model = heed_model_new();
    heed_state_attention_init(&b->attn, heed_model_root(b->model), "attn", b->w.o);
    built(b->model);
    take_parameters(b);
    b->grads = heed_grads_new(b->model);
    b->t = heed_tape_new();
    double *h = normals(B * T * dq, 50), *states = normals(B * S * dk, 51);
    take_leaf(&b->w, H, h, B * T * dq);
    take_leaf(&b->w, STATES, states, B * S * dk);
    b->h = heed_variable(b->t, HEED_F64, HEED_SHAPE(B, T, dq), h);
    b->states = heed_variable(b->t, HEED_F64, HEED_SHAPE(B, S, dk), states);
    heed_tensor padding = padded ? heed_input(b->t, HEED_BOOL, HEED_SHAPE(B, S), b->w.padding) : HEED_NIL;
    heed_state_memory memory = heed_state_attention_memory(&b->attn, b->t, b->states, padding);
    b->joined = heed_state_attention_forward(&b->attn, b->t, b->h, memory, 0, &b->weights);
    b->loss = heed_add(b->t, weighed(b->t, b->joined, 0), weighed(b->t, b->weights, 1000));
    free(h);
    free(states);
    return b;
}

static void free_bench(bench *b) {
    heed_tape_free(b->t);
    heed_grads_free(b->grads);
    heed_model_free(b->model);
    free(b);
}

/* ---- one against the other ---- */

static void compare_values(const bench *b, const char *what) {
    number joined[JOINED], weights[WEIGHTS];
    attend(&b->w, joined, weights);
    const double *got = values_of(b->t, b->joined), *a = values_of(b->t, b->weights);
    for (int i = 0; i < B * T * (b->w.dk + b->w.dq); i++)
        cr_assert(fabs(got[i] - creal(joined[i])) <= 1e-13, "%s: output %d is %.17g, not %.17g", what, i, got[i],
                  creal(joined[i]));
    for (int i = 0; i < WEIGHTS; i++)
        cr_assert(fabs(a[i] - creal(weights[i])) <= 1e-14, "%s: weight %d is %.17g, not %.17g", what, i, a[i],
                  creal(weights[i]));
}

/* How many of the leaf's derivatives are not zero. */
static int compare_gradient(bench *b, int leaf, const char *what) {
    const double epsilon = 1e-40;
    heed_param p = heed_model_find(b->model, leaf_name[leaf]);
    const double *got = leaf == H        ? values_of(b->t, heed_grad(b->t, b->h))
                        : leaf == STATES ? values_of(b->t, heed_grad(b->t, b->states))
                                         : heed_grads_of(b->grads, p);
    int moved = 0;
    for (int i = 0; i < b->w.count[leaf]; i++) {
        number kept = b->w.leaf[leaf][i];
        b->w.leaf[leaf][i] = kept + I * epsilon;
        double want = cimag(loss_of(&b->w)) / epsilon;
        b->w.leaf[leaf][i] = kept;
        cr_assert(fabs(got[i] - want) <= 1e-12 * fmax(1, fabs(want)), "%s: d/d %s[%d] is %.17g, not %.17g", what,
                  leaf_name[leaf], i, got[i], want);
        moved += want != 0;
    }
    return moved;
}

static void compare(heed_score_kind kind, heed_window window, bool padded, int dq, int dk) {
    char what[96];
    snprintf(what, sizeof what, "%s, %s%s, %d and %d", heed_score_name(kind), heed_window_name(window),
             padded ? ", padded" : "", dq, dk);
    bench *b = new_bench(kind, window, padded, dq, dk);
    compare_values(b, what);
    cr_assert(heed_backward(b->t, b->loss, b->grads) == HEED_OK, "%s: %s", what, heed_error_text(b->t));
    for (int leaf = 0; leaf < LEAVES; leaf++)
        cr_expect(b->w.count[leaf] == 0 || compare_gradient(b, leaf, what) > 0, "%s: nothing depends on %s", what,
                  leaf_name[leaf]);
    free_bench(b);
}

/* All windows, with and without padding. */
static void compare_all(heed_score_kind kind, int dq, int dk) {
    for (int i = 0; i < 2 * HEED_WINDOWS; i++)
        compare(kind, (heed_window)(i / 2), i % 2, dq, dk);
}

Test(layers_scores, dot_is_luongs_formula) {
    compare_all(HEED_SCORE_DOT, 4, 4);
}
Test(layers_scores, scaled_dot_is_vaswanis_formula) {
    compare_all(HEED_SCORE_SCALED_DOT, 4, 4);
}
Test(layers_scores, cosine_is_its_formula) {
    compare_all(HEED_SCORE_COSINE, 4, 4);
}
Test(layers_scores, general_is_luongs_formula) {
    compare_all(HEED_SCORE_GENERAL, 4, 4);
    compare_all(HEED_SCORE_GENERAL, 3, 6);
}
Test(layers_scores, additive_is_bahdanaus_formula) {
    compare_all(HEED_SCORE_ADDITIVE, 4, 4);
    compare_all(HEED_SCORE_ADDITIVE, 6, 3);
}
Test(layers_scores, concat_is_luongs_formula) {
    compare_all(HEED_SCORE_CONCAT, 4, 4);
    compare_all(HEED_SCORE_CONCAT, 2, 5);
}
Test(layers_scores, location_is_luongs_formula) {
    compare_all(HEED_SCORE_LOCATION, 4, 4);
    compare_all(HEED_SCORE_LOCATION, 5, 2);
}

/* ---- scores alone ---- */

static heed_score declared(heed_model *model, const char *name, heed_score_kind kind, int64_t dq, int64_t dk) {
    heed_score score;
    heed_score_init(&score, heed_model_root(model), name,
                    (heed_score_options){.kind = kind, .d_query = dq, .d_key = dk, .longest = LONGEST});
    return score;
}

/* qᵀ (W^Qᵀ W^K) k = (W^Q q) · (W^K k): general is self-attention's score with the two matrices multiplied out. */
Test(layers_scores, generals_w_is_w_q_times_w_k) {
    heed_model *model = heed_model_new();
    heed_score general = declared(model, "general", HEED_SCORE_GENERAL, 4, 6),
               plain = declared(model, "dot", HEED_SCORE_DOT, 3, 3);
    built(model);
    heed_tape *t = heed_tape_new();
    heed_tensor w_q = heed_randn(t, HEED_F64, HEED_SHAPE(3, 4)), w_k = heed_randn(t, HEED_F64, HEED_SHAPE(3, 6));
    cr_assert(heed_param_set(general.w, values_of(t, heed_matmul_t(t, w_q, true, w_k, false)), 24) == HEED_OK);
    heed_tensor q = heed_randn(t, HEED_F64, HEED_SHAPE(B, T, 4)), k = heed_randn(t, HEED_F64, HEED_SHAPE(B, S, 6));
    heed_tensor want =
        heed_score_forward(&plain, t, heed_linear(t, q, w_q, HEED_NIL), heed_linear(t, k, w_k, HEED_NIL));
    expect_near(values_of(t, heed_score_forward(&general, t, q, k)), values_of(t, want), B * T * S, 1e-13, "scores");
    heed_tape_free(t);
    heed_model_free(model);
}

/* Cosine sees directions only; a state of zeros has none, and scores 0 with a gradient that is a number. */
Test(layers_scores, cosine_sees_no_length) {
    heed_model *model = heed_model_new();
    heed_score cosine = declared(model, "cosine", HEED_SCORE_COSINE, 4, 4);
    built(model);
    heed_tape *t = heed_tape_new();
    heed_tensor q = heed_randn(t, HEED_F64, HEED_SHAPE(B, T, 4)), k = heed_randn(t, HEED_F64, HEED_SHAPE(B, S, 4));
    heed_tensor scores = heed_score_forward(&cosine, t, q, k),
                longer = heed_score_forward(&cosine, t, heed_scale(t, q, 1e6), heed_scale(t, k, 1e-6));
    expect_near(values_of(t, longer), values_of(t, scores), B * T * S, 1e-13, "scores");
    cr_expect(fabs(values_of(t, heed_score_forward(&cosine, t, k, k))[0] - 10) < 1e-13,
              "a key with itself, at the temperature 0.1");
    double zeros[B * S * 4] = {0};
    heed_tensor none = heed_variable(t, HEED_F64, HEED_SHAPE(B, S, 4), zeros);
    heed_tensor nothing = heed_score_forward(&cosine, t, q, none);
    for (int i = 0; i < B * T * S; i++)
        cr_assert_eq(values_of(t, nothing)[i], 0);
    cr_assert(heed_backward(t, heed_sum(t, nothing, HEED_ALL_AXES), NULL) == HEED_OK);
    for (int i = 0; i < B * S * 4; i++)
        cr_assert(isfinite(values_of(t, heed_grad(t, none))[i]));
    heed_tape_free(t);
    heed_model_free(model);
}

Test(layers_scores, parameters_start_as_linear_layers) {
    heed_model *model = heed_model_new();
    heed_score general = declared(model, "general", HEED_SCORE_GENERAL, 25, 30),
               concat = declared(model, "concat", HEED_SCORE_CONCAT, 40, 60);
    built(model);
    const struct {
        heed_param p;
        int64_t count;
        double bound;
    } expected[] = {{general.w, 25 * 30, 0.2}, {concat.w, 40 * 100, 0.1}, {concat.v, 40, 1 / sqrt(40)}};
    for (int i = 0; i < 3; i++) {
        double largest = 0, *values = heed_param_data(expected[i].p);
        for (int64_t j = 0; j < expected[i].count; j++)
            largest = fmax(largest, fabs(values[j]));
        cr_expect(largest <= expected[i].bound && largest > 0.9 * expected[i].bound, "%d: %g", i, largest);
    }
    heed_model_free(model);
}
