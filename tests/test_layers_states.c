/* The laws of attention over states: what it may not see, what it may not mind, and step by step as all at once. */
#include "layers_common.h"

enum { B = 2, T = 4, S = 6, DQ = 4, DK = 5, REACH = 2 };

typedef struct bench {
    heed_model *model;
    heed_state_attention attn;
    heed_grads *grads;
    heed_tape *t;
    int64_t dk;
} bench;

static bench new_bench(heed_score_kind kind, heed_window window) {
    bool one_size = kind == HEED_SCORE_DOT || kind == HEED_SCORE_SCALED_DOT || kind == HEED_SCORE_COSINE;
    bench b = {.model = heed_model_new(), .t = heed_tape_new(), .dk = one_size ? DQ : DK};
    heed_score_options score = {.kind = kind, .d_query = DQ, .d_key = b.dk, .d_hidden = 3, .longest = S};
    heed_state_attention_init(&b.attn, heed_model_root(b.model), "attn",
                              (heed_state_attention_options){.score = score, .window = window, .reach = REACH});
    built(b.model);
    b.grads = heed_grads_new(b.model);
    return b;
}

static void free_bench(bench *b) {
    heed_tape_free(b->t);
    heed_grads_free(b->grads);
    heed_model_free(b->model);
}

static heed_tensor draw(const bench *b, uint64_t key, int64_t steps, int64_t d) {
    double *values = normals(B * steps * d, key);
    heed_tensor x = heed_variable(b->t, HEED_F64, HEED_SHAPE(B, steps, d), values);
    free(values);
    return x;
}

static heed_tensor look_back(const bench *b, heed_tensor h, heed_tensor states, heed_tensor padding,
                             heed_tensor *weights) {
    return heed_state_attention_forward(&b->attn, b->t, h, heed_state_attention_memory(&b->attn, b->t, states, padding),
                                        0, weights);
}

/* Every score with every window. */
static void for_all(void (*law)(heed_score_kind, heed_window)) {
    for (int kind = 0; kind < HEED_SCORES; kind++)
        for (int window = 0; window < HEED_WINDOWS; window++)
            law((heed_score_kind)kind, (heed_window)window);
}

/* ---- padding ---- */

/* Padding that is NaN gives the bits of no padding there at all: in outputs, and in the gradients of parameters and of all else. */
static void hidden_padding(heed_score_kind kind, heed_window window) {
    bench whole = new_bench(kind, window), cut = new_bench(kind, window);
    bool padding[B][S] = {{false}};
    double *values = normals(B * S * whole.dk, 2);
    for (int b = 0; b < B; b++)
        for (int s = 4; s < S; s++) {
            padding[b][s] = true;
            for (int j = 0; j < whole.dk; j++)
                values[(b * S + s) * whole.dk + j] = j % 2 ? INFINITY : NAN;
        }
    heed_tensor states = heed_variable(whole.t, HEED_F64, HEED_SHAPE(B, S, whole.dk), values), weights;
    heed_tensor y = look_back(&whole, draw(&whole, 1, T, DQ), states,
                              heed_input(whole.t, HEED_BOOL, HEED_SHAPE(B, S), padding), &weights);
    double *few = malloc(sizeof(double) * (size_t)(B * 4 * whole.dk));
    for (int b = 0; b < B; b++)
        memcpy(few + b * 4 * whole.dk, values + b * S * whole.dk, sizeof(double) * (size_t)(4 * whole.dk));
    heed_tensor alone = heed_variable(cut.t, HEED_F64, HEED_SHAPE(B, 4, cut.dk), few);
    heed_tensor want = look_back(&cut, draw(&cut, 1, T, DQ), alone, HEED_NIL, NULL);
    expect_near(values_of(whole.t, y), values_of(cut.t, want), heed_count(cut.t, want), 1e-14, heed_score_name(kind));
    for (int i = 0; i < B * T * S; i++)
        cr_assert(i % S < 4 || values_of(whole.t, weights)[i] == 0);
    cr_assert(heed_backward(whole.t, heed_sum(whole.t, heed_square(whole.t, y), HEED_ALL_AXES), whole.grads) ==
              HEED_OK);
    cr_assert(heed_backward(cut.t, heed_sum(cut.t, heed_square(cut.t, want), HEED_ALL_AXES), cut.grads) == HEED_OK);
    expect_near(heed_grads_data(whole.grads), heed_grads_data(cut.grads), heed_model_size(cut.model), 1e-12,
                heed_score_name(kind));
    const double *d = values_of(whole.t, heed_grad(whole.t, states));
    for (int i = 0; i < B * S * whole.dk; i++)
        cr_assert(i / whole.dk % S < 4 || d[i] == 0, "%s: gradient of padding %g", heed_score_name(kind), d[i]);
    free(few);
    free(values);
    free_bench(&whole);
    free_bench(&cut);
}

Test(layers_states, padding_adds_nothing_be_it_nan) {
    for_all(hidden_padding);
}

static void only_padding(heed_score_kind kind, heed_window window) {
    bench b = new_bench(kind, window);
    const bool padding[B][S] = {{false}, {true, true, true, true, true, true}};
    heed_tensor h = draw(&b, 1, T, DQ), states = draw(&b, 2, S, b.dk), weights;
    heed_tensor y = look_back(&b, h, states, heed_input(b.t, HEED_BOOL, HEED_SHAPE(B, S), padding), &weights);
    for (int i = 0; i < T * (DQ + b.dk); i++)
        cr_assert(i % (DQ + b.dk) >= b.dk || values_of(b.t, y)[T * (DQ + b.dk) + i] == 0, "%s", heed_score_name(kind));
    for (int i = 0; i < T * S; i++)
        cr_assert_eq(values_of(b.t, weights)[T * S + i], 0);
    cr_assert(heed_backward(b.t, heed_sum(b.t, heed_square(b.t, y), HEED_ALL_AXES), b.grads) == HEED_OK);
    for (int i = 0; i < S * b.dk; i++)
        cr_assert_eq(values_of(b.t, heed_grad(b.t, states))[S * b.dk + i], 0);
    const double *d = heed_grads_data(b.grads);
    for (int64_t i = 0; i < heed_model_size(b.model); i++)
        cr_assert(isfinite(d[i]));
    free_bench(&b);
}

Test(layers_states, a_row_of_only_padding_gives_zeros) {
    for_all(only_padding);
}

/* ---- order ---- */

/* Where a state stands in the source is nothing to a score of contents: the weights move with the states, z stays. A score of
 * places, or a window, is another matter. */
static void another_order(heed_score_kind kind, heed_window window) {
    const int order[S] = {3, 0, 5, 1, 4, 2};
    bench b = new_bench(kind, window);
    heed_tensor h = draw(&b, 1, T, DQ), states = draw(&b, 2, S, b.dk), a, moved_a;
    heed_tensor moved = heed_index_select(b.t, states, heed_input(b.t, HEED_I32, HEED_SHAPE(S), order), 1);
    heed_tensor y = look_back(&b, h, states, HEED_NIL, &a), moved_y = look_back(&b, h, moved, HEED_NIL, &moved_a);
    double largest = 0;
    for (int64_t i = 0; i < heed_count(b.t, y); i++)
        largest = fmax(largest, fabs(values_of(b.t, y)[i] - values_of(b.t, moved_y)[i]));
    bool content = kind != HEED_SCORE_LOCATION && window == HEED_WINDOW_GLOBAL;
    cr_expect(content ? largest <= 1e-14 : largest > 1e-3, "%s, %s: %g", heed_score_name(kind),
              heed_window_name(window), largest);
    for (int i = 0; i < B * T * S && content; i++)
        cr_assert(fabs(values_of(b.t, moved_a)[i] - values_of(b.t, a)[i / S * S + order[i % S]]) <= 1e-15);
    free_bench(&b);
}

Test(layers_states, content_knows_no_order) {
    for_all(another_order);
}

/* ---- step by step ---- */

static void in_steps(heed_score_kind kind, heed_window window) {
    bench b = new_bench(kind, window);
    const bool padding[B][S] = {{false, false, false, false, true, true}, {false}};
    heed_tensor h = draw(&b, 1, T, DQ), states = draw(&b, 2, S, b.dk),
                pad = heed_input(b.t, HEED_BOOL, HEED_SHAPE(B, S), padding);
    heed_state_memory memory = heed_state_attention_memory(&b.attn, b.t, states, pad);
    heed_tensor steps[T], some[T], weights, y = heed_state_attention_forward(&b.attn, b.t, h, memory, 0, &weights);
    for (int i = 0; i < T; i++)
        steps[i] = heed_state_attention_forward(&b.attn, b.t, heed_select(b.t, h, 1, i), memory, i, &some[i]);
    expect_shape(b.t, steps[0], HEED_SHAPE(B, b.dk + DQ), "a step");
    expect_shape(b.t, some[0], HEED_SHAPE(B, S), "weights of a step");
    expect_near(values_of(b.t, heed_stack(b.t, steps, T, 1)), values_of(b.t, y), B * T * (b.dk + DQ), 1e-14,
                heed_score_name(kind));
    expect_near(values_of(b.t, heed_stack(b.t, some, T, 1)), values_of(b.t, weights), B * T * S, 1e-15,
                heed_score_name(kind));
    heed_tensor two = heed_state_attention_forward(&b.attn, b.t, heed_slice(b.t, h, 1, 2, T), memory, 2, NULL);
    expect_near(values_of(b.t, two), values_of(b.t, heed_slice(b.t, y, 1, 2, T)), B * 2 * (b.dk + DQ), 1e-14,
                "from step 2 on");
    free_bench(&b);
}

Test(layers_states, a_step_is_its_part_of_the_whole) {
    for_all(in_steps);
}

static void chosen_rows(heed_score_kind kind, heed_window window) {
    bench b = new_bench(kind, window);
    const bool padding[B][S] = {{false, false, false, false, true, true}, {false}};
    const int32_t rows[] = {1, 0, 1};
    heed_tensor pick = heed_input(b.t, HEED_I32, HEED_SHAPE(3), rows), h = draw(&b, 1, T, DQ),
                states = draw(&b, 2, S, b.dk);
    heed_tensor pad = heed_input(b.t, HEED_BOOL, HEED_SHAPE(B, S), padding);
    heed_state_memory memory =
        heed_state_memory_rows(b.t, heed_state_attention_memory(&b.attn, b.t, states, pad), pick);
    heed_tensor y = heed_state_attention_forward(&b.attn, b.t, heed_index_select(b.t, h, pick, 0), memory, 0, NULL);
    heed_tensor want = heed_index_select(b.t, look_back(&b, h, states, pad, NULL), pick, 0);
    expect_near(values_of(b.t, y), values_of(b.t, want), 3 * T * (b.dk + DQ), 1e-14, heed_score_name(kind));
    free_bench(&b);
}

Test(layers_states, rows_of_a_memory_are_those_rows) {
    for_all(chosen_rows);
}

/* ---- windows ---- */

/* Beyond its window a query sees nothing: another state there changes no bit. Past the source's end it sees zeros. */
Test(layers_states, a_monotonic_window_ends_where_it_says) {
    bench b = new_bench(HEED_SCORE_ADDITIVE, HEED_WINDOW_MONOTONIC);
    heed_tensor h = draw(&b, 1, 1, DQ), states = draw(&b, 2, S, b.dk), weights;
    heed_state_memory memory = heed_state_attention_memory(&b.attn, b.t, states, HEED_NIL);
    for (int step = 0; step < S + 2 * REACH; step++) {
        heed_tensor y = heed_state_attention_forward(&b.attn, b.t, h, memory, step, &weights);
        for (int i = 0; i < B * S; i++)
            cr_assert_eq(values_of(b.t, weights)[i] > 0, abs(i % S - step) <= REACH, "step %d, place %d", step, i % S);
        cr_assert(step < S + REACH || values_of(b.t, y)[0] == 0);
    }
    free_bench(&b);
}

/* Far out of the window the predictive one is zero, and inside below the plain weights by its bell. */
Test(layers_states, a_predictive_window_is_around_its_prediction) {
    bench b = new_bench(HEED_SCORE_DOT, HEED_WINDOW_PREDICTIVE);
    const double ones[DQ] = {50, 50, 50, 50};
    cr_assert(heed_param_set(b.attn.v_p, ones, DQ) == HEED_OK); /* p_t is near 0 or near S */
    heed_tensor h = draw(&b, 1, T, DQ), weights;
    look_back(&b, h, draw(&b, 2, S, b.dk), HEED_NIL, &weights);
    for (int i = 0; i < B * T; i++) {
        const double *a = values_of(b.t, weights) + i * S;
        bool low = a[0] > 0, high = a[S - 1] > 0;
        cr_assert(low != high, "row %d", i);
        for (int s = 0; s < S; s++)
            cr_assert_eq(a[s] > 0, low ? s <= REACH : s >= S - REACH, "row %d, place %d: %g", i, s, a[s]);
    }
    free_bench(&b);
}

/* ---- watching ---- */

typedef struct seen {
    int scores, patterns, contexts, predictions;
} seen;

static void look(void *user, heed_tape *t, const char *path, heed_tensor x) {
    seen *s = user;
    const char *name = strrchr(path, '.') + 1;
    s->scores += strcmp(name, "attn_scores") == 0 && heed_shape_equal(heed_shape_of(t, x), HEED_SHAPE(B, T, S));
    s->patterns += strcmp(name, "pattern") == 0 && heed_shape_equal(heed_shape_of(t, x), HEED_SHAPE(B, T, S));
    s->contexts += strcmp(name, "z") == 0 && heed_size(t, x, 1) == T;
    s->predictions += strcmp(name, "p") == 0 && heed_shape_equal(heed_shape_of(t, x), HEED_SHAPE(B, T, 1));
}

static void watched(heed_score_kind kind, heed_window window) {
    bench plain = new_bench(kind, window), open = new_bench(kind, window);
    seen s = {0};
    cr_assert(heed_tape_on_watch(open.t, "attn.*", look, &s) == HEED_OK);
    heed_tensor a = look_back(&plain, draw(&plain, 1, T, DQ), draw(&plain, 2, S, plain.dk), HEED_NIL, NULL);
    heed_tensor b = look_back(&open, draw(&open, 1, T, DQ), draw(&open, 2, S, open.dk), HEED_NIL, NULL);
    cr_assert(memcmp(values_of(plain.t, a), values_of(open.t, b), (size_t)heed_count(plain.t, a) * sizeof(double)) ==
              0);
    cr_expect(s.scores == 1 && s.patterns == 1 && s.contexts == 1 &&
                  s.predictions == (window == HEED_WINDOW_PREDICTIVE),
              "%s, %s: %d %d %d %d", heed_score_name(kind), heed_window_name(window), s.scores, s.patterns, s.contexts,
              s.predictions);
    free_bench(&plain);
    free_bench(&open);
}

Test(layers_states, watching_changes_no_bit) {
    for_all(watched);
}

Test(layers_states, kinds_have_names) {
    cr_expect_str_eq(heed_score_name(HEED_SCORE_SCALED_DOT), "scaled_dot");
    cr_expect_str_eq(heed_window_name(HEED_WINDOW_PREDICTIVE), "predictive");
    cr_expect_null(heed_score_name(HEED_SCORES));
    cr_expect_null(heed_window_name((heed_window)-1));
}
