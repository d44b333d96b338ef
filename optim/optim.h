/* Optimizers: from gradients to the next parameters.
 *
 * Intended use:
 *   1. heed_optim *opt = heed_adamw_new(model, heed_adam_defaults(1e-3));
 *   2. heed_optim_set_clip_norm(opt, 1.0);
 *   3. heed_optim_set_group(opt, "no_decay", (heed_group_options){.lr_scale = 1});
 *   4. each step: heed_backward(t, loss, g); heed_optim_set_lr(opt, heed_schedule_at(&schedule, step)); heed_optim_step(opt, g)
 *
 * A step refuses gradients that are empty, poisoned, or (when clipping by norm) not finite: the parameters stay as they were.
 * It empties g. */
#ifndef HEED_OPTIM_H
#define HEED_OPTIM_H

#include <heed/model.h>
#include <heed/profile.h>

HEED_BEGIN_DECLS

typedef struct heed_optim heed_optim;

/* ---- writing your own: a rule, in one file ---- */

enum { HEED_OPTIM_SLOTS = 4 };
/* What a rule sees of one parameter in one step. Arrays have count elements of the model's dtype. */
typedef struct heed_optim_call {
    const void *options;           /* the rule's own copy */
    heed_dtype dtype;
    int64_t count;
    void *value;                   /* to be changed */
    const void *gradient;          /* times grad_scale is the gradient to use */
    double grad_scale;             /* from clipping by norm; 1 otherwise */
    void *slot[HEED_OPTIM_SLOTS];  /* the rule's state of this parameter: zeros before the first step */
    double lr;                     /* the group's scale applied */
    double weight_decay;
    uint64_t step;                 /* 1 at the first */
} heed_optim_call;
typedef struct heed_optim_rule {
    size_t size; /* sizeof(heed_optim_rule) */
    const char *name;
    int n_slots;
    const char *slot_names[HEED_OPTIM_SLOTS]; /* as saved: "exp_avg" */
    size_t options_size;
    /* NULL, or why these options are refused ("eps must be > 0"): called once, at creation. */
    const char *(*check)(const void *options);
    /* Elementwise on [begin, end) of the arrays; called on several threads with disjoint ranges. */
    void (*update)(const heed_optim_call *call, int64_t begin, int64_t end);
} heed_optim_rule;
/* Never NULL. lr and weight_decay are the start values, to be changed by _set_lr and groups. */
heed_optim *heed_optim_new(heed_model *model, const heed_optim_rule *rule, const void *options, double lr,
                           double weight_decay);

/* ---- the optimizers that come with Heed ---- */

typedef struct heed_sgd_options {
    double lr, momentum, dampening, weight_decay; /* weight decay is added to the gradient */
    bool nesterov;
} heed_sgd_options;
heed_optim *heed_sgd_new(heed_model *model, heed_sgd_options options);

/* Start from the defaults and change what you like: eps must be above 0, betas in [0, 1). */
typedef struct heed_adam_options {
    double lr, beta1, beta2, eps, weight_decay;
} heed_adam_options;
heed_adam_options heed_adam_defaults(double lr); /* beta1 0.9, beta2 0.999, eps 1e-8, no weight decay: PyTorch's */
heed_optim *heed_adam_new(heed_model *model,
                          heed_adam_options options); /* Kingma and Ba 2015; weight decay is added to the gradient */
heed_optim *heed_adamw_new(heed_model *model,
                           heed_adam_options options); /* decoupled decay, w -= lr wd w; Loshchilov and Hutter 2019 */

typedef struct heed_rmsprop_options {
    double lr, alpha, eps, momentum, weight_decay;
    bool centered; /* divides by the standard deviation, not by the root mean square */
} heed_rmsprop_options;
heed_rmsprop_options heed_rmsprop_defaults(double lr); /* alpha 0.99, eps 1e-8: PyTorch's */
heed_optim *heed_rmsprop_new(heed_model *model, heed_rmsprop_options options);

/* ---- using ---- */

void heed_optim_free(heed_optim *opt);
/* One update from g's gradients. On an error nothing has changed. */
heed_status heed_optim_step(heed_optim *opt, heed_grads *g) HEED_MUST_CHECK;
heed_status heed_optim_status(const heed_optim *opt);
const char *heed_optim_error_text(const heed_optim *opt);

heed_status heed_optim_set_lr(heed_optim *opt, double lr) HEED_MUST_CHECK; /* NaN or negative: an error */
double heed_optim_lr(const heed_optim *opt);
void heed_optim_set_threads(heed_optim *opt, int threads);
void heed_optim_set_profile(heed_optim *opt, heed_profile *p); /* measures each step, under the rule's name; NULL: not */
/* Options of the parameters of one group (heed_param_info.group). */
typedef struct heed_group_options {
    double lr_scale, weight_decay;
} heed_group_options;
heed_status heed_optim_set_group(heed_optim *opt, const char *group, heed_group_options options) HEED_MUST_CHECK;
/* Scales all gradients down together where their norm, over every trainable parameter, is above max_norm; 0: off. */
heed_status heed_optim_set_clip_norm(heed_optim *opt, double max_norm) HEED_MUST_CHECK;
/* Clamps every entry to [-max, max]; 0: off. */
heed_status heed_optim_set_clip_value(heed_optim *opt, double max) HEED_MUST_CHECK;
double heed_optim_last_norm(
    const heed_optim *opt); /* the gradients' norm before clipping, of the last step that clipped by norm */
uint64_t heed_optim_steps(const heed_optim *opt);
/* State of a parameter, of the rule's n-th slot: for checkpoints and for looking at. NULL where there is none. */
void *heed_optim_slot(heed_optim *opt, heed_param p, int slot);
const heed_optim_rule *heed_optim_rule_of(const heed_optim *opt);

HEED_END_DECLS
#endif
