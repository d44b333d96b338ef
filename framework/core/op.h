/* How an op is written: one descriptor, in one file, ours and yours alike. See examples/04_new_op.
 *
 * Intended use:
 *   1. fill a `static const heed_op` with a name, a shape rule, kernels, samples
 *   2. call it: heed_apply(t, &op, (heed_tensor[]){a, b}, 2, &attributes)
 *   3. check it: heed_gradcheck_op(&op, ...)                            (heed/gradcheck.h)
 *
 * The engine checks handles, packs layouts, takes memory, broadcasts and sums gradients. What is left to an op is its
 * formula. All checks stand in the shape rule, before any memory is taken: a kernel cannot fail. */
#ifndef HEED_OP_H
#define HEED_OP_H

#include <heed/array.h>
#include <heed/rng.h>
#include <heed/tape.h>

HEED_BEGIN_DECLS

typedef struct heed_op heed_op;

/* One call of an op, as its rules and kernels see it. */
typedef struct heed_call {
    const heed_op *op;
    const void *attr; /* this call's attributes: the op's own copy */
    int n_in, n_out;
    const heed_array *const *in; /* in[i] is NULL where an optional input is absent. In backward, data is NULL where
                                    the op has not declared that it saves the input */
    heed_array *const *out;      /* the shape rule sets shape and dtype; forward writes data. In backward as for in */
    const heed_array *const *dy; /* backward: dL/d out[o], laid out as out[o] */
    heed_array *const *dx;       /* backward: where dL/d in[i] is to be written, contiguous but for op->strided_dx; NULL
                                    where not wanted */
    const bool *accumulate;      /* backward, ops with HEED_ACCUMULATES: add to dx[i] instead of writing */
    void *saved;                 /* saved_bytes, 64-byte aligned, from forward to backward */
    void *workspace;             /* workspace_bytes, 64-byte aligned, for this call alone */
    size_t saved_bytes;          /* set by the shape rule, 0 unless it does */
    size_t workspace_bytes;      /* set by the shape rule for forward ... */
    size_t backward_workspace_bytes; /* ... and for backward */
    double weight;               /* a loss may set, in forward, how many items it averages */
    uint64_t rng_key;            /* HEED_RANDOM: this call's own stream of random numbers */
    int threads;
    bool training;
    bool needs_grad;             /* shape rule and forward: backward may be called, so save what it needs */
    heed_error *error;
} heed_call;

/* What one call does, for profiles. */
typedef struct heed_cost {
    double flops, bytes;
} heed_cost;
/* Counts the FLOPs of a call: 2 for a multiply and add; additions, comparisons and functions of single elements are not
 * worth counting beside a product's. In forward call->dx is NULL; in backward it says which gradients are made. *cost comes
 * with 0 FLOPs and the bytes of all that is read and written, each array once, to be set right where that is wrong. */
typedef void heed_cost_rule(const heed_call *call, heed_cost *cost);

/* Checks shapes and dtypes, sets out[o]->shape, out[o]->dtype and the byte counts.
 * On bad input: `return heed_fail(call, "inner sizes differ: %s x %s", ...)`; the engine puts path and name before it.
 * Ops with HEED_VIEW set out[o]->stride and out[o]->data too, from in[0]'s. */
typedef heed_status heed_shape_rule(heed_call *call);
/* Of a recomputed block (heed_recompute_begin) forward runs a second time, in backward: it must do the same with the same call,
 * so what it depends on, or hands to backward, lies nowhere but there. */
typedef void heed_kernel(heed_call *call);
heed_status heed_fail(heed_call *call, const char *format, ...) HEED_PRINTF(2, 3) HEED_MUST_CHECK;

/* Runs body over [0, n) in at most call->threads contiguous ranges of at least `grain` (boundaries are multiples of it).
 * Split what is written, never what is summed: each output must come out the same whatever range it falls in. */
typedef void heed_range_body(void *context, int64_t begin, int64_t end);
void heed_parallel_for(int threads, int64_t n, int64_t grain, heed_range_body *body,
                       void *context); /* outside of ops; threads <= 0: all cores */
void heed_parallel(const heed_call *call, int64_t n, int64_t grain, heed_range_body *body, void *context);

enum heed_op_flags {
    HEED_VIEW = 1 << 0, /* outputs show in[0]'s memory; no forward; the backward is derived from the shape rule */
    HEED_NO_GRADIENT = 1 << 1, /* outputs are constants for backward: comparisons, argmax, detach */
    HEED_ACCUMULATES = 1 << 2, /* backward heeds call->accumulate[i]; otherwise it writes and the engine adds */
    HEED_BROADCASTS = 1 << 3,  /* elementwise: inputs arrive expanded (strides 0) to out[0]'s shape, dx[i] has that
                                  shape too, and the engine sums it back. Implies HEED_STRIDED */
    HEED_STRIDED = 1 << 4,     /* takes inputs of any strides; otherwise the engine packs them first */
    HEED_RANDOM = 1 << 5,      /* draws from call->rng_key */
    HEED_PARTIAL_DY = 1 << 6,  /* backward takes dy[o] == NULL as zero; otherwise the engine makes the zeros */
    HEED_MIXED = 1 << 7,       /* real inputs may differ in dtype (cast); otherwise that is an error */
    HEED_LAYS_OUT = 1 << 8,    /* the shape rule sets out[o]->stride too: the axes in any order, without holes */
};

enum { HEED_SAVE_NOTHING = 0, HEED_SAVE_ALL = -1 };
#define HEED_SAVE(i) (1u << (i))

/* ---- samples for the gradient check ---- */

/* How one input of a sample is drawn. Integers are drawn from low..high-1. */
typedef struct heed_sample_input {
    heed_dtype dtype; /* HEED_F64 stands for "real, of the dtype under check" */
    heed_shape shape;
    double low, high; /* uniform in [low, high); both 0: normal */
    bool absent;      /* an optional input left out */
    bool constant;    /* not differentiated in this sample */
    double apart;     /* > 0: values differ from each other by at least this (for max, sort), or ... */
    double avoid;     /* ... with avoid_by > 0: stay at least avoid_by away from this kink */
    double avoid_by;
} heed_sample_input;

enum { HEED_SAMPLE_INPUTS = 8, HEED_SAMPLE_ATTR = 256 };
typedef struct heed_sample {
    int n_in;
    heed_sample_input in[HEED_SAMPLE_INPUTS];
    union {
        char bytes[HEED_SAMPLE_ATTR];
        double align;
    } attr; /* the op's attributes */
} heed_sample;
/* Fills the index-th sample; false when there are no more. At least 24, over shapes with 1, 2, 15, 16, 17, 33. */
typedef bool heed_sample_rule(int index, heed_sample *sample);

struct heed_op {
    size_t size; /* sizeof(heed_op): tells which version of this header you compiled with */
    const char *name;
    int min_in, max_in;     /* number of inputs; max_in < 0: any */
    int n_out;              /* <= 0: the shape rule is asked through `outputs` */
    int (*outputs)(const void *attr);
    unsigned optional;      /* HEED_SAVE(i)-style mask: inputs that may be HEED_NIL */
    unsigned flags;
    size_t attr_size;       /* attributes are copied by size */
    heed_shape_rule *shape;
    int dispatch;           /* which input's dtype picks the kernel; -1: out[0]'s. Absent inputs may not be it */
    heed_kernel *forward[HEED_DTYPES];
    heed_kernel *forward_any; /* where there is none for the dtype */
    heed_kernel *backward[HEED_DTYPES];
    heed_kernel *backward_any;
    unsigned no_gradient;   /* mask of inputs that are never differentiated (integer inputs never are) */
    unsigned strided_dx;    /* mask of inputs whose dx[i] backward writes through its strides: into part of a larger
                               gradient, where in[i] shows part of a larger value */
    bool passes_dy;         /* dL/d in[i] is dL/d out[0] itself, for all i, summed where in[i] was broadcast: no backward is
                               called, and no memory moved where the two gradients can be one */
    unsigned save_in, save_out; /* masks: whose data backward reads. HEED_SAVE_ALL: all */
    heed_sample_rule *samples;
    heed_kernel *jvp[HEED_DTYPES]; /* room for a forward-mode rule; leave zero */
    heed_cost_rule *cost; /* or NULL: the bytes alone say what it costs */
    const void *reserved[3];
};

enum { HEED_MAX_OUTPUTS = 64 };
/* Runs and records an op. The first output; the others through heed_apply_many. attr may be NULL when attr_size is 0. */
heed_tensor heed_apply(heed_tape *t, const heed_op *op, const heed_tensor *in, int n_in, const void *attr);
/* outs must have room for the op's number of outputs; on error all are HEED_NIL. Returns the first. */
heed_tensor heed_apply_many(heed_tape *t, const heed_op *op, const heed_tensor *in, int n_in, const void *attr,
                            heed_tensor *outs);

/* What a handle names, as a kernel would see it, for wrappers that look at layouts; alive until the next op is recorded.
 * NULL, and the sticky error, where the handle is nil, stale or foreign. */
const heed_array *heed_tensor_array(heed_tape *t, heed_tensor x);

/* The one op that the engine records by itself, to pack what an op cannot take strided. */
extern const heed_op heed_op_contiguous;

/* Shape rules that many ops share. */
heed_status heed_shape_same(heed_call *call);      /* out[0] like in[0] */
heed_status heed_shape_elementwise(heed_call *call); /* out[0] = broadcast of all inputs, dtype of in[dispatch] */

/* The library's own ops, one line each in ops/registry.c, ended by NULL. */
extern const heed_op *const heed_builtin_ops[];

HEED_END_DECLS
#endif
