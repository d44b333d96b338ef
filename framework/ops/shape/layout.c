#include "layout.h"

heed_status heed_check_axis(heed_call *call, heed_shape shape, int given, int *axis) {
    *axis = heed_shape_axis(shape, given);
    if (*axis >= 0)
        return HEED_OK;
    if (shape.rank == 0)
        return heed_fail(call, "axis %d: a scalar has no axes", given);
    return heed_fail(call, "axis %d is outside %d..%d of %s", given, -shape.rank, shape.rank - 1,
                     HEED_SHAPE_STR(shape));
}

heed_status heed_check_dtype_of(heed_call *call, int i) {
    if (call->in[i]->dtype == call->in[0]->dtype)
        return HEED_OK;
    return heed_fail(call, "dtypes differ: input 0 is %s, input %d is %s; see heed_cast",
                     heed_dtype_name(call->in[0]->dtype), i, heed_dtype_name(call->in[i]->dtype));
}

/* Stays at the first element where there is none to point at. */
static void *advanced(const heed_array *a, int64_t elements) {
    bool empty = heed_array_count(a) <= 0;
    return empty ? a->data : (char *)a->data + elements * (int64_t)heed_dtype_size(a->dtype);
}

heed_array heed_array_part(const heed_array *a, int axis, int64_t begin, int64_t size, int64_t step) {
    heed_array part = *a;
    part.shape.n[axis] = size;
    part.stride[axis] = size > 1 ? a->stride[axis] * step : a->stride[axis];
    part.data = size > 0 ? advanced(a, begin * a->stride[axis]) : a->data;
    return part;
}

heed_array heed_array_at(const heed_array *a, int axis, int64_t index) {
    heed_array part = *a;
    part.data = advanced(a, index * a->stride[axis]);
    part.shape.rank--;
    for (int i = axis; i < part.shape.rank; i++) {
        part.shape.n[i] = a->shape.n[i + 1];
        part.stride[i] = a->stride[i + 1];
    }
    return part;
}

heed_around heed_around_axis(heed_shape shape, int axis) {
    heed_around r = {.outer = 1, .n = shape.n[axis], .inner = 1};
    for (int i = 0; i < axis; i++)
        r.outer *= shape.n[i];
    for (int i = axis + 1; i < shape.rank; i++)
        r.inner *= shape.n[i];
    return r;
}
