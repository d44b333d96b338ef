/* y = (a equals b): false where one is NaN. */
#include <heed/ops.h>

#define OP_NAME "eq"
#define OP_STRUCT heed_op_eq
#define FORWARD(a, b) ((a) == (b))
#define TAKES_NUMBERS
#define TAKES_BOOLS
#include "compare.h"

heed_tensor heed_eq(heed_tape *t, heed_tensor a, heed_tensor b) {
    return heed_apply(t, &heed_op_eq, (heed_tensor[]){a, b}, 2, NULL);
}
