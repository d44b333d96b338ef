#include "pair.h"

#include <string.h>

int64_t heed_pair_blocks(const heed_call *call) {
    int64_t n = heed_array_count(call->in[PAIR_X]);
    return n / PAIR_BLOCK + (n % PAIR_BLOCK != 0);
}

heed_status heed_shape_pair(heed_call *call) {
    const heed_array *x = call->in[PAIR_X], *target = call->in[PAIR_TARGET];
    if (target->dtype != x->dtype)
        return heed_fail(call, "the target is %s, must be %s as the prediction", heed_dtype_name(target->dtype),
                         heed_dtype_name(x->dtype));
    if (!heed_shape_equal(x->shape, target->shape))
        return heed_fail(call, "shapes differ: the prediction is %s, the target %s", HEED_SHAPE_STR(x->shape),
                         HEED_SHAPE_STR(target->shape));
    call->out[0]->shape = HEED_SCALAR;
    call->out[0]->dtype = x->dtype;
    call->workspace_bytes = (size_t)heed_pair_blocks(call) * sizeof(double);
    return HEED_OK;
}

double heed_pair_elements(const heed_call *call) {
    return (double)heed_array_count(call->in[PAIR_X]);
}

bool heed_pair_sample(int index, const heed_pair_draw *draw, heed_sample *sample) {
    static const heed_shape table[] = {
        {0, {0}},             {1, {1}},             {1, {2}},             {1, {15}},            {1, {16}},
        {1, {17}},            {1, {33}},            {2, {1, 1}},          {2, {2, 3}},          {2, {15, 16}},
        {2, {16, 17}},        {2, {17, 1}},         {2, {1, 33}},         {2, {33, 2}},         {3, {2, 3, 4}},
        {3, {1, 1, 1}},       {3, {16, 1, 2}},      {3, {3, 17, 2}},      {4, {2, 1, 2, 1}},    {4, {2, 2, 2, 2}},
        {5, {1, 2, 1, 2, 3}}, {2, {31, 4}},         {1, {100}},           {3, {5, 5, 5}},       {1, {5000}},
        {2, {3, 15}},
    };
    if (index >= (int)(sizeof table / sizeof table[0]))
        return false;
    *sample = (heed_sample){.n_in = 2, .in = {draw->x, draw->target}};
    for (int i = 0; i < 2; i++) {
        sample->in[i].dtype = HEED_F64;
        sample->in[i].shape = table[index];
    }
    memcpy(sample->attr.bytes, &(heed_pair_attr){draw->parameter}, sizeof(heed_pair_attr));
    return true;
}
