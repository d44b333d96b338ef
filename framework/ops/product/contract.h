/* Sums of products over a nest of loops, carried out as matrix products:
 *
 *     c[...] (+)= sum a[...] b[...]
 *
 * An axis is one loop: its size, and how many elements of a, b and c one step along it is. All else follows from the
 * steps:
 *
 *     steps in      a, c: rows       b, c: columns       a, b, c: a batch       not in c: summed over
 *
 * so transposes, broadcasts (steps of 0), diagonals and views need no copy, and a gradient is the same nest with the
 * roles of c and an operand exchanged. Matmul, linear and einsum are all written as one of these. */
#ifndef HEED_PRODUCT_CONTRACT_H
#define HEED_PRODUCT_CONTRACT_H

#include <heed/array.h>

enum { CONTRACT_A, CONTRACT_B, CONTRACT_C, CONTRACT_OPERANDS };
enum { CONTRACT_AXES = 2 * HEED_MAX_RANK };

typedef struct heed_contract_axis {
    int64_t size;
    int64_t step[CONTRACT_OPERANDS];
    bool biased; /* the axis along which the bias lies: it must step in c, and not in a */
} heed_contract_axis;

typedef struct heed_contraction {
    heed_dtype dtype; /* f32 or f64 */
    int n;
    heed_contract_axis axis[CONTRACT_AXES];
    const void *a, *b;
    void *c;          /* at least one element, and no two places of the nest share one but by summing */
    const void *bias; /* contiguous, added to c along the biased axis; or NULL */
    bool accumulate;  /* c is added to, not overwritten */
} heed_contraction;

/* A nest without loops. */
void heed_contract_open(heed_contraction *nest, heed_dtype dtype, const void *a, const void *b, void *c);

/* One more loop, and how far a step along it is in a, b and c. One of size 1 is left out, whatever its steps. */
void heed_contract_along(heed_contraction *nest, int64_t size, int64_t step_a, int64_t step_b, int64_t step_c);

/* Makes it the nest that gives the gradient of an operand: c and the operand (CONTRACT_A or CONTRACT_B) change places.
 * The caller has built it with dx for the operand and dy for c. */
void heed_contract_exchange(heed_contraction *nest, int operand);

/* Bytes of scratch memory, aligned to 64, that it takes with at most `threads` threads. */
size_t heed_contract_workspace(const heed_contraction *nest, int threads);
/* As much or more, at less cost: for any nest of so many points (axes of size 0 left out), summed over so many of them, and no
 * more than `across` rows and columns. */
size_t heed_contract_room(heed_dtype dtype, int64_t across, int64_t terms, double points, int threads);

/* The sums run in an order given by sizes and steps alone: the bits are the same for every number of threads. */
void heed_contract(const heed_contraction *nest, int threads, void *workspace);

#endif
