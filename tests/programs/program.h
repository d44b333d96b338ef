/* Random programs of ops: what one is, and who does what with it.
 *
 *     draw.c, propose*.c   make one up, statement by statement, from a seed
 *     oracle*.c            say what it gives, or that a statement is refused, from the formulas alone, in f64
 *     run.c, calls.c       run it through the library and compare
 *     shrink.c             makes one that fails smaller while it fails
 *     write.c              writes it as C
 *     main.c               runs many, and says how many failed
 *
 * The oracle shares no code with the ops: it is plain loops over numbers, in row-major order, without views. It goes
 * forward once and carries with each number its derivative along one random direction of all that is differentiated: so
 * a backward pass, which gives g = uJ, is compared by one number, g·v = u·Jv. That is cheaper than a reverse mode of its
 * own and has nothing in common with the one it judges; and a wrong entry of g shows with probability one, in one
 * program as a rule, since v is drawn anew each time and in half of the programs lies along a single leaf. */
#ifndef PROGRAMS_PROGRAM_H
#define PROGRAMS_PROGRAM_H

#include <stdio.h>

#include <heed/heed.h>
#include <heed/op.h>

enum { MOST_IN = 6, MOST_OUT = 6, MOST_STATEMENTS = 40, MOST_NUMBERS = 2 * HEED_MAX_RANK, MOST_TEXT = 40 };
enum { MOST_ELEMENTS = 4096, MOST_PARAMS = 16 };

/* ---- memory that is given back all at once ---- */

typedef struct pool pool;
pool *pool_new(void);
void pool_free(pool *p);
void pool_reset(pool *p);
/* Zeroed, never NULL: out of memory ends the program. */
void *pool_take(pool *p, size_t count, size_t size);

/* ---- numbers of the oracle ---- */

/* A number x as a function of the direction, and how far the library's may lie from it: first-order bounds of rounding,
 * carried through each operation along with it (Wilkinson's running error analysis).
 * With J the derivative by what is differentiated: d = J v, a = the same sum with all terms' signs gone, which bounds the
 * terms of a backward pass, in whatever order that adds them up. */
typedef struct num {
    double v, d, a;
    double e, f; /* bounds of the errors of v and of d */
} num;

/* A function of one variable at a point. */
typedef struct curve {
    double y, slope, bend;     /* the value, the first and the second derivative */
    double y_size, slope_size; /* the sum of the magnitudes of what y and slope are sums of; 0: their own */
    double kink;               /* how far away the next point without a derivative is; 0: there is none */
    bool has_kink;
    double ulps;               /* how many roundings of y_size it takes; 0: one */
} curve;

num num_of(double v);
num num_add(num a, num b, double unit);
num num_sub(num a, num b, double unit);
num num_mul(num a, num b, double unit);
num num_div(num a, num b, double unit);
num num_pow(num a, num b, double unit);
num num_scaled(num a, double factor); /* by a number that is exact; no rounding */
/* f(x). *unsure is set where a kink is too near to know its side. */
num num_bend(num x, curve c, double unit, bool *unsure);
num num_exp(num x, double unit);
num num_log(num x, double unit);
num num_sqrt(num x, double unit);
num num_rounded(num a, double unit);

/* A sum of n terms: its error grows as sqrt(n), by the magnitudes of the terms. */
typedef struct total {
    num sum;
    double values, slopes;
    int64_t n;
} total;
void total_add(total *s, num term);
num total_of(const total *s, double unit);

/* What the elementwise functions of one variable are. p: the op's one or two numbers. */
typedef curve curve_fn(double x, const double *p);
typedef num pair_fn(num a, num b, double unit, bool *unsure);
curve_fn curve_neg, curve_abs, curve_sign, curve_exp, curve_log, curve_sqrt, curve_rsqrt, curve_square, curve_sin,
    curve_cos, curve_tanh, curve_sigmoid, curve_logsigmoid, curve_relu, curve_leaky_relu, curve_elu, curve_gelu,
    curve_gelu_tanh, curve_silu, curve_softplus, curve_clamp, curve_scale, curve_add_scalar;
pair_fn pair_add, pair_sub, pair_mul, pair_div, pair_pow, pair_maximum, pair_minimum;

/* ---- a program ---- */

typedef struct operation operation;

/* A value: statement * MOST_OUT + output; or none. */
typedef int ref;
enum { ABSENT = -1, STALE = -2, FOREIGN = -3 };

/* What a layer declares, or a parameter is. */
typedef struct parameter {
    const char *name; /* below the layer's; "" for a parameter by itself */
    heed_shape shape;
    double *values, *direction;
} parameter;

typedef struct statement {
    const operation *op;
    int n_in, n_out;
    ref in[MOST_IN];
    /* Its options: what the operation's text says of each. */
    int n_numbers;
    int64_t number[MOST_NUMBERS];
    double real[2];
    heed_axes axes;
    heed_shape shape;
    heed_dtype dtype;
    char text[MOST_TEXT];
    bool off_record;   /* called while the tape does not record */
    bool kept;         /* the gradient of its first output is kept */
    double *values;    /* of a leaf: as many as its shape has */
    double *direction; /* of a variable, or of what is kept: v */
    int n_params;
    parameter param[MOST_PARAMS];
} statement;

typedef struct backward {
    ref of;
    ref seed; /* ABSENT: one element, from 1 */
    bool retain, with_grads;
} backward;

enum { MOST_BACKWARDS = 3 };
typedef struct program {
    uint64_t seed, number;
    int n;
    statement at[MOST_STATEMENTS];
    int n_backwards;
    backward back[MOST_BACKWARDS];
    int broken; /* the statement that is to be refused, or MOST_STATEMENTS + the backward that is; -1: none */
    int threads;
    bool training, anomaly;
    heed_dtype model_dtype;
} program;

/* ---- the oracle ---- */

typedef struct known {
    heed_dtype dtype;
    heed_shape shape;
    int64_t count;
    num *at;       /* row-major; integers, booleans and bf16 in v */
    bool needs;    /* a gradient comes to it */
    double weight; /* how many items a loss averages; negative: none */
} known;

typedef struct oracle {
    const program *p;
    pool *memory;
    known *value;  /* of each ref */
    double unit;   /* half the distance from 1 to the next number, in the statement's dtype */
    bool unsure;   /* the statement's result cannot be told from rounding, or is too large to work out */
    const char *reason; /* why a statement is refused */
    const bool *dropped; /* of the statement: what the library's dropout dropped; NULL: nothing is */
} oracle;

typedef enum verdict { FINE, REFUSED, UNSURE } verdict;

/* Works out one statement's outputs. dropped: see oracle. */
verdict oracle_step(oracle *o, int statement, const bool *dropped);
/* Whether a backward is refused. */
verdict oracle_backward(oracle *o, const backward *b, bool walked, bool accumulates, double weight);
/* u·Jv of a backward, as a number with its bounds; u are the seed's values. */
num oracle_slope(const oracle *o, const backward *b);
/* What a whole program's walk back may add in roundings, over what the numbers carry: a sum wherever a value has several
 * users or is broadcast. */
double oracle_walk_error(const oracle *o);

/* What an operation's rule in the oracle does: fills out[0 .. n_out - 1]; false where the statement is refused, or, with
 * o->unsure set, where it cannot say. in[i] is NULL where an optional input is absent. */
typedef bool work_fn(oracle *o, const statement *s, const known *const *in, known *out);
bool oracle_refuse(oracle *o, const char *reason);
/* Makes room for a result of zeros. */
bool oracle_fresh(oracle *o, known *out, heed_dtype dtype, heed_shape shape);
/* Whether two numbers' order is certain; -1, 0 (they are equal, without error), 1. */
int oracle_compare(oracle *o, num a, num b);
bool oracle_axis(oracle *o, heed_shape shape, int64_t given, int *axis);
bool oracle_broadcasts(heed_shape a, heed_shape b, heed_shape *out);
bool oracle_same_shape(heed_shape a, heed_shape b);
/* The flat index of a place in a shape, which may be broadcast: `at` has `rank` indices, of the larger shape. */
int64_t oracle_flat(heed_shape shape, const int64_t *at, int rank);
void oracle_place(heed_shape shape, int64_t flat, int64_t *at);

/* Parts of formulas that several operations share: rows of n numbers. */
void row_softmax(oracle *o, const num *x, const bool *kept, int64_t n, num *y);
num row_logsumexp(oracle *o, const num *x, int64_t n);
void row_norm(oracle *o, const num *x, int64_t n, bool centred, double eps, num *y);
num row_dot(oracle *o, const num *x, const num *y, int64_t n);
/* y[rows][outputs] = x[rows][inputs] w[outputs][inputs] + b[outputs], b NULL where there is none. */
void rows_linear(oracle *o, const num *x, const num *w, const num *b, const int64_t sizes[3], num *y);
/* softmax(q kT scale) v of T queries and S keys, causal or not: (T, d_k), (S, d_k), (S, d_v). */
typedef struct attending {
    int64_t T, S, d_k, d_v, window;
    double scale;
    bool causal;
} attending;
void rows_attend(oracle *o, const attending *a, const num *q, const num *k, const num *v, num *y);

work_fn work_leaf, work_parameter, work_full, work_arange;
work_fn work_curve, work_pair, work_compare, work_logic, work_not, work_cast, work_where, work_masked_fill,
    work_dropout;
work_fn work_reshape, work_permute, work_transpose, work_slice, work_select, work_flip, work_split, work_expand,
    work_same, work_concat, work_stack, work_repeat, work_pad, work_triangle;
work_fn work_one_hot, work_gather, work_scatter_add, work_embedding, work_index_select;
work_fn work_sum, work_max, work_argmax, work_prod, work_var, work_logsumexp, work_cumsum, work_topk;
work_fn work_matmul, work_linear, work_einsum;
work_fn work_softmax, work_masked_softmax, work_norm;
work_fn work_cross_entropy, work_nll, work_pairwise, work_kl_div;
work_fn work_attention, work_additive_scores, work_rope, work_relative_bias;
work_fn work_recurrence;
work_fn work_linear_layer, work_embedding_layer, work_norm_layer, work_feed_forward, work_self_attention,
    work_multi_head, work_recurrent;

/* ---- operations ---- */

enum {
    F32 = 1 << HEED_F32,
    F64 = 1 << HEED_F64,
    I32 = 1 << HEED_I32,
    BOOLS = 1 << HEED_BOOL,
    BF16 = 1 << HEED_BF16,
    REALS = F32 | F64,
    NUMBERS = REALS | I32,
    ANY = NUMBERS | BOOLS | BF16,
};

typedef struct drawing drawing;
typedef struct calling calling;
typedef enum family { LEAF, OP, LAYER } family;

struct operation {
    const char *name;     /* of an op: as it is registered */
    family family;
    const char *text;     /* as C: $0 an input, $* all, #0 a whole number, #* all, ~0 a real one, @ shape, ^ axes, ! dtype,
                             " text, % the outputs' array, & the layer */
    void (*call)(const calling *c, heed_tensor *out);
    bool (*propose)(drawing *g, statement *s); /* draws inputs and options that fit, as a rule; false: cannot */
    work_fn *work;
    unsigned takes;       /* what dtypes input 0 may have */
    unsigned optional;    /* mask of inputs that may be absent */
    unsigned still;       /* mask of inputs that no gradient goes to */
    bool constant;        /* no gradient goes to any */
    bool mixed;           /* real inputs may differ in dtype */
    curve_fn *curve;      /* what it is of, for those that are made after one pattern ... */
    pair_fn *pair;
    heed_tensor (*one)(heed_tape *, heed_tensor);
    heed_tensor (*one_real)(heed_tape *, heed_tensor, double);
    heed_tensor (*two)(heed_tape *, heed_tensor, heed_tensor);
    heed_tensor (*reduce)(heed_tape *, heed_tensor, heed_axes);
    heed_tensor (*along)(heed_tape *, heed_tensor, int);
    heed_tensor (*triangle)(heed_tape *, heed_tensor, int64_t);
    int kind;             /* ... and which of them */
    int reals;            /* how many real options it has */
};
extern const operation operations[];
extern const int n_operations;
const operation *operation_named(const char *name);
/* contiguous and dropout, where they have nothing to do: the result is the input's very handle. */
bool may_return_its_input(const operation *op);
bool program_has_parameters(const program *p);
/* The longest text of what went wrong. */
enum { MOST_WHY = 600 };

/* ---- running ---- */

typedef struct runner runner;
runner *runner_new(void);
void runner_free(runner *r);
typedef enum outcome { AGREES, ENDED, FAILED, SKIPPED } outcome;
/* Runs p and compares: AGREES with the oracle; ENDED in the error it should, and without the broken statement agrees;
 * FAILED, why says how; or SKIPPED: with the values that came out the oracle cannot tell. */
outcome run_program(runner *r, const program *p, pool *memory, char why[MOST_WHY]);

/* A program that fails, made smaller while `fails` says so. */
typedef bool fails_fn(void *context, const program *p);
void shrink_program(program *p, pool *memory, fails_fn *fails, void *context);
/* As a C program that runs it and prints what comes out. */
void write_program(const program *p, FILE *out);

/* A call of the library: its inputs, and the layer that was declared for it. */
struct calling {
    heed_tape *t;
    const statement *s;
    const heed_tensor *in;
    heed_param param; /* of a parameter by itself */
    const union layer *layer;
};

typedef union layer {
    heed_linear_layer linear;
    heed_embedding_layer embedding;
    heed_norm_layer norm;
    heed_feed_forward feed_forward;
    heed_self_attention self_attention;
    heed_multi_head_attention multi_head;
    heed_recurrent recurrent;
} layer;
/* Declares a statement's layer or parameter under `name`. */
void declare_layer(const statement *s, const heed_module *root, const char *name, layer *l, heed_param *param);

#endif
