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

/* ---- blocks of rows ---- */

enum { MOST_BLOCKS = 64, FEWEST_ROWS = 16, STRIP = 64 };

static int64_t rows_a_block(const heed_call *call) {
    const int64_t rows = (heed_norm_rows(call) + MOST_BLOCKS - 1) / MOST_BLOCKS;
    return rows < FEWEST_ROWS ? FEWEST_ROWS : rows;
}

static int64_t blocks_of(const heed_call *call) {
    const int64_t in_block = rows_a_block(call);
    return (heed_norm_rows(call) + in_block - 1) / in_block;
}

/* The workspace: a block's sums, a vector's after another's, and so a block's after another's. */
static int64_t sums_of_a_block(const heed_call *call) {
    return (call->n_in - 1) * heed_norm_width(call);
}

size_t heed_norm_backward_workspace(const heed_call *call) {
    for (int i = 1; i < call->n_in; i++)
        if (call->in[i])
            return (size_t)(blocks_of(call) * sums_of_a_block(call)) * sizeof(double);
    return 0;
}

static bool wants_vectors(const heed_call *call) {
    bool any = false;
    for (int i = 1; i < call->n_in; i++)
        any = any || call->dx[i];
    return any;
}

typedef struct norm_job {
    const heed_call *call;
    heed_norm_row_body *body;
} norm_job;

static void pass_rows(void *context, int64_t begin, int64_t end) {
    const norm_job *job = context;
    const heed_call *call = job->call;
    const int64_t rows = heed_norm_rows(call), in_block = rows_a_block(call), count = sums_of_a_block(call);
    const bool vectors = wants_vectors(call);
    for (int64_t block = begin; block < end; block++) {
        const int64_t first = block * in_block, last = rows - first < in_block ? rows : first + in_block;
        double *sums = vectors ? (double *)call->workspace + block * count : NULL;
        if (vectors)
            memset(sums, 0, (size_t)count * sizeof *sums);
        for (int64_t row = first; row < last; row++)
            job->body(call, row, sums);
    }
}

/* What the blocks have summed for input i in columns begin .. end - 1. */
static void add_blocks(const heed_call *call, int i, int64_t begin, int64_t end, double *sum) {
    const int64_t blocks = blocks_of(call), count = sums_of_a_block(call);
    const double *part = (const double *)call->workspace + (i - 1) * heed_norm_width(call);
    for (int64_t j = begin; j < end; j++)
        sum[j - begin] = 0;
    for (int64_t block = 0; block < blocks; block++, part += count)
        for (int64_t j = begin; j < end; j++)
            sum[j - begin] += part[j];
}

static void put_strip(const heed_call *call, int i, int64_t begin, int64_t end, const double *sum) {
    const bool adding = call->accumulate[i];
    if (call->dx[i]->dtype == HEED_F64) {
        double *dx = call->dx[i]->data;
        for (int64_t j = begin; j < end; j++)
            dx[j] = adding ? dx[j] + sum[j - begin] : sum[j - begin];
    } else {
        float *dx = call->dx[i]->data;
        for (int64_t j = begin; j < end; j++)
            dx[j] = (float)(adding ? (double)dx[j] + sum[j - begin] : sum[j - begin]);
    }
}

/* Columns begin .. end - 1, a strip at a time side by side, so that memory is read along its rows. */
static void finish_vectors(void *context, int64_t begin, int64_t end) {
    const norm_job *job = context;
    double sum[STRIP];
    for (int64_t first = begin; first < end; first += STRIP) {
        const int64_t last = end - first < STRIP ? end : first + STRIP;
        for (int i = 1; i < job->call->n_in; i++) {
            if (job->call->dx[i] == NULL)
                continue;
            add_blocks(job->call, i, first, last, sum);
            put_strip(job->call, i, first, last, sum);
        }
    }
}

void heed_norm_backward(const heed_call *call, heed_norm_row_body *body) {
    const int64_t blocks = blocks_of(call), strips_a_range = 128 / (blocks + 1) + 1;
    const int64_t grain = (heed_norm_grain(call) - 1) / rows_a_block(call) + 1;
    norm_job job = {.call = call, .body = body};
    heed_parallel(call, blocks, grain, pass_rows, &job);
    if (wants_vectors(call))
        heed_parallel(call, heed_norm_width(call), STRIP * strips_a_range, finish_vectors, &job);
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
