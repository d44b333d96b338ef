/* Scaled dot-product attention as one op (Vaswani et al. 2017, equation 1):
 *
 *     s = scale q kᵀ + mask + relative,     p = softmax(s) row by row,     y = p v
 *
 * The softmax's gradient is ds_ij = p_ij (dp_ij - sum_k p_ik dp_ik); all others follow from products
 * (kernels/attention_backward_typed.h). Neither s nor p is kept: of each query the largest score and the sum of its
 * exponentials are, from which backward rebuilds a block of p at a time. The pattern, p after dropout, is written only
 * when asked for, and then is an output like another: a gradient that comes to it is added to dp.
 *
 * This file brings shapes of rank 2 to 4 to (batch, heads, time, width) and checks them; the mathematics is in
 * kernels/attention.h. */
#include <math.h>
#include <string.h>

#include <heed/op.h>
#include <heed/ops.h>

#include "../../kernels/attention.h"
#include "../../kernels/sizes.h"

enum { Q, K, V, MASK, RELATIVE, INPUTS };
enum { CONTEXT, PATTERN };

typedef struct attention_attr {
    bool causal, with_pattern;
    double scale, dropout;
    int64_t window;
} attention_attr;

static int outputs(const void *attr) {
    return ((const attention_attr *)attr)->with_pattern ? 2 : 1;
}

/* ---- shapes ---- */

/* The size of an axis counted from the end, 1 being the last; 1 where the rank has none. */
static int64_t size_from_end(const heed_array *x, int from_end) {
    return from_end <= x->shape.rank ? x->shape.n[x->shape.rank - from_end] : 1;
}

static heed_attention_view view_of(const heed_array *x) {
    heed_attention_view view = {.data = x->data};
    for (int i = 0; i < x->shape.rank; i++)
        view.step[4 - x->shape.rank + i] = x->stride[i];
    return view;
}

static heed_attention_place place_of(const heed_array *x) {
    heed_attention_place place = {.data = NULL};
    if (x == NULL)
        return place;
    const heed_attention_view view = view_of(x);
    memcpy(place.step, view.step, sizeof view.step);
    place.data = x->data;
    return place;
}

static heed_shape scores_shape(const heed_call *call) {
    heed_shape shape = call->in[Q]->shape;
    shape.n[shape.rank - 1] = size_from_end(call->in[K], 2);
    return shape;
}

/* (H, T + S - 1): as many distances as there are. */
static heed_shape distances_shape(const heed_call *call) {
    const heed_array *q = call->in[Q], *k = call->in[K];
    int64_t distances = size_from_end(q, 2) + size_from_end(k, 2) - 1;
    return HEED_SHAPE(size_from_end(q, 3), distances < 0 ? 0 : distances);
}

/* Steps of (1, H, 1, T + S - 1). */
static heed_attention_view relative_view(const heed_call *call, const heed_array *relative) {
    heed_array expanded = heed_array_expanded(relative, distances_shape(call));
    return (heed_attention_view){.data = relative->data, .step = {0, expanded.stride[0], 0, expanded.stride[1]}};
}

static double scale_of(const attention_attr *attr, int64_t d_k) {
    return attr->scale != 0 ? attr->scale : d_k > 0 ? 1 / sqrt((double)d_k) : 1;
}

static heed_attention_problem problem_of(const heed_call *call) {
    const attention_attr *attr = call->attr;
    const heed_array *q = call->in[Q], *mask = call->in[MASK], *relative = call->in[RELATIVE];
    const int64_t far = size_from_end(q, 2) + size_from_end(call->in[K], 2); /* a window of this size hides nothing */
    heed_attention_problem a = {.batch = size_from_end(q, 4),
                                .heads = size_from_end(q, 3),
                                .kv_heads = size_from_end(call->in[K], 3),
                                .queries = size_from_end(q, 2),
                                .d_k = size_from_end(q, 1),
                                .keys = size_from_end(call->in[K], 2),
                                .d_v = size_from_end(call->in[V], 1),
                                .q = view_of(q),
                                .k = view_of(call->in[K]),
                                .v = view_of(call->in[V]),
                                .causal = attr->causal,
                                .window = smaller(attr->window, far),
                                .scale = scale_of(attr, size_from_end(q, 1)),
                                .dropout = call->training ? attr->dropout : 0,
                                .dropout_key = call->rng_key};
    if (mask) {
        heed_array expanded = heed_array_expanded(mask, scores_shape(call));
        a.mask = view_of(&expanded);
        a.mask_is_bool = mask->dtype == HEED_BOOL;
    }
    if (relative)
        a.relative = relative_view(call, relative);
    return a;
}

/* d_mask, d_relative: gradients of the inputs' shapes, contiguous; or NULL. */
static void lay_out_sums(const heed_call *call, const heed_array *d_mask, const heed_array *d_relative,
                         heed_attention_gradient *g) {
    if (d_mask) {
        heed_array expanded = heed_array_expanded(d_mask, scores_shape(call));
        const heed_attention_view view = view_of(&expanded);
        g->d_mask = (heed_attention_sums){.data = d_mask->data, .count = heed_array_count(d_mask)};
        memcpy(g->d_mask.step, view.step, sizeof view.step);
    }
    if (d_relative) { /* (h, j - i + T - 1) */
        const heed_attention_view view = relative_view(call, d_relative);
        g->d_relative = (heed_attention_sums){.data = d_relative->data,
                                              .step = {0, view.step[1], -view.step[3], view.step[3]},
                                              .start = (size_from_end(call->in[Q], 2) - 1) * view.step[3],
                                              .count = heed_array_count(d_relative)};
    }
}

/* ---- the shape rule ---- */

static heed_status check_operands(heed_call *call) {
    const heed_array *q = call->in[Q], *k = call->in[K], *v = call->in[V];
    const char *q_text = HEED_SHAPE_STR(q->shape), *k_text = HEED_SHAPE_STR(k->shape);
    const char *v_text = HEED_SHAPE_STR(v->shape);
    if (k->dtype != q->dtype || v->dtype != q->dtype)
        return heed_fail(call, "dtypes differ: q is %s, k %s, v %s", heed_dtype_name(q->dtype),
                         heed_dtype_name(k->dtype), heed_dtype_name(v->dtype));
    if (q->shape.rank < 2 || q->shape.rank > 4)
        return heed_fail(call, "q is %s, must have 2 to 4 axes: (batch, heads, time, d_k)", q_text);
    if (k->shape.rank != q->shape.rank || v->shape.rank != q->shape.rank)
        return heed_fail(call, "ranks differ: q %s, k %s, v %s", q_text, k_text, v_text);
    const int64_t heads = size_from_end(q, 3), kv_heads = size_from_end(k, 3);
    if (size_from_end(k, 4) != size_from_end(q, 4) || size_from_end(v, 4) != size_from_end(q, 4))
        return heed_fail(call, "batches differ: q %s, k %s, v %s", q_text, k_text, v_text);
    if (size_from_end(v, 3) != kv_heads || (kv_heads == 0 ? heads != 0 : heads % kv_heads != 0))
        return heed_fail(call, "heads of k and v must be equal and divide those of q: q %s, k %s, v %s", q_text, k_text,
                         v_text);
    if (size_from_end(k, 1) != size_from_end(q, 1))
        return heed_fail(call, "q and k differ in width: %s and %s", q_text, k_text);
    for (int i = 1; i <= 2; i++) /* so that the products of two sizes are numbers */
        if (size_from_end(q, i) > INT32_MAX || size_from_end(k, i) > INT32_MAX || size_from_end(v, i) > INT32_MAX)
            return heed_fail(call, "a size is above 2^31 - 1: q %s, k %s, v %s", q_text, k_text, v_text);
    if (size_from_end(v, 2) != size_from_end(k, 2))
        return heed_fail(call, "k and v differ in length: %s and %s", k_text, v_text);
    return HEED_OK;
}

static heed_status check_relative(heed_call *call) {
    const heed_array *relative = call->in[RELATIVE];
    if (relative == NULL)
        return HEED_OK;
    if (relative->dtype != call->in[Q]->dtype)
        return heed_fail(call, "the relative bias is %s, must be %s", heed_dtype_name(relative->dtype),
                         heed_dtype_name(call->in[Q]->dtype));
    const heed_shape must = distances_shape(call), is = relative->shape;
    const bool fits = is.rank >= 1 && is.rank <= 2 && is.n[is.rank - 1] == must.n[1] &&
                      (is.rank == 1 || is.n[0] == must.n[0] || is.n[0] == 1);
    if (!fits)
        return heed_fail(call, "the relative bias is %s, must be %s: heads, T + S - 1 distances", HEED_SHAPE_STR(is),
                         HEED_SHAPE_STR(must));
    return HEED_OK;
}

static heed_status check_options(heed_call *call) {
    const attention_attr *attr = call->attr;
    const heed_array *mask = call->in[MASK];
    if (!(attr->dropout >= 0 && attr->dropout <= 1))
        return heed_fail(call, "dropout is %g, must be in [0, 1]", attr->dropout);
    if (!isfinite(attr->scale))
        return heed_fail(call, "scale is %g, must be finite", attr->scale);
    if (attr->window < 0)
        return heed_fail(call, "the window is %lld, must be 0 (none) or more", (long long)attr->window);
    if (mask == NULL)
        return HEED_OK;
    if (mask->dtype != HEED_BOOL && mask->dtype != call->in[Q]->dtype)
        return heed_fail(call, "the mask is %s, must be bool or %s", heed_dtype_name(mask->dtype),
                         heed_dtype_name(call->in[Q]->dtype));
    heed_shape scores = scores_shape(call), both;
    if (!heed_shape_broadcast(mask->shape, scores, &both) || !heed_shape_equal(both, scores))
        return heed_fail(call, "the mask is %s, does not broadcast to the scores %s", HEED_SHAPE_STR(mask->shape),
                         HEED_SHAPE_STR(scores));
    return HEED_OK;
}

static const heed_array *packed_like(const heed_array *x, heed_array *packed) {
    if (x == NULL)
        return NULL;
    *packed = *x;
    heed_array_set_strides(packed);
    return packed;
}

static void ask_for_memory(heed_call *call) {
    const heed_attention_problem a = problem_of(call);
    const size_t size = heed_dtype_size(call->in[Q]->dtype);
    call->workspace_bytes = heed_attention_workspace(&a, size, call->threads);
    if (!call->needs_grad)
        return;
    if (__builtin_mul_overflow((size_t)(a.batch * a.heads * a.queries), 2 * size, &call->saved_bytes))
        call->saved_bytes = SIZE_MAX; /* is refused as out of memory */
    heed_attention_gradient g = {.stats = NULL};
    heed_array mask, relative;
    lay_out_sums(call, a.mask_is_bool ? NULL : packed_like(call->in[MASK], &mask),
                 packed_like(call->in[RELATIVE], &relative), &g);
    call->backward_workspace_bytes = heed_attention_backward_workspace(&a, &g, size, call->threads);
}

/* Contexts of one query lie side by side, head by head, as the projection behind attention reads them: (B, H, T, d_v) is a
 * view of (B, T, H, d_v). */
static void lay_out_context(heed_array *context) {
    heed_array_set_strides(context);
    if (context->shape.rank < 3 || heed_array_count(context) == 0)
        return;
    int64_t *stride = context->stride + context->shape.rank - 3;
    const int64_t *size = context->shape.n + context->shape.rank - 3; /* H, T, d_v */
    stride[0] = size[2];
    stride[1] = size[0] * size[2];
}

static heed_status shape(heed_call *call) {
    const attention_attr *attr = call->attr;
    if (check_operands(call) || check_relative(call) || check_options(call))
        return HEED_INVALID;
    heed_shape context = call->in[Q]->shape;
    context.n[context.rank - 1] = size_from_end(call->in[V], 1);
    call->out[CONTEXT]->shape = context;
    call->out[CONTEXT]->dtype = call->in[Q]->dtype;
    if (attr->with_pattern) {
        call->out[PATTERN]->shape = scores_shape(call);
        call->out[PATTERN]->dtype = call->in[Q]->dtype;
        if (heed_shape_count(call->out[PATTERN]->shape) >= 0)
            heed_array_set_strides(call->out[PATTERN]);
    }
    if (heed_shape_count(context) >= 0) { /* otherwise the engine refuses it */
        lay_out_context(call->out[CONTEXT]);
        ask_for_memory(call);
    }
    return HEED_OK;
}

/* ---- the kernels ---- */

static void forward(heed_call *call) {
    const heed_attention_problem a = problem_of(call);
    const heed_attention_result out = {.context = place_of(call->out[CONTEXT]),
                                       .pattern = call->n_out > 1 ? call->out[PATTERN]->data : NULL,
                                       .stats = call->needs_grad ? call->saved : NULL};
    if (call->in[Q]->dtype == HEED_F64)
        heed_attention_f64(&a, &out, call->threads, call->workspace);
    else
        heed_attention_f32(&a, &out, call->threads, call->workspace);
}

static void backward(heed_call *call) {
    const heed_attention_problem a = problem_of(call);
    heed_attention_gradient g = {.stats = call->saved, .context = view_of(call->out[CONTEXT]),
                                 .dq = place_of(call->dx[Q]), .dk = place_of(call->dx[K]), .dv = place_of(call->dx[V])};
    if (call->dy[CONTEXT])
        g.d_context = view_of(call->dy[CONTEXT]);
    if (call->n_out > 1 && call->dy[PATTERN]) {
        g.pattern = call->out[PATTERN]->data;
        g.d_pattern = call->dy[PATTERN]->data;
    }
    lay_out_sums(call, call->dx[MASK], call->dx[RELATIVE], &g);
    if (call->in[Q]->dtype == HEED_F64)
        heed_attention_backward_f64(&a, &g, call->threads, call->workspace);
    else
        heed_attention_backward_f32(&a, &g, call->threads, call->workspace);
}

/* ---- what it costs ---- */

/* Pairs of a query and a key that it sees, masks apart. */
static double count_pairs(const heed_attention_problem *a) {
    int64_t pairs = 0;
    for (int64_t i = 0; i < a->queries; i++) {
        int64_t own = i + a->keys - a->queries, first = 0, last = a->keys - 1; /* keys that i sees */
        if (a->causal || a->window > 0)
            last = smaller(last, a->causal ? own : own + a->window - 1);
        if (a->window > 0 && own - a->window + 1 > 0)
            first = own - a->window + 1;
        pairs += last >= first ? last - first + 1 : 0;
    }
    return (double)pairs;
}

/* Forward's products are q kᵀ and p v; backward's q kᵀ again, dy vᵀ, and those of dv, dq and dk. */
static void cost(const heed_call *call, heed_cost *cost) {
    const heed_attention_problem a = problem_of(call);
    double width = call->dx ? (double)(3 * a.d_k + 2 * a.d_v) : (double)(a.d_k + a.d_v);
    cost->flops = 2 * width * count_pairs(&a) * (double)(a.batch * a.heads);
}

/* ---- samples ---- */

typedef enum mask_kind { NO_MASK, BOOL_MASK, REAL_MASK } mask_kind;

typedef struct attention_sample {
    heed_shape q;       /* (..., T, d_k) */
    int64_t keys, d_v;
    mask_kind kind;
    heed_shape mask;
    attention_attr attr;
    int64_t kv_heads;   /* 0: as many as q has */
    heed_shape relative; /* rank 0: none */
} attention_sample;

static const attention_sample table[] = {
    {{2, {1, 1}}, 1, 1, NO_MASK, {0}, {0}, 0, {0}},
    {{2, {2, 3}}, 2, 4, NO_MASK, {0}, {0}, 0, {0}},
    {{2, {5, 4}}, 3, 2, NO_MASK, {0}, {.causal = true}, 0, {0}},
    {{2, {3, 4}}, 5, 2, NO_MASK, {0}, {.causal = true}, 0, {0}},
    {{2, {16, 2}}, 16, 2, NO_MASK, {0}, {.causal = true, .with_pattern = true}, 0, {0}},
    {{2, {15, 3}}, 17, 2, NO_MASK, {0}, {.with_pattern = true}, 0, {0}},
    {{2, {2, 16}}, 33, 1, NO_MASK, {0}, {.scale = 0.7}, 0, {0}},
    {{2, {33, 2}}, 2, 15, NO_MASK, {0}, {.scale = -0.3}, 0, {0}},
    {{2, {70, 2}}, 3, 2, NO_MASK, {0}, {.with_pattern = true}, 0, {0}},
    {{2, {66, 1}}, 66, 1, NO_MASK, {0}, {.causal = true}, 0, {0}},
    {{2, {4, 3}}, 5, 3, BOOL_MASK, {2, {4, 5}}, {0}, 0, {0}},
    {{2, {4, 3}}, 5, 3, REAL_MASK, {2, {4, 5}}, {0}, 0, {0}},
    {{2, {4, 3}}, 5, 3, REAL_MASK, {1, {5}}, {.causal = true}, 0, {0}},
    {{2, {17, 2}}, 2, 3, REAL_MASK, {2, {17, 1}}, {.with_pattern = true}, 0, {0}},
    {{2, {4, 3}}, 4, 2, REAL_MASK, {0, {0}}, {.causal = true}, 0, {0}},
    {{2, {70, 2}}, 3, 2, REAL_MASK, {2, {1, 3}}, {0}, 0, {0}},
    {{3, {2, 3, 4}}, 5, 2, NO_MASK, {0}, {.causal = true}, 0, {0}},
    {{3, {2, 3, 4}}, 5, 2, BOOL_MASK, {3, {2, 1, 5}}, {.with_pattern = true}, 0, {0}},
    {{3, {2, 3, 4}}, 3, 4, REAL_MASK, {3, {2, 3, 3}}, {.causal = true}, 0, {0}},
    {{3, {3, 1, 15}}, 1, 2, REAL_MASK, {3, {1, 1, 1}}, {.with_pattern = true}, 0, {0}},
    {{4, {2, 3, 4, 2}}, 5, 3, NO_MASK, {0}, {0}, 0, {0}},
    {{4, {2, 2, 5, 3}}, 5, 3, NO_MASK, {0}, {.causal = true, .with_pattern = true}, 0, {0}},
    {{4, {2, 3, 4, 2}}, 5, 2, BOOL_MASK, {4, {2, 1, 1, 5}}, {0}, 0, {0}},
    {{4, {2, 3, 4, 2}}, 5, 2, BOOL_MASK, {4, {2, 3, 4, 5}}, {.causal = true}, 0, {0}},
    {{4, {2, 3, 4, 2}}, 5, 2, REAL_MASK, {4, {1, 3, 4, 5}}, {.with_pattern = true}, 0, {0}},
    {{4, {2, 3, 4, 2}}, 4, 2, REAL_MASK, {3, {3, 1, 4}}, {.causal = true}, 0, {0}},
    {{4, {2, 3, 4, 2}}, 5, 2, REAL_MASK, {4, {2, 1, 4, 1}}, {.with_pattern = true}, 0, {0}},
    {{4, {1, 2, 16, 3}}, 15, 2, REAL_MASK, {2, {16, 15}}, {0}, 0, {0}},
    {{4, {2, 2, 4, 3}}, 5, 2, NO_MASK, {0}, {.dropout = 0.4}, 0, {0}},
    {{4, {1, 2, 6, 3}}, 6, 2, REAL_MASK, {2, {6, 6}}, {.causal = true, .dropout = 0.25, .with_pattern = true}, 0, {0}},
    {{4, {2, 4, 3, 2}}, 5, 3, NO_MASK, {0}, {0}, 2, {0}},
    {{4, {2, 3, 4, 2}}, 4, 2, NO_MASK, {0}, {.causal = true, .with_pattern = true}, 1, {0}},
    {{4, {1, 6, 2, 3}}, 3, 2, REAL_MASK, {3, {6, 2, 3}}, {.dropout = 0.3}, 3, {0}},
    {{3, {4, 3, 2}}, 2, 3, BOOL_MASK, {2, {3, 2}}, {0}, 2, {0}},
    {{2, {7, 2}}, 7, 2, NO_MASK, {0}, {.causal = true, .window = 3}, 0, {0}},
    {{2, {7, 2}}, 7, 2, NO_MASK, {0}, {.window = 2}, 0, {0}},
    {{2, {3, 2}}, 8, 2, REAL_MASK, {1, {8}}, {.causal = true, .window = 4, .with_pattern = true}, 0, {0}},
    {{2, {66, 1}}, 66, 1, NO_MASK, {0}, {.causal = true, .window = 5}, 0, {0}},
    {{2, {2, 1}}, 290, 1, NO_MASK, {0}, {.causal = true, .window = 20}, 0, {0}},
    {{4, {1, 2, 5, 2}}, 5, 2, NO_MASK, {0}, {.causal = true, .window = 1, .dropout = 0.2}, 1, {0}},
    {{2, {4, 2}}, 3, 2, NO_MASK, {0}, {0}, 0, {1, {6}}},
    {{4, {2, 3, 4, 2}}, 4, 2, NO_MASK, {0}, {.causal = true}, 0, {2, {3, 7}}},
    {{4, {2, 2, 3, 2}}, 5, 1, BOOL_MASK, {4, {2, 1, 1, 5}}, {.with_pattern = true}, 0, {2, {1, 7}}},
    {{4, {2, 2, 4, 2}}, 4, 2, REAL_MASK, {2, {4, 1}}, {.window = 3}, 1, {2, {2, 7}}},
    {{3, {2, 70, 1}}, 2, 1, NO_MASK, {0}, {.scale = 0.7}, 0, {2, {2, 71}}},
    {{2, {1, 3}}, 1, 2, NO_MASK, {0}, {.with_pattern = true}, 0, {1, {1}}},
    {{4, {2, 2, 3, 2}}, 5, 2, REAL_MASK, {4, {2, 1, 1, 5}}, {0}, 0, {0}},
    {{4, {2, 2, 3, 2}}, 4, 2, REAL_MASK, {4, {2, 2, 3, 4}}, {.dropout = 0.3}, 1, {0}},
    {{2, {3, 2}}, 40, 2, NO_MASK, {0}, {.causal = true, .window = 4, .with_pattern = true}, 0, {0}},
    {{2, {2, 2}}, 130, 2, NO_MASK, {0}, {.with_pattern = true}, 0, {0}},
    /* rows of q much longer than those of v, and the other way round; several parts of a head beside several heads */
    {{2, {3, 70}}, 4, 2, NO_MASK, {0}, {0}, 0, {0}},
    {{2, {66, 17}}, 3, 2, NO_MASK, {0}, {0}, 0, {0}},
    {{2, {4, 2}}, 3, 130, NO_MASK, {0}, {.with_pattern = true}, 0, {0}},
    {{2, {2, 3}}, 70, 40, REAL_MASK, {2, {2, 70}}, {0}, 0, {1, {71}}},
    {{4, {2, 2, 130, 2}}, 70, 3, NO_MASK, {0}, {.causal = true}, 1, {0}},
    {{2, {260, 1}}, 260, 1, NO_MASK, {0}, {.causal = true}, 0, {0}},
    {{2, {2, 1}}, 130, 1, REAL_MASK, {2, {2, 1}}, {0}, 0, {0}},
    {{4, {2, 4, 3, 2}}, 5, 3, REAL_MASK, {2, {3, 5}}, {0}, 2, {0}},
    {{4, {2, 2, 66, 1}}, 2, 1, REAL_MASK, {4, {2, 2, 66, 2}}, {0}, 0, {0}},
    {{3, {2, 130, 1}}, 130, 1, REAL_MASK, {3, {2, 1, 130}}, {.window = 40}, 0, {2, {2, 259}}},
};

static bool samples(int index, heed_sample *sample) {
    if (index >= (int)(sizeof table / sizeof table[0]))
        return false;
    const attention_sample *from = &table[index];
    heed_shape k = from->q, v = from->q;
    k.n[k.rank - 2] = v.n[v.rank - 2] = from->keys;
    v.n[v.rank - 1] = from->d_v;
    if (from->kv_heads)
        k.n[k.rank - 3] = v.n[v.rank - 3] = from->kv_heads;
    *sample = (heed_sample){.n_in = INPUTS};
    sample->in[Q] = (heed_sample_input){.dtype = HEED_F64, .shape = from->q};
    sample->in[K] = (heed_sample_input){.dtype = HEED_F64, .shape = k};
    sample->in[V] = (heed_sample_input){.dtype = HEED_F64, .shape = v};
    sample->in[MASK] = (heed_sample_input){.dtype = from->kind == BOOL_MASK ? HEED_BOOL : HEED_F64, .shape = from->mask,
                                           .high = from->kind == BOOL_MASK ? 2 : 0, .absent = from->kind == NO_MASK};
    sample->in[RELATIVE] = (heed_sample_input){.dtype = HEED_F64, .shape = from->relative,
                                               .absent = from->relative.rank == 0};
    memcpy(sample->attr.bytes, &from->attr, sizeof from->attr);
    return true;
}

const heed_op heed_op_attention = {
    .size = sizeof(heed_op),
    .name = "attention",
    .min_in = INPUTS,
    .max_in = INPUTS,
    .outputs = outputs,
    .optional = HEED_SAVE(MASK) | HEED_SAVE(RELATIVE),
    .flags = HEED_STRIDED | HEED_RANDOM | HEED_PARTIAL_DY | HEED_LAYS_OUT,
    .attr_size = sizeof(attention_attr),
    .shape = shape,
    .forward = {[HEED_F32] = forward, [HEED_F64] = forward},
    .backward = {[HEED_F32] = backward, [HEED_F64] = backward},
    .save_in = HEED_SAVE(Q) | HEED_SAVE(K) | HEED_SAVE(V) | HEED_SAVE(MASK) | HEED_SAVE(RELATIVE),
    .save_out = HEED_SAVE(CONTEXT) | HEED_SAVE(PATTERN),
    .strided_dx = HEED_SAVE(Q) | HEED_SAVE(K) | HEED_SAVE(V),
    .samples = samples,
    .cost = cost,
};

heed_tensor heed_attention(heed_tape *t, heed_tensor q, heed_tensor k, heed_tensor v, heed_attention_options options) {
    const attention_attr attr = {.causal = options.causal, .with_pattern = options.pattern != NULL,
                                 .scale = options.scale, .dropout = options.dropout, .window = options.window};
    const heed_tensor in[] = {q, k, v, options.mask, options.relative};
    heed_tensor out[2];
    heed_apply_many(t, &heed_op_attention, in, INPUTS, &attr, out);
    if (options.pattern)
        *options.pattern = out[PATTERN];
    return out[CONTEXT];
}
