#include "along.h"

#include <string.h>

enum { ELEMENTS_WORTH_A_THREAD = 8192 };

static size_t row_bytes(int64_t n) {
    return ((size_t)n * sizeof(double) + 63) / 64 * 64;
}

size_t heed_along_workspace(const heed_call *call, heed_shape shape, int axis, int n_in) {
    return row_bytes(shape.n[axis]) * (size_t)(n_in + 1) * (size_t)call->threads;
}

typedef struct along_job {
    const heed_along *along;
    char *workspace;
    int64_t rows, workers; /* each worker takes its share of the rows, and has workspace of its own */
} along_job;

/* Where a's index-th row begins; rows are counted in row-major order over the other axes. */
static char *row_start(const heed_array *a, int axis, int64_t index) {
    int64_t offset = 0;
    for (int i = a->shape.rank - 1; i >= 0 && index > 0; i--) {
        const int64_t size = a->shape.n[i];
        if (i == axis || size == 1)
            continue;
        offset += (index < size ? index : index % size) * a->stride[i];
        index = index < size ? 0 : index / size; /* a division takes as long as much of a short row */
    }
    return (char *)a->data + offset * (int64_t)heed_dtype_size(a->dtype);
}

/* n elements of `size` bytes, from and to places that many elements apart. */
static void copy_elements(char *to, int64_t to_step, const char *from, int64_t from_step, int64_t n, size_t size) {
    for (int64_t i = 0; i < n; i++)
        memcpy(to + i * to_step * (int64_t)size, from + i * from_step * (int64_t)size, size);
}

static void run_row(const heed_along *along, int64_t row, char *buffer) {
    int64_t n = along->out.shape.n[along->axis], step;
    const void *in[ALONG_INPUTS];
    for (int i = 0; i < along->n_in; i++) {
        const heed_array *a = &along->in[i];
        char *start = row_start(a, along->axis, row), *copy = buffer + row_bytes(n) * (size_t)i;
        step = a->stride[along->axis];
        if (step != 1 && n > 1)
            copy_elements(copy, 1, start, step, n, heed_dtype_size(a->dtype));
        in[i] = step != 1 && n > 1 ? copy : start;
    }
    char *out = row_start(&along->out, along->axis, row), *result = buffer + row_bytes(n) * (size_t)along->n_in;
    step = along->out.stride[along->axis];
    along->kernel(n, in, step != 1 && n > 1 ? result : out);
    if (step != 1 && n > 1)
        copy_elements(out, step, result, 1, n, heed_dtype_size(along->out.dtype));
}

static void run_shares(void *context, int64_t begin, int64_t end) {
    const along_job *job = context;
    size_t worker_bytes = row_bytes(job->along->out.shape.n[job->along->axis]) * (size_t)(job->along->n_in + 1);
    for (int64_t worker = begin; worker < end; worker++) {
        int64_t last = (worker + 1) * job->rows / job->workers;
        for (int64_t row = worker * job->rows / job->workers; row < last; row++)
            run_row(job->along, row, job->workspace + (size_t)worker * worker_bytes);
    }
}

void heed_along_run(const heed_call *call, const heed_along *along) {
    int64_t count = heed_array_count(&along->out);
    if (count == 0)
        return;
    int64_t worth = count / ELEMENTS_WORTH_A_THREAD + 1;
    along_job job = {.along = along, .workspace = call->workspace, .rows = count / along->out.shape.n[along->axis],
                     .workers = worth < call->threads ? worth : call->threads};
    heed_parallel(call, job.workers, 1, run_shares, &job);
}

heed_status heed_shape_along(heed_call *call) {
    const heed_axis_attr *attr = call->attr;
    heed_shape shape = call->in[0]->shape;
    int axis = heed_shape_axis(shape, attr->axis);
    if (axis < 0)
        return heed_fail(call, "axis %d is out of range for %s", attr->axis, HEED_SHAPE_STR(shape));
    call->workspace_bytes = heed_along_workspace(call, shape, axis, 1);
    call->backward_workspace_bytes = heed_along_workspace(call, shape, axis, 2);
    return heed_shape_same(call);
}

void heed_along_attr(const heed_call *call, int n_in, const heed_array *const *in, const heed_array *out,
                     heed_row_kernel *kernel) {
    const heed_axis_attr *attr = call->attr;
    heed_along along = {.axis = heed_shape_axis(out->shape, attr->axis), .n_in = n_in, .out = *out, .kernel = kernel};
    for (int i = 0; i < n_in; i++)
        along.in[i] = *in[i];
    heed_along_run(call, &along);
}

bool heed_sample_along(int index, heed_sample *sample) {
    static const struct {
        heed_shape shape;
        int axis;
    } table[] = {
        {{1, {2}}, 0},               {{1, {15}}, 0},              {{1, {16}}, -1},
        {{1, {17}}, 0},              {{1, {33}}, -1},             {{2, {1, 2}}, 1},
        {{2, {2, 1}}, 0},            {{2, {15, 16}}, 0},          {{2, {15, 16}}, 1},
        {{2, {16, 17}}, 0},          {{2, {16, 17}}, -1},         {{2, {17, 15}}, -2},
        {{2, {33, 2}}, 0},           {{2, {2, 33}}, 1},           {{2, {33, 2}}, 1},
        {{3, {2, 3, 5}}, 0},         {{3, {2, 3, 5}}, 1},         {{3, {2, 3, 5}}, 2},
        {{3, {16, 1, 2}}, 0},        {{3, {1, 17, 1}}, 1},        {{4, {2, 3, 2, 4}}, 0},
        {{4, {2, 3, 2, 4}}, 1},      {{4, {2, 3, 2, 4}}, 2},      {{4, {2, 3, 2, 4}}, -1},
        {{5, {1, 2, 1, 3, 15}}, -1}, {{3, {3, 33, 2}}, 1},        {{2, {3, 130}}, 1},
        {{2, {4, 6}}, 0},            {{2, {4, 6}}, 1},            {{3, {4, 2, 9}}, 0},
    };
    if (index >= (int)(sizeof table / sizeof table[0]))
        return false;
    *sample = (heed_sample){.n_in = 1, .in = {{.dtype = HEED_F64, .shape = table[index].shape, .low = -3, .high = 3}}};
    memcpy(sample->attr.bytes, &(heed_axis_attr){table[index].axis}, sizeof(heed_axis_attr));
    return true;
}
