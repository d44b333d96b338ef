/* The table of the library's own ops: what the gradient check runs, what a name is looked up in. */
#include <heed/op.h>

#define OP(name) extern const heed_op heed_op_##name;
#include "list_internal.h"
#undef OP

#define OP(name) &heed_op_##name,
const heed_op *const heed_builtin_ops[] = {
#include "list_internal.h"
    NULL};
