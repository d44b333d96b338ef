/* Inputs and options of each operation that fit, as a rule: the oracle has the last word. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "draw.h"

static const known *in_of(drawing *g, const statement *s, int i) {
    return draw_known(g, s->in[i]);
}

static void put(statement *s, ref x) {
    s->in[s->n_in++] = x;
}

static void number(statement *s, int64_t x) {
    s->number[s->n_numbers++] = x;
}

/* An axis of x, from either end; x has one. */
static int64_t some_axis(drawing *g, heed_shape shape) {
    return draw_between(g, -shape.rank, shape.rank - 1);
}

static ref with_axes(drawing *g, unsigned dtypes, int least) {
    return draw_some(g, (want){.dtypes = dtypes, .min_rank = least});
}

static ref like(drawing *g, const known *x, heed_shape shape) {
    return draw_some(g, (want){.dtypes = 1u << x->dtype, .exact = &shape, .max_rank = HEED_MAX_RANK});
}

/* ---- leaves ---- */

bool propose_input(drawing *g, statement *s) {
    s->dtype = draw_dtype(g, s->op->kind == 2 ? REALS : ANY);
    s->shape = draw_shape(g, 0, 4);
    s->values = draw_values(g, s->dtype, heed_shape_count(s->shape), 0, 0);
    number(s, g->p->n);
    if (s->op->kind == 2)
        s->direction = draw_direction(g, heed_shape_count(s->shape));
    return true;
}

bool propose_parameter(drawing *g, statement *s) {
    draw_parameter(g, s, "", draw_shape(g, 0, 3));
    return true;
}

bool propose_full(drawing *g, statement *s) {
    s->dtype = draw_dtype(g, ANY);
    s->shape = draw_shape(g, 0, 4);
    s->real[0] = s->dtype == HEED_I32 ? (double)draw_between(g, -3, 3) : draw_plain(g);
    return true;
}

bool propose_arange(drawing *g, statement *s) {
    s->dtype = draw_dtype(g, NUMBERS);
    number(s, draw_size(g));
    return true;
}

/* ---- elementwise ---- */

bool propose_one(drawing *g, statement *s) {
    const bool positive = s->op->curve == curve_log || s->op->curve == curve_sqrt || s->op->curve == curve_rsqrt;
    put(s, draw_some(g, (want){.dtypes = s->op->takes, .low = positive ? 0.25 : 0, .high = positive ? 3 : 0,
                               .fresh = positive && draw_chance(g, 60)}));
    for (int i = 0; i < s->op->reals; i++)
        s->real[i] = draw_plain(g);
    return true;
}

bool propose_two(drawing *g, statement *s) {
    const bool power = s->op->pair == pair_pow;
    put(s, draw_some(g, (want){.dtypes = s->op->takes, .low = power ? 0.25 : 0, .high = power ? 2 : 0,
                               .fresh = power && draw_chance(g, 60)}));
    const known *a = in_of(g, s, 0);
    put(s, draw_some(g, (want){.dtypes = 1u << a->dtype, .joins = &a->shape}));
    return true;
}

bool propose_cast(drawing *g, statement *s) {
    put(s, draw_some(g, (want){.dtypes = ANY}));
    s->dtype = draw_dtype(g, draw_chance(g, 60) ? REALS : ANY);
    return true;
}

bool propose_where(drawing *g, statement *s) {
    const ref a = draw_some(g, (want){.dtypes = draw_chance(g, 80) ? REALS : ANY});
    const known *x = draw_known(g, a);
    put(s, draw_some(g, (want){.dtypes = BOOLS, .joins = &x->shape}));
    put(s, a);
    put(s, draw_some(g, (want){.dtypes = 1u << x->dtype, .joins = &x->shape}));
    return true;
}

bool propose_masked_fill(drawing *g, statement *s) {
    put(s, draw_some(g, (want){.dtypes = draw_chance(g, 80) ? REALS : ANY}));
    const known *x = in_of(g, s, 0);
    put(s, draw_some(g, (want){.dtypes = BOOLS, .joins = &x->shape, .into = true}));
    s->real[0] = x->dtype == HEED_I32 ? (double)draw_between(g, -4, 4) : draw_plain(g);
    return true;
}

bool propose_dropout(drawing *g, statement *s) {
    static const double p[] = {0, 0.25, 0.5, 0.9, 1};
    put(s, draw_some(g, (want){.dtypes = REALS}));
    s->real[0] = p[draw_below(g, 5)];
    return true;
}

/* ---- shape ---- */

/* The elements cut into other axes: sizes are split at random, others merged. */
bool propose_reshape(drawing *g, statement *s) {
    put(s, draw_some(g, (want){.dtypes = ANY}));
    int64_t rest = in_of(g, s, 0)->count;
    s->shape = (heed_shape){.rank = 0};
    while (s->shape.rank < 5 && (rest > 1 || draw_chance(g, 30))) {
        int64_t n = draw_between(g, 1, 4);
        n = rest % n == 0 ? n : draw_chance(g, 50) ? rest : 1;
        s->shape.n[s->shape.rank++] = n;
        rest /= n;
    }
    if (rest != 1)
        s->shape.n[s->shape.rank++] = rest;
    if (s->shape.rank > 0 && draw_chance(g, 30))
        s->shape.n[draw_below(g, s->shape.rank)] = -1;
    return true;
}

bool propose_permute(drawing *g, statement *s) {
    put(s, draw_some(g, (want){.dtypes = ANY}));
    const int rank = in_of(g, s, 0)->shape.rank;
    for (int i = 0; i < HEED_MAX_RANK; i++)
        number(s, i);
    for (int i = rank - 1; i > 0; i--) {
        const int64_t j = draw_below(g, i + 1), old = s->number[i];
        s->number[i] = s->number[j];
        s->number[j] = old;
    }
    for (int i = 0; i < rank; i++)
        s->number[i] -= draw_chance(g, 20) ? rank : 0;
    return true;
}

bool propose_transpose(drawing *g, statement *s) {
    put(s, with_axes(g, ANY, 1));
    number(s, some_axis(g, in_of(g, s, 0)->shape));
    number(s, some_axis(g, in_of(g, s, 0)->shape));
    return true;
}

bool propose_slice(drawing *g, statement *s) {
    put(s, with_axes(g, ANY, 1));
    const heed_shape shape = in_of(g, s, 0)->shape;
    const int64_t axis = some_axis(g, shape), n = shape.n[axis < 0 ? axis + shape.rank : axis];
    number(s, axis);
    number(s, draw_between(g, -n - 1, n));
    number(s, draw_chance(g, 20) ? INT64_MAX : draw_between(g, -n - 1, n + 2));
    number(s, draw_chance(g, 60) ? 1 : draw_between(g, 1, n + 1));
    return true;
}

bool propose_select(drawing *g, statement *s) {
    put(s, with_axes(g, ANY, 1));
    const heed_shape shape = in_of(g, s, 0)->shape;
    const int64_t axis = some_axis(g, shape), n = shape.n[axis < 0 ? axis + shape.rank : axis];
    number(s, axis);
    number(s, n ? draw_between(g, -n, n - 1) : 0);
    return true;
}

bool propose_axis(drawing *g, statement *s) {
    put(s, with_axes(g, s->op->takes, 1));
    number(s, some_axis(g, in_of(g, s, 0)->shape));
    return true;
}

bool propose_split(drawing *g, statement *s) {
    put(s, with_axes(g, ANY, 1));
    const heed_shape shape = in_of(g, s, 0)->shape;
    const int64_t axis = some_axis(g, shape), n = shape.n[axis < 0 ? axis + shape.rank : axis];
    int parts = (int)draw_between(g, 1, MOST_OUT);
    const bool equal = draw_chance(g, 40);
    while (equal && n % parts != 0)
        parts--;
    number(s, axis);
    number(s, parts);
    int64_t rest = n;
    for (int p = 0; p < parts && !equal; p++) {
        const int64_t size = p == parts - 1 ? rest : draw_between(g, 0, rest);
        number(s, size);
        rest -= size;
    }
    s->n_out = parts;
    return true;
}

bool propose_expand(drawing *g, statement *s) {
    put(s, draw_some(g, (want){.dtypes = ANY}));
    heed_shape to = in_of(g, s, 0)->shape;
    for (int i = 0; i < to.rank; i++)
        if (to.n[i] == 1 && draw_chance(g, 60))
            to.n[i] = draw_between(g, 0, 4);
    while (to.rank < 5 && draw_chance(g, 40)) {
        memmove(to.n + 1, to.n, (size_t)to.rank++ * sizeof *to.n);
        to.n[0] = draw_between(g, 1, 3);
    }
    s->shape = to;
    return true;
}

bool propose_concat(drawing *g, statement *s) {
    put(s, with_axes(g, ANY, 1));
    const known *x = in_of(g, s, 0);
    const int64_t axis = some_axis(g, x->shape);
    const int n = (int)draw_between(g, 1, 4);
    for (int k = 1; k < n; k++) {
        heed_shape shape = x->shape;
        shape.n[axis < 0 ? axis + shape.rank : axis] = draw_chance(g, 50) ? shape.n[axis < 0 ? axis + shape.rank : axis]
                                                                          : draw_between(g, 0, 4);
        put(s, like(g, x, shape));
        x = in_of(g, s, 0);
    }
    number(s, axis);
    return true;
}

bool propose_stack(drawing *g, statement *s) {
    put(s, draw_some(g, (want){.dtypes = ANY}));
    const heed_shape shape = in_of(g, s, 0)->shape;
    const int n = (int)draw_between(g, 1, 4);
    for (int k = 1; k < n; k++)
        put(s, draw_chance(g, 20) ? s->in[0] : like(g, in_of(g, s, 0), shape));
    number(s, draw_between(g, -shape.rank - 1, shape.rank));
    return true;
}

bool propose_repeat(drawing *g, statement *s) {
    put(s, draw_some(g, (want){.dtypes = ANY}));
    for (int i = 0; i < HEED_MAX_RANK; i++)
        number(s, draw_between(g, draw_chance(g, 10) ? 0 : 1, 3));
    return true;
}

bool propose_pad(drawing *g, statement *s) {
    put(s, draw_some(g, (want){.dtypes = ANY}));
    const heed_shape shape = in_of(g, s, 0)->shape;
    for (int i = 0; i < MOST_NUMBERS; i++) {
        const int axis = i % HEED_MAX_RANK;
        const bool crops = axis < shape.rank && shape.n[axis] > 2 && draw_chance(g, 25);
        number(s, axis >= shape.rank ? 0 : crops ? -1 : draw_between(g, 0, 2));
    }
    s->real[0] = draw_plain(g);
    return true;
}

bool propose_triangle(drawing *g, statement *s) {
    put(s, with_axes(g, ANY, 2));
    number(s, draw_between(g, -3, 3));
    return true;
}

/* ---- choosing ---- */

/* i32 of this shape, 0 .. n - 1. */
static ref indices(drawing *g, heed_shape shape, int64_t n) {
    return draw_leaf(g, HEED_I32, shape, 0, (double)(n > 0 ? n : 1));
}

bool propose_one_hot(drawing *g, statement *s) {
    const int64_t classes = draw_between(g, 1, 6);
    put(s, indices(g, draw_shape(g, 0, 3), classes));
    number(s, classes);
    s->dtype = draw_dtype(g, ANY);
    return true;
}

/* No larger than x off the axis. */
static heed_shape index_shape(drawing *g, heed_shape x, int64_t axis) {
    const int at = (int)(axis < 0 ? axis + x.rank : axis);
    for (int i = 0; i < x.rank; i++)
        x.n[i] = i == at ? draw_between(g, 0, 4) : x.n[i] > 0 && draw_chance(g, 30) ? draw_between(g, 0, x.n[i]) : x.n[i];
    return x;
}

bool propose_gather(drawing *g, statement *s) {
    put(s, with_axes(g, draw_chance(g, 80) ? REALS : ANY, 1));
    const heed_shape x = in_of(g, s, 0)->shape;
    number(s, some_axis(g, x));
    const int64_t n = x.n[s->number[0] < 0 ? s->number[0] + x.rank : s->number[0]];
    put(s, indices(g, index_shape(g, x, s->number[0]), n));
    return true;
}

bool propose_scatter_add(drawing *g, statement *s) {
    if (!propose_gather(g, s))
        return false;
    const known *x = in_of(g, s, 0);
    heed_shape src = in_of(g, s, 1)->shape;
    for (int i = 0; i < src.rank; i++)
        src.n[i] += draw_chance(g, 20);
    put(s, like(g, x, src));
    return true;
}

bool propose_embedding(drawing *g, statement *s) {
    put(s, draw_some(g, (want){.dtypes = draw_chance(g, 80) ? REALS : ANY, .min_rank = 2, .max_rank = 2}));
    put(s, indices(g, draw_shape(g, 0, 3), in_of(g, s, 0)->shape.n[0]));
    return true;
}

bool propose_index_select(drawing *g, statement *s) {
    put(s, with_axes(g, draw_chance(g, 80) ? REALS : ANY, 1));
    const heed_shape x = in_of(g, s, 0)->shape;
    number(s, some_axis(g, x));
    put(s, indices(g, HEED_SHAPE(draw_between(g, 0, 5)), x.n[s->number[0] < 0 ? s->number[0] + x.rank : s->number[0]]));
    return true;
}

/* ---- reductions ---- */

bool propose_reduce(drawing *g, statement *s) {
    put(s, draw_some(g, (want){.dtypes = REALS}));
    const int rank = in_of(g, s, 0)->shape.rank;
    s->axes.keepdim = draw_chance(g, 40);
    for (int i = 0; i < rank && draw_chance(g, 80); i++)
        if (draw_chance(g, 50))
            s->axes.axis[s->axes.n++] = draw_chance(g, 30) ? i - rank : i;
    return true;
}

bool propose_argmax(drawing *g, statement *s) {
    if (!propose_axis(g, s))
        return false;
    number(s, draw_chance(g, 40));
    return true;
}

bool propose_var(drawing *g, statement *s) {
    number(s, draw_between(g, 0, 1));
    return propose_reduce(g, s);
}

bool propose_topk(drawing *g, statement *s) {
    put(s, with_axes(g, REALS, 1));
    const heed_shape x = in_of(g, s, 0)->shape;
    number(s, draw_between(g, 0, x.n[x.rank - 1]));
    s->n_out = 2;
    return true;
}

/* ---- products ---- */

bool propose_matmul(drawing *g, statement *s) {
    put(s, with_axes(g, REALS, 1));
    const known *a = in_of(g, s, 0);
    number(s, draw_chance(g, 30));
    number(s, draw_chance(g, 30));
    const bool turned = s->number[0] && a->shape.rank > 1;
    const int64_t inner = a->shape.n[a->shape.rank - 1 - turned], other = draw_size(g);
    heed_shape b = {.rank = 2, .n = {inner, other}};
    if (s->number[1])
        b = HEED_SHAPE(other, inner);
    if (draw_chance(g, 20))
        b = HEED_SHAPE(inner);
    for (int i = a->shape.rank - 3; i >= 0 && b.rank > 1 && draw_chance(g, 60); i--) {
        memmove(b.n + 1, b.n, (size_t)b.rank++ * sizeof *b.n);
        b.n[0] = draw_chance(g, 30) ? 1 : a->shape.n[i];
    }
    put(s, like(g, a, b));
    return true;
}

bool propose_linear(drawing *g, statement *s) {
    put(s, with_axes(g, REALS, 1));
    const heed_shape x = in_of(g, s, 0)->shape;
    const int64_t outputs = draw_size(g);
    put(s, like(g, in_of(g, s, 0), HEED_SHAPE(outputs, x.n[x.rank - 1])));
    put(s, draw_chance(g, 40) ? ABSENT : like(g, in_of(g, s, 0), HEED_SHAPE(outputs)));
    return true;
}

/* Equations of every kind, over letters whose sizes are drawn; capitals stand for axes of "...". */
bool propose_einsum(drawing *g, statement *s) {
    static const struct {
        const char *text, *axes[3];
    } forms[] = {
        {"ij,jk->ik", {"ij", "jk"}},         {"ij,jk", {"ij", "jk"}},             {"i,j->ij", {"i", "j"}},
        {"ij->ji", {"ij"}},                  {"ii->i", {"ii"}},                   {"ii", {"ii"}},
        {"iij->j", {"iij"}},                 {"bij,bjk->bik", {"bij", "bjk"}},    {"bhtd,bhsd->bhts", {"bhtd", "bhsd"}},
        {"...ij,...jk->...ik", {"AZij", "Zjk"}}, {"...i,i->...", {"AZi", "i"}},   {"i...->...", {"iAZ"}},
        {"ij,jk,kl->il", {"ij", "jk", "kl"}}, {"i,i,i->", {"i", "i", "i"}},       {"ab,b,ac->c", {"ab", "b", "ac"}},
        {"ij , ij -> i", {"ij", "ij"}},      {"ijj,j->i", {"ijj", "j"}},          {"ij->", {"ij"}},
        {"a,b->b", {"a", "b"}},              {"...,...->...", {"AZ", "Z"}},       {"i,j,k->kji", {"i", "j", "k"}},
    };
    const int form = (int)draw_below(g, (int64_t)(sizeof forms / sizeof *forms));
    int64_t size[128];
    for (int c = 0; c < 128; c++)
        size[c] = draw_chance(g, 10) ? draw_between(g, 0, 9) : draw_between(g, 1, 4);
    snprintf(s->text, sizeof s->text, "%s", forms[form].text);
    heed_dtype dtype = draw_dtype(g, REALS);
    for (int i = 0; i < 3 && forms[form].axes[i]; i++) {
        heed_shape shape = {.rank = 0};
        for (const char *letter = forms[form].axes[i]; *letter; letter++)
            shape.n[shape.rank++] = *letter == 'Z' && draw_chance(g, 20) ? 1 : size[(int)*letter];
        put(s, like(g, &(known){.dtype = dtype}, shape));
    }
    return true;
}

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
