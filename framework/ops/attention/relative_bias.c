/* T5's bias by distance (Raffel et al. 2020, 2.1): distances of keys from queries fall into buckets, and each head
 * learns a number for each bucket.
 *
 *     y[h, m] = table[bucket(m - (S - 1)), h],     m = 0 .. T + S - 2
 *     dL/dtable[b, h] = sum of dL/dy[h, m] over the m whose bucket is b, in order of m */
#ifndef REAL

#include <math.h>
#include <string.h>

#include <heed/op.h>
#include <heed/ops.h>

typedef struct relative_attr {
    int64_t queries, keys, longest;
    bool bidirectional;
} relative_attr;

enum { DISTANCES_A_RANGE = 8192 };

/* Half of the buckets are for single distances, the rest grow as logarithms do, up to `longest`. The logarithm is taken
 * in f32, as T5's code does: at a bucket's edge it decides. */
int64_t heed_relative_bucket(int64_t distance, int64_t buckets, int64_t longest, bool bidirectional) {
    int64_t first = 0;
    if (bidirectional) {
        buckets /= 2;
        first = distance > 0 ? buckets : 0;
        distance = distance < 0 ? -distance : distance;
    } else {
        distance = distance < 0 ? -distance : 0;
    }
    const int64_t single = buckets / 2;
    if (distance < single)
        return first + distance;
    if (distance >= longest)
        return first + buckets - 1;
    const float share = logf((float)distance / (float)single) / (float)log((double)longest / (double)single);
    const int64_t bucket = single + (int64_t)(share * (float)(buckets - single));
    return first + (bucket < buckets ? bucket : buckets - 1);
}

static int64_t distances_of(const relative_attr *attr) {
    return attr->queries + attr->keys > 0 ? attr->queries + attr->keys - 1 : 0;
}

static heed_status shape(heed_call *call) {
    const heed_array *table = call->in[0];
    const relative_attr *attr = call->attr;
    if (table->shape.rank != 2)
        return heed_fail(call, "the table is %s, must be (buckets, heads)", HEED_SHAPE_STR(table->shape));
    const int64_t buckets = table->shape.n[0], least = attr->bidirectional ? 4 : 2;
    if (buckets < least || buckets > INT32_MAX)
        return heed_fail(call, "the table is %s: %lld buckets, must be %lld or more", HEED_SHAPE_STR(table->shape),
                         (long long)buckets, (long long)least);
    if (attr->longest <= buckets / least)
        return heed_fail(call,
                         "the longest distance is %lld, must be above %lld, up to where each has a bucket of its own",
                         (long long)attr->longest, (long long)(buckets / least));
    if (attr->queries < 0 || attr->keys < 0 || attr->queries > INT32_MAX || attr->keys > INT32_MAX)
        return heed_fail(call, "%lld queries and %lld keys must be 0 to 2^31 - 1", (long long)attr->queries,
                         (long long)attr->keys);
    call->out[0]->shape = HEED_SHAPE(table->shape.n[1], distances_of(attr));
    call->out[0]->dtype = table->dtype;
    call->workspace_bytes = call->backward_workspace_bytes = (size_t)distances_of(attr) * sizeof(int32_t);
    return HEED_OK;
}

static const int32_t *find_buckets(const heed_call *call) {
    const relative_attr *attr = call->attr;
    int32_t *bucket = call->workspace;
    for (int64_t m = 0; m < distances_of(attr); m++)
        bucket[m] = (int32_t)heed_relative_bucket(m - (attr->keys - 1), call->in[0]->shape.n[0], attr->longest,
                                                  attr->bidirectional);
    return bucket;
}

static bool samples(int index, heed_sample *sample) {
    static const struct {
        heed_shape table;
        relative_attr attr;
    } cases[] = {
        {{2, {2, 1}}, {1, 1, 2, false}},     {{2, {4, 1}}, {1, 1, 2, true}},       {{2, {4, 2}}, {3, 3, 8, false}},
        {{2, {4, 2}}, {3, 3, 8, true}},      {{2, {8, 3}}, {5, 9, 16, false}},     {{2, {8, 3}}, {9, 5, 16, true}},
        {{2, {15, 2}}, {16, 16, 20, false}}, {{2, {16, 2}}, {16, 17, 20, true}},   {{2, {17, 1}}, {2, 33, 128, false}},
        {{2, {32, 2}}, {33, 33, 128, true}}, {{2, {32, 2}}, {33, 33, 128, false}}, {{2, {33, 15}}, {1, 15, 128, true}},
        {{2, {32, 16}}, {1, 17, 64, false}}, {{2, {32, 17}}, {2, 2, 64, true}},    {{2, {4, 33}}, {2, 1, 5, true}},
        {{2, {6, 2}}, {7, 7, 10, true}},     {{2, {7, 2}}, {7, 7, 10, false}},     {{2, {2, 2}}, {15, 2, 3, false}},
        {{2, {8, 1}}, {70, 70, 30, true}},   {{2, {8, 1}}, {70, 70, 30, false}},   {{2, {16, 4}}, {1, 100, 50, false}},
        {{2, {16, 4}}, {100, 1, 50, true}},  {{2, {5, 3}}, {4, 4, 6, true}},       {{2, {10, 1}}, {16, 1, 12, true}},
    };
    if (index >= (int)(sizeof cases / sizeof cases[0]))
        return false;
    *sample = (heed_sample){.n_in = 1, .in = {{.dtype = HEED_F64, .shape = cases[index].table}}};
    memcpy(sample->attr.bytes, &cases[index].attr, sizeof cases[index].attr);
    return true;
}

/* A head is a column of the table and a row of the output. */
typedef struct heads_job {
    const heed_call *call;
    const int32_t *bucket;
    int64_t heads, distances, buckets;
} heads_job;

static void over_heads(heed_call *call, heed_range_body *body) {
    const heed_shape table = call->in[0]->shape;
    const int64_t distances = distances_of(call->attr);
    heads_job job = {
        .call = call, .bucket = find_buckets(call), .heads = table.n[1], .distances = distances, .buckets = table.n[0]};
    heed_parallel(call, table.n[1], DISTANCES_A_RANGE / (distances + 1) + 1, body, &job);
}

#include <heed/real_f32.h>
#include "relative_bias.c"
#include <heed/real_f64.h>
#include "relative_bias.c"
#include <heed/real_end.h>

const heed_op heed_op_relative_bias = {
    .size = sizeof(heed_op),
    .name = "relative_bias",
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .attr_size = sizeof(relative_attr),
    .shape = shape,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .samples = samples,
};

heed_tensor heed_relative_bias(heed_tape *t, heed_tensor table, int64_t queries, int64_t keys,
                               heed_relative_options options) {
    const relative_attr attr = {queries, keys, options.longest != 0 ? options.longest : 128, options.bidirectional};
    return heed_apply(t, &heed_op_relative_bias, &table, 1, &attr);
}

#else

static void TYPED(forward_heads)(void *context, int64_t begin, int64_t end) {
    const heads_job *job = context;
    const REAL *table = job->call->in[0]->data;
    REAL *y = job->call->out[0]->data;
    for (int64_t h = begin; h < end; h++)
        for (int64_t m = 0; m < job->distances; m++)
            y[h * job->distances + m] = table[job->bucket[m] * job->heads + h];
}

static void TYPED(forward)(heed_call *call) {
    over_heads(call, TYPED(forward_heads));
}

static void TYPED(backward_heads)(void *context, int64_t begin, int64_t end) {
    const heads_job *job = context;
    const REAL *dy = job->call->dy[0]->data;
    REAL *d_table = job->call->dx[0]->data;
    for (int64_t h = begin; h < end; h++) {
        for (int64_t b = 0; b < job->buckets; b++)
            d_table[b * job->heads + h] = 0;
        for (int64_t m = 0; m < job->distances; m++)
            d_table[job->bucket[m] * job->heads + h] += dy[h * job->distances + m];
    }
}

static void TYPED(backward)(heed_call *call) {
    over_heads(call, TYPED(backward_heads));
}

#endif
