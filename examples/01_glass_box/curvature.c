#include "curvature.h"

static heed_tensor loss(void *user, heed_tape *t) {
    const glass_curvature *c = user;
    return glass_loss(t, c->questions, GLASS_BATCH, glass_logits(c->g, t, c->questions, GLASS_BATCH, glass_mask(t)));
}

void glass_curvature_init(glass_curvature *c, const glass *g) {
    c->g = g;
    for (int i = 0; i < GLASS_BATCH; i++)
        c->questions[i] = glass_draw(heed_rng_hash("curvature"), (uint64_t)i);
    c->curvature = heed_curvature_new(g->model, loss, c, (heed_curvature_options){.dtype = HEED_F64, .threads = 1});
}

void glass_curvature_free(glass_curvature *c) {
    heed_curvature_free(c->curvature);
}

heed_status glass_curvature_ask(glass_curvature *c, heed_eigenvalue *largest) {
    return heed_hessian_largest(c->curvature, 0, largest, NULL);
}
