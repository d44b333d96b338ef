#include "weigh_op.h"

#include <string.h>

double weigh_at(const heed_array *a, int64_t i) {
    return a->dtype == HEED_F32 ? (double)((const float *)a->data)[i] : ((const double *)a->data)[i];
}

void weigh_put(const heed_array *a, int64_t i, double x) {
    if (a->dtype == HEED_F32)
        ((float *)a->data)[i] = (float)x;
    else
        ((double *)a->data)[i] = x;
}

int64_t weigh_count(const heed_call *c) { return heed_array_count(c->in[0]); }

void weigh_forward(heed_call *c) {
    for (int64_t i = 0; i < weigh_count(c); i++)
        weigh_put(c->out[0], i, weigh_at(c->in[0], i) * weigh_at(c->in[0], i) * weigh_at(c->in[1], i));
}

void weigh_backward_scaled(heed_call *c, double factor_x, double factor_w) {
    for (int64_t i = 0; i < weigh_count(c); i++) {
        double x = weigh_at(c->in[0], i), w = weigh_at(c->in[1], i), dy = weigh_at(c->dy[0], i);
        if (c->dx[0])
            weigh_put(c->dx[0], i, factor_x * 2 * x * w * dy);
        if (c->dx[1])
            weigh_put(c->dx[1], i, factor_w * x * x * dy);
    }
}

void weigh_backward(heed_call *c) { weigh_backward_scaled(c, 1, 1); }

static bool two_alike(int index, heed_sample *sample) {
    static const heed_shape shapes[] = {{0, {0}}, {1, {1}}, {1, {17}}, {2, {2, 15}}, {2, {33, 16}}, {3, {2, 3, 5}}};
    if (index >= (int)(sizeof shapes / sizeof *shapes))
        return false;
    *sample = (heed_sample){.n_in = 2, .in = {{.dtype = HEED_F64, .shape = shapes[index]}, {.dtype = HEED_F64, .shape = shapes[index]}}};
    return true;
}

heed_op weigh_op(const char *name, heed_kernel *backward) {
    return (heed_op){.size = sizeof(heed_op), .name = name, .min_in = 2, .max_in = 2, .n_out = 1, .shape = heed_shape_same,
                     .forward_any = weigh_forward, .backward_any = backward, .save_in = (unsigned)HEED_SAVE_ALL, .samples = two_alike};
}

bool check_mentions(const heed_check *check, const char *what) {
    for (int i = 0; i < check->n_failures; i++)
        if (strstr(check->failures[i].what, what))
            return true;
    return false;
}
