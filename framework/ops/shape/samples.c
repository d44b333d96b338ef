#include <string.h>

#include "samples.h"

static const heed_shape shapes[] = {
    {1, {1}},        {1, {2}},        {1, {15}},       {1, {16}},        {1, {17}},           {1, {33}},
    {2, {1, 5}},     {2, {2, 2}},     {2, {15, 2}},    {2, {16, 17}},    {2, {33, 3}},        {3, {2, 3, 4}},
    {3, {17, 1, 2}}, {3, {2, 15, 1}}, {3, {3, 2, 16}}, {4, {2, 3, 2, 5}},
    {2, {300, 257}}, /* shared out to several threads */
};
enum { N_SHAPES = sizeof shapes / sizeof shapes[0] };

bool heed_sample_shape(int index, heed_sample *sample) {
    if (index >= N_SHAPES)
        return false;
    *sample = (heed_sample){.n_in = 1, .in = {{.dtype = HEED_F64, .shape = shapes[index]}}};
    return true;
}

bool heed_sample_axis(int index, heed_sample *sample, int *axis) {
    int first = 0;
    for (int s = 0; s < N_SHAPES; first += shapes[s].rank, s++) {
        if (index >= first + shapes[s].rank)
            continue;
        *axis = index - first - (index % 2 ? shapes[s].rank : 0);
        return heed_sample_shape(s, sample);
    }
    return false;
}

bool heed_sample_axes(int index, heed_sample *sample, heed_axes *axes) {
    int first = 0;
    for (int s = 0; s < N_SHAPES; first += 1 << shapes[s].rank, s++) {
        if (index >= first + (1 << shapes[s].rank))
            continue;
        *axes = (heed_axes){.keepdim = index % 2};
        for (int axis = 0; axis < shapes[s].rank; axis++)
            if ((index - first) >> axis & 1)
                axes->axis[axes->n++] = axis;
        return heed_sample_shape(s, sample);
    }
    return false;
}

bool heed_sample_attr(heed_sample *sample, const void *attr, size_t size) {
    memcpy(sample->attr.bytes, attr, size);
    return true;
}
