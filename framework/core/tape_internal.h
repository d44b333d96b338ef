/* The tape from within.
 *
 *     values   [0: none] [1] [2] [3] ...      what was brought in or computed, by index
 *     nodes    [0] [1] [2] ...                the ops recorded, in order; each names its inputs and its first output
 *     arena    data of values, attributes, saved bytes; then, after backward, the gradients
 *
 * Only ops that can be differentiated are recorded as nodes. */
#ifndef HEED_TAPE_INTERNAL_H
#define HEED_TAPE_INTERNAL_H

#include <heed/model.h>
#include <heed/op.h>

#include "arena_internal.h"
#include "plan_internal.h"

enum value_flags {
    VALUE_NEEDS_GRAD = 1 << 0,
    VALUE_KEEP_GRAD = 1 << 1, /* variables, and intermediates on request */
};

enum { NO_NODE = -1, NO_PARAM = -1 };

typedef struct value {
    heed_array array;
    uint32_t flags;
    int32_t node;       /* that made it, or NO_NODE */
    int32_t use;        /* index in tape.uses for a parameter, or NO_PARAM */
    uint32_t packed;    /* the value that holds it packed, 0 if none was needed */
    double weight;      /* items a loss averages; negative: none */
    uint64_t pass;      /* the last walk, or its plan, that touched the gradient */
    size_t grad_offset; /* its place in that plan's pool */
    void *grad;         /* contiguous, of the value's shape; NULL where the last walk did not keep it */
} value;

typedef struct node {
    const heed_op *op;
    const void *attr;
    const uint32_t *inputs; /* value indexes; 0: absent */
    int32_t n_in, n_out;
    uint32_t first_out;
    void *saved;
    size_t saved_bytes, backward_workspace;
    uint64_t rng_key;
    const heed_scope *scope;
    int threads; /* what backward_workspace was asked for */
    bool training, walked;
} node;

/* A parameter on the tape. */
typedef struct use {
    heed_param param;       /* resolved: of the model that is bound */
    uint64_t model_version; /* when it was first asked for */
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
    arena memory;
    value *values;
    size_t n_values, cap_values;
    node *nodes;
    size_t n_nodes, cap_nodes;
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
    plan gradients;               /* of the last backward */
    size_t gradient_bytes, gradients_unplanned;
};

/* "path: op: text" into the tape's error. op may be NULL. Returns the status. */
heed_status tape_fail(heed_tape *t, const heed_scope *scope, const char *op, heed_status status, const char *format,
                      ...) HEED_PRINTF(5, 6);
heed_status tape_no_memory(heed_tape *t, const char *op, size_t bytes);

/* The value's index, or 0 and the sticky error saying what is wrong with the handle. `what` names it: "input 1". */
uint32_t tape_resolve(heed_tape *t, const char *op, heed_tensor x, const char *what);
heed_tensor tape_handle(const heed_tape *t, uint32_t index);
/* A new value: a leaf until said otherwise. 0 when memory is out. The caller gives it data. */
uint32_t tape_new_value(heed_tape *t, heed_dtype dtype, heed_shape shape);
/* The same with data from the arena. */
uint32_t tape_new_leaf(heed_tape *t, const char *op, heed_dtype dtype, heed_shape shape);
int tape_thread_count(const heed_tape *t);
const heed_scope *tape_scope(const heed_tape *t);
/* The key of the next random draw under the current path. */
uint64_t tape_next_key(heed_tape *t);
/* Whether a real array holds a NaN (returns 1) or an inf (returns 2); 0 if all is finite. */
int array_not_finite(const heed_array *a);

/* Pads bytes so that what follows is aligned; false on overflow. count and dtype of a valid shape. */
bool array_bytes(heed_shape shape, heed_dtype dtype, size_t *bytes);

const heed_scope *scope_root(void);
size_t scope_path(const heed_scope *scope, char *text, size_t size);
bool path_matches(const char *pattern, const char *path);

#endif
