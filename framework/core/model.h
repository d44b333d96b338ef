/* A model: named parameters in one flat buffer, declared by layers, then built.
 *
 * Intended use:
 *   1. heed_model *model = heed_model_new()
 *   2. heed_linear_init(&layer, heed_model_root(model), "out", 64, 10)   layers declare what they need
 *   3. heed_model_build(model, HEED_F32, seed)                            lays it out and initialises it
 *   4. heed_linear_forward(&layer, t, x)                                  use, on any number of tapes
 * Declaring after building, or building twice, is an error. The first error sticks to the model. */
#ifndef HEED_MODEL_H
#define HEED_MODEL_H

#include <stdio.h>

#include <heed/tape.h>

HEED_BEGIN_DECLS

/* A place in the model's tree. Every layer's first member; copies freely. */
typedef struct heed_scope heed_scope;
struct heed_module {
    heed_model *model;
    const heed_scope *scope;
};

/* A parameter or buffer of a model. Copies freely. */
typedef struct heed_param {
    heed_model *model;
    int index;
} heed_param;

/* ---- initialisers: PyTorch's, with fan_in = product of all axes but the first, fan_out = first axis ---- */

typedef struct heed_init heed_init;
/* Fills count values of the given shape; seed is the parameter's own. */
typedef void heed_init_fn(void *user, heed_shape shape, uint64_t seed, double *values, int64_t count);
struct heed_init {
    void (*fill)(const heed_init *self, heed_shape shape, uint64_t seed, double *values, int64_t count);
    double a, b; /* what fill makes of them: mean and std, gain, ... */
    heed_init_fn *custom;
    void *user;
};
heed_init heed_init_constant(double value);
heed_init heed_init_normal(double mean, double std);
heed_init heed_init_uniform(double low, double high);
heed_init
heed_init_xavier_uniform(double gain); /* U(-a, a), a = gain sqrt(6 / (fan_in + fan_out)); Glorot and Bengio 2010 */
heed_init heed_init_xavier_normal(double gain);   /* N(0, gain² 2 / (fan_in + fan_out)) */
heed_init heed_init_kaiming_uniform(double gain); /* U(-a, a), a = gain sqrt(3 / fan_in); He et al. 2015 */
heed_init heed_init_kaiming_normal(double gain);  /* N(0, gain² / fan_in) */
heed_init heed_init_orthogonal(double gain);      /* rows or columns orthonormal times gain; Saxe et al. 2013 */
heed_init heed_init_custom(heed_init_fn *fn, void *user);

/* ---- declaring ---- */

/* Never NULL; out of memory gives an inert model that says so. */
heed_model *heed_model_new(void);
void heed_model_free(heed_model *model);
const heed_module *heed_model_root(heed_model *model);

/* A child called name (letters, digits, _; "0", "1", ... for lists) of parent. Two children of one name are an error. */
void heed_module_init(heed_module *module, const heed_module *parent, const char *name);
/* The module's path ("encoder.0.attn"), written into text, or "..." where it has no room; returns its length. */
size_t heed_module_path(const heed_module *module, char *text, size_t size);
/* A trainable parameter `path.name`. Norms and biases belong to the group "no_decay", others to "": see _set_group. */
heed_param heed_param_new(const heed_module *module, const char *name, heed_shape shape, heed_init init);
/* Values that are saved with the model but never trained. */
heed_param heed_buffer_new(const heed_module *module, const char *name, heed_shape shape, heed_init init);
/* Parameters declared one right after another, seen as one along their first axis: (n0, ...), (n1, ...) ->
 * (n0 + n1, ...). They share storage, so that one product computes all: W_q, W_k and W_v are stacked so. Before building. */
heed_param heed_param_stack(int count, const heed_param *parts);
/* A second name for a parameter: tied weights. Saved once, under the first name. */
heed_param heed_param_tie(const heed_module *module, const char *name, heed_param other);
void heed_param_set_group(heed_param p, const char *group);
/* How it starts, instead of what it was declared with: for whoever composes layers and knows better. Before building. */
void heed_param_set_init(heed_param p, heed_init init);
/* count zeroed places of size bytes, freed with the model: for a layer whose number of parts is only known when it is
 * declared. NULL where there is no memory, which the model then says. */
void *heed_module_alloc(const heed_module *module, size_t count, size_t size);

/* Lays the parameters out and initialises them, each from (seed, its path): adding a layer changes no other's values. */
heed_status heed_model_build(heed_model *model, heed_dtype dtype, uint64_t seed) HEED_MUST_CHECK;
heed_status heed_model_status(const heed_model *model);
/* For layers that refuse their options: raises an error on the module's model, with the module's path before it. */
heed_status heed_module_fail(const heed_module *module, const char *format, ...) HEED_PRINTF(2, 3);
const char *heed_model_error_text(const heed_model *model);

/* ---- using ---- */

/* The parameter on the tape: no copy. Where it is asked for twice it is the same tensor. */
heed_tensor heed_use(heed_tape *t, heed_param p);

typedef struct heed_param_info {
    const char *path;  /* "encoder.0.attn.w_q" */
    const char *group; /* "" or "no_decay" or your own */
    heed_shape shape;
    int64_t offset, count; /* in elements, in the flat buffer */
    bool trainable;        /* false when frozen, and for buffers */
    bool buffer;
    int alias_of;          /* index of the parameter it is tied to, or -1 */
} heed_param_info;
int heed_model_params(const heed_model *model); /* parameters, buffers and tied names, in order of declaration */
heed_param_info heed_model_param(const heed_model *model, int index);
/* .model is NULL where there is none. */
heed_param heed_model_find(const heed_model *model, const char *path);
heed_dtype heed_model_dtype(const heed_model *model);
int64_t heed_model_size(const heed_model *model);      /* elements of the flat buffer, padding included */
int64_t heed_model_trainable(const heed_model *model); /* trainable elements, each counted once */
/* The flat buffer, and one parameter's place in it. Writing is allowed between steps: say so with _changed. */
void *heed_model_data(heed_model *model);
void *heed_param_data(heed_param p);
/* Tells that values were written by hand, so that a backward through the older values is refused. */
void heed_model_changed(heed_model *model);
/* Copies values in or out as doubles, whatever the dtype. count must be the parameter's. */
heed_status heed_param_get(heed_param p, double *values, int64_t count) HEED_MUST_CHECK;
heed_status heed_param_set(heed_param p, const double *values, int64_t count) HEED_MUST_CHECK;

/* Sets trainable, or the group, of every parameter whose path matches (* and ?); returns how many. */
int heed_model_set_trainable(heed_model *model, const char *pattern, bool trainable);
int heed_model_set_group(heed_model *model, const char *pattern, const char *group);
/* A copy with its own values, in the same or another dtype. Layers keep pointing at the original: see heed_tape_bind. */
heed_model *heed_model_clone(const heed_model *model, heed_dtype dtype);
/* Copies all values of a model with the same parameters. */
heed_status heed_model_copy(heed_model *to, const heed_model *from) HEED_MUST_CHECK;
/* A table of paths, shapes, counts, with the total. Returns HEED_IO if writing failed, the model's own status if it was refused. */
heed_status heed_model_summary(const heed_model *model, FILE *out);

/* ---- gradients of a model ---- */

/* One flat buffer with the model's layout and dtype. Empty until a backward has written it; poisoned by one that failed. */
heed_grads *heed_grads_new(const heed_model *model);
void heed_grads_free(heed_grads *g);
void heed_grads_clear(heed_grads *g); /* empty again; also heals a poisoned one */
bool heed_grads_empty(const heed_grads *g);
bool heed_grads_poisoned(const heed_grads *g);
const heed_model *heed_grads_model(const heed_grads *g);
double heed_grads_weight(const heed_grads *g); /* items averaged so far; negative where losses had no weight */
void *heed_grads_data(heed_grads *g);          /* laid out as heed_model_data */
void *heed_grads_of(heed_grads *g, heed_param p);
/* The L2 norm over all trainable entries, summed in double in a fixed order. */
double heed_grads_norm(heed_grads *g, int threads);
/* to := what one backward over both batches would have given. */
heed_status heed_grads_merge(heed_grads *to, const heed_grads *from, int threads) HEED_MUST_CHECK;

HEED_END_DECLS
#endif
