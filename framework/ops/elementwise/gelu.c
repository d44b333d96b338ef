/* y = x Phi(x), Phi(x) = (1 + erf(x / sqrt 2)) / 2 the normal distribution function, whose derivative is the density
 * phi(x) = e^(-x²/2) / sqrt(2 pi). So dy/dx = Phi(x) + x phi(x). Hendrycks and Gimpel 2016. */
#include <heed/ops.h>

#define OP_NAME "gelu"
#define OP_STRUCT heed_op_gelu
#define FORWARD(x) TYPED(heed_gelu_erf)(x)
#define GRADIENT(dy, x, y) ((dy) * TYPED(heed_gelu_erf_dx)(x))
#define SAVE_IN HEED_SAVE(0)
#define SAVE_OUT 0
#define DRAW {.low = -3, .high = 3}
#include "unary.h"

heed_tensor heed_gelu(heed_tape *t, heed_tensor x) {
    return heed_apply(t, &heed_op_gelu, &x, 1, NULL);
}
