/* Numbers of quadruple precision that know how well they can be known.
 *
 * Formulas are written in them as plain functions: q_add(q_mul(a, b), c). Besides its value each number has
 *
 *     size     the sum of the magnitudes of the terms that it is made of: what rounding errors are relative to. Of an
 *              input |x|; of a sum the terms' sizes added up, whatever their signs; of anything else as much larger
 *              than the value as the worst operand makes it (|f'(x)| size(x), if that is above |f(x)|)
 *     steps    how many operations lie on the longest way to it from an input: the length of its reductions, and a few
 *
 * While a record is kept, each operation also notes its slopes, and one walk back gives the derivative of a sum of
 * results by every input, in numbers of the same kind: so a gradient has its size and steps, too. The walk knows the
 * chain rule and the slopes of a dozen functions, and nothing of any formula; that it is right is shown by differences,
 * case by case (check.c). */
#ifndef TWINS_QUAD_H
#define TWINS_QUAD_H

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* The widest numbers there are: 113 bits, from glibc on x86-64 under names of their own, elsewhere as long double. */
#if defined __x86_64__ && defined __GLIBC__
__extension__ typedef __float128 real;
#define REAL_FN(name) name##f128
#define REAL_DIGITS 113
#else
typedef long double real;
#define REAL_FN(name) name##l
#define REAL_DIGITS LDBL_MANT_DIG
#endif

typedef struct quad {
    real v;
    double size;
    int steps;
    int id; /* its place on record; -1: a constant */
} quad;

/* A number that is exact, and no variable. */
quad q_of(real v);

quad q_add(quad a, quad b);
quad q_sub(quad a, quad b);
quad q_mul(quad a, quad b);
quad q_div(quad a, quad b);
quad q_mul_add(quad a, quad b, quad c); /* a b + c */
quad q_neg(quad a);
quad q_scale(quad a, real factor);      /* by a number that is exact */

quad q_abs(quad x);
quad q_exp(quad x);
quad q_expm1(quad x); /* e^x - 1 */
quad q_log(quad x);
quad q_log1p(quad x); /* log(1 + x) */
quad q_sqrt(quad x);
quad q_sin(quad x);
quad q_cos(quad x);
quad q_tanh(quad x);
quad q_sigmoid(quad x);
quad q_erfc(quad x);
quad q_pow(quad a, quad b);

real real_pi(void);

/* Integers behind a number that has one. */
static inline int64_t q_int(quad x) { return (int64_t)x.v; }
static inline bool q_true(quad x) { return x.v != 0; }

/* ---- the record ---- */

/* Begins a new one. */
void quad_begin(void);
quad quad_variable(real v);
void quad_end(void);
/* Of the sum of weight times y over all that are given. */
void quad_seed(quad y, double weight);
void quad_walk_back(void);
quad quad_slope(quad variable);
void quad_free(void);

#endif
