/* Checks gradients against central differences, for any op, any layer, any function of tensors and parameters.
 *
 * Intended use, for an op of yours:
 *     heed_check check = heed_gradcheck_op(&my_op, NULL);
 *     heed_check_print(&check, stdout);
 *     return check.failed != 0;
 *
 * How: in f64, with random +-1 cotangents u, the analytic u·J by one backward pass is compared with central differences
 * of u·f at a step where two stencils agree with each other (the analytic value is never looked at):
 *     err <= 1e-10 sum |u_i y_i| + 1e-7 |n|
 * at every coordinate up to 512 inputs, beyond that along 8 random directions and at 64 coordinates. A point where the
 * stencils disagree (a kink) is drawn again and counted. A case counts only if its gradient is not all zero. */
#ifndef HEED_GRADCHECK_H
#define HEED_GRADCHECK_H

#include <stdio.h>

#include <heed/model.h>
#include <heed/op.h>

HEED_BEGIN_DECLS

typedef struct heed_check_options {
    uint64_t seed; /* of the points drawn */
    int cases;     /* at most this many samples; 0: all */
    int threads;   /* compared bit for bit with 1 thread; 0: 3 */
} heed_check_options;

/* One disagreement: enough to find it again. */
typedef struct heed_check_failure {
    int sample;             /* which sample, or -1 */
    int input;              /* which input, or -1; for a function: variables first, then parameters */
    int64_t coordinate;     /* flat index in it, -1: a direction */
    double analytic, numeric, tolerance;
    char what[160];         /* "gradient", "accumulation", "f32 forward", "1 thread = 3 threads", "view", or an error's text */
} heed_check_failure;

enum { HEED_CHECK_FAILURES = 8, HEED_CHECK_NAME = 64 };
typedef struct heed_check {
    char name[HEED_CHECK_NAME];
    int cases;    /* that counted: gradient not all zero */
    int vacuous;  /* whose gradient was all zero */
    int redrawn;  /* points drawn again because of a kink */
    int failed;   /* comparisons out of tolerance, and errors */
    double worst; /* largest error over its tolerance; < 1 passes. NaN fails */
    int n_failures;
    heed_check_failure failures[HEED_CHECK_FAILURES]; /* the first ones */
} heed_check;

/* All samples of an op, each: the gradient; an input used twice (op(x, x)); each input once without gradient;
 * non-contiguous views; f32 forward against f64; 1 thread against several, bit for bit. Samples of ops with
 * HEED_NO_GRADIENT are run for everything but gradients. options may be NULL. */
heed_check heed_gradcheck_op(const heed_op *op, const heed_check_options *options);

/* A function of n variables (f64) and, when model is not NULL, of its parameters (built as HEED_F64). It must be
 * deterministic: the tape's seed and step are the same at every call. Returns the tensor to differentiate, any shape. */
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

/* Adds b's counts and failures to a. */
void heed_check_merge(heed_check *a, const heed_check *b);
/* One row of the table (name, cases, redrawn, worst, verdict), and a line for each failure. */
void heed_check_print(const heed_check *check, FILE *out);

HEED_END_DECLS
#endif
