#include "samples.h"

#define LENGTH(table) ((int)(sizeof(table) / sizeof((table)[0])))

static const heed_shape shapes[] = {
    {0, {0}},          {1, {1}},          {1, {2}},          {1, {15}},         {1, {16}},
    {1, {17}},         {1, {33}},         {1, {64}},         {2, {1, 15}},      {2, {15, 1}},
    {2, {2, 2}},       {2, {2, 16}},      {2, {16, 2}},      {2, {3, 17}},      {2, {17, 3}},
    {2, {15, 15}},     {2, {16, 16}},     {2, {5, 33}},      {2, {33, 5}},      {3, {1, 1, 33}},
    {3, {2, 3, 4}},    {3, {2, 1, 17}},   {3, {3, 15, 2}},   {3, {2, 16, 3}},   {3, {17, 2, 1}},
    {4, {2, 3, 4, 5}}, {4, {1, 2, 15, 1}}, {4, {2, 2, 2, 33}}, {5, {2, 1, 3, 1, 16}}, {6, {2, 2, 2, 2, 2, 2}},
    {2, {7, 9}},       {2, {33, 17}},      {2, {300, 257}}, /* the last is shared out to several threads */
};

static const heed_shape pairs[][2] = {
    {{0, {0}}, {0, {0}}},
    {{1, {1}}, {1, {1}}},
    {{1, {2}}, {1, {2}}},
    {{1, {15}}, {1, {15}}},
    {{1, {16}}, {1, {16}}},
    {{1, {17}}, {1, {17}}},
    {{1, {33}}, {1, {33}}},
    {{2, {2, 15}}, {2, {2, 15}}},
    {{2, {16, 16}}, {2, {16, 16}}},
    {{3, {4, 1, 33}}, {3, {4, 1, 33}}},
    {{4, {2, 3, 4, 5}}, {4, {2, 3, 4, 5}}},
    {{1, {1}}, {1, {33}}},                     /* a single element against many */
    {{1, {33}}, {1, {1}}},
    {{2, {3, 4}}, {0, {0}}},
    {{0, {0}}, {2, {3, 4}}},
    {{2, {2, 2}}, {2, {1, 1}}},
    {{2, {5, 17}}, {1, {17}}},                 /* a row for every row */
    {{1, {17}}, {2, {5, 17}}},
    {{2, {16, 33}}, {2, {1, 33}}},
    {{2, {5, 17}}, {2, {5, 1}}},               /* a column for every column */
    {{2, {5, 1}}, {2, {5, 17}}},
    {{2, {15, 1}}, {2, {15, 2}}},
    {{2, {5, 1}}, {2, {1, 17}}},               /* both broadcast */
    {{2, {1, 17}}, {2, {5, 1}}},
    {{3, {2, 1, 16}}, {2, {3, 1}}},
    {{2, {4, 1}}, {3, {3, 1, 33}}},
    {{3, {2, 3, 15}}, {3, {2, 1, 1}}},
    {{3, {2, 3, 16}}, {2, {3, 1}}},
    {{4, {2, 1, 3, 1}}, {3, {4, 1, 5}}},
    {{5, {2, 2, 2, 2, 2}}, {5, {2, 1, 2, 1, 2}}},
    {{3, {1, 2, 15}}, {3, {2, 2, 1}}},
    {{2, {33, 17}}, {1, {17}}},
    {{2, {300, 257}}, {2, {300, 257}}},        /* shared out to several threads */
    {{2, {300, 257}}, {1, {257}}},
};

heed_sample_input heed_sample_real(heed_shape shape, const heed_draw *draw) {
    return (heed_sample_input){.dtype = HEED_F64, .shape = shape, .low = draw->low, .high = draw->high,
                               .avoid = draw->avoid, .avoid_by = draw->avoid_by};
}

heed_sample_input heed_sample_integer(heed_shape shape, heed_dtype dtype) {
    return (heed_sample_input){.dtype = dtype, .shape = shape, .low = 0, .high = dtype == HEED_BOOL ? 2 : 4};
}

bool heed_sample_unary(int index, const heed_draw *x, heed_sample *sample) {
    if (index >= LENGTH(shapes))
        return false;
    *sample = (heed_sample){.n_in = 1};
    sample->in[0] = heed_sample_real(shapes[index], x);
    return true;
}

bool heed_sample_binary(int index, const heed_draw *a, const heed_draw *b, heed_sample *sample) {
    if (index >= LENGTH(pairs))
        return false;
    *sample = (heed_sample){.n_in = 2};
    sample->in[0] = heed_sample_real(pairs[index][0], a);
    sample->in[1] = heed_sample_real(pairs[index][1], b);
    return true;
}
