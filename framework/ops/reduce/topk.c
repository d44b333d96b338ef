/* topk: the k largest along the last axis, largest first, and where they are. A NaN counts as larger than any number; of equal ones
 * the lower index comes first. No gradient.
 *
 * Each row keeps its best k in a heap whose top is the worst of them: n log k steps. Taking the top off, last place first, leaves
 * them sorted. The file includes itself once for each real dtype; see heed/real_f32.h. */
#ifndef REAL
#include <heed/op.h>
#include <heed/ops.h>

#include "../shape/samples.h"

enum { ELEMENTS_A_RANGE = 8192 };

static heed_status shape(heed_call *call) {
    int64_t k = *(const int64_t *)call->attr;
    heed_shape x = call->in[0]->shape;
    if (x.rank == 0)
        return heed_fail(call, "a scalar has no last axis");
    int64_t n = x.n[x.rank - 1];
    if (k < 0 || k > n)
        return heed_fail(call, "k is %lld; it must be 0 to %lld, the last axis of %s", (long long)k, (long long)n,
                         HEED_SHAPE_STR(x));
    if (n > INT32_MAX)
        return heed_fail(call, "the last axis of %s is longer than an i32 can count", HEED_SHAPE_STR(x));
    x.n[x.rank - 1] = k;
    call->out[0]->shape = call->out[1]->shape = x;
    call->out[0]->dtype = call->in[0]->dtype;
    call->out[1]->dtype = HEED_I32;
    return HEED_OK;
}

static bool samples(int index, heed_sample *sample) {
    if (!heed_sample_shape(index, sample))
        return false;
    heed_shape x = sample->in[0].shape;
    int64_t k = 1 + index % x.n[x.rank - 1];
    sample->in[0].apart = 0.01;
    return heed_sample_attr(sample, &k, sizeof k);
}

#include <heed/real_f32.h>
#include "topk.c"
#include <heed/real_f64.h>
#include "topk.c"
#include <heed/real_end.h>

const heed_op heed_op_topk = {
    .size = sizeof(heed_op),
    .name = "topk",
    .min_in = 1,
    .max_in = 1,
    .n_out = 2,
    .flags = HEED_NO_GRADIENT,
    .attr_size = sizeof(int64_t),
    .shape = shape,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .samples = samples,
};

heed_tensor heed_topk(heed_tape *t, heed_tensor x, int64_t k, heed_tensor *indices) {
    heed_tensor outs[2];
    heed_apply_many(t, &heed_op_topk, &x, 1, &k, outs);
    *indices = outs[1];
    return outs[0];
}

#else

typedef struct TYPED(heap) {
    REAL *value;
    int32_t *index;
    int64_t n;
} TYPED(heap);

/* Whether a, at i, is to stand before b, at j. */
static bool TYPED(before)(REAL a, int32_t i, REAL b, int32_t j) {
    bool a_nan = a != a, b_nan = b != b;
    if (a_nan != b_nan)
        return a_nan;
    return !a_nan && a != b ? a > b : i < j;
}

/* Puts (value, index) into the hole at the top: worse ones move up until it fits. */
static void TYPED(sink)(TYPED(heap) *h, int64_t hole, REAL value, int32_t index) {
    for (int64_t child = 2 * hole + 1; child < h->n; child = 2 * hole + 1) {
        if (child + 1 < h->n &&
            TYPED(before)(h->value[child], h->index[child], h->value[child + 1], h->index[child + 1]))
            child++;
        if (!TYPED(before)(value, index, h->value[child], h->index[child]))
            break;
        h->value[hole] = h->value[child];
        h->index[hole] = h->index[child];
        hole = child;
    }
    h->value[hole] = value;
    h->index[hole] = index;
}

static void TYPED(best_of_row)(const REAL *x, int64_t n, TYPED(heap) h) {
    for (int64_t i = 0; i < h.n; i++) {
        h.value[i] = x[i];
        h.index[i] = (int32_t)i;
    }
    for (int64_t i = h.n / 2 - 1; i >= 0; i--)
        TYPED(sink)(&h, i, h.value[i], h.index[i]);
    for (int64_t i = h.n; i < n && h.n > 0; i++)
        if (TYPED(before)(x[i], (int32_t)i, h.value[0], h.index[0]))
            TYPED(sink)(&h, 0, x[i], (int32_t)i);
    while (h.n > 1) {
        h.n--;
        REAL value = h.value[h.n], worst = h.value[0];
        int32_t index = h.index[h.n], worst_index = h.index[0];
        TYPED(sink)(&h, 0, value, index);
        h.value[h.n] = worst;
        h.index[h.n] = worst_index;
    }
}

static void TYPED(best_of_rows)(void *context, int64_t begin, int64_t end) {
    const heed_call *call = context;
    heed_shape x = call->in[0]->shape;
    int64_t n = x.n[x.rank - 1], k = *(const int64_t *)call->attr;
    for (int64_t row = begin; row < end; row++) {
        TYPED(heap) h = {(REAL *)call->out[0]->data + row * k, (int32_t *)call->out[1]->data + row * k, k};
        TYPED(best_of_row)((const REAL *)call->in[0]->data + row * n, n, h);
    }
}

static void TYPED(forward)(heed_call *call) {
    heed_shape x = call->in[0]->shape;
    int64_t n = x.n[x.rank - 1];
    if (heed_array_count(call->out[0]) > 0)
        heed_parallel(call, heed_shape_count(x) / n, ELEMENTS_A_RANGE / n + 1, TYPED(best_of_rows), call);
}

#endif
