/* y = x², so dy/dx = 2 x. */
#include <heed/ops.h>

#define OP_NAME "square"
#define OP_STRUCT heed_op_square
#define FORWARD(x) ((x) * (x))
#define GRADIENT(dy, x, y) (2 * (x) * (dy))
#define SAVE_IN HEED_SAVE(0)
#define SAVE_OUT 0
#define DRAW {.low = -2, .high = 2}
#include "unary.h"

heed_tensor heed_square(heed_tape *t, heed_tensor x) {
    return heed_apply(t, &heed_op_square, &x, 1, NULL);
}
