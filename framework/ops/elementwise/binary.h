/* An elementwise op of two operands. Its file says what is particular to it, then includes this:
 *
 *     #define OP_NAME "mul"
 *     #define OP_STRUCT heed_op_mul
 *     #define FORWARD(a, b) ((a) * (b))
 *     #define GRADIENT_A(dy, a, b, y) ((dy) * (b))            dL/da: dy comes from behind, y is the result
 *     #define GRADIENT_B(dy, a, b, y) ((dy) * (a))
 *                                                             (or, if both are dy itself: #define PASSES_DY)
 *     #define SAVE_IN HEED_SAVE(0) | HEED_SAVE(1)             what the gradients read of a and b ...
 *     #define SAVE_OUT 0                                      ... and of y
 *     #define DRAW_A .low = -2, .high = 2                     where the gradient check takes a and b from,
 *     #define DRAW_B .low = -2, .high = 2                     as in heed_draw
 *     #define TAKES_INTEGERS                                  i32 as well: modulo 2^32, no gradient
 *     #include "binary.h"
 *
 * Formulas are expressions over REAL; in f32 they stay vector code as long as they branch by ?: only, over values that
 * are computed anyway. */
#include "../../kernels/vmath.h"
#include "samples.h"
#include "span.h"

#ifndef GRAIN
#define GRAIN HEED_SPAN_GRAIN
#endif

#define RESULT REAL

#include <heed/real_f32.h>
#include "binary_typed.h"
#include <heed/real_f64.h>
#include "binary_typed.h"
#include <heed/real_end.h>

#ifdef TAKES_INTEGERS
#undef GRADIENT_A
#define REAL uint32_t /* signed overflow would be undefined; the bits are the same */
#define TYPED(name) name##_i32
#include "binary_typed.h"
#include <heed/real_end.h>
#endif

static bool samples(int index, heed_sample *sample) {
    static const heed_draw a = {DRAW_A}, b = {DRAW_B};
    return heed_sample_binary(index, &a, &b, sample);
}

const heed_op OP_STRUCT = {
    .size = sizeof(heed_op),
    .name = OP_NAME,
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .flags = HEED_BROADCASTS,
    .shape = heed_shape_arithmetic,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64,
#ifdef TAKES_INTEGERS
                [HEED_I32] = forward_i32
#endif
    },
#ifdef PASSES_DY
    .passes_dy = true,
#else
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_in = SAVE_IN,
    .save_out = SAVE_OUT,
#endif
    .samples = samples,
};
