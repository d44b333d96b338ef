/* y = either a or b but not both, of bools. */
#include <heed/ops.h>

#define OP_NAME "xor"
#define OP_STRUCT heed_op_xor
#define FORWARD(a, b) ((a) ^ (b))
#define TAKES_BOOLS
#include "compare.h"

heed_tensor heed_xor(heed_tape *t, heed_tensor a, heed_tensor b) {
    return heed_apply(t, &heed_op_xor, (heed_tensor[]){a, b}, 2, NULL);
}
