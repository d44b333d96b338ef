/* Ops that move elements: of each element of the result, where it comes from. */
#include "twins.h"

/* ---- one input, a place in it for each place of the result ---- */

typedef struct heading {
    const heed_shape *from, *to;
    const void *options;
} heading;

/* From an index into the result to one into the input; false: there the result is not an element of it. */
typedef bool source_fn(const heading *h, const int64_t *to, int64_t *from);

static void move(twin_call *c, heed_shape shape, source_fn *source, quad other) {
    const values *x = c->in[0];
    const heading h = {&x->shape, &shape, c->options};
    quad *y = twin_gives(c, x->dtype, shape);
    for (int64_t i = 0; i < heed_shape_count(shape); i++) {
        int64_t to[HEED_MAX_RANK] = {0}, from[HEED_MAX_RANK] = {0};
        unravel(shape, i, to);
        y[i] = source(&h, to, from) ? x->at[ravel(x->shape, from)] : other;
    }
}

/* The same elements in the same order; one size may be -1. */
static void reshape(twin_call *c) {
    const values *x = c->in[0];
    heed_shape shape = *(const heed_shape *)c->options;
    int64_t known = 1;
    for (int i = 0; i < shape.rank; i++)
        known *= shape.n[i] == -1 ? 1 : shape.n[i];
    for (int i = 0; i < shape.rank; i++)
        if (shape.n[i] == -1)
            shape.n[i] = x->count / known;
    quad *y = twin_gives(c, x->dtype, shape);
    for (int64_t i = 0; i < x->count; i++)
        y[i] = x->at[i];
}

static void same(twin_call *c) {
    const values *x = c->in[0];
    quad *y = twin_gives(c, x->dtype, x->shape);
    for (int64_t i = 0; i < x->count; i++)
        y[i] = x->at[i];
}

/* Axis i of the result is the input's axes[i]. */
static bool permuted(const heading *h, const int64_t *to, int64_t *from) {
    const int *axes = h->options;
    for (int i = 0; i < h->to->rank; i++)
        from[axis_of(*h->from, axes[i])] = to[i];
    return true;
}

static void permute(twin_call *c) {
    const heed_shape x = c->in[0]->shape;
    heed_shape shape = x;
    for (int i = 0; i < x.rank; i++)
        shape.n[i] = x.n[axis_of(x, ((const int *)c->options)[i])];
    move(c, shape, permuted, q_of(0));
}

static void exchange(const int *axes, heed_shape shape, int64_t *index) {
    const int a = axis_of(shape, axes[0]), b = axis_of(shape, axes[1]);
    const int64_t kept = index[a];
    index[a] = index[b];
    index[b] = kept;
}

static bool transposed(const heading *h, const int64_t *to, int64_t *from) {
    for (int i = 0; i < h->to->rank; i++)
        from[i] = to[i];
    exchange(h->options, *h->to, from);
    return true;
}

static void transpose(twin_call *c) {
    heed_shape shape = c->in[0]->shape;
    exchange(c->options, shape, shape.n);
    move(c, shape, transposed, q_of(0));
}

typedef struct slicing {
    int axis;
    int64_t begin, end, step;
} slicing;

/* As Python reads a bound. */
static int64_t bound(int64_t at, int64_t n) {
    if (at < 0)
        at += n;
    return at < 0 ? 0 : at > n ? n : at;
}

static bool sliced(const heading *h, const int64_t *to, int64_t *from) {
    const slicing *s = h->options;
    for (int i = 0; i < h->to->rank; i++)
        from[i] = to[i];
    const int axis = axis_of(*h->from, s->axis);
    from[axis] = bound(s->begin, h->from->n[axis]) + to[axis] * s->step;
    return true;
}

static void slice(twin_call *c) {
    const slicing *s = c->options;
    heed_shape shape = c->in[0]->shape;
    const int axis = axis_of(shape, s->axis);
    const int64_t begin = bound(s->begin, shape.n[axis]), end = bound(s->end, shape.n[axis]);
    int64_t n = 0;
    for (int64_t at = begin; at < end; at += s->step)
        n++;
    shape.n[axis] = n;
    move(c, shape, sliced, q_of(0));
}

typedef struct selecting {
    int axis;
    int64_t index;
} selecting;

static bool selected(const heading *h, const int64_t *to, int64_t *from) {
    const selecting *s = h->options;
    const int axis = axis_of(*h->from, s->axis);
    for (int i = 0; i < h->from->rank; i++)
        from[i] = i == axis ? (s->index < 0 ? s->index + h->from->n[axis] : s->index) : to[i < axis ? i : i - 1];
    return true;
}

static void select_one(twin_call *c) {
    const heed_shape x = c->in[0]->shape;
    const int axis = axis_of(x, ((const selecting *)c->options)->axis);
    heed_shape shape = {.rank = x.rank - 1};
    for (int i = 0; i < shape.rank; i++)
        shape.n[i] = x.n[i < axis ? i : i + 1];
    move(c, shape, selected, q_of(0));
}

static bool flipped(const heading *h, const int64_t *to, int64_t *from) {
    const int axis = axis_of(*h->from, *(const int *)h->options);
    for (int i = 0; i < h->to->rank; i++)
        from[i] = i == axis ? h->from->n[i] - 1 - to[i] : to[i];
    return true;
}

static void flip(twin_call *c) {
    move(c, c->in[0]->shape, flipped, q_of(0));
}

static void expand(twin_call *c) {
    const values *x = c->in[0];
    const heed_shape shape = *(const heed_shape *)c->options;
    quad *y = twin_gives(c, x->dtype, shape);
    for (int64_t i = 0; i < heed_shape_count(shape); i++)
        y[i] = broadcast_at(x, shape, i);
}

static bool tiled(const heading *h, const int64_t *to, int64_t *from) {
    for (int i = 0; i < h->to->rank; i++)
        from[i] = to[i] % h->from->n[i];
    return true;
}

static void repeat(twin_call *c) {
    heed_shape shape = c->in[0]->shape;
    for (int i = 0; i < shape.rank; i++)
        shape.n[i] *= ((const int64_t *)c->options)[i];
    move(c, shape, tiled, q_of(0));
}

typedef struct padding {
    int64_t before[HEED_MAX_RANK], after[HEED_MAX_RANK];
    double value;
} padding;

static bool padded(const heading *h, const int64_t *to, int64_t *from) {
    const padding *p = h->options;
    bool inside = true;
    for (int i = 0; i < h->to->rank; i++) {
        from[i] = to[i] - p->before[i];
        inside = inside && from[i] >= 0 && from[i] < h->from->n[i];
    }
    return inside;
}

static void pad(twin_call *c) {
    const padding *p = c->options;
    heed_shape shape = c->in[0]->shape;
    for (int i = 0; i < shape.rank; i++)
        shape.n[i] += p->before[i] + p->after[i];
    move(c, shape, padded, q_of(p->value));
}

/* Column minus row. */
static int64_t diagonal_of(const heading *h, const int64_t *to, int64_t *from) {
    for (int i = 0; i < h->to->rank; i++)
        from[i] = to[i];
    return to[h->to->rank - 1] - to[h->to->rank - 2];
}

static bool in_lower(const heading *h, const int64_t *to, int64_t *from) {
    return diagonal_of(h, to, from) <= *(const int64_t *)h->options;
}

static bool in_upper(const heading *h, const int64_t *to, int64_t *from) {
    return diagonal_of(h, to, from) >= *(const int64_t *)h->options;
}

static void tril(twin_call *c) {
    move(c, c->in[0]->shape, in_lower, q_of(0));
}

static void triu(twin_call *c) {
    move(c, c->in[0]->shape, in_upper, q_of(0));
}

/* ---- one into several, several into one ---- */

enum { UNEQUAL_PARTS = 28 };
typedef struct splitting {
    int axis, parts;
    bool equal;
    int64_t size[UNEQUAL_PARTS];
} splitting;

/* Copies between a whole and a part of it that begins at `begin` along an axis. */
static void copy_part(quad *part, around of_part, const quad *whole, around of_whole, int64_t begin) {
    for (int64_t i = 0; i < of_part.outer; i++)
        for (int64_t j = 0; j < of_part.n; j++)
            for (int64_t k = 0; k < of_part.inner; k++)
                part[(i * of_part.n + j) * of_part.inner + k] =
                    whole[(i * of_whole.n + begin + j) * of_whole.inner + k];
}

static void split(twin_call *c) {
    const values *x = c->in[0];
    const splitting *s = c->options;
    const int axis = axis_of(x->shape, s->axis);
    int64_t begin = 0;
    for (int p = 0; p < s->parts; p++) {
        heed_shape shape = x->shape;
        shape.n[axis] = s->equal ? x->shape.n[axis] / s->parts : s->size[p];
        quad *y = twin_gives(c, x->dtype, shape);
        copy_part(y, around_of(shape, axis), x->at, around_of(x->shape, axis), begin);
        begin += shape.n[axis];
    }
}

static void concat(twin_call *c) {
    const int axis = axis_of(c->in[0]->shape, *(const int *)c->options);
    heed_shape shape = c->in[0]->shape;
    for (int k = 1; k < c->n_in; k++)
        shape.n[axis] += c->in[k]->shape.n[axis];
    const around all = around_of(shape, axis);
    quad *y = twin_gives(c, c->in[0]->dtype, shape);
    int64_t begin = 0;
    for (int k = 0; k < c->n_in; k++) {
        const around a = around_of(c->in[k]->shape, axis);
        for (int64_t i = 0; i < a.outer; i++)
            for (int64_t j = 0; j < a.n * a.inner; j++)
                y[(i * all.n + begin) * all.inner + j] = c->in[k]->at[i * a.n * a.inner + j];
        begin += a.n;
    }
}

static void stack(twin_call *c) {
    const heed_shape x = c->in[0]->shape;
    heed_shape shape = {.rank = x.rank + 1};
    const int axis = axis_of(shape, *(const int *)c->options);
    for (int i = 0; i < shape.rank; i++)
        shape.n[i] = i == axis ? c->n_in : x.n[i < axis ? i : i - 1];
    quad *y = twin_gives(c, c->in[0]->dtype, shape);
    for (int64_t i = 0; i < heed_shape_count(shape); i++) {
        int64_t to[HEED_MAX_RANK] = {0}, from[HEED_MAX_RANK] = {0};
        unravel(shape, i, to);
        for (int k = 0; k < x.rank; k++)
            from[k] = to[k < axis ? k : k + 1];
        y[i] = c->in[to[axis]]->at[ravel(x, from)];
    }
}

const twin twins_shape[] = {
    {"reshape", reshape, .options = sizeof(heed_shape)},
    {"permute", permute, .options = HEED_MAX_RANK * sizeof(int)},
    {"transpose", transpose, .options = 2 * sizeof(int)},
    {"slice", slice, .options = sizeof(slicing)},
    {"select", select_one, .options = sizeof(selecting)},
    {"flip", flip, .options = sizeof(int)},
    {"split", split, .options = sizeof(splitting)},
    {"expand", expand, .options = sizeof(heed_shape)},
    {"contiguous", .work = same},
    {"detach", .work = same},
    {"concat", concat, .options = sizeof(int)},
    {"stack", stack, .options = sizeof(int)},
    {"repeat", repeat, .options = HEED_MAX_RANK * sizeof(int64_t)},
    {"pad", pad, .options = sizeof(padding)},
    {"tril", tril, .options = sizeof(int64_t)},
    {"triu", triu, .options = sizeof(int64_t)},
    {0},
};
