/* Inputs and options of each operation that fit, as a rule: the oracle has the last word. Here leaves, elementwise
 * operations, reductions and products; propose_shape.c and propose_layers.c have the rest. */
#include <stdio.h>
#include <string.h>

#include "propose.h"

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
        const bool fits = heed_shape_count(b) * a->shape.n[i] <= MOST_ELEMENTS;
        memmove(b.n + 1, b.n, (size_t)b.rank++ * sizeof *b.n);
        b.n[0] = draw_chance(g, 30) || !fits ? 1 : a->shape.n[i];
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
