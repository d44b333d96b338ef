/* y = (a >= b): false where one is NaN. */
#include <heed/ops.h>

#define OP_NAME "ge"
#define OP_STRUCT heed_op_ge
#define FORWARD(a, b) ((a) >= (b))
#define TAKES_NUMBERS
#include "compare.h"

heed_tensor heed_ge(heed_tape *t, heed_tensor a, heed_tensor b) {
    return heed_apply(t, &heed_op_ge, (heed_tensor[]){a, b}, 2, NULL);
}
