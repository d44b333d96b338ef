#include "indices.h"

/* Negative ones, taken as unsigned, are above every limit. The loop has no way out, so that it is made vector code. */
static bool all_below(const int32_t *index, int64_t n, uint32_t limit) {
    uint32_t above = 0;
    for (int64_t i = 0; i < n; i++)
        above |= (uint32_t)index[i] >= limit;
    return above == 0;
}

heed_status heed_check_indices(heed_call *call, int i, int64_t n) {
    const heed_array *a = call->in[i];
    if (a->dtype != HEED_I32)
        return heed_fail(call, "the index, input %d, is %s; it must be i32", i, heed_dtype_name(a->dtype));
    const int32_t *index = a->data;
    uint32_t limit = n > INT32_MAX ? (uint32_t)INT32_MAX + 1 : (uint32_t)n;
    if (all_below(index, heed_array_count(a), limit))
        return HEED_OK;
    int64_t at = 0;
    while ((uint32_t)index[at] < limit)
        at++;
    return heed_fail(call, "index %d at position %lld is outside 0..%lld", (int)index[at], (long long)at,
                     (long long)n - 1);
}
