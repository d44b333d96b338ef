/* Stochastic gradient descent with momentum (Sutskever et al. 2013), in PyTorch's form:
 *     d = g + wd w       v = d at the first step, then momentum v + (1 - dampening) d
 *     w -= lr d                          without momentum
 *     w -= lr v                          with it
 *     w -= lr (d + momentum v)           Nesterov's */
#ifndef REAL
#include <heed/optim/optim.h>

#include <heed/real_f32.h>
#include "sgd.c"
#include <heed/real_f64.h>
#include "sgd.c"
#include <heed/real_end.h>

static void update(const heed_optim_call *call, int64_t begin, int64_t end) {
    if (call->dtype == HEED_F64)
        update_f64(call, begin, end);
    else
        update_f32(call, begin, end);
}

static const char *check(const void *options) {
    const heed_sgd_options *o = options;
    if (!(o->momentum >= 0 && o->momentum < 1))
        return "momentum must be in [0, 1)";
    if (!(o->dampening >= 0 && o->dampening <= 1))
        return "dampening must be in [0, 1]";
    if (o->nesterov && (o->momentum == 0 || o->dampening != 0))
        return "nesterov needs momentum above 0 and no dampening";
    return NULL;
}

heed_optim *heed_sgd_new(heed_model *model, heed_sgd_options options) {
    static const heed_optim_rule plain = {
        .size = sizeof plain, .name = "sgd", .options_size = sizeof options, .check = check, .update = update};
    static const heed_optim_rule with_momentum = {.size = sizeof with_momentum,
                                                  .name = "sgd",
                                                  .n_slots = 1,
                                                  .slot_names = {"momentum"},
                                                  .options_size = sizeof options,
                                                  .check = check,
                                                  .update = update};
    return heed_optim_new(model, options.momentum != 0 ? &with_momentum : &plain, &options, options.lr,
                          options.weight_decay);
}

#else

static void TYPED(update)(const heed_optim_call *call, int64_t begin, int64_t end) {
    const heed_sgd_options *o = call->options;
    REAL *restrict w = call->value, *restrict v = call->slot[0];
    const REAL *restrict g = call->gradient;
    REAL lr = (REAL)call->lr, decay = (REAL)call->weight_decay, scale = (REAL)call->grad_scale;
    REAL keep = (REAL)o->momentum, take = (REAL)(1 - o->dampening);
    if (o->momentum == 0) {
        for (int64_t i = begin; i < end; i++)
            w[i] -= lr * (g[i] * scale + decay * w[i]);
        return;
    }
    for (int64_t i = begin; i < end; i++) {
        REAL d = g[i] * scale + decay * w[i];
        v[i] = call->step == 1 ? d : keep * v[i] + take * d;
        w[i] -= lr * (o->nesterov ? d + keep * v[i] : v[i]);
    }
}

#endif
