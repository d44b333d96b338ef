/* Ops that choose by an index. */
#include "twins.h"

typedef struct marking {
    int64_t classes;
    heed_dtype dtype;
} marking;

static void one_hot(twin_call *c) {
    const values *index = c->in[0];
    const marking *m = c->options;
    heed_shape shape = index->shape;
    shape.n[shape.rank++] = m->classes;
    quad *y = twin_gives(c, m->dtype, shape);
    for (int64_t i = 0; i < index->count; i++)
        y[i * m->classes + q_int(index->at[i])] = q_of(1);
}

/* Where in x the index's element `flat` points: its own place, but along the axis. */
static int64_t pointed_at(const values *index, int64_t flat, heed_shape x, int axis) {
    int64_t place[HEED_MAX_RANK] = {0};
    unravel(index->shape, flat, place);
    place[axis_of(x, axis)] = q_int(index->at[flat]);
    return ravel(x, place);
}

static void gather(twin_call *c) {
    const values *x = c->in[0], *index = c->in[1];
    quad *y = twin_gives(c, x->dtype, index->shape);
    for (int64_t i = 0; i < index->count; i++)
        y[i] = x->at[pointed_at(index, i, x->shape, *(const int *)c->options)];
}

static void scatter_add(twin_call *c) {
    const values *x = c->in[0], *index = c->in[1], *src = c->in[2];
    quad *y = twin_gives(c, x->dtype, x->shape);
    for (int64_t i = 0; i < x->count; i++)
        y[i] = x->at[i];
    for (int64_t i = 0; i < index->count; i++) {
        int64_t place[HEED_MAX_RANK] = {0};
        unravel(index->shape, i, place);
        quad *to = &y[pointed_at(index, i, x->shape, *(const int *)c->options)];
        *to = q_add(*to, src->at[ravel(src->shape, place)]);
    }
}

static void embedding(twin_call *c) {
    const values *table = c->in[0], *index = c->in[1];
    const int64_t width = table->shape.n[1];
    heed_shape shape = index->shape;
    shape.n[shape.rank++] = width;
    quad *y = twin_gives(c, table->dtype, shape);
    for (int64_t i = 0; i < index->count; i++)
        for (int64_t j = 0; j < width; j++)
            y[i * width + j] = table->at[q_int(index->at[i]) * width + j];
}

static void index_select(twin_call *c) {
    const values *x = c->in[0], *index = c->in[1];
    const int axis = axis_of(x->shape, *(const int *)c->options);
    const around a = around_of(x->shape, axis);
    heed_shape shape = x->shape;
    shape.n[axis] = index->count;
    quad *y = twin_gives(c, x->dtype, shape);
    for (int64_t i = 0; i < a.outer; i++)
        for (int64_t j = 0; j < index->count; j++)
            for (int64_t k = 0; k < a.inner; k++)
                y[(i * index->count + j) * a.inner + k] = x->at[(i * a.n + q_int(index->at[j])) * a.inner + k];
}

const twin twins_choose[] = {
    {"one_hot", one_hot, .options = sizeof(marking)},
    {"gather", gather, .options = sizeof(int)},
    {"scatter_add", scatter_add, .options = sizeof(int)},
    {"embedding", .work = embedding},
    {"index_select", index_select, .options = sizeof(int)},
    {0},
};
