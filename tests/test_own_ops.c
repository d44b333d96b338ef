/* Ops that someone else has written: what the engine checks of them, what it shows them, what it does for them. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <heed/heed.h>

#define SAYS(t, text) cr_assert_str_eq(heed_error_text(t), text)

static heed_tape *t;

static void open_tape(void) {
    t = heed_tape_new();
}

static void close_tape(void) {
    heed_tape_free(t);
}

TestSuite(own_ops, .init = open_tape, .fini = close_tape);

static heed_tensor scalar(double x) {
    return heed_variable(t, HEED_F64, HEED_SCALAR, &x);
}

static void walk(heed_tensor loss) {
    cr_assert_eq(heed_backward(t, loss, NULL), HEED_OK, "%s", heed_error_text(t));
}

static void copy(heed_call *call) {
    heed_array_copy(call->out[0], call->in[0], call->threads);
}

static void copy_back(heed_call *call) {
    heed_array_copy(call->dx[0], call->dy[0], call->threads);
}

static bool no_samples(int index, heed_sample *sample) {
    (void)index;
    (void)sample;
    return false;
}

Test(own_ops, an_op_without_a_gradient_for_a_dtype_says_so) {
    static const heed_op op = {.size = sizeof op, .name = "half", .min_in = 1, .max_in = 1, .n_out = 1, .shape = heed_shape_same,
                               .forward_any = copy, .backward = {[HEED_F32] = copy_back}, .samples = no_samples};
    heed_tensor x = scalar(1);
    cr_assert(heed_is_nil(heed_apply(t, &op, &x, 1, NULL)));
    SAYS(t, "half: it has no gradient on f64; see heed_cast");
    heed_tape_reset(t);
    x = heed_input(t, HEED_F64, HEED_SCALAR, (double[]){5});
    cr_assert_eq(heed_item(t, heed_apply(t, &op, &x, 1, NULL)), 5); /* nobody asks for one */
}

/* A view that starts where its second input says. */
static heed_status from_row(heed_call *call) {
    heed_array row = *call->in[0];
    row.shape = HEED_SHAPE(row.shape.n[1]);
    row.stride[0] = call->in[0]->stride[1];
    row.data = (double *)row.data + call->in[0]->stride[0] * call->in[1]->shape.n[0];
    *call->out[0] = row;
    return HEED_OK;
}

Test(own_ops, a_view_may_have_further_inputs) {
    static const heed_op op = {.size = sizeof op, .name = "row", .min_in = 2, .max_in = 2, .n_out = 1, .flags = HEED_VIEW, .shape = from_row,
                               .samples = no_samples};
    heed_tensor x = heed_variable(t, HEED_F64, HEED_SHAPE(3, 2), (double[]){1, 2, 3, 4, 5, 6}), one = heed_zeros(t, HEED_I32, HEED_SHAPE(1));
    heed_tensor y = heed_apply(t, &op, (heed_tensor[]){x, one}, 2, NULL);
    cr_assert_eq(heed_f64(t, y)[1], 4);
    walk(heed_sum(t, heed_square(t, y), HEED_ALL_AXES));
    const double *g = heed_f64(t, heed_grad(t, x)), expected[] = {0, 0, 6, 8, 0, 0};
    for (int i = 0; i < 6; i++)
        cr_assert_eq(g[i], expected[i]);
}

Test(own_ops, descriptors_that_cannot_be_run_are_refused) {
    heed_op op = {.size = sizeof op, .name = "odd", .min_in = 1, .max_in = 1, .shape = heed_shape_same, .flags = HEED_NO_GRADIENT,
                  .forward_any = copy, .samples = no_samples};
    heed_apply(t, &op, &(heed_tensor){0}, 1, NULL);
    SAYS(t, "odd: the descriptor says neither how many outputs there are nor how to ask");
    heed_tape_reset(t);
    op.n_out = 1;
    op.dispatch = 1;
    heed_tensor x = scalar(1);
    heed_apply(t, &op, &x, 1, NULL);
    SAYS(t, "odd: input 1 is to pick the kernel; there are 1");
    heed_tape_reset(t);
    op.dispatch = 0;
    op.attr_size = 8;
    x = scalar(1);
    heed_apply(t, &op, &x, 1, NULL);
    SAYS(t, "odd: its attributes are NULL");
}

/* ---- what backward is shown ---- */

enum { N = 1000 };

/* y = 2 x, z = 3 x; what is not declared as saved is not there. */
static heed_status two_like_the_first(heed_call *call) {
    *call->out[1] = *call->out[0] = (heed_array){.dtype = call->in[0]->dtype, .shape = call->in[0]->shape};
    return HEED_OK;
}

static void twice_and_thrice(heed_call *call) {
    const double *x = call->in[0]->data;
    for (int o = 0; o < 2; o++)
        for (int i = 0; i < N; i++)
            ((double *)call->out[o]->data)[i] = (2 + o) * x[i];
}

static void twice_and_thrice_back(heed_call *call) {
    cr_assert(call->in[0]->data == NULL && call->out[0]->data == NULL && call->out[1]->data != NULL);
    cr_assert_eq(((const double *)call->out[1]->data)[7], 21);
    cr_assert_eq(call->in[0]->shape.n[0], N);
    double *dx = call->dx[0]->data;
    for (int i = 0; i < N; i++)
        dx[i] = 2 * ((const double *)call->dy[0]->data)[i] + 3 * ((const double *)call->dy[1]->data)[i];
}

static const heed_op two_outputs = {.size = sizeof two_outputs, .name = "two", .min_in = 1, .max_in = 1, .n_out = 2, .shape = two_like_the_first,
                                    .forward_any = twice_and_thrice, .backward_any = twice_and_thrice_back, .save_out = HEED_SAVE(1),
                                    .samples = no_samples};

/* An output that nobody used has the gradient zero, in memory of its own. */
Test(own_ops, gradients_of_outputs_that_nobody_used_are_zeros) {
    for (int used = 0; used < 3; used++) {
        heed_tape_reset(t);
        heed_tensor x = heed_arange(t, HEED_F64, N), outs[2];
        x = heed_variable(t, HEED_F64, HEED_SHAPE(N), heed_f64(t, x));
        heed_apply_many(t, &two_outputs, &x, 1, NULL, outs);
        heed_tensor y = used == 2 ? heed_add(t, outs[0], outs[1]) : outs[used];
        heed_tensor loss = heed_add(t, heed_keep_grad(t, heed_sum(t, heed_square(t, x), HEED_ALL_AXES)), heed_sum(t, y, HEED_ALL_AXES));
        walk(loss);
        const double *dx = heed_f64(t, heed_grad(t, x));
        for (int i = 0; i < N; i++)
            cr_assert_eq(dx[i], 2 * i + (used == 2 ? 5 : 2 + used), "used %d, element %d: %g", used, i, dx[i]);
    }
}

/* ---- memory ---- */

static heed_status with_workspace(heed_call *call) {
    call->workspace_bytes = 1 << 20;
    return heed_shape_same(call);
}

Test(own_ops, workspace_is_given_back) {
    static const heed_op op = {.size = sizeof op, .name = "spacious", .min_in = 1, .max_in = 1, .n_out = 1, .flags = HEED_NO_GRADIENT,
                               .shape = with_workspace, .forward_any = copy, .samples = no_samples};
    for (int step = 0; step < 3; step++) { /* all in one piece of memory from the second on */
        heed_tape_reset(t);
        heed_tensor x = heed_zeros(t, HEED_F32, HEED_SHAPE(16));
        size_t before = heed_tape_statistics(t).used_bytes;
        for (int i = 0; i < 5; i++)
            x = heed_apply(t, &op, &x, 1, NULL);
        cr_expect(step == 0 || heed_tape_statistics(t).used_bytes == before + 5 * 16 * sizeof(float), "step %d: %zu bytes", step,
                  heed_tape_statistics(t).used_bytes - before);
    }
}
