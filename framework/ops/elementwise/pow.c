/* y = a^b = e^(b log a), so dy/da = b a^(b-1), dy/db = y log a.
 * Where those formulas give 0 inf: a^0 is 1 for every a, so dy/da = 0 at b = 0; 0^b is 0 for every b > 0, so dy/db = 0
 * there, and at 0^0 by convention. */
#include <heed/ops.h>

#define OP_NAME "pow"
#define OP_STRUCT heed_op_pow
#define FORWARD(a, b) TYPED(heed_pow)(a, b)
#define GRADIENT_A(dy, a, b, y) ((b) == 0 ? 0 : (dy) * ((b) * TYPED(heed_pow)((a), (b) - 1)))
#define GRADIENT_B(dy, a, b, y) ((a) == 0 && (b) >= 0 ? 0 : (dy) * ((y) * TYPED(heed_log)(a)))
#define SAVE_IN HEED_SAVE(0) | HEED_SAVE(1)
#define SAVE_OUT HEED_SAVE(0)
#define DRAW_A .low = 0.3, .high = 2
#define DRAW_B .low = -2, .high = 3
#define GRAIN HEED_SPAN_GRAIN_SLOW
#include "binary.h"

heed_tensor heed_pow(heed_tape *t, heed_tensor a, heed_tensor b) {
    return heed_apply(t, &heed_op_pow, (heed_tensor[]){a, b}, 2, NULL);
}
