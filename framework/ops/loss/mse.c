/* Mean squared error: L = sum_i (x_i - t_i)² / N, N = number of elements.
 *
 *     dL/dx_i = 2 (x_i - t_i) / N = -dL/dt_i */
#include <heed/ops.h>

#define OP_NAME "mse"
#define OP_STRUCT heed_op_mse
#define TERM(x, t) (((x) - (t)) * ((x) - (t)))
#define GRADIENT_X(x, t) (2 * ((x) - (t)))
#define GRADIENT_TARGET(x, t) (2 * ((t) - (x)))
#define DIVISOR heed_pair_elements
#define DRAW {.x = {.low = -2, .high = 2}, .target = {.low = -2, .high = 2}}
#include "pairwise.h"

heed_tensor heed_mse(heed_tape *t, heed_tensor x, heed_tensor target) {
    return heed_apply(t, &heed_op_mse, (heed_tensor[]){x, target}, 2, NULL);
}
