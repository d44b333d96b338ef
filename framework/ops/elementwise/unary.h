/* An elementwise op of one operand. Its file says what is particular to it, then includes this:
 *
 *     #define OP_NAME "tanh"
 *     #define OP_STRUCT heed_op_tanh
 *     #define FORWARD(x) TYPED(heed_tanh)(x)
 *     #define GRADIENT(dy, x, y) ((dy) * (1 - (y) * (y)))     dL/dx: dy comes from behind, y is the result.
 *                                                             Not defined: the op has no gradient, or with
 *     #define PASSES_DY                                       it is dy itself
 *     #define SAVE_IN 0                                       HEED_SAVE(0) where the gradient reads x ...
 *     #define SAVE_OUT HEED_SAVE(0)                           ... and where it reads y
 *     #define FIRST slope                                     the names under which the formulas read the op's one
 *     #define SECOND high                                     or two attributes, if it has any
 *     #define DRAW {.low = -3, .high = 3}                     where the gradient check takes x and attributes from:
 *     #include "unary.h"                                      one or several of unary_draw, used in turn
 *
 * Formulas are expressions over REAL; in f32 they stay vector code as long as they branch by ?: only, over values that
 * are computed anyway. */
#include <string.h>

#include "../../kernels/vmath.h"
#include "samples.h"
#include "span.h"

/* The attributes of ops that have any. */
typedef struct heed_numbers {
    double first, second;
} heed_numbers;

typedef struct unary_draw {
    double low, high, avoid, avoid_by;
    double first, second;
} unary_draw;

#ifndef GRAIN
#define GRAIN HEED_SPAN_GRAIN
#endif
#ifndef SHAPE_RULE
#define SHAPE_RULE heed_shape_same
#endif
#if defined FIRST && !defined SECOND
#define SECOND unused
#endif

#include <heed/real_f32.h>
#include "unary_typed.h"
#include <heed/real_f64.h>
#include "unary_typed.h"
#include <heed/real_end.h>

static bool samples(int index, heed_sample *sample) {
    static const unary_draw draws[] = {DRAW};
    const unary_draw *draw = &draws[index % (int)(sizeof(draws) / sizeof(draws[0]))];
    if (!heed_sample_unary(index, &(heed_draw){draw->low, draw->high, draw->avoid, draw->avoid_by}, sample))
        return false;
    memcpy(sample->attr.bytes, &(heed_numbers){draw->first, draw->second}, sizeof(heed_numbers));
    return true;
}

const heed_op OP_STRUCT = {
    .size = sizeof(heed_op),
    .name = OP_NAME,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
#ifdef FIRST
    .attr_size = sizeof(heed_numbers),
#endif
    .shape = SHAPE_RULE,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
#ifdef PASSES_DY
    .flags = HEED_STRIDED,
    .passes_dy = true,
#elif defined GRADIENT
    .flags = HEED_STRIDED,
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_in = SAVE_IN,
    .save_out = SAVE_OUT,
#else
    .flags = HEED_STRIDED | HEED_NO_GRADIENT,
#endif
    .samples = samples,
};
