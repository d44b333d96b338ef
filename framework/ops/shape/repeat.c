/* repeat: tiles of x beside each other.
 *
 *     y[i_0, i_1, ..] = x[i_0 mod n_0, i_1 mod n_1, ..]
 *     dx[j_0, j_1, ..] = sum of dy[j_0 + k_0 n_0, j_1 + k_1 n_1, ..] over all tiles (k_0, k_1, ..), in row-major order
 *
 * The file includes itself once for each real dtype; see heed/real_f32.h. */
#ifndef REAL
#include <string.h>

#include <heed/op.h>
#include <heed/ops.h>

#include "samples.h"

enum { ELEMENTS_A_RANGE = 16384, STRIP = 64 };

typedef struct repeat_attr {
    int64_t times[HEED_MAX_RANK];
} repeat_attr;

static heed_status repeat_shape(heed_call *call) {
    const repeat_attr *attr = call->attr;
    heed_shape from = call->in[0]->shape, shape = from;
    for (int i = 0; i < from.rank; i++) {
        if (attr->times[i] < 0)
            return heed_fail(call, "axis %d cannot be repeated %lld times", i, (long long)attr->times[i]);
        if (__builtin_mul_overflow(from.n[i], attr->times[i], &shape.n[i]))
            return heed_fail(call, "axis %d of %s repeated %lld times is above 2^63 - 1", i, HEED_SHAPE_STR(from),
                             (long long)attr->times[i]);
    }
    call->out[0]->shape = shape;
    call->out[0]->dtype = call->in[0]->dtype;
    return HEED_OK;
}

/* The small array (x or dx) and the large one (y or dy), both packed, with a last axis even where x has none. */
typedef struct tiling {
    int outer; /* axes but the last */
    int64_t size[HEED_MAX_RANK], times[HEED_MAX_RANK];
    int64_t stride[HEED_MAX_RANK]; /* of the large array */
    int64_t length, tiles_in_row, tiles; /* the last axis; all tiles */
    const char *from;
    char *to;
    size_t element;
} tiling;

static tiling tiling_of(const heed_call *call, const heed_array *small, const heed_array *large) {
    const repeat_attr *attr = call->attr;
    int rank = small->shape.rank;
    tiling job = {.outer = rank > 0 ? rank - 1 : 0,
                  .length = 1,
                  .tiles_in_row = 1,
                  .tiles = 1,
                  .element = heed_dtype_size(small->dtype)};
    if (heed_array_count(small) == 0)
        return job;
    for (int i = 0; i < rank; i++) {
        job.size[i] = small->shape.n[i];
        job.times[i] = attr->times[i];
        job.stride[i] = large->stride[i];
        job.tiles *= attr->times[i];
    }
    if (rank > 0) {
        job.length = job.size[rank - 1];
        job.tiles_in_row = job.times[rank - 1];
    }
    return job;
}

/* What is written so far is copied behind itself, so that short rows take few copies. */
static void fill_row(char *to, const char *from, size_t bytes, int64_t times) {
    size_t all = bytes * (size_t)times;
    memcpy(to, from, bytes);
    for (size_t done = bytes; done < all;) {
        size_t more = done < all - done ? done : all - done;
        memcpy(to + done, to, more);
        done += more;
    }
}

static void fill_rows(void *context, int64_t begin, int64_t end) {
    const tiling *job = context;
    size_t bytes = (size_t)job->length * job->element;
    for (int64_t r = begin; r < end; r++) {
        int64_t row = 0, rest = r, below = 1; /* of the small array; rows in one step of the axis */
        for (int i = job->outer - 1; i >= 0; i--) {
            row += rest % (job->size[i] * job->times[i]) % job->size[i] * below;
            rest /= job->size[i] * job->times[i];
            below *= job->size[i];
        }
        fill_row(job->to + (size_t)(r * job->tiles_in_row) * bytes, job->from + (size_t)row * bytes, bytes,
                 job->tiles_in_row);
    }
}

static void forward(heed_call *call) {
    tiling job = tiling_of(call, call->in[0], call->out[0]);
    int64_t count = heed_array_count(call->out[0]);
    if (count == 0)
        return;
    job.from = call->in[0]->data;
    job.to = call->out[0]->data;
    int64_t row = job.length * job.tiles_in_row;
    heed_parallel(call, count / row, ELEMENTS_A_RANGE / row + 1, fill_rows, &job);
}

/* Where the small array's row, and where tile k, begin in the large one. */
static int64_t row_offset(const tiling *job, int64_t row) {
    int64_t at = 0;
    for (int i = job->outer - 1; i >= 0; i--) {
        at += row % job->size[i] * job->stride[i];
        row /= job->size[i];
    }
    return at;
}

static int64_t tile_offset(const tiling *job, int64_t k) {
    int64_t at = k % job->tiles_in_row * job->length;
    k /= job->tiles_in_row;
    for (int i = job->outer - 1; i >= 0; i--) {
        at += k % job->times[i] * job->size[i] * job->stride[i];
        k /= job->times[i];
    }
    return at;
}

static bool samples(int index, heed_sample *sample) {
    static const struct {
        heed_shape shape;
        repeat_attr attr;
    } cases[] = {
        {{0, {0}}, {{0}}},
        {{1, {1}}, {{1}}},
        {{1, {1}}, {{33}}},
        {{1, {2}}, {{15}}},
        {{1, {15}}, {{2}}},
        {{1, {16}}, {{3}}},
        {{1, {17}}, {{2}}},
        {{1, {33}}, {{1}}},
        {{1, {70}}, {{3}}},
        {{2, {1, 1}}, {{16, 17}}},
        {{2, {1, 15}}, {{16, 1}}},
        {{2, {15, 1}}, {{1, 16}}},
        {{2, {2, 3}}, {{1, 1}}},
        {{2, {2, 3}}, {{2, 3}}},
        {{2, {3, 2}}, {{1, 5}}},
        {{2, {2, 17}}, {{3, 2}}},
        {{2, {33, 2}}, {{2, 1}}},
        {{3, {2, 3, 4}}, {{1, 2, 1}}},
        {{3, {2, 3, 4}}, {{2, 1, 3}}},
        {{3, {1, 3, 1}}, {{2, 2, 16}}},
        {{3, {2, 1, 15}}, {{1, 3, 2}}},
        {{3, {2, 2, 2}}, {{3, 3, 3}}},
        {{4, {2, 3, 2, 5}}, {{1, 2, 2, 1}}},
        {{4, {1, 2, 1, 2}}, {{2, 1, 2, 1}}},
        {{2, {2, 4000}}, {{1, 2}}},
        {{8, {1, 2, 1, 2, 1, 2, 1, 2}}, {{2, 1, 2, 1, 2, 1, 2, 1}}},
    };
    if (index >= (int)(sizeof cases / sizeof cases[0]))
        return false;
    *sample = (heed_sample){.n_in = 1, .in = {{.dtype = HEED_F64, .shape = cases[index].shape}}};
    return heed_sample_attr(sample, &cases[index].attr, sizeof cases[index].attr);
}

#include <heed/real_f32.h>
#include "repeat.c"
#include <heed/real_f64.h>
#include "repeat.c"
#include <heed/real_end.h>

const heed_op heed_op_repeat = {
    .size = sizeof(heed_op), .name = "repeat", .min_in = 1, .max_in = 1, .n_out = 1, .attr_size = sizeof(repeat_attr),
    .shape = repeat_shape, .forward_any = forward, .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .samples = samples,
};

heed_tensor heed_repeat(heed_tape *t, heed_tensor x, const int64_t *times) {
    repeat_attr attr = {{0}};
    for (int i = 0; i < heed_rank(t, x); i++)
        attr.times[i] = times[i];
    return heed_apply(t, &heed_op_repeat, &x, 1, &attr);
}

#else

/* dx[begin .. end - 1], in strips of a row: the strip's sums over all tiles. */
static void TYPED(sum_tiles)(void *context, int64_t begin, int64_t end) {
    const tiling *job = context;
    const REAL *dy = (const REAL *)(const void *)job->from;
    REAL *dx = (REAL *)(void *)job->to;
    for (int64_t at = begin, width; at < end; at += width) {
        int64_t column = at % job->length, base = row_offset(job, at / job->length) + column;
        width = job->length - column < end - at ? job->length - column : end - at;
        if (width > STRIP)
            width = STRIP;
        double sum[STRIP] = {0};
        for (int64_t k = 0; k < job->tiles; k++) {
            const REAL *tile = dy + base + tile_offset(job, k);
            for (int64_t i = 0; i < width; i++)
                sum[i] += (double)tile[i];
        }
        for (int64_t i = 0; i < width; i++)
            dx[at + i] = (REAL)sum[i];
    }
}

static void TYPED(backward)(heed_call *call) {
    tiling job = tiling_of(call, call->dx[0], call->dy[0]);
    job.from = call->dy[0]->data;
    job.to = call->dx[0]->data;
    heed_parallel(call, heed_array_count(call->dx[0]), ELEMENTS_A_RANGE / (job.tiles + 1) + 1, TYPED(sum_tiles), &job);
}

#endif
