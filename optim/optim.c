/* What all optimizers share: state, groups, clipping, the walk over parameters. A rule only knows one parameter. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <heed/op.h>

#include "optim_internal.h"

enum { ELEMENTS_A_RANGE = 16384 };

/* ---- life ---- */

static bool take_slots(heed_optim *opt) {
    size_t bytes = (size_t)heed_model_size(opt->model) * heed_dtype_size(heed_model_dtype(opt->model));
    for (int s = 0; s < opt->rule->n_slots; s++) {
        opt->slot[s] = aligned_alloc(64, (bytes + 127) / 64 * 64);
        if (opt->slot[s] == NULL)
            return false;
        memset(opt->slot[s], 0, bytes);
    }
    return true;
}

static void check_start(heed_optim *opt, const void *options) {
    const heed_optim_rule *rule = opt->rule;
    if (rule->options_size && options == NULL) {
        heed_error_set(&opt->error, HEED_INVALID, "%s: its options are NULL", rule->name);
        return;
    }
    const char *why = rule->check ? rule->check(options) : NULL;
    if (heed_model_status(opt->model))
        heed_error_set(&opt->error, heed_model_status(opt->model), "%s: %s", rule->name,
                       heed_model_error_text(opt->model));
    else if (heed_model_data(opt->model) == NULL)
        heed_error_set(&opt->error, HEED_STATE, "%s: the model is not built yet", rule->name);
    else if (why)
        heed_error_set(&opt->error, HEED_INVALID, "%s: %s", rule->name, why);
    else if (!(opt->weight_decay >= 0) || isinf(opt->weight_decay))
        heed_error_set(&opt->error, HEED_INVALID, "%s: weight_decay is %g; it must be 0 or more", rule->name,
                       opt->weight_decay);
}

heed_optim *heed_optim_new(heed_model *model, const heed_optim_rule *rule, const void *options, double lr,
                           double weight_decay) {
    static const heed_optim_rule unknown = {.size = sizeof unknown, .name = "optimizer"};
    static heed_optim out_of_memory = {.inert = true,
                                       .error = {.status = HEED_NO_MEMORY, .text = "optimizer: out of memory"}};
    bool fits =
        rule && rule->size == sizeof *rule && rule->update && rule->n_slots >= 0 && rule->n_slots <= HEED_OPTIM_SLOTS;
    heed_optim *opt = calloc(1, sizeof *opt);
    if (!fits)
        rule = &unknown;
    if (opt) {
        opt->model = model;
        opt->rule = rule;
        opt->weight_decay = weight_decay;
        opt->last_norm = NAN;
        opt->options = malloc(rule->options_size + 1);
    }
    if (opt == NULL || opt->options == NULL) {
        heed_optim_free(opt);
        heed_error_raised(HEED_NO_MEMORY, out_of_memory.error.text);
        return &out_of_memory;
    }
    if (rule->options_size && options)
        memcpy(opt->options, options, rule->options_size);
    if (!fits)
        heed_error_set(&opt->error, HEED_INVALID,
                       "optimizer: the rule is not of this library's size, has no update, or not 0 to %d slots",
                       HEED_OPTIM_SLOTS);
    check_start(opt, options);
    if (opt->error.status == HEED_OK && heed_optim_set_lr(opt, lr) == HEED_OK && !take_slots(opt))
        heed_error_set(&opt->error, HEED_NO_MEMORY, "%s: out of memory for its state", rule->name);
    return opt;
}

void heed_optim_free(heed_optim *opt) {
    if (opt == NULL || opt->inert)
        return;
    for (int s = 0; s < HEED_OPTIM_SLOTS; s++)
        free(opt->slot[s]);
    free(opt->options);
    free(opt);
}

/* ---- settings ---- */

heed_status heed_optim_status(const heed_optim *opt) { return opt->error.status; }
const char *heed_optim_error_text(const heed_optim *opt) { return opt->error.text; }
double heed_optim_lr(const heed_optim *opt) { return opt->lr; }
double heed_optim_last_norm(const heed_optim *opt) { return opt->last_norm; }
uint64_t heed_optim_steps(const heed_optim *opt) { return opt->steps; }
const heed_optim_rule *heed_optim_rule_of(const heed_optim *opt) { return opt->rule; }

static heed_status check_number(heed_optim *opt, const char *what, double x) {
    if (opt->error.status)
        return opt->error.status;
    if (!(x >= 0) || isinf(x))
        return heed_error_set(&opt->error, HEED_INVALID, "%s: %s is %g; it must be a number, 0 or more",
                              opt->rule->name, what, x);
    return HEED_OK;
}

heed_status heed_optim_set_lr(heed_optim *opt, double lr) {
    heed_status status = check_number(opt, "the learning rate", lr);
    if (!status)
        opt->lr = lr;
    return status;
}

heed_status heed_optim_set_clip_norm(heed_optim *opt, double max_norm) {
    heed_status status = check_number(opt, "the clipping norm", max_norm);
    if (!status)
        opt->clip_norm = max_norm;
    return status;
}

heed_status heed_optim_set_clip_value(heed_optim *opt, double max) {
    heed_status status = check_number(opt, "the clipping value", max);
    if (!status)
        opt->clip_value = max;
    return status;
}

void heed_optim_set_threads(heed_optim *opt, int threads) {
    if (!opt->inert)
        opt->threads = threads;
}

void heed_optim_set_profile(heed_optim *opt, heed_profile *p) {
    if (!opt->inert)
        opt->profile = p;
}

heed_status heed_optim_set_group(heed_optim *opt, const char *name, heed_group_options options) {
    if (check_number(opt, "a group's lr_scale", options.lr_scale) ||
        check_number(opt, "a group's weight_decay", options.weight_decay))
        return opt->error.status;
    if (name == NULL)
        return heed_error_set(&opt->error, HEED_INVALID, "%s: the group's name is NULL", opt->rule->name);
    if (strlen(name) >= OPTIM_GROUP_NAME)
        return heed_error_set(&opt->error, HEED_INVALID, "%s: group \"%s\" is longer than %d characters",
                              opt->rule->name, name, OPTIM_GROUP_NAME - 1);
    int g = 0;
    while (g < opt->n_groups && strcmp(opt->groups[g].name, name) != 0)
        g++;
    if (g == OPTIM_GROUPS)
        return heed_error_set(&opt->error, HEED_INVALID, "%s: there can be %d groups", opt->rule->name, OPTIM_GROUPS);
    if (g == opt->n_groups)
        opt->n_groups++;
    snprintf(opt->groups[g].name, OPTIM_GROUP_NAME, "%s", name);
    opt->groups[g].options = options;
    return HEED_OK;
}

static heed_group_options options_of(const heed_optim *opt, const char *name) {
    for (int g = 0; g < opt->n_groups; g++)
        if (strcmp(opt->groups[g].name, name) == 0)
            return opt->groups[g].options;
    return (heed_group_options){.lr_scale = 1, .weight_decay = opt->weight_decay};
}

void *heed_optim_slot(heed_optim *opt, heed_param p, int slot) {
    void *value = heed_param_data(p);
    if (value == NULL || p.model != opt->model || slot < 0 || slot >= HEED_OPTIM_SLOTS || opt->slot[slot] == NULL)
        return NULL;
    return (char *)opt->slot[slot] + ((char *)value - (char *)heed_model_data(opt->model));
}

/* ---- a step ---- */

typedef struct step_job {
    heed_optim *opt;
    heed_grads *g;
    double grad_scale;
} step_job;

/* The part of one parameter that lies in [begin, end) of the flat buffer. */
static void update_param(const step_job *job, const heed_param_info *info, int64_t begin, int64_t end) {
    heed_optim *opt = job->opt;
    int64_t first = begin > info->offset ? begin - info->offset : 0;
    int64_t last = end - info->offset < info->count ? end - info->offset : info->count;
    if (first >= last)
        return;
    size_t size = heed_dtype_size(heed_model_dtype(opt->model)), at = (size_t)info->offset * size;
    heed_group_options own = options_of(opt, info->group);
    heed_optim_call call = {.options = opt->options,
                            .dtype = heed_model_dtype(opt->model),
                            .count = info->count,
                            .value = (char *)heed_model_data(opt->model) + at,
                            .gradient = (char *)heed_grads_data(job->g) + at,
                            .grad_scale = job->grad_scale,
                            .lr = opt->lr * own.lr_scale,
                            .weight_decay = own.weight_decay,
                            .step = opt->steps};
    for (int s = 0; s < opt->rule->n_slots; s++)
        call.slot[s] = (char *)opt->slot[s] + at;
    opt->rule->update(&call, first, last);
}

static void update_range(void *context, int64_t begin, int64_t end) {
    const step_job *job = context;
    int n = heed_model_params(job->opt->model);
    for (int i = 0; i < n; i++) {
        heed_param_info info = heed_model_param(job->opt->model, i);
        if (info.trainable && info.alias_of < 0 && info.offset < end && info.offset + info.count > begin)
            update_param(job, &info, begin, end);
    }
}

static void clamp_range(void *context, int64_t begin, int64_t end) {
    const step_job *job = context;
    double max = job->opt->clip_value;
    for (int64_t i = begin; i < end; i++) {
        if (heed_model_dtype(job->opt->model) == HEED_F64) {
            double *g = heed_grads_data(job->g);
            g[i] = g[i] > max ? max : g[i] < -max ? -max : g[i];
        } else {
            float *g = heed_grads_data(job->g), bound = (float)max;
            g[i] = g[i] > bound ? bound : g[i] < -bound ? -bound : g[i];
        }
    }
}

static heed_status refuse(heed_optim *opt, heed_status status, const char *why) {
    return heed_error_set(&opt->error, status, "%s: step: %s", opt->rule->name, why);
}

static heed_status check_grads(heed_optim *opt, const heed_grads *g) {
    if (heed_grads_poisoned(g))
        return refuse(opt, HEED_STATE,
                      "the gradients are poisoned by a backward that failed; the parameters are unchanged");
    if (heed_grads_empty(g))
        return refuse(opt, HEED_STATE, "the gradients are empty: run heed_backward first");
    if (heed_grads_model(g) != opt->model)
        return refuse(opt, HEED_INVALID, "the gradients are of another model");
    return HEED_OK;
}

/* Each number's gradient and value and the rule's slots are read, all but the gradient written. */
static heed_cost cost_of(const heed_optim *opt) {
    double numbers = (double)heed_model_trainable(opt->model) * (double)heed_dtype_size(heed_model_dtype(opt->model));
    return (heed_cost){.bytes = numbers * (3 + 2 * opt->rule->n_slots)};
}

heed_status heed_optim_step(heed_optim *opt, heed_grads *g) {
    if (opt->error.status || check_grads(opt, g))
        return opt->error.status;
    heed_profile_mark begun = heed_profile_begin(opt->profile);
    step_job job = {.opt = opt, .g = g, .grad_scale = 1};
    int64_t size = heed_model_size(opt->model);
    if (opt->clip_norm > 0) {
        opt->last_norm = heed_grads_norm(g, opt->threads);
        if (!isfinite(opt->last_norm))
            return refuse(opt, HEED_NOT_FINITE,
                          isnan(opt->last_norm) ? "the gradients' norm is NaN; the parameters are unchanged"
                                                : "the gradients' norm is inf; the parameters are unchanged");
        if (opt->last_norm > opt->clip_norm)
            job.grad_scale = opt->clip_norm / (opt->last_norm + 1e-6); /* PyTorch's clip_grad_norm_ has this 1e-6 */
    }
    if (opt->clip_value > 0)
        heed_parallel_for(opt->threads, size, ELEMENTS_A_RANGE, clamp_range, &job);
    opt->steps++;
    heed_parallel_for(opt->threads, size, ELEMENTS_A_RANGE, update_range, &job);
    heed_model_changed(opt->model);
    heed_grads_clear(g);
    heed_profile_end(opt->profile, begun, HEED_PHASE_UPDATE, NULL, opt->rule->name, cost_of(opt));
    return HEED_OK;
}
