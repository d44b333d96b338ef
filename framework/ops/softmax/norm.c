#include "norm.h"

#include <string.h>

int64_t heed_norm_width(const heed_call *call) {
    return call->in[0]->shape.n[call->in[0]->shape.rank - 1];
}

int64_t heed_norm_rows(const heed_call *call) {
    int64_t width = heed_norm_width(call);
    return width ? heed_array_count(call->in[0]) / width : 0;
}

int64_t heed_norm_grain(const heed_call *call) {
    return 8192 / (heed_norm_width(call) + 1) + 1;
}

enum { MOST_BLOCKS = 64, FEWEST_ROWS = 16 };

int64_t heed_norm_rows_a_block(const heed_call *call) {
    int64_t rows = (heed_norm_rows(call) + MOST_BLOCKS - 1) / MOST_BLOCKS;
    return rows < FEWEST_ROWS ? FEWEST_ROWS : rows;
}

int64_t heed_norm_blocks(const heed_call *call) {
    int64_t in_block = heed_norm_rows_a_block(call);
    return (heed_norm_rows(call) + in_block - 1) / in_block;
}

heed_status heed_shape_norm(heed_call *call, const char *const *names) {
    const heed_norm_attr *attr = call->attr;
    const heed_array *x = call->in[0];
    if (!(attr->eps >= 0))
        return heed_fail(call, "eps is %g, must be 0 or more", attr->eps);
    if (x->shape.rank == 0)
        return heed_fail(call, "x is a scalar, must have at least one axis");
    heed_shape vector = HEED_SHAPE(heed_norm_width(call));
    for (int i = 1; i < call->n_in; i++)
        if (call->in[i] && (call->in[i]->dtype != x->dtype || !heed_shape_equal(call->in[i]->shape, vector)))
            return heed_fail(call, "%s is %s %s, must be %s %s: one for each element of x's last axis", names[i - 1],
                             heed_dtype_name(call->in[i]->dtype), HEED_SHAPE_STR(call->in[i]->shape),
                             heed_dtype_name(x->dtype), HEED_SHAPE_STR(vector));
    return heed_shape_same(call);
}

bool heed_norm_sample(int index, int n_vectors, heed_sample *sample) {
    static const heed_shape table[] = {
        {1, {2}},             {1, {15}},            {1, {16}},            {1, {17}},            {1, {33}},
        {2, {1, 2}},          {2, {2, 3}},          {2, {15, 16}},        {2, {16, 15}},        {2, {16, 17}},
        {2, {17, 16}},        {2, {33, 2}},         {2, {2, 33}},         {2, {3, 130}},        {3, {2, 3, 5}},
        {3, {1, 1, 4}},       {3, {16, 1, 3}},      {3, {2, 17, 3}},      {3, {3, 2, 15}},      {3, {1, 33, 2}},
        {4, {2, 2, 3, 4}},    {4, {1, 2, 1, 17}},   {5, {2, 1, 2, 1, 3}}, {2, {5, 33}},         {2, {100, 3}},
        {2, {7, 65}},
    };
    if (index >= (int)(sizeof table / sizeof table[0]))
        return false;
    heed_shape x = table[index];
    *sample = (heed_sample){.n_in = 1 + n_vectors};
    sample->in[0] = (heed_sample_input){.dtype = HEED_F64, .shape = x, .low = -2, .high = 2};
    for (int i = 0; i < n_vectors; i++)
        sample->in[1 + i] = (heed_sample_input){.dtype = HEED_F64, .shape = HEED_SHAPE(x.n[x.rank - 1]), .low = 0.5,
                                                .high = 2, .absent = (index + i) % 3 == 2};
    memcpy(sample->attr.bytes, &(heed_norm_attr){.eps = index % 2 ? 1e-5 : 0.1}, sizeof(heed_norm_attr));
    return true;
}
