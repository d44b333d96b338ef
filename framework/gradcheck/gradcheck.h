/* Checks gradients against central differences, for any op, any layer, any function of tensors and parameters.
 *
 * Intended use, for an op of yours:
 *     heed_check check = heed_gradcheck_op(&my_op, NULL);
 *     heed_check_print(&check, stdout);
 *     return check.failed != 0;
 *
 * How: in f64, with random +-1 cotangents u, the analytic u·J by one backward pass is compared with central differences n
 * of u·f at a step where two stencils agree with each other (the analytic value is never looked at):
 *     err <= 1e-10 sum |u_i y_i| + 1e-7 |n|
 * at every coordinate up to 512 inputs, beyond that along 8 random directions and at 64 coordinates. A point where the
 * stencils disagree (a kink) is drawn again and counted. A case counts only if its gradient is not all zero: if "the
 * gradient is zero" would not have passed.
 *
 * And around each point the gradient must stay one: with random directions v and w, by differences of the gradient, w·Hv =
 * v·Hw to 1e-8, as a Hessian is symmetric; and to 1e-7 that is what differences of values alone say of the same number. It
 * sees a backward that narrows something to float, or remembers what an earlier call saw.
 *
 * A heed_check is plain data: nothing to free. Checks may run beside each other on several threads, each with its own model. */
#ifndef HEED_GRADCHECK_H
#define HEED_GRADCHECK_H

#include <stdio.h>

#include <heed/model.h>
#include <heed/op.h>

HEED_BEGIN_DECLS

/* One input's gradient at one point, entry by entry, for whoever wants to see all of it. */
typedef struct heed_check_entries {
    const char *name;       /* of the op or function */
    int sample, input;
    const char *parameter;  /* its path, where it is one; or NULL */
    heed_shape shape;
    const double *analytic, *numeric; /* numeric is NaN where it was not worked out: of more than 512 entries, some are */
    double absolute, relative; /* tolerance: absolute + relative |numeric| */
    bool failed;
    const char *likely;
} heed_check_entries;
typedef void heed_check_entries_fn(void *user, const heed_check_entries *entries);

typedef struct heed_check_options {
    uint64_t seed; /* of the points drawn */
    int cases;     /* of an op: at most this many samples, 0: all; of a function: points, 0: 4 */
    int threads;   /* compared bit for bit with 1 thread; 0: 3 */
    bool first;    /* stop behind the first sample or point that fails */
    heed_check_entries_fn *entries; /* NULL, or told of every input's gradient, from the thread that checks */
    void *user;
} heed_check_options;

/* One disagreement: enough to find it again. */
typedef struct heed_check_failure {
    int sample;             /* which sample of an op, which point of a function; -1: none in particular */
    int input;              /* which input, or -1; for a function: variables first, then trainable parameters */
    int64_t coordinate;     /* flat index in it (in all outputs, where input is -1); -1: a direction, or none */
    double analytic, numeric, tolerance; /* what came out, what should have; all 0 for an error's text */
    char likely[128];       /* of a gradient: the mistake it looks like ("the sign: ..."), "" where it is none of the usual */
    char what[160];         /* "gradient", "op(x, x)", "f32 forward", "1 thread = 3 threads", or an error's text */
} heed_check_failure;

enum { HEED_CHECK_FAILURES = 8, HEED_CHECK_NAME = 64 };
typedef struct heed_check {
    char name[HEED_CHECK_NAME];
    bool no_gradient; /* HEED_NO_GRADIENT: everything else was checked, and all cases are vacuous */
    int cases;    /* that counted: gradient not all zero */
    int vacuous;  /* whose gradient was all zero */
    int redrawn;  /* points drawn again because of a kink */
    int failed;   /* comparisons out of tolerance, and errors */
    double worst; /* largest error of a gradient over its tolerance; <= 1 passes, NaN counts as infinity */
    int n_failures;
    heed_check_failure failures[HEED_CHECK_FAILURES]; /* the first ones, two of an input at most */
} heed_check;

/* All samples of an op. Each is drawn as the op's samples say (bools like integers: true where not 0, low = high = 0: evens),
 * and held to these laws:
 *   gradient        as above, of all real outputs together; and the outputs one by one give the same sum
 *   second order    as above
 *   used twice      y going two ways, with cotangents 3 u and -u: twice the gradient, bit for bit
 *   used elsewhere  each input by something before the op or behind it: the op's gradient is added to that one's
 *   op(x, x)        one tensor as two inputs of equal shape: the two gradients' sum, and again the differences
 *   no gradient     each input once as a constant, and once as the only variable: the others' gradients keep their bits
 *   views           transposed, sliced, expanded inputs: the packed input's values and gradients, to 1e-13
 *   f32             forward and gradient agree with f64 as far as rounding allows
 *   threads         1 thread = several threads, bit for bit, f32 and f64
 * More than 2 % of the cases redrawn is a failure. Ops with HEED_NO_GRADIENT are held to the laws that speak of values.
 * options may be NULL. */
heed_check heed_gradcheck_op(const heed_op *op, const heed_check_options *options);

/* A function of n variables (f64) and, when model is not NULL, of its trainable parameters (built as HEED_F64). It must be
 * deterministic: the tape's seed and step are the same at every call, and it is in training mode. Returns the tensor to
 * differentiate, f64, any shape. Checked: the gradient, its second order, and 1 thread = several, bit for bit.
 * While it runs, parameters are shifted by normal numbers of 0.1, a different shift each point, so that no bias is 0 and no
 * gain is 1; then they get their values back. */
typedef heed_tensor heed_check_fn(void *user, heed_tape *t, const heed_tensor *variables);
typedef struct heed_check_case {
    const char *name;
    heed_check_fn *fn;
    void *user;
    heed_model *model;                /* or NULL */
    int n;                            /* variables */
    const heed_sample_input *inputs;  /* how each variable is drawn: real ones are differentiated, integers are not */
} heed_check_case;
heed_check heed_gradcheck(const heed_check_case *c, const heed_check_options *options);

/* ---- a program that checks ---- */

/* One row of its table. */
typedef struct heed_check_row {
    const char *name;
    bool layer; /* --layer picks it, not --op */
    heed_check (*check)(const void *what, const heed_check_options *options);
    const void *what;
    int least;  /* cases that must have had a gradient, unless --cases says how many there are */
} heed_check_row;
heed_check_row heed_check_row_of_op(const heed_op *op);
heed_check_row heed_check_row_of_case(const heed_check_case *c);
/* For main to return. An op of yours has its own `make gradcheck` in two lines:
 *     int main(int argc, char **argv) {
 *         return heed_gradcheck_main(argc, argv, 1, (heed_check_row[]){heed_check_row_of_op(&my_op)}); }
 * It prints the table to standard output and complaints to standard error, and returns the exit status: 0 if all is right, 1 if
 * something failed, 2 for a bad option. Options: --op NAME, --layer NAME, --cases N, --seed N, --first, --json FILE, --html FILE, --help. */
int heed_gradcheck_main(int argc, char **argv, int n, const heed_check_row *rows);

/* Adds b's counts and failures to a. */
void heed_check_merge(heed_check *a, const heed_check *b);
/* One row of the table (name, cases, redrawn, worst, verdict), and a line for each failure. Colour only on a terminal, and
 * not where the environment has NO_COLOR. _head prints the columns' names above the rows. */
void heed_check_print(const heed_check *check, FILE *out);
void heed_check_print_head(FILE *out);

HEED_END_DECLS
#endif
