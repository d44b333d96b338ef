/* States carried from one tape to the next: truncated backpropagation. */
#include "layers_common.h"

enum { B = 2, T = 10, HALF = 6, I = 3, H = 4 };

typedef struct bench {
    heed_model *model;
    heed_recurrent layer;
    heed_grads *whole, *halves;
    double *x; /* (B, T, I) */
} bench;

static bench new_bench(heed_cell_kind kind) {
    bench b = {.model = heed_model_new(), .x = normals(B * T * I, 1)};
    heed_recurrent_init(&b.layer, heed_model_root(b.model), "layer",
                        (heed_recurrent_options){.kind = kind, .inputs = I, .hidden = H, .n_layers = 2});
    built(b.model);
    b.whole = heed_grads_new(b.model);
    b.halves = heed_grads_new(b.model);
    return b;
}

static void free_bench(bench *b) {
    heed_grads_free(b->whole);
    heed_grads_free(b->halves);
    heed_model_free(b->model);
    free(b->x);
}

static heed_tensor stretch(const bench *b, heed_tape *t, int64_t first, int64_t last) {
    return heed_slice(t, heed_input(t, HEED_F64, HEED_SHAPE(B, T, I), b->x), 1, first, last);
}

static heed_tensor loss_of(heed_tape *t, heed_tensor y) {
    return heed_sum(t, heed_square(t, y), HEED_ALL_AXES);
}

/* One tape, the state detached between the halves: the gradient of the second half into whole. Returns all outputs. */
static heed_tensor detached(const bench *b, heed_tape *t) {
    heed_state seam, none = {.h = HEED_NIL};
    heed_tensor first = heed_recurrent_forward(&b->layer, t, stretch(b, t, 0, HALF), none, HEED_NIL, &seam);
    seam.h = heed_detach(t, seam.h);
    if (!heed_is_nil(seam.c))
        seam.c = heed_detach(t, seam.c);
    heed_tensor second = heed_recurrent_forward(&b->layer, t, stretch(b, t, HALF, T), seam, HEED_NIL, NULL);
    cr_assert(heed_backward(t, loss_of(t, second), b->whole) == HEED_OK, "%s", heed_error_text(t));
    return heed_concat(t, (heed_tensor[]){first, second}, 2, 1);
}

static void halves_are_the_whole(heed_cell_kind kind) {
    bench b = new_bench(kind);
    heed_tape *t = heed_tape_new(), *reference = heed_tape_new();
    heed_tensor all = detached(&b, reference);
    heed_state none = {.h = HEED_NIL};
    heed_tensor uncut = heed_recurrent_forward(&b.layer, reference, stretch(&b, reference, 0, T), none, HEED_NIL, NULL);
    expect_same_bits(reference, all, uncut, "cut");

    heed_carry carry = {.n = 0};
    for (int half = 0; half < 2; half++) {
        heed_tape_reset(t);
        heed_state start = heed_carry_give_state(&carry, t), last;
        cr_expect_eq(heed_is_nil(start.h), half == 0);
        heed_tensor x = stretch(&b, t, half ? HALF : 0, half ? T : HALF);
        heed_tensor y = heed_recurrent_forward(&b.layer, t, x, start, HEED_NIL, &last);
        heed_tensor want = heed_contiguous(reference, heed_slice(reference, all, 1, half ? HALF : 0, half ? T : HALF));
        expect_near(values_of(t, y), values_of(reference, want), heed_count(t, y), 0, heed_cell_kind_name(kind));
        cr_assert(heed_carry_take_state(&carry, t, last) == HEED_OK, "%s", heed_error_text(t));
        heed_grads_clear(b.halves);
        cr_assert(heed_backward(t, loss_of(t, y), b.halves) == HEED_OK, "%s", heed_error_text(t));
    }
    cr_expect_arr_eq(heed_grads_data(b.halves), heed_grads_data(b.whole),
                     (size_t)heed_model_size(b.model) * sizeof(double));
    heed_carry_free(&carry);
    heed_tape_free(t);
    heed_tape_free(reference);
    free_bench(&b);
}

Test(layers_carry, halves_give_the_whole_and_the_gradient_of_a_detached_seam) {
    for (int kind = 0; kind < HEED_CELL_KINDS; kind++)
        halves_are_the_whole((heed_cell_kind)kind);
}

Test(layers_carry, any_tensors_over_tapes_until_reset) {
    heed_carry carry = {.n = 0};
    heed_tape *t = heed_tape_new();
    cr_expect(heed_is_nil(heed_carry_give(&carry, t, 0)));
    cr_expect(heed_is_nil(heed_carry_give(&carry, t, 7)));
    heed_tensor table = heed_reshape(t, heed_arange(t, HEED_I32, 6), HEED_SHAPE(2, 3));
    heed_tensor xs[] = {heed_transpose(t, table, 0, 1), HEED_NIL, heed_full(t, HEED_F32, HEED_SCALAR, 0.5),
                        heed_zeros(t, HEED_BOOL, HEED_SHAPE(0, 4))};
    cr_assert(heed_carry_take(&carry, t, 4, xs) == HEED_OK);
    heed_tape_free(t);

    t = heed_tape_new();
    heed_tensor turned = heed_carry_give(&carry, t, 0);
    expect_shape(t, turned, HEED_SHAPE(3, 2), "turned");
    cr_expect_arr_eq(heed_i32(t, turned), ((int32_t[]){0, 3, 1, 4, 2, 5}), 6 * sizeof(int32_t));
    cr_expect(heed_is_nil(heed_carry_give(&carry, t, 1)));
    cr_expect_eq(heed_item(t, heed_carry_give(&carry, t, 2)), 0.5);
    expect_shape(t, heed_carry_give(&carry, t, 3), HEED_SHAPE(0, 4), "nothing");
    heed_carry_reset(&carry);
    cr_expect(heed_is_nil(heed_carry_give(&carry, t, 0)));
    cr_expect_eq(heed_tape_status(t), HEED_OK);
    heed_carry_free(&carry);
    heed_tape_free(t);
}

/* What was given stays as it was when the carry takes something else. */
Test(layers_carry, what_is_given_is_a_copy) {
    heed_carry carry = {.n = 0};
    heed_tape *t = heed_tape_new();
    heed_tensor one = heed_ones(t, HEED_F64, HEED_SHAPE(3)), two = heed_full(t, HEED_F64, HEED_SHAPE(3), 2);
    cr_assert(heed_carry_take(&carry, t, 1, &one) == HEED_OK);
    heed_tensor given = heed_carry_give(&carry, t, 0);
    cr_assert(heed_carry_take(&carry, t, 1, &two) == HEED_OK);
    expect_same_bits(t, given, one, "given");
    heed_carry_free(&carry);
    heed_tape_free(t);
}

#define EXPECT_FAILS(text) expect_fails(__LINE__, t, &carry, text)
static void expect_fails(int line, heed_tape *t, const heed_carry *carry, const char *text) {
    cr_expect_str_eq(heed_error_text(t), text, "line %d: %s", line, heed_error_text(t));
    heed_tape_reset(t);
    cr_expect_eq(heed_item(t, heed_carry_give(carry, t, 0)), 3, "line %d: not what it held", line);
}

Test(layers_carry, mistakes_change_nothing) {
    heed_carry carry = {.n = 0};
    heed_tape *t = heed_tape_new();
    heed_tensor three = heed_full(t, HEED_F64, HEED_SCALAR, 3), stale = three, xs[9] = {{0}};
    cr_assert(heed_carry_take(&carry, t, 1, &three) == HEED_OK);
    cr_expect_eq(heed_carry_take(&carry, t, 9, xs), HEED_INVALID);
    EXPECT_FAILS("carry: 9 tensors are to be carried; it takes 0 to 8");
    cr_expect_eq(heed_carry_take(&carry, t, -1, xs), HEED_INVALID);
    EXPECT_FAILS("carry: -1 tensors are to be carried; it takes 0 to 8");
    heed_tensor fresh_and_stale[] = {heed_full(t, HEED_F64, HEED_SHAPE(40), 5), stale};
    cr_expect_eq(heed_carry_take(&carry, t, 2, fresh_and_stale), HEED_INVALID);
    cr_expect_eq(heed_carry_take(&carry, t, 1, fresh_and_stale), HEED_INVALID, "a tape that failed");
    heed_tape_reset(t);
    cr_expect_eq(heed_item(t, heed_carry_give(&carry, t, 0)), 3);
    cr_expect(heed_is_nil(heed_carry_give(&carry, t, 1)));
    EXPECT_FAILS("carry: tensor 1 is asked for, it holds 1");
    cr_expect(heed_is_nil(heed_carry_give(&carry, t, -1)));
    EXPECT_FAILS("carry: tensor -1 is asked for, it holds 1");
    heed_carry_free(&carry);
    heed_tape_free(t);
}
