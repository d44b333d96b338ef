/* A recurrent cell over a sequence in one op, against its formulas composed step by step of plain ops. */
#include <stdio.h>

#include "op_testing.h"

TestSuite(recurrence, .init = ops_setup, .fini = ops_teardown);

enum { B = 3, T = 5, H = 4, LAYOUTS = 4 };
enum { X, W, BIAS, STATE_H, STATE_C, OPERANDS };

typedef struct cell_case {
    heed_cell_kind kind;
    bool reverse, padded;
} cell_case;

static const bool padding[B * T] = {0, 0, 0, 0, 0, /**/ 1, 0, 1, 1, 0, /**/ 0, 0, 0, 1, 1};

typedef struct operands {
    heed_tensor in[OPERANDS];
} operands;

static operands draw(heed_dtype dtype, heed_cell_kind kind) {
    const int64_t wide = heed_cell_gates(kind) * H;
    return (operands){{ops_random(dtype, HEED_SHAPE(B, T, wide), 1), ops_random(dtype, HEED_SHAPE(wide, H), 2),
                       ops_random(dtype, HEED_SHAPE(wide), 3), ops_random(dtype, HEED_SHAPE(B, H), 4),
                       kind == HEED_LSTM ? ops_random(dtype, HEED_SHAPE(B, H), 5) : HEED_NIL}};
}

static heed_recurrence_options options_of(const operands *o, cell_case c) {
    return (heed_recurrence_options){
        .kind = c.kind,
        .reverse = c.reverse,
        .h = o->in[STATE_H],
        .c = o->in[STATE_C],
        .padding = c.padded ? ops_mask(HEED_SHAPE(B, T), padding) : HEED_NIL,
    };
}

/* h after each step and, of an lstm, c behind it: (B, T, H) or (B, T, 2 H). */
static heed_tensor by_op(const operands *o, cell_case c) {
    heed_recurrence_options options = options_of(o, c);
    heed_tensor cells = HEED_NIL;
    options.cells = &cells;
    heed_tensor h = heed_recurrence(t, o->in[X], o->in[W], o->in[BIAS], options);
    return c.kind == HEED_LSTM ? heed_concat(t, (heed_tensor[]){h, cells}, 2, -1) : h;
}

/* ---- the reference ---- */

static heed_tensor block(heed_tensor x, int i) {
    return heed_slice(t, x, -1, i * H, (i + 1) * H);
}

static heed_tensor sum_of(heed_tensor x, heed_tensor y, int i) {
    return heed_add(t, block(x, i), block(y, i));
}

/* state: h, c. x, y (B, G H). */
static void plain_step(heed_cell_kind kind, heed_tensor x, heed_tensor y, heed_tensor state[2]) {
    if (kind == HEED_RNN_TANH || kind == HEED_RNN_RELU) {
        state[0] = kind == HEED_RNN_TANH ? heed_tanh(t, heed_add(t, x, y)) : heed_relu(t, heed_add(t, x, y));
    } else if (kind == HEED_GRU) {
        heed_tensor r = heed_sigmoid(t, sum_of(x, y, 0)), z = heed_sigmoid(t, sum_of(x, y, 1));
        heed_tensor n = heed_tanh(t, heed_add(t, block(x, 2), heed_mul(t, r, block(y, 2))));
        heed_tensor one_less_z = heed_add_scalar(t, heed_neg(t, z), 1);
        state[0] = heed_add(t, heed_mul(t, one_less_z, n), heed_mul(t, z, state[0]));
    } else {
        heed_tensor i = heed_sigmoid(t, sum_of(x, y, 0)), f = heed_sigmoid(t, sum_of(x, y, 1));
        heed_tensor g = heed_tanh(t, sum_of(x, y, 2)), o = heed_sigmoid(t, sum_of(x, y, 3));
        state[1] = heed_add(t, heed_mul(t, f, state[1]), heed_mul(t, i, g));
        state[0] = heed_mul(t, o, heed_tanh(t, state[1]));
    }
}

static heed_tensor by_plain_ops(const operands *o, cell_case c) {
    const bool has_c = c.kind == HEED_LSTM;
    heed_tensor state[2] = {o->in[STATE_H], o->in[STATE_C]}, out[T];
    heed_tensor stays = ops_mask(HEED_SHAPE(B, T), padding);
    for (int k = 0; k < T; k++) {
        const int i = c.reverse ? T - 1 - k : k;
        heed_tensor before[2] = {state[0], state[1]};
        plain_step(c.kind, heed_select(t, o->in[X], 1, i), heed_linear(t, state[0], o->in[W], o->in[BIAS]), state);
        for (int part = 0; part <= has_c && c.padded; part++)
            state[part] = heed_where(t, heed_slice(t, stays, 1, i, i + 1), before[part], state[part]);
        out[i] = has_c ? heed_concat(t, state, 2, -1) : state[0];
    }
    return heed_stack(t, out, T, 1);
}

/* ---- values and gradients ---- */

static void for_all(void (*check)(cell_case c)) {
    for (int kind = 0; kind < HEED_CELL_KINDS; kind++)
        for (int layout = 0; layout < LAYOUTS; layout++)
            check((cell_case){(heed_cell_kind)kind, layout % 2 != 0, layout / 2 != 0});
}

static void expect_near(heed_tensor a, heed_tensor b, double tolerance, const char *what) {
    expect_shape(a, heed_shape_of(t, b));
    for (int64_t i = 0; i < heed_count(t, a); i++)
        cr_assert(agree(ops_value(a, i), ops_value(b, i), tolerance), "%s %d is %.17g, not %.17g", what, (int)i,
                  ops_value(a, i), ops_value(b, i));
}

static void as_composed(cell_case c) {
    static const char *const names[] = {"dx", "dw", "dbias", "dh", "dc"};
    operands a = draw(HEED_F64, c.kind), b = draw(HEED_F64, c.kind);
    heed_tensor y = by_op(&a, c), want = by_plain_ops(&b, c);
    expect_near(y, want, 1e-14, "output");
    heed_tensor seed = ops_random(HEED_F64, heed_shape_of(t, y), 9);
    heed_tensor both = heed_add(t, heed_mul(t, y, seed), heed_mul(t, want, seed));
    ops_backward(heed_sum(t, both, HEED_ALL_AXES), HEED_NIL);
    for (int i = 0; i < OPERANDS - (c.kind != HEED_LSTM); i++)
        expect_near(heed_grad(t, a.in[i]), heed_grad(t, b.in[i]), 1e-13, names[i]);
    heed_tape_reset(t);
}

Test(recurrence, is_its_formulas_composed) { for_all(as_composed); }

/* What stands at padding reaches nothing, and has no gradient. */
static void padding_is_not_read(cell_case c) {
    if (!c.padded)
        return;
    operands o = draw(HEED_F64, c.kind), dirty = o;
    heed_tensor place = heed_reshape(t, ops_mask(HEED_SHAPE(B, T), padding), HEED_SHAPE(B, T, 1));
    heed_tensor blank = heed_detach(t, heed_masked_fill(t, o.in[X], place, NAN));
    dirty.in[X] = heed_variable(t, HEED_F64, heed_shape_of(t, blank), heed_data(t, blank));
    heed_tensor y = by_op(&o, c), z = by_op(&dirty, c);
    ops_expect_same_bits(heed_contiguous(t, y), heed_contiguous(t, z));
    ops_backward(heed_add(t, heed_sum(t, y, HEED_ALL_AXES), heed_sum(t, z, HEED_ALL_AXES)), HEED_NIL);
    ops_expect_same_bits(heed_grad(t, o.in[X]), heed_grad(t, dirty.in[X]));
    const int64_t wide = heed_size(t, o.in[X], 2);
    for (int64_t i = 0; i < B * T * wide; i++)
        cr_assert(!padding[i / wide] || ops_gradient_at(dirty.in[X], i) == 0);
    heed_tape_reset(t);
}

Test(recurrence, padding_is_not_read) { for_all(padding_is_not_read); }

/* ---- bits ---- */

/* Steps one by one, and a row alone, have the bits of the whole. */
static void parts_are_the_whole(cell_case c) {
    operands o = draw(HEED_F32, c.kind);
    heed_tensor y = by_op(&o, c), state[2] = {o.in[STATE_H], o.in[STATE_C]};
    for (int k = 0; k < T && !c.padded; k++) {
        const int i = c.reverse ? T - 1 - k : k;
        heed_recurrence_options options = {.kind = c.kind, .h = state[0], .c = state[1], .cells = &state[1]};
        state[0] = heed_recurrence(t, heed_select(t, o.in[X], 1, i), o.in[W], o.in[BIAS], options);
        ops_expect_same_bits(heed_contiguous(t, block(heed_select(t, y, 1, i), 0)), state[0]);
    }
    for (int b = 0; b < B; b++) {
        heed_recurrence_options options = options_of(&o, c);
        heed_tensor *const rows[] = {&options.h, &options.c, &options.padding};
        for (int i = 0; i < 3; i++)
            *rows[i] = heed_is_nil(*rows[i]) ? HEED_NIL : heed_slice(t, *rows[i], 0, b, b + 1);
        heed_tensor row = heed_recurrence(t, heed_slice(t, o.in[X], 0, b, b + 1), o.in[W], o.in[BIAS], options);
        ops_expect_same_bits(heed_contiguous(t, block(heed_slice(t, y, 0, b, b + 1), 0)), row);
    }
    heed_tape_reset(t);
}

Test(recurrence, steps_and_rows_alone_have_the_bits_of_the_whole) { for_all(parts_are_the_whole); }

static heed_tensor wide_run(const heed_tensor *in, void *user) {
    const heed_cell_kind kind = *(const heed_cell_kind *)user;
    return heed_recurrence(t, in[0], in[1], in[2],
                           (heed_recurrence_options){.kind = kind, .h = in[3],
                                                     .c = kind == HEED_LSTM ? in[4] : HEED_NIL});
}

Test(recurrence, bits_do_not_depend_on_threads) {
    const int64_t batches[] = {37, 2}, n = 70;
    for (int kind = 0; kind < HEED_CELL_KINDS; kind++)
        for (int i = 0; i < 2; i++) {
            const int64_t wide = heed_cell_gates((heed_cell_kind)kind) * n;
            ops_expect_same_for_any_threads(wide_run, &kind, kind == HEED_LSTM ? 5 : 4,
                                            (heed_shape[]){HEED_SHAPE(batches[i], 6, wide), HEED_SHAPE(wide, n),
                                                           HEED_SHAPE(wide), HEED_SHAPE(batches[i], n),
                                                           HEED_SHAPE(batches[i], n)});
        }
}

/* ---- the gates ---- */

/* h' from the gates that are shown; the states keep their bits; gradients that come to gates reach x. */
Test(recurrence, gates_are_shown) {
    operands o = draw(HEED_F64, HEED_GRU);
    heed_recurrence_options options = options_of(&o, (cell_case){HEED_GRU, false, false});
    heed_tensor unseen = heed_recurrence(t, o.in[X], o.in[W], o.in[BIAS], options), gates;
    options.gates = &gates;
    heed_tensor y = heed_recurrence(t, o.in[X], o.in[W], o.in[BIAS], options);
    ops_expect_same_bits(y, unseen);
    expect_shape(gates, HEED_SHAPE(B, T, 4 * H));
    for (int64_t b = 0; b < B; b++)
        for (int64_t k = 0; k < H; k++) {
            const int64_t place = (b * T + 2) * 4 * H + k;
            const double z = ops_value(gates, place + H), n = ops_value(gates, place + 2 * H);
            cr_expect_float_eq(ops_value(y, (b * T + 2) * H + k),
                               (1 - z) * n + z * ops_value(y, (b * T + 1) * H + k), 1e-15);
        }
    ops_backward(heed_sum(t, block(gates, 1), HEED_ALL_AXES), HEED_NIL);
    const double z = ops_value(gates, ((B - 1) * T + T - 1) * 4 * H + H);
    const int64_t last = ((B - 1) * T + T - 1) * 3 * H; /* whose state goes nowhere */
    cr_expect_float_eq(ops_gradient_at(o.in[X], last + H), z * (1 - z), 1e-15);
    cr_expect_eq(ops_gradient_at(o.in[X], last), 0);
}

/* ---- edges ---- */

/* [promises: sizes of 0] */
Test(recurrence, sizes_of_zero) {
    heed_tensor w = ops_random(HEED_F64, HEED_SHAPE(3 * H, H), 1), h = ops_random(HEED_F64, HEED_SHAPE(B, H), 2);
    heed_tensor x = ops_random(HEED_F64, HEED_SHAPE(B, 0, 3 * H), 3);
    heed_tensor y = heed_recurrence(t, x, w, HEED_NIL, (heed_recurrence_options){.kind = HEED_GRU, .h = h});
    expect_shape(y, HEED_SHAPE(B, 0, H));
    ops_backward(heed_sum(t, y, HEED_ALL_AXES), HEED_NIL);
    ops_expect_all(heed_grad(t, w), 0);
    ops_expect_all(heed_grad(t, h), 0);
}

typedef struct misuse {
    const char *text;
    int kind;
    bool gates, real_padding;
    heed_shape x, w, h, bias, c, padding; /* rank 0: not given */
} misuse;

static heed_tensor zeros(heed_dtype dtype, heed_shape shape) {
    return shape.rank ? heed_zeros(t, dtype, shape) : HEED_NIL;
}

/* Integers and booleans, too, which the engine lets differ from reals. */
Test(recurrence, dtypes_must_be_one) {
    heed_tensor x = heed_zeros(t, HEED_F64, HEED_SHAPE(2, 3, 4)), w = heed_zeros(t, HEED_F64, HEED_SHAPE(4, 4));
    heed_tensor h = heed_zeros(t, HEED_BOOL, HEED_SHAPE(2, 4));
    ops_expect_error(heed_recurrence(t, x, w, HEED_NIL, (heed_recurrence_options){.kind = HEED_RNN_TANH, .h = h}),
                     "recurrence: h is bool, must be f64 as x");
}

Test(recurrence, messages) {
    static const heed_shape X3 = {3, {2, 3, 12}}, W2 = {2, {12, 4}}, H2 = {2, {2, 4}};
    const misuse table[] = {
        {"9 is no kind of cell", 9, .x = X3, .w = W2, .h = H2},
        {"c is given; only an lstm has it", HEED_GRU, .x = X3, .w = W2, .h = H2, .c = H2},
        {"an lstm needs c", HEED_LSTM, .x = X3, .w = W2, .h = H2},
        {"gates are asked for; an rnn has none", HEED_RNN_TANH, .gates = true, .x = X3, .w = W2, .h = H2},
        {"w is (2, 4), must be (3 hidden, hidden)", HEED_GRU, .x = X3, .w = H2, .h = H2},
        {"bias is (2, 4), must be (12,)", HEED_GRU, .x = X3, .w = W2, .h = H2, .bias = H2},
        {"h is (12, 4), must be (2, 4)", HEED_GRU, .x = X3, .w = W2, .h = W2},
        {"x is (2, 4), must be (2, 12)", HEED_GRU, .x = H2, .w = W2, .h = H2},
        {"padding is f64, must be bool", HEED_GRU, .real_padding = true, .x = X3, .w = W2, .h = H2, .padding = H2},
        {"padding is (2, 4), must be (2, 3)", HEED_GRU, .x = X3, .w = W2, .h = H2, .padding = H2},
        {"x is (12,), must be (batch, steps, 3 hidden), or without steps", HEED_GRU, .x = {1, {12}}, .w = W2, .h = H2},
    };
    for (int i = 0; i < LENGTH(table); i++) {
        const misuse *m = &table[i];
        heed_tensor gates;
        heed_recurrence_options options = {.kind = (heed_cell_kind)m->kind,
                                           .h = zeros(HEED_F64, m->h),
                                           .c = zeros(HEED_F64, m->c),
                                           .padding = zeros(m->real_padding ? HEED_F64 : HEED_BOOL, m->padding),
                                           .gates = m->gates ? &gates : NULL};
        char text[200];
        snprintf(text, sizeof text, "recurrence: %s", m->text);
        heed_tensor x = zeros(HEED_F64, m->x), w = zeros(HEED_F64, m->w), bias = zeros(HEED_F64, m->bias);
        ops_expect_error(heed_recurrence(t, x, w, bias, options), text);
    }
}
