/* One walk of the tape in reverse. */
#ifndef HEED_BACKWARD_INTERNAL_H
#define HEED_BACKWARD_INTERNAL_H

#include "model_internal.h"

/* What the dry walk has found for one node. */
typedef struct node_plan {
    size_t scratch;  /* its place in the pool */
    uint32_t routes; /* the first of its routes on the tape */
    bool rerun;      /* of a node in a block: it runs again */
} node_plan;

typedef struct walk {
    heed_tape *t;
    heed_grads *grads;   /* NULL: parameters are constants */
    bool *written;       /* entries of grads that have a gradient already; the dry walk has a copy */
    uint64_t pass;       /* values whose .pass is this have a gradient already */
    bool retain;
    int threads;
    node_plan *nodes;    /* by node; of those that are reached */
    route seed;          /* of the value that backward starts from */
    char *pool;
} walk;

/* ---- backward_route.c ---- */

/* Decides whose gradients lie in which others', for a walk that starts from the value `start`, made by node `last`. */
void find_roots(walk *w, uint32_t start, int32_t last);
/* Whether v's gradient lies in another's. */
bool lies_in_another(const walk *w, const value *v);
/* The dry walk's decision on what n has for its i-th input, whose gradient gets its place by it, and on that place for the
 * value v (n NULL: it is the seed that comes to it). False when memory is out. */
bool take_route(walk *w, const node *n, int i, route *r);
bool take_place(walk *w, const node *n, value *v, route *r);
/* The gradient of v: where it is at this moment of the computing walk. */
heed_array gradient_array(const walk *w, const value *v);
/* v's gradient has been used up: false when memory is out. */
bool leave_place(walk *w, const value *v);
/* The shape in which the op's backward produces the gradient of input i: the output's where it broadcasts. */
heed_shape produced_shape(const walk *w, const node *n, int i);
bool keeps_grad(const value *v);
/* Notes that the gradient of a parameter has been written, in whichever walk this is. */
void mark_written(walk *w, const value *v);
size_t value_bytes(const value *v);
size_t aligned_bytes(size_t bytes);

/* ---- backward_plan.c ---- */

/* Whether a gradient has come to any of the node's outputs. */
bool reached(const walk *w, const node *n);
/* From the value `start`, an output of node `last`: fills w->nodes, takes w->pool. */
heed_status dry_walk(walk *w, uint32_t start, int32_t last);

/* ---- backward_rerun.c ---- */

/* The dry walk's decision on whether n, of a block, runs again; those behind it are decided on. */
void plan_rerun(walk *w, const node *n, node_plan *planned);
/* Runs again what is to be of a block's nodes up to `last`; then, when they have been walked, gives back its memory. */
heed_status rerun_block(walk *w, const tape_block *b, int32_t last);
void release_block(walk *w, const tape_block *b);

/* ---- backward_walk.c ---- */

/* The place of v's gradient, which is about to be written (r->first) or added to. */
heed_array open_gradient(walk *w, value *v, const route *r);
heed_status compute_walk(walk *w, int32_t last);

/* ---- in grads.c ---- */

/* Whether a loss of this weight may be added to g: weighted and unweighted ones do not mix. */
bool grads_may_add(const heed_grads *g, double weight);
/* Makes g ready to be added to: scales what is there, and says what share the new loss has. */
void grads_open(heed_grads *g, double weight, int threads, double *share);
/* Zeros what backward did not reach; g is no longer empty. */
void grads_close(heed_grads *g, double weight);
void grads_poison(heed_grads *g);
void grads_zero_entry(heed_grads *g, int index);

#endif
