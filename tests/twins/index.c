/* Where elements lie. */
#include "twins.h"

void unravel(heed_shape shape, int64_t flat, int64_t *index) {
    for (int i = shape.rank - 1; i >= 0; i--) {
        index[i] = flat % shape.n[i];
        flat /= shape.n[i];
    }
}

int64_t ravel(heed_shape shape, const int64_t *index) {
    int64_t flat = 0;
    for (int i = 0; i < shape.rank; i++)
        flat = flat * shape.n[i] + index[i];
    return flat;
}

quad broadcast_at(const values *x, heed_shape shape, int64_t flat) {
    int64_t index[HEED_MAX_RANK], at = 0;
    unravel(shape, flat, index);
    for (int i = 0; i < x->shape.rank; i++)
        at = at * x->shape.n[i] + (x->shape.n[i] == 1 ? 0 : index[shape.rank - x->shape.rank + i]);
    return x->at[at];
}

heed_shape broadcast_of(const values *a, const values *b) {
    heed_shape shape = a->shape.rank >= b->shape.rank ? a->shape : b->shape;
    const heed_shape other = a->shape.rank >= b->shape.rank ? b->shape : a->shape;
    for (int i = 1; i <= other.rank; i++)
        if (shape.n[shape.rank - i] == 1)
            shape.n[shape.rank - i] = other.n[other.rank - i];
    return shape;
}

int axis_of(heed_shape shape, int axis) {
    return axis < 0 ? axis + shape.rank : axis;
}

around around_of(heed_shape shape, int axis) {
    around a = {1, 1, 1};
    axis = axis_of(shape, axis);
    for (int i = 0; i < shape.rank; i++)
        *(i < axis ? &a.outer : i == axis ? &a.n : &a.inner) *= shape.n[i];
    return a;
}
