/* Making programs up: random choices, leaves and values that fit. */
#ifndef PROGRAMS_DRAW_H
#define PROGRAMS_DRAW_H

#include "program.h"

struct drawing {
    program *p;
    oracle *o;
    pool *memory;
    uint64_t state; /* of the random numbers */
};

uint64_t draw_bits(drawing *g);
int64_t draw_below(drawing *g, int64_t n); /* 0 .. n - 1; n > 0 */
int64_t draw_between(drawing *g, int64_t low, int64_t high);
bool draw_chance(drawing *g, int percent);
double draw_uniform(drawing *g, double low, double high);
/* A number with few digits, the same in f32 and f64. */
double draw_plain(drawing *g);
int64_t draw_size(drawing *g);
heed_shape draw_shape(drawing *g, int min_rank, int max_rank);

/* What a statement asks of an input. */
typedef struct want {
    unsigned dtypes;
    int min_rank, max_rank;    /* max_rank 0: 4 */
    const heed_shape *exact;   /* of this shape */
    const heed_shape *joins;   /* or one that broadcasts with it ... */
    bool into;                 /* ... to that shape itself */
    int64_t last;              /* > 0: the last axis has this size */
    int64_t even;              /* not 0: the last axis has an even size */
    double low, high;          /* where a leaf's values are from; both 0: anywhere */
    bool fresh;                /* a leaf of its own */
} want;
/* A value that does: one of the program's, or a new leaf. */
ref draw_some(drawing *g, want w);
/* A new leaf. Integers are low .. high - 1. */
ref draw_leaf(drawing *g, heed_dtype dtype, heed_shape shape, double low, double high);
const known *draw_known(const drawing *g, ref x);
heed_dtype draw_dtype(drawing *g, unsigned dtypes);
double *draw_direction(drawing *g, int64_t count);
double *draw_values(drawing *g, heed_dtype dtype, int64_t count, double low, double high);
/* Values of a parameter, representable in the model's dtype. */
void draw_parameter(drawing *g, statement *s, const char *name, heed_shape shape);

typedef bool propose_fn(drawing *g, statement *s);
propose_fn propose_input, propose_parameter, propose_full, propose_arange;
propose_fn propose_one, propose_two, propose_cast, propose_where, propose_masked_fill, propose_dropout;
propose_fn propose_reshape, propose_permute, propose_transpose, propose_slice, propose_select, propose_axis,
    propose_split, propose_expand, propose_concat, propose_stack, propose_repeat, propose_pad, propose_triangle;
propose_fn propose_one_hot, propose_gather, propose_scatter_add, propose_embedding, propose_index_select;
propose_fn propose_reduce, propose_argmax, propose_var, propose_topk;
propose_fn propose_matmul, propose_linear, propose_einsum;
propose_fn propose_masked_softmax, propose_layernorm, propose_rmsnorm;
propose_fn propose_cross_entropy, propose_nll, propose_pairwise, propose_kl_div;
propose_fn propose_attention, propose_additive_scores, propose_rope, propose_relative_bias;
propose_fn propose_recurrence;
propose_fn propose_linear_layer, propose_embedding_layer, propose_norm_layer, propose_feed_forward,
    propose_self_attention, propose_multi_head, propose_recurrent;

/* The program of (seed, number), and the oracle's word on all of it but what it needs the library for. */
void draw_program(program *p, oracle *o, pool *memory, uint64_t seed, uint64_t number);

#endif
