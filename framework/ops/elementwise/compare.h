/* A comparison or logical op of two operands: bool out, no gradient. Its file says what is particular to it, then
 * includes this:
 *
 *     #define OP_NAME "eq"
 *     #define OP_STRUCT heed_op_eq
 *     #define FORWARD(a, b) ((a) == (b))
 *     #define TAKES_NUMBERS                   f32, f64 and i32
 *     #define TAKES_BOOLS
 *     #include "compare.h"
 */
#include "samples.h"
#include "span.h"

#define GRAIN HEED_SPAN_GRAIN
#define RESULT bool

#ifdef TAKES_NUMBERS
#include <heed/real_f32.h>
#include "binary_typed.h"
#include <heed/real_f64.h>
#include "binary_typed.h"
#include <heed/real_end.h>
#define REAL int32_t
#define TYPED(name) name##_i32
#include "binary_typed.h"
#include <heed/real_end.h>
#endif

#ifdef TAKES_BOOLS
#define REAL bool
#define TYPED(name) name##_bool
#include "binary_typed.h"
#include <heed/real_end.h>
#endif

static bool samples(int index, heed_sample *sample) {
    static const heed_dtype dtypes[] = {
#ifdef TAKES_NUMBERS
        HEED_F64, HEED_I32,
#endif
#ifdef TAKES_BOOLS
        HEED_BOOL,
#endif
    };
    static const heed_draw wide = {.low = -2, .high = 2};
    heed_dtype dtype = dtypes[index % (int)(sizeof(dtypes) / sizeof(dtypes[0]))];
    if (!heed_sample_binary(index, &wide, &wide, sample))
        return false;
    for (int i = 0; i < 2 && dtype != HEED_F64; i++)
        sample->in[i] = heed_sample_integer(sample->in[i].shape, dtype);
    return true;
}

const heed_op OP_STRUCT = {
    .size = sizeof(heed_op),
    .name = OP_NAME,
    .min_in = 2,
    .max_in = 2,
    .n_out = 1,
    .flags = HEED_BROADCASTS | HEED_NO_GRADIENT,
    .shape = heed_shape_comparison,
    .forward = {
#ifdef TAKES_NUMBERS
        [HEED_F32] = forward_f32, [HEED_F64] = forward_f64, [HEED_I32] = forward_i32,
#endif
#ifdef TAKES_BOOLS
        [HEED_BOOL] = forward_bool,
#endif
    },
    .samples = samples,
};
