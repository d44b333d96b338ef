/* RMSprop (Hinton 2012, lecture 6e), in PyTorch's form:
 *     g += wd w      s = alpha s + (1 - alpha) g²      centered: a = alpha a + (1 - alpha) g, s - a² in place of s
 *     w -= lr g / (sqrt(s) + eps)        or with momentum:  b = momentum b + g / (sqrt(s) + eps),  w -= lr b */
#ifndef REAL
#include <math.h>

#include <heed/optim/optim.h>

#include "numbers_internal.h"

#include <heed/real_f32.h>
#include "rmsprop.c"
#include <heed/real_f64.h>
#include "rmsprop.c"
#include <heed/real_end.h>

static void update(const heed_optim_call *call, int64_t begin, int64_t end) {
    if (call->dtype == HEED_F64)
        update_f64(call, begin, end);
    else
        update_f32(call, begin, end);
}

static const char *check(const void *options) {
    const heed_rmsprop_options *o = options;
    if (!(o->alpha >= 0 && o->alpha < 1))
        return "alpha must be in [0, 1)";
    if (!(o->eps > 0) || isinf(o->eps))
        return "eps must be above 0";
    if (!(o->momentum >= 0 && o->momentum < 1))
        return "momentum must be in [0, 1)";
    return NULL;
}

heed_rmsprop_options heed_rmsprop_defaults(double lr) {
    return (heed_rmsprop_options){.lr = lr, .alpha = 0.99, .eps = 1e-8};
}

heed_optim *heed_rmsprop_new(heed_model *model, heed_rmsprop_options options) {
    static const heed_optim_rule rule = {.size = sizeof rule, .name = "rmsprop", .n_slots = 3,
                                         .slot_names = {"square_avg", "momentum_buffer", "grad_avg"},
                                         .options_size = sizeof options, .check = check, .update = update};
    return heed_optim_new(model, &rule, &options, options.lr, options.weight_decay);
}

#else

static void TYPED(update)(const heed_optim_call *call, int64_t begin, int64_t end) {
    const heed_rmsprop_options *o = call->options;
    REAL *restrict w = call->value, *restrict s = call->slot[0], *restrict b = call->slot[1],
                   *restrict a = call->slot[2];
    const REAL *restrict g = call->gradient;
    REAL lr = (REAL)call->lr, decay = (REAL)call->weight_decay, scale = (REAL)call->grad_scale,
         eps = TYPED(eps_of)(o->eps);
    REAL keep = (REAL)o->alpha, take = (REAL)(1 - o->alpha), momentum = (REAL)o->momentum;
    for (int64_t i = begin; i < end; i++) {
        REAL d = g[i] * scale + decay * w[i];
        s[i] = keep * s[i] + take * d * d;
        REAL spread = s[i];
        if (o->centered) {
            a[i] = keep * a[i] + take * d;
            spread -= a[i] * a[i];
            spread = spread < 0 ? 0 : spread; /* of equal gradients, by rounding */
        }
        REAL move = d / (TYPED(root_of)(spread) + eps);
        if (momentum > 0)
            move = b[i] = momentum * b[i] + move;
        w[i] -= lr * move;
    }
}

#endif
