/* An op of one operand along one axis, whose gradient reads its result. Its file, here softmax.c, is
 *
 *     #ifndef REAL
 *     #define OP_NAME "softmax"
 *     #define OP_STRUCT heed_op_softmax
 *     #define OP_FILE "softmax.c"         which is included once for each REAL
 *     #include "along_op.h"
 *     ... the wrapper ...
 *     #else
 *     static void TYPED(values)(int64_t n, const void *const *in, void *out)       one row: y from {x}
 *     static void TYPED(gradients)(int64_t n, const void *const *in, void *out)    and dx from {y, dy}
 *     #endif */
#include "../../kernels/rows.h"
#include "../../kernels/vmath.h"
#include "along.h"

#include <heed/real_f32.h>
#include OP_FILE
#include "along_op_typed.h"
#include <heed/real_f64.h>
#include OP_FILE
#include "along_op_typed.h"
#include <heed/real_end.h>

const heed_op OP_STRUCT = {
    .size = sizeof(heed_op),
    .name = OP_NAME,
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .flags = HEED_STRIDED,
    .attr_size = sizeof(heed_axis_attr),
    .shape = heed_shape_along,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_out = HEED_SAVE(0),
    .samples = heed_sample_along,
};
