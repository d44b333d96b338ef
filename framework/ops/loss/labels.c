#include "labels.h"

int64_t heed_labelled_classes(const heed_call *call) {
    heed_shape scores = call->in[LOSS_SCORES]->shape;
    return scores.n[scores.rank - 1];
}

int64_t heed_labelled_rows(const heed_call *call) {
    return heed_array_count(call->in[LOSS_LABELS]);
}

static heed_status check_values(heed_call *call, heed_counting counting) {
    const int32_t *labels = call->in[LOSS_LABELS]->data;
    const int64_t n = heed_labelled_rows(call), classes = heed_labelled_classes(call);
    for (int64_t i = 0; i < n; i++) {
        if (labels[i] >= 0 && labels[i] < classes)
            continue;
        if (heed_label_counts(counting, labels[i]))
            return heed_fail(call, "label %d of row %lld is outside 0..%lld", (int)labels[i], (long long)i,
                             (long long)classes - 1);
    }
    return HEED_OK;
}

heed_status heed_shape_labelled(heed_call *call, const char *scores, heed_counting counting) {
    const heed_array *x = call->in[LOSS_SCORES], *labels = call->in[LOSS_LABELS];
    if (labels->dtype != HEED_I32)
        return heed_fail(call, "the labels are %s, must be i32", heed_dtype_name(labels->dtype));
    if (x->shape.rank == 0)
        return heed_fail(call, "%s are a scalar, must have the classes on their last axis", scores);
    heed_shape required = x->shape;
    required.rank--;
    if (!heed_shape_equal(labels->shape, required))
        return heed_fail(call, "the labels are %s, must be %s: one for each row of %s %s",
                         HEED_SHAPE_STR(labels->shape), HEED_SHAPE_STR(required), scores, HEED_SHAPE_STR(x->shape));
    call->out[0]->shape = HEED_SCALAR;
    call->out[0]->dtype = x->dtype;
    return check_values(call, counting);
}

bool heed_labelled_sample(int index, heed_sample *sample) {
    static const heed_shape table[] = {
        {1, {2}},          {1, {15}},         {1, {33}},         {2, {1, 16}},      {2, {2, 3}},
        {2, {3, 2}},       {2, {15, 16}},     {2, {16, 15}},     {2, {16, 17}},     {2, {17, 2}},
        {2, {33, 3}},      {2, {2, 33}},      {2, {4, 65}},      {3, {2, 3, 4}},    {3, {1, 1, 5}},
        {3, {4, 1, 3}},    {3, {2, 15, 2}},   {3, {1, 16, 4}},   {3, {3, 2, 17}},   {4, {2, 1, 2, 5}},
        {4, {1, 2, 3, 2}}, {2, {31, 4}},      {2, {7, 16}},      {2, {8, 6}},       {2, {5, 5}},
        {3, {2, 2, 9}},    {2, {3, 130}},     {2, {12, 10}},
    };
    if (index >= (int)(sizeof table / sizeof table[0]))
        return false;
    heed_shape scores = table[index], labels = scores;
    labels.rank--;
    *sample = (heed_sample){.n_in = 2};
    sample->in[LOSS_SCORES] = (heed_sample_input){.dtype = HEED_F64, .shape = scores, .low = -3, .high = 3};
    sample->in[LOSS_LABELS] =
        (heed_sample_input){.dtype = HEED_I32, .shape = labels, .high = (double)scores.n[scores.rank - 1]};
    return true;
}
