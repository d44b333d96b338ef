/* Attention, and what it is fed with. */
#include <string.h>

#include "options.h"
#include "twins.h"

/* ---- scaled dot-product attention: Vaswani et al. 2017, equation 1 ---- */

enum { Q, K, V, MASK, RELATIVE, ATTENTION_INPUTS };

/* One query of one head. */
typedef struct query {
    const twin_call *call;
    const attending *options;
    int64_t b, h, i;                /* batch, head, place */
    int64_t heads, T, S, d_k, d_v;
    const quad *q, *k, *v;          /* its own row; the rows of its head's keys and values */
} query;

static heed_shape scores_shape(const query *s) {
    heed_shape shape = s->call->in[Q]->shape;
    shape.n[shape.rank - 1] = s->S;
    return shape;
}

static quad mask_at(const query *s, int64_t j) {
    return broadcast_at(s->call->in[MASK], scores_shape(s), ((s->b * s->heads + s->h) * s->T + s->i) * s->S + j);
}

static bool has_mask_of_bools(const query *s) {
    return s->call->in[MASK] && s->call->in[MASK]->dtype == HEED_BOOL;
}

/* Key j as seen from query i, which stands at i + S - T. */
static bool in_sight(const query *s, int64_t j) {
    const int64_t own = s->i + s->S - s->T, window = s->options->window;
    if (s->options->causal && j > own)
        return false;
    if (window > 0 && (j <= own - window || j >= own + window))
        return false;
    return !has_mask_of_bools(s) || q_true(mask_at(s, j));
}

static quad relative_at(const query *s, int64_t j) {
    const int64_t distances = s->T + s->S - 1;
    return broadcast_at(s->call->in[RELATIVE], HEED_SHAPE(s->heads, distances), s->h * distances + j - s->i + s->T - 1);
}

static quad score_of(const query *s, int64_t j) {
    quad score = q_of(0);
    for (int64_t n = 0; n < s->d_k; n++)
        score = q_mul_add(s->q[n], s->k[j * s->d_k + n], score);
    score = s->options->scale != 0 ? q_scale(score, s->options->scale) : q_div(score, q_sqrt(q_of(s->d_k)));
    if (s->call->in[MASK] && !has_mask_of_bools(s))
        score = q_add(score, mask_at(s, j));
    return s->call->in[RELATIVE] ? q_add(score, relative_at(s, j)) : score;
}

/* The weights: softmax over what is in sight, nothing if nothing is. */
static void weigh(const query *s, quad *weight) {
    quad sum = q_of(0);
    for (int64_t j = 0; j < s->S; j++) {
        weight[j] = in_sight(s, j) ? q_exp(score_of(s, j)) : q_of(0);
        sum = q_add(sum, weight[j]);
    }
    for (int64_t j = 0; j < s->S; j++)
        weight[j] = weight[j].v != 0 ? q_div(weight[j], sum) : q_of(0);
}

/* Those that the library dropped are 0 in its pattern, whose rows of S begin at `row`; the others are a / (1 - p). */
static void drop(const query *s, int64_t row, quad *weight) {
    const double p = s->options->dropout, *pattern = s->call->seen[1];
    for (int64_t j = 0; j < s->S && p > 0 && pattern; j++)
        weight[j] = pattern[row * s->S + j] == 0 ? q_of(0) : q_div(weight[j], q_sub(q_of(1), q_of(p)));
}

static void mix(const query *s, const quad *weight, quad *y) {
    for (int64_t n = 0; n < s->d_v; n++)
        for (int64_t j = 0; j < s->S; j++)
            if (weight[j].v != 0)
                y[n] = q_mul_add(weight[j], s->v[j * s->d_v + n], y[n]);
}

static void attention(twin_call *c) {
    const attending *o = c->options;
    const heed_shape q = c->in[Q]->shape, k = c->in[K]->shape;
    query s = {.call = c, .options = o, .heads = last_of(q, 3), .T = last_of(q, 2), .d_k = last_of(q, 1),
               .S = last_of(k, 2), .d_v = last_of(c->in[V]->shape, 1)};
    const int64_t queries = c->in[Q]->count / s.d_k, served = s.heads / last_of(k, 3);
    heed_shape context = q;
    context.n[q.rank - 1] = s.d_v;
    quad *y = twin_gives(c, c->in[Q]->dtype, context);
    quad *pattern = o->with_pattern ? twin_gives(c, c->in[Q]->dtype, scores_shape(&s)) : NULL;
    quad *weight = take((size_t)s.S, sizeof *weight);
    for (int64_t row = 0; row < queries; row++) {
        s.i = row % s.T, s.h = row / s.T % s.heads, s.b = row / s.T / s.heads;
        const int64_t matrix = s.b * last_of(k, 3) + s.h / served; /* of keys and values */
        s.q = c->in[Q]->at + row * s.d_k;
        s.k = c->in[K]->at + matrix * s.S * s.d_k;
        s.v = c->in[V]->at + matrix * s.S * s.d_v;
        weigh(&s, weight);
        drop(&s, row, weight);
        mix(&s, weight, y + row * s.d_v);
        if (pattern)
            memcpy(pattern + row * s.S, weight, (size_t)s.S * sizeof *weight);
    }
}

static void show_pattern(heed_sample *sample) {
    attending options;
    memcpy(&options, sample->attr.bytes, sizeof options);
    options.with_pattern = true;
    memcpy(sample->attr.bytes, &options, sizeof options);
}

/* Around the tiles of queries, keys and widths. */
static bool attention_sizes(int index, heed_sample *sample) {
    static const struct {
        int64_t T, S, d_k, d_v;
        attending options;
    } table[] = {
        {1, 1, 1, 1, {.causal = true}},    {1, 130, 16, 16, {0}},
        {15, 16, 17, 15, {0}},             {16, 17, 16, 33, {.causal = true}},
        {17, 15, 31, 16, {.scale = 0.25}}, {31, 33, 8, 9, {.with_pattern = true}},
        {33, 31, 15, 17, {.causal = true}}, {33, 33, 16, 16, {.causal = true, .with_pattern = true}},
        {63, 64, 4, 5, {.causal = true}},  {65, 65, 3, 4, {.window = 17}},
        {130, 33, 5, 3, {0}},              {33, 130, 3, 5, {.causal = true}},
        {130, 130, 2, 2, {.causal = true}}, {2, 3, 130, 7, {0}},
        {3, 2, 7, 130, {0}},               {16, 31, 33, 16, {.causal = true, .dropout = 0.5}},
    };
    if (index >= (int)(sizeof table / sizeof table[0]))
        return false;
    const int64_t T = table[index].T, S = table[index].S, d_k = table[index].d_k;
    *sample = (heed_sample){.n_in = ATTENTION_INPUTS};
    sample->in[Q] = (heed_sample_input){.dtype = HEED_F64, .shape = HEED_SHAPE(T, d_k)};
    sample->in[K] = (heed_sample_input){.dtype = HEED_F64, .shape = HEED_SHAPE(S, d_k)};
    sample->in[V] = (heed_sample_input){.dtype = HEED_F64, .shape = HEED_SHAPE(S, table[index].d_v)};
    sample->in[MASK] = sample->in[RELATIVE] = (heed_sample_input){.dtype = HEED_F64, .absent = true};
    memcpy(sample->attr.bytes, &table[index].options, sizeof table[index].options);
    return true;
}

/* ---- additive scores: Bahdanau, Cho, Bengio 2015, A.1.2 ---- */

static void additive_scores(twin_call *c) {
    const values *q = c->in[0], *k = c->in[1], *v = c->in[2];
    const int64_t B = q->shape.n[0], T = q->shape.n[1], S = k->shape.n[1], d = q->shape.n[2];
    quad *y = twin_gives(c, q->dtype, HEED_SHAPE(B, T, S));
    for (int64_t i = 0; i < B * T * S; i++)
        for (int64_t n = 0; n < d; n++) {
            const quad sum = q_add(q->at[i / S * d + n], k->at[(i / S / T * S + i % S) * d + n]);
            y[i] = q_mul_add(v->at[n], q_tanh(sum), y[i]);
        }
}

static bool additive_sizes(int index, heed_sample *sample) {
    static const int64_t table[][3] = {{1, 1, 130}, {15, 17, 16}, {16, 16, 17}, {17, 15, 15},
                                       {31, 2, 33}, {2, 33, 31},  {33, 33, 3}};
    if (index >= (int)(sizeof table / sizeof table[0]))
        return false;
    const int64_t *s = table[index];
    *sample = (heed_sample){.n_in = 3, .in = {{.dtype = HEED_F64, .shape = HEED_SHAPE(1, s[0], s[2])},
                                              {.dtype = HEED_F64, .shape = HEED_SHAPE(1, s[1], s[2])},
                                              {.dtype = HEED_F64, .shape = HEED_SHAPE(s[2])}}};
    return true;
}

/* ---- rotary positions: Su et al. 2021, equations 14, 15 and 34 ---- */

typedef struct turning {
    int64_t first;
    double base;
    bool interleaved;
} turning;

/* An angle is a product in f64 whatever x is: in f64 its rounding shows, as much more as the angle is long. */
static quad known(const twin_call *c, quad turned) {
    return c->run == HEED_F64 ? turned : q_of(turned.v);
}

static void rope(twin_call *c) {
    const values *x = c->in[0];
    const turning *o = c->options;
    const int64_t T = last_of(x->shape, 2), d = last_of(x->shape, 1);
    quad *y = twin_gives(c, x->dtype, x->shape);
    for (int64_t i = 0; i < x->count; i++) {
        const int64_t row = i / d, at = i % d, n = o->interleaved ? at / 2 : at % (d / 2);
        const bool second = o->interleaved ? at % 2 : at >= d / 2;
        const quad other = x->at[row * d + (o->interleaved ? at ^ 1 : second ? at - d / 2 : at + d / 2)];
        const quad theta = q_pow(q_of(o->base), q_of(-2 * (real)n / d));
        const quad angle = q_of((o->first + row % T) * theta.v);
        const quad cosine = known(c, q_cos(angle)), sine = known(c, q_sin(angle));
        y[i] = q_mul_add(second ? sine : q_neg(sine), other, q_mul(x->at[i], cosine));
    }
}

/* ---- T5's bias by distance: Raffel et al. 2020, 2.1, and the code published with it ---- */

typedef struct distances {
    int64_t queries, keys, longest;
    bool bidirectional;
} distances;

/* Half of the buckets are for single distances; from there to the longest they grow as logarithms do. */
static int64_t bucket_of(int64_t ahead, int64_t buckets, const distances *o) {
    const int64_t half = o->bidirectional ? buckets / 2 : buckets, first = o->bidirectional && ahead > 0 ? half : 0;
    const int64_t far = ahead < 0 ? -ahead : o->bidirectional ? ahead : 0, single = half / 2;
    if (far < single)
        return first + far;
    const real share = q_log(q_of((real)far / single)).v / q_log(q_of((real)o->longest / single)).v;
    const int64_t bucket = single + (int64_t)(share * (half - single));
    return first + (bucket < half ? bucket : half - 1);
}

static void relative_bias(twin_call *c) {
    const values *table = c->in[0];
    const distances *o = c->options;
    const int64_t heads = table->shape.n[1], n = o->queries + o->keys - 1;
    quad *y = twin_gives(c, table->dtype, HEED_SHAPE(heads, n));
    for (int64_t i = 0; i < heads * n; i++)
        y[i] = table->at[bucket_of(i % n - (o->keys - 1), table->shape.n[0], o) * heads + i / n];
}

const twin twins_attention[] = {
    {"attention", attention, .options = sizeof(attending), .sizes = attention_sizes, .reveal = show_pattern},
    {"additive_scores", .work = additive_scores, .sizes = additive_sizes},
    {"rope", rope, .options = sizeof(turning)},
    {"relative_bias", relative_bias, .options = sizeof(distances)},
    {0},
};
