/* Einstein's sum: y[out letters] = sum over all other letters of x0[letters of x0] x1[letters of x1] ...
 *
 * The op takes one operand or two; a longer equation is carried out from left to right, two by two, each time keeping
 * the letters that somebody still needs. As a nest of loops over the letters it is linear in each operand, so its
 * gradient is the same nest with y and the operand exchanged:
 *
 *     dL/dx0[letters of x0] = sum over all other letters of dL/dy[out letters] x1[letters of x1]
 *
 * A letter that x0 has twice runs along a diagonal: its step is the sum of both axes' steps, and off the diagonal the
 * gradient is zero. A letter that only x0 has is summed over in y, so the gradient is the same all along it: dL/dy and
 * x1 have step 0 there. */
#include <string.h>

#include <heed/op.h>
#include <heed/ops.h>

#include "contract.h"
#include "einsum_text.h"

typedef struct einsum_attr {
    einsum_axes in[2], out; /* in[1] is not used when there is one operand */
} einsum_attr;

static const float one_f32 = 1;
static const double one_f64 = 1;

/* ---- the nest ---- */

static bool has(const einsum_axes *axes, char letter) {
    return strchr(axes->letter, letter) != NULL;
}

/* The step of x along a letter: 0 where x does not have it, or is broadcast along it. */
static int64_t step_along(const einsum_axes *axes, const heed_array *x, char letter, int64_t size) {
    int64_t step = 0;
    for (int i = 0; axes->letter[i]; i++)
        if (axes->letter[i] == letter && x->shape.n[i] == size)
            step += x->stride[i];
    return step;
}

/* How long the loop over a letter is. Axes of "..." may be 1 in one operand and longer in the other. */
static int64_t size_of(const heed_call *call, char letter) {
    const einsum_attr *attr = call->attr;
    int64_t size = 1;
    for (int i = 0; i < call->n_in; i++)
        for (int axis = 0; attr->in[i].letter[axis]; axis++)
            if (attr->in[i].letter[axis] == letter && call->in[i]->shape.n[axis] != 1)
                size = call->in[i]->shape.n[axis];
    return size;
}

/* in and y may be gradients. One operand is multiplied by 1. */
static heed_contraction nest_of(const heed_call *call, const heed_array *const *in, const heed_array *y) {
    const einsum_attr *attr = call->attr;
    heed_array one = {.data = (void *)(uintptr_t)(y->dtype == HEED_F64 ? (const void *)&one_f64 : &one_f32)};
    const heed_array *a = in[0], *b = call->n_in > 1 ? in[1] : &one;
    heed_contraction nest;
    heed_contract_open(&nest, y->dtype, a->data, b->data, y->data);
    for (int i = 0; i < call->n_in; i++)
        for (const char *letter = attr->in[i].letter; *letter; letter++) {
            if (strchr(attr->in[i].letter, *letter) != letter || (i == 1 && has(&attr->in[0], *letter)))
                continue;
            int64_t size = size_of(call, *letter);
            heed_contract_along(&nest, size, step_along(&attr->in[0], a, *letter, size),
                                call->n_in > 1 ? step_along(&attr->in[1], b, *letter, size) : 0,
                                step_along(&attr->out, y, *letter, size));
        }
    return nest;
}

static heed_contraction gradient_nest(const heed_call *call, const heed_array *dx, const heed_array *dy, int operand) {
    const heed_array *in[2] = {call->in[0], call->n_in > 1 ? call->in[1] : NULL};
    in[operand] = dx;
    heed_contraction nest = nest_of(call, in, dy);
    heed_contract_exchange(&nest, operand);
    return nest;
}

/* ---- the shape rule ---- */

/* Every axis of a letter is of one size; those of "..." may also be 1. */
static heed_status check_sizes(heed_call *call) {
    const einsum_attr *attr = call->attr;
    for (int i = 0; i < call->n_in; i++)
        for (int axis = 0; attr->in[i].letter[axis]; axis++) {
            char letter = attr->in[i].letter[axis];
            int64_t size = size_of(call, letter), here = call->in[i]->shape.n[axis];
            bool fits = here == size || (here == 1 && letter <= '9');
            if (!fits && letter <= '9')
                return heed_fail(call, "the axes of \"...\" do not broadcast: %s and %s",
                                 HEED_SHAPE_STR(call->in[0]->shape), HEED_SHAPE_STR(call->in[1]->shape));
            if (!fits)
                return heed_fail(call, "axis '%c' is %lld in one place and %lld in another", letter, (long long)here,
                                 (long long)size);
        }
    return HEED_OK;
}

static heed_array packed(const heed_array *like) {
    heed_array x = *like;
    heed_array_set_strides(&x);
    return x;
}

static heed_status shape(heed_call *call) {
    const einsum_attr *attr = call->attr;
    heed_array *y = call->out[0];
    y->dtype = call->in[0]->dtype;
    if (call->n_in > 1 && call->in[1]->dtype != y->dtype)
        return heed_fail(call, "dtypes differ: %s and %s", heed_dtype_name(y->dtype),
                         heed_dtype_name(call->in[1]->dtype));
    if (check_sizes(call))
        return HEED_INVALID;
    for (const char *letter = attr->out.letter; *letter; letter++)
        y->shape.n[y->shape.rank++] = size_of(call, *letter);
    if (heed_shape_count(y->shape) < 0)
        return HEED_OK; /* which the engine refuses */
    heed_array y_packed = packed(y);
    heed_contraction nest = nest_of(call, call->in, &y_packed);
    call->workspace_bytes = heed_contract_workspace(&nest, call->threads);
    for (int i = 0; i < call->n_in && call->needs_grad; i++) {
        heed_array dx = packed(call->in[i]);
        heed_contraction gradient = gradient_nest(call, &dx, &y_packed, i);
        size_t bytes = heed_contract_workspace(&gradient, call->threads);
        if (bytes > call->backward_workspace_bytes)
            call->backward_workspace_bytes = bytes;
    }
    return HEED_OK;
}

/* ---- the kernels ---- */

static void forward(heed_call *call) {
    if (heed_array_count(call->out[0]) == 0)
        return;
    heed_contraction nest = nest_of(call, call->in, call->out[0]);
    heed_contract(&nest, call->threads, call->workspace);
}

static bool has_diagonal(const einsum_axes *axes) {
    for (const char *letter = axes->letter; *letter; letter++)
        if (strchr(letter + 1, *letter))
            return true;
    return false;
}

static void backward(heed_call *call) {
    const einsum_attr *attr = call->attr;
    for (int i = 0; i < call->n_in; i++) {
        const heed_array *dx = call->dx[i];
        if (dx == NULL || heed_array_count(dx) == 0)
            continue;
        if (has_diagonal(&attr->in[i]) && !call->accumulate[i])
            heed_array_fill(dx, 0, call->threads);
        heed_contraction nest = gradient_nest(call, dx, call->dy[0], i);
        nest.accumulate = call->accumulate[i];
        heed_contract(&nest, call->threads, call->workspace);
    }
}

/* A multiply and an add a point of the nest; with one operand, an add. */
static void cost(const heed_call *call, heed_cost *cost) {
    const einsum_attr *attr = call->attr;
    int products = call->dx ? 0 : 1;
    for (int i = 0; i < call->n_in && call->dx; i++)
        products += call->dx[i] != NULL;
    cost->flops = (double)call->n_in * products;
    for (int i = 0; i < call->n_in; i++)
        for (const char *letter = attr->in[i].letter; *letter; letter++)
            if (strchr(attr->in[i].letter, *letter) == letter && !(i == 1 && has(&attr->in[0], *letter)))
                cost->flops *= (double)size_of(call, *letter);
}

/* ---- samples ---- */

static bool samples(int index, heed_sample *sample) {
    static const struct {
        einsum_attr axes;
        heed_shape in[2];
    } table[] = {
        {{{{"i"}, {""}}, {"i"}}, {{1, {1}}}},
        {{{{"i"}, {""}}, {""}}, {{1, {33}}}},
        {{{{"ij"}, {""}}, {"ji"}}, {{2, {15, 17}}}},
        {{{{"ij"}, {""}}, {"j"}}, {{2, {16, 2}}}},
        {{{{"ij"}, {""}}, {"i"}}, {{2, {2, 16}}}},
        {{{{"ii"}, {""}}, {""}}, {{2, {17, 17}}}},
        {{{{"ii"}, {""}}, {"i"}}, {{2, {16, 16}}}},
        {{{{"iji"}, {""}}, {"j"}}, {{3, {3, 15, 3}}}},
        {{{{"iij"}, {""}}, {"ji"}}, {{3, {4, 4, 5}}}},
        {{{{"iii"}, {""}}, {"i"}}, {{3, {5, 5, 5}}}},
        {{{{"67"}, {""}}, {"67"}}, {{2, {2, 3}}}},
        {{{{"ij"}, {"jk"}}, {"ik"}}, {{2, {15, 16}}, {2, {16, 17}}}},
        {{{{"ij"}, {"jk"}}, {"ki"}}, {{2, {17, 2}}, {2, {2, 15}}}},
        {{{{"ij"}, {"ij"}}, {""}}, {{2, {16, 2}}, {2, {16, 2}}}},
        {{{{"ij"}, {"ij"}}, {"ij"}}, {{2, {2, 33}}, {2, {2, 33}}}},
        {{{{"ij"}, {"ij"}}, {"i"}}, {{2, {5, 15}}, {2, {5, 15}}}},
        {{{{"ij"}, {"ji"}}, {"j"}}, {{2, {3, 16}}, {2, {16, 3}}}},
        {{{{"i"}, {"j"}}, {"ij"}}, {{1, {17}}, {1, {15}}}},
        {{{{"i"}, {"j"}}, {"ji"}}, {{1, {1}}, {1, {33}}}},
        {{{{"i"}, {"j"}}, {"j"}}, {{1, {16}}, {1, {2}}}},
        {{{{"bhtd"}, {"bhsd"}}, {"bhts"}}, {{4, {2, 3, 4, 5}}, {4, {2, 3, 6, 5}}}},
        {{{{"bhts"}, {"bshd"}}, {"bthd"}}, {{4, {2, 3, 4, 6}}, {4, {2, 6, 3, 5}}}},
        {{{{"67ij"}, {"7jk"}}, {"67ik"}}, {{4, {2, 1, 3, 4}}, {3, {3, 4, 2}}}},
        {{{{"7i"}, {"67i"}}, {"i67"}}, {{2, {1, 3}}, {3, {2, 5, 3}}}},
        {{{{"7i"}, {"7"}}, {"i"}}, {{2, {4, 2}}, {1, {1}}}},
        {{{{"iij"}, {"jkk"}}, {"ik"}}, {{3, {3, 3, 2}}, {3, {2, 4, 4}}}},
        {{{{"abc"}, {"cbd"}}, {"da"}}, {{3, {2, 3, 4}}, {3, {4, 3, 5}}}},
        {{{{"abcd"}, {"dbca"}}, {"cb"}}, {{4, {2, 3, 1, 4}}, {4, {4, 3, 1, 2}}}},
        {{{{"abcd"}, {"aefc"}}, {"bdef"}}, {{4, {2, 3, 2, 2}}, {4, {2, 1, 3, 2}}}},
    };
    if (index >= (int)(sizeof table / sizeof table[0]))
        return false;
    *sample = (heed_sample){.n_in = table[index].in[1].rank > 0 ? 2 : 1};
    for (int i = 0; i < sample->n_in; i++)
        sample->in[i] = (heed_sample_input){.dtype = HEED_F64, .shape = table[index].in[i]};
    memcpy(sample->attr.bytes, &table[index].axes, sizeof(einsum_attr));
    return true;
}

const heed_op heed_op_einsum = {
    .size = sizeof(heed_op),
    .name = "einsum",
    .min_in = 1,
    .max_in = 2,
    .n_out = 1,
    .flags = HEED_STRIDED | HEED_ACCUMULATES,
    .attr_size = sizeof(einsum_attr),
    .shape = shape,
    .forward = {[HEED_F32] = forward, [HEED_F64] = forward},
    .backward = {[HEED_F32] = backward, [HEED_F64] = backward},
    .save_in = HEED_SAVE(0) | HEED_SAVE(1),
    .samples = samples,
    .cost = cost,
};

/* ---- from text to ops ---- */

/* The letters of a and b that the result or an operand still to come has. False: too many for one tensor. */
static bool kept_letters(const einsum_axes *a, const einsum_axes *b, const int *users, einsum_axes *kept) {
    int n = 0;
    *kept = (einsum_axes){{0}};
    for (int i = 0; i < 2; i++)
        for (const char *letter = (i == 0 ? a : b)->letter; *letter; letter++) {
            if (users[(int)*letter] == 0 || has(kept, *letter))
                continue;
            if (n == HEED_MAX_RANK)
                return false;
            kept->letter[n++] = *letter;
        }
    return true;
}

/* The axes in another order and nothing else: a view does. */
static bool only_permutes(const einsum_axes *in, const einsum_axes *out) {
    return !has_diagonal(in) && strlen(in->letter) == strlen(out->letter);
}

static heed_tensor apply_to_one(heed_tape *t, heed_tensor x, const einsum_axes *in, const einsum_axes *out) {
    if (!only_permutes(in, out))
        return heed_apply(t, &heed_op_einsum, &x, 1, &(einsum_attr){.in = {*in}, .out = *out});
    int axes[HEED_MAX_RANK] = {0};
    for (int i = 0; out->letter[i]; i++)
        axes[i] = (int)(strchr(in->letter, out->letter[i]) - in->letter);
    return heed_permute(t, x, axes);
}

heed_tensor heed_einsum(heed_tape *t, const char *equation, const heed_tensor *xs, int n) {
    if (n < 1)
        return heed_fail_tape(t, HEED_INVALID, "einsum: %d operands are given, it takes at least 1", n);
    einsum_equation e;
    if (!einsum_read(t, equation, xs, n, &e))
        return heed_fail_tape(t, HEED_INVALID, "einsum: \"%s\": %s", equation, e.trouble);
    einsum_attr attr = {.in = {einsum_next(&e, heed_rank(t, xs[0]))}};
    if (n == 1)
        return apply_to_one(t, xs[0], &attr.in[0], &e.out);
    heed_tensor y = xs[0];
    for (int i = 1; i < n; i++) {
        attr.in[1] = einsum_next(&e, heed_rank(t, xs[i]));
        attr.out = e.out;
        if (i < n - 1 && !kept_letters(&attr.in[0], &attr.in[1], e.users, &attr.out))
            return heed_fail_tape(t, HEED_INVALID,
                                  "einsum: \"%s\": the product of its first %d operands has more than %d axes",
                                  equation, i + 1, HEED_MAX_RANK);
        y = heed_apply(t, &heed_op_einsum, (heed_tensor[]){y, xs[i]}, 2, &attr);
        attr.in[0] = attr.out;
    }
    return y;
}
