/* Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019), in PyTorch's form:
 *     Adam: g += wd w      AdamW: w -= lr wd w
 *     m = beta1 m + (1 - beta1) g        v = beta2 v + (1 - beta2) g²
 *     w -= lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps) */
#ifndef REAL
#include <math.h>

#include <heed/optim/optim.h>

#include "numbers_internal.h"

typedef struct adam {
    heed_adam_options o;
    bool decoupled;
} adam;

#include <heed/real_f32.h>
#include "adam.c"
#include <heed/real_f64.h>
#include "adam.c"
#include <heed/real_end.h>

static void update(const heed_optim_call *call, int64_t begin, int64_t end) {
    if (call->dtype == HEED_F64)
        update_f64(call, begin, end);
    else
        update_f32(call, begin, end);
}

static const char *check(const void *options) {
    const heed_adam_options *o = &((const adam *)options)->o;
    if (!(o->beta1 >= 0 && o->beta1 < 1))
        return "beta1 must be in [0, 1)";
    if (!(o->beta2 >= 0 && o->beta2 < 1))
        return "beta2 must be in [0, 1)";
    if (!(o->eps > 0) || isinf(o->eps))
        return "eps must be above 0";
    return NULL;
}

heed_adam_options heed_adam_defaults(double lr) {
    return (heed_adam_options){.lr = lr, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
}

static heed_optim *new_adam(heed_model *model, heed_adam_options options, bool decoupled) {
    static const heed_optim_rule coupled_rule = {.size = sizeof coupled_rule,
                                                 .name = "adam",
                                                 .n_slots = 2,
                                                 .slot_names = {"exp_avg", "exp_avg_sq"},
                                                 .options_size = sizeof(adam),
                                                 .check = check,
                                                 .update = update};
    static const heed_optim_rule decoupled_rule = {.size = sizeof decoupled_rule,
                                                   .name = "adamw",
                                                   .n_slots = 2,
                                                   .slot_names = {"exp_avg", "exp_avg_sq"},
                                                   .options_size = sizeof(adam),
                                                   .check = check,
                                                   .update = update};
    adam o = {.o = options, .decoupled = decoupled};
    return heed_optim_new(model, decoupled ? &decoupled_rule : &coupled_rule, &o, options.lr, options.weight_decay);
}

heed_optim *heed_adam_new(heed_model *model, heed_adam_options options) { return new_adam(model, options, false); }
heed_optim *heed_adamw_new(heed_model *model, heed_adam_options options) { return new_adam(model, options, true); }

#else

static void TYPED(update)(const heed_optim_call *call, int64_t begin, int64_t end) {
    const adam *a = call->options;
    REAL *restrict w = call->value, *restrict m = call->slot[0], *restrict v = call->slot[1];
    const REAL *restrict g = call->gradient;
    double t = (double)call->step;
    REAL rate = (REAL)(call->lr / (1 - pow(a->o.beta1, t))), root = (REAL)sqrt(1 - pow(a->o.beta2, t));
    REAL b1 = (REAL)a->o.beta1, b2 = (REAL)a->o.beta2, c1 = (REAL)(1 - a->o.beta1), c2 = (REAL)(1 - a->o.beta2);
    REAL eps = TYPED(eps_of)(a->o.eps), scale = (REAL)call->grad_scale;
    REAL added = a->decoupled ? 0 : (REAL)call->weight_decay,
         kept = a->decoupled ? (REAL)(1 - call->lr * call->weight_decay) : 1;
    for (int64_t i = begin; i < end; i++) {
        REAL d = g[i] * scale + added * w[i];
        m[i] = b1 * m[i] + c1 * d;
        v[i] = b2 * v[i] + c2 * d * d;
        w[i] = kept * w[i] - rate * m[i] / (TYPED(root_of)(v[i]) / root + eps);
    }
}

#endif
