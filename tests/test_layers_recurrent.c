/* The laws of recurrent layers: what padding may not touch, steps as the whole, both directions. */
#include "layers_common.h"

#include <stdio.h>

enum { B = 3, T = 6, I = 3, H = 4 };

typedef struct bench {
    heed_model *model;
    heed_recurrent layer;
    heed_grads *grads;
    heed_tape *t;
    heed_recurrent_options options;
} bench;

static bench new_bench(heed_recurrent_options options) {
    bench b = {.model = heed_model_new(), .t = heed_tape_new(), .options = options};
    heed_tape_set_threads(b.t, 1);
    heed_recurrent_init(&b.layer, heed_model_root(b.model), "layer", options);
    built(b.model);
    b.grads = heed_grads_new(b.model);
    return b;
}

static void free_bench(bench *b) {
    heed_tape_free(b->t);
    heed_grads_free(b->grads);
    heed_model_free(b->model);
}

static heed_state nothing(void) {
    return (heed_state){.h = HEED_NIL};
}

/* (cells, batch, H) each, as many as the kind has. */
static heed_state drawn_state(const bench *b, int64_t cells, int64_t batch, uint64_t key) {
    double *values = normals(2 * cells * batch * H, key);
    heed_shape shape = HEED_SHAPE(cells, batch, H);
    heed_state s = {.h = heed_variable(b->t, HEED_F64, shape, values)};
    if (b->options.kind == HEED_LSTM)
        s.c = heed_variable(b->t, HEED_F64, shape, values + cells * batch * H);
    free(values);
    return s;
}

static heed_tensor drawn(const bench *b, uint64_t key, int64_t batch, int64_t steps) {
    double *values = normals(batch * steps * I, key);
    heed_tensor x = heed_variable(b->t, HEED_F64, HEED_SHAPE(batch, steps, I), values);
    free(values);
    return x;
}

/* Every kind, of one and of two layers, in one direction or both. */
static void for_all(void (*law)(heed_recurrent_options options, const char *what)) {
    for (int kind = 0; kind < HEED_CELL_KINDS; kind++)
        for (int n = 1; n <= 2; n++)
            for (int both = 0; both < 2; both++) {
                char what[64];
                snprintf(what, sizeof what, "%s, %d layers%s", heed_cell_kind_name((heed_cell_kind)kind), n,
                         both ? ", both directions" : "");
                law(
                    (heed_recurrent_options){
                        .kind = (heed_cell_kind)kind, .inputs = I, .hidden = H, .n_layers = n, .bidirectional = both},
                    what);
            }
}

/* ---- padding, and rows that know nothing of each other ---- */

static const bool padding[B][T] = {
    {true, false, true, false, false, true}, {false, false, false, true, true, true}, {false}};

static heed_tensor square_loss(heed_tape *t, heed_tensor y, heed_state last) {
    heed_tensor loss =
        heed_add(t, heed_sum(t, heed_square(t, y), HEED_ALL_AXES), heed_sum(t, heed_square(t, last.h), HEED_ALL_AXES));
    return heed_is_nil(last.c) ? loss : heed_add(t, loss, heed_sum(t, heed_square(t, last.c), HEED_ALL_AXES));
}

/* Row r of the batch by itself, with the padded steps cut out: outputs and states of the batch must be its. */
static void expect_row(bench *alone, bench *batch, int r, const double *x, heed_tensor y, heed_state start,
                       heed_state last, const char *what) {
    double kept[T * I];
    int n = 0, width = H * (alone->options.bidirectional ? 2 : 1);
    for (int i = 0; i < T; i++)
        if (!padding[r][i])
            memcpy(kept + I * n++, x + (r * T + i) * I, sizeof(double) * I);
    heed_tape_reset(alone->t);
    heed_shape shape = heed_shape_of(batch->t, start.h);
    shape.n[1] = 1;
    heed_state own = nothing(), own_last;
    own.h = heed_input(alone->t, HEED_F64, shape, values_of(batch->t, heed_slice(batch->t, start.h, 1, r, r + 1)));
    if (!heed_is_nil(start.c))
        own.c = heed_input(alone->t, HEED_F64, shape, values_of(batch->t, heed_slice(batch->t, start.c, 1, r, r + 1)));
    heed_tensor in = heed_input(alone->t, HEED_F64, HEED_SHAPE(1, n, I), kept);
    heed_tensor want = heed_recurrent_forward(&alone->layer, alone->t, in, own, HEED_NIL, &own_last);
    for (int i = 0, k = 0; i < T; i++) {
        const double *got = values_of(batch->t, y) + (r * T + i) * width;
        for (int j = 0; j < width && padding[r][i]; j++)
            cr_assert_eq(got[j], 0, "%s: output at padding", what);
        if (!padding[r][i])
            expect_near(got, values_of(alone->t, want) + width * k++, width, 1e-13, what);
    }
    expect_near(values_of(batch->t, heed_slice(batch->t, last.h, 1, r, r + 1)), values_of(alone->t, own_last.h),
                heed_shape_count(shape), 1e-13, what);
    if (!heed_is_nil(own_last.c))
        expect_near(values_of(batch->t, heed_slice(batch->t, last.c, 1, r, r + 1)), values_of(alone->t, own_last.c),
                    heed_shape_count(shape), 1e-13, what);
    cr_assert(heed_backward(alone->t, square_loss(alone->t, want, own_last), alone->grads) == HEED_OK, "%s",
              heed_error_text(alone->t));
}

static void padded_rows(heed_recurrent_options options, const char *what) {
    bench batch = new_bench(options), alone = new_bench(options);
    double *x = normals(B * T * I, 3);
    for (int i = 0; i < B * T * I; i++)
        if (padding[i / I / T][i / I % T])
            x[i] = i % 2 ? NAN : INFINITY;
    heed_tensor in = heed_variable(batch.t, HEED_F64, HEED_SHAPE(B, T, I), x),
                pad = heed_input(batch.t, HEED_BOOL, HEED_SHAPE(B, T), padding);
    heed_state start = drawn_state(&batch, options.n_layers * (1 + options.bidirectional), B, 4), last;
    heed_tensor y = heed_recurrent_forward(&batch.layer, batch.t, in, start, pad, &last);
    for (int r = 0; r < B; r++)
        expect_row(&alone, &batch, r, x, y, start, last, what); /* adds to alone's gradients */
    cr_assert(heed_backward(batch.t, square_loss(batch.t, y, last), batch.grads) == HEED_OK, "%s",
              heed_error_text(batch.t));
    expect_near(heed_grads_data(batch.grads), heed_grads_data(alone.grads), heed_model_size(batch.model), 1e-11, what);
    const double *dx = values_of(batch.t, heed_grad(batch.t, in)),
                 *dh = values_of(batch.t, heed_grad(batch.t, start.h));
    for (int i = 0; i < B * T * I; i++)
        cr_assert(padding[i / I / T][i / I % T] ? dx[i] == 0 : isfinite(dx[i]) && dx[i] != 0,
                  "%s: gradient %g of x at %d", what, dx[i], i);
    for (int64_t i = 0; i < heed_count(batch.t, start.h); i++)
        cr_assert(isfinite(dh[i]));
    free(x);
    free_bench(&batch);
    free_bench(&alone);
}

Test(layers_recurrent, padding_touches_nothing_be_it_nan) { for_all(padded_rows); }

static void only_padding(heed_recurrent_options options, const char *what) {
    bench b = new_bench(options);
    double nan[T * I];
    for (int i = 0; i < T * I; i++)
        nan[i] = NAN;
    heed_state start = drawn_state(&b, options.n_layers * (1 + options.bidirectional), 1, 4), last;
    heed_tensor x = heed_input(b.t, HEED_F64, HEED_SHAPE(1, T, I), nan),
                pad = heed_ones(b.t, HEED_BOOL, HEED_SHAPE(1, T));
    heed_tensor y = heed_recurrent_forward(&b.layer, b.t, x, start, pad, &last);
    for (int64_t i = 0; i < heed_count(b.t, y); i++)
        cr_assert_eq(values_of(b.t, y)[i], 0, "%s", what);
    expect_same_bits(b.t, last.h, start.h, what);
    if (options.kind == HEED_LSTM)
        expect_same_bits(b.t, last.c, start.c, what);
    cr_assert(heed_backward(b.t, square_loss(b.t, y, last), b.grads) == HEED_OK, "%s", heed_error_text(b.t));
    const double *d = heed_grads_data(b.grads);
    for (int64_t i = 0; i < heed_model_size(b.model); i++)
        cr_assert_eq(d[i], 0, "%s", what);
    free_bench(&b);
}

Test(layers_recurrent, a_row_of_only_padding_leaves_its_state) { for_all(only_padding); }

static void no_steps(heed_recurrent_options options, const char *what) {
    bench b = new_bench(options);
    const int D = 1 + options.bidirectional;
    heed_state start = drawn_state(&b, options.n_layers * D, 2, 4), last;
    heed_tensor y =
        heed_recurrent_forward(&b.layer, b.t, heed_zeros(b.t, HEED_F64, HEED_SHAPE(2, 0, I)), start, HEED_NIL, &last);
    expect_shape(b.t, y, HEED_SHAPE(2, 0, D * H), what);
    expect_same_bits(b.t, last.h, start.h, what);
    y = heed_recurrent_forward(&b.layer, b.t, heed_zeros(b.t, HEED_F64, HEED_SHAPE(0, 3, I)), nothing(), HEED_NIL,
                               &last);
    expect_shape(b.t, y, HEED_SHAPE(0, 3, D * H), what);
    free_bench(&b);
}

Test(layers_recurrent, no_steps_or_no_rows) { for_all(no_steps); }

/* ---- steps ---- */

static void steps_are_the_whole(heed_cell_kind kind, int n_layers, int steps) {
    bench b = new_bench((heed_recurrent_options){.kind = kind, .inputs = I, .hidden = H, .n_layers = n_layers});
    heed_tensor x = drawn(&b, 1, 2, steps);
    heed_state state = drawn_state(&b, n_layers, 2, 2), last;
    heed_tensor y = heed_recurrent_forward(&b.layer, b.t, x, state, HEED_NIL, &last);
    expect_shape(b.t, y, HEED_SHAPE(2, steps, H), heed_cell_kind_name(kind));
    for (int i = 0; i < steps; i++) {
        heed_tensor h = heed_recurrent_step(&b.layer, b.t, heed_select(b.t, x, 1, i), &state);
        expect_same_bits(b.t, heed_contiguous(b.t, heed_select(b.t, y, 1, i)), h, heed_cell_kind_name(kind));
    }
    expect_same_bits(b.t, last.h, state.h, "last h");
    if (kind == HEED_LSTM)
        expect_same_bits(b.t, last.c, state.c, "last c");
    free_bench(&b);
}

Test(layers_recurrent, steps_give_the_bits_of_the_whole) {
    for (int kind = 0; kind < HEED_CELL_KINDS; kind++)
        for (int n = 1; n <= 3; n++)
            steps_are_the_whole((heed_cell_kind)kind, n, n == 1 ? 200 : 7);
    steps_are_the_whole(HEED_RNN_TANH, 1, 64);
    steps_are_the_whole(HEED_RNN_TANH, 1, 65);
    steps_are_the_whole(HEED_RNN_TANH, 1, 4200);
}

/* A cell by itself is a layer's step. */
Test(layers_recurrent, a_cell_is_a_step) {
    for (int kind = 0; kind < HEED_CELL_KINDS; kind++) {
        bench b = new_bench((heed_recurrent_options){.kind = (heed_cell_kind)kind, .inputs = I, .hidden = H});
        heed_tensor x = heed_select(b.t, drawn(&b, 1, 2, 1), 1, 0);
        heed_state of_layer = nothing(), of_cell = nothing();
        for (int i = 0; i < 3; i++) {
            heed_recurrent_step(&b.layer, b.t, x, &of_layer);
            heed_cell_step(&b.layer.cells[0], b.t, x, &of_cell);
        }
        expect_same_bits(b.t, heed_select(b.t, of_layer.h, 0, 0), of_cell.h, heed_cell_kind_name((heed_cell_kind)kind));
        cr_expect_eq(heed_is_nil(of_cell.c), kind != HEED_LSTM);
        free_bench(&b);
    }
}

/* ---- directions ---- */

static void copy_cell(const heed_cell *to, const heed_cell *from) {
    heed_param a[] = {to->w_i, to->w_h, to->b_i, to->b_h}, b[] = {from->w_i, from->w_h, from->b_i, from->b_h};
    for (int i = 0; i < 4; i++)
        cr_assert(heed_param_set(a[i], heed_param_data(b[i]), heed_model_param(b[i].model, b[i].index).count) ==
                  HEED_OK);
}

/* Reading the reversed text with the two cells exchanged gives the same states, reversed and exchanged. */
Test(layers_recurrent, backwards_is_forwards_of_the_reversed) {
    for (int kind = 0; kind < HEED_CELL_KINDS; kind++) {
        bench b = new_bench(
            (heed_recurrent_options){.kind = (heed_cell_kind)kind, .inputs = I, .hidden = H, .bidirectional = true});
        bench r = new_bench(b.options);
        copy_cell(&r.layer.cells[0], &b.layer.cells[1]);
        copy_cell(&r.layer.cells[1], &b.layer.cells[0]);
        heed_tensor x = drawn(&b, 1, 2, 70);
        heed_state last, r_last;
        heed_tensor y = heed_recurrent_forward(&b.layer, b.t, x, nothing(), HEED_NIL, &last);
        heed_tensor flipped = heed_input(r.t, HEED_F64, HEED_SHAPE(2, 70, I), values_of(b.t, heed_flip(b.t, x, 1)));
        heed_tensor z = heed_flip(r.t, heed_recurrent_forward(&r.layer, r.t, flipped, nothing(), HEED_NIL, &r_last), 1);
        heed_tensor exchanged =
            heed_concat(r.t, (heed_tensor[]){heed_slice(r.t, z, 2, H, 2 * H), heed_slice(r.t, z, 2, 0, H)}, 2, 2);
        expect_near(values_of(b.t, y), values_of(r.t, exchanged), 2 * 70 * 2 * H, 1e-13,
                    heed_cell_kind_name((heed_cell_kind)kind));
        expect_near(values_of(b.t, last.h), values_of(r.t, heed_flip(r.t, r_last.h, 0)), 2 * 2 * H, 1e-13, "last");
        free_bench(&b);
        free_bench(&r);
    }
}

/* ---- dropout ---- */

/* With all dropped between the layers, the last layer hears nothing of x, but what it gives is not dropped. */
Test(layers_recurrent, dropout_is_between_layers_and_in_training) {
    heed_recurrent_options options = {.kind = HEED_GRU, .inputs = I, .hidden = H, .n_layers = 2, .dropout = 1};
    bench b = new_bench(options),
          plain = new_bench((heed_recurrent_options){.kind = HEED_GRU, .inputs = I, .hidden = H, .n_layers = 2});
    heed_tensor one = heed_recurrent_forward(&b.layer, b.t, drawn(&b, 1, 2, 4), nothing(), HEED_NIL, NULL);
    heed_tensor two = heed_recurrent_forward(&b.layer, b.t, drawn(&b, 2, 2, 4), nothing(), HEED_NIL, NULL);
    expect_same_bits(b.t, one, two, "all dropped");
    for (int i = 0; i < 2 * 4 * H; i++)
        cr_assert_neq(values_of(b.t, one)[i], 0);
    heed_tape_set_training(b.t, false);
    one = heed_recurrent_forward(&b.layer, b.t, drawn(&b, 1, 2, 4), nothing(), HEED_NIL, NULL);
    two = heed_recurrent_forward(&plain.layer, plain.t, drawn(&plain, 1, 2, 4), nothing(), HEED_NIL, NULL);
    expect_near(values_of(b.t, one), values_of(plain.t, two), 2 * 4 * H, 0, "evaluation");
    free_bench(&b);
    free_bench(&plain);
}

/* ---- parameters ---- */

Test(layers_recurrent, parameters_have_names_groups_and_a_range) {
    static const char *const paths[] = {"layer.l0.w_i",         "layer.l0.w_h",         "layer.l0.b_i",
                                        "layer.l0.b_h",         "layer.l0_reverse.w_i", "layer.l0_reverse.w_h",
                                        "layer.l0_reverse.b_i", "layer.l0_reverse.b_h", "layer.l1.w_i"};
    for (int kind = 0; kind < HEED_CELL_KINDS; kind++) {
        bench b = new_bench((heed_recurrent_options){
            .kind = (heed_cell_kind)kind, .inputs = 100, .hidden = 25, .n_layers = 2, .bidirectional = true});
        const int64_t G = heed_cell_gates((heed_cell_kind)kind);
        for (int i = 0; i < heed_model_params(b.model); i++) {
            heed_param_info info = heed_model_param(b.model, i);
            bool bias = strstr(info.path, ".b_") != NULL;
            cr_expect(i > 8 || strcmp(info.path, paths[i]) == 0, "%s", info.path);
            cr_expect_str_eq(info.group, bias ? "no_decay" : "");
            cr_expect_eq(info.shape.n[0], G * 25);
            const double *values = (const double *)heed_model_data(b.model) + info.offset;
            double largest = 0;
            for (int64_t k = 0; k < info.count; k++)
                largest = fmax(largest, fabs(values[k]));
            cr_expect(largest <= 0.2 && largest > 0.15, "%s: %g", info.path, largest);
        }
        cr_expect(heed_shape_equal(heed_model_param(b.model, 8).shape, HEED_SHAPE(G * 25, 50)),
                  "l1 reads both directions");
        free_bench(&b);
    }
}

/* ---- watching ---- */

typedef struct watched {
    int seen;
    double i, f, g, o, c, c_before, h;
    double r, z, n, h_before;
    double worst;
} watched;

static void note(void *user, heed_tape *t, const char *path, heed_tensor x) {
    watched *w = user;
    const char name = path[strlen(path) - 1];
    double value = heed_f64(t, x)[0];
    w->seen++;
    double *const place[] = {
        ['i'] = &w->i, ['f'] = &w->f, ['g'] = &w->g, ['o'] = &w->o, ['r'] = &w->r, ['z'] = &w->z, ['n'] = &w->n};
    if (name == 'c') {
        w->c_before = w->c;
        w->c = value;
        w->worst = fmax(w->worst, fabs(w->c - (w->f * w->c_before + w->i * w->g)));
    } else if (name == 'h') {
        w->h_before = w->h;
        w->h = value;
        bool lstm = w->c != 0;
        w->worst = fmax(w->worst, fabs(w->h - (lstm ? w->o * tanh(w->c) : (1 - w->z) * w->n + w->z * w->h_before)));
    } else {
        *place[(unsigned char)name] = value;
    }
}

/* The state's equation, from what a watcher sees. */
Test(layers_recurrent, watchers_see_gates_and_states) {
    const heed_cell_kind kinds[] = {HEED_GRU, HEED_LSTM};
    for (int k = 0; k < 2; k++) {
        bench b = new_bench((heed_recurrent_options){.kind = kinds[k], .inputs = I, .hidden = H});
        watched w = {.seen = 0};
        cr_assert(heed_tape_on_watch(b.t, "layer.l0.*", note, &w) == HEED_OK);
        heed_recurrent_forward(&b.layer, b.t, drawn(&b, 1, 1, 5), nothing(), HEED_NIL, NULL);
        cr_expect_eq(w.seen, 5 * (kinds[k] == HEED_GRU ? 4 : 6));
        cr_expect_leq(w.worst, 1e-15);
        free_bench(&b);
    }
}
