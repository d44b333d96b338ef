/* y = a and b, of bools. */
#include <heed/ops.h>

#define OP_NAME "and"
#define OP_STRUCT heed_op_and
#define FORWARD(a, b) ((a) & (b))
#define TAKES_BOOLS
#include "compare.h"

heed_tensor heed_and(heed_tape *t, heed_tensor a, heed_tensor b) {
    return heed_apply(t, &heed_op_and, (heed_tensor[]){a, b}, 2, NULL);
}
