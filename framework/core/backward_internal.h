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

route route_of(const walk *w, const node *n, int i);
void sum_repeats(const heed_array *view, const heed_array *dy, int threads);

/* ---- in grads.c ---- */

/* Makes g ready to be added to: scales what is there, and says what share the new loss has. Its own error if weighted and
 * unweighted losses would mix. */
heed_status grads_open(heed_grads *g, double weight, int threads, double *share);
/* Zeros what backward did not reach; g is no longer empty. */
void grads_close(heed_grads *g, double weight);
void grads_poison(heed_grads *g);
void grads_zero_entry(heed_grads *g, int index);

#endif
