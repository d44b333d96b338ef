/* checker_internal.h: the inside of the gradient checker.
 *
 *     value     one input as plain memory, or a parameter in its model's memory
 *     subject   a function at a point: values, and how to call it on a tape
 *     wiring    how one run calls it: recorded or not, dtype, threads, layout of its inputs, ...
 *     outcome   what came out: all outputs as one flat row of doubles y, all gradients as another, g
 *
 * draw.c draws values, point.c moves them, run.c turns a wiring into an outcome, gradient.c compares one run's g with
 * differences of many runs' y, second_order.c differences of g with differences of y, laws.c compares runs with each other,
 * gradcheck.c goes through samples and points. */
#ifndef HEED_GRADCHECK_CHECKER_H
#define HEED_GRADCHECK_CHECKER_H

#include <heed/gradcheck.h>

typedef struct value {
    heed_dtype dtype; /* HEED_F64: of the dtype under check */
    heed_shape shape;
    int64_t count;
    bool absent;
    bool wanted;       /* differentiated */
    double scale;      /* the length of a stencil's unit along it */
    int64_t offset;    /* of its gradient in g, where wanted */
    heed_param param;  /* .model is NULL for an input */
    void *data;        /* double, float, int32_t, bool, or bf16's bits */
    float *narrow;     /* inputs of HEED_F64: the same values, which are representable, as f32 */
} value;

/* Calls the function on t. The number of outputs; 0 where it failed, and t has the error. */
typedef int apply_fn(const void *context, heed_tape *t, const heed_tensor *in, heed_tensor *outs);
typedef struct subject {
    apply_fn *apply;
    const void *context;
    int n_inputs, n_values; /* the inputs, then the parameters */
    value *values;
    int64_t n_wanted;  /* length of g */
    uint64_t key;      /* of cotangents and probes */
    bool refuses_views; /* it may: a HEED_VIEW op whose strides show no such view says so, and its wrapper packs */
    heed_model *model; /* or NULL */
    heed_grads *grads; /* of model */
} subject;

typedef struct output {
    heed_dtype dtype;
    heed_shape shape;
    int64_t count, offset; /* its place in y */
    bool differentiated;   /* f64 when f64 is under check: it has cotangents */
} output;

/* One check under way. The first run at a point fixes the outputs' sizes and cotangents. */
typedef struct checker {
    heed_check *report;
    const heed_check_options *options; /* or NULL */
    heed_tape *tape;
    heed_tensor *in, *bases; /* room for one run: what the function gets, and whose gradient is read */
    void *pool;              /* memory of the point under check */
    heed_tensor early;       /* what an earlier use of variables made */
    const char *under;       /* the law for which a gradient is compared once more, or NULL */
    int sample;
    int threads;
    int n_outs;              /* -1: not yet known */
    int64_t n_y;
    double *u;               /* n_y cotangents: +-1, 0 where not differentiated */
    output outs[HEED_MAX_OUTPUTS];
} checker;

typedef struct outcome {
    double *y, *g;
    bool spilled; /* a view's gradient reached memory the view does not show */
} outcome;

typedef enum layout_kind { LAYOUT_PACKED, LAYOUT_TRANSPOSED, LAYOUT_SLICED, LAYOUT_EXPANDED } layout_kind;
enum { ALL_OUTPUTS = -1, ELSEWHERE = 4 };
typedef struct wiring {
    bool record;       /* gradients are wanted */
    heed_dtype real;   /* HEED_F64 or HEED_F32 */
    int threads;
    unsigned constant; /* mask: inputs that are given as constants though they could be differentiated */
    int first, second; /* first < second: input `first` is given as `second` too */
    layout_kind layout; /* of all inputs */
    bool twice;        /* outputs go two ways, whose cotangents add up to 2 u */
    unsigned elsewhere; /* mask: variables that are used once more, which gives them a gradient of ELSEWHERE besides ... */
    bool early;         /* ... behind the op's, the use being earlier; else before it */
    int only;          /* the output that has cotangents, or ALL_OUTPUTS */
} wiring;
static inline wiring plain_wiring(bool record)
{
    return (wiring){.record = record, .real = HEED_F64, .threads = 1, .only = ALL_OUTPUTS};
}

/* ---- gradcheck.c ---- */

/* Gives each differentiated value its place in g. */
void heed_checker_lay_out(subject *s);

/* ---- checker.c: the report and memory ---- */

/* Where a flat index into g lies. */
typedef struct place {
    int value;
    int64_t coordinate;
} place;
place heed_checker_place(const subject *s, int64_t flat);
/* Notes one failed comparison (got, want, tolerance), or an error where these are 0. */
typedef struct comparison {
    int input;
    int64_t coordinate;
    double got, want, tolerance;
} comparison;
void heed_checker_fail(checker *k, comparison at, const char *format, ...) HEED_PRINTF(3, 4);
void heed_checker_error(checker *k, const char *format, ...) HEED_PRINTF(2, 3);
/* count zeroed elements, 64-byte aligned, alive until the next point. NULL, noted as a failure, when memory is out. */
void *heed_checker_take(checker *k, int64_t count, size_t size);
void heed_checker_release(checker *k);

/* ---- draw.c ---- */

/* Fills shape, dtype, data, narrow and scale; every real number drawn is representable in f32. */
bool heed_checker_draw(checker *k, value *v, const heed_sample_input *rule, uint64_t key);

/* ---- point.c ---- */

double heed_checker_get(const value *v, int64_t i);
/* What was stored: x after rounding to the dtype. */
double heed_checker_set(value *v, int64_t i, double x);
/* The differentiated values, in the order of g: n_wanted numbers, as have all vectors below. */
void heed_checker_read_point(const subject *s, double *origin);
/* Puts the point at origin + h · along. */
void heed_checker_move(const subject *s, const double *origin, double h, const double *along);
/* along = ± each value's scale, with signs that key draws. */
void heed_checker_draw_direction(const subject *s, uint64_t key, double *along);

/* ---- views.c, cotangents.c: the checker's own two ops, so that it relies on none of those it checks ---- */

/* The places of a shape's elements in memory of `length` elements; axis is the expanded one, or -1. */
typedef struct window {
    heed_shape shape;
    int64_t stride[HEED_MAX_RANK];
    int64_t offset, length;
    int axis;
} window;
window heed_checker_window(heed_shape shape, layout_kind layout);
int64_t heed_checker_window_at(const window *w, int64_t flat); /* where element `flat` lies */
bool heed_checker_window_repeats(const window *w, int64_t flat); /* whether it shares an element with one before */
/* The window's memory: data at its places, and between them what must never be read. */
void *heed_checker_window_fill(checker *k, const window *w, heed_dtype dtype, const void *data);
heed_tensor heed_checker_view(heed_tape *t, heed_tensor memory, const window *w);

/* The scalar sum of u_o · y_o over n outputs, each of them given `uses` times, 1 or 2. u[o] must outlive the tape's step. */
heed_tensor heed_checker_dot(heed_tape *t, const heed_tensor *outs, const double *const *u, int n, int uses);

/* ---- run.c ---- */

/* Runs s as w says. out->y and, when recorded, out->g are taken where they are NULL. False on an error, which is then in
 * the tape, or in the report when memory is out. */
bool heed_checker_run(checker *k, const subject *s, wiring w, outcome *out);
/* The same, and an error is a failure: "what: text". */
bool heed_checker_must_run(checker *k, const subject *s, wiring w, outcome *out, const char *what);

/* ---- stencil.c ---- */

/* (f(x + h) - f(x - h)) / 2h; NaN where f is not defined. */
typedef double slope_fn(void *context, double h);
typedef struct derivative {
    double value;
    double disagreement; /* of the two stencils, at the step where it is smallest */
} derivative;
typedef struct bound {
    double absolute, relative; /* absolute + relative |n| */
} bound;
static inline double allowed(bound tol, double n) { return tol.absolute + tol.relative * (n < 0 ? -n : n); }
/* Steps: the first one, and by how many rungs it comes down, each by the square root of 3. */
typedef struct ladder {
    double first;
    int rungs;
} ladder;
enum { RUNGS = 13 }; /* down to the 729th part of the first */
/* The derivative by central differences of order 4 and 6 down a ladder. */
derivative heed_checker_derivative(slope_fn *slope, void *context, ladder steps, bound tol);

/* ---- diagnose.c ---- */

enum { CHECK_LIKELY = sizeof ((heed_check_failure *)0)->likely };
/* One input's gradient that is wrong, and what is known of it. */
typedef struct evidence {
    heed_shape shape;
    int64_t count;
    const double *got, *want; /* by backward, by differences */
    double *made;             /* scratch: count elements */
    const double *terms;      /* (n_y, count): u_o dy_o/dx_i; or NULL */
    const output *outs;
    int n_outs, n_others;
    const struct other_input {
        int input;
        int64_t count;
        const double *want;
    } *others;                /* of the same call */
    char likely[CHECK_LIKELY];
} evidence;
/* Sets likely: "" where it looks like no mistake that is known. */
void heed_checker_diagnose(evidence *e);

/* ---- gradient.c, second_order.c: true, false where the point is a kink ---- */

bool heed_checker_gradient(checker *k, const subject *s, const outcome *analytic, bool *counts);
/* size: sum |u_i y_i| */
bool heed_checker_second_order(checker *k, const subject *s, const outcome *plain, double size);

/* ---- laws.c ---- */

/* All laws of an op but the gradient itself, around the plain run `plain`. */
void heed_checker_laws(checker *k, const subject *s, const outcome *plain);
/* 1 thread = several, in one dtype; `one` is the run with 1. */
void heed_checker_threads(checker *k, const subject *s, heed_dtype real, const outcome *one);

#endif
