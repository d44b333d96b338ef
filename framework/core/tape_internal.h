/* The tape from within.
 *
 *     values   [0: none] [1] [2] [3] ...      what was brought in or computed, by index
 *     nodes    [0] [1] [2] ...                the ops recorded, in order; each names its inputs and its first output
 *     memory   data of values, attributes, saved bytes; then, after backward, the gradients
 *     inner    what a recomputed block gives back: the data and saved bytes of the one that is open, or that backward is at
 *
 * Only ops that can be differentiated are recorded as nodes; in a recomputed block the others are, too. */
#ifndef HEED_TAPE_INTERNAL_H
#define HEED_TAPE_INTERNAL_H

#include <heed/model.h>
#include <heed/op.h>

#include "arena_internal.h"
#include "plan_internal.h"

enum value_flags {
    VALUE_NEEDS_GRAD = 1 << 0,
    VALUE_KEEP_GRAD = 1 << 1, /* variables, and intermediates on request */
    VALUE_VIEW = 1 << 2,      /* shows another value's memory */
    VALUE_STAYS = 1 << 3,     /* beyond the end of the block that it is made in */
    VALUE_GONE = 1 << 4,      /* made in a block that has ended: it has data while backward is there, if that reads it */
};

enum { NO_NODE = -1, NO_PARAM = -1 };

typedef struct value {
    heed_array array;
    uint32_t flags;
    int32_t node;       /* that made it, or NO_NODE */
    int32_t use;        /* index in tape.uses for a parameter, or NO_PARAM */
    uint32_t packed;    /* the value that holds it packed, 0 if none was needed */
    uint32_t users;     /* how many inputs of nodes it is */
    uint32_t root;      /* in backward: the value in whose gradient this one's lies, as it lies in that value; else itself */
    uint32_t place;     /* in the plan, of its gradient's memory: the root's counts */
    ptrdiff_t shown_at; /* a view's: bytes from the data of the value that it shows to its own */
    ptrdiff_t root_at;  /* in backward: bytes from the root's data to its own */
    uint64_t read;      /* the last walk, or rather its plan, that found it gone and its data to be read */
    double weight;      /* items a loss averages; negative: none */
    uint64_t pass;      /* the last walk, or its plan, that touched the gradient */
    size_t grad_offset; /* of that place, in the plan's pool: the root's counts */
    void *grad;         /* NULL where the last walk did not keep it */
} value;

typedef struct node {
    const heed_op *op;
    const void *attr;
    const uint32_t *inputs; /* value indexes; 0: absent */
    int32_t n_in, n_out;
    uint32_t first_out;
    void *saved;
    size_t saved_bytes, workspace, backward_workspace;
    uint64_t rng_key;
    const heed_scope *scope;
    int threads; /* what backward_workspace was asked for */
    bool training, walked;
    bool inner;    /* in a block */
    bool constant; /* not to be differentiated: there to be run again */
} node;

/* What backward computes again: a run of nodes, and the values made meanwhile. */
typedef struct tape_block {
    int32_t first, end; /* nodes */
} tape_block;

/* Memory in the plan's pool that holds a gradient, or one that is the gradient of several values. */
typedef struct grad_place {
    size_t offset, bytes;
    uint32_t holders; /* values whose gradient it is and whose node is still to come */
} grad_place;

/* What becomes of the gradient that a node's backward has for one of its inputs. */
typedef enum route_kind {
    ROUTE_NONE,   /* not asked for */
    ROUTE_DIRECT, /* written, or added by the op itself, where it lives */
    ROUTE_ASIDE,  /* written into scratch; then copied, added or summed */
    ROUTE_SHARED, /* dy's memory becomes its own */
    ROUTE_PASSED, /* copied, added or summed from dy */
    ROUTE_VIEW,   /* brought from the gradients of views into what they show */
} route_kind;

typedef struct route {
    route_kind kind;
    bool first;     /* nothing has been written there yet */
    bool sums;      /* produced in a broadcast shape */
    bool moves;     /* is to be added to, but others still read it: to a copy, then */
    size_t offset;  /* where it is from now on, in the pool */
    size_t scratch; /* bytes, for ROUTE_ASIDE */
} route;

/* A parameter on the tape. */
typedef struct use {
    heed_param param;       /* resolved: of the model that is bound */
    uint64_t model_version; /* when it was first asked for */
    int64_t offset;         /* in the model's and its gradients' buffers */
    int first, entries;     /* the run of the model's entries that it is */
} use;

/* Where each parameter of one model is on this tape. */
typedef struct known_param {
    uint64_t epoch;
    uint32_t value;
} known_param;
typedef struct known_model {
    uint64_t id;
    known_param *params;
    size_t capacity;
} known_model;

typedef struct binding {
    uint64_t model; /* its id: another model may come to lie at its address */
    const heed_model *other;
} binding;

typedef struct watcher {
    char *pattern;
    heed_watch_fn *fn;
    void *user;
} watcher;

/* How many times this step a path has drawn random numbers. */
typedef struct draw {
    uint64_t path;
    uint64_t count;
} draw;

struct heed_scope {
    const heed_scope *parent; /* NULL for a root, whose name is empty */
    uint64_t hash;            /* of the whole path */
    const char *name;
};

struct heed_tape {
    heed_error error;
    bool inert; /* the static tape that stands for "out of memory" */
    uint64_t epoch;
    arena memory, inner;
    arena *data; /* one of the two: where values' data come from at the moment */
    value *values;
    size_t n_values, cap_values;
    node *nodes;
    size_t n_nodes, cap_nodes;
    tape_block *blocks; /* in order, none within another; the last may be open */
    size_t n_blocks, cap_blocks;
    int open_blocks;  /* begun and not ended: those after the first are part of it */
    size_t block_bytes; /* the largest since the reset */
    use *uses;
    size_t n_uses, cap_uses;
    known_model *models;
    size_t n_models, cap_models;
    binding *bindings;
    size_t n_bindings, cap_bindings;
    watcher *watchers;
    size_t n_watchers, cap_watchers;
    draw *draws;
    size_t n_draws, cap_draws;
    const heed_scope **scopes; /* the stack; the last is current */
    size_t n_scopes, cap_scopes;
    struct heed_profile *profile; /* NULL: nothing is measured */
    int threads;
    bool recording, training, anomaly;
    uint64_t seed, step, passes;
    double share;                 /* of the last backward in what it was accumulated to; 1: it is all */
    plan gradients;               /* of the last backward */
    grad_place *places;
    size_t n_places, cap_places;
    route *routes;                /* of each node that backward reached, one an input */
    size_t n_routes, cap_routes;
    size_t gradient_bytes, gradients_unplanned;
};

/* "path: op: text" into the tape's error. op may be NULL. Returns the status. */
heed_status tape_fail(heed_tape *t, const heed_scope *scope, const char *op, heed_status status, const char *format,
                      ...) HEED_PRINTF(5, 6);
heed_status tape_no_memory(heed_tape *t, const char *op, size_t bytes);

/* The value's index, or 0 and the sticky error saying what is wrong with the handle. `what` names it: "input 1". */
uint32_t tape_find(heed_tape *t, const char *op, heed_tensor x, const char *what);
/* The same for a value whose data are to be read. */
uint32_t tape_resolve(heed_tape *t, const char *op, heed_tensor x, const char *what);
heed_tensor tape_handle(const heed_tape *t, uint32_t index);
/* A new value: a leaf until said otherwise. 0 when memory is out. */
uint32_t tape_new_value(heed_tape *t, const heed_array *array);
/* The same, to lie packed in data that the caller gives it. */
uint32_t tape_new_packed(heed_tape *t, heed_dtype dtype, heed_shape shape);
/* The same with data from the arena. */
uint32_t tape_new_leaf(heed_tape *t, const char *op, heed_dtype dtype, heed_shape shape);
/* What is seen from outside of the block that is open, if there is one, stays beyond its end. A wrong handle is none. */
void tape_keep_value(heed_tape *t, heed_tensor x);
size_t tape_held(const heed_tape *t);
int tape_thread_count(const heed_tape *t);
const heed_scope *tape_scope(const heed_tape *t);
/* The key of the next random draw under the current path. */
uint64_t tape_next_key(heed_tape *t);
/* Whether a real array holds a NaN (returns 1) or an inf (returns 2); 0 if all is finite. */
int array_not_finite(const heed_array *a);

/* As heed_shape_count: a shape is large for what most calls do with it, so the engine hands it on by its place. */
int64_t shape_count(const heed_shape *shape);
/* Pads bytes so that what follows is aligned; false on overflow. count and dtype of a valid shape. */
bool array_bytes(const heed_shape *shape, heed_dtype dtype, size_t *bytes);

const heed_scope *scope_root(void);
size_t scope_path(const heed_scope *scope, char *text, size_t size);
bool path_matches(const char *pattern, const char *path);

#endif
