/* Opens a pass of a type-generic file with REAL = float. A file `softmax.c` compiles itself once for each real dtype:
 *
 *     #ifndef REAL                     what has no type: attributes, the shape rule, samples
 *     #include <heed/op.h>
 *     ...
 *     #include <heed/real_f32.h>
 *     #include "softmax.c"
 *     #include <heed/real_f64.h>
 *     #include "softmax.c"
 *     #include <heed/real_end.h>
 *     const heed_op heed_op_softmax = {... .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64} ...};
 *     #else                            what has one
 *     static void TYPED(forward)(heed_call *c) { const REAL *x = c->in[0]->data; ... }
 *     #endif
 *
 * No include guard, on purpose. */
#undef REAL
#undef TYPED
#undef REAL_DTYPE
#define REAL float
#define TYPED(name) name##_f32
#define REAL_DTYPE HEED_F32
