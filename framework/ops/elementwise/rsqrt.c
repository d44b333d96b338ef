/* y = x^(-1/2), so dy/dx = -1/2 x^(-3/2) = -y³ / 2. */
#include <heed/ops.h>

#define OP_NAME "rsqrt"
#define OP_STRUCT heed_op_rsqrt
#define FORWARD(x) TYPED(heed_rsqrt)(x)
#define GRADIENT(dy, x, y) ((REAL)-0.5 * (dy) * (y) * (y) * (y))
#define SAVE_IN 0
#define SAVE_OUT HEED_SAVE(0)
#define DRAW {.low = 0.3, .high = 4}
#include "unary.h"

heed_tensor heed_rsqrt(heed_tape *t, heed_tensor x) {
    return heed_apply(t, &heed_op_rsqrt, &x, 1, NULL);
}
