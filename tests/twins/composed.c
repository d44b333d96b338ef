/* Fused ops as compositions of plain ones, by the library: what people would write who did not know of the fused op. */
#include <math.h>
#include <string.h>

#include "options.h"
#include "twins.h"

static const void *attributes(const heed_sample *sample) {
    return sample->attr.bytes;
}

static heed_tensor multiplied_by(heed_tape *t, heed_tensor x, heed_tensor factor) {
    return heed_is_nil(factor) ? x : heed_mul(t, x, factor);
}

/* ---- norms ---- */

/* x / sqrt(mean x² + eps) */
static heed_tensor divided_by_root(heed_tape *t, heed_tensor x, const heed_sample *sample) {
    double eps;
    memcpy(&eps, attributes(sample), sizeof eps);
    const heed_tensor mean = heed_mean(t, heed_square(t, x), HEED_KEEP(-1));
    return heed_mul(t, x, heed_rsqrt(t, heed_add_scalar(t, mean, eps)));
}

static int rmsnorm(heed_tape *t, const heed_sample *sample, const heed_tensor *in, heed_tensor *out) {
    out[0] = multiplied_by(t, divided_by_root(t, in[0], sample), in[1]);
    return 1;
}

static int layernorm(heed_tape *t, const heed_sample *sample, const heed_tensor *in, heed_tensor *out) {
    const heed_tensor off = heed_sub(t, in[0], heed_mean(t, in[0], HEED_KEEP(-1)));
    out[0] = multiplied_by(t, divided_by_root(t, off, sample), in[1]);
    if (!heed_is_nil(in[2]))
        out[0] = heed_add(t, out[0], in[2]);
    return 1;
}

/* ---- cross-entropy ---- */

/* 1 where a label counts, else 0. */
static heed_tensor counted(heed_tape *t, heed_tensor labels, const counting *o, heed_dtype dtype) {
    const heed_tensor ignored = heed_full(t, HEED_I32, HEED_SCALAR, o->ignored);
    return o->has_ignored ? heed_cast(t, heed_ne(t, labels, ignored), dtype)
                          : heed_ones(t, dtype, heed_shape_of(t, labels));
}

static int cross_entropy(heed_tape *t, const heed_sample *sample, const heed_tensor *in, heed_tensor *out) {
    counting o;
    memcpy(&o, attributes(sample), sizeof o);
    const heed_dtype dtype = heed_dtype_of(t, in[0]);
    const int64_t classes = heed_size(t, in[0], -1);
    const heed_tensor minus_log = heed_neg(t, heed_log_softmax(t, in[0], -1));
    const heed_tensor own = multiplied_by(t, heed_one_hot(t, in[1], classes, dtype), in[2]);
    const heed_tensor counts = counted(t, in[1], &o, dtype);
    const heed_tensor weight = heed_sum(t, heed_mul(t, heed_sum(t, own, HEED_AXES(-1)), counts), HEED_ALL_AXES);
    const heed_tensor nll = heed_sum(t, heed_mul(t, own, minus_log), HEED_AXES(-1));
    const heed_tensor smooth = heed_mean(t, multiplied_by(t, minus_log, in[2]), HEED_AXES(-1));
    const heed_tensor rows =
        heed_add(t, heed_scale(t, nll, 1 - o.smoothing), heed_scale(t, smooth, o.smoothing));
    out[0] = heed_div(t, heed_sum(t, heed_mul(t, rows, counts), HEED_ALL_AXES), weight);
    return heed_item(t, weight) != 0;
}

/* ---- attention ---- */

enum { Q, K, V, MASK, RELATIVE };

/* Each head of k or v as often as queries' heads need it: (.., H_kv, S, d) -> (.., H, S, d). */
static heed_tensor for_all_heads(heed_tape *t, heed_tensor q, heed_tensor x) {
    const heed_shape shape = heed_shape_of(t, x);
    const int64_t heads = last_of(heed_shape_of(t, q), 3), own = last_of(shape, 3);
    if (shape.rank < 3 || heads == own)
        return x;
    heed_shape apart = {.rank = shape.rank + 1}, wide, together = shape;
    for (int i = 0; i < apart.rank; i++)
        apart.n[i] = i < shape.rank - 2 ? shape.n[i] : i == shape.rank - 2 ? 1 : shape.n[i - 1];
    wide = apart;
    wide.n[shape.rank - 2] = heads / own;
    together.n[shape.rank - 3] = heads;
    return heed_reshape(t, heed_expand(t, heed_reshape(t, x, apart), wide), together);
}

/* The bias by distance as one by place: (H, T, S), or without H. */
static heed_tensor by_place(heed_tape *t, heed_tensor relative, heed_shape q, int64_t S) {
    const int64_t H = last_of(q, 3), T = last_of(q, 2);
    int32_t *distance = take((size_t)(T * S), sizeof *distance);
    for (int64_t i = 0; i < T * S; i++)
        distance[i] = (int32_t)(i % S - i / S + T - 1);
    const heed_tensor of_heads = heed_expand(t, relative, HEED_SHAPE(H, T + S - 1));
    const heed_tensor chosen = heed_index_select(t, of_heads, heed_input(t, HEED_I32, HEED_SHAPE(T * S), distance), 1);
    return heed_reshape(t, chosen, q.rank < 3 ? HEED_SHAPE(T, S) : HEED_SHAPE(H, T, S));
}

/* (T, S): the keys that a query may see, masks apart. */
static heed_tensor sight(heed_tape *t, const attending *o, int64_t T, int64_t S) {
    bool *sees = take((size_t)(T * S), sizeof *sees);
    for (int64_t i = 0; i < T * S; i++) {
        const int64_t ahead = i % S - (i / S + S - T);
        sees[i] = !(o->causal && ahead > 0) && !(o->window > 0 && (ahead >= o->window || ahead <= -o->window));
    }
    return heed_input(t, HEED_BOOL, HEED_SHAPE(T, S), sees);
}

static int attention(heed_tape *t, const heed_sample *sample, const heed_tensor *in, heed_tensor *out) {
    attending o;
    memcpy(&o, attributes(sample), sizeof o);
    if (o.dropout > 0)
        return 0; /* what another op drops is something else */
    const heed_shape q = heed_shape_of(t, in[Q]);
    const int64_t S = heed_size(t, in[K], -2);
    const double scale = o.scale != 0 ? o.scale : 1 / sqrt((double)last_of(q, 1));
    heed_tensor scores = heed_scale(t, heed_matmul_t(t, in[Q], false, for_all_heads(t, in[Q], in[K]), true), scale);
    heed_tensor seen = sight(t, &o, last_of(q, 2), S);
    if (!heed_is_nil(in[MASK]) && heed_dtype_of(t, in[MASK]) == HEED_BOOL)
        seen = heed_and(t, seen, in[MASK]);
    else if (!heed_is_nil(in[MASK]))
        scores = heed_add(t, scores, in[MASK]);
    if (!heed_is_nil(in[RELATIVE]))
        scores = heed_add(t, scores, by_place(t, in[RELATIVE], q, S));
    out[1] = heed_masked_softmax(t, scores, seen);
    out[0] = heed_matmul(t, out[1], for_all_heads(t, in[Q], in[V]));
    return o.with_pattern ? 2 : 1;
}

/* The sums under the tanh as a tensor of their own: (B, T, S, d). */
static int additive_scores(heed_tape *t, const heed_sample *sample, const heed_tensor *in, heed_tensor *out) {
    (void)sample;
    const heed_shape q = heed_shape_of(t, in[0]), k = heed_shape_of(t, in[1]);
    const heed_tensor queries = heed_reshape(t, in[0], HEED_SHAPE(q.n[0], q.n[1], 1, q.n[2]));
    const heed_tensor keys = heed_reshape(t, in[1], HEED_SHAPE(k.n[0], 1, k.n[1], k.n[2]));
    const heed_tensor v = heed_reshape(t, in[2], HEED_SHAPE(q.n[2]));
    out[0] = heed_sum(t, heed_mul(t, heed_tanh(t, heed_add(t, queries, keys)), v), HEED_AXES(-1));
    return 1;
}

/* ---- recurrence ---- */

enum { X, W, BIAS, H, C, PADDING };
enum { MOST_STEPS = 64 };

/* One step: what the inputs add to the gates, x, and the state, y, both cut into as many parts as there are gates. */
typedef struct gates {
    heed_tensor x[4], y[4];
} gates;

static heed_tensor both(heed_tape *t, const gates *g, int i) {
    return heed_add(t, g->x[i], g->y[i]);
}

/* The state after a step, from h and c before it; what is shown of the gates goes to shown. */
static void cell(heed_tape *t, heed_cell_kind kind, const gates *g, heed_tensor state[2], heed_tensor shown[4]) {
    if (kind == HEED_RNN_TANH)
        state[0] = heed_tanh(t, both(t, g, 0));
    if (kind == HEED_RNN_RELU)
        state[0] = heed_relu(t, both(t, g, 0));
    if (kind == HEED_GRU) {
        const heed_tensor r = heed_sigmoid(t, both(t, g, 0)), z = heed_sigmoid(t, both(t, g, 1));
        const heed_tensor n = heed_tanh(t, heed_add(t, g->x[2], heed_mul(t, r, g->y[2])));
        const heed_tensor rest = heed_add_scalar(t, heed_neg(t, z), 1);
        state[0] = heed_add(t, heed_mul(t, rest, n), heed_mul(t, z, state[0]));
        memcpy(shown, (heed_tensor[]){r, z, n, g->y[2]}, 4 * sizeof *shown);
    }
    if (kind == HEED_LSTM) {
        const heed_tensor i = heed_sigmoid(t, both(t, g, 0)), f = heed_sigmoid(t, both(t, g, 1));
        const heed_tensor n = heed_tanh(t, both(t, g, 2)), o = heed_sigmoid(t, both(t, g, 3));
        state[1] = heed_add(t, heed_mul(t, f, state[1]), heed_mul(t, i, n));
        state[0] = heed_mul(t, o, heed_tanh(t, state[1]));
        memcpy(shown, (heed_tensor[]){i, f, n, o}, 4 * sizeof *shown);
    }
}

/* Step i of x (B, T, ..), or x itself. */
static heed_tensor at_step(heed_tape *t, heed_tensor x, int64_t i, bool has_steps) {
    return has_steps && !heed_is_nil(x) ? heed_select(t, x, 1, i) : x;
}

/* At padding what was stays. */
static heed_tensor unless(heed_tape *t, heed_tensor padding, heed_tensor now, heed_tensor otherwise) {
    return heed_is_nil(padding) ? now : heed_where(t, padding, otherwise, now);
}

/* state: h, c. rows: h, c and the gates of this step. */
static void run_step(heed_tape *t, const running *o, const heed_tensor *in, heed_tensor x, heed_tensor padding,
                     heed_tensor state[2], heed_tensor rows[3]) {
    gates g;
    heed_tensor shown[4] = {HEED_NIL}, now[2] = {state[0], state[1]};
    const int n = heed_cell_gates(o->kind);
    if (!heed_is_nil(padding))
        padding = heed_reshape(t, padding, HEED_SHAPE(heed_size(t, padding, 0), 1));
    heed_split(t, x, -1, n, NULL, g.x);
    heed_split(t, heed_linear(t, state[0], in[W], in[BIAS]), -1, n, NULL, g.y);
    cell(t, o->kind, &g, now, shown);
    rows[0] = state[0] = unless(t, padding, now[0], state[0]);
    if (o->kind == HEED_LSTM)
        rows[1] = state[1] = unless(t, padding, now[1], state[1]);
    if (o->with_gates) {
        const heed_tensor all = heed_concat(t, shown, 4, -1);
        rows[2] = unless(t, padding, all, heed_zeros(t, heed_dtype_of(t, all), heed_shape_of(t, all)));
    }
}

static int recurrence(heed_tape *t, const heed_sample *sample, const heed_tensor *in, heed_tensor *out) {
    running o;
    memcpy(&o, attributes(sample), sizeof o);
    const bool has_steps = heed_rank(t, in[X]) == 3, used[3] = {true, o.kind == HEED_LSTM, o.with_gates};
    const int64_t steps = has_steps ? heed_size(t, in[X], 1) : 1;
    heed_tensor state[2] = {in[H], in[C]}, rows[3][MOST_STEPS];
    if (steps > MOST_STEPS)
        return 0;
    for (int64_t k = 0; k < steps; k++) {
        const int64_t i = o.reverse ? steps - 1 - k : k;
        heed_tensor row[3];
        run_step(t, &o, in, at_step(t, in[X], i, has_steps), at_step(t, in[PADDING], i, has_steps), state, row);
        for (int part = 0; part < 3; part++)
            rows[part][i] = used[part] ? row[part] : HEED_NIL;
    }
    int n = 0;
    for (int part = 0; part < 3; part++)
        if (used[part])
            out[n++] = has_steps ? heed_stack(t, rows[part], (int)steps, 1) : rows[part][0];
    return n;
}

const composition compositions[] = {
    {"layernorm", layernorm}, {"rmsnorm", rmsnorm},
    {"cross_entropy", cross_entropy}, {"recurrence", recurrence},
    {"attention", attention}, {"additive_scores", additive_scores},
    {0},
};
