/* y = x where x > 0, else slope x, so dy/dx = 1 or slope. */
#include <heed/ops.h>

#define OP_NAME "leaky_relu"
#define OP_STRUCT heed_op_leaky_relu
#define FORWARD(x) ((x) * ((x) > 0 ? 1 : slope))
#define GRADIENT(dy, x, y) ((dy) * ((x) > 0 ? 1 : slope))
#define SAVE_IN HEED_SAVE(0)
#define SAVE_OUT 0
#define FIRST slope
#define DRAW {.low = -2, .high = 2, .avoid = 0, .avoid_by = 0.1, .first = 0.01}, \
             {.low = -2, .high = 2, .avoid = 0, .avoid_by = 0.1, .first = -0.5}
#include "unary.h"

heed_tensor heed_leaky_relu(heed_tape *t, heed_tensor x, double slope) {
    return heed_apply(t, &heed_op_leaky_relu, &x, 1, &(heed_numbers){.first = slope});
}
