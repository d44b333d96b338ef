/* The point under check, moved about: all its differentiated values as one vector. */
#include "checker_internal.h"

double heed_checker_get(const value *v, int64_t i) {
    return v->dtype == HEED_F32 ? (double)((const float *)v->data)[i] : ((const double *)v->data)[i];
}

double heed_checker_set(value *v, int64_t i, double x) {
    if (v->dtype == HEED_F32)
        return (double)(((float *)v->data)[i] = (float)x);
    return ((double *)v->data)[i] = x;
}

void heed_checker_read_point(const subject *s, double *origin) {
    for (int i = 0; i < s->n_values; i++)
        for (int64_t j = 0; s->values[i].wanted && j < s->values[i].count; j++)
            origin[s->values[i].offset + j] = heed_checker_get(&s->values[i], j);
}

void heed_checker_move(const subject *s, const double *origin, double h, const double *along) {
    for (int i = 0; i < s->n_values; i++) {
        value *v = &s->values[i];
        for (int64_t j = 0; v->wanted && j < v->count; j++)
            heed_checker_set(v, j, origin[v->offset + j] + h * along[v->offset + j]);
    }
    if (s->model)
        heed_model_changed(s->model);
}

void heed_checker_draw_direction(const subject *s, uint64_t key, double *along) {
    for (int i = 0; i < s->n_values; i++) {
        const value *v = &s->values[i];
        for (int64_t j = v->offset; v->wanted && j < v->offset + v->count; j++)
            along[j] = heed_rng_u32(key, (uint64_t)j) & 1 ? v->scale : -v->scale;
    }
}
