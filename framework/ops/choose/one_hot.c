/* one_hot: y[.., c] = 1 where c = index[..], else 0. An integer has no gradient. */
#include <string.h>

#include <heed/op.h>
#include <heed/ops.h>

#include "../shape/samples.h"
#include "indices.h"

enum { INDICES_A_RANGE = 4096 };

typedef struct one_hot_attr {
    int64_t classes;
    heed_dtype dtype;
} one_hot_attr;

static heed_status one_hot_shape(heed_call *call) {
    const one_hot_attr *attr = call->attr;
    heed_shape shape = call->in[0]->shape;
    if (attr->classes < 1)
        return heed_fail(call, "%lld classes are asked for; there must be at least one", (long long)attr->classes);
    if (heed_dtype_size(attr->dtype) == 0)
        return heed_fail(call, "%d is no dtype", (int)attr->dtype);
    if (shape.rank == HEED_MAX_RANK)
        return heed_fail(call, "%s has no room for a further axis: the rank is at most %d", HEED_SHAPE_STR(shape),
                         HEED_MAX_RANK);
    shape.n[shape.rank++] = attr->classes;
    call->out[0]->shape = shape;
    call->out[0]->dtype = attr->dtype;
    return heed_check_indices(call, 0, attr->classes);
}

typedef struct marks {
    const int32_t *index;
    char *y;
    int64_t classes;
    size_t element;
    double one; /* the first bytes are a one of y's dtype */
} marks;

static void mark(void *context, int64_t begin, int64_t end) {
    const marks *job = context;
    for (int64_t i = begin; i < end; i++)
        memcpy(job->y + (size_t)(i * job->classes + job->index[i]) * job->element, &job->one, job->element);
}

static void forward(heed_call *call) {
    const one_hot_attr *attr = call->attr;
    marks job = {.index = call->in[0]->data,
                 .y = call->out[0]->data,
                 .classes = attr->classes,
                 .element = heed_dtype_size(attr->dtype)};
    heed_array one = {.data = &job.one, .dtype = attr->dtype};
    heed_array_fill(&one, 1, 1);
    heed_array_fill(call->out[0], 0, call->threads);
    heed_parallel(call, heed_array_count(call->in[0]), INDICES_A_RANGE, mark, &job);
}

static bool samples(int index, heed_sample *sample) {
    static const heed_dtype dtypes[] = {HEED_F64, HEED_F32, HEED_I32, HEED_BOOL};
    one_hot_attr attr = {.classes = 1 + index * 5 % 33, .dtype = dtypes[index % 4]};
    int axis;
    if (!heed_sample_axis(index, sample, &axis))
        return false;
    sample->in[0].dtype = HEED_I32;
    sample->in[0].high = (double)attr.classes;
    return heed_sample_attr(sample, &attr, sizeof attr);
}

const heed_op heed_op_one_hot = {
    .size = sizeof(heed_op), .name = "one_hot", .min_in = 1, .max_in = 1, .n_out = 1, .flags = HEED_NO_GRADIENT,
    .attr_size = sizeof(one_hot_attr), .shape = one_hot_shape, .forward_any = forward, .samples = samples,
};

heed_tensor heed_one_hot(heed_tape *t, heed_tensor index, int64_t classes, heed_dtype dtype) {
    return heed_apply(t, &heed_op_one_hot, &index, 1, &(one_hot_attr){classes, dtype});
}
