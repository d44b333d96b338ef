/* Inputs and options of operations that move elements, or choose some. */
#include <string.h>

#include "propose.h"

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
