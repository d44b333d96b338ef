/* What running an op forwards and backwards have in common. */
#ifndef HEED_APPLY_INTERNAL_H
#define HEED_APPLY_INTERNAL_H

#include "tape_internal.h"

/* Whether the op takes inputs of any strides. */
bool op_strided(const heed_op *op);
/* Whether the op's i-th input, such as it is, can have a gradient. */
bool op_differentiates(const heed_op *op, const heed_array *input, int i);
heed_kernel *op_kernel(heed_kernel *const *by_dtype, heed_kernel *any, heed_dtype dtype);
/* The dtype that picks the kernel. */
heed_dtype op_dispatch(const heed_op *op, const heed_array *const *in, heed_array *const *out);
/* Runs the shape rule; its error becomes the tape's, under path and name. */
heed_status call_shape_rule(heed_tape *t, const heed_scope *scope, heed_call *call);
/* Whether a mask of inputs or outputs whose data backward reads has the i-th. */
bool op_saves(unsigned mask, int i);
/* Runs the op's forward, with workspace; views have none. False when memory is out. */
bool call_forward(heed_tape *t, heed_call *call);
/* in[i] := call->in[i] expanded to out[0]'s shape, for HEED_BROADCASTS. */
void expand_inputs(const heed_call *call, heed_array *expanded, const heed_array **in);

#endif
