/* What ops that take an index share. */
#ifndef HEED_CHOOSE_INDICES_H
#define HEED_CHOOSE_INDICES_H

#include <heed/op.h>

/* Raises an error unless input i, packed, holds i32 in 0..n-1: "index 7 at position 3 is outside 0..4". */
heed_status heed_check_indices(heed_call *call, int i, int64_t n) HEED_MUST_CHECK;

#endif
