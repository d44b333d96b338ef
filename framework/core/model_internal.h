/* A model from within: what the tape, gradients and files need of it. */
#ifndef HEED_MODEL_INTERNAL_H
#define HEED_MODEL_INTERNAL_H

#include <heed/model.h>

#include "tape_internal.h"

enum { GROUP_NAME = 32 };

typedef struct entry {
    char *path;
    heed_shape shape;
    heed_init init;
    char group[GROUP_NAME];
    bool buffer, trainable;
    bool follows;           /* lies right behind the entry before it: part of a stack */
    int alias_of;           /* -1: its own storage */
    int64_t offset, count;
} entry;

/* Several entries seen as one. */
typedef struct stack {
    int first, count;
    heed_shape shape;
} stack;

struct heed_model {
    heed_error error;
    bool inert, built;
    uint64_t id;
    heed_dtype dtype;
    heed_module root;
    entry *entries;
    size_t n_entries, cap_entries;
    stack *stacks;
    size_t n_stacks, cap_stacks;
    heed_scope **scopes;
    size_t n_scopes, cap_scopes;
    void **blocks; /* what layers asked for: heed_module_alloc */
    size_t n_blocks, cap_blocks;
    arena memory; /* only its count of allocations is used */
    void *data;
    int64_t size;
    uint64_t version;
};

/* Handles of stacks are numbered from here on. */
enum { STACK_HANDLES = 1 << 24 };

/* What a handle stands for: its shape, and the run of entries that hold its elements. */
typedef struct extent {
    heed_shape shape;
    int64_t offset, count;
    int first, entries;
    bool trainable; /* any of them */
} extent;
/* False for a handle that the model does not have. The offset is set once the model is built. */
bool model_extent(const heed_model *model, int index, extent *out);
/* Whether two models have the same parameters: paths, shapes, in order. */
bool model_twins(const heed_model *a, const heed_model *b);

struct heed_grads {
    heed_error error;
    bool inert, empty, poisoned;
    const heed_model *model;
    double weight;
    size_t n_entries;
    bool *written; /* by the backward under way, an entry each */
    void *data;
    double *partial; /* sums of squares, a block each */
};

#endif
