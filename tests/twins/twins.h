/* The second witness: for every op of the registry a twin, written from the op's formula alone, in numbers of 113 bits.
 *
 *     quad.c               those numbers
 *     elementwise.c, shape.c, choose.c, reduce.c, softmax.c, product.c, attention.c, recurrent.c, loss.c
 *                          the twins, a table a family: plain loops that share nothing with the library's kernels
 *     composed.c           fused ops as compositions of plain ones, held to the same twins
 *     index.c              where elements lie
 *     draw.c               what a case is drawn from: the op's own samples, and sizes around tiles and vectors
 *     check.c              one case: the library in f64 and in f32 against the twin, values and gradients
 *     ../twins_main.c      all of it, as a table
 *
 * The bound, with size and steps of quad.h, which every value and every element of a gradient has of its own:
 *
 *     |error| <= 4 sqrt(steps + 1) eps size,     eps = 2^-52 in f64, 2^-23 in f32; and in f64 never above 1e-13 size
 *
 * and the dtype's smallest normal number besides, below which there are fewer digits; without any term, nothing.
 * A size is what the terms add up to if no signs cancel. So nothing is asked that rounding of the inputs alone would
 * break, and where nothing cancels the bound is relative to the value itself, however small that is beside others.
 * Integers and booleans are compared exactly. */
#ifndef TWINS_H
#define TWINS_H

#include <stdio.h>

#include <heed/op.h>
#include <heed/ops.h>

#include "quad.h"

/* An input or an output, in row-major order; integers and booleans as numbers. */
typedef struct values {
    heed_dtype dtype; /* HEED_F64: real, of the dtype under check */
    heed_shape shape;
    int64_t count;
    quad *at;
} values;

enum { TWIN_OUTPUTS = HEED_MAX_OUTPUTS, TWIN_TROUBLE = 160 };

/* One call of a twin. */
typedef struct twin_call {
    const void *options;                    /* the op's attributes */
    heed_dtype run;                         /* what it is compared in: HEED_F64 or HEED_F32 */
    int n_in, n_out;
    const values *in[HEED_SAMPLE_INPUTS];   /* NULL: absent */
    values out[TWIN_OUTPUTS];
    const struct twin *twin;
    const double *seen[TWIN_OUTPUTS];       /* what the library gave: where it drew, and for nothing else */
    char trouble[TWIN_TROUBLE];             /* what a twin finds wrong besides values */
} twin_call;

/* Output number c->n_out, whose elements are to be written; zeros. */
quad *twin_gives(twin_call *c, heed_dtype dtype, heed_shape shape);

typedef void twin_fn(twin_call *c);

typedef struct twin {
    const char *op;
    twin_fn *work;
    size_t options;          /* bytes of attributes that it reads; must be the op's own number */
    heed_sample_rule *sizes; /* samples beside the op's own, or NULL */
    void (*reveal)(heed_sample *sample); /* NULL, or: makes the op show what it drew, in further outputs */
    quad (*one)(quad x, const double *options); /* of elementwise ops: the formula */
    quad (*two)(quad a, quad b);
} twin;

/* A fused op as a composition of others, called in its place. */
typedef struct composition {
    const char *op;
    /* Returns the number of outputs; 0: of this sample there is none. */
    int (*call)(heed_tape *t, const heed_sample *sample, const heed_tensor *in, heed_tensor *out);
} composition;
extern const composition compositions[]; /* ended by one without a name */

/* Each ends with one that has no name. */
extern const twin twins_elementwise[], twins_shape[], twins_choose[], twins_reduce[], twins_softmax[], twins_product[],
    twins_attention[], twins_recurrent[], twins_loss[];

/* ---- indices ---- */

/* The index along each axis of element `flat`; and back. */
void unravel(heed_shape shape, int64_t flat, int64_t *index);
int64_t ravel(heed_shape shape, const int64_t *index);
/* x's element that stands at place `flat` of a shape which x broadcasts to. */
quad broadcast_at(const values *x, heed_shape shape, int64_t flat);
heed_shape broadcast_of(const values *a, const values *b);
/* Sizes before an axis, along it, behind it: element (i, j, k) is number (i n + j) inner + k. */
typedef struct around {
    int64_t outer, n, inner;
} around;
around around_of(heed_shape shape, int axis);
int axis_of(heed_shape shape, int axis); /* negative ones count from the end */
static inline int64_t last_of(heed_shape shape, int from_end) { /* 1: the last axis; 1 where there is none */
    return from_end <= shape.rank ? shape.n[shape.rank - from_end] : 1;
}

/* ---- cases ---- */

/* One input as drawn. */
typedef struct drawn {
    values values;
    bool absent, wanted; /* wanted: its gradient is compared */
    heed_dtype dtype;    /* as the library gets it ... */
    void *data;
} drawn;

/* A stream of numbers of the program's own. */
uint64_t random_bits(uint64_t *state);
double random_uniform(uint64_t *state);
double random_normal(uint64_t *state);

/* Reals of the run's dtype: what the twin gets is what the library gets, to the last bit. */
void draw_input(drawn *x, const heed_sample_input *rule, heed_dtype run, uint64_t *state);

/* Memory until the case's end; never NULL. */
void *take(size_t count, size_t size);
void release_all(void);

/* Errors as shares of their bounds, the worst of each kind. */
typedef struct tally {
    int cases, skipped, redrawn, failed;
    double value[HEED_DTYPES], gradient[HEED_DTYPES]; /* of HEED_F64 and HEED_F32 */
} tally;
double tally_worst(const tally *t);

typedef struct settings {
    uint64_t seed;
    bool all;          /* large samples too */
    const char *op;    /* one op; NULL: all */
} settings;

/* All cases of an op; composed NULL: of the op itself. */
tally check_op(const heed_op *op, const twin *w, const composition *composed, const settings *o);

#endif
