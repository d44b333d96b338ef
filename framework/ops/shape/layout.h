/* What ops that move elements about share: axes checked, and parts of arrays named without touching a byte. */
#ifndef HEED_SHAPE_LAYOUT_H
#define HEED_SHAPE_LAYOUT_H

#include <heed/op.h>

/* *axis := `given` as 0..rank-1; raises an error where the shape has no such axis. */
heed_status heed_check_axis(heed_call *call, heed_shape shape, int given, int *axis) HEED_MUST_CHECK;

/* Raises an error unless input i has input 0's dtype: the engine lets integers and booleans differ. */
heed_status heed_check_dtype_of(heed_call *call, int i) HEED_MUST_CHECK;

/* A view of a: along the axis `size` elements from `begin` on, `step` apart. */
heed_array heed_array_part(const heed_array *a, int axis, int64_t begin, int64_t size, int64_t step);
/* A view of a at one index of an axis, which is dropped. */
heed_array heed_array_at(const heed_array *a, int axis, int64_t index);

/* A shape around one of its axes: (outer, n, inner) in row-major order. */
typedef struct heed_around {
    int64_t outer, n, inner;
} heed_around;
heed_around heed_around_axis(heed_shape shape, int axis);

#endif
