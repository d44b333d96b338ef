/* Scores of every query with every key by a small network (Bahdanau, Cho, Bengio 2015, A.1.2):
 *
 *     y[t, s] = sum_i v_i u_i,     u_i = tanh(q[t, i] + k[s, i])
 *
 * With g = dL/dy[t, s] and w_i = g v_i (1 - u_i²), the gradient of what the tanh is taken of:
 *
 *     dL/dq[t, i] = sum over s of w_i     dL/dk[s, i] = sum over t of w_i     dL/dv_i = sum over t and s of g u_i
 *
 * Composed of broadcasts, (B, T, S, d) numbers would be written and read several times; here none of them is stored,
 * and backward computes u anew. v's gradient is summed batch by batch, each batch's part by itself. */
#ifndef REAL

#include <heed/op.h>
#include <heed/ops.h>

#include "../../kernels/apart.h"
#include "../../kernels/rows.h"
#include "../../kernels/vmath.h"
#include "../elementwise/span.h"

enum { Q, K, V, INPUTS };
enum { TANHS_WORTH_A_THREAD = 8192 };

typedef struct score_sizes {
    int64_t batch, queries, keys, width;
} score_sizes;

static score_sizes sizes_of(const heed_call *call) {
    const heed_shape q = call->in[Q]->shape, k = call->in[K]->shape;
    return (score_sizes){q.n[0], q.n[1], k.n[1], q.n[2]};
}

/* v's gradient of each batch: (B, d). */
static heed_array parts_of_v(const heed_call *call) {
    const score_sizes n = sizes_of(call);
    heed_array parts = {.data = call->workspace, .dtype = call->in[Q]->dtype, .shape = HEED_SHAPE(n.batch, n.width)};
    heed_array_set_strides(&parts);
    return parts;
}

static heed_status shape(heed_call *call) {
    const heed_shape q = call->in[Q]->shape, k = call->in[K]->shape, v = call->in[V]->shape;
    if (q.rank != 3 || k.rank != 3 || q.n[0] != k.n[0] || q.n[2] != k.n[2])
        return heed_fail(call, "q is %s, k %s; they must be (batch, queries, d) and (batch, keys, d)",
                         HEED_SHAPE_STR(q), HEED_SHAPE_STR(k));
    if (v.rank < 1 || v.rank > 2 || v.n[v.rank - 1] != q.n[2] || (v.rank == 2 && v.n[0] != 1))
        return heed_fail(call, "v is %s, must be (%lld)", HEED_SHAPE_STR(v), (long long)q.n[2]);
    for (int i = K; i < INPUTS; i++) /* the engine sees to reals only */
        if (call->in[i]->dtype != call->in[Q]->dtype)
            return heed_fail(call, "dtypes differ: q is %s, %s %s", heed_dtype_name(call->in[Q]->dtype),
                             i == K ? "k" : "v", heed_dtype_name(call->in[i]->dtype));
    call->out[0]->shape = HEED_SHAPE(q.n[0], q.n[1], k.n[1]);
    call->out[0]->dtype = call->in[Q]->dtype;
    if (call->needs_grad)
        call->backward_workspace_bytes = (size_t)(q.n[0] * q.n[2]) * heed_dtype_size(call->in[Q]->dtype);
    return HEED_OK;
}

static int64_t grain_for(int64_t tanhs_each) {
    return TANHS_WORTH_A_THREAD / (tanhs_each + 1) + 1;
}

/* In backward, the tanh's argument and gradient for each of q, k and v. */
static void cost(const heed_call *call, heed_cost *cost) {
    const score_sizes n = sizes_of(call);
    cost->flops = (call->dx ? 6.0 : 2.0) * (double)heed_array_count(call->out[0]) * (double)n.width;
}

static bool samples(int index, heed_sample *sample) {
    static const struct {
        int64_t batch, queries, keys, width;
    } table[] = {
        {1, 1, 1, 1},  {1, 1, 1, 2},   {1, 1, 2, 1},  {1, 2, 1, 1},  {2, 1, 1, 1},  {2, 3, 4, 5},   {1, 1, 16, 2},
        {1, 1, 17, 3}, {1, 15, 2, 2},  {1, 16, 1, 3}, {1, 17, 2, 1}, {2, 1, 5, 15}, {2, 2, 3, 16},  {2, 1, 3, 17},
        {1, 2, 2, 31}, {1, 2, 2, 33},  {3, 1, 4, 8},  {5, 2, 2, 2},  {16, 1, 2, 2}, {17, 1, 1, 2},  {33, 1, 2, 1},
        {1, 33, 1, 2}, {1, 1, 33, 2},  {2, 4, 4, 4},  {1, 3, 2, 64}, {2, 1, 2, 65}, {1, 1, 1, 1030},
    };
    if (index >= (int)(sizeof table / sizeof table[0]))
        return false;
    const int64_t B = table[index].batch, d = table[index].width;
    *sample = (heed_sample){.n_in = INPUTS};
    sample->in[Q] = (heed_sample_input){.dtype = HEED_F64, .shape = HEED_SHAPE(B, table[index].queries, d)};
    sample->in[K] = (heed_sample_input){.dtype = HEED_F64, .shape = HEED_SHAPE(B, table[index].keys, d)};
    sample->in[V] = (heed_sample_input){.dtype = HEED_F64, .shape = index % 2 ? HEED_SHAPE(1, d) : HEED_SHAPE(d)};
    return true;
}

#include <heed/real_f32.h>
#include "additive_scores.c"
#include <heed/real_f64.h>
#include "additive_scores.c"
#include <heed/real_end.h>

const heed_op heed_op_additive_scores = {
    .size = sizeof(heed_op),
    .name = "additive_scores",
    .min_in = INPUTS,
    .max_in = INPUTS,
    .n_out = 1,
    .flags = HEED_ACCUMULATES,
    .shape = shape,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_in = HEED_SAVE(Q) | HEED_SAVE(K) | HEED_SAVE(V),
    .samples = samples,
    .cost = cost,
};

heed_tensor heed_additive_scores(heed_tape *t, heed_tensor q, heed_tensor k, heed_tensor v) {
    return heed_apply(t, &heed_op_additive_scores, (heed_tensor[]){q, k, v}, INPUTS, NULL);
}

#else

/* v · tanh(q + k), a stretch of the sum at a time. */
static double TYPED(score)(const REAL *q, const REAL *k, const REAL *v, int64_t width) {
    REAL u[HEED_ROW_BLOCK];
    double sum = 0;
    for (int64_t first = 0; first < width; first += HEED_ROW_BLOCK) {
        const int64_t n = width - first < HEED_ROW_BLOCK ? width - first : HEED_ROW_BLOCK;
        for (int64_t i = 0; i < n; i++)
            u[i] = TYPED(heed_tanh)(q[first + i] + k[first + i]);
        sum += TYPED(heed_row_dot)(u, v + first, n);
    }
    return sum;
}

/* Queries begin .. end - 1 of all batches. */
static void TYPED(score_queries)(void *context, int64_t begin, int64_t end) {
    const heed_call *call = context;
    const score_sizes n = sizes_of(call);
    for (int64_t query = begin; query < end; query++) {
        const REAL *q = (const REAL *)call->in[Q]->data + query * n.width;
        const REAL *k = (const REAL *)call->in[K]->data + query / n.queries * n.keys * n.width;
        REAL *y = (REAL *)call->out[0]->data + query * n.keys;
        for (int64_t s = 0; s < n.keys; s++)
            y[s] = (REAL)TYPED(score)(q, k + s * n.width, call->in[V]->data, n.width);
    }
}

static void TYPED(forward)(heed_call *call) {
    const score_sizes n = sizes_of(call);
    heed_parallel(call, n.batch * n.queries, grain_for(n.keys * n.width), TYPED(score_queries), call);
}

/* ---- gradients ---- */

/* dq, dk: NULL where not wanted. */
typedef struct TYPED(pair) {
    const REAL *q, *k, *v;
    REAL *dq, *dk, *dv;
    REAL g;
} TYPED(pair);

/* Of one query and one key. */
HEED_SPECIALISED void TYPED(pair_gradients)(const TYPED(pair) *p, int64_t n, const bool for_q, const bool for_k) {
    const REAL *restrict q = p->q, *restrict k = p->k, *restrict v = p->v, g = p->g;
    REAL *restrict dq = p->dq, *restrict dk = p->dk, *restrict dv = p->dv;
    APART
    for (int64_t i = 0; i < n; i++) {
        const REAL u = TYPED(heed_tanh)(q[i] + k[i]), w = g * v[i] * (1 - u * u);
        if (for_q)
            dq[i] += w;
        if (for_k)
            dk[i] += w;
        dv[i] += g * u;
    }
}

static void TYPED(add_gradients)(const TYPED(pair) *p, int64_t n) {
    if (p->dq && p->dk)
        TYPED(pair_gradients)(p, n, true, true);
    else if (p->dq)
        TYPED(pair_gradients)(p, n, true, false);
    else
        TYPED(pair_gradients)(p, n, false, p->dk != NULL);
}

static REAL *TYPED(opened)(const heed_call *call, int i, int64_t at, int64_t count) {
    if (call->dx[i] == NULL)
        return NULL;
    REAL *dx = (REAL *)call->dx[i]->data + at;
    for (int64_t j = 0; j < count && !call->accumulate[i]; j++)
        dx[j] = 0;
    return dx;
}

static void TYPED(batch_gradients)(void *context, int64_t begin, int64_t end) {
    const heed_call *call = context;
    const score_sizes n = sizes_of(call);
    for (int64_t b = begin; b < end; b++) {
        const int64_t q_at = b * n.queries * n.width, k_at = b * n.keys * n.width;
        const REAL *dy = (const REAL *)call->dy[0]->data + b * n.queries * n.keys;
        REAL *dq = TYPED(opened)(call, Q, q_at, n.queries * n.width);
        REAL *dk = TYPED(opened)(call, K, k_at, n.keys * n.width);
        TYPED(pair) p = {.v = call->in[V]->data, .dv = (REAL *)call->workspace + b * n.width};
        for (int64_t i = 0; i < n.width; i++)
            p.dv[i] = 0;
        for (int64_t at = 0; at < n.queries * n.keys; at++) {
            const int64_t t = at / n.keys * n.width, s = at % n.keys * n.width;
            p.q = (const REAL *)call->in[Q]->data + q_at + t;
            p.k = (const REAL *)call->in[K]->data + k_at + s;
            p.dq = dq ? dq + t : NULL;
            p.dk = dk ? dk + s : NULL;
            p.g = dy[at];
            TYPED(add_gradients)(&p, n.width);
        }
    }
}

static void TYPED(backward)(heed_call *call) {
    const score_sizes n = sizes_of(call);
    heed_parallel(call, n.batch, grain_for(n.queries * n.keys * n.width), TYPED(batch_gradients), call);
    if (call->dx[V] == NULL)
        return;
    const heed_array parts = parts_of_v(call);
    heed_array_sum_to(call->dx[V], &parts, call->accumulate[V], call->threads);
}

#endif
