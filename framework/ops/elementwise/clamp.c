/* y = min(max(x, low), high), so dy/dx = 1 where low <= x <= high, else 0. The bounds count as inside; a NaN is passed
 * on, with gradient 0. Where low is above high, all is high. */
#include <heed/op.h>
#include <heed/ops.h>

static heed_status shape_rule(heed_call *call);

#define OP_NAME "clamp"
#define OP_STRUCT heed_op_clamp
#define FORWARD(x) ((x) < low ? low : (x) > high ? high : (x))
#define GRADIENT(dy, x, y) ((x) >= low ? (x) <= high ? (dy) : 0 : 0)
#define SAVE_IN HEED_SAVE(0)
#define SAVE_OUT 0
#define FIRST low
#define SECOND high
#define SHAPE_RULE shape_rule
/* A draw can keep away from one kink only, so each sample has just one within reach. */
#define DRAW {.low = -2, .high = 1, .avoid = -0.5, .avoid_by = 0.1, .first = -0.5, .second = 1.5}, \
             {.low = -1, .high = 2, .avoid = 0.5, .avoid_by = 0.1, .first = -1.5, .second = 0.5}
#include "unary.h"

static heed_status shape_rule(heed_call *call) {
    const heed_numbers *bounds = call->attr;
    if (isnan(bounds->first) || isnan(bounds->second))
        return heed_fail(call, "bounds must be numbers: low is %g, high is %g", bounds->first, bounds->second);
    return heed_shape_same(call);
}

heed_tensor heed_clamp(heed_tape *t, heed_tensor x, double low, double high) {
    return heed_apply(t, &heed_op_clamp, &x, 1, &(heed_numbers){.first = low > high ? high : low, .second = high});
}
