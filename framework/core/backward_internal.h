/* One walk of the tape in reverse. */
#ifndef HEED_BACKWARD_INTERNAL_H
#define HEED_BACKWARD_INTERNAL_H

#include "model_internal.h"

typedef struct walk {
    heed_tape *t;
    heed_grads *grads;   /* NULL: parameters are constants */
    bool *written;       /* entries of grads that have a gradient already; the dry walk has a copy */
    uint64_t pass;       /* values whose .pass is this have a gradient already */
    bool retain;
    int threads;
    size_t *scratch_at;  /* by node, in the pool */
    char *pool;
} walk;

typedef enum route_kind {
    ROUTE_NONE,   /* not asked for */
    ROUTE_VIEW,   /* copied into a view of the gradient */
    ROUTE_DIRECT, /* written, or added by the op itself, where it lives */
    ROUTE_ASIDE,  /* into scratch; then added or summed */
} route_kind;

typedef struct route {
    route_kind kind;
    bool first;     /* nothing has been written there yet */
    bool sums;      /* produced in a broadcast shape */
    size_t scratch; /* bytes, for ROUTE_ASIDE */
} route;

/* ---- backward_plan.c ---- */

route route_of(const walk *w, const node *n, int i);
/* The shape in which the op's backward produces the gradient of input i: the output's where it broadcasts. */
heed_shape produced_shape(const walk *w, const node *n, int i);
/* Whether a gradient has come to any of the node's outputs. */
bool reached(const walk *w, const node *n);
bool keeps_grad(const value *v);
/* Notes that the gradient of a parameter has been written, in whichever walk this is. */
void mark_written(walk *w, const value *v);
size_t value_bytes(const value *v);
size_t aligned_bytes(size_t bytes);
/* From y, the output of node `last`: fills w->scratch_at, takes w->pool. */
heed_status dry_walk(walk *w, value *y, int32_t last);

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
