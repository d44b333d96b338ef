/* Huber's loss (1964), quadratic near 0 and linear beyond delta: with e = x - t and N = number of elements,
 *
 *     L = sum_i h(e_i) / N,     h(e) = e²/2 where |e| <= delta, else delta (|e| - delta/2)
 *     h'(e) = e clamped to -delta .. delta,     dL/dx_i = h'(e_i) / N = -dL/dt_i */
#include <heed/op.h>
#include <heed/ops.h>

static heed_status shape_rule(heed_call *call);

/* h of |e|, and h' of e. */
#define LOSS(size) TYPED(heed_select)((size) > delta, delta * ((size) - delta / 2), (size) * (size) / 2)
#define SLOPE(e) ((e) > delta ? delta : (e) < -delta ? -delta : (e))

#define OP_NAME "huber"
#define OP_STRUCT heed_op_huber
#define TERM(x, t) LOSS(TYPED(heed_fabs)((x) - (t)))
#define GRADIENT_X(x, t) SLOPE((x) - (t))
#define GRADIENT_TARGET(x, t) SLOPE((t) - (x))
#define DIVISOR heed_pair_elements
#define PARAMETER delta
#define SHAPE_RULE shape_rule
/* x away from one of the bends, and never at the other: L has no second derivative there. */
#define DRAW {.x = {.low = -0.8, .high = 3, .avoid = 1, .avoid_by = 0.15}, .target = {.low = -0.1, .high = 0.1}, .parameter = 1}, \
             {.x = {.low = -2, .high = 0.1, .avoid = -0.25, .avoid_by = 0.15}, .target = {.low = -0.1, .high = 0.1}, .parameter = 0.25}, \
             {.x = {.low = -2, .high = 2}, .target = {.low = -2, .high = 2}, .parameter = 10}
#include "pairwise.h"

static heed_status shape_rule(heed_call *call) {
    const heed_pair_attr *attr = call->attr;
    if (!(attr->parameter > 0))
        return heed_fail(call, "delta is %g, must be above 0", attr->parameter);
    return heed_shape_pair(call);
}

heed_tensor heed_huber(heed_tape *t, heed_tensor x, heed_tensor target, double delta) {
    return heed_apply(t, &heed_op_huber, (heed_tensor[]){x, target}, 2, &(heed_pair_attr){delta});
}
