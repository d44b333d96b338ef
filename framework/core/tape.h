/* The tape: values, the record of the ops that made them, and backward.
 *
 * Intended use, once a training step:
 *   1. heed_tape_reset(t)                     forget the step before; its memory is used again
 *   2. x = heed_input(t, ...)                 bring data in
 *   3. loss = ...ops and layers...            every call computes at once and is recorded
 *   4. heed_backward(t, loss, grads)          gradients of the parameters, then an optimizer's step
 *
 * A tensor is a handle by value. What it names never changes. A handle from another tape, or from before a reset,
 * is found by comparing integers and is an error, not a crash. The first error sticks to the tape: the op that
 * failed returns HEED_NIL, which later ops pass on, so calls may be nested and the status asked once, at backward.
 * A tape belongs to one thread at a time; any number of tapes work side by side. */
#ifndef HEED_TAPE_H
#define HEED_TAPE_H

#include <heed/error.h>

HEED_BEGIN_DECLS

typedef struct heed_tape heed_tape;
typedef struct heed_model heed_model;
typedef struct heed_grads heed_grads;

typedef struct heed_tensor {
    uint64_t epoch; /* which tape, between which resets; 0 for nil */
    uint64_t index; /* which value */
} heed_tensor;

#ifdef __cplusplus
#define HEED_NIL (heed_tensor())
#else
#define HEED_NIL ((heed_tensor){0, 0})
#endif
static inline bool heed_is_nil(heed_tensor x) { return x.epoch == 0; }

/* ---- life ---- */

/* Never NULL: out of memory gives an inert tape whose every call fails and whose error text says so. */
heed_tape *heed_tape_new(void);
void heed_tape_free(heed_tape *t);
/* Forgets all values and the error; keeps memory and settings. Counts one step for the random numbers. */
void heed_tape_reset(heed_tape *t);

heed_status heed_tape_status(const heed_tape *t);
/* The first error's text, "" when there is none. */
const char *heed_error_text(const heed_tape *t);
/* For layers and examples that check more than ops do: raises an error under the current path. Returns HEED_NIL. */
heed_tensor heed_fail_tape(heed_tape *t, heed_status status, const char *format, ...) HEED_PRINTF(3, 4);

/* ---- settings, each the tape's own ---- */

void heed_tape_set_threads(heed_tape *t, int threads);     /* 0, the start value: all cores. At most 1024 */
bool heed_tape_set_recording(heed_tape *t, bool recording); /* off: nothing is differentiated. Returns what it was */
bool heed_tape_set_training(heed_tape *t, bool training); /* off: dropout is identity. Starts on. Returns what it was */
void heed_tape_set_anomaly(
    heed_tape *t, bool anomaly); /* on: the first op, forward or backward, that makes a NaN or inf is an error */
void heed_tape_set_seed(heed_tape *t, uint64_t seed);       /* the key of dropout and other random ops */
void heed_tape_set_step(heed_tape *t, uint64_t step);       /* the step they are drawn for: set it when a run resumes */
int heed_tape_threads(const heed_tape *t);
bool heed_tape_recording(const heed_tape *t);
bool heed_tape_training(const heed_tape *t);
uint64_t heed_tape_step(const heed_tape *t);
uint64_t heed_tape_seed(const heed_tape *t);
/* Uses `other` wherever parameters of `model` are asked for: an averaged or cloned model, an f64 twin. NULL undoes it.
 * `other` must have the same parameters (heed_model_clone). */
heed_status heed_tape_bind(heed_tape *t, const heed_model *model, const heed_model *other) HEED_MUST_CHECK;

/* ---- bringing data in ---- */

heed_tensor heed_input(heed_tape *t, heed_dtype dtype, heed_shape shape, const void *data);          /* copied */
heed_tensor heed_input_borrowed(heed_tape *t, heed_dtype dtype, heed_shape shape,
                                const void *data); /* must outlive the reset */
/* An input whose gradient is wanted: read it with heed_grad after backward. Real dtypes only. */
heed_tensor heed_variable(heed_tape *t, heed_dtype dtype, heed_shape shape, const void *data);
heed_tensor heed_full(heed_tape *t, heed_dtype dtype, heed_shape shape, double value);
heed_tensor heed_zeros(heed_tape *t, heed_dtype dtype, heed_shape shape);
heed_tensor heed_ones(heed_tape *t, heed_dtype dtype, heed_shape shape);
heed_tensor heed_arange(heed_tape *t, heed_dtype dtype, int64_t count); /* 0, 1, ..., count - 1 */
/* Standard normal, and uniform in [0, 1): from the tape's seed and step and the current path. */
heed_tensor heed_randn(heed_tape *t, heed_dtype dtype, heed_shape shape);
heed_tensor heed_rand(heed_tape *t, heed_dtype dtype, heed_shape shape);

/* ---- reading values ---- */

heed_shape heed_shape_of(const heed_tape *t, heed_tensor x);
int heed_rank(const heed_tape *t, heed_tensor x);
int64_t heed_size(const heed_tape *t, heed_tensor x,
                  int axis); /* negative axes count from the end; -1 if there is none */
int64_t heed_count(const heed_tape *t, heed_tensor x);
heed_dtype heed_dtype_of(const heed_tape *t, heed_tensor x);
/* The values in row-major order, packed if x is a strided view; alive until the reset. NULL (and the sticky error)
 * where x is not of that dtype. */
const float *heed_f32(heed_tape *t, heed_tensor x);
const double *heed_f64(heed_tape *t, heed_tensor x);
const int32_t *heed_i32(heed_tape *t, heed_tensor x);
const bool *heed_bool(heed_tape *t, heed_tensor x);
const void *heed_data(heed_tape *t, heed_tensor x); /* of whatever dtype */
/* The value of a tensor with one element, as a double; NaN on error. */
double heed_item(heed_tape *t, heed_tensor x);
/* Writes x as NumPy prints an array ("[[1.  2. ]\n [3.  4.5]]"), long axes shortened by "...", '.' in every locale.
 * At most size bytes, always terminated; returns the length it would need. */
size_t heed_print(heed_tape *t, heed_tensor x, char *text, size_t size);

/* ---- backward ---- */

/* d loss / d parameter for each trainable parameter of grads' model, and of variables and kept tensors.
 * loss has one element. Into empty grads the gradient is written; into others it is accumulated: gradients of losses
 * that carry a weight (how many items they average) are averaged by weight, so split batches give the whole batch's
 * gradient; gradients of losses without one (heed_sum) are added.
 * grads NULL: only variables and kept tensors. A recording can be walked once; to walk it again, ask to retain it. */
heed_status heed_backward(heed_tape *t, heed_tensor loss, heed_grads *grads) HEED_MUST_CHECK;

typedef struct heed_backward_options {
    heed_tensor seed; /* dL/dy, of y's shape: starts from a y that is no scalar */
    bool retain;      /* the recording may be walked again */
} heed_backward_options;
heed_status heed_backward_with(heed_tape *t, heed_tensor y, heed_grads *grads,
                               heed_backward_options options) HEED_MUST_CHECK;

/* ---- memory for time ---- */

/* What is recorded between begin and end is a block that backward computes again instead of keeping it (Chen, Xu, Zhang and
 * Guestrin, "Training Deep Nets with Sublinear Memory Cost", 2016), for the long contexts whose values memory cannot hold:
 *
 *     heed_recompute_begin(t);
 *     x = heed_encoder_layer_forward(&layer, t, x, attend);
 *     x = heed_recompute_end(t, x);
 *
 * At its end stays what is handed on; the memory of all other values made in between is given back, and backward, when it comes
 * to the block, runs its ops again as far as their values are read, walks them, and gives that memory back too. A stack of N
 * blocks so takes the memory of its N results and one block's values. Loss, gradients and random numbers have the same bits as
 * without: the ops are run from the record, with the same inputs and random keys, and no code of the caller's runs twice. A
 * block's last ops, whose values nobody reads again, do not either, so it costs less than a second forward.
 *
 * A block may use all that was there before. Beyond its end, a tensor made in it and not handed on is an error where its values
 * are asked for; its shape is there, and its gradient, too, if heed_keep_grad asked for it. What is watched meanwhile
 * (heed_watch) stays, and so do parameters and what is brought in (heed_input, heed_full, heed_randn, ...): data that many
 * blocks need are brought in before them. A block within a block is part of it. With recording off the memory is given back,
 * too, and nothing is computed again. A profile counts what runs again as HEED_PHASE_RECOMPUTE.
 * Errors: an end without a begin; backward while a block is open. A reset closes it. */
void heed_recompute_begin(heed_tape *t);
heed_tensor heed_recompute_end(heed_tape *t, heed_tensor y);            /* Returns y, which stays; HEED_NIL on an error */
void heed_recompute_end_many(heed_tape *t, heed_tensor *y, int n);      /* The same of n; 0: nothing is handed on */

/* Asks, before backward, that the gradient of an intermediate be kept. Returns x. */
heed_tensor heed_keep_grad(heed_tape *t, heed_tensor x);
/* The gradient of a variable or kept tensor that the last backward wrote; zeros where the loss did not depend on it. */
heed_tensor heed_grad(heed_tape *t, heed_tensor x);
/* How many items a loss averages over. Losses and heed_mean set it themselves; negative: none, accumulate by adding. */
double heed_weight(const heed_tape *t, heed_tensor loss);
heed_tensor heed_set_weight(heed_tape *t, heed_tensor loss, double weight);

/* ---- scopes and watching ---- */

typedef struct heed_module heed_module;
/* From here to heed_leave the current path is that of the module, or the current one with `.name` behind it. */
void heed_enter(heed_tape *t, const heed_module *module);
void heed_enter_named(heed_tape *t, const char *name);
void heed_leave(heed_tape *t);
/* The current path ("encoder.0.attn"), written into text; returns its length. */
size_t heed_path(const heed_tape *t, char *text, size_t size);

/* Shows x to whoever watches `current path.name`. Layers call it; it costs nothing when nobody watches. Returns x. */
heed_tensor heed_watch(heed_tape *t, const char *name, heed_tensor x);
/* Whether somebody does: a layer asks before it computes what only a watcher needs. */
bool heed_watching(const heed_tape *t, const char *name);
typedef void heed_watch_fn(void *user, heed_tape *t, const char *path, heed_tensor x);
/* pattern: a path in which * stands for any run of characters and ? for one. The watcher may keep x's gradient
 * (heed_keep_grad) and read values; it must not record ops that training would see. It is called, with user, until the tape
 * is freed or heed_tape_unwatch: by then at the latest, where the tape outlives user. Status: out of memory, or NULL given. */
heed_status heed_tape_on_watch(heed_tape *t, const char *pattern, heed_watch_fn *watcher, void *user) HEED_MUST_CHECK;
/* Ends what was begun with the same watcher and user; nothing, where nothing was. */
void heed_tape_unwatch(heed_tape *t, heed_watch_fn *watcher, void *user);

/* ---- what is recorded ---- */

/* Whether backward brings a gradient to x: it is made of trainable parameters or variables, by ops on record. False of a
 * handle that is none. */
bool heed_needs_grad(const heed_tape *t, heed_tensor x);

/* An op on record, or a leaf: what no op on record made. */
typedef struct heed_tape_item {
    const char *op;         /* its name, "matmul"; NULL: a leaf */
    const char
        *path; /* the path an op was recorded under; a leaf's parameter, "" where it is none. Of parameters seen as
                               one (heed_param_stack): "attn.w_q + attn.w_k" */
    heed_tensor out;        /* the leaf, or the first output; the indexes of the other n_out - 1 follow its own */
    int n_out, n_in;
    const heed_tensor *in;  /* HEED_NIL where an optional input is absent */
} heed_tape_item;
/* The item, and its texts, are gone after the call. It must not record anything. */
typedef void heed_visit_fn(void *user, heed_tape *t, const heed_tape_item *item);
/* Shows every op since the reset in the order of recording, which is those that backward would walk, and each leaf before
 * the first op that takes it. Status: the tape's, or out of memory. */
heed_status heed_tape_visit(heed_tape *t, heed_visit_fn *visit, void *user) HEED_MUST_CHECK;

/* ---- what the tape costs ---- */

typedef struct heed_tape_stats {
    size_t arena_bytes;      /* held */
    size_t used_bytes;       /* by the current step: values, records, gradients, the largest block */
    size_t block_bytes;      /* of used: what the largest recomputed block took before it gave it back */
    size_t gradient_bytes;   /* of used: the plan of the last backward */
    size_t gradients_unplanned; /* what keeping every gradient, each in memory of its own, would have taken */
    uint64_t allocations;    /* calls of malloc so far: stands still from the second step on */
    size_t nodes, values;
} heed_tape_stats;
heed_tape_stats heed_tape_statistics(const heed_tape *t);

HEED_END_DECLS
#endif
