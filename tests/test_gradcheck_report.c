/* What the gradient checker draws, what it says, how it treats models; and a share of `make gradcheck`. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "helpers/layer_cases.h"
#include "helpers/weigh_op.h"

/* ---- drawing ---- */

/* The identity, which notes what its first recorded run was given: the point as it was drawn. */
static struct {
    bool done;
    double low, high, gap, from_half;
} seen;

static void note(const heed_array *a) {
    for (int64_t i = 0; i < heed_array_count(a); i++) {
        double x = weigh_at(a, i);
        seen.low = fmin(seen.low, x);
        seen.high = fmax(seen.high, x);
        seen.from_half = fmin(seen.from_half, fabs(x - 0.5));
        for (int64_t j = 0; j < i; j++)
            seen.gap = fmin(seen.gap, fabs(x - weigh_at(a, j)));
    }
}
static void look(heed_call *c) {
    heed_array_copy(c->out[0], c->in[0], 1);
    if (!seen.done && c->needs_grad)
        note(c->in[0]);
    seen.done = seen.done || c->needs_grad;
}
static void pass_on(heed_call *c) { heed_array_copy(c->dx[0], c->dy[0], 1); }

static heed_sample_input drawn;
static bool drawn_sample(int index, heed_sample *sample) {
    *sample = (heed_sample){.n_in = 1, .in = {drawn}};
    return index < 1;
}
static void draw(heed_sample_input input) {
    heed_op op = {.size = sizeof op, .name = "look", .min_in = 1, .max_in = 1, .n_out = 1, .shape = heed_shape_same,
                  .forward_any = look, .backward_any = pass_on, .samples = drawn_sample};
    drawn = input;
    seen.done = false;
    seen.low = seen.gap = seen.from_half = INFINITY;
    seen.high = -INFINITY;
    heed_check check = heed_gradcheck_op(&op, NULL);
    cr_assert_eq(check.failed, 0, "%s", check.failures[0].what);
}

Test(gradcheck, draws_what_the_sample_asks_for) {
    draw((heed_sample_input){.dtype = HEED_F64, .shape = {1, {400}}, .low = -1, .high = 2});
    cr_assert(seen.low >= -1 && seen.low < -0.9 && seen.high <= 2 && seen.high > 1.9, "%g to %g", seen.low, seen.high);
    draw((heed_sample_input){.dtype = HEED_F64, .shape = {1, {400}}});
    cr_assert(seen.low < -2 && seen.low > -6 && seen.high > 2 && seen.high < 6, "%g to %g", seen.low, seen.high);
    draw((heed_sample_input){.dtype = HEED_F64, .shape = {1, {400}}, .avoid = 0.5, .avoid_by = 0.1});
    cr_assert_geq(seen.from_half, 0.1);
    draw((heed_sample_input){.dtype = HEED_F64, .shape = {1, {400}}, .apart = 0.05});
    cr_assert_geq(seen.gap, 0.05);
    draw((heed_sample_input){.dtype = HEED_F64, .shape = {1, {40}}, .low = 0, .high = 1, .apart = 0.01, .avoid = 0.5, .avoid_by = 0.05});
    cr_assert(seen.gap >= 0.01 && seen.from_half >= 0.05, "%g, %g", seen.gap, seen.from_half);
}

/* ---- descriptors ---- */

Test(gradcheck, says_why_an_op_cannot_be_checked) {
    heed_op op = weigh_op("weigh", weigh_backward);
    heed_check check = heed_gradcheck_op(NULL, NULL);
    cr_assert(check_mentions(&check, "it is NULL"));
    op.samples = NULL;
    check = heed_gradcheck_op(&op, NULL);
    cr_assert(check_mentions(&check, "it has no samples"));
    op.size = 8;
    check = heed_gradcheck_op(&op, NULL);
    cr_assert(check_mentions(&check, "headers of another version"));
}

static heed_status refuses(heed_call *c) { return heed_fail(c, "shape %s is not wanted here", HEED_SHAPE_STR(c->in[0]->shape)); }
Test(gradcheck, reports_an_ops_own_error) {
    heed_op op = weigh_op("refuses", weigh_backward);
    op.shape = refuses;
    heed_check check = heed_gradcheck_op(&op, NULL);
    cr_assert(check_mentions(&check, "it does not run: refuses: shape () is not wanted here"), "%s", check.failures[0].what);
}

static void nothing(heed_call *c) { weigh_backward_scaled(c, 0, 0); }
Test(gradcheck, stops_at_the_first_case_that_fails_if_asked) {
    heed_op op = weigh_op("nothing", nothing);
    heed_check all = heed_gradcheck_op(&op, NULL), first = heed_gradcheck_op(&op, &(heed_check_options){.first = true});
    cr_assert_eq(all.vacuous, 6);
    cr_assert_eq(first.vacuous, 1);
    cr_assert(first.failed > 0);
}

Test(gradcheck, takes_at_most_the_cases_asked_for) {
    heed_op op = weigh_op("right", weigh_backward);
    heed_check check = heed_gradcheck_op(&op, &(heed_check_options){.cases = 2});
    cr_assert_eq(check.cases, 2);
}

/* ---- functions of variables and parameters ---- */

typedef struct weigh_layer {
    heed_param w;
    heed_op op;
} weigh_layer;

/* x² w */
static heed_tensor of_model(void *user, heed_tape *t, const heed_tensor *variables) {
    weigh_layer *layer = user;
    return heed_apply(t, &layer->op, (heed_tensor[]){variables[0], heed_use(t, layer->w)}, 2, NULL);
}

static void factor_two_for_w(heed_call *c) { weigh_backward_scaled(c, 1, 2); }
static void flipped_sign_for_x(heed_call *c) { weigh_backward_scaled(c, -1, 1); }
static void depends_on_threads(heed_call *c) { weigh_backward_scaled(c, 1, c->threads > 1 ? nextafter(1, 2) : 1); }

static heed_check check_model(heed_kernel *backward, heed_dtype dtype) {
    weigh_layer layer = {.op = weigh_op("weigh", backward)};
    heed_model *model = heed_model_new();
    layer.w = heed_param_new(heed_model_root(model), "w", HEED_SHAPE(3, 4), heed_init_normal(0, 1));
    cr_assert_eq(heed_model_build(model, dtype, 1), HEED_OK);
    double before[12], after[12];
    cr_assert_eq(heed_param_get(layer.w, before, 12), HEED_OK);
    heed_sample_input input = {.dtype = HEED_F64, .shape = HEED_SHAPE(3, 4)};
    heed_check check = heed_gradcheck(&(heed_check_case){.name = "of_model", .fn = of_model, .user = &layer, .model = model, .n = 1,
                                                         .inputs = &input}, NULL);
    cr_assert_eq(heed_param_get(layer.w, after, 12), HEED_OK);
    cr_assert_arr_eq(before, after, sizeof before, "the check must leave a model as it was");
    heed_model_free(model);
    return check;
}

Test(gradcheck, checks_functions_of_variables_and_parameters) {
    heed_check check = check_model(weigh_backward, HEED_F64);
    cr_assert_eq(check.failed, 0, "%s", check.failures[0].what);
    cr_assert_eq(check.cases, 4);
    check = check_model(factor_two_for_w, HEED_F64);
    cr_assert(check_mentions(&check, "gradient of w"), "%s", check.failures[0].what);
    cr_assert_eq(check.failures[0].input, 1);
    check = check_model(flipped_sign_for_x, HEED_F64);
    cr_assert_eq(check.failures[0].input, 0);
    check = check_model(depends_on_threads, HEED_F64);
    cr_assert(check_mentions(&check, "1 thread = 3 threads"));
    check = check_model(weigh_backward, HEED_F32);
    cr_assert(check_mentions(&check, "the model must be built, as HEED_F64"));
}

static heed_tensor fails(void *user, heed_tape *t, const heed_tensor *variables) {
    (void)user, (void)variables;
    return heed_fail_tape(t, HEED_INVALID, "no such thing");
}
Test(gradcheck, reports_a_functions_own_error) {
    heed_check check = heed_gradcheck(&(heed_check_case){.name = "fails", .fn = fails}, NULL);
    cr_assert(check_mentions(&check, "it does not run: no such thing"));
}

/* ---- printing ---- */

static void printed(const heed_check *check, char *text, size_t size) {
    FILE *file = tmpfile();
    cr_assert_not_null(file);
    heed_check_print(check, file);
    rewind(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

Test(gradcheck, prints_a_row_and_its_failures) {
    heed_check check = {.name = "softmax", .cases = 48, .redrawn = 1, .worst = 0.01234};
    char text[1024];
    printed(&check, text, sizeof text);
    cr_assert_str_eq(text, "  softmax                      48        1      0.012  ok\n");
    check.failed = 3;
    check.worst = INFINITY;
    check.n_failures = 2;
    check.failures[0] = (heed_check_failure){.sample = 2, .input = 1, .coordinate = 17, .analytic = -0.5, .numeric = 0.5,
                                             .tolerance = 1.5e-9, .what = "gradient"};
    check.failures[1] = (heed_check_failure){.sample = -1, .input = -1, .coordinate = -1, .what = "3 points were drawn again"};
    printed(&check, text, sizeof text);
    cr_assert_str_eq(text, "  softmax                      48        1        inf  FAILED (3)\n"
                           "      sample 2, input 1[17]: gradient: -0.5, expected 0.5 within 1.5e-09\n"
                           "      3 points were drawn again\n"
                           "      ... and 1 more\n");
}

Test(gradcheck, merges_counts_and_failures) {
    heed_check all = {.name = "gru", .cases = 2, .worst = 0.5};
    heed_check one = {.name = "padding", .cases = 1, .vacuous = 1, .redrawn = 1, .failed = 1, .worst = 7, .n_failures = 1,
                      .failures = {{.what = "gradient of w_i"}}};
    heed_check_merge(&all, &one);
    cr_assert(all.cases == 3 && all.vacuous == 1 && all.redrawn == 1 && all.failed == 1 && all.n_failures == 1);
    cr_assert_eq(all.worst, 7);
    cr_assert_str_eq(all.failures[0].what, "padding: gradient of w_i");
}

/* ---- a share of make gradcheck ---- */

static void all_right(const heed_check *check) {
    cr_expect_eq(check->failed, 0, "%s: %d failed, first: sample %d, input %d [%ld]: %s: %g, expected %g", check->name, check->failed,
                 check->failures[0].sample, check->failures[0].input, (long)check->failures[0].coordinate, check->failures[0].what,
                 check->failures[0].analytic, check->failures[0].numeric);
    cr_expect(check->cases > 0 || check->no_gradient, "%s: no case had a gradient", check->name);
}

/* [promises: op(x, x); constants; views; f32 and f64; threads] */
Test(gradcheck, every_builtin_op_passes) {
    for (int i = 0; heed_builtin_ops[i]; i++) {
        heed_check check = heed_gradcheck_op(heed_builtin_ops[i], &(heed_check_options){.cases = 6, .seed = 1});
        all_right(&check);
    }
}

/* [promises: threads] */
Test(gradcheck, every_layer_passes) {
    for (int i = 0; i < layer_cases_count();) {
        heed_check check = layer_cases_check(i, &(heed_check_options){.cases = 3, .seed = 1}, &i);
        all_right(&check);
    }
}
