/* A loss that is a sum of terms, one for each element of x and the target t at its place:
 *
 *     L = sum_i term(x_i, t_i) / N,     dL/dx_i = dterm/dx_i / N,     dL/dt_i = dterm/dt_i / N
 *
 * Its file says what is particular to it, then includes this:
 *
 *     #define OP_NAME "mse"
 *     #define OP_STRUCT heed_op_mse
 *     #define TERM(x, t) (((x) - (t)) * ((x) - (t)))
 *     #define GRADIENT_X(x, t) (2 * ((x) - (t)))              dterm/dx
 *     #define GRADIENT_TARGET(x, t) (2 * ((t) - (x)))         dterm/dt
 *     #define DIVISOR heed_pair_elements                      N, by the call; it becomes the loss's weight
 *     #define PARAMETER delta                                 the name under which the formulas read the loss's
 *                                                             parameter, if it has one
 *     #define DRAW {.x = {.low = -2, .high = 2}, .target = {.low = -2, .high = 2}}
 *     #include "pairwise.h"                                   for the gradient check: one or several of heed_pair_draw,
 *                                                             used in turn
 *
 * Formulas are expressions over REAL. Where arithmetic is to be done in one case only, they say TYPED(heed_select)
 * rather than ?: so that loops have no branches. */
#include "../../kernels/rows.h"
#include "../../kernels/vmath.h"
#include "pair.h"

#ifndef SHAPE_RULE
#define SHAPE_RULE heed_shape_pair
#endif

#include <heed/real_f32.h>
#include "pairwise_typed.h"
#include <heed/real_f64.h>
#include "pairwise_typed.h"
#include <heed/real_end.h>

static bool samples(int index, heed_sample *sample) {
    static const heed_pair_draw draws[] = {DRAW};
    return heed_pair_sample(index, &draws[index % (int)(sizeof draws / sizeof draws[0])], sample);
}

const heed_op OP_STRUCT = {
    .size = sizeof(heed_op),
    .name = OP_NAME,
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
#ifdef PARAMETER
    .attr_size = sizeof(heed_pair_attr),
#endif
    .shape = SHAPE_RULE,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_in = HEED_SAVE(PAIR_X) | HEED_SAVE(PAIR_TARGET),
    .samples = samples,
};
