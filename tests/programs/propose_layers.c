/* Inputs and options of operations on rows, of attention, recurrences, and layers. */
#include <string.h>

#include "propose.h"

/* ---- rows ---- */

bool propose_masked_softmax(drawing *g, statement *s) {
    put(s, with_axes(g, REALS, 1));
    put(s, draw_some(g, (want){.dtypes = BOOLS, .joins = &in_of(g, s, 0)->shape, .into = true}));
    return true;
}

static bool propose_norm(drawing *g, statement *s, int vectors) {
    put(s, with_axes(g, REALS, 1));
    const known *x = in_of(g, s, 0);
    const heed_shape vector = HEED_SHAPE(x->shape.n[x->shape.rank - 1]);
    for (int i = 0; i < vectors; i++)
        put(s, draw_chance(g, 35) ? ABSENT : like(g, in_of(g, s, 0), vector));
    s->real[0] = draw_chance(g, 50) ? 1e-5 : 0.25;
    return true;
}

bool propose_layernorm(drawing *g, statement *s) {
    return propose_norm(g, s, 2);
}

bool propose_rmsnorm(drawing *g, statement *s) {
    return propose_norm(g, s, 1);
}

bool propose_nll(drawing *g, statement *s) {
    put(s, with_axes(g, REALS, 1));
    heed_shape rows = in_of(g, s, 0)->shape;
    const int64_t classes = rows.n[--rows.rank];
    put(s, indices(g, rows, classes));
    return true;
}

bool propose_cross_entropy(drawing *g, statement *s) {
    if (!propose_nll(g, s))
        return false;
    const known *x = in_of(g, s, 0);
    const int64_t classes = x->shape.n[x->shape.rank - 1];
    const heed_shape weights = HEED_SHAPE(classes);
    put(s, draw_chance(g, 70) ? ABSENT : draw_leaf(g, x->dtype, weights, 0.25, 2));
    number(s, draw_chance(g, 30));
    number(s, s->number[0] ? draw_between(g, -1, classes) : 0);
    s->real[0] = draw_chance(g, 60) ? 0 : draw_chance(g, 80) ? 0.125 : 1;
    return true;
}

bool propose_pairwise(drawing *g, statement *s) {
    put(s, draw_some(g, (want){.dtypes = REALS}));
    const heed_shape shape = in_of(g, s, 0)->shape;
    put(s, like(g, in_of(g, s, 0), shape));
    s->real[0] = draw_chance(g, 50) ? 1 : 0.25;
    return true;
}

bool propose_kl_div(drawing *g, statement *s) {
    put(s, draw_some(g, (want){.dtypes = REALS}));
    put(s, draw_leaf(g, in_of(g, s, 0)->dtype, in_of(g, s, 0)->shape, 0.1, 1));
    return true;
}

/* ---- attention ---- */

static heed_shape heads_shape(int rank, int64_t batch, int64_t heads, int64_t time, int64_t width) {
    const int64_t all[4] = {batch, heads, time, width};
    heed_shape shape = {.rank = rank};
    memcpy(shape.n, all + 4 - rank, (size_t)rank * sizeof *all);
    return shape;
}

bool propose_attention(drawing *g, statement *s) {
    const int rank = (int)draw_between(g, 2, 4);
    const int64_t batch = draw_between(g, 1, 2), kv = draw_between(g, 1, 2), groups = draw_between(g, 1, 2);
    const int64_t T = draw_between(g, 1, 6), S = draw_between(g, 1, 6), d = draw_between(g, 1, 5), d_v = draw_between(g, 1, 4);
    const int64_t kv_heads = rank > 2 ? kv : 1, heads = rank > 2 ? kv * groups : 1;
    const known type = {.dtype = draw_dtype(g, REALS)};
    put(s, like(g, &type, heads_shape(rank, batch, heads, T, d)));
    put(s, like(g, &type, heads_shape(rank, batch, kv_heads, S, d)));
    put(s, like(g, &type, heads_shape(rank, batch, kv_heads, S, d_v)));
    const heed_shape scores = heads_shape(rank, batch, heads, T, S);
    const unsigned kinds = draw_chance(g, 50) ? BOOLS : 1u << type.dtype;
    put(s, draw_chance(g, 50) ? ABSENT : draw_some(g, (want){.dtypes = kinds, .joins = &scores, .into = true}));
    const heed_shape far = draw_chance(g, 50) ? HEED_SHAPE(T + S - 1) : HEED_SHAPE(draw_chance(g, 50) ? heads : 1, T + S - 1);
    put(s, draw_chance(g, 70) ? ABSENT : like(g, &type, far));
    number(s, draw_chance(g, 40));
    number(s, draw_chance(g, 75) ? 0 : draw_between(g, 1, 4));
    s->real[0] = draw_chance(g, 70) ? 0 : draw_plain(g);
    s->real[1] = draw_chance(g, 95) ? 0 : 1;
    s->n_out = draw_chance(g, 40) ? 2 : 1;
    return true;
}

bool propose_additive_scores(drawing *g, statement *s) {
    const int64_t B = draw_between(g, 1, 3), T = draw_between(g, 1, 4), S = draw_between(g, 1, 4), d = draw_size(g);
    const known type = {.dtype = draw_dtype(g, REALS)};
    put(s, like(g, &type, HEED_SHAPE(B, T, d)));
    put(s, draw_chance(g, 15) ? s->in[0] : like(g, &type, HEED_SHAPE(B, S, d)));
    put(s, like(g, &type, draw_chance(g, 50) ? HEED_SHAPE(d) : HEED_SHAPE(1, d)));
    return true;
}

bool propose_rope(drawing *g, statement *s) {
    put(s, draw_some(g, (want){.dtypes = REALS, .min_rank = 2, .even = true}));
    number(s, draw_between(g, -5, 9));
    number(s, draw_chance(g, 50));
    s->real[0] = draw_chance(g, 60) ? 0 : draw_chance(g, 50) ? 100 : 0.5;
    return true;
}

bool propose_relative_bias(drawing *g, statement *s) {
    const bool both_ways = draw_chance(g, 50);
    const int64_t buckets = both_ways ? 2 * draw_between(g, 2, 5) : draw_between(g, 2, 9);
    put(s, like(g, &(known){.dtype = draw_dtype(g, REALS)}, HEED_SHAPE(buckets, draw_between(g, 1, 3))));
    number(s, draw_between(g, 0, 7));
    number(s, draw_between(g, 0, 7));
    number(s, both_ways);
    number(s, draw_chance(g, 40) ? 0 : buckets + draw_between(g, 0, 9));
    return true;
}

/* ---- recurrence ---- */

bool propose_recurrence(drawing *g, statement *s) {
    const int64_t kind = draw_below(g, HEED_CELL_KINDS), H = draw_between(g, 1, 4), GH = heed_cell_gates((heed_cell_kind)kind) * H;
    const int64_t B = draw_between(g, 1, 3), T = draw_between(g, 1, 4);
    const bool steps = draw_chance(g, 80), has_gates = kind == HEED_GRU || kind == HEED_LSTM;
    const heed_shape state = HEED_SHAPE(B, H), places = steps ? HEED_SHAPE(B, T) : HEED_SHAPE(B);
    const known type = {.dtype = draw_dtype(g, REALS)};
    put(s, like(g, &type, steps ? HEED_SHAPE(B, T, GH) : HEED_SHAPE(B, GH)));
    put(s, like(g, &type, HEED_SHAPE(GH, H)));
    put(s, draw_chance(g, 30) ? ABSENT : like(g, &type, HEED_SHAPE(GH)));
    put(s, like(g, &type, state));
    put(s, kind == HEED_LSTM ? like(g, &type, state) : ABSENT);
    put(s, draw_chance(g, 50) ? ABSENT : draw_some(g, (want){.dtypes = BOOLS, .exact = &places}));
    number(s, kind);
    number(s, draw_chance(g, 40));
    number(s, has_gates && draw_chance(g, 40));
    s->n_out = 1 + (kind == HEED_LSTM) + (s->number[2] != 0);
    return true;
}

/* ---- layers ---- */

static ref of_model(drawing *g, heed_shape shape) {
    return draw_some(g, (want){.dtypes = 1u << g->p->model_dtype, .exact = &shape});
}

static ref rows_of(drawing *g, int64_t width, int least) {
    return draw_some(g, (want){.dtypes = 1u << g->p->model_dtype, .min_rank = least, .max_rank = 3, .last = width});
}

bool propose_linear_layer(drawing *g, statement *s) {
    const int64_t inputs = draw_between(g, 1, 7), outputs = draw_between(g, 1, 7);
    put(s, rows_of(g, inputs, 1));
    number(s, inputs);
    number(s, outputs);
    number(s, draw_chance(g, 70));
    draw_parameter(g, s, "weight", HEED_SHAPE(outputs, inputs));
    if (s->number[2])
        draw_parameter(g, s, "bias", HEED_SHAPE(outputs));
    return true;
}

bool propose_embedding_layer(drawing *g, statement *s) {
    const int64_t vocabulary = draw_between(g, 1, 6), d = draw_between(g, 1, 5);
    put(s, indices(g, draw_shape(g, 0, 2), vocabulary));
    number(s, vocabulary);
    number(s, d);
    draw_parameter(g, s, "weight", HEED_SHAPE(vocabulary, d));
    return true;
}

bool propose_norm_layer(drawing *g, statement *s) {
    const int64_t d = draw_between(g, 2, 7);
    put(s, rows_of(g, d, 1));
    number(s, d);
    number(s, draw_chance(g, 50) ? HEED_LAYERNORM : HEED_RMSNORM);
    number(s, draw_chance(g, 70));
    s->real[0] = 0.125;
    draw_parameter(g, s, "gain", HEED_SHAPE(d));
    if (s->number[1] == HEED_LAYERNORM && s->number[2])
        draw_parameter(g, s, "shift", HEED_SHAPE(d));
    return true;
}

bool propose_feed_forward(drawing *g, statement *s) {
    const int64_t d = draw_between(g, 1, 5), d_ff = draw_between(g, 1, 6);
    put(s, rows_of(g, d, 1));
    number(s, d);
    number(s, d_ff);
    number(s, draw_between(g, HEED_USUAL_ACTIVATION, HEED_SWIGLU));
    number(s, draw_chance(g, 70));
    static const char *const names[] = {"up.weight", "down.weight", "gate.weight", "up.bias", "down.bias", "gate.bias"};
    for (int i = 0; i < 6; i++) {
        const bool is_gate = i % 3 == 2, is_bias = i >= 3, is_down = i % 3 == 1;
        if ((is_gate && s->number[2] != HEED_SWIGLU) || (is_bias && !s->number[3]))
            continue;
        const int64_t rows = is_down ? d : d_ff;
        draw_parameter(g, s, names[i], is_bias ? HEED_SHAPE(rows) : HEED_SHAPE(rows, is_down ? d_ff : d));
    }
    return true;
}

bool propose_self_attention(drawing *g, statement *s) {
    const int64_t d = draw_between(g, 1, 5), d_k = draw_between(g, 1, 4);
    put(s, rows_of(g, d, 2));
    number(s, d);
    number(s, d_k);
    number(s, draw_chance(g, 50));
    draw_parameter(g, s, "w_q", HEED_SHAPE(d_k, d));
    draw_parameter(g, s, "w_k", HEED_SHAPE(d_k, d));
    draw_parameter(g, s, "w_v", HEED_SHAPE(d_k, d));
    return true;
}

bool propose_multi_head(drawing *g, statement *s) {
    const int64_t d_k = draw_between(g, 1, 3), kv_heads = draw_between(g, 1, 2), heads = kv_heads * draw_between(g, 1, 2);
    const int64_t d = heads * d_k, B = draw_between(g, 1, 2), T = draw_between(g, 1, 4), S = draw_between(g, 1, 4);
    const ref x = of_model(g, HEED_SHAPE(B, T, d));
    put(s, x);
    put(s, draw_chance(g, 60) ? x : of_model(g, HEED_SHAPE(B, S, d)));
    number(s, d);
    number(s, heads);
    number(s, kv_heads);
    number(s, draw_chance(g, 70));
    number(s, draw_chance(g, 40));
    static const char *const names[] = {"w_q", "w_k", "w_v", "w_o", "b_q", "b_k", "b_v", "b_o"};
    for (int i = 0; i < (s->number[3] ? 8 : 4); i++) {
        const int64_t rows = i % 4 == 1 || i % 4 == 2 ? kv_heads * d_k : d;
        draw_parameter(g, s, names[i], i < 4 ? HEED_SHAPE(rows, d) : HEED_SHAPE(rows));
    }
    return true;
}

bool propose_recurrent(drawing *g, statement *s) {
    static const char *const names[2][4] = {{"l0.w_i", "l0.w_h", "l0.b_i", "l0.b_h"},
                                            {"l0_reverse.w_i", "l0_reverse.w_h", "l0_reverse.b_i", "l0_reverse.b_h"}};
    const int64_t kind = draw_below(g, HEED_CELL_KINDS), inputs = draw_between(g, 1, 4), hidden = draw_between(g, 1, 4);
    put(s, of_model(g, HEED_SHAPE(draw_between(g, 1, 3), draw_between(g, 1, 4), inputs)));
    number(s, kind);
    number(s, inputs);
    number(s, hidden);
    number(s, draw_chance(g, 40));
    number(s, draw_chance(g, 70));
    const int64_t rows = heed_cell_gates((heed_cell_kind)kind) * hidden;
    for (int way = 0; way <= s->number[3]; way++)
        for (int i = 0; i < (s->number[4] ? 4 : 2); i++)
            draw_parameter(g, s, names[way][i],
                           i == 0   ? HEED_SHAPE(rows, inputs)
                           : i == 1 ? HEED_SHAPE(rows, hidden)
                                    : HEED_SHAPE(rows));
    return true;
}
