/* What the gradient checker says a wrong gradient looks like: y = x wᵀ + b, x (5, 4), w (3, 4), b (3), its backward with one
 * mistake each. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "helpers/weigh_op.h"

enum { ROWS = 5, INPUTS = 4, OUTPUTS = 3 };

/* ---- the op ---- */

static heed_status affine_shape(heed_call *c) {
    c->out[0]->shape = HEED_SHAPE(ROWS, OUTPUTS);
    c->out[0]->dtype = c->in[0]->dtype;
    return HEED_OK;
}

static double x_at(const heed_call *c, int r, int i) { return weigh_at(c->in[0], r * INPUTS + i); }
static double w_at(const heed_call *c, int o, int i) { return weigh_at(c->in[1], o * INPUTS + i); }
static double dy_at(const heed_call *c, int r, int o) { return weigh_at(c->dy[0], r * OUTPUTS + o); }

static void affine_forward(heed_call *c) {
    for (int r = 0; r < ROWS; r++)
        for (int o = 0; o < OUTPUTS; o++) {
            double y = weigh_at(c->in[2], o);
            for (int i = 0; i < INPUTS; i++)
                y += x_at(c, r, i) * w_at(c, o, i);
            weigh_put(c->out[0], r * OUTPUTS + o, y);
        }
}

/* A way to be wrong about dw or db. */
typedef struct mistake {
    double factor;
    int first, end;     /* the rows of x that are summed over */
    bool transposed;    /* dw lies as (INPUTS, OUTPUTS) */
    bool short_of_last; /* dw's last column is not written */
    bool not_a_number;
} mistake;
static mistake made;

static void put_dw(heed_call *c, int o, int i, double value) {
    const int at = made.transposed ? i * OUTPUTS + o : o * INPUTS + i;
    weigh_put(c->dx[1], at, made.short_of_last && i == INPUTS - 1 ? 0 : made.factor * value);
}

static void affine_backward(heed_call *c) {
    for (int r = 0; c->dx[0] && r < ROWS; r++)
        for (int i = 0; i < INPUTS; i++) {
            double sum = 0;
            for (int o = 0; o < OUTPUTS; o++)
                sum += dy_at(c, r, o) * w_at(c, o, i);
            weigh_put(c->dx[0], r * INPUTS + i, sum);
        }
    for (int o = 0; o < OUTPUTS; o++) {
        double db = 0;
        for (int r = made.first; r < made.end; r++)
            db += dy_at(c, r, o);
        if (c->dx[2])
            weigh_put(c->dx[2], o, made.not_a_number && o == 1 ? NAN : made.factor * db);
        for (int i = 0; c->dx[1] && i < INPUTS; i++) {
            double dw = 0;
            for (int r = made.first; r < made.end; r++)
                dw += dy_at(c, r, o) * x_at(c, r, i);
            put_dw(c, o, i, dw);
        }
    }
}

static bool affine_samples(int index, heed_sample *sample) {
    *sample = (heed_sample){.n_in = 3,
                            .in = {{.dtype = HEED_F64, .shape = HEED_SHAPE(ROWS, INPUTS)},
                                   {.dtype = HEED_F64, .shape = HEED_SHAPE(OUTPUTS, INPUTS)},
                                   {.dtype = HEED_F64, .shape = HEED_SHAPE(OUTPUTS)}}};
    return index < 1;
}

static const heed_op affine = {.size = sizeof affine, .name = "affine", .min_in = 3, .max_in = 3, .n_out = 1,
                               .shape = affine_shape, .forward_any = affine_forward, .backward_any = affine_backward,
                               .save_in = HEED_SAVE(0) | HEED_SAVE(1), .samples = affine_samples};

/* ---- what is said ---- */

static const char *likely_of(const heed_op *op, int input) {
    static heed_check check;
    check = heed_gradcheck_op(op, NULL);
    for (int i = 0; i < check.n_failures; i++)
        if (check.failures[i].input == input && strcmp(check.failures[i].what, "gradient") == 0)
            return check.failures[i].likely;
    cr_assert_fail("input %d passed", input);
    return "";
}

static void says(mistake m, int input, const char *likely) {
    made = m;
    if (made.factor == 0 && !m.transposed)
        made.factor = 1;
    if (made.end == 0)
        made.end = ROWS;
    cr_assert_str_eq(likely_of(&affine, input), likely);
}

Test(gradcheck_likely, nothing_is_wrong_with_the_op_itself) {
    made = (mistake){.factor = 1, .end = ROWS};
    cr_assert_eq(heed_gradcheck_op(&affine, NULL).failed, 0);
}

Test(gradcheck_likely, a_sign) {
    says((mistake){.factor = -1}, 1, "the sign: it is the right gradient times -1");
    says((mistake){.factor = -1}, 2, "the sign: it is the right gradient times -1");
}

Test(gradcheck_likely, a_factor) {
    says((mistake){.factor = 2.5}, 1, "a factor: it is the right gradient times 2.5");
    says((mistake){.factor = 0.25}, 1, "a factor: it is the right gradient times 0.25, 1 / the length of its last axis");
    says((mistake){.factor = 2}, 1,
         "a factor: it is the right gradient times 2, the root of the length of its last axis");
    says((mistake){.factor = 12}, 1, "a factor: it is the right gradient times 12, the number of its elements");
}

Test(gradcheck_likely, a_transposed_operand) {
    says((mistake){.factor = 1, .transposed = true}, 1, "transposed: its last two axes (3 x 4) are exchanged");
}

Test(gradcheck_likely, a_missing_sum) {
    says((mistake){.end = 1}, 2, "a missing sum: only the outputs at place 0 of their axis 0 (5 long) count");
    says((mistake){.first = 4}, 1, "a missing sum: only the outputs at place 4 of their axis 0 (5 long) count");
}

Test(gradcheck_likely, a_sum_that_ends_early) {
    says((mistake){.end = ROWS - 1}, 1, "a sum ends early: the outputs at place 4 of their axis 0 (5 long) are left out");
    says((mistake){.first = 1}, 2, "a sum ends early: the outputs at place 0 of their axis 0 (5 long) are left out");
}

Test(gradcheck_likely, a_loop_that_ends_early) {
    says((mistake){.short_of_last = true}, 1,
         "a loop ends early: only entries at the end of its axis 1 (4 long) are wrong");
}

Test(gradcheck_likely, no_number) {
    says((mistake){.not_a_number = true}, 2,
         "1 of 3 entries are NaN or infinite: a division by zero, a log of 0, memory never written");
}

static void exchanged(heed_call *c) {
    for (int64_t i = 0; i < weigh_count(c); i++) {
        const double x = weigh_at(c->in[0], i), w = weigh_at(c->in[1], i), dy = weigh_at(c->dy[0], i);
        if (c->dx[0])
            weigh_put(c->dx[0], i, x * x * dy);
        if (c->dx[1])
            weigh_put(c->dx[1], i, 2 * x * w * dy);
    }
}
static void one_forgotten(heed_call *c) { weigh_backward_scaled(c, 1, 0); }

Test(gradcheck_likely, operands_that_are_exchanged_and_one_that_is_forgotten) {
    heed_op op = weigh_op("exchanged", exchanged);
    cr_assert_str_eq(likely_of(&op, 0), "exchanged operands: it is the gradient of input 1");
    cr_assert_str_eq(likely_of(&op, 1), "exchanged operands: it is the gradient of input 0");
    op = weigh_op("forgotten", one_forgotten);
    cr_assert_str_eq(likely_of(&op, 1), "it is zero everywhere: backward writes nothing for this input, or only zeros");
}

/* ---- every entry, for whoever asks ---- */

typedef struct told {
    int inputs, entries, wrong;
    double worst;
} told;

static void listen(void *user, const heed_check_entries *e) {
    told *t = user;
    t->inputs++;
    t->wrong += e->failed;
    for (int64_t i = 0; i < heed_shape_count(e->shape); i++) {
        t->entries++;
        t->worst = fmax(t->worst, fabs(e->analytic[i] - e->numeric[i]) / (e->absolute + e->relative * fabs(e->numeric[i])));
    }
}

Test(gradcheck_likely, entries_are_told) {
    told t = {0};
    made = (mistake){.factor = 1, .end = ROWS};
    heed_check check = heed_gradcheck_op(&affine, &(heed_check_options){.entries = listen, .user = &t});
    cr_assert_eq(t.inputs, 3);
    cr_assert_eq(t.entries, ROWS * INPUTS + OUTPUTS * INPUTS + OUTPUTS);
    cr_assert_eq(t.wrong, 0);
    cr_assert_float_eq(t.worst, check.worst, 1e-12);
}
