/* Products. */
#include <string.h>

#include "twins.h"

/* ---- matmul ---- */

/* An operand as matrices, behind batch axes. */
typedef struct matrices {
    values x;      /* its shape with two axes more where it is a vector */
    bool transposed;
} matrices;

/* (K) is a row on the left and a column on the right, which are not transposed. */
static matrices matrices_of(const values *x, bool left, bool transposed) {
    matrices m = {*x, transposed && x->shape.rank > 1};
    if (x->shape.rank == 1)
        m.x.shape = left ? HEED_SHAPE(1, x->shape.n[0]) : HEED_SHAPE(x->shape.n[0], 1);
    return m;
}

static int64_t rows_of(const matrices *m) {
    return last_of(m->x.shape, m->transposed ? 1 : 2);
}

static int64_t columns_of(const matrices *m) {
    return last_of(m->x.shape, m->transposed ? 2 : 1);
}

/* Row i, column j of the matrix at place `batch` of a batch shape that m's broadcasts to. */
static quad element_at(const matrices *m, heed_shape shape, int64_t batch, int64_t i, int64_t j) {
    int64_t index[HEED_MAX_RANK] = {0}, own[HEED_MAX_RANK] = {0};
    unravel(shape, batch, index);
    const int own_batch = m->x.shape.rank - 2;
    for (int k = 0; k < own_batch; k++)
        own[k] = m->x.shape.n[k] == 1 ? 0 : index[shape.rank - own_batch + k];
    own[own_batch] = m->transposed ? j : i;
    own[own_batch + 1] = m->transposed ? i : j;
    return m->x.at[ravel(m->x.shape, own)];
}

static heed_shape batch_of(const matrices *a, const matrices *b) {
    values of_a = a->x, of_b = b->x;
    of_a.shape.rank -= 2;
    of_b.shape.rank -= 2;
    return broadcast_of(&of_a, &of_b);
}

static void matmul(twin_call *c) {
    const bool *transposed = c->options;
    const matrices a = matrices_of(c->in[0], true, transposed[0]), b = matrices_of(c->in[1], false, transposed[1]);
    const heed_shape batch = batch_of(&a, &b);
    heed_shape shape = batch;
    if (c->in[0]->shape.rank > 1)
        shape.n[shape.rank++] = rows_of(&a);
    if (c->in[1]->shape.rank > 1)
        shape.n[shape.rank++] = columns_of(&b);
    quad *y = twin_gives(c, c->in[0]->dtype, shape);
    for (int64_t at = 0; at < heed_shape_count(batch); at++)
        for (int64_t i = 0; i < rows_of(&a); i++)
            for (int64_t j = 0; j < columns_of(&b); j++, y++)
                for (int64_t k = 0; k < columns_of(&a); k++)
                    *y = q_mul_add(element_at(&a, batch, at, i, k), element_at(&b, batch, at, k, j), *y);
}

/* ---- linear ---- */

static void linear(twin_call *c) {
    const values *x = c->in[0], *w = c->in[1], *bias = c->in[2];
    const int64_t out = w->shape.n[0], in = w->shape.n[1], rows = x->count / in;
    heed_shape shape = x->shape;
    shape.n[shape.rank - 1] = out;
    quad *y = twin_gives(c, x->dtype, shape);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t o = 0; o < out; o++) {
            quad sum = bias ? bias->at[o] : q_of(0);
            for (int64_t i = 0; i < in; i++)
                sum = q_mul_add(x->at[r * in + i], w->at[o * in + i], sum);
            y[r * out + o] = sum;
        }
}

/* ---- einsum ---- */

/* The letters of two operands and of the result. */
typedef struct einsum_options {
    char in[2][HEED_MAX_RANK + 1], out[HEED_MAX_RANK + 1];
} einsum_options;

enum { LETTERS = 128 };
typedef struct letters {
    int n;
    char letter[2 * HEED_MAX_RANK];
    heed_shape size;       /* of each in turn, broadcast */
    int64_t at[LETTERS];   /* of a letter: where its loop is */
} letters;

static letters letters_of(const twin_call *c, const einsum_options *o) {
    letters l = {.n = 0};
    for (int i = 0; i < c->n_in; i++)
        for (int k = 0; o->in[i][k]; k++) {
            const char *known = memchr(l.letter, o->in[i][k], (size_t)l.n);
            const int place = known ? (int)(known - l.letter) : l.n++;
            const int64_t here = c->in[i]->shape.n[k];
            l.letter[place] = o->in[i][k];
            l.size.n[place] = known && l.size.n[place] > here ? l.size.n[place] : here;
        }
    l.size.rank = l.n;
    return l;
}

/* The element of a shape that stands where the loops are. */
static int64_t place_of(const char *axes, heed_shape shape, const letters *l) {
    int64_t index[HEED_MAX_RANK] = {0};
    for (int k = 0; k < shape.rank; k++)
        index[k] = shape.n[k] == 1 ? 0 : l->at[(int)axes[k]];
    return ravel(shape, index);
}

/* A loop over every letter, around one product. */
static void einsum(twin_call *c) {
    const einsum_options *o = c->options;
    letters l = letters_of(c, o);
    heed_shape shape = {.rank = (int)strlen(o->out)};
    for (int k = 0; k < shape.rank; k++)
        shape.n[k] = l.size.n[(const char *)memchr(l.letter, o->out[k], (size_t)l.n) - l.letter];
    quad *y = twin_gives(c, c->in[0]->dtype, shape);
    for (int64_t i = 0; i < heed_shape_count(l.size); i++) {
        int64_t index[HEED_MAX_RANK] = {0};
        unravel(l.size, i, index);
        for (int k = 0; k < l.n; k++)
            l.at[(int)l.letter[k]] = index[k];
        const quad a = c->in[0]->at[place_of(o->in[0], c->in[0]->shape, &l)];
        quad *to = &y[place_of(o->out, shape, &l)];
        *to = c->n_in == 1 ? q_add(*to, a)
                           : q_mul_add(a, c->in[1]->at[place_of(o->in[1], c->in[1]->shape, &l)], *to);
    }
}

/* ---- sizes around tiles: rows, inner, columns ---- */

static const int64_t tiles[][3] = {{1, 1, 130},   {1, 130, 1},   {130, 1, 1},  {15, 17, 31}, {16, 16, 16}, {17, 33, 15},
                                   {31, 16, 17},  {33, 31, 33},  {7, 130, 9},  {130, 5, 17}, {5, 17, 130}, {1, 33, 64},
                                   {33, 64, 1},   {13, 257, 3},  {2, 300, 2},  {49, 8, 25}};
enum { TILES = sizeof tiles / sizeof tiles[0] };

static bool matmul_sizes(int index, heed_sample *sample) {
    if (index >= TILES)
        return false;
    const int64_t *s = tiles[index];
    const bool a = index & 1, b = index & 2;
    *sample = (heed_sample){.n_in = 2, .in = {{.dtype = HEED_F64}, {.dtype = HEED_F64}}};
    sample->in[0].shape = a ? HEED_SHAPE(s[1], s[0]) : HEED_SHAPE(s[0], s[1]);
    sample->in[1].shape = b ? HEED_SHAPE(s[2], s[1]) : HEED_SHAPE(s[1], s[2]);
    sample->attr.bytes[0] = a;
    sample->attr.bytes[1] = b;
    return true;
}

static bool linear_sizes(int index, heed_sample *sample) {
    if (index >= TILES)
        return false;
    const int64_t *s = tiles[index];
    *sample = (heed_sample){.n_in = 3, .in = {{.dtype = HEED_F64, .shape = HEED_SHAPE(s[0], s[1])},
                                              {.dtype = HEED_F64, .shape = HEED_SHAPE(s[2], s[1])},
                                              {.dtype = HEED_F64, .shape = HEED_SHAPE(s[2])}}};
    sample->in[2].absent = index % 3 == 2;
    return true;
}

const twin twins_product[] = {
    {"matmul", matmul, .options = 2 * sizeof(bool), .sizes = matmul_sizes},
    {"linear", .work = linear, .sizes = linear_sizes},
    {"einsum", einsum, .options = sizeof(einsum_options)},
    {0},
};
