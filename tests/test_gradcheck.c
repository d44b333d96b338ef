/* The gradient checker can fail: ops with one mistake each, all of them caught; and what is right passes. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "helpers/weigh_op.h"

/* ---- backwards of y = x² w, each with one mistake ---- */

static void flipped_sign(heed_call *c) { weigh_backward_scaled(c, -1, 1); }
static void factor_two(heed_call *c) { weigh_backward_scaled(c, 1, 2); }
static void zero(heed_call *c) { weigh_backward_scaled(c, 0, 0); }
static void nearly_right(heed_call *c) { weigh_backward_scaled(c, 1 + 1e-6, 1); }
static void second_forgotten(heed_call *c) { weigh_backward_scaled(c, 1, 0); }
static void wrong_in_f32(heed_call *c) { weigh_backward_scaled(c, c->dy[0]->dtype == HEED_F32 ? 1.001 : 1, 1); }
static void heeds_who_asks(heed_call *c) { weigh_backward_scaled(c, c->dx[1] ? 1 : 1.5, 1); }
static void first_use_only(heed_call *c) { weigh_backward_scaled(c, 1, c->in[0]->data == c->in[1]->data ? 0 : 1); }

/* With cotangents of ±1 it looks right. */
static void not_linear(heed_call *c) {
    weigh_backward(c);
    for (int64_t i = 0; c->dx[0] && i < weigh_count(c); i++)
        weigh_put(c->dx[0], i, weigh_at(c->dx[0], i) * fabs(weigh_at(c->dy[0], i)));
}

static void not_a_number(heed_call *c) {
    weigh_backward(c);
    if (c->dx[0] && weigh_count(c) > 0)
        weigh_put(c->dx[0], 0, NAN);
}

static void tail_forgotten(heed_call *c) {
    weigh_backward(c);
    if (c->dx[0] && weigh_count(c) > 0)
        weigh_put(c->dx[0], weigh_count(c) - 1, 0);
}

/* As a loop over pairs would be, whose tail came to belong to another thread. */
static void depends_on_threads(heed_call *c) {
    weigh_backward(c);
    if (c->dx[1] && c->threads > 1 && weigh_count(c) > 1)
        weigh_put(c->dx[1], 1, nextafter(weigh_at(c->dx[1], 1), 1e9));
}

/* ---- asserting ---- */

static heed_check passes(const heed_op *op) {
    heed_check check = heed_gradcheck_op(op, NULL);
    cr_assert_eq(check.failed, 0, "%s: %d failed, first: %s", op->name, check.failed, check.failures[0].what);
    cr_assert(check.cases > 0 && check.worst < 1, "%s: %d cases, worst %g", op->name, check.cases, check.worst);
    return check;
}

static heed_check caught(const heed_op *op, const char *what) {
    heed_check check = heed_gradcheck_op(op, NULL);
    cr_assert(check.failed > 0, "%s passed", op->name);
    cr_assert(check_mentions(&check, what), "%s: no failure says \"%s\", the first says \"%s\"", op->name, what, check.failures[0].what);
    return check;
}

/* By the law of the gradient itself, whatever other laws say. */
static heed_check caught_by_differences(const heed_op *op) {
    heed_check check = heed_gradcheck_op(op, NULL);
    bool found = false;
    for (int i = 0; i < check.n_failures; i++)
        found = found || strcmp(check.failures[i].what, "gradient") == 0;
    cr_assert(found, "%s: no failure is of the gradient, the first of %d says \"%s\"", op->name, check.failed, check.failures[0].what);
    return check;
}

/* what: a law's words, or NULL for the law of the gradient itself. */
static void caught_backward(const char *name, heed_kernel *backward, const char *what) {
    heed_op op = weigh_op(name, backward);
    if (what)
        caught(&op, what);
    else
        caught_by_differences(&op);
}

/* ---- backwards ---- */

Test(gradcheck, passes_what_is_right) {
    heed_op op = weigh_op("right", weigh_backward);
    heed_check check = passes(&op);
    cr_assert_eq(check.cases, 6);
    cr_assert_eq(check.redrawn, 0);
    cr_assert_lt(check.worst, 0.01, "the difference quotient itself is off by %g of the tolerance", check.worst);
}

Test(gradcheck, catches_a_flipped_sign) { caught_backward("flipped_sign", flipped_sign, NULL); }
Test(gradcheck, catches_a_factor) { caught_backward("factor_two", factor_two, NULL); }
/* [promises: tolerance] */
Test(gradcheck, catches_an_error_of_a_millionth) { caught_backward("nearly_right", nearly_right, NULL); }
Test(gradcheck, catches_a_forgotten_input) { caught_backward("second_forgotten", second_forgotten, NULL); }
Test(gradcheck, catches_a_forgotten_tail) { caught_backward("tail_forgotten", tail_forgotten, NULL); }
/* [promises: f32 and f64] */
Test(gradcheck, catches_what_only_f32_does) { caught_backward("wrong_in_f32", wrong_in_f32, "f32: gradient"); }
Test(gradcheck, catches_what_is_not_linear) { caught_backward("not_linear", not_linear, "used twice: gradient"); }
/* [promises: op(x, x)] */
Test(gradcheck, catches_the_first_use_only) { caught_backward("first_use_only", first_use_only, "op(x, x): gradient"); }
/* It says that it adds to the gradients there are, and writes over them. [promises: op(x, x)] */
Test(gradcheck, catches_what_does_not_accumulate) {
    heed_op op = weigh_op("overwrites", weigh_backward);
    op.flags |= HEED_ACCUMULATES;
    caught(&op, "input 1 used elsewhere, behind, f64: gradient");
}

/* ---- what is wrong only beside the point: second order ---- */

/* The inputs drawn are representable in f32: at the point itself nothing is lost. */
static void narrowed(heed_call *c) {
    for (int64_t i = 0; i < weigh_count(c); i++) {
        double x = (double)(float)weigh_at(c->in[0], i), w = weigh_at(c->in[1], i), dy = weigh_at(c->dy[0], i);
        if (c->dx[0])
            weigh_put(c->dx[0], i, 2 * x * w * dy);
        if (c->dx[1])
            weigh_put(c->dx[1], i, x * x * dy);
    }
}
Test(gradcheck, catches_what_is_narrowed_to_float) {
    heed_op op = weigh_op("narrowed", narrowed);
    heed_check check = caught(&op, "second order: values are smooth here, but the gradient jumps, or is noise");
    for (int i = 0; i < check.n_failures; i++)
        cr_assert(strstr(check.failures[i].what, "second order"), "%s", check.failures[i].what);
}

/* x as it was when an input of its shape was first seen: a plan that is kept, say, and never made anew. */
static double remembered(heed_call *c, int64_t i) {
    static double seen[6][33 * 16];
    static heed_shape shapes[6];
    static int n;
    int at = 0;
    while (at < n && !heed_shape_equal(shapes[at], c->in[0]->shape))
        at++;
    if (at == n) {
        shapes[n++] = c->in[0]->shape;
        for (int64_t j = 0; j < weigh_count(c); j++)
            seen[at][j] = weigh_at(c->in[0], j);
    }
    return seen[at][i];
}
static void stale(heed_call *c) {
    weigh_backward(c);
    for (int64_t i = 0; c->dx[0] && i < weigh_count(c); i++)
        weigh_put(c->dx[0], i, 2 * remembered(c, i) * weigh_at(c->in[1], i) * weigh_at(c->dy[0], i));
}
static void stale_for_both(heed_call *c) {
    stale(c);
    for (int64_t i = 0; c->dx[1] && i < weigh_count(c); i++)
        weigh_put(c->dx[1], i, remembered(c, i) * remembered(c, i) * weigh_at(c->dy[0], i));
}
Test(gradcheck, catches_a_backward_that_remembers) {
    heed_op op = weigh_op("stale", stale);
    heed_check check = caught(&op, "second order: w·Hv by differences of the gradient, and of values");
    for (int i = 0; i < check.n_failures; i++)
        cr_assert(strstr(check.failures[i].what, "second order"), "%s", check.failures[i].what);
}
Test(gradcheck, catches_what_is_not_symmetric) { caught_backward("stale_for_both", stale_for_both, "second order: not symmetric"); }

/* max(x, w): where both are equal, each gets half; whole ones would make max(x, x) twice as steep as x. */
static void larger(heed_call *c) {
    for (int64_t i = 0; i < weigh_count(c); i++)
        weigh_put(c->out[0], i, fmax(weigh_at(c->in[0], i), weigh_at(c->in[1], i)));
}
static void larger_backward(heed_call *c, double tie) {
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; c->dx[k] && i < weigh_count(c); i++) {
            const double mine = weigh_at(c->in[k], i), other = weigh_at(c->in[1 - k], i);
            weigh_put(c->dx[k], i, (mine > other ? 1 : mine < other ? 0 : tie) * weigh_at(c->dy[0], i));
        }
}
static void half_at_a_tie(heed_call *c) { larger_backward(c, 0.5); }
static void whole_at_a_tie(heed_call *c) { larger_backward(c, 1); }
Test(gradcheck, catches_what_is_wrong_only_at_a_tie) {
    heed_op op = weigh_op("larger", half_at_a_tie);
    op.forward_any = larger;
    passes(&op);
    op.backward_any = whole_at_a_tie;
    caught(&op, "op(x, x): gradient");
}

/* [promises: constants] */
Test(gradcheck, catches_bits_that_depend_on_who_asks) { caught_backward("heeds_who_asks", heeds_who_asks, "input 1 a constant: gradient"); }
/* [promises: threads] */
Test(gradcheck, catches_bits_that_depend_on_threads) {
    caught_backward("depends_on_threads", depends_on_threads, "1 thread = 3 threads, f64: gradient");
}

/* [promises: NaN fails] */
Test(gradcheck, catches_nan) {
    heed_op op = weigh_op("not_a_number", not_a_number);
    heed_check check = caught_by_differences(&op);
    cr_assert(isinf(check.worst), "NaN must not look small: %g", check.worst);
}

/* A case counts only if its analytic gradient is not all zero. [promises: cases that count] */
Test(gradcheck, counts_no_case_whose_gradient_is_zero) {
    heed_op op = weigh_op("zero", zero);
    heed_check check = caught_by_differences(&op);
    cr_assert_eq(check.cases, 0);
    cr_assert_eq(check.vacuous, 6);
}

/* Beyond 512 inputs not every coordinate is looked at. */
static bool many(int index, heed_sample *sample) {
    heed_sample_input input = {.dtype = HEED_F64, .shape = {1, {5003}}};
    *sample = (heed_sample){.n_in = 2, .in = {input, input}};
    return index == 0;
}
static void one_in_the_middle(heed_call *c) {
    weigh_backward(c);
    if (c->dx[0])
        weigh_put(c->dx[0], 2741, 0.5 * weigh_at(c->dx[0], 2741));
}
/* [promises: 8 directions] */
Test(gradcheck, looks_at_large_inputs_along_directions) {
    heed_op good = weigh_op("right", weigh_backward), tail = weigh_op("tail", tail_forgotten), middle = weigh_op("middle", one_in_the_middle);
    good.samples = tail.samples = middle.samples = many;
    passes(&good);
    caught(&tail, "random direction");
    heed_check check = caught(&middle, "random direction");
    for (int i = 0; i < 8; i++)
        cr_assert_str_eq(check.failures[i].what, "gradient along a random direction", "%d", i);
    cr_assert_eq(check.failed, 16, "%d: eight, and eight of op(x, x)", check.failed);
}

/* ---- what is compared ---- */

/* The cotangents of the first run at the largest sample, and those of all runs, which may be 3 u - u besides. */
static struct {
    int plus, minus, others;
    heed_dtype dtype;
} cotangents;
static void notes_cotangents(heed_call *c) {
    weigh_backward(c);
    for (int64_t i = 0; i < weigh_count(c) && cotangents.plus + cotangents.minus < 33 * 16; i++) {
        const double dy = weigh_at(c->dy[0], i);
        cotangents.dtype = c->dy[0]->dtype;
        cotangents.plus += dy == 1;
        cotangents.minus += dy == -1;
        cotangents.others += dy != 1 && dy != -1;
    }
}
static bool one_large(int index, heed_sample *sample) {
    heed_sample_input input = {.dtype = HEED_F64, .shape = {2, {33, 16}}};
    *sample = (heed_sample){.n_in = 2, .in = {input, input}};
    return index == 0;
}
/* PyTorch's gradcheck compares whole Jacobians, or in fast mode one random vector's. [promises: cotangents] */
Test(gradcheck, draws_cotangents_of_plus_and_minus_one) {
    heed_op op = weigh_op("notes_cotangents", notes_cotangents);
    op.samples = one_large;
    passes(&op);
    cr_assert_eq(cotangents.dtype, HEED_F64);
    cr_assert_eq(cotangents.others, 0);
    cr_assert(cotangents.plus > 200 && cotangents.minus > 200, "%d and %d of 528", cotangents.plus, cotangents.minus);
}

/* The numeric gradients that a check found, and how many of an input's entries it worked out. */
typedef struct found {
    double numeric[2][33 * 16];
    int known[2];
    int64_t count[2];
} found;
static void note_found(void *user, const heed_check_entries *e) {
    found *f = user;
    f->count[e->input] = heed_shape_count(e->shape);
    for (int64_t i = 0; i < f->count[e->input]; i++) {
        f->known[e->input] += !isnan(e->numeric[i]);
        if (i < 33 * 16)
            f->numeric[e->input][i] = e->numeric[i];
    }
}
static bool of_count(int64_t n, heed_sample *sample) {
    *sample = (heed_sample){.n_in = 2, .in = {{.dtype = HEED_F64, .shape = {1, {n}}}, {.dtype = HEED_F64, .shape = {1, {n}}}}};
    return true;
}
static bool all_256(int index, heed_sample *sample) { return index == 0 && of_count(256, sample); }
static bool all_257(int index, heed_sample *sample) { return index == 0 && of_count(257, sample); }

/* Beyond it is 64 of both inputs together, one of which may be picked twice. [promises: 512 coordinates; 64
 * coordinates] */
Test(gradcheck, compares_every_coordinate_up_to_512_and_64_beyond) {
    found f = {.known = {0}};
    heed_op op = weigh_op("right", weigh_backward);
    op.samples = all_256;
    heed_gradcheck_op(&op, &(heed_check_options){.entries = note_found, .user = &f});
    cr_assert(f.known[0] == 256 && f.known[1] == 256, "%d and %d", f.known[0], f.known[1]);
    f = (found){.known = {0}};
    op.samples = all_257;
    heed_gradcheck_op(&op, &(heed_check_options){.entries = note_found, .user = &f});
    cr_assert(f.known[0] + f.known[1] <= 64 && f.known[0] + f.known[1] >= 54, "%d and %d", f.known[0], f.known[1]);
}

/* However wrong the gradient, differences are the same to the bit. [promises: two stencils] */
Test(gradcheck, differences_never_see_the_gradient) {
    heed_kernel *const backwards[] = {weigh_backward, nearly_right, flipped_sign, zero};
    static found all[4];
    for (int i = 0; i < 4; i++) {
        heed_op op = weigh_op("one_name", backwards[i]);
        op.samples = all_256;
        heed_gradcheck_op(&op, &(heed_check_options){.entries = note_found, .user = &all[i]});
        cr_assert(all[i].known[0] == 256 && all[i].known[1] == 256);
        cr_assert_arr_eq(all[i].numeric, all[0].numeric, sizeof all[0].numeric, "backward %d", i);
    }
}

/* Hardly seen in a sum over all coordinates. */
static void tail_slightly_off(heed_call *c) {
    weigh_backward(c);
    if (c->dx[0])
        weigh_put(c->dx[0], weigh_count(c) - 1, 1.000003 * weigh_at(c->dx[0], weigh_count(c) - 1));
}
/* [promises: 64 coordinates] */
Test(gradcheck, looks_at_the_last_coordinate_of_large_inputs) {
    heed_op op = weigh_op("tail_slightly_off", tail_slightly_off);
    op.samples = many;
    heed_check check = caught_by_differences(&op);
    bool at_the_tail = false;
    for (int i = 0; i < check.n_failures; i++)
        at_the_tail = at_the_tail || (check.failures[i].input == 0 && check.failures[i].coordinate == 5002);
    cr_assert(at_the_tail);
}

/* "err <= 1e-10 sum |u_i y_i| + 1e-7 |n|", here with n = 0 and a sum of about 1. */
static void second_input(heed_call *c) {
    for (int64_t i = 0; i < weigh_count(c); i++)
        weigh_put(c->out[0], i, weigh_at(c->in[1], i));
}
static void second_input_backward(heed_call *c, double offset) {
    for (int64_t i = 0; i < weigh_count(c); i++) {
        if (c->dx[0])
            weigh_put(c->dx[0], i, offset * weigh_at(c->dy[0], i));
        if (c->dx[1])
            weigh_put(c->dx[1], i, weigh_at(c->dy[0], i));
    }
}
static void nothing_for_the_first(heed_call *c) { second_input_backward(c, 0); }
static void a_billionth_for_the_first(heed_call *c) { second_input_backward(c, 1e-9); }
/* PyTorch's tolerance is 1e-5 + 1e-3 |n|. [promises: tolerance] */
Test(gradcheck, catches_a_billionth_where_there_is_no_slope) {
    heed_op op = weigh_op("second_input", nothing_for_the_first);
    op.forward_any = second_input;
    passes(&op);
    op.backward_any = a_billionth_for_the_first;
    caught_by_differences(&op);
}

/* ---- broadcasting, transposing ---- */

/* x (M, N) + row (N): the row's gradient is a sum over M. */
static void add_row(heed_call *c) {
    int64_t n = heed_array_count(c->in[1]);
    for (int64_t i = 0; i < weigh_count(c); i++)
        weigh_put(c->out[0], i, weigh_at(c->in[0], i) + weigh_at(c->in[1], i % n));
}
static void add_row_backward(heed_call *c, bool sums) {
    int64_t total = heed_array_count(c->dy[0]), n = heed_array_count(c->in[1]);
    for (int64_t i = 0; c->dx[1] && i < n; i++)
        weigh_put(c->dx[1], i, 0);
    for (int64_t i = 0; i < total; i++) {
        if (c->dx[0])
            weigh_put(c->dx[0], i, weigh_at(c->dy[0], i));
        if (c->dx[1])
            weigh_put(c->dx[1], i % n, weigh_at(c->dy[0], i) + (sums ? weigh_at(c->dx[1], i % n) : 0));
    }
}
static void row_summed(heed_call *c) { add_row_backward(c, true); }
static void row_not_summed(heed_call *c) { add_row_backward(c, false); }
static bool rows(int index, heed_sample *sample) {
    *sample = (heed_sample){.n_in = 2, .in = {{.dtype = HEED_F64, .shape = {2, {index + 1, 5}}}, {.dtype = HEED_F64, .shape = {1, {5}}}}};
    return index < 4;
}
Test(gradcheck, catches_a_missing_broadcast_sum) {
    heed_op op = {.size = sizeof op, .name = "add_row", .min_in = 2, .max_in = 2, .n_out = 1, .shape = heed_shape_same,
                  .forward_any = add_row, .backward_any = row_summed, .samples = rows};
    passes(&op);
    op.backward_any = row_not_summed;
    caught_by_differences(&op);
}

/* y = xᵀ over a square. */
static void turn(const heed_array *from, const heed_array *to, bool turned) {
    int64_t n = from->shape.n[0];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            weigh_put(to, i * n + j, weigh_at(from, turned ? j * n + i : i * n + j));
}
static void turn_forward(heed_call *c) { turn(c->in[0], c->out[0], true); }
static void turned_back(heed_call *c) { turn(c->dy[0], c->dx[0], true); }
static void not_turned_back(heed_call *c) { turn(c->dy[0], c->dx[0], false); }
static bool squares(int index, heed_sample *sample) {
    *sample = (heed_sample){.n_in = 1, .in = {{.dtype = HEED_F64, .shape = {2, {index + 1, index + 1}}}}};
    return index < 5;
}
Test(gradcheck, catches_a_transposed_gradient) {
    heed_op op = {.size = sizeof op, .name = "turn", .min_in = 1, .max_in = 1, .n_out = 1, .shape = heed_shape_same,
                  .forward_any = turn_forward, .backward_any = turned_back, .samples = squares};
    passes(&op);
    op.backward_any = not_turned_back;
    caught_by_differences(&op);
}

/* ---- forwards ---- */

#ifndef __SANITIZE_ADDRESS__ /* which ends the program at what this op reads past its inputs */
/* Takes what strides it gets, and walks as if there were none. */
Test(gradcheck, catches_what_is_wrong_only_for_strided_inputs) {
    heed_op op = weigh_op("blind_to_strides", weigh_backward);
    op.flags = HEED_STRIDED;
    heed_check check = caught(&op, "transposed inputs");
    cr_assert(check_mentions(&check, "sliced inputs: values"));
    cr_assert(check_mentions(&check, "expanded inputs: values"));
    cr_assert_leq(check.worst, 1, "its packed gradient is right");
}
#endif

/* The sum of a vector, and of whatever lies between its elements. */
static void sum_memory(heed_call *c) {
    int64_t n = weigh_count(c), stride = c->in[0]->stride[0], first = stride < 0 ? (n - 1) * stride : 0;
    double sum = 0;
    for (int64_t i = 0; i < n && stride == 0; i++)
        sum += weigh_at(c->in[0], 0);
    for (int64_t i = 0; i <= (n - 1) * (stride < 0 ? -stride : stride) && stride != 0; i++)
        sum += weigh_at(c->in[0], first + i);
    weigh_put(c->out[0], 0, sum);
}
static void spread(heed_call *c) {
    for (int64_t i = 0; i < weigh_count(c); i++)
        weigh_put(c->dx[0], i, weigh_at(c->dy[0], 0));
}

/* A sum in as many parts as there are threads. */
static void sum_in_parts(heed_call *c) {
    double parts[16] = {0}, sum = 0;
    for (int64_t i = 0; i < weigh_count(c); i++)
        parts[i * c->threads / weigh_count(c)] += weigh_at(c->in[0], i) * weigh_at(c->in[0], i);
    for (int i = 0; i < c->threads; i++)
        sum += parts[i];
    weigh_put(c->out[0], 0, sum);
}
static void sum_backward(heed_call *c) {
    for (int64_t i = 0; i < weigh_count(c); i++)
        weigh_put(c->dx[0], i, 2 * weigh_at(c->in[0], i) * weigh_at(c->dy[0], 0));
}
static heed_status scalar_shape(heed_call *c) {
    c->out[0]->dtype = c->in[0]->dtype;
    return HEED_OK;
}
static bool longer_rows(int index, heed_sample *sample) {
    *sample = (heed_sample){.n_in = 1, .in = {{.dtype = HEED_F64, .shape = {1, {100 + index}}}}};
    return index < 6;
}
/* [promises: views] */
Test(gradcheck, catches_reads_between_a_views_elements) {
    heed_op op = {.size = sizeof op, .name = "sum_memory", .min_in = 1, .max_in = 1, .n_out = 1, .flags = HEED_STRIDED,
                  .shape = scalar_shape, .forward_any = sum_memory, .backward_any = spread, .samples = longer_rows};
    heed_check check = caught(&op, "sliced inputs: values");
    cr_assert_eq(check.failed, 6, "sliced inputs only: %d, %s", check.failed, check.failures[1].what);
}

/* [promises: threads] */
Test(gradcheck, catches_sums_that_depend_on_threads) {
    heed_op op = {.size = sizeof op, .name = "sum_in_parts", .min_in = 1, .max_in = 1, .n_out = 1, .shape = scalar_shape,
                  .forward_any = sum_in_parts, .backward_any = sum_backward, .save_in = HEED_SAVE(0), .samples = longer_rows};
    caught(&op, "1 thread = 3 threads, f64: values");
}

static void coarse_in_f32(heed_call *c) {
    weigh_forward(c);
    for (int64_t i = 0; c->out[0]->dtype == HEED_F32 && i < weigh_count(c); i++)
        weigh_put(c->out[0], i, weigh_at(c->out[0], i) * (1 + 1e-4));
}
/* [promises: f32 and f64] */
Test(gradcheck, catches_an_f32_forward_of_its_own) {
    heed_op op = weigh_op("coarse_in_f32", weigh_backward);
    op.forward_any = coarse_in_f32;
    caught(&op, "f32 forward");
}

static void better_when_recorded(heed_call *c) {
    weigh_forward(c);
    if (!c->needs_grad && weigh_count(c) > 0)
        weigh_put(c->out[0], 0, nextafter(weigh_at(c->out[0], 0), 1e9));
}
Test(gradcheck, catches_values_that_depend_on_recording) {
    heed_op op = weigh_op("better_when_recorded", weigh_backward);
    op.forward_any = better_when_recorded;
    caught(&op, "recording off: values");
}

/* y = (x², x³) */
static void powers(heed_call *c) {
    for (int64_t i = 0; i < weigh_count(c); i++) {
        double x = weigh_at(c->in[0], i);
        weigh_put(c->out[0], i, x * x);
        weigh_put(c->out[1], i, x * x * x);
    }
}
static heed_status two_outputs(heed_call *c) {
    *c->out[1] = *c->out[0] = (heed_array){.dtype = c->in[0]->dtype, .shape = c->in[0]->shape};
    return HEED_OK;
}
static void powers_backward(heed_call *c) {
    for (int64_t i = 0; i < weigh_count(c); i++) {
        double x = weigh_at(c->in[0], i);
        weigh_put(c->dx[0], i, 2 * x * weigh_at(c->dy[0], i) + 3 * x * x * weigh_at(c->dy[1], i));
    }
}
static void second_output_forgotten(heed_call *c) {
    for (int64_t i = 0; i < weigh_count(c); i++)
        weigh_put(c->dx[0], i, 2 * weigh_at(c->in[0], i) * weigh_at(c->dy[0], i));
}
/* Right as long as both outputs are used. */
static void second_output_only_beside_the_first(heed_call *c) {
    for (int64_t i = 0; i < weigh_count(c); i++) {
        double x = weigh_at(c->in[0], i), square = c->dy[0] ? 2 * x * weigh_at(c->dy[0], i) : 0;
        weigh_put(c->dx[0], i, square + (c->dy[0] && c->dy[1] ? 3 * x * x * weigh_at(c->dy[1], i) : 0));
    }
}
Test(gradcheck, gives_each_output_its_cotangent) {
    heed_op op = {.size = sizeof op, .name = "powers", .min_in = 1, .max_in = 1, .n_out = 2, .shape = two_outputs,
                  .forward_any = powers, .backward_any = powers_backward, .save_in = HEED_SAVE(0), .samples = longer_rows};
    passes(&op);
    op.backward_any = second_output_forgotten;
    caught_by_differences(&op);
    op.backward_any = second_output_only_beside_the_first;
    op.flags = HEED_PARTIAL_DY;
    caught(&op, "outputs one by one: gradient");
}

/* ---- kinks ---- */

/* The distance to the nearest multiple of a period: a kink at every half of it. */
static double period_of(const heed_call *c) { return *(const double *)c->attr; }
static void triangle(heed_call *c) {
    for (int64_t i = 0; i < weigh_count(c); i++)
        weigh_put(c->out[0], i, fabs(remainder(weigh_at(c->in[0], i), period_of(c))));
}
static void triangle_backward(heed_call *c) {
    for (int64_t i = 0; i < weigh_count(c); i++)
        weigh_put(c->dx[0], i, remainder(weigh_at(c->in[0], i), period_of(c)) < 0 ? -weigh_at(c->dy[0], i) : weigh_at(c->dy[0], i));
}
static bool with_period(int index, double period, heed_sample *sample) {
    *sample = (heed_sample){.n_in = 1, .in = {{.dtype = HEED_F64, .shape = {1, {3}}, .low = -1, .high = 1}}};
    memcpy(sample->attr.bytes, &period, sizeof period);
    return index < 200;
}
static bool few_kinks(int index, heed_sample *sample) { return with_period(index, 0x1p-4, sample); }
static bool kinks_everywhere(int index, heed_sample *sample) { return index < 20 && with_period(index, 0x1p-18, sample); }
static heed_op op_triangle(heed_sample_rule *samples) {
    return (heed_op){.size = sizeof(heed_op), .name = "triangle", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = sizeof(double),
                     .shape = heed_shape_same, .forward_any = triangle, .backward_any = triangle_backward, .save_in = HEED_SAVE(0),
                     .samples = samples};
}

/* A point where the stencils disagree is drawn again and counted. [promises: kinks] */
Test(gradcheck, draws_again_at_a_kink) {
    heed_op op = op_triangle(few_kinks);
    int redrawn = 0;
    for (uint64_t seed = 0; seed < 8; seed++) {
        heed_check check = heed_gradcheck_op(&op, &(heed_check_options){.seed = seed});
        cr_assert_eq(check.failed, 0, "seed %d: %s", (int)seed, check.failures[0].what);
        cr_assert_eq(check.cases, 200);
        redrawn += check.redrawn;
    }
    cr_assert(redrawn > 0, "600 numbers 1/32 apart from kinks, eight times: some must have come too near to one");
}

/* ... at most 2 % of an op's cases. */
static bool many_kinks(int index, heed_sample *sample) { return with_period(index, 0x1p-9, sample); }
/* [promises: 2 %] */
Test(gradcheck, fails_where_more_than_two_percent_are_redrawn) {
    heed_op op = op_triangle(many_kinks);
    heed_check check = caught(&op, "drawn again, more than 2 %");
    cr_assert(check.failed == 1 && check.cases == 200 && check.redrawn > 4 && check.redrawn < 200, "%d redrawn", check.redrawn);
}

/* [promises: 2 %] */
Test(gradcheck, fails_where_kinks_are_many) {
    heed_op op = op_triangle(kinks_everywhere);
    heed_check check = caught(&op, "no point found where two stencils agree");
    cr_assert_eq(check.cases, 0);
    cr_assert_gt(check.redrawn, 20);
}

static bool abs_samples(int index, heed_sample *sample) {
    *sample = (heed_sample){.n_in = 1, .in = {{.dtype = HEED_F64, .shape = {1, {17}}}}};
    double no_period = 100;
    memcpy(sample->attr.bytes, &no_period, sizeof no_period);
    return index < 60;
}
/* [promises: kinks] */
Test(gradcheck, passes_abs_though_points_come_near_its_kink) {
    heed_op op = op_triangle(abs_samples); /* |x| for |x| < 50 */
    heed_check check = passes(&op);
    cr_assert_eq(check.cases, 60);
}

/* Values that change from call to call are no function. */
static void noise(heed_call *c) {
    static uint64_t calls;
    for (int64_t i = 0; i < weigh_count(c); i++)
        weigh_put(c->out[0], i, weigh_at(c->in[0], i) + 1e-3 * heed_rng_normal(1, calls++));
}
static void pass_on(heed_call *c) {
    for (int64_t i = 0; i < heed_array_count(c->dy[0]); i++)
        weigh_put(c->dx[0], i, weigh_at(c->dy[0], i));
}
/* [promises: two stencils] */
Test(gradcheck, fails_where_values_are_noise) {
    heed_op op = {.size = sizeof op, .name = "noise", .min_in = 1, .max_in = 1, .n_out = 1, .shape = heed_shape_same,
                  .forward_any = noise, .backward_any = pass_on, .samples = squares};
    caught(&op, "no point found");
}
